//! How bytes get in: the caller keeps a [`ByteStore`], the decoder says which ranges it lacks.

use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::error::{Result, RootError};

/// Either the answer, or the byte ranges to fetch before asking again.
#[derive(Debug, Clone)]
pub enum Progress<T> {
    /// The answer.
    Ready(T),
    /// Put these ranges into the store and call again.
    Need(Vec<Range<u64>>),
}

/// Pieces of a file by their offset. Holds reference-counted slices, copies nothing.
#[derive(Debug, Clone, Default)]
pub struct ByteStore {
    pieces: BTreeMap<u64, Bytes>,
}

impl ByteStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the bytes found at `offset`. Of two pieces at one offset the longer one stays.
    pub fn insert(&mut self, offset: u64, bytes: Bytes) {
        let old = self.pieces.get(&offset).map_or(0, Bytes::len);
        if bytes.len() > old {
            self.pieces.insert(offset, bytes);
        }
    }

    /// The bytes of a range, if they lie within one inserted piece.
    pub fn get(&self, range: Range<u64>) -> Option<Bytes> {
        if range.is_empty() {
            return Some(Bytes::new());
        }
        // The nearest piece is nearly always the one; a long piece that starts earlier is found by walking on.
        for (offset, piece) in self.pieces.range(..=range.start).rev() {
            let Ok(start) = usize::try_from(range.start - offset) else {
                continue;
            };
            let Ok(length) = usize::try_from(range.end - range.start) else {
                continue;
            };
            if start.checked_add(length).is_some_and(|end| end <= piece.len()) {
                return Some(piece.slice(start..start + length));
            }
        }
        None
    }

    /// Drops the piece inserted at `offset`.
    pub fn remove(&mut self, offset: u64) -> Option<Bytes> {
        self.pieces.remove(&offset)
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.pieces.clear();
    }

    /// Bytes held (pieces that overlap count twice).
    pub fn len(&self) -> u64 {
        self.pieces.values().map(|piece| piece.len() as u64).sum()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(crate) fn expect(&self, range: Range<u64>) -> Result<Bytes> {
        self.get(range.clone()).ok_or_else(|| RootError::NotSupplied { place: Box::default(), range })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_within_one_piece() {
        let mut store = ByteStore::new();
        store.insert(0, Bytes::from_static(b"0123456789"));
        store.insert(4, Bytes::from_static(b"45"));
        assert_eq!(store.get(2..5).as_deref(), Some(&b"234"[..]));
        assert_eq!(store.get(5..9).as_deref(), Some(&b"5678"[..]));
        assert_eq!(store.get(8..11), None);
        assert_eq!(store.get(u64::MAX - 1..u64::MAX), None);
        store.remove(0);
        assert_eq!(store.get(4..6).as_deref(), Some(&b"45"[..]));
        assert_eq!(store.get(2..5), None);
    }
}
