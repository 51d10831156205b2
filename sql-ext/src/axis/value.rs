//! An axis as a value in SQL: a struct of its kind and parameters.

use std::collections::BTreeMap;
use std::sync::Arc;

use ana_hist::{Axis, AxisKind, Transform};
use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, ListBuilder, StringArray, StringBuilder,
    StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::Expr;

use crate::arguments::list_of;
use crate::error::FunctionError;
use crate::jagged;

fn fields() -> Fields {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    Fields::from(vec![
        field("kind", DataType::Utf8),
        field("name", DataType::Utf8),
        field("transform", DataType::Utf8),
        field("n", DataType::Int64),
        field("lo", DataType::Float64),
        field("hi", DataType::Float64),
        field("edges", list_of(DataType::Float64)),
        field("labels", list_of(DataType::Utf8)),
    ])
}

/// The type of an axis: `Struct<kind, name, transform, n, lo, hi, edges, labels>`.
pub fn axis_data_type() -> DataType {
    DataType::Struct(fields())
}

/// Whether a type is that of an axis, by its field names: files keep those, but not always the rest.
pub fn is_axis(data_type: &DataType) -> bool {
    let DataType::Struct(found) = data_type else { return false };
    found.iter().map(|field| field.name()).eq(fields().iter().map(|field| field.name()))
}

/// Axes as an array of [`axis_data_type`].
pub fn axis_array(axes: &[Option<Axis>]) -> Result<StructArray> {
    let parameters: Vec<Parameters> =
        axes.iter().map(|axis| axis.as_ref().map(Parameters::of).unwrap_or_default()).collect();
    let texts = |of: for<'a> fn(&'a Parameters<'_>) -> Option<&'a str>| -> ArrayRef {
        Arc::new(parameters.iter().map(of).collect::<StringArray>())
    };
    let mut labels = ListBuilder::new(StringBuilder::new());
    for axis in &parameters {
        labels.append_option(axis.labels.map(|labels| labels.iter().map(|label| Some(label.as_str()))));
    }
    let edges = parameters.iter().map(|axis| axis.edges.map(|edges| edges.iter().copied().map(Some)));
    let columns: Vec<ArrayRef> = vec![
        texts(|axis| axis.kind),
        texts(|axis| axis.name),
        texts(|axis| axis.transform),
        Arc::new(parameters.iter().map(|axis| axis.n).collect::<Int64Array>()),
        Arc::new(parameters.iter().map(|axis| axis.lo).collect::<Float64Array>()),
        Arc::new(parameters.iter().map(|axis| axis.hi).collect::<Float64Array>()),
        Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(edges)),
        Arc::new(labels.finish()),
    ];
    let nulls =
        axes.iter().any(Option::is_none).then(|| NullBuffer::from_iter(axes.iter().map(Option::is_some)));
    Ok(StructArray::try_new_with_length(fields(), columns, nulls, axes.len())?)
}

/// An axis as a value.
pub(crate) fn axis_scalar(axis: Axis) -> Result<ScalarValue> {
    Ok(ScalarValue::Struct(Arc::new(axis_array(&[Some(axis)])?)))
}

/// Under this name the field of a literal axis says its kind, so that types are checked before it is evaluated.
const KIND_OF_AXIS: &str = "ana.axis.kind";

/// An axis as a literal of a query.
pub(crate) fn axis_literal(axis: Axis) -> Result<Expr> {
    let metadata = BTreeMap::from([(KIND_OF_AXIS.to_owned(), axis.kind_name().to_owned())]);
    Ok(Expr::Literal(axis_scalar(axis)?, Some(metadata.into())))
}

/// The kind of a literal axis; `None` where the axis is not known yet.
pub(crate) fn axis_kind(field: &Field) -> Option<&str> {
    field.metadata().get(KIND_OF_AXIS).map(String::as_str)
}

/// The columns of one axis.
#[derive(Default)]
struct Parameters<'a> {
    kind: Option<&'static str>,
    name: Option<&'a str>,
    transform: Option<&'static str>,
    n: Option<i64>,
    lo: Option<f64>,
    hi: Option<f64>,
    edges: Option<&'a [f64]>,
    labels: Option<&'a [String]>,
}

impl<'a> Parameters<'a> {
    fn of(axis: &'a Axis) -> Self {
        let mut parameters = Self {
            kind: Some(axis.kind_name()),
            name: axis.name.as_deref(),
            n: i64::try_from(axis.bins()).ok(),
            ..Self::default()
        };
        match &axis.kind {
            AxisKind::Regular { lo, hi, transform, .. } => {
                (parameters.lo, parameters.hi) = (Some(*lo), Some(*hi));
                parameters.transform = transform_name(*transform);
            }
            AxisKind::Variable { edges } => parameters.edges = Some(edges),
            // Whole numbers up to 2^53, which the axis checks.
            #[allow(clippy::cast_precision_loss, reason = "exact: the axis checks that they are below 2^53")]
            AxisKind::Integer { lo, hi } => {
                (parameters.lo, parameters.hi) = (Some(*lo as f64), Some(*hi as f64))
            }
            AxisKind::Category { labels } => parameters.labels = Some(labels),
            AxisKind::Boolean => {}
        }
        parameters
    }
}

/// What SQL calls a transform; a plain axis has none.
pub(crate) fn transform_name(transform: Transform) -> Option<&'static str> {
    match transform {
        Transform::None => None,
        Transform::Log => Some("log"),
        Transform::Sqrt => Some("sqrt"),
    }
}

