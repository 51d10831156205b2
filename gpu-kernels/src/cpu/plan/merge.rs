//! What several fillers of one plan hold, brought together without a second copy: fill by fill, and what one held is given
//! back at once.

use super::PlanFiller;
use super::table::Outgrown;
use crate::error::{KernelError, Result};

impl PlanFiller {
    /// Adds what another filler of the same plan holds; its group i is `groups[i]` here, without GROUP BY the one.
    ///
    /// # Errors
    /// Another plan, or more cells in all groups than can be numbered.
    pub fn merge(&mut self, mut other: Self, groups: &[usize]) -> Result<()> {
        if self.plan != other.plan {
            return Err(KernelError::Plan { what: "other histograms" });
        }
        let of_group = |group: usize| groups.get(group).copied().unwrap_or(group);
        let there = other.histograms.iter().map(Vec::len).max().unwrap_or(0);
        self.reach((0..there).map(|group| of_group(group) + 1).max().unwrap_or(0));
        for (own, others) in self.weights.iter_mut().zip(&other.weights) {
            own.adopt(others);
        }
        let mut patterns = vec![];
        for selection in 0..self.chosen.len() {
            if self.chosen[selection].is_by_category() != other.chosen[selection].is_by_category() {
                self.by_category(selection)?;
                other.by_category(selection)?;
            }
            let adopted = self.chosen[selection].adopt(&other.chosen[selection], of_group);
            patterns.push(adopted.unwrap_or_default());
        }
        for number in 0..self.plan.fills.len() {
            let fill = &self.plan.fills[number];
            let selection = fill.selection;
            if let Some(set) = fill.weights
                && self.weights[set].splitters() != other.weights[set].splitters()
            {
                // Integers in other units: by way of the full-range sums.
                other.empty_table(number);
            }
            self.tables[number].reach(self.chosen[selection].patterns())?;
            self.settle(number);
            other.settle(number);
            let emptied = other.tables[number].emptied();
            let table = std::mem::replace(&mut other.tables[number], emptied);
            let target = |pattern: u32| patterns[selection].get(pattern as usize).copied().into_iter();
            let outgrown = self.tables[number].absorb(&table, target);
            self.add_outgrown(number, outgrown);
            for (group, histogram) in other.histograms[number].drain(..).enumerate() {
                self.histograms[number][of_group(group)].absorb(histogram)?;
            }
        }
        Ok(())
    }

    /// Makes a pattern of every category of a selection.
    pub(super) fn by_category(&mut self, selection: usize) -> Result<()> {
        if self.chosen[selection].is_by_category() {
            return Ok(());
        }
        let mut by_category = self.chosen[selection].clone();
        by_category.by_category();
        for number in 0..self.plan.fills.len() {
            if self.plan.fills[number].selection != selection {
                continue;
            }
            self.settle(number);
            let mut table = self.tables[number].emptied();
            table.reach(by_category.patterns())?;
            let sets = &self.chosen[selection];
            let outgrown = table.absorb(&self.tables[number], |pattern| {
                let (group, categories) = sets.members(pattern);
                let by_category = &by_category;
                categories.map(move |category| by_category.of_category(group, category))
            });
            self.tables[number] = table;
            // By the patterns to come.
            let before = std::mem::replace(&mut self.chosen[selection], by_category.clone());
            self.add_outgrown(number, outgrown);
            self.chosen[selection] = before;
        }
        self.chosen[selection] = by_category;
        Ok(())
    }

    /// Settles a table, before its integers can overflow.
    pub(super) fn settle(&mut self, number: usize) {
        let outgrown = self.tables[number].settle();
        self.add_outgrown(number, outgrown);
    }

    /// Sums that have outgrown their integers go to the full-range sums.
    fn add_outgrown(&mut self, number: usize, outgrown: Vec<Outgrown>) {
        let fill = &self.plan.fills[number];
        let splitters = fill.weights.map_or(&[][..], |set| self.weights[set].splitters());
        for Outgrown { pattern, cell, weight, sum } in outgrown {
            let (group, categories) = self.chosen[fill.selection].members(pattern);
            for category in categories {
                let full = self.tables[number].full_cell(fill, category, weight, cell);
                // Their fills stay counted where they are.
                self.histograms[number][group].add_cut(full, 0, &splitters[weight], &sum);
            }
        }
    }
}
