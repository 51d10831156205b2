//! The CPU back end, which is the reference for the others.
//!
//! Work goes in blocks that stay in the first-level cache: cells of a block from one axis after the other, then what is
//! NULL is squeezed out, then the block is added to the histogram.

mod axis;
mod block;
mod counts;
pub mod event;
mod events;
mod plan;
mod rows;

#[cfg(feature = "gpu")]
pub(crate) use axis::to_f64;
pub use plan::PlanFiller;
#[cfg(feature = "gpu")]
pub(crate) use plan::{Chosen, FILLS, Table};

use ana_hist::exact_sum::CutBuffer;
use ana_hist::{Axis, Bins, ExactHistogram, Real};

use crate::error::{KernelError, Result};
use crate::fill::{Column, Fill, Level, Values};

use axis::AxisPlan;
use block::{BLOCK, Block};
use counts::PrivateCounts;
use events::EventPart;
use rows::RowWalk;

/// Fills histograms of one set of axes. Making one prepares the tables of thresholds; it is cheap beside a batch and
/// can be kept for all batches, groups and histograms with these axes.
#[derive(Debug, Clone)]
pub struct Filler {
    axes: Vec<Axis>,
    plans: Vec<AxisPlan>,
    strides: Vec<u32>,
    scratch: Scratch,
    events: EventPart,
}

/// What filling needs room for, kept between batches.
#[derive(Debug, Clone)]
struct Scratch {
    counts: PrivateCounts,
    cuts: CutBuffer,
}

impl Filler {
    /// A filler for these axes.
    ///
    /// # Errors
    /// Axes that no histogram can have.
    pub fn new(axes: &[Axis]) -> Result<Self> {
        let cells = ana_hist::cell_count(axes)?;
        let strides =
            ana_hist::strides(axes).into_iter().map(|s| u32::try_from(s).unwrap_or(u32::MAX)).collect();
        Ok(Self {
            axes: axes.to_vec(),
            plans: axes.iter().map(AxisPlan::new).collect(),
            strides,
            scratch: Scratch { counts: PrivateCounts::new(cells), cuts: CutBuffer::default() },
            events: EventPart::default(),
        })
    }

    /// The axes it was made for.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Adds a batch to a histogram. Returns the number of fills, NULLs and rows not selected left out.
    ///
    /// # Errors
    /// Slices that do not fit together, values that their axis does not take, a weight where there should be none or none where
    /// there should be one, a histogram of other axes. The histogram is then unchanged.
    pub fn fill(&mut self, histogram: &mut ExactHistogram, fill: &Fill<'_>) -> Result<u64> {
        self.check_target(histogram, fill)?;
        if let Some(filled) = self.fill_plain(histogram, fill)? {
            return Ok(filled);
        }
        let mut filled = 0;
        let private = fill.weight.is_none() && self.scratch.counts.is_usable();
        self.blocks(fill, false, |scratch, block| {
            filled += block.len() as u64;
            if private {
                scratch.counts.add_cells(block.cells());
            } else if fill.weight.is_some() {
                histogram.fill_weighted_with(block.cells(), block.weights(), &mut scratch.cuts);
            } else {
                histogram.fill(block.cells());
            }
        })?;
        if let Some(counts) = histogram.counts_mut().filter(|_| private) {
            self.scratch.counts.flush(counts);
        }
        Ok(filled)
    }

    /// Adds a batch to several histograms: row i goes to `histograms[groups[i]]`. Returns the number of fills.
    ///
    /// # Errors
    /// As [`fill`](Self::fill), and a group without a histogram. The histograms are then unchanged.
    pub fn fill_groups(
        &mut self,
        histograms: &mut [ExactHistogram],
        groups: &[usize],
        fill: &Fill<'_>,
    ) -> Result<u64> {
        if groups.len() < fill.rows {
            return Err(KernelError::Length { what: "groups", expected: fill.rows, found: groups.len() });
        }
        let groups = &groups[..fill.rows];
        if let Some(&group) = groups.iter().find(|&&group| group >= histograms.len()) {
            return Err(KernelError::Group { group, groups: histograms.len() });
        }
        histograms.iter().try_for_each(|histogram| self.check_target(histogram, fill))?;
        let mut filled = 0;
        self.blocks(fill, true, |scratch, block| {
            filled += block.len() as u64;
            // Rows of one group often come together (one file, one sample), so runs are filled at once.
            let mut start = 0;
            for run in block.rows().chunk_by(|&a, &b| groups[a as usize] == groups[b as usize]) {
                let range = start..start + run.len();
                start = range.end;
                let histogram = &mut histograms[groups[run[0] as usize]];
                if fill.weight.is_some() {
                    let (cells, weights) = (&block.cells()[range.clone()], &block.weights()[range]);
                    histogram.fill_weighted_with(cells, weights, &mut scratch.cuts);
                } else {
                    histogram.fill(&block.cells()[range]);
                }
            }
        })?;
        Ok(filled)
    }

    fn check_target(&self, histogram: &ExactHistogram, fill: &Fill<'_>) -> Result<()> {
        let same = histogram.axes().len() == self.axes.len()
            && histogram.axes().iter().zip(&self.axes).all(|(a, b)| a.same_bins(b));
        if !same {
            return Err(KernelError::OtherAxes);
        }
        if histogram.is_weighted() != fill.weight.is_some() {
            return Err(KernelError::Weight);
        }
        Ok(())
    }

