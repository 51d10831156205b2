//! Batches on their way to the device, kept until their sums have come back.

use std::ops::Range;

use super::columns::StagedColumn;
use super::cuts::CutSet;
use super::keys::Kind;
use crate::cpu::Chosen;
use crate::fill::Level;
use crate::plan::{FillPlan, PlanBatch};

/// What all batches of a stage have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Signature {
    /// Which fills the device does.
    pub(super) fills: Vec<bool>,
    /// Columns: number of the value, how it is staged, whether it has items.
    columns: Vec<(usize, Kind, bool)>,
    /// The column of each bin of the plan, where one is needed.
    pub(super) of_bin: Vec<Option<usize>>,
    /// Which selections and lists of weights are needed.
    selections: Vec<bool>,
    pub(super) sets: Vec<bool>,
}

impl Signature {
    pub(super) fn new(plan: &FillPlan, batch: &PlanBatch<'_>, fills: Vec<bool>) -> Self {
        let mut signature = Self {
            of_bin: vec![None; plan.bins.len()],
            selections: vec![false; plan.selections.len()],
            sets: vec![false; plan.weights.len()],
            columns: vec![],
            fills,
        };
        for (fill, _) in plan.fills.iter().zip(&signature.fills).filter(|(_, on_device)| **on_device) {
            signature.selections[fill.selection] = true;
            if let Some(set) = fill.weights {
                signature.sets[set] = true;
            }
            for &bin in &fill.bins {
                let value = plan.bins[bin].value;
                let column = &batch.values[value].column;
                let kind = Kind::of(&column.values, &plan.bins[bin].axis);
                let column = (value, kind, column.level == Level::Item);
                let known = signature.columns.iter().position(|other| *other == column);
                signature.of_bin[bin] = Some(known.unwrap_or_else(|| {
                    signature.columns.push(column);
                    signature.columns.len() - 1
                }));
            }
        }
        signature
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
        let columns = columns.map(|(column, (value, ..))| column.words_of(&batch.values[*value], rows));
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
        for (column, (value, ..)) in self.columns.iter_mut().zip(&self.signature.columns) {
            column.append(&batch.values[*value], rows.clone());
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
