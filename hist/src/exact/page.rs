//! Part of the cells of a histogram: memory is taken when one of them is filled first.

use crate::exact_sum::WeightSums;

/// Cells up to which a histogram is one page.
const WHOLE: usize = 1 << 14;

/// Cells per page of a larger one, as a power of two.
const PAGE: u32 = 6;

/// How cells are dealt to pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paging {
    cells: usize,
    bits: u32,
}

impl Paging {
    pub(super) fn of(cells: usize) -> Self {
        Self { cells, bits: if cells <= WHOLE { u32::BITS - 1 } else { PAGE } }
    }

    pub(super) fn cells(self) -> usize {
        self.cells
    }

    pub(super) fn is_whole(self) -> bool {
        self.bits > PAGE
    }

    pub(super) fn pages(self) -> usize {
        self.cells.div_ceil(1 << self.bits)
    }

    /// The page of a cell, and its place there.
    pub(super) fn place(self, cell: usize) -> (usize, usize) {
        (cell >> self.bits, cell & ((1 << self.bits) - 1))
    }

    /// The first cell of a page, and how many it has.
    pub(super) fn extent(self, page: usize) -> (usize, usize) {
        let first = page << self.bits;
        (first, (self.cells - first).min(1 << self.bits))
    }
}

/// Counts and sums of some cells.
#[derive(Debug, Clone)]
pub(super) struct Page {
    /// Fills, but for those that went to `sums`, which counts its own.
    pub(super) counts: Vec<u64>,
    pub(super) sums: Option<WeightSums>,
}

impl Page {
    pub(super) fn new(cells: usize, weighted: bool) -> Self {
        Self { counts: vec![0; cells], sums: weighted.then(|| WeightSums::new(cells)) }
    }

    pub(super) fn count(&self, cell: usize) -> u64 {
        self.counts[cell].saturating_add(self.sums.as_ref().map_or(0, |sums| sums.fills(cell)))
    }

    /// Adds a page of as many cells and the same storage.
    pub(super) fn merge(&mut self, other: &Self) {
        if let (Some(own), Some(others)) = (&mut self.sums, &other.sums) {
            own.merge(others);
        }
        for (cell, own) in self.counts.iter_mut().enumerate() {
            *own = own.saturating_add(other.count(cell));
        }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.counts.capacity() * size_of::<u64>()
            + self.sums.as_ref().map_or(0, WeightSums::heap_bytes)
    }
}
