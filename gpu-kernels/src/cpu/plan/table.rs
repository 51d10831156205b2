//! The integers of one histogram: per pattern and cell a count, and beside each other the sums of all weights.

use ana_hist::exact_sum::{ADDS, SplitWeight, Splitter, settle};
use ana_hist::{Axis, ExactHistogram};
use pulp::Arch;

use super::pages::{Chunk, Pages};
use super::selection::Chosen;
use crate::error::{KernelError, Result};
use crate::plan::{FillPlan, PlannedFill};

/// Fills between two times at which the integers are settled.
pub(crate) const FILLS: usize = ADDS;

/// Counts and sums of a histogram.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// Cells of the axes of values.
    pub(crate) cells: u32,
    /// Rows of a pattern: its cells, and what is left of the last page.
    pub(super) rows: u32,
    /// Of the axes of values.
    pub(crate) strides: Vec<u32>,
    /// Number of weights; 0 counts only.
    weights: usize,
    /// None: rows lie side by side, in one chunk.
    pages: Option<Pages>,
    chunks: Vec<Chunk>,
    /// Fills since the sums were last settled.
    added: usize,
    /// Memory of the chunks.
    held: usize,
}

/// Cells of a pattern that lie side by side.
pub(super) struct Stretch<'a> {
    pub(super) pattern: u32,
    /// The first.
    pub(super) cell: u32,
    pub(super) counts: &'a [u64],
    /// Per cell all weights.
    pub(super) sums: &'a [SplitWeight],
}

/// A sum that has outgrown its integers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outgrown {
    pub(super) pattern: u32,
    pub(super) cell: u32,
    pub(super) weight: usize,
    pub(super) sum: SplitWeight,
}

