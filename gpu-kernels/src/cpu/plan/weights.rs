//! A list of weights per event, cut into integers side by side.

use std::ops::Range;
use std::sync::OnceLock;

use ana_hist::exact_sum::{SplitWeight, Splitter};

use crate::cpu::axis::to_f64;
use crate::cpu::block::BLOCK;
use crate::fill::{Column, Level};

/// The weights of one list.
#[derive(Debug, Clone)]
pub(super) struct WeightSet {
    weights: Vec<usize>,
    /// One per weight, once there was an event.
    splitters: Vec<Splitter>,
    /// Per event of the block all weights.
    cuts: Vec<SplitWeight>,
    /// Events of the block with a weight that was not cut.
    odd: Vec<bool>,
    any_odd: bool,
    /// Events since the tables were last emptied.
    added: usize,
}

impl WeightSet {
    pub(super) fn new(weights: Vec<usize>) -> Self {
        let (splitters, cuts, odd) = (Vec::new(), Vec::new(), Vec::new());
        Self { weights, splitters, cuts, odd, any_odd: false, added: 0 }
    }

    pub(super) fn bytes_of_event(&self) -> usize {
        self.weights.len() * size_of::<SplitWeight>()
    }

    pub(super) fn emptied(&mut self) {
        self.added = 0;
    }

    /// Chooses windows by the first weights there are, or takes those that were chosen elsewhere.
    pub(super) fn begin(&mut self, columns: &[Column<'_>], windows: &OnceLock<Vec<Splitter>>) {
        if self.splitters.is_empty() && self.weights.iter().all(|&weight| weight < columns.len()) {
            if windows.get().is_none() {
                self.choose(columns, 0..BLOCK);
            }
            self.splitters = windows.get_or_init(|| std::mem::take(&mut self.splitters)).clone();
        }
    }

    /// Takes the windows of another, where there are none yet.
    pub(super) fn adopt(&mut self, other: &Self) {
        if self.splitters.is_empty() {
            self.splitters.clone_from(&other.splitters);
        }
    }

    fn choose(&mut self, columns: &[Column<'_>], events: Range<usize>) {
        let mut values = [0.0; BLOCK];
        self.splitters = self
            .weights
            .iter()
            .map(|&weight| {
                let column = &columns[weight];
                let range = match column.level {
                    Level::Constant => 0..1,
                    _ => events.start..events.end.min(column.values.len()),
                };
                let values = &mut values[..range.len()];
                to_f64(column.values, range, values);
                Splitter::for_weights(values)
            })
            .collect();
    }

    /// Windows for these events. The tables must be empty.
    pub(super) fn suit(&mut self, columns: &[Column<'_>], events: Range<usize>) {
        self.choose(columns, events.clone());
        self.cut(columns, events);
    }

    /// Cuts the weights of a block of at most [`BLOCK`] events; false if other windows would suit it much better.
    pub(super) fn cut(&mut self, columns: &[Column<'_>], events: Range<usize>) -> bool {
        let number = self.weights.len();
        let n = events.len();
        self.cuts.resize(n * number, [0; 4]);
        self.odd.clear();
        self.odd.resize(n, false);
        self.any_odd = false;
        let mut values = [0.0; BLOCK];
        let mut cut = [[0; 4]; BLOCK];
        let mut misfits = 0;
        for (place, (&weight, splitter)) in self.weights.iter().zip(&self.splitters).enumerate() {
            let column = &columns[weight];
            let (values, cut) = (&mut values[..n], &mut cut[..n]);
            if column.level == Level::Constant {
                let mut one = [0.0];
                to_f64(column.values, 0..1, &mut one);
                values.fill(one[0]);
            } else {
                to_f64(column.values, events.clone(), values);
            }
            if !splitter.split(values, cut) {
                self.any_odd = true;
                for (odd, &value) in self.odd.iter_mut().zip(&*values) {
                    let fits = splitter.fits(value);
                    *odd |= !fits;
                    misfits += usize::from(!fits && value.is_finite());
                }
            }
            for (event, cut) in cut.iter().enumerate() {
                self.cuts[event * number + place] = *cut;
            }
            if let Some(validity) = column.validity {
                for (odd, event) in self.odd.iter_mut().zip(events.clone()) {
                    let at = if column.level == Level::Constant { 0 } else { event };
                    if !validity.get(at) {
                        *odd = true;
                        self.any_odd = true;
                    }
                }
            }
        }
        self.added += n;
        // Emptying the tables has to be earned by additions first.
        4 * misfits <= n * number || self.added < 16 * BLOCK
    }

    /// Whether an event of the block has to be added weight by weight.
    #[inline(always)]
    pub(super) fn is_odd(&self, event: usize) -> bool {
        self.any_odd && self.odd[event]
    }

    pub(super) fn cuts(&self) -> &[SplitWeight] {
        &self.cuts
    }

    pub(super) fn splitters(&self) -> &[Splitter] {
        &self.splitters
    }

    /// The weights of an event that are not NULL, with their places in the list.
    pub(super) fn weights_of(
        &self,
        columns: &[Column<'_>],
        event: usize,
    ) -> impl Iterator<Item = (usize, f64)> {
        self.weights.iter().enumerate().filter_map(move |(place, &weight)| {
            let column = &columns[weight];
            let at = if column.level == Level::Constant { 0 } else { event };
            let mut value = [0.0];
            to_f64(column.values, at..at + 1, &mut value);
            column.validity.is_none_or(|bits| bits.get(at)).then_some((place, value[0]))
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.cuts.capacity() * size_of::<SplitWeight>() + self.odd.capacity()
    }
}
