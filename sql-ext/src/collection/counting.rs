//! How many objects an event has: what the `n_obj` family shares.

use arrow::array::Int64Array;
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{Float32Type, Int64Type};
use datafusion_common::exec_err;

use super::n_obj::n_obj;
use crate::jagged::{float64, list, ranges};
use crate::prelude::*;

/// The numbers of objects of a list or of a counter; with `minpt`, of the elements that are at least it.
pub(crate) fn counts(
    objects: &ColumnarValue,
    minpt: Option<&ColumnarValue>,
    rows: usize,
) -> Result<Int64Array> {
    let objects = objects.to_array(rows)?;
    if arguments::is_integer(objects.data_type()) {
        return integers(&objects);
    }
    let objects = list(&objects)?;
    let Some(minpt) = minpt else {
        let lengths = ranges(&objects).map(|range| count(range.len())).collect::<Vec<_>>();
        return Ok(Int64Array::new(lengths.into(), objects.nulls().cloned()));
    };
    let minpt = float64(&minpt.to_array(rows)?)?;
    let above = if objects.values().null_count() > 0 {
        let values = float64(objects.values())?;
        let at_least = |i: usize, minpt: f64| values.is_valid(i) && values.value(i) >= minpt;
        per_event(&objects, &minpt, |range, minpt| count(range.filter(|&i| at_least(i, minpt)).count()))
    } else if let Some(values) = objects.values().as_primitive_opt::<Float32Type>() {
        per_event(&objects, &minpt, |range, minpt| n_obj(&values.values()[range], minpt))
    } else {
        let values = float64(objects.values())?;
        per_event(&objects, &minpt, |range, minpt| n_obj(&values.values()[range], minpt))
    };
    Ok(Int64Array::new(above, NullBuffer::union(objects.nulls(), minpt.nulls())))
}

/// A number of elements as SQL has it; Arrow's lists are shorter than either type can say.
fn count(elements: usize) -> i64 {
    i64::try_from(elements).unwrap_or(i64::MAX)
}

fn per_event(
    list: &ListArray,
    minpt: &Float64Array,
    count: impl Fn(std::ops::Range<usize>, f64) -> i64,
) -> ScalarBuffer<i64> {
    ranges(list).zip(minpt.values().iter()).map(|(range, &minpt)| count(range, minpt)).collect()
}

/// Whole numbers of any type; one that does not fit is an error, not a NULL.
pub(crate) fn integers(numbers: &ArrayRef) -> Result<Int64Array> {
    let wide = cast(numbers, &DataType::Int64)?;
    if wide.null_count() > numbers.logical_null_count() {
        return exec_err!("a whole number above 9223372036854775807 among the arguments");
    }
    Ok(wide.as_primitive::<Int64Type>().clone())
}

/// `count <comparison> n`, event by event.
pub(crate) fn compare(
    call: &ScalarFunctionArgs,
    comparison: impl Fn(i64, i64) -> bool,
) -> Result<ColumnarValue> {
    let counts = counts(&call.args[0], call.args.get(2), call.number_rows)?;
    let n = integers(&call.args[1].to_array(call.number_rows)?)?;
    let nulls = NullBuffer::union(counts.nulls(), n.nulls());
    let values = counts.values().iter().zip(n.values()).map(|(&count, &n)| comparison(count, n)).collect();
    Ok(ColumnarValue::Array(Arc::new(arrow::array::BooleanArray::new(values, nulls))))
}

/// The checks of `n_obj_min` and its kin: a counter has no momenta to compare with `minpt`.
pub(crate) fn check(
    function: &'static str,
    syntax: &'static str,
    parameters: &[Parameter],
    given: &[FieldRef],
) -> Result<()> {
    arguments::check_call(function, syntax, 2, parameters, given)?;
    if given.len() == 3 {
        let first = [Parameter::new(parameters[0].name, arguments::Shape::Numbers)];
        arguments::check(function, &first, given)?;
    }
    Ok(())
}
