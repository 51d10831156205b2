//! Comparisons of numbers in templates, by the kernels.

use std::fmt;
use std::hash::{Hash, Hasher};

use ana_kernels::elements::{self, Comparison, Ordered, Side};
use arrow::array::{ArrowPrimitiveType, BooleanArray, PrimitiveArray, RecordBatch};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::Schema;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::Operator;
use datafusion_physical_expr::{PhysicalExpr, expressions::BinaryExpr};

use crate::prelude::*;
use crate::slices::for_number;

/// The expression with the comparisons of numbers replaced by those of the kernels, which know the order of SQL:
/// the engine's look for −0 in both sides first, and take NaN by its bits.
pub(super) fn by_kernels(
    expression: Arc<dyn PhysicalExpr>,
    schema: &Schema,
) -> Result<Arc<dyn PhysicalExpr>> {
    let replaced = expression.transform_up(|part| match Compare::new(&part, schema)? {
        Some(compare) => Ok(Transformed::yes(Arc::new(compare) as Arc<dyn PhysicalExpr>)),
        None => Ok(Transformed::no(part)),
    })?;
    Ok(replaced.data)
}

/// A comparison of numbers of one type.
#[derive(Debug, Eq)]
struct Compare {
    op: Comparison,
    /// How it is written.
    sign: Operator,
    left: Arc<dyn PhysicalExpr>,
    right: Arc<dyn PhysicalExpr>,
}

impl PartialEq for Compare {
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op && self.left.eq(&other.left) && self.right.eq(&other.right)
    }
}

impl Hash for Compare {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.op.hash(state);
        self.left.hash(state);
        self.right.hash(state);
    }
}

impl Compare {
    /// The comparison that `part` is, if it is one of numbers.
    fn new(part: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Option<Self>> {
        let Some(binary) = part.downcast_ref::<BinaryExpr>() else { return Ok(None) };
        let op = match binary.op() {
            Operator::Eq => Comparison::Eq,
            Operator::NotEq => Comparison::Ne,
            Operator::Lt => Comparison::Lt,
            Operator::LtEq => Comparison::Le,
            Operator::Gt => Comparison::Gt,
            Operator::GtEq => Comparison::Ge,
            _ => return Ok(None),
        };
        let (left, right) = (binary.left().data_type(schema)?, binary.right().data_type(schema)?);
        if left != right || !(left.is_integer() || matches!(left, DataType::Float32 | DataType::Float64)) {
            return Ok(None);
        }
        let (left, right) = (Arc::clone(binary.left()), Arc::clone(binary.right()));
        Ok(Some(Self { op, sign: *binary.op(), left, right }))
    }
}

impl fmt::Display for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} {} {})", self.left, self.sign, self.right)
    }
}

impl PhysicalExpr for Compare {
    fn data_type(&self, _schema: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        Ok(self.left.nullable(schema)? || self.right.nullable(schema)?)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let (left, right) = (self.left.evaluate(batch)?, self.right.evaluate(batch)?);
        for_number!(
            left.data_type(),
            compare(self.op, &left, &right),
            datafusion_common::internal_err!("{self}: no numbers")
        )
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.left, &self.right]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let Ok([left, right]) = <[_; 2]>::try_from(children) else {
            return datafusion_common::internal_err!("{self}: two operands are needed");
        };
        Ok(Arc::new(Self { op: self.op, sign: self.sign, left, right }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.left.fmt_sql(f)?;
        write!(f, " {} ", self.sign)?;
        self.right.fmt_sql(f)
    }
}

/// One side: its values, and where they are NULL.
enum Numbers<T: ArrowPrimitiveType> {
    Each(PrimitiveArray<T>),
    One(Option<T::Native>),
}

impl<T: ArrowPrimitiveType> Numbers<T> {
    fn new(value: &ColumnarValue) -> Result<Self> {
        let wrong =
            |found: DataType| datafusion_common::internal_err!("expected {}, got {found}", T::DATA_TYPE);
        match value {
            ColumnarValue::Array(values) => match values.as_primitive_opt::<T>() {
                Some(values) => Ok(Self::Each(values.clone())),
                None => wrong(values.data_type().clone()),
            },
            ColumnarValue::Scalar(value) => match value.to_array()?.as_primitive_opt::<T>() {
                Some(one) => Ok(Self::One(one.iter().next().flatten())),
                None => wrong(value.data_type()),
            },
        }
    }