    /// The commonest fills by themselves: one axis of floats, perhaps f64 weights, nothing NULL, nothing to repeat.
    fn fill_plain(&mut self, histogram: &mut ExactHistogram, fill: &Fill<'_>) -> Result<Option<u64>> {
        let items = fill.check(self.axes.len())?;
        let natural = if fill.offsets.is_some() { Level::Item } else { Level::Event };
        let plain = |column: &Column<'_>| column.validity.is_none() && column.level == natural;
        let ([AxisPlan::Numeric { wide, narrow, .. }], [column]) = (&self.plans[..], fill.columns) else {
            return Ok(None);
        };
        if fill.selection.is_some() || !plain(column) || !fill.weight.as_ref().is_none_or(plain) {
            return Ok(None);
        }
        let filled = items.len() as u64;
        match (column.values, fill.weight.map(|w| w.values)) {
            (Values::F64(v), Some(Values::F64(w))) => {
                fill_weighted(histogram, wide, &v[items.clone()], &w[items], &mut self.scratch.cuts);
            }
            (Values::F32(v), Some(Values::F64(w))) => {
                fill_weighted(histogram, narrow, &v[items.clone()], &w[items], &mut self.scratch.cuts);
            }
            (Values::F64(v), None) if self.scratch.counts.is_usable() => {
                self.scratch.counts.add(wide, &v[items])
            }
            (Values::F32(v), None) if self.scratch.counts.is_usable() => {
                self.scratch.counts.add(narrow, &v[items])
            }
            _ => return Ok(None),
        }
        if let Some(counts) = histogram.counts_mut() {
            self.scratch.counts.flush(counts);
        }
        Ok(Some(filled))
    }

    /// Calls `each` with the cells (and weights, and with `rows` their rows) of one block after the other.
    fn blocks(
        &mut self,
        fill: &Fill<'_>,
        rows: bool,
        mut each: impl FnMut(&mut Scratch, &Block),
    ) -> Result<()> {
        let items = fill.check(self.axes.len())?;
        for (plan, column) in self.plans.iter().zip(fill.columns) {
            plan.check(&column.values)?;
        }
        if let Some(weight) = fill.weight {
            axis::check_weight(&weight.values)?;
        }
        let mut block = Block::new();
        // Constants first: one index for all.
        let mut base = 0;
        for ((plan, column), &stride) in self.plans.iter().zip(fill.columns).zip(&self.strides) {
            if column.level == Level::Constant {
                if column.validity.is_some_and(|bits| !bits.get(0)) {
                    return Ok(());
                }
                plan.accumulate(column.values, 0..1, stride, std::slice::from_mut(&mut base));
            }
        }
        let mut weight_of_all = [0.0];
        if let Some(weight) = fill.weight.filter(|w| w.level == Level::Constant) {
            if weight.validity.is_some_and(|bits| !bits.get(0)) {
                return Ok(());
            }
            axis::to_f64(weight.values, 0..1, &mut weight_of_all);
            block.weights.fill(weight_of_all[0]);
        }
        if let Some(offsets) = fill.offsets {
            let by_event = |column: &Column<'_>| column.level == Level::Event;
            let walks =
                rows || fill.selection.is_some() || fill.columns.iter().chain(&fill.weight).any(by_event);
            self.events.prepare(&self.plans, &self.strides, fill, base);
            let mut walk = walks.then(|| RowWalk::new(offsets));
            let mut start = items.start;
            while start < items.end {
                let len = BLOCK.min(items.end - start);
                block.begin(len, base);
                if let Some(walk) = &mut walk {
                    walk.expand(start, &mut block.rows[..len]);
                    self.events.spread(&mut block);
                }
                self.add_columns(&mut block, fill, Level::Item, start, len);
                block.squeeze(fill.weight.is_some(), rows);
                each(&mut self.scratch, &block);
                start += len;
            }
            return Ok(());
        }
        let mut start = 0;
        while start < fill.rows {
            let len = BLOCK.min(fill.rows - start);
            block.begin(len, base);
            if rows {
                let first = u32::try_from(start).unwrap_or(u32::MAX);
                block.rows[..len].iter_mut().zip(first..).for_each(|(row, number)| *row = number);
            }
            if let Some(selection) = fill.selection {
                block.keep(&selection, start);
            }
            self.add_columns(&mut block, fill, Level::Event, start, len);
            block.squeeze(fill.weight.is_some(), rows);
            each(&mut self.scratch, &block);
            start += len;
        }
        Ok(())
    }

    /// Adds the columns of one level, whose entries `start ..` the block's fills are.
    fn add_columns(&self, block: &mut Block, fill: &Fill<'_>, level: Level, start: usize, len: usize) {
        for ((plan, column), &stride) in self.plans.iter().zip(fill.columns).zip(&self.strides) {
            if column.level == level {
                plan.accumulate(column.values, start..start + len, stride, &mut block.cells[..len]);
                if let Some(validity) = column.validity {
                    block.keep(&validity, start);
                }
            }
        }
        if let Some(weight) = fill.weight.filter(|w| w.level == level) {
            axis::to_f64(weight.values, start..start + len, &mut block.weights[..len]);
            if let Some(validity) = weight.validity {
                block.keep(&validity, start);
            }
        }
    }
}

/// Values of one axis and as many weights into a histogram, block by block.
fn fill_weighted<F: Real>(
    histogram: &mut ExactHistogram,
    bins: &Bins<F>,
    values: &[F],
    weights: &[f64],
    cuts: &mut CutBuffer,
) {
    let mut left = weights;
    bins.visit(values, |indices| {
        let (now, later) = left.split_at(indices.len());
        histogram.fill_weighted_with(indices, now, cuts);
        left = later;
    });
}
