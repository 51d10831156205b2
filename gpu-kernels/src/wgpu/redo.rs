//! What the shaders do, done by the CPU: for stages whose sums a device that failed took with it, and for the events that a
//! device could not decide about.

use std::borrow::Cow;
use std::collections::HashMap;

use ana_hist::exact_sum::SplitWeight;

use super::columns::StagedColumn;
use super::gather;
use super::keys::{Kind, Thresholds};
use super::program::{PlannedUse, ThresholdTables, uses};
use super::stage::Stage;
use crate::cpu::Table;
use crate::error::Result;
use crate::formula::Made;
use crate::plan::FillPlan;

/// A NULL.
const NONE: u32 = u32::MAX;

/// The bins of a stage on an axis.
struct Bins<'a> {
    column: Cow<'a, StagedColumn>,
    thresholds: Thresholds,
    /// Whether the column has entries for the events only that are done again.
    made: bool,
}

impl Bins<'_> {
    fn bin(&self, entry: usize) -> u32 {
        let valid = self.column.valid.as_ref();
        if valid.is_some_and(|bits| bits.words[entry / 32] >> (entry % 32) & 1 == 0) {
            return NONE;
        }
        let words = self.column.kind.words();
        self.thresholds.bin(self.column.kind, &self.column.words[entry * words..(entry + 1) * words])
    }
}

/// Events of a stage that are to be done.
pub(super) struct Again<'a> {
    stage: &'a Stage,
    /// Their numbers, ascending.
    events: Vec<u32>,
    /// Per event of the stage its place among them.
    place: Vec<u32>,
    /// Only fills that formulas have a part in.
    of_formulas: bool,
}

impl<'a> Again<'a> {
    /// All events.
    pub(super) fn all(stage: &'a Stage) -> Self {
        Self::new(stage, |_| true, false)
    }

    /// Those with a mark, a bit each.
    pub(super) fn marked(stage: &'a Stage, marks: &[u32]) -> Self {
        Self::new(stage, |event| marks[event as usize / 32] >> (event % 32) & 1 == 1, true)
    }

    fn new(stage: &'a Stage, is: impl Fn(u32) -> bool, of_formulas: bool) -> Self {
        let all = u32::try_from(stage.events).unwrap_or(u32::MAX);
        let mut place = vec![NONE; stage.events];
        let mut events = vec![];
        for event in (0..all).filter(|&event| is(event)) {
            place[event as usize] = u32::try_from(events.len()).unwrap_or(u32::MAX);
            events.push(event);
        }
        Self { stage, events, place, of_formulas }
    }

    pub(super) fn number(&self) -> usize {
        self.events.len()
    }

    /// Adds them to the tables of their histograms, which have to be emptied before 2²² fills of a cell.
    ///
    /// # Errors
    /// What kernels of formulas give.
    pub(super) fn add(
        &self,
        plan: &FillPlan,
        thresholds: &mut ThresholdTables,
        tables: &mut [Table],
    ) -> Result<()> {
        let (bins, masks) = self.bins(plan, thresholds)?;
        let stage = self.stage;
        for (number, table) in tables.iter_mut().enumerate() {
            let fill = &plan.fills[number];
            let takes_part = !self.of_formulas || plan.formulas_of(fill).next().is_some();
            if !stage.signature.fills[number] || !takes_part {
                continue;
            }
            let mask = plan.selections[fill.selection].filter.and_then(|mask| masks.get(&mask));
            let axes: Vec<(&Bins<'_>, u32)> = fill
                .bins
                .iter()
                .zip(&table.strides)
                .filter_map(|(&bin, &stride)| Some((bins[bin].as_ref()?, stride)))
                .collect();
            let (mut rows, mut events) = (vec![], vec![]);
            for entry in stage.entries[fill.selection].chunks_exact(2) {
                let (event, pattern) = (entry[0] as usize, entry[1]);
                let place = self.place[event];
                if place == NONE || mask.is_some_and(|(made, output)| !made[*output].is_true(place as usize))
                {
                    continue;
                }
                let starts = |bins: &Bins<'_>| {
                    bins.column.starts.as_ref().map(|starts| (starts[event], starts[event + 1]))
                };
                let lists = axes.iter().filter_map(|(bins, _)| starts(bins)).map(|(start, end)| end - start);
                for item in 0..lists.min().unwrap_or(1) {
                    let cell = axes.iter().try_fold(0, |cell, (bins, stride)| {
                        let entry = match starts(bins) {
                            Some((start, _)) => start + item,
                            None if bins.made => place,
                            None => entry[0],
                        };
                        let bin = bins.bin(entry as usize);
                        (bin != NONE).then(|| cell + bin * stride)
                    });
                    if let Some(cell) = cell {
                        rows.push(pattern * table.cells + cell);
                        events.push(entry[0]);
                    }
                }
            }
            match fill.weights {
                None => table.count(&rows),
                Some(set) => {
                    let cuts: Vec<SplitWeight> = bytemuck::pod_collect_to_vec(&stage.cuts[set]);
                    table.add(&rows, &events, &cuts);
                }
            }
        }
        Ok(())
    }

    /// The bins of the plan that are needed, and the formulas that give masks, with the output.
    #[allow(clippy::type_complexity, reason = "two maps")]
    fn bins(
        &self,
        plan: &FillPlan,
        thresholds: &mut ThresholdTables,
    ) -> Result<(Vec<Option<Bins<'a>>>, HashMap<usize, (Vec<Made>, usize)>)> {
        let stage = self.stage;
        let mut bins: Vec<Option<Bins<'a>>> = plan.bins.iter().map(|_| None).collect();
        let mut masks = HashMap::new();
        for (bin, place) in bins.iter_mut().enumerate() {
            if let Some(column) = stage.signature.of_bin[bin].map(|column| &stage.columns[column]) {
                let thresholds = thresholds.of(plan, bin, column.kind).1.clone();
                *place = Some(Bins { column: Cow::Borrowed(column), thresholds, made: false });
            }
        }
        for (number, columns) in stage.signature.formulas.iter().enumerate() {
            let (formula, Some(columns)) = (&plan.formulas[number], columns) else { continue };
            let made = gather::outputs(formula, columns, stage, &self.events)?;
            for of in uses(plan, formula) {
                match of {
                    PlannedUse::Bin { bin, output } => {
                        let value = made[output].value()?;
                        let kind = Kind::of(&value.column.values, &plan.bins[bin].axis);
                        let mut column = StagedColumn::new(kind, false);
                        column.append(&value, 0..self.events.len());
                        let thresholds = thresholds.of(plan, bin, kind).1.clone();
                        bins[bin] = Some(Bins { column: Cow::Owned(column), thresholds, made: true });
                    }
                    PlannedUse::Mask { mask, output } => {
                        masks.insert(mask, (made.clone(), output));
                    }
                }
            }
        }
        Ok((bins, masks))
    }
}
