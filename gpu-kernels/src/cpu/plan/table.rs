//! The integers of one histogram: per pattern and cell a count, and beside each other the sums of all weights.

use ana_hist::exact_sum::{SplitWeight, Splitter};
use ana_hist::{Axis, ExactHistogram};
use pulp::Arch;

use super::selection::Chosen;
use crate::error::{KernelError, Result};
use crate::plan::{FillPlan, PlannedFill};

/// Fills between two emptyings: 2²² pieces of 2⁴⁰ are half of what an i64 holds.
pub(crate) const FILLS: usize = 1 << 22;

/// Sums since they were last emptied.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Cells of the axes of values.
    pub(crate) cells: u32,
    /// Of the axes of values.
    pub(crate) strides: Vec<u32>,
    /// Number of weights; 0 counts only.
    weights: usize,
    /// Per pattern and cell.
    counts: Vec<u64>,
    /// Per pattern, cell and weight.
    sums: Vec<SplitWeight>,
    /// Fills since they were last emptied.
    added: usize,
}

impl Table {
    fn new(axes: &[Axis], weights: usize) -> Self {
        let cells = axes.iter().map(Axis::extent).product::<usize>();
        // A histogram was made with these axes, so they have at most 2²⁶ cells.
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let strides = ana_hist::strides(axes).into_iter().map(small).collect();
        Self { cells: small(cells), strides, weights, counts: Vec::new(), sums: Vec::new(), added: 0 }
    }

    /// The table of a fill of a plan.
    pub(crate) fn of(plan: &FillPlan, fill: &PlannedFill) -> Self {
        let axes = fill.bins.iter().map(|&bin| plan.bins[bin].axis.clone()).collect::<Vec<_>>();
        Self::new(&axes, fill.weights.map_or(0, |set| plan.weights[set].len()))
    }

    /// Makes room for so many patterns.
    pub(crate) fn reach(&mut self, patterns: usize) -> Result<()> {
        let rows = patterns.saturating_mul(self.cells as usize);
        if u32::try_from(rows).is_err() {
            return Err(KernelError::Plan {
                what: "more cells in all groups and categories than can be numbered",
            });
        }
        self.reach_rows(rows);
        Ok(())
    }

    /// Makes room for so many rows.
    pub(crate) fn reach_rows(&mut self, rows: usize) {
        if self.counts.len() < rows {
            self.counts.resize(rows, 0);
            self.sums.resize(rows * self.weights, [0; 4]);
        }
    }

    /// Takes counts and sums that were made elsewhere, of the first rows, in place of what is held.
    #[cfg(feature = "gpu")]
    pub(crate) fn land(&mut self, counts: &[u64], sums: &[SplitWeight]) {
        self.counts.clear();
        self.counts.extend_from_slice(counts);
        self.sums.clear();
        self.sums.extend_from_slice(sums);
    }

    /// One fill per row named.
    pub(crate) fn count(&mut self, rows: &[u32]) {
        for &row in rows {
            self.counts[row as usize] += 1;
        }
    }

    /// Whether there has to be an emptying before so many more fills with weights.
    pub(crate) fn is_full(&self, fills: usize) -> bool {
        self.added + fills > FILLS
    }

    /// One fill with all weights per row named: `cuts` holds the weights of the events, list after list.
    pub(crate) fn add(&mut self, rows: &[u32], events: &[u32], cuts: &[SplitWeight]) {
        self.added += rows.len();
        let Self { weights, counts, sums, .. } = self;
        Arch::new().dispatch(Add { rows, events, cuts, weights: *weights, counts, sums });
    }

    /// The cell of the histogram, whose axes of categories and variations stand in front.
    pub(crate) fn full_cell(&self, fill: &PlannedFill, category: usize, variation: usize, cell: u32) -> u32 {
        // One more than the labels: an axis of texts has a bin for any other.
        let variations = if fill.varied { self.weights + 1 } else { 1 };
        let front = u32::try_from(category * variations + variation).unwrap_or(u32::MAX);
        front * self.cells + cell
    }

    /// Moves everything to the histograms of the groups.
    pub(crate) fn empty(
        &mut self,
        fill: &PlannedFill,
        chosen: &Chosen,
        splitters: &[Splitter],
        histograms: &mut [ExactHistogram],
    ) {
        let cells = self.cells as usize;
        for (pattern, counts) in (0..).zip(self.counts.chunks(cells.max(1))) {
            if counts.iter().all(|&count| count == 0) {
                continue;
            }
            let (group, categories) = chosen.members(pattern);
            let first = pattern as usize * cells;
            for category in categories {
                for (cell, &count) in (0..).zip(counts).filter(|(_, count)| **count > 0) {
                    let histogram = &mut histograms[group];
                    if self.weights == 0 {
                        histogram.add_count(self.full_cell(fill, category, 0, cell), count);
                    }
                    let sums = (first + cell as usize) * self.weights;
                    for (variation, splitter) in splitters.iter().enumerate() {
                        let full = self.full_cell(fill, category, variation, cell);
                        histogram.add_cut(full, count, splitter, &self.sums[sums + variation]);
                    }
                }
            }
        }
        // What was never touched need not be cleared, but a memset is cheaper than knowing.
        self.counts.fill(0);
        self.sums.fill([0; 4]);
        self.added = 0;
    }

    pub(crate) fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<u64>() + self.sums.capacity() * size_of::<SplitWeight>()
    }
}

/// The inner loop, in a form that [`Arch::dispatch`] compiles for each instruction set.
struct Add<'a> {
    rows: &'a [u32],
    events: &'a [u32],
    cuts: &'a [SplitWeight],
    weights: usize,
    counts: &'a mut [u64],
    sums: &'a mut [SplitWeight],
}

impl pulp::NullaryFnOnce for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { rows, events, cuts, weights, counts, sums } = self;
        for (&row, &event) in rows.iter().zip(events) {
            let (row, event) = (row as usize, event as usize);
            counts[row] += 1;
            let sums = &mut sums[row * weights..][..weights];
            let cuts = &cuts[event * weights..][..weights];
            for (sum, cut) in sums.iter_mut().zip(cuts) {
                // Written out, so that it becomes one addition.
                *sum = [
                    sum[0].wrapping_add(cut[0]),
                    sum[1].wrapping_add(cut[1]),
                    sum[2].wrapping_add(cut[2]),
                    sum[3].wrapping_add(cut[3]),
                ];
            }
        }
    }
}
