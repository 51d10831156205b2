//! A chunk of rows: the columns as the programs read them, and what is computed once for all of them.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::ir::{CollectionId, InputId};

use super::input::ChunkColumn;
use super::output::Results;

/// Rows of one run that are worked on together.
pub(super) struct Chunk<'a> {
    /// Different for every chunk a scratch sees.
    pub(super) number: u64,
    pub(super) rows: usize,
    pub(super) columns: Vec<ChunkColumn<'a>>,
    /// `rows` + 1 offsets for each collection; they need not start at 0.
    pub(super) offsets: Vec<Cow<'a, [i32]>>,
    /// Results of queries that depend on the event alone.
    pub(super) hoisted: Vec<Results>,
    /// For each collection, the row of every object.
    pub(super) owners: Vec<OnceLock<Vec<u32>>>,
}

/// For every element of the rows' lists, of which row `row` ends at `end(row)`, the value of its row.
pub(super) fn spread(rows: usize, end: impl Fn(usize) -> usize, value: impl Fn(usize) -> u32) -> Vec<u32> {
    // Whole vectors, whatever the length of the list: what is too much is overwritten by the rows behind.
    const STEP: usize = 8;
    let count = rows.checked_sub(1).map_or(0, &end);
    let mut values = vec![0; count + STEP];
    let mut from = 0;
    for row in 0..rows {
        let (end, value) = (end(row), value(row));
        values[from..from + STEP].fill(value);
        for from in (from + STEP..end).step_by(STEP) {
            values[from..from + STEP].fill(value);
        }
        from = end;
    }
    values.truncate(count);
    values
}

impl Chunk<'_> {
    /// Place of the row's first object among the collection's; for `row` = rows, how many there are.
    #[inline]
    pub(super) fn start(&self, collection: CollectionId, row: usize) -> u32 {
        let offsets = &self.offsets[collection];
        offsets[row].abs_diff(offsets[0])
    }

    pub(super) fn objects(&self, collection: CollectionId) -> usize {
        self.start(collection, self.rows) as usize
    }

    /// The row of every object.
    pub(super) fn owners(&self, collection: CollectionId) -> &[u32] {
        self.owners[collection].get_or_init(|| {
            let end = |row| self.start(collection, row + 1) as usize;
            spread(self.rows, end, |row| u32::try_from(row).unwrap_or(u32::MAX))
        })
    }

    pub(super) fn column(&self, input: InputId) -> &ChunkColumn<'_> {
        &self.columns[input]
    }
}
