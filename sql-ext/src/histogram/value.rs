//! A histogram as a value in SQL: a struct of its axes and contents.

use std::collections::HashMap;
use std::sync::Arc;

use ana_hist::{Histogram, Weighted};
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, ListArray, PrimitiveArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type, UInt64Type};
use datafusion_common::{Result, exec_err};

use crate::arguments::list_of;
use crate::axis::{axis_array, axis_at, axis_data_type};
use crate::error::FunctionError;
use crate::jagged;

/// The value of `ARROW:extension:name` on columns of histograms.
pub const EXTENSION_NAME: &str = "ana.histogram";

fn fields() -> Fields {
    let field = |name: &str, item| Field::new(name, list_of(item), true);
    Fields::from(vec![
        field("axes", axis_data_type()),
        field("count", DataType::UInt64),
        field("sumw", DataType::Float64),
        field("sumw2", DataType::Float64),
    ])
}

/// The type of a histogram: `Struct<axes, count, sumw, sumw2>`, lists in C order with flow bins; the sums are
/// NULL where there are no weights.
pub fn histogram_data_type() -> DataType {
    DataType::Struct(fields())
}

/// A column of histograms that says so.
pub fn histogram_field(name: &str) -> FieldRef {
    let metadata = HashMap::from([("ARROW:extension:name".to_owned(), EXTENSION_NAME.to_owned())]);
    Arc::new(Field::new(name, histogram_data_type(), true).with_metadata(metadata))
}

/// Whether a type is that of a histogram, by its field names: files keep those, but not always the rest.
pub fn is_histogram(data_type: &DataType) -> bool {
    let DataType::Struct(found) = data_type else { return false };
    found.iter().map(|field| field.name()).eq(fields().iter().map(|field| field.name()))
}

/// Histograms as an array of [`histogram_data_type`]; a single one is not copied.
///
/// # Errors
/// More cells in all than a list column can hold.
pub fn histogram_array(histograms: Vec<Option<Histogram>>) -> Result<StructArray> {
    let axes = histograms.iter().flatten().flat_map(|h| h.axes.iter().cloned().map(Some)).collect::<Vec<_>>();
    let lengths = histograms.iter().map(|h| h.as_ref().map_or(0, |h| h.axes.len()));
    let nulls = NullBuffer::from_iter(histograms.iter().map(Option::is_some));
    let axes = ListArray::try_new(
        Arc::new(Field::new_list_field(axis_data_type(), true)),
        OffsetBuffer::from_lengths(lengths),
        Arc::new(axis_array(&axes)?),
        Some(nulls.clone()),
    )?;
    let rows = histograms.len();
    let (mut counts, mut sumw, mut sumw2) = (vec![], vec![], vec![]);
    for histogram in histograms {
        let (of, weighted) = histogram.map(|Histogram { counts, weighted, .. }| (counts, weighted)).unzip();
        let (w, w2) = weighted.flatten().map(|Weighted { sumw, sumw2 }| (sumw, sumw2)).unzip();
        counts.push(of);
        sumw.push(w);
        sumw2.push(w2);
    }
    let columns = vec![
        Arc::new(axes) as ArrayRef,
        lists::<UInt64Type>(counts)?,
        lists::<Float64Type>(sumw)?,
        lists::<Float64Type>(sumw2)?,
    ];
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    Ok(StructArray::try_new_with_length(fields(), columns, nulls, rows)?)
}

/// A list of numbers per row.
fn lists<T: ArrowPrimitiveType>(mut rows: Vec<Option<Vec<T::Native>>>) -> Result<ArrayRef> {
    let cells: usize = rows.iter().flatten().map(Vec::len).sum();
    if i32::try_from(cells).is_err() {
        return exec_err!("{cells} cells in one column of histograms are more than one can hold");
    }
    let nulls = NullBuffer::from_iter(rows.iter().map(Option::is_some));
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.as_ref().map_or(0, Vec::len)));
    let values = match &mut rows[..] {
        [Some(only)] => std::mem::take(only),
        rows => {
            let mut values = Vec::with_capacity(cells);
            rows.iter().flatten().for_each(|row| values.extend_from_slice(row));
            values
        }
    };
    Ok(Arc::new(ListArray::try_new(
        Arc::new(Field::new_list_field(T::DATA_TYPE, true)),
        offsets,
        Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(values), None)),
        (nulls.null_count() > 0).then_some(nulls),
    )?))
}

