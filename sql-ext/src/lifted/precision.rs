//! Comparisons of Float32 values with Float64 literals, exact without widening the values.

use arrow::datatypes::Schema;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::{BinaryExpr, Cast, Expr, Operator};

use crate::prelude::*;

/// Replaces `CAST(x AS DOUBLE) > literal`, for x in Float32, by a comparison of x with the Float32 literal
/// that gives the same answer for every x.
pub(super) fn exact_comparisons(expression: Expr, schema: &Schema) -> Result<Expr> {
    let replaced = expression.transform_up(|part| {
        Ok(match replacement(&part, schema) {
            Some(narrow) => Transformed::yes(narrow),
            None => Transformed::no(part),
        })
    })?;
    Ok(replaced.data)
}

fn replacement(part: &Expr, schema: &Schema) -> Option<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = part else { return None };
    let (value, op, bound) = match (left.as_ref(), right.as_ref()) {
        (Expr::Cast(cast), Expr::Literal(ScalarValue::Float64(Some(bound)), _)) => (cast, *op, *bound),
        (Expr::Literal(ScalarValue::Float64(Some(bound)), _), Expr::Cast(cast)) => (cast, op.swap()?, *bound),
        _ => return None,
    };
    let (op, bound) = narrow(op, bound)?;
    let x = narrow_column(value, schema)?;
    let bound = Expr::Literal(ScalarValue::Float32(Some(bound)), None);
    Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(x.clone()), op, Box::new(bound))))
}

/// The column, if `cast` widens a Float32 column to Float64.
fn narrow_column<'a>(cast: &'a Cast, schema: &Schema) -> Option<&'a Expr> {
    let Expr::Column(column) = cast.expr.as_ref() else { return None };
    let stored = schema.field_with_name(&column.name).ok()?.data_type();
    (*stored == DataType::Float32 && *cast.field.data_type() == DataType::Float64).then_some(&cast.expr)
}

/// The comparison in Float32 that holds for the same x as `x op bound` in Float64. Equality with a bound that
/// is no Float32 is left alone: it is constant, but for NULL.
fn narrow(op: Operator, bound: f64) -> Option<(Operator, f32)> {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    if !matches!(op, Eq | NotEq | Gt | GtEq | Lt | LtEq) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "rounding to the nearest Float32 is what is meant")]
    let nearest = bound as f32;
    if f64::from(nearest) == bound {
        return Some((op, nearest));
    }
    if !nearest.is_finite() || bound.is_nan() {
        return None;
    }
    let below = if f64::from(nearest) < bound { nearest } else { nearest.next_down() };
    // The bound lies strictly between `below` and its successor.
    match op {
        Operator::Gt | Operator::GtEq => Some((Operator::Gt, below)),
        Operator::Lt | Operator::LtEq => Some((Operator::LtEq, below)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_comparisons_agree_with_wide_ones() {
        let compare = |op, x: f64, bound: f64| match op {
            Operator::Gt => x > bound,
            Operator::GtEq => x >= bound,
            Operator::Lt => x < bound,
            _ => x <= bound,
        };
        for bound in [0.2783, 24.9, 30.0, 16_777_217.0, 1e-50, -1e-50, 0.1, -0.1, 5e-324] {
            #[allow(clippy::cast_possible_truncation, reason = "neighbours of the bound")]
            let near = bound as f32;
            for op in [Operator::Gt, Operator::GtEq, Operator::Lt, Operator::LtEq] {
                let Some((narrow_op, narrow_bound)) = narrow(op, bound) else {
                    panic!("{op} {bound} has no narrow form");
                };
                for x in [near, near.next_up(), near.next_down(), f32::INFINITY, f32::NEG_INFINITY] {
                    let wide = compare(op, f64::from(x), bound);
                    let got = compare(narrow_op, f64::from(x), f64::from(narrow_bound));
                    assert_eq!(got, wide, "{x} {op} {bound}");
                }
            }
        }
    }
}
