//! Strings: a length, then bytes. Bytes that are not UTF-8 are replaced by U+FFFD, as Arrow's Utf8 cannot hold them.

use arrow::array::{ArrayRef, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use std::sync::Arc;

use super::Text;
use super::jagged::too_long;
use crate::cursor::Cursor;
use crate::error::{Result, RootError};

/// Offsets and bytes of strings.
#[derive(Debug)]
pub(crate) struct TextBuilder {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
}

impl Default for TextBuilder {
    fn default() -> Self {
        Self { offsets: vec![0], bytes: Vec::new() }
    }
}

impl TextBuilder {
    pub(crate) fn push(&mut self, text: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(text);
        self.offsets.push(i32::try_from(self.bytes.len()).map_err(|_| too_long())?);
        Ok(())
    }

    pub(crate) fn append(&mut self, data: &[u8], starts: &[usize], text: Text) -> Result<()> {
        for pair in starts.windows(2) {
            let &[start, stop] = pair else { continue };
            let entry = data.get(start..stop).unwrap_or_default();
            let mut cursor = Cursor::new(entry);
            cursor.skip(text.header)?;
            let content = read(&mut cursor, text.long)?;
            cursor.finish("a string", entry.len())?;
            self.push(content)?;
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<ArrayRef> {
        let Self { offsets, bytes } =
            if std::str::from_utf8(&self.bytes).is_ok() { self } else { self.replaced()? };
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        match StringArray::try_new(offsets, Buffer::from_vec(bytes), None) {
            Ok(array) => Ok(Arc::new(array)),
            Err(error) => Err(RootError::malformed("text", error)),
        }
    }

    fn replaced(&self) -> Result<Self> {
        let mut replaced = Self::default();
        for pair in self.offsets.windows(2) {
            let &[start, stop] = pair else { continue };
            let range = usize::try_from(start).unwrap_or(0)..usize::try_from(stop).unwrap_or(0);
            let text = self.bytes.get(range).unwrap_or_default();
            replaced.push(String::from_utf8_lossy(text).as_bytes())?;
        }
        Ok(replaced)
    }
}

/// A string at the cursor.
pub(crate) fn read<'a>(cursor: &mut Cursor<'a>, long: bool) -> Result<&'a [u8]> {
    if long {
        let length = cursor.count(1)?;
        cursor.take(length)
    } else {
        cursor.string_bytes()
    }
}

/// Where entries start in a basket that has no table.
pub(crate) fn walk(data: &[u8], entries: usize, text: Text, starts: &mut Vec<usize>) -> Result<()> {
    let mut cursor = Cursor::new(data);
    for _ in 0..entries {
        starts.push(cursor.position());
        cursor.skip(text.header)?;
        read(&mut cursor, text.long)?;
    }
    starts.push(cursor.position());
    cursor.finish("the last string", data.len())
}
