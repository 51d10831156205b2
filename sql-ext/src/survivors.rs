//! The events of a batch that passed the cut, copied out of its columns.
//!
//! Lists of one collection share their offsets, so what is to be copied is worked out once for all of them, as stretches
//! of neighbouring elements.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, BooleanBufferBuilder, ListArray,
        PrimitiveArray, RecordBatch, RecordBatchOptions, downcast_primitive_array,
    },
    buffer::{BooleanBuffer, OffsetBuffer, ScalarBuffer},
    compute::{FilterBuilder, FilterPredicate},
    datatypes::{DataType, FieldRef},
    error::ArrowError,
};
use datafusion_common::exec_datafusion_err;

/// The rows of `batch` whose bit is set.
///
/// # Errors
/// Columns that Arrow cannot filter.
pub fn survivors(batch: &RecordBatch, passed: &BooleanBuffer) -> Result<RecordBatch, ArrowError> {
    let mut survivors = Survivors::new(passed);
    let columns = batch.columns().iter().map(|column| survivors.column(column));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(survivors.filter.count()));
    RecordBatch::try_new_with_options(batch.schema(), columns, &options)
}

/// Rows to be copied, and what was worked out about them so far.
pub struct Survivors {
    filter: FilterPredicate,
    rows: Vec<Range<usize>>,
    known: Vec<Elements>,
}

impl Survivors {
    /// The rows whose bit is set.
    #[must_use]
    pub fn new(passed: &BooleanBuffer) -> Self {
        let filter = FilterBuilder::new(&BooleanArray::new(passed.clone(), None)).optimize().build();
        let rows = passed.set_slices().map(|(start, end)| start..end).collect();
        Self { filter, rows, known: Vec::new() }
    }

    /// These rows of a column, which has as many as there were bits.
    ///
    /// # Errors
    /// Columns that Arrow cannot filter.
    pub fn column(&mut self, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        chosen(column, &self.filter, &self.rows, &mut self.known)
    }
}

/// The rows of `outer` that are set in `inner`, which has one bit for each of them.
#[must_use]
pub fn expanded(outer: &BooleanBuffer, inner: &BooleanBuffer) -> BooleanBuffer {
    let mut rows = BooleanBufferBuilder::new(outer.len());
    rows.resize(outer.len());
    for (row, passes) in outer.set_indices().zip(inner) {
        rows.set_bit(row, passes);
    }
    rows.finish()
}

/// Where a condition is true; NULL is not.
///
/// # Errors
/// What is no condition.
pub fn truth(condition: &ArrayRef) -> datafusion_common::Result<BooleanBuffer> {
    if condition.data_type().is_null() {
        return Ok(BooleanBuffer::new_unset(condition.len()));
    }
    let condition: &BooleanArray = condition.as_boolean_opt().ok_or_else(|| {
        exec_datafusion_err!("a condition is {}, not {}", condition.data_type(), DataType::Boolean)
    })?;
    Ok(match condition.nulls() {
        Some(nulls) => condition.values() & nulls.inner(),
        None => condition.values().clone(),
    })
}

/// What of the elements of one collection is to be copied.
struct Elements {
    /// Of the lists as they were, kept so that another's cannot come to lie in their place.
    of: OffsetBuffer<i32>,
    offsets: OffsetBuffer<i32>,
    stretches: Vec<Range<usize>>,
}

fn chosen(
    column: &ArrayRef,
    filter: &FilterPredicate,
    rows: &[Range<usize>],
    known: &mut Vec<Elements>,
) -> Result<ArrayRef, ArrowError> {
    let (DataType::List(item), Some(list)) = (column.data_type(), column.as_list_opt::<i32>()) else {
        return filter.filter(column);
    };
    let values = list.values();
    if list.null_count() > 0 || values.null_count() > 0 {
        return filter.filter(column);
    }
    let at = match known.iter().position(|elements| elements.of.ptr_eq(list.offsets())) {
        Some(at) => at,
        None => {
            known.push(Elements::new(list.offsets(), rows));
            known.len() - 1
        }
    };
    let elements = &known[at];
    downcast_primitive_array!(
        values => elements.list(item, values),
        DataType::Boolean => elements.flags(item, values.as_boolean()),
        _ => filter.filter(column)
    )
}

