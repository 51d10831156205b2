//! From tables to finished histograms, one fill at a time; what was held for it is given back.

use ana_hist::exact_sum::{Splitter, join};
use ana_hist::{ExactHistogram, Histogram, Weighted};

use super::PlanFiller;
use super::selection::Chosen;
use super::table::{Stretch, Table};
use crate::error::{KernelError, Result};
use crate::plan::PlannedFill;

/// Σw and Σw² of the cells of a category, over all its patterns, in the units of the windows.
#[derive(Default)]
struct Totals {
    counts: Vec<u64>,
    sums: Vec<[i128; 2]>,
}

impl PlanFiller {
    /// The finished histograms of a fill, one per group. What they were made of is gone afterwards.
    ///
    /// # Errors
    /// A fill that is not there.
    pub fn finish(&mut self, fill: usize, groups: usize) -> Result<Vec<Histogram>> {
        let Some(planned) = self.plan.fills.get(fill) else {
            return Err(KernelError::Plan { what: "fewer histograms" });
        };
        let planned = planned.clone();
        self.reach(groups);
        let emptied = self.tables[fill].emptied();
        let table = std::mem::replace(&mut self.tables[fill], emptied);
        let rest = std::mem::take(&mut self.histograms[fill]);
        let splitters = planned.weights.map_or(&[][..], |set| self.weights[set].splitters());
        Ok(finished(&table, &planned, &self.chosen[planned.selection], splitters, &rest))
    }

    /// The histograms of a fill, one per group, before they are rounded. What they were made of is gone afterwards.
    ///
    /// # Errors
    /// A fill that is not there.
    pub fn take(&mut self, fill: usize, groups: usize) -> Result<Vec<ExactHistogram>> {
        let histograms = std::mem::take(self.histograms(fill, groups)?);
        self.tables[fill] = self.tables[fill].emptied();
        Ok(histograms)
    }
}

fn finished(
    table: &Table,
    fill: &PlannedFill,
    chosen: &Chosen,
    splitters: &[Splitter],
    rest: &[ExactHistogram],
) -> Vec<Histogram> {
    let categories = chosen.categories();
    // The patterns of every category of every group.
    let mut patterns: Vec<Vec<u32>> = vec![vec![]; rest.len() * categories];
    for pattern in 0..u32::try_from(chosen.patterns()).unwrap_or(u32::MAX) {
        let (group, members) = chosen.members(pattern);
        members.for_each(|category| patterns[group * categories + category].push(pattern));
    }
    let mut totals = Totals::default();
    let group = |(group, rest): (usize, &ExactHistogram)| {
        let mut histogram = rest.finish();
        for category in 0..categories {
            let patterns = &patterns[group * categories + category];
            totals.reset(table.cells as usize, splitters.len());
            let stretches = patterns.iter().flat_map(|&pattern| table.of_pattern(pattern));
            stretches.for_each(|stretch| totals.add(&stretch, splitters.len()));
            for (cell, &count) in (0..).zip(&totals.counts).filter(|(_, count)| **count > 0) {
                let Some(Weighted { sumw, sumw2 }) = &mut histogram.weighted else {
                    let total = &mut histogram.counts[table.full_cell(fill, category, 0, cell) as usize];
                    *total = total.saturating_add(count);
                    continue;
                };
                let sums = &totals.sums[cell as usize * splitters.len()..];
                for ((variation, splitter), sums) in splitters.iter().enumerate().zip(sums) {
                    let full = table.full_cell(fill, category, variation, cell) as usize;
                    let (others, w, w2) = rest.rounded_with(full, splitter, *sums);
                    histogram.counts[full] = others.saturating_add(count);
                    (sumw[full], sumw2[full]) = (w, w2);
                }
            }
        }
        histogram
    };
    rest.iter().enumerate().map(group).collect()
}

impl Totals {
    fn reset(&mut self, cells: usize, weights: usize) {
        self.counts.clear();
        self.counts.resize(cells, 0);
        self.sums.clear();
        self.sums.resize(cells * weights, [0; 2]);
    }

    fn add(&mut self, stretch: &Stretch<'_>, weights: usize) {
        let Stretch { cell, counts, sums, .. } = stretch;
        let cell = *cell as usize;
        self.counts[cell..].iter_mut().zip(*counts).for_each(|(total, count)| *total += count);
        for (total, sum) in self.sums[cell * weights..].iter_mut().zip(*sums) {
            let [w, w2] = join(sum);
            *total = [total[0] + w, total[1] + w2];
        }
    }
}
