//! The histogram that accumulates: whole counts, sums without rounding.

mod bytes;

use crate::axis::{self, Axis};
use crate::error::{HistError, Result};
use crate::exact_sum::{CutBuffer, SplitWeight, Splitter, WeightSums};
use crate::histogram::{Histogram, Weighted};
use crate::storage;

/// Counts and, where there are weights, Σw and Σw² per cell, all exact: [`fill`](Self::fill_weighted) and
/// [`merge`](Self::merge) commute and associate to the bit. [`finish`](Self::finish) rounds, once. The rules of the sums
/// are those of [`exact_sum`](crate::exact_sum). Cells are in C order with flow bins.
#[derive(Debug, Clone)]
pub struct ExactHistogram {
    axes: Vec<Axis>,
    /// Fills, but for those that went to `sums`, which counts its own.
    counts: Vec<u64>,
    sums: Option<WeightSums>,
}

impl ExactHistogram {
    /// An empty histogram; `weighted` keeps Σw and Σw² beside the counts.
    ///
    /// # Errors
    /// No axes, an axis that is not valid, or more than [`MAX_CELLS`](crate::MAX_CELLS).
    pub fn new(axes: Vec<Axis>, weighted: bool) -> Result<Self> {
        let cells = storage::cell_count(&axes)?;
        let sums = weighted.then(|| WeightSums::new(cells));
        Ok(Self { axes, counts: vec![0; cells], sums })
    }

    /// The axes, first to last.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Whether Σw and Σw² are kept.
    #[must_use]
    pub fn is_weighted(&self) -> bool {
        self.sums.is_some()
    }

    /// Number of cells, flow bins included.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.counts.len()
    }

    /// Fills per cell so far, raw: without weights.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        (0..self.cells()).map(|cell| self.count(cell)).collect()
    }

    fn count(&self, cell: usize) -> u64 {
        self.counts[cell].saturating_add(self.sums.as_ref().map_or(0, |sums| sums.fills(cell)))
    }

    /// Fills per cell of an unweighted histogram, for adding counts kept elsewhere; `None` for a weighted one,
    /// whose counts and sums must move together.
    pub fn counts_mut(&mut self) -> Option<&mut [u64]> {
        if self.sums.is_some() { None } else { Some(&mut self.counts) }
    }

    /// One fill of weight 1 for every cell named.
    ///
    /// # Panics
    /// If a cell is not below [`cells`](Self::cells).
    pub fn fill(&mut self, cells: &[u32]) {
        match &mut self.sums {
            None => cells.iter().for_each(|&cell| self.counts[cell as usize] += 1),
            Some(_) => {
                let ones = [1.0; 256];
                for chunk in cells.chunks(ones.len()) {
                    self.fill_weighted(chunk, &ones[..chunk.len()]);
                }
            }
        }
    }

    /// One fill of weight `weights[i]` for every `cells[i]`, slices of one length (else of the shorter). An unweighted
    /// histogram only counts.
    ///
    /// # Panics
    /// If a cell is not below [`cells`](Self::cells).
    pub fn fill_weighted(&mut self, cells: &[u32], weights: &[f64]) {
        self.fill_weighted_with(cells, weights, &mut CutBuffer::default());
    }

    /// [`fill_weighted`](Self::fill_weighted) with a buffer that is kept for the next time.
    ///
    /// # Panics
    /// If a cell is not below [`cells`](Self::cells).
    pub fn fill_weighted_with(&mut self, cells: &[u32], weights: &[f64], buffer: &mut CutBuffer) {
        match &mut self.sums {
            Some(sums) => sums.add_with(cells, weights, buffer),
            None => self.fill(&cells[..cells.len().min(weights.len())]),
        }
    }

    /// Adds `fills` fills of a cell, whose weights' cuts by `splitter` add up to `sum`.
    ///
    /// # Panics
    /// If the cell is not below [`cells`](Self::cells).
    pub fn add_cut(&mut self, cell: u32, fills: u64, splitter: &Splitter, sum: &SplitWeight) {
        let cell = cell as usize;
        self.counts[cell] = self.counts[cell].saturating_add(fills);
        if let Some(sums) = &mut self.sums {
            sums.add_cut_sum(cell, splitter, sum);
        }
    }

    /// Adds `fills` fills of weight 1 to a cell.
    ///
    /// # Panics
    /// If the cell is not below [`cells`](Self::cells).
    pub fn add_count(&mut self, cell: u32, fills: u64) {
        let place = cell as usize;
        self.counts[place] = self.counts[place].saturating_add(fills);
        if let Some(sums) = &mut self.sums {
            sums.add_ones(place, fills);
        }
    }

    /// One fill of one value per axis, by the plain rule of [`Axis::index`]; for tests and small things.
    /// Values missing at the end count as NaN.
    pub fn fill_one(&mut self, values: &[f64], weight: f64) {
        let mut cell = 0;
        for (i, axis) in self.axes.iter().enumerate() {
            cell = cell * axis.extent() + axis.index(values.get(i).copied().unwrap_or(f64::NAN));
        }
        if let Ok(cell) = u32::try_from(cell) {
            self.fill_weighted(&[cell], &[weight]);
        }
    }

    /// Adds another histogram of the same axes (names aside) and the same storage.
    ///
    /// # Errors
    /// Different bins, or one of them is weighted and the other not.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        axis::check_same(&self.axes, &other.axes)?;
        match (&mut self.sums, &other.sums) {
            (None, None) => {}
            (Some(own), Some(others)) => own.merge(others),
            _ => return Err(HistError::StorageDiffers),
        }
        for (cell, own) in self.counts.iter_mut().enumerate() {
            *own = own.saturating_add(other.count(cell));
        }
        Ok(())
    }

    /// The finished histogram: each sum rounded to the nearest f64.
    #[must_use]
    pub fn finish(&self) -> Histogram {
        let weighted = self.sums.as_ref().map(|sums| {
            let (sumw, sumw2) = sums.finish();
            Weighted { sumw, sumw2 }
        });
        Histogram { axes: self.axes.clone(), counts: self.counts(), weighted }
    }

    /// Memory held, in bytes; axes count by their edges and labels.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let axes: usize = self.axes.iter().map(Axis::heap_bytes).sum();
        size_of::<Self>()
            + axes
            + self.counts.capacity() * size_of::<u64>()
            + self.sums.as_ref().map_or(0, WeightSums::heap_bytes)
    }
}

/// Equal axes, counts and exact sums, however they were arrived at.
impl PartialEq for ExactHistogram {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}