impl Elements {
    fn new(offsets: &OffsetBuffer<i32>, rows: &[Range<usize>]) -> Self {
        let index = |offset: i32| usize::try_from(offset).unwrap_or(0);
        let mut kept = Vec::with_capacity(rows.iter().map(ExactSizeIterator::len).sum::<usize>() + 1);
        let mut stretches: Vec<Range<usize>> = Vec::with_capacity(rows.len());
        kept.push(0);
        let mut end = 0;
        for rows in rows {
            let of_rows = &offsets[rows.start..=rows.end];
            let (Some(&first), Some(&last)) = (of_rows.first(), of_rows.last()) else { continue };
            // Where the first of these rows ends up, less where it was.
            let moved = end - first;
            kept.extend(of_rows[1..].iter().map(|offset| offset + moved));
            end += last - first;
            if first != last {
                stretches.push(index(first)..index(last));
            }
        }
        Self { of: offsets.clone(), offsets: OffsetBuffer::new(kept.into()), stretches }
    }

    fn list<T: ArrowPrimitiveType>(
        &self,
        item: &FieldRef,
        values: &PrimitiveArray<T>,
    ) -> Result<ArrayRef, ArrowError> {
        let values = values.values();
        let mut copied: Vec<T::Native> =
            Vec::with_capacity(self.stretches.iter().map(ExactSizeIterator::len).sum());
        for stretch in &self.stretches {
            copied.extend_from_slice(&values[stretch.clone()]);
        }
        let copied = PrimitiveArray::<T>::new(ScalarBuffer::from(copied), None)
            .with_data_type(item.data_type().clone());
        Ok(Arc::new(ListArray::try_new(Arc::clone(item), self.offsets.clone(), Arc::new(copied), None)?))
    }

    fn flags(&self, item: &FieldRef, values: &BooleanArray) -> Result<ArrayRef, ArrowError> {
        /// From here on copying whole words is faster than bit by bit.
        const LONG: usize = 32;
        let values = values.values();
        let mut copied = BooleanBufferBuilder::new(self.stretches.iter().map(ExactSizeIterator::len).sum());
        for stretch in &self.stretches {
            if stretch.len() < LONG {
                stretch.clone().for_each(|at| copied.append(values.value(at)));
            } else {
                copied.append_buffer(&values.slice(stretch.start, stretch.len()));
            }
        }
        let copied = BooleanArray::new(copied.finish(), None);
        Ok(Arc::new(ListArray::try_new(Arc::clone(item), self.offsets.clone(), Arc::new(copied), None)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BooleanBuilder, Float32Array, Float32Builder, Int64Array, ListBuilder};
    use arrow::compute::filter_record_batch;
    use arrow::datatypes::{Field, Schema};

    /// Lists of 0 to 4 elements, two of them sharing offsets, one of booleans, one with NULL lists.
    fn batch(rows: usize) -> RecordBatch {
        let (mut pt, mut tight, mut holes) = (
            ListBuilder::new(Float32Builder::new()),
            ListBuilder::new(BooleanBuilder::new()),
            ListBuilder::new(Float32Builder::new()),
        );
        let mut number = 0f32;
        for row in 0..rows {
            for element in 0..row * 7 % 5 {
                number += 1.0;
                pt.values().append_value(number);
                tight.values().append_value(element % 2 == 0);
                holes.values().append_value(number);
            }
            pt.append(true);
            tight.append(true);
            holes.append(row % 3 != 0);
        }
        let pt = pt.finish();
        let eta: Float32Array =
            pt.values().as_primitive::<arrow::datatypes::Float32Type>().unary(|x| x / 2.0);
        let item = Arc::new(Field::new_list_field(DataType::Float32, true));
        let eta = ListArray::new(item, pt.offsets().clone(), Arc::new(eta), None);
        let event = Int64Array::from_iter_values((0..).take(rows));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(event),
            Arc::new(pt),
            Arc::new(eta),
            Arc::new(tight.finish()),
            Arc::new(holes.finish()),
        ];
        let field =
            |(i, column): (usize, &ArrayRef)| Field::new(i.to_string(), column.data_type().clone(), true);
        let schema = Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>());
        RecordBatch::try_new(Arc::new(schema), columns).unwrap()
    }

    #[test]
    fn the_same_as_arrow_would_choose() {
        let batch = batch(200).slice(13, 150);
        for step in [1, 2, 3, 7, 149, 1000] {
            let passed: BooleanBuffer =
                (0..150).map(|row| (row + 1) % step == 0 || row % 11 < 4 && step == 7).collect();
            let expected = filter_record_batch(&batch, &BooleanArray::new(passed.clone(), None)).unwrap();
            assert_eq!(survivors(&batch, &passed).unwrap(), expected, "every {step}th");
        }
    }
}
