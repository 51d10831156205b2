//! Lists as offsets and values: the one place that knows which of Arrow's list layouts an argument has.

use std::ops::Range;

use ana_kernels::elements;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion_common::{Result, internal_err};

use crate::arguments::{item, list_of};

/// Any list as one with 32-bit offsets; free when it is one already, as lists read from ROOT are.
pub(crate) fn list(array: &ArrayRef) -> Result<ListArray> {
    if let Some(list) = array.as_list_opt::<i32>() {
        return Ok(list.clone());
    }
    match item(array.data_type()) {
        Some(item) => Ok(cast(array, &list_of(item.clone()))?.as_list::<i32>().clone()),
        None if array.data_type().is_null() => {
            Ok(cast(array, &list_of(DataType::Float64))?.as_list::<i32>().clone())
        }
        None => internal_err!("expected a list, got {}", array.data_type()),
    }
}

/// Numbers of any type in f64; free when they are f64 already.
pub(crate) fn float64(array: &ArrayRef) -> Result<Float64Array> {
    match array.as_primitive_opt::<Float64Type>() {
        Some(values) => Ok(values.clone()),
        None => Ok(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone()),
    }
}

/// A list of numbers per event, in f64.
#[derive(Debug)]
pub(crate) struct Jagged {
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
    /// The values from `offsets[0]` on: of a sliced list only the part it covers is widened.
    pub(crate) values: Float64Array,
}

impl Jagged {
    pub(crate) fn new(array: &ArrayRef) -> Result<Self> {
        let list = list(array)?;
        let (first, last) = (start(&list, 0), start(&list, list.len()));
        let values = float64(&list.values().slice(first, last - first))?;
        Ok(Self { offsets: list.offsets().clone(), nulls: list.nulls().cloned(), values })
    }

    pub(crate) fn has_nulls(&self) -> bool {
        self.nulls.is_some()
    }

    pub(crate) fn is_null(&self, event: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(event))
    }

    /// Where the elements of `event` are among the values.
    pub(crate) fn range(&self, event: usize) -> Range<usize> {
        let base = self.offsets[0];
        place(self.offsets[event] - base)..place(self.offsets[event + 1] - base)
    }

    /// The offsets, counted from the first value; shared with the list where it is not a slice.
    pub(crate) fn offsets(&self) -> OffsetBuffer<i32> {
        from_zero(&self.offsets)
    }
}

/// Offsets counted from the first of them; shared where they are that already.
pub(crate) fn from_zero(offsets: &OffsetBuffer<i32>) -> OffsetBuffer<i32> {
    match offsets[0] {
        0 => offsets.clone(),
        _ => OffsetBuffer::new(elements::from_zero(offsets).into()),
    }
}

/// Where the elements of `event` start among the values of a list; `event` may be the number of events.
pub(crate) fn start(list: &ListArray, event: usize) -> usize {
    place(list.value_offsets()[event])
}

/// The elements of each event as a range of the values, in order.
pub(crate) fn ranges(list: &ListArray) -> impl Iterator<Item = Range<usize>> + '_ {
    list.value_offsets().windows(2).map(|pair| place(pair[0])..place(pair[1]))
}

/// An Arrow offset as an index: Arrow guarantees that it is not negative.
fn place(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or(0)
}
