//! Filling all histograms of a [`FillPlan`] from one batch.
//!
//! Per batch each bin column is found once, and each selection becomes a list of events with a number: the *pattern*,
//! the set of categories (and the group) that an event belongs to. A histogram has one table per pattern, so an event
//! is added once, however many categories it is in; the patterns are added up into categories at the end, which the
//! exactness of all sums allows. In a table the variations of a bin lie side by side, and so do the weights of an event, cut
//! into integers once for all histograms: one fill is one run of vector additions. The integers stay what they are until the
//! finished histograms are made of them: 32 bytes per cell and weight, and of large tables only pages that were filled.
//!
//! Events with a weight that is NULL, or that its window of integers does not hold, are added one by one to histograms of
//! full-range sums, as are sums that outgrow the integers.

mod finish;
mod merge;
mod pages;
mod selection;
mod table;
mod weights;

use std::sync::{Arc, OnceLock};

use ana_hist::ExactHistogram;
use ana_hist::exact_sum::Splitter;

use super::axis::{AxisPlan, check_weight};
use super::block::BLOCK;
use crate::error::{KernelError, Result};
use crate::fill::Level;
use crate::formula::{Formula, made};
use crate::plan::{FillPlan, PlanBatch, PlanValue, PlannedFill, Room};

pub(crate) use selection::Chosen;
#[cfg(feature = "gpu")]
pub(crate) use table::FILLS;
pub(crate) use table::Table;
use weights::WeightSet;

/// No bin: a NULL.
const DEAD: u32 = u32::MAX;

/// Bytes of cut weights that a block of events may take: a good part of a second-level cache.
const CUT_BYTES: usize = 96 * 1024;

/// Fills between two times that memory is asked for: their pages take a megabyte or two at most.
const AT_ONCE: usize = 512;

/// Bytes of tables up to which there may be more patterns than categories.
const PATTERN_BYTES: usize = 32 << 20;

/// Fills the histograms of a plan, for every group of events.
#[derive(Debug, Clone)]
pub struct PlanFiller {
    plan: FillPlan,
    axes: Vec<AxisPlan>,
    /// The bins of the present batch, one list per entry of the plan.
    bins: Vec<Vec<u32>>,
    chosen: Vec<Chosen>,
    weights: Vec<WeightSet>,
    /// The windows of each list of weights, which the fillers of a plan share once one of them has chosen.
    windows: Arc<[OnceLock<Vec<Splitter>>]>,
    tables: Vec<Table>,
    /// The empty histogram of each fill.
    empty: Vec<ExactHistogram>,
    /// Per fill, per group: what the tables do not hold.
    histograms: Vec<Vec<ExactHistogram>>,
    room: Option<Arc<dyn Room>>,
    fresh: Fresh,
}

/// Room for the fills of a block, kept between batches.
#[derive(Debug, Clone, Default)]
struct Fresh {
    /// Row of the table.
    cells: Vec<u32>,
    /// Event, counted from the block's first.
    events: Vec<u32>,
    /// Cell, event and pattern of those that go one by one.
    odd: Vec<(u32, usize, u32)>,
}