/// The transform of a name.
pub(crate) fn transform(name: &str) -> Option<Transform> {
    match name {
        "log" => Some(Transform::Log),
        "sqrt" => Some(Transform::Sqrt),
        _ => None,
    }
}

/// The axis in `row`, `None` for NULL. Checked: the value may come from a file.
pub fn axis_at(axes: &StructArray, row: usize) -> Result<Option<Axis>> {
    if axes.is_null(row) {
        return Ok(None);
    }
    let name = text(axes, "name", row)?;
    let number = |field| -> Result<f64> {
        let column = jagged::float64(column(axes, field)?)?;
        column
            .is_valid(row)
            .then(|| column.value(row))
            .ok_or_else(|| malformed(&format!("an axis without {field}")))
    };
    let kind = text(axes, "kind", row)?.ok_or_else(|| malformed("an axis without kind"))?;
    let made = match kind.as_str() {
        "regular" => {
            let transform = match text(axes, "transform", row)? {
                None => Transform::None,
                Some(name) => {
                    transform(&name).ok_or_else(|| malformed(&format!("the transform '{name}'")))?
                }
            };
            Axis::transformed(bins(axes, row)?, number("lo")?, number("hi")?, transform)
        }
        "variable" => {
            let edges = jagged::float64(&list(axes, "edges", row)?)?;
            Axis::variable(edges.values().to_vec())
        }
        "integer" => Axis::integer(whole(number("lo")?)?, whole(number("hi")?)?),
        "category" => {
            let labels = list(axes, "labels", row)?;
            let labels = arrow::compute::cast(&labels, &DataType::Utf8)?;
            Axis::category(labels.as_string::<i32>().iter().flatten().map(str::to_owned).collect())
        }
        "boolean" => Ok(Axis::boolean()),
        other => return Err(malformed(&format!("an axis of kind '{other}'"))),
    };
    let mut axis = made.map_err(|error| malformed(&error.to_string()))?;
    axis.name = name;
    Ok(Some(axis))
}

fn malformed(reason: &str) -> datafusion_common::DataFusionError {
    FunctionError::Malformed { reason: reason.to_owned() }.into()
}

fn column<'a>(axes: &'a StructArray, field: &str) -> Result<&'a ArrayRef> {
    axes.column_by_name(field).ok_or_else(|| malformed(&format!("an axis without {field}")))
}

fn text(axes: &StructArray, field: &str, row: usize) -> Result<Option<String>> {
    let texts = arrow::compute::cast(&column(axes, field)?.slice(row, 1), &DataType::Utf8)?;
    Ok(texts.as_string::<i32>().iter().next().flatten().map(str::to_owned))
}

fn list(axes: &StructArray, field: &str, row: usize) -> Result<ArrayRef> {
    Ok(jagged::list(column(axes, field)?)?.value(row))
}

fn bins(axes: &StructArray, row: usize) -> Result<usize> {
    let n = arrow::compute::cast(&column(axes, "n")?.slice(row, 1), &DataType::Int64)?;
    let n = n.as_primitive::<Int64Type>().iter().next().flatten();
    n.and_then(|n| usize::try_from(n).ok()).ok_or_else(|| malformed("an axis without a number of bins"))
}

fn whole(number: f64) -> Result<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "checked in this line")]
    let whole = number as i64;
    #[allow(clippy::cast_precision_loss, reason = "this compares")]
    let same = whole as f64 == number;
    if same { Ok(whole) } else { Err(malformed(&format!("an integer axis that ends at {number}"))) }
}

/// The call that makes the axis, name aside.
pub(crate) fn axis_text(axis: &Axis) -> String {
    match &axis.kind {
        AxisKind::Regular { n, lo, hi, transform } => match transform_name(*transform) {
            None => format!("regular({n}, {lo}, {hi})"),
            Some(name) => format!("regular({n}, {lo}, {hi}, '{name}')"),
        },
        AxisKind::Variable { edges } => format!("variable({edges:?})"),
        AxisKind::Integer { lo, hi } => format!("integer({lo}, {hi})"),
        AxisKind::Category { labels } => format!("category({labels:?})"),
        AxisKind::Boolean => "boolean()".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let axes = [
            Some(Axis::regular(100, 0.0, 200.0).unwrap().named("MET_pt")),
            Some(Axis::transformed(3, 1.0, 1000.0, Transform::Log).unwrap()),
            None,
            Some(Axis::variable(vec![0.0, 1.0, 10.0]).unwrap()),
            Some(Axis::integer(-2, 4).unwrap()),
            Some(Axis::category(vec!["a".into(), "b".into()]).unwrap()),
            Some(Axis::boolean()),
        ];
        let array = axis_array(&axes).unwrap();
        assert_eq!(array.data_type(), &axis_data_type());
        for (row, axis) in axes.iter().enumerate() {
            assert_eq!(&axis_at(&array, row).unwrap(), axis);
        }
        assert!(is_axis(array.data_type()) && !is_axis(&DataType::Float64));
    }

    #[test]
    fn a_value_from_elsewhere_is_checked() {
        let good = axis_array(&[Some(Axis::regular(2, 0.0, 1.0).unwrap())]).unwrap();
        let (fields, mut columns, nulls) = good.into_parts();
        columns[5] = Arc::new(Float64Array::from(vec![-1.0]));
        let bad = StructArray::new(fields, columns, nulls);
        assert!(axis_at(&bad, 0).unwrap_err().to_string().contains("not a histogram: "));
    }
}