/// A histogram was made with the axes, so they have at most 2²⁶ cells.
fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl Table {
    /// The table of a fill of a plan, rows side by side.
    pub(crate) fn of(plan: &FillPlan, fill: &PlannedFill) -> Self {
        let axes = fill.bins.iter().map(|&bin| plan.bins[bin].axis.clone()).collect::<Vec<_>>();
        let cells = small(axes.iter().map(Axis::extent).product::<usize>());
        let strides = ana_hist::strides(&axes).into_iter().map(small).collect();
        let weights = fill.weights.map_or(0, |set| plan.weights[set].len());
        Self { cells, rows: cells, strides, weights, ..Self::default() }
    }

    /// With pages where it is large.
    pub(super) fn paged(mut self) -> Self {
        self.pages = Pages::of(self.cells as usize, self.weights);
        if let Some(pages) = &self.pages {
            self.rows = small((self.cells as usize).next_multiple_of(pages.page()));
        }
        self
    }

    /// An empty one of the same kind.
    pub(super) fn emptied(&self) -> Self {
        let Self { cells, rows, weights, .. } = *self;
        let pages = self.pages.as_ref().and_then(|_| Pages::of(cells as usize, weights));
        Self { cells, rows, weights, pages, strides: self.strides.clone(), ..Self::default() }
    }

    /// Bytes of a pattern all of whose cells are filled.
    pub(super) fn bytes_of_pattern(&self) -> usize {
        self.rows as usize * (size_of::<u64>() + self.weights * size_of::<SplitWeight>())
    }

    /// Makes so many patterns known.
    pub(crate) fn reach(&mut self, patterns: usize) -> Result<()> {
        let rows = patterns.saturating_mul(self.rows as usize);
        if u32::try_from(rows).is_err() {
            return Err(KernelError::Plan {
                what: "more cells in all groups and categories than can be numbered",
            });
        }
        match &mut self.pages {
            Some(pages) => pages.reach(rows),
            None => self.reach_rows(rows),
        }
        Ok(())
    }

    /// Makes room for so many rows, side by side.
    pub(crate) fn reach_rows(&mut self, rows: usize) {
        if self.chunks.is_empty() {
            self.chunks.push(Chunk::default());
        }
        if self.chunks[0].counts.len() < rows {
            self.chunks[0].reach(rows, usize::MAX, self.weights);
            self.held = self.chunks[0].bytes();
        }
    }

    /// Takes counts and sums that were made elsewhere, of the first rows, in place of what is held.
    #[cfg(feature = "gpu")]
    pub(crate) fn land(&mut self, counts: &[u64], sums: &[SplitWeight]) {
        self.chunks = vec![Chunk { counts: counts.to_vec(), sums: sums.to_vec() }];
        self.held = self.chunks[0].bytes();
    }

    /// Makes slots of rows, with room for those that have none.
    pub(super) fn place(&mut self, rows: &mut [u32]) {
        let Some(pages) = &mut self.pages else { return };
        let last = (self.chunks.len(), self.chunks.last().map_or(0, |chunk| chunk.counts.capacity()));
        for row in rows {
            *row = pages.slot(*row, self.weights, &mut self.chunks);
        }
        if last != (self.chunks.len(), self.chunks.last().map_or(0, |chunk| chunk.counts.capacity())) {
            self.held = self.chunks.iter().map(Chunk::bytes).sum();
        }
    }

    fn bits(&self) -> u32 {
        self.pages.as_ref().map_or(u32::BITS - 1, Pages::chunk_bits)
    }

    /// One fill per slot named.
    pub(crate) fn count(&mut self, slots: &[u32]) {
        let bits = self.bits();
        for &slot in slots {
            self.chunks[(slot >> bits) as usize].counts[(slot & ((1 << bits) - 1)) as usize] += 1;
        }
    }

    /// Whether the sums have to be settled before so many more fills with weights.
    pub(crate) fn is_full(&self, fills: usize) -> bool {
        self.added + fills > FILLS
    }

    /// One fill with all weights per slot named: `cuts` holds the weights of the events, list after list.
    pub(crate) fn add(&mut self, slots: &[u32], events: &[u32], cuts: &[SplitWeight]) {
        self.added += slots.len();
        let (bits, weights) = (self.bits(), self.weights);
        Arch::new().dispatch(Add { slots, events, cuts, weights, bits, chunks: &mut self.chunks });
    }

    /// The cell of the histogram, whose axes of categories and variations stand in front.
    pub(crate) fn full_cell(&self, fill: &PlannedFill, category: usize, variation: usize, cell: u32) -> u32 {
        // One more than the labels: an axis of texts has a bin for any other.
        let variations = if fill.varied { self.weights + 1 } else { 1 };
        let front = u32::try_from(category * variations + variation).unwrap_or(u32::MAX);
        front * self.cells + cell
    }

    /// What is held of a pattern.
    pub(super) fn of_pattern(&self, pattern: u32) -> impl Iterator<Item = Stretch<'_>> {
        let first = pattern as usize * self.rows as usize;
        let cells = self.cells as usize;
        let paged = self.pages.iter().flat_map(move |pages| {
            pages.used(first..first + self.rows as usize).map(move |(row, slot)| {
                let (chunk, place) = pages.split(slot);
                (row - first, chunk, place, pages.page().min(cells - (row - first)))
            })
        });
        let known = self.pages.is_none() && self.chunks.first().is_some_and(|c| c.counts.len() > first);
        let whole = known.then_some((0, 0, first, cells));
        paged.chain(whole).map(move |(cell, chunk, place, length)| Stretch {
            pattern,
            cell: small(cell),
            counts: &self.chunks[chunk].counts[place..][..length],
            sums: &self.chunks[chunk].sums[place * self.weights..][..length * self.weights],
        })
    }

    /// What is held, pattern by pattern.
    pub(super) fn stretches(&self) -> impl Iterator<Item = Stretch<'_>> {
        let rows = match &self.pages {
            Some(pages) => pages.rows(),
            None => self.chunks.first().map_or(0, |chunk| chunk.counts.len()),
        };
        let patterns = small(rows / (self.rows as usize).max(1));
        (0..patterns).flat_map(|pattern| self.of_pattern(pattern))
    }

    /// Settles all sums: as many may follow as at first. Those that have outgrown their integers are taken out.
    pub(super) fn settle(&mut self) -> Vec<Outgrown> {
        let mut taken = vec![];
        let bits = self.bits();
        for (number, chunk) in self.chunks.iter_mut().enumerate() {
            for (at, sum) in chunk.sums.iter_mut().enumerate() {
                if !settle(sum) {
                    taken.push((
                        (number << bits) + at / self.weights,
                        at % self.weights,
                        std::mem::take(sum),
                    ));
                }
            }
        }
        self.added = 0;
        let rows = self.rows as usize;
        let outgrown = |(slot, weight, sum): (usize, usize, SplitWeight)| {
            let row = self.pages.as_ref().map_or(slot, |pages| pages.row(small(slot)));
            Outgrown { pattern: small(row / rows), cell: small(row % rows), weight, sum }
        };
        taken.into_iter().map(outgrown).collect()
    }

    /// Adds what another table of the same kind holds of a pattern to each of its `targets`, which are known. Both are
    /// settled. Gives what has outgrown its integers.
    pub(super) fn absorb<I: Iterator<Item = u32>>(
        &mut self,
        other: &Self,
        targets: impl Fn(u32) -> I,
    ) -> Vec<Outgrown> {
        let mut outgrown = vec![];
        for Stretch { pattern, cell, counts, sums } in other.stretches() {
            for pattern in targets(pattern) {
                for (i, &count) in (0..).zip(counts).filter(|(_, count)| **count > 0) {
                    let cell = cell + i;
                    let mut slot = [pattern * self.rows + cell];
                    self.place(&mut slot);
                    let bits = self.bits();
                    let place = (slot[0] & ((1 << bits) - 1)) as usize;
                    let chunk = &mut self.chunks[(slot[0] >> bits) as usize];
                    chunk.counts[place] += count;
                    let own = &mut chunk.sums[place * self.weights..][..self.weights];
                    let sums = &sums[i as usize * self.weights..][..self.weights];
                    for (weight, (own, sum)) in own.iter_mut().zip(sums).enumerate() {
                        own.iter_mut().zip(sum).for_each(|(own, part)| *own += part);
                        if !settle(own) {
                            outgrown.push(Outgrown { pattern, cell, weight, sum: std::mem::take(own) });
                        }
                    }
                }
            }
        }
        outgrown
    }

    /// Moves everything to the histograms of the groups.
    pub(crate) fn empty(
        &mut self,
        fill: &PlannedFill,
        chosen: &Chosen,
        splitters: &[Splitter],
        histograms: &mut [ExactHistogram],
    ) {
        for Stretch { pattern, cell, counts, sums } in self.stretches() {
            let (group, categories) = chosen.members(pattern);
            for category in categories {
                let histogram = &mut histograms[group];
                for (i, &count) in (0..).zip(counts).filter(|(_, count)| **count > 0) {
                    if self.weights == 0 {
                        histogram.add_count(self.full_cell(fill, category, 0, cell + i), count);
                    }
                    let sums = &sums[i as usize * self.weights..];
                    for ((variation, splitter), sum) in splitters.iter().enumerate().zip(sums) {
                        let full = self.full_cell(fill, category, variation, cell + i);
                        histogram.add_cut(full, count, splitter, sum);
                    }
                }
            }
        }
        self.chunks.iter_mut().for_each(Chunk::clear);
        self.added = 0;
    }

    /// Memory of what is filled, in bytes.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(crate) fn bytes(&self) -> usize {
        self.held + self.pages.as_ref().map_or(0, Pages::bytes)
    }
}

/// The inner loop, in a form that [`Arch::dispatch`] compiles for each instruction set.
struct Add<'a> {
    slots: &'a [u32],
    events: &'a [u32],
    cuts: &'a [SplitWeight],
    weights: usize,
    /// Slots per chunk, as a power of two.
    bits: u32,
    chunks: &'a mut [Chunk],
}

impl pulp::NullaryFnOnce for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { slots, events, cuts, weights, bits, chunks } = self;
        if let [only] = chunks {
            for (&slot, &event) in slots.iter().zip(events) {
                add(only, slot as usize, &cuts[event as usize * weights..][..weights]);
            }
            return;
        }
        let within = (1 << bits) - 1;
        for (&slot, &event) in slots.iter().zip(events) {
            let chunk = &mut chunks[(slot >> bits) as usize];
            add(chunk, (slot & within) as usize, &cuts[event as usize * weights..][..weights]);
        }
    }
}

/// One fill with all weights.
#[inline(always)]
fn add(chunk: &mut Chunk, row: usize, cuts: &[SplitWeight]) {
    chunk.counts[row] += 1;
    let sums = &mut chunk.sums[row * cuts.len()..][..cuts.len()];
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
