//! A list of weights of a batch, cut into integers side by side.

use ana_hist::exact_sum::{SplitWeight, Splitter};

use crate::cpu::to_f64;
use crate::fill::{Column, Level};

/// Batches whose weights do not fit, one after the other, before windows are chosen anew: that costs a read-back.
const MISSES: u32 = 4;

/// Weights that are cut at a time.
const BLOCK: usize = 1024;

/// What came of cutting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// All weights are integers now.
    Whole,
    /// Some are NULL, NaN, infinite or beyond the windows: not for the device.
    Odd,
    /// The same, and other windows would hold them all.
    OtherWindows,
}

/// The weights of one list.
#[derive(Debug, Clone)]
pub(super) struct CutSet {
    weights: Vec<usize>,
    /// One per weight, once there was an event.
    splitters: Vec<Splitter>,
    /// Per event of the batch all weights.
    pub(super) cuts: Vec<SplitWeight>,
    misses: u32,
}

impl CutSet {
    pub(super) fn new(weights: Vec<usize>) -> Self {
        Self { weights, splitters: vec![], cuts: vec![], misses: 0 }
    }

    pub(super) fn splitters(&self) -> &[Splitter] {
        &self.splitters
    }

    /// Number of weights.
    pub(super) fn len(&self) -> usize {
        self.weights.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.cuts.capacity() * size_of::<SplitWeight>()
    }

    /// Windows that suit these weights. Nothing that was cut before may be waiting for its sum.
    pub(super) fn suit(&mut self, columns: &[Column<'_>], rows: usize) {
        self.splitters = self.suited(columns, rows);
        self.misses = 0;
    }

    fn suited(&self, columns: &[Column<'_>], rows: usize) -> Vec<Splitter> {
        let of = |&weight: &usize| {
            let column = &columns[weight];
            let number = if column.level == Level::Constant { 1 } else { rows };
            let mut values = vec![0.0; number];
            to_f64(column.values, 0..number, &mut values);
            Splitter::for_weights(&values)
        };
        self.weights.iter().map(of).collect()
    }

    /// Cuts the weights of a batch.
    pub(super) fn cut(&mut self, columns: &[Column<'_>], rows: usize) -> Cut {
        if self.splitters.is_empty() {
            self.suit(columns, rows);
        }
        let has_nulls = |&weight: &usize| {
            let column = &columns[weight];
            let number = if column.level == Level::Constant { 1 } else { rows };
            column.validity.is_some_and(|bits| (0..number).any(|i| !bits.get(i)))
        };
        if self.weights.iter().any(has_nulls) {
            return Cut::Odd;
        }
        if self.cut_all(columns, rows) {
            self.misses = 0;
            return Cut::Whole;
        }
        self.misses += 1;
        if self.misses < MISSES {
            return Cut::Odd;
        }
        self.misses = 0;
        let others = self.suited(columns, rows);
        let own = std::mem::replace(&mut self.splitters, others);
        let better = self.cut_all(columns, rows);
        self.splitters = own;
        if better { Cut::OtherWindows } else { Cut::Odd }
    }

    fn cut_all(&mut self, columns: &[Column<'_>], rows: usize) -> bool {
        let number = self.weights.len();
        self.cuts.clear();
        self.cuts.resize(rows * number, [0; 4]);
        let (mut values, mut cut) = ([0.0; BLOCK], [[0; 4]; BLOCK]);
        for (place, (&weight, splitter)) in self.weights.iter().zip(&self.splitters).enumerate() {
            let column = &columns[weight];
            for start in (0..rows).step_by(BLOCK) {
                let events = start..rows.min(start + BLOCK);
                let (values, cut) = (&mut values[..events.len()], &mut cut[..events.len()]);
                if column.level == Level::Constant {
                    let mut one = [0.0];
                    to_f64(column.values, 0..1, &mut one);
                    values.fill(one[0]);
                } else {
                    to_f64(column.values, events.clone(), values);
                }
                if !splitter.split(values, cut) {
                    return false;
                }
                for (event, cut) in events.zip(cut.iter()) {
                    self.cuts[event * number + place] = *cut;
                }
            }
        }
        true
    }
}
