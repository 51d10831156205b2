//! Where the tables of the histograms lie on the device.

use crate::plan::FillPlan;

/// Words that all tables of a plan may take.
const MOST_WORDS: usize = 1 << 26;

/// The tables of one histogram: counts, then sums, a row per pattern and cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TableAt {
    /// Rows there is room for; none: not on the device.
    pub(super) rows: usize,
    /// Word of the first count, of two words each.
    pub(super) counts: usize,
    /// Word of the first sum, of eight words each.
    pub(super) sums: usize,
    /// Sums of a row.
    pub(super) weights: usize,
}

impl TableAt {
    fn words(rows: usize, weights: usize) -> usize {
        rows.saturating_mul(2 + 8 * weights)
    }
}

/// The tables of all histograms of a plan.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    pub(super) at: Vec<TableAt>,
    /// Words of all.
    pub(super) words: usize,
}

impl Tables {
    pub(super) fn new(plan: &FillPlan) -> Self {
        Self { at: vec![TableAt::default(); plan.fills.len()], words: 0 }
    }

    /// Whether there is room for so many rows.
    pub(super) fn has(&self, fill: usize, rows: usize) -> bool {
        self.at[fill].rows >= rows
    }

    /// Lays everything out anew with room for at least `rows` of a histogram of so many weights, growing by doubling;
    /// false if that is too much for a device whose bindings hold `limit` words, and then nothing changes.
    pub(super) fn grow(&mut self, fill: usize, rows: usize, weights: usize, limit: usize) -> bool {
        let limit = limit.min(MOST_WORDS);
        let fits = |rows: usize| {
            let mut others = self.clone();
            others.at[fill] = TableAt { rows, weights, ..TableAt::default() };
            others.lay_out();
            (others.words <= limit).then_some(others)
        };
        let doubled = rows.max(2 * self.at[fill].rows);
        match fits(doubled).or_else(|| fits(rows)) {
            Some(grown) => {
                *self = grown;
                true
            }
            None => false,
        }
    }

    /// Takes the table of a histogram away.
    pub(super) fn drop(&mut self, fill: usize) {
        self.at[fill] = TableAt::default();
        self.lay_out();
    }

    fn lay_out(&mut self) {
        let mut next = 0usize;
        for at in &mut self.at {
            (at.counts, at.sums) = (next, next + 2 * at.rows);
            next = next.saturating_add(TableAt::words(at.rows, at.weights));
        }
        self.words = next;
    }
}