    /// `None` for a constant NULL.
    fn side(&self) -> Option<Side<'_, T::Native>> {
        match self {
            Self::Each(values) => Some(Side::Each(values.values())),
            Self::One(value) => value.map(Side::One),
        }
    }

    fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Self::Each(values) => values.nulls(),
            Self::One(_) => None,
        }
    }
}

fn compare<T: ArrowPrimitiveType>(
    op: Comparison,
    left: &ColumnarValue,
    right: &ColumnarValue,
) -> Result<ColumnarValue>
where
    T::Native: Ordered,
{
    let (left, right) = (Numbers::<T>::new(left)?, Numbers::<T>::new(right)?);
    let (Some(left_side), Some(right_side)) = (left.side(), right.side()) else {
        return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(None)));
    };
    let places = match (left_side, right_side) {
        (Side::Each(left), Side::Each(right)) if left.len() != right.len() => {
            return datafusion_common::internal_err!("{} values beside {}", left.len(), right.len());
        }
        (Side::Each(values), _) | (_, Side::Each(values)) => Some(values.len()),
        _ => None,
    };
    let words = elements::compare(op, left_side, right_side);
    let Some(places) = places else {
        let truth = words.first().map(|word| word & 1 == 1);
        return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(truth)));
    };
    let truths = BooleanBuffer::new(Buffer::from_vec(words), 0, places);
    let nulls = NullBuffer::union(left.nulls(), right.nulls());
    Ok(ColumnarValue::Array(Arc::new(BooleanArray::new(truths, nulls))))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;
    use arrow::array::Float64Array;
    use arrow::datatypes::Float64Type;

    type Holds = fn(Ordering) -> bool;

    fn order(left: f64, right: f64) -> Ordering {
        left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
    }

    fn values(given: &[Option<f64>]) -> ColumnarValue {
        // A slice, whose NULLs do not begin with the byte.
        let given: Vec<Option<f64>> = [None, Some(7.0)].iter().chain(given).copied().collect();
        let all: ArrayRef = Arc::new(Float64Array::from(given));
        ColumnarValue::Array(all.slice(2, all.len() - 2))
    }

    #[test]
    fn null_nan_and_zero_of_slices() {
        let some =
            [None, Some(-0.0), Some(0.0), Some(f64::NAN), Some(-f64::NAN), Some(f64::INFINITY), Some(1.0)];
        let left: Vec<Option<f64>> = some.iter().flat_map(|left| some.map(|_| *left)).collect();
        let right: Vec<Option<f64>> = some.iter().flat_map(|_| some).collect();
        let ops: [(Comparison, Holds); 3] = [
            (Comparison::Eq, Ordering::is_eq),
            (Comparison::Lt, Ordering::is_lt),
            (Comparison::Ge, Ordering::is_ge),
        ];
        for (op, holds) in ops {
            let got = compare::<Float64Type>(op, &values(&left), &values(&right)).unwrap();
            let want: BooleanArray = left
                .iter()
                .zip(&right)
                .map(|(left, right)| Some(holds(order((*left)?, (*right)?))))
                .collect();
            assert_eq!(got.into_array(left.len()).unwrap().as_boolean(), &want);
            for one in some {
                let constant = ColumnarValue::Scalar(ScalarValue::Float64(one));
                let got = compare::<Float64Type>(op, &values(&left), &constant).unwrap();
                let want: BooleanArray = left.iter().map(|left| Some(holds(order((*left)?, one?)))).collect();
                assert_eq!(got.into_array(left.len()).unwrap().as_boolean(), &want);
            }
        }
    }

    #[test]
    fn lengths_that_differ_are_an_error() {
        let (long, short) = (values(&[Some(1.0); 3]), values(&[Some(1.0)]));
        assert!(compare::<Float64Type>(Comparison::Lt, &long, &short).is_err());
    }
}