/// The histogram in `row`, `None` for NULL. Checked: the value may come from a file.
pub fn histogram_at(array: &dyn Array, row: usize) -> Result<Option<Histogram>> {
    let Some(histograms) = array.as_struct_opt().filter(|_| is_histogram(array.data_type())) else {
        return if array.data_type().is_null() { Ok(None) } else { malformed(array.data_type()) };
    };
    if histograms.is_null(row) {
        return Ok(None);
    }
    let list = |field: usize| -> Result<Option<ArrayRef>> {
        let list = jagged::list(histograms.column(field))?;
        Ok(list.is_valid(row).then(|| list.value(row)))
    };
    let numbers = |field| -> Result<Option<Vec<f64>>> {
        Ok(list(field)?.map(|sums| jagged::float64(&sums)).transpose()?.map(|sums| sums.values().to_vec()))
    };
    let (Some(axes), Some(counts)) = (list(0)?, list(1)?) else { return malformed("no axes or counts") };
    let Some(axes) = axes.as_struct_opt() else { return malformed(axes.data_type()) };
    let axes = (0..axes.len()).map(|i| axis_at(axes, i)).collect::<Result<Option<Vec<_>>>>()?;
    let Some(axes) = axes else { return malformed("an axis is NULL") };
    let counts = cast(&counts, &DataType::UInt64)?.as_primitive::<UInt64Type>().values().to_vec();
    let weighted = match (numbers(2)?, numbers(3)?) {
        (Some(sumw), Some(sumw2)) => Some(Weighted { sumw, sumw2 }),
        (None, None) => None,
        _ => return malformed("one of sumw and sumw2 is NULL"),
    };
    match Histogram::new(axes, counts, weighted) {
        Ok(histogram) => Ok(Some(histogram)),
        Err(error) => malformed(error),
    }
}

fn malformed<T>(reason: impl ToString) -> Result<T> {
    Err(FunctionError::Malformed { reason: reason.to_string() }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ana_hist::{Axis, ExactHistogram};

    #[test]
    fn there_and_back() {
        let axes = vec![Axis::regular(3, 0.0, 3.0).unwrap().named("x"), Axis::boolean()];
        let mut counted = ExactHistogram::new(axes.clone(), false).unwrap();
        counted.fill_one(&[1.5, 1.0], 1.0);
        let mut weighted = ExactHistogram::new(axes, true).unwrap();
        weighted.fill_one(&[f64::NAN, 0.0], 0.25);
        let histograms = [Some(counted.finish()), None, Some(weighted.finish())];
        let array = histogram_array(histograms.to_vec()).unwrap();
        assert_eq!(array.data_type(), &histogram_data_type());
        assert!(is_histogram(array.data_type()) && !is_histogram(&axis_data_type()));
        for (row, histogram) in histograms.iter().enumerate() {
            assert_eq!(&histogram_at(&array, row).unwrap(), histogram);
        }
        assert_eq!(histogram_at(&array.slice(2, 1), 0).unwrap(), histograms[2]);
    }

    #[test]
    fn contents_that_do_not_fit_the_axes_are_refused() {
        let good = ExactHistogram::new(vec![Axis::boolean()], false).unwrap().finish();
        let (fields, mut columns, nulls) = histogram_array(vec![Some(good)]).unwrap().into_parts();
        columns[1] = Arc::new(ListArray::from_iter_primitive::<UInt64Type, _, _>([Some([Some(1)])]));
        let bad = StructArray::new(fields, columns, nulls);
        let error = histogram_at(&bad, 0).unwrap_err();
        assert!(error.to_string().contains("not a histogram: count has 1 entries"), "{error}");
    }
}
