//! A block of fills on its way into a histogram.

use crate::fill::Bitmap;

/// Fills in a block: cells, weights and rows of one stay in the first-level cache.
pub(super) const BLOCK: usize = 1024;

/// Cells, weights and rows of up to [`BLOCK`] fills.
#[derive(Debug)]
pub(super) struct Block {
    len: usize,
    pub(super) cells: [u32; BLOCK],
    pub(super) weights: [f64; BLOCK],
    pub(super) rows: [u32; BLOCK],
    /// One bit per fill: not NULL and selected so far.
    alive: [u64; BLOCK / 64],
}

impl Block {
    pub(super) fn new() -> Self {
        Self { len: 0, cells: [0; BLOCK], weights: [0.0; BLOCK], rows: [0; BLOCK], alive: [0; BLOCK / 64] }
    }

    /// Starts over with `len` fills of cell `cell`, all alive.
    pub(super) fn begin(&mut self, len: usize, cell: u32) {
        self.len = len;
        self.cells[..len].fill(cell);
        self.alive = [u64::MAX; BLOCK / 64];
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn cells(&self) -> &[u32] {
        &self.cells[..self.len]
    }

    pub(super) fn weights(&self) -> &[f64] {
        &self.weights[..self.len]
    }

    pub(super) fn rows(&self) -> &[u32] {
        &self.rows[..self.len]
    }

    /// Drops the fills whose bit, counted from `start`, is 0.
    pub(super) fn keep(&mut self, bits: &Bitmap<'_>, start: usize) {
        for (i, alive) in self.alive.iter_mut().enumerate().take(self.len.div_ceil(64)) {
            *alive &= bits.word(start + 64 * i);
        }
    }

    /// Drops the fills of one cell, and makes theirs 0.
    pub(super) fn drop_cells(&mut self, dead: u32) {
        for (i, cell) in self.cells[..self.len].iter_mut().enumerate() {
            if *cell == dead {
                self.alive[i / 64] &= !(1 << (i % 64));
                *cell = 0;
            }
        }
    }

    /// Moves the fills still alive to the front, in order.
    pub(super) fn squeeze(&mut self, weights: bool, rows: bool) {
        let all = (0..self.len.div_ceil(64)).all(|i| {
            let wanted = if self.len - 64 * i < 64 { (1 << (self.len % 64)) - 1 } else { u64::MAX };
            self.alive[i] & wanted == wanted
        });
        if all {
            return;
        }
        let mut kept = 0;
        for i in 0..self.len {
            self.cells[kept] = self.cells[i];
            if weights {
                self.weights[kept] = self.weights[i];
            }
            if rows {
                self.rows[kept] = self.rows[i];
            }
            kept += usize::from(self.alive[i / 64] >> (i % 64) & 1 == 1);
        }
        self.len = kept;
    }
}
