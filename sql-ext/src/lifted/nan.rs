//! NaN as one value. The engine compares floats by their bits, so that a NaN with its sign set, as x86 makes of
//! 0/0, would be less than every number.

use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::{Float32Type, Float64Type};
use datafusion_common::tree_node::TreeNode;
use datafusion_expr::Expr;
use datafusion_physical_expr::{PhysicalExpr, expressions::BinaryExpr};

use crate::prelude::*;

/// Whether the engine's order of floats matters in an expression, which was planned as `planned`. Comparisons that
/// are left to the kernels are none of the engine's.
pub(super) fn compares(expression: &Expr, planned: &Arc<dyn PhysicalExpr>) -> Result<bool> {
    let by_operator = planned.exists(|part| {
        Ok(part.downcast_ref::<BinaryExpr>().is_some_and(|binary| binary.op().supports_propagation()))
    })?;
    let otherwise = expression.exists(|part| {
        Ok(match part {
            Expr::InList(_) => true,
            Expr::Case(case) => case.expr.is_some(),
            Expr::ScalarFunction(call) => orders(call.func.name()),
            _ => false,
        })
    })?;
    Ok(by_operator || otherwise)
}

/// Whether a function compares its arguments.
pub(super) fn orders(function: &str) -> bool {
    ["greatest", "least"].contains(&function)
}

/// The array with the NaN that is greater than every number for each NaN; the same array if it has none other.
pub(super) fn one_nan(values: ArrayRef) -> ArrayRef {
    // A NaN with its sign set has the greatest bits of all.
    if let Some(floats) = values.as_primitive_opt::<Float32Type>() {
        let greatest = floats.values().iter().map(|x| x.to_bits()).max();
        if greatest.is_some_and(|bits| bits > f32::NEG_INFINITY.to_bits()) {
            return replaced(floats, |x| if x.is_nan() { f32::NAN } else { x });
        }
    } else if let Some(floats) = values.as_primitive_opt::<Float64Type>() {
        let greatest = floats.values().iter().map(|x| x.to_bits()).max();
        if greatest.is_some_and(|bits| bits > f64::NEG_INFINITY.to_bits()) {
            return replaced(floats, |x| if x.is_nan() { f64::NAN } else { x });
        }
    }
    values
}

fn replaced<T: ArrowPrimitiveType>(
    values: &arrow::array::PrimitiveArray<T>,
    with: impl Fn(T::Native) -> T::Native,
) -> ArrayRef {
    Arc::new(values.unary::<_, T>(with))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Float64Array;

    #[test]
    fn signs_of_nan_go_and_all_else_stays() {
        let values: ArrayRef =
            Arc::new(Float64Array::from(vec![Some(-f64::NAN), None, Some(-0.0), Some(f64::NEG_INFINITY)]));
        let clean = one_nan(values);
        let bits = |place: usize| clean.as_primitive::<Float64Type>().value(place).to_bits();
        assert_eq!(bits(0), f64::NAN.to_bits());
        assert!(clean.is_null(1));
        assert_eq!([bits(2), bits(3)], [(-0.0f64).to_bits(), f64::NEG_INFINITY.to_bits()]);
        let plain: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, 1.0]));
        assert!(Arc::ptr_eq(&one_nan(Arc::clone(&plain)), &plain));
    }
}
