//! Lists of numbers: `x[nX]` and `std::vector<T>`.

use arrow::array::{ArrayRef, ListArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use std::sync::Arc;

use super::Header;
use super::fixed::nest;
use super::scalar::{Item, Values};
use crate::cursor::Cursor;
use crate::error::{Result, RootError};
use crate::schema::list_item;

/// Collects a jagged column.
#[derive(Debug)]
pub(crate) struct JaggedBuilder {
    item: Item,
    dims: Vec<usize>,
    header: Header,
    /// Bytes of one list item.
    width: usize,
    values: Values,
    offsets: Offsets,
}

#[derive(Debug)]
enum Offsets {
    /// Made once for all columns of the counter.
    Shared(OffsetBuffer<i32>),
    Own(Vec<i32>),
}

impl JaggedBuilder {
    pub(crate) fn new(
        item: Item,
        dims: &[usize],
        header: Header,
        shared: Option<OffsetBuffer<i32>>,
        capacity: usize,
    ) -> Self {
        let offsets = match shared {
            Some(offsets) => Offsets::Shared(offsets),
            None => Offsets::Own(vec![0]),
        };
        let width = item.width() * dims.iter().product::<usize>();
        Self {
            item,
            dims: dims.to_vec(),
            header,
            width,
            values: Values::with_capacity(item, capacity),
            offsets,
        }
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.item.is_plain()
    }

    /// Appends the bytes of whole list items; the counter has said how many they are.
    pub(crate) fn append_counted(&mut self, bytes: &[u8]) {
        self.values.extend(self.item, bytes);
    }

    /// Appends entries by where they start; `starts` has one more than entries.
    pub(crate) fn append(&mut self, data: &[u8], starts: &[usize]) -> Result<()> {
        let Offsets::Own(offsets) = &mut self.offsets else {
            return Ok(());
        };
        let header = self.header.length();
        let width = self.width.max(1);
        if let (Header::None, Some(first), Some(last)) = (self.header, starts.first(), starts.last()) {
            self.values.extend(self.item, data.get(*first..*last).unwrap_or_default());
        }
        let mut end = offsets.last().copied().unwrap_or(0);
        for pair in starts.windows(2) {
            let &[start, stop] = pair else { continue };
            let entry = data.get(start..stop).unwrap_or_default();
            let content = entry.get(header..).ok_or_else(|| RootError::truncated(header, entry.len()))?;
            let count = content.len() / width;
            if count * width != content.len() {
                return Err(RootError::malformed(
                    format!("items of {width} bytes in an entry"),
                    format!("{} bytes", content.len()),
                ));
            }
            match self.header {
                Header::None => {}
                Header::Flag => self.values.extend(self.item, content),
                Header::Container => {
                    check_container(entry, count)?;
                    self.values.extend(self.item, content);
                }
            }
            end = i32::try_from(count).ok().and_then(|count| end.checked_add(count)).ok_or_else(too_long)?;
            offsets.push(end);
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<ArrayRef> {
        let offsets = match self.offsets {
            Offsets::Shared(offsets) => offsets,
            Offsets::Own(offsets) => OffsetBuffer::new(ScalarBuffer::from(offsets)),
        };
        let values = nest(self.values.finish(), &self.dims)?;
        let field = list_item(values.data_type().clone());
        let list = ListArray::try_new(field, offsets, values, None);
        Ok(Arc::new(list.map_err(|error| RootError::malformed("as many items as the counter says", error))?))
    }
}

/// The header of a container repeats what the entry's length says; they must agree.
fn check_container(entry: &[u8], count: usize) -> Result<()> {
    let mut cursor = Cursor::new(entry);
    let header = cursor.object_header()?;
    let declared = cursor.i32()?;
    if header.memberwise {
        return Err(RootError::unsupported("a container streamed member by member"));
    }
    if header.end != Some(entry.len()) || usize::try_from(declared) != Ok(count) {
        return Err(RootError::malformed(
            format!("a container of {count} items and {} bytes", entry.len()),
            declared,
        ));
    }
    Ok(())
}

/// Where entries start in a basket that has no table, for containers: each says how long it is.
pub(crate) fn walk_containers(data: &[u8], entries: usize, starts: &mut Vec<usize>) -> Result<()> {
    let mut cursor = Cursor::new(data);
    for _ in 0..entries {
        starts.push(cursor.position());
        cursor.skip_object()?;
    }
    starts.push(cursor.position());
    cursor.finish("the last entry", data.len())
}

pub(crate) fn too_long() -> RootError {
    RootError::OutOfRange {
        place: Box::default(),
        what: "items in one array",
        expected: i32::MAX as u64,
        found: i32::MAX as u64 + 1,
    }
}