impl PlanFiller {
    /// A filler for a plan; `empty` are the histograms of its fills, as [`FillPlan::histogram`] makes them.
    ///
    /// # Errors
    /// A plan that does not fit together, or histograms that are not the plan's.
    pub fn new(plan: FillPlan, empty: Vec<ExactHistogram>) -> Result<Self> {
        plan.check()?;
        if empty.len() != plan.fills.len() {
            return Err(KernelError::Plan { what: "another number of histograms" });
        }
        for (fill, histogram) in plan.fills.iter().zip(&empty) {
            check_histogram(&plan, fill, histogram)?;
        }
        let tables: Vec<Table> = plan.fills.iter().map(|fill| Table::of(&plan, fill).paged()).collect();
        let chosen = |(number, selection)| {
            let of = plan.fills.iter().zip(&tables).filter(|(fill, _)| fill.selection == number);
            let bytes: usize = of.map(|(_, table)| table.bytes_of_pattern()).sum();
            Chosen::new(selection).with_room(PATTERN_BYTES / bytes.max(1))
        };
        Ok(Self {
            axes: plan.bins.iter().map(|bin| AxisPlan::new(&bin.axis)).collect(),
            bins: vec![Vec::new(); plan.bins.len()],
            chosen: plan.selections.iter().enumerate().map(chosen).collect(),
            weights: plan.weights.iter().map(|set| WeightSet::new(set.clone())).collect(),
            windows: plan.weights.iter().map(|_| OnceLock::new()).collect(),
            tables,
            histograms: vec![Vec::new(); plan.fills.len()],
            room: None,
            fresh: Fresh::default(),
            empty,
            plan,
        })
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &FillPlan {
        &self.plan
    }

    /// From now on asks for memory before it is used to the full; what is held already is asked for now.
    ///
    /// # Errors
    /// [`KernelError::Memory`] where that is too much.
    pub fn ask(&mut self, room: Arc<dyn Room>) -> Result<()> {
        let room = self.room.insert(room);
        take(room, self.tables.iter().map(Table::held).sum())
    }

    /// Takes part in the windows of another filler of the same plan, so that merging them adds integers.
    pub fn share_windows(&mut self, other: &Self) {
        self.windows = Arc::clone(&other.windows);
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// Slices that do not fit together, or values that their axis does not take; nothing is added then. No room for more
    /// memory; part of the batch is added then.
    pub fn fill(&mut self, batch: &PlanBatch<'_>) -> Result<()> {
        if self.plan.formulas.is_empty() {
            return self.fill_made(batch);
        }
        self.check(batch)?;
        let formulas: Vec<Formula> =
            self.plan.needed(batch.active).into_iter().map(|i| self.plan.formulas[i].clone()).collect();
        made(&formulas, batch, |batch| self.fill_made(batch))
    }

    /// Adds a batch in which all values are there.
    fn fill_made(&mut self, batch: &PlanBatch<'_>) -> Result<()> {
        self.check(batch)?;
        self.reach(batch.group_count);
        if batch.rows == 0 {
            return Ok(());
        }
        self.find_bins(batch);
        for selection in 0..self.chosen.len() {
            if self.is_used(batch, |fill| fill.selection == selection) {
                self.choose(selection, batch)?;
            }
        }
        for (set, windows) in self.weights.iter_mut().zip(&*self.windows) {
            set.begin(batch.weights, windows);
        }
        let of_event: usize = self.weights.iter().map(WeightSet::bytes_of_event).sum();
        let step = (CUT_BYTES / of_event.max(1)).clamp(64, BLOCK);
        let mut start = 0;
        while start < batch.rows {
            let events = start..batch.rows.min(start + step);
            for set in 0..self.weights.len() {
                if self.is_used(batch, |fill| fill.weights == Some(set))
                    && !self.weights[set].cut(batch.weights, events.clone())
                {
                    // Most do not fit: windows that suit these, for which the tables have to be emptied.
                    self.empty_set(set);
                    self.weights[set].suit(batch.weights, events.clone());
                }
            }
            for fill in 0..self.plan.fills.len() {
                if batch.active[fill] {
                    self.add(fill, batch, events.clone())?;
                }
            }
            start = events.end;
        }
        Ok(())
    }

    /// Whether a batch is one for this plan.
    pub(crate) fn check(&self, batch: &PlanBatch<'_>) -> Result<()> {
        batch.check(&self.plan)?;
        let needed = self.plan.needed(batch.active).into_iter();
        needed
            .map(|formula| &self.plan.formulas[formula])
            .try_for_each(|formula| formula.check_batch(batch))?;
        self.check_types(batch)
    }

    fn is_used(&self, batch: &PlanBatch<'_>, by: impl Fn(&PlannedFill) -> bool) -> bool {
        self.plan.fills.iter().zip(batch.active).any(|(fill, active)| *active && by(fill))
    }

    fn check_types(&self, batch: &PlanBatch<'_>) -> Result<()> {
        for (fill, _) in self.plan.fills.iter().zip(batch.active).filter(|(_, active)| **active) {
            let mut lists: Option<&[i32]> = None;
            for &bin in &fill.bins {
                let value = &batch.values[self.plan.bins[bin].value];
                self.axes[bin].check(&value.column.values)?;
                let Some(offsets) = value.offsets else { continue };
                match lists {
                    Some(others) if !std::ptr::eq(others, offsets) && others != offsets => {
                        return Err(KernelError::Plan {
                            what: "lists of different lengths in one histogram",
                        });
                    }
                    _ => lists = Some(offsets),
                }
            }
            for &weight in fill.weights.iter().flat_map(|&set| &self.plan.weights[set]) {
                check_weight(&batch.weights[weight].values)?;
            }
        }
        Ok(())
    }

    /// Makes histograms for so many groups.
    pub(crate) fn reach(&mut self, groups: usize) {
        for (histograms, empty) in self.histograms.iter_mut().zip(&self.empty) {
            while histograms.len() < groups {
                histograms.push(empty.clone());
            }
        }
    }

    /// The bins that active fills need: of every event, or of every item.
    fn find_bins(&mut self, batch: &PlanBatch<'_>) {
        for bin in 0..self.plan.bins.len() {
            if !self.is_used(batch, |fill| fill.bins.contains(&bin)) {
                continue;
            }
            let PlanValue { column, offsets, .. } = batch.values[self.plan.bins[bin].value];
            let entries = match (column.level, offsets) {
                (Level::Constant, _) => 0..1,
                (Level::Item, Some(offsets)) => index(offsets[0])..index(offsets[batch.rows]),
                _ => 0..batch.rows,
            };
            let bins = &mut self.bins[bin];
            bins.clear();
            // Items before the first are never looked at.
            bins.resize(entries.end, 0);
            for start in entries.clone().step_by(BLOCK) {
                let range = start..entries.end.min(start + BLOCK);
                self.axes[bin].accumulate(column.values, range.clone(), 1, &mut bins[range]);
            }
            if let Some(validity) = column.validity {
                for entry in entries {
                    if !validity.get(entry) {
                        bins[entry] = DEAD;
                    }
                }
            }
            if column.level == Level::Constant {
                let one = bins[0];
                bins.resize(batch.rows.max(1), one);
            }
        }
    }

    /// Lists the events of a selection; where their patterns become too many, by category instead.
    fn choose(&mut self, selection: usize, batch: &PlanBatch<'_>) -> Result<()> {
        if !self.chosen[selection].list(batch) {
            self.by_category(selection)?;
            self.chosen[selection].list(batch);
        }
        let patterns = self.chosen[selection].patterns();
        for (fill, table) in self.plan.fills.iter().zip(&mut self.tables) {
            if fill.selection == selection {
                let held = table.held();
                table.reach(patterns)?;
                self.room.iter().try_for_each(|room| take(room, table.held() - held))?;
            }
        }
        Ok(())
    }

    /// Adds the chosen events of a block to one histogram.
    fn add(&mut self, number: usize, batch: &PlanBatch<'_>, events: std::ops::Range<usize>) -> Result<()> {
        let fill = &self.plan.fills[number];
        let table = &mut self.tables[number];
        let chosen = self.chosen[fill.selection].between(events.clone());
        if chosen.is_empty() {
            return Ok(());
        }
        let set = fill.weights.map(|set| &self.weights[set]);
        let fresh = &mut self.fresh;
        fresh.cells.clear();
        fresh.events.clear();
        fresh.odd.clear();
        let values = || fill.bins.iter().map(|&bin| &batch.values[self.plan.bins[bin].value]);
        let offsets = values().find_map(|value| value.offsets);
        let columns: Vec<(&[u32], u32, bool)> = fill
            .bins
            .iter()
            .zip(&table.strides)
            .zip(values())
            .map(|((&bin, &stride), value)| (&self.bins[bin][..], stride, value.offsets.is_some()))
            .collect();
        let lists: Vec<_> = values().filter_map(|value| value.lists).collect();
        let mut put = |cell: u32, event: usize, pattern: u32| {
            if set.is_some_and(|set| set.is_odd(event - events.start)) {
                fresh.odd.push((cell, event, pattern));
            } else {
                fresh.cells.push(pattern * table.rows + cell);
                fresh.events.push(small(event - events.start));
            }
        };
        match (offsets, &columns[..]) {
            (None, [(bins, 1, _)]) => {
                for &(event, pattern) in chosen {
                    let cell = bins[event as usize];
                    if cell != DEAD {
                        put(cell, event as usize, pattern);
                    }
                }
            }
            (None, columns) => {
                for &(event, pattern) in chosen {
                    if let Some(cell) = joined(columns, event as usize, event as usize) {
                        put(cell, event as usize, pattern);
                    }
                }
            }
            (Some(offsets), columns) => {
                for &(event, pattern) in chosen {
                    let event = event as usize;
                    if lists.iter().any(|lists| !lists.get(event)) {
                        continue;
                    }
                    for item in index(offsets[event])..index(offsets[event + 1]) {
                        if let Some(cell) = joined(columns, event, item) {
                            put(cell, event, pattern);
                        }
                    }
                }
            }
        }
        let weighted = set.is_some();
        for at in (0..self.fresh.cells.len()).step_by(AT_ONCE) {
            let entries = at..self.fresh.cells.len().min(at + AT_ONCE);
            if weighted && self.tables[number].is_full(entries.len()) {
                self.settle(number);
            }
            let (table, set) = (&mut self.tables[number], self.plan.fills[number].weights);
            let (held, slots) = (table.held(), &mut self.fresh.cells[entries.clone()]);
            table.place(slots);
            match set {
                None => table.count(slots),
                Some(set) => table.add(slots, &self.fresh.events[entries], self.weights[set].cuts()),
            }
            self.room.iter().try_for_each(|room| take(room, table.held() - held))?;
        }
        let (fill, table) = (&self.plan.fills[number], &self.tables[number]);
        let (selection, histograms) = (&self.chosen[fill.selection], &mut self.histograms[number]);
        let Some(set) = fill.weights.map(|set| &self.weights[set]) else { return Ok(()) };
        for &(cell, event, pattern) in &self.fresh.odd {
            let (group, categories) = selection.members(pattern);
            let histogram = &mut histograms[group];
            for (variation, weight) in set.weights_of(batch.weights, event) {
                for category in categories.clone() {
                    let full = table.full_cell(fill, category, variation, cell);
                    histogram.fill_weighted(&[full], &[weight]);
                }
            }
        }
        Ok(())
    }

    /// Empties the tables of all fills with one list of weights.
    fn empty_set(&mut self, set: usize) {
        for fill in 0..self.plan.fills.len() {
            if self.plan.fills[fill].weights == Some(set) {
                self.empty_table(fill);
            }
        }
        self.weights[set].emptied();
    }

    /// Moves what a table holds to the histograms.
    fn empty_table(&mut self, number: usize) {
        let fill = &self.plan.fills[number];
        let splitters = fill.weights.map_or(&[][..], |set| self.weights[set].splitters());
        let selection = &self.chosen[fill.selection];
        self.tables[number].empty(fill, selection, splitters, &mut self.histograms[number]);
    }

    /// The histograms of a fill so far, one per group.
    ///
    /// # Errors
    /// A fill that is not there.
    pub fn histograms(&mut self, fill: usize, groups: usize) -> Result<&mut Vec<ExactHistogram>> {
        if fill < self.plan.fills.len() {
            self.empty_table(fill);
        }
        self.histograms_to_add_to(fill, groups)
    }

    /// Histograms of a fill, one per group, for adding what was filled elsewhere: part of what was filled here is still to
    /// come to them.
    ///
    /// # Errors
    /// A fill that is not there.
    pub fn histograms_to_add_to(&mut self, fill: usize, groups: usize) -> Result<&mut Vec<ExactHistogram>> {
        if fill >= self.plan.fills.len() {
            return Err(KernelError::Plan { what: "fewer histograms" });
        }
        self.reach(groups);
        Ok(&mut self.histograms[fill])
    }

    /// Memory held, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.tables.iter().map(Table::held).sum::<usize>() + self.bytes_beside_tables()
    }

    /// Bytes that the table of a fill holds.
    #[must_use]
    pub fn held(&self, fill: usize) -> usize {
        self.tables.get(fill).map_or(0, Table::held)
    }

    /// Memory held that nobody was [asked](Self::ask) for, in bytes.
    #[must_use]
    pub fn bytes_beside_tables(&self) -> usize {
        let vectors = |vector: &Vec<u32>| vector.capacity() * size_of::<u32>();
        let pages: usize = self.tables.iter().map(|table| table.bytes() - table.held()).sum();
        pages
            + self.histograms.iter().flatten().map(ExactHistogram::bytes).sum::<usize>()
            + self.bins.iter().map(vectors).sum::<usize>()
            + self.chosen.iter().map(Chosen::bytes).sum::<usize>()
            + self.weights.iter().map(WeightSet::bytes).sum::<usize>()
            + vectors(&self.fresh.cells)
            + vectors(&self.fresh.events)
    }
}

fn take(room: &Arc<dyn Room>, bytes: usize) -> Result<()> {
    if bytes == 0 || room.take(bytes) { Ok(()) } else { Err(KernelError::Memory { bytes }) }
}

fn check_histogram(plan: &FillPlan, fill: &PlannedFill, histogram: &ExactHistogram) -> Result<()> {
    let categories = plan.selections[fill.selection].categories.as_ref().map(Vec::len);
    let variations = fill.weights.filter(|_| fill.varied).map(|set| plan.weights[set].len());
    // A category axis has one more bin than labels, for any other text.
    let front: Vec<usize> = categories.into_iter().chain(variations).map(|labels| labels + 1).collect();
    let extents: Vec<usize> = histogram.axes().iter().map(ana_hist::Axis::extent).collect();
    let axes = fill.bins.iter().map(|&bin| &plan.bins[bin].axis);
    let same = extents.len() == front.len() + fill.bins.len()
        && extents[..front.len()] == front
        && histogram.axes()[front.len()..].iter().zip(axes).all(|(a, b)| a.same_bins(b));
    match (same, histogram.is_weighted() == fill.weights.is_some()) {
        (false, _) => Err(KernelError::OtherAxes),
        (_, false) => Err(KernelError::Weight),
        _ => Ok(()),
    }
}

/// The cell of an item over all axes; `None` where any of its values is NULL.
#[inline(always)]
fn joined(columns: &[(&[u32], u32, bool)], event: usize, item: usize) -> Option<u32> {
    let mut cell = 0;
    for &(bins, stride, is_list) in columns {
        let bin = bins[if is_list { item } else { event }];
        if bin == DEAD {
            return None;
        }
        cell += bin * stride;
    }
    Some(cell)
}

/// Offsets were checked not to be negative.
fn index(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or(0)
}

/// Batches were checked to have fewer events than that.
fn small(event: usize) -> u32 {
    u32::try_from(event).unwrap_or(u32::MAX)
}
