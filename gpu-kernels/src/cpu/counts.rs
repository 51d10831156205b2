//! Counts in several copies, so that equal bins in a row do not wait for each other's store.

use ana_hist::{Bins, Real};

/// Copies; neighbouring values go to different ones.
const COPIES: usize = 4;

/// Cells up to which copies fit the first-level cache with the values.
const MAX_CELLS: usize = 1024;

/// Counts of one batch, to be added to a histogram's.
#[derive(Debug, Clone)]
pub(super) struct PrivateCounts {
    /// One table per copy, of as many cells as the histogram; none if the histogram is too large.
    tables: [Vec<u32>; COPIES],
}

impl PrivateCounts {
    pub(super) fn new(cells: usize) -> Self {
        let cells = if cells <= MAX_CELLS { cells } else { 0 };
        Self { tables: std::array::from_fn(|_| vec![0; cells]) }
    }

    pub(super) fn is_usable(&self) -> bool {
        !self.tables[0].is_empty()
    }

    /// Counts the bins of values on a single axis.
    pub(super) fn add<F: Real>(&mut self, bins: &Bins<F>, values: &[F]) {
        bins.visit(values, |indices| self.add_cells(indices));
    }

    /// Counts cells.
    pub(super) fn add_cells(&mut self, cells: &[u32]) {
        let [a, b, c, d] = &mut self.tables;
        let mut fours = cells.chunks_exact(COPIES);
        for four in &mut fours {
            a[four[0] as usize] += 1;
            b[four[1] as usize] += 1;
            c[four[2] as usize] += 1;
            d[four[3] as usize] += 1;
        }
        fours.remainder().iter().for_each(|&cell| a[cell as usize] += 1);
    }

    /// Moves the counts to a histogram's.
    pub(super) fn flush(&mut self, counts: &mut [u64]) {
        for table in &mut self.tables {
            for (total, count) in counts.iter_mut().zip(table) {
                *total += u64::from(std::mem::take(count));
            }
        }
    }
}
