//! Batches on their way to the device, kept until their sums have come back.

use std::ops::Range;

use super::columns::StagedColumn;
use super::cuts::CutSet;
use super::formula::leaders;
use super::keys::Kind;
use crate::cpu::Chosen;
use crate::fill::Level;
use crate::formula::Formula;
use crate::plan::{FillPlan, PlanBatch, PlanValue};

/// What a column of a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A value of the plan.
    Value(usize),
    /// An input of formulas.
    Input(usize),
}

impl Origin {
    fn of<'a>(self, batch: &'a PlanBatch<'_>) -> &'a PlanValue<'a> {
        match self {
            Self::Value(value) => &batch.values[value],
            Self::Input(input) => &batch.inputs[input],
        }
    }
}

/// What all batches of a stage have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Signature {
    /// Which fills the device does.
    pub(super) fills: Vec<bool>,
    /// Columns: what it is, how it is staged, whether the starts of its lists are.
    columns: Vec<(Origin, Kind, bool)>,
    /// The columns of each formula of the plan, where it is needed.
    pub(super) formulas: Vec<Option<Vec<usize>>>,
    /// The column of each bin of the plan, where one is needed and no formula gives its value.
    pub(super) of_bin: Vec<Option<usize>>,
    /// Which selections and lists of weights are needed.
    selections: Vec<bool>,
    pub(super) sets: Vec<bool>,
}

impl Signature {
    pub(super) fn new(plan: &FillPlan, batch: &PlanBatch<'_>, fills: Vec<bool>) -> Self {
        let mut signature = Self {
            of_bin: vec![None; plan.bins.len()],
            formulas: vec![None; plan.formulas.len()],
            selections: vec![false; plan.selections.len()],
            sets: vec![false; plan.weights.len()],
            columns: vec![],
            fills,
        };
        for (number, fill) in plan.fills.iter().enumerate() {
            if !signature.fills[number] {
                continue;
            }
            signature.selections[fill.selection] = true;
            if let Some(set) = fill.weights {
                signature.sets[set] = true;
            }
            for (formula, _) in plan.formulas_of(fill) {
                signature.formulas[formula] = Some(vec![]);
            }
            for &bin in &fill.bins {
                let value = plan.bins[bin].value;
                if plan.formula_of_value(value).is_some() {
                    continue;
                }
                let column = &batch.values[value].column;
                let kind = Kind::of(&column.values, &plan.bins[bin].axis);
                let column = (Origin::Value(value), kind, column.level == Level::Item);
                signature.of_bin[bin] = Some(signature.column(column));
            }
        }
        signature.inputs(plan, batch);
        signature
    }

    fn column(&mut self, column: (Origin, Kind, bool)) -> usize {
        let known = self.columns.iter().position(|other| *other == column);
        known.unwrap_or_else(|| {
            self.columns.push(column);
            self.columns.len() - 1
        })
    }

    /// The columns that formulas read. Starts are staged once per collection.
    fn inputs(&mut self, plan: &FillPlan, batch: &PlanBatch<'_>) {
        let used: Vec<usize> = (0..self.formulas.len()).filter(|&i| self.formulas[i].is_some()).collect();
        let staged =
            |input: usize| (Origin::Input(input), Kind::of_input(&batch.inputs[input].column.values));
        for &formula in &used {
            let Formula { kernel, inputs, .. } = &plan.formulas[formula];
            for leader in leaders(kernel.kernel()).into_iter().flatten() {
                let (origin, kind) = staged(inputs[leader]);
                self.column((origin, kind, true));
            }
        }
        for formula in used {
            let place = |&input: &usize| {
                let (origin, kind) = staged(input);
                let with_starts = self.columns.iter().position(|other| *other == (origin, kind, true));
                with_starts.unwrap_or_else(|| self.column((origin, kind, false)))
            };
            self.formulas[formula] = Some(plan.formulas[formula].inputs.iter().map(place).collect());
        }
    }
}

/// Events of some batches: columns, chosen events with their patterns, cut weights.
#[derive(Debug, Clone, Default)]
pub(super) struct Stage {
    pub(super) signature: Signature,
    pub(super) events: usize,
    pub(super) columns: Vec<StagedColumn>,
    /// Per selection: event and pattern of each chosen event.
    pub(super) entries: Vec<Vec<u32>>,
    /// Per list of weights, per event: all cuts.
    pub(super) cuts: Vec<Vec<u32>>,
}

impl Stage {
    pub(super) fn new(signature: Signature) -> Self {
        Self {
            events: 0,
            columns: signature.columns.iter().map(|&(_, kind, list)| StagedColumn::new(kind, list)).collect(),
            entries: vec![vec![]; signature.selections.len()],
            cuts: vec![vec![]; signature.sets.len()],
            signature,
        }
    }

    /// Words that all of it takes.
    pub(super) fn words(&self) -> usize {
        let lists = self.entries.iter().chain(&self.cuts).map(Vec::len).sum::<usize>();
        self.columns.iter().map(StagedColumn::all_words).sum::<usize>() + lists
    }

    /// The most fills that any cell can have got.
    pub(super) fn fills(&self) -> usize {
        self.columns.iter().map(StagedColumn::entries).max().unwrap_or(0).max(self.events)
    }

    /// Words that some events of a batch take at most.
    pub(super) fn words_of(
        &self,
        batch: &PlanBatch<'_>,
        rows: &Range<usize>,
        chosen: &[Chosen],
        sets: &[CutSet],
    ) -> usize {
        let signature = &self.signature;
        let columns = self.columns.iter().zip(&signature.columns);
        let columns = columns.map(|(column, (origin, ..))| column.words_of(origin.of(batch), rows));
        let used = |used: &[bool], words: &dyn Fn(usize) -> usize| -> usize {
            (0..used.len()).filter(|&i| used[i]).map(words).sum()
        };
        columns.sum::<usize>()
            + used(&signature.selections, &|i| 2 * chosen[i].between(rows.clone()).len())
            + used(&signature.sets, &|i| 8 * sets[i].len() * rows.len())
    }

    /// Appends some events of a batch.
    pub(super) fn append(
        &mut self,
        batch: &PlanBatch<'_>,
        rows: Range<usize>,
        chosen: &[Chosen],
        sets: &[CutSet],
    ) {
        for (column, (origin, ..)) in self.columns.iter_mut().zip(&self.signature.columns) {
            column.append(origin.of(batch), rows.clone());
        }
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (first, base) = (number(rows.start), number(self.events));
        for (i, entries) in self.entries.iter_mut().enumerate().filter(|(i, _)| self.signature.selections[*i])
        {
            let chosen = chosen[i].between(rows.clone());
            entries.extend(chosen.iter().flat_map(|&(event, pattern)| [event - first + base, pattern]));
        }
        for (i, cuts) in self.cuts.iter_mut().enumerate().filter(|(i, _)| self.signature.sets[*i]) {
            let weights = sets[i].len();
            let of_rows = &sets[i].cuts[rows.start * weights..rows.end * weights];
            cuts.extend_from_slice(bytemuck::cast_slice(of_rows));
        }
        self.events += rows.len();
    }

    pub(super) fn bytes(&self) -> usize {
        self.words() * size_of::<u32>()
    }
}
