//! Entries of one size: scalars, `x[4]`, `x[2][3]`, and the columns of leaf lists.

use arrow::array::{ArrayRef, FixedSizeListArray};
use std::sync::Arc;

use super::scalar::{Item, Values};
use crate::error::{Result, RootError};
use crate::schema::list_item;

/// Collects a fixed-size column.
#[derive(Debug)]
pub(crate) struct FixedBuilder {
    item: Item,
    dims: Vec<usize>,
    offset: usize,
    stride: usize,
    values: Values,
}

impl FixedBuilder {
    pub(crate) fn new(item: Item, dims: &[usize], offset: usize, stride: usize, capacity: usize) -> Self {
        Self { item, dims: dims.to_vec(), offset, stride, values: Values::with_capacity(item, capacity) }
    }

    /// Appends entries `from..to` of a basket of `entries` entries.
    pub(crate) fn append(&mut self, data: &[u8], entries: usize, from: usize, to: usize) -> Result<()> {
        let expected = entries.checked_mul(self.stride);
        if expected != Some(data.len()) {
            return Err(RootError::malformed(
                format!("{entries} entries of {} bytes", self.stride),
                format!("{} bytes", data.len()),
            ));
        }
        let wanted = data.get(from * self.stride..to * self.stride).unwrap_or_default();
        let width = self.item.width() * self.dims.iter().product::<usize>();
        if width == self.stride {
            self.values.extend(self.item, wanted);
        } else {
            for entry in wanted.chunks_exact(self.stride.max(1)) {
                let own = entry.get(self.offset..self.offset + width).unwrap_or_default();
                self.values.extend(self.item, own);
            }
        }
        Ok(())
    }

    /// Bytes of an entry, if all of them are this column's and plain numbers.
    pub(crate) fn plain_width(&self) -> Option<usize> {
        let width = self.item.width() * self.dims.iter().product::<usize>();
        (self.item.is_plain() && width == self.stride).then_some(width)
    }

    /// Appends bytes of whole plain numbers.
    pub(crate) fn append_plain(&mut self, bytes: &[u8]) {
        self.values.extend(self.item, bytes);
    }

    /// The bare values, for counters.
    pub(crate) fn into_values(self) -> Values {
        self.values
    }

    pub(crate) fn finish(self) -> Result<ArrayRef> {
        nest(self.values.finish(), &self.dims)
    }
}

/// Wraps flat values into lists of fixed size, the last dimension innermost.
pub(crate) fn nest(values: ArrayRef, dims: &[usize]) -> Result<ArrayRef> {
    let mut array = values;
    for dim in dims.iter().rev() {
        let size =
            i32::try_from(*dim).map_err(|_| RootError::unsupported(format!("arrays of {dim} items")))?;
        let field = list_item(array.data_type().clone());
        let list = FixedSizeListArray::try_new(field, size, array, None);
        array = Arc::new(list.map_err(|error| RootError::malformed("whole fixed-size arrays", error))?);
    }
    Ok(array)
}
