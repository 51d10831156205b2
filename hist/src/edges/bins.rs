//! The bin rule for slices.

use pulp::{Arch, NullaryFnOnce};

use super::guess::{self, Formula, Guess};
use super::real::Real;

/// Values that go through in one piece, so that the intermediate results stay in registers and the nearest cache.
const BLOCK: usize = 256;

/// The bin rule of a numeric axis for values of one width, ready for slices.
#[derive(Debug, Clone)]
pub struct Bins<F> {
    /// `thresholds[i]` is the smallest value of storage index i + 1.
    thresholds: Vec<F>,
    guess: Guess<F>,
}

impl<F: Real> Bins<F> {
    /// The rule for the edges of a numeric axis: strictly increasing, finite, two or more (see
    /// [`Axis::edges`](crate::Axis::edges)). With fewer, every value is index 0.
    #[must_use]
    pub fn new(edges: &[f64]) -> Self {
        let thresholds: Vec<F> = edges.iter().map(|&e| F::up(e)).collect();
        let guess = if edges.len() < 2 { Guess::Search } else { Guess::proved(edges, &thresholds) };
        Self { thresholds, guess }
    }

    /// Smallest value of each storage index from 1 to n + 1: what a device compares with.
    #[must_use]
    pub fn thresholds(&self) -> &[F] {
        &self.thresholds
    }

    /// Storage index of one value.
    #[must_use]
    pub fn index(&self, x: F) -> usize {
        #[allow(clippy::eq_op, reason = "the generic way to ask for NaN")]
        if x != x { self.thresholds.len() } else { self.reached(x) }
    }

    /// Thresholds at or below x, by bisection.
    fn reached(&self, x: F) -> usize {
        self.thresholds.partition_point(|&t| t <= x)
    }

    /// Calls `each` with the storage indices of the values, in order, some at a time.
    #[inline]
    pub fn visit(&self, values: &[F], mut each: impl FnMut(&[u32])) {
        let mut indices = [0u32; BLOCK];
        for block in values.chunks(BLOCK) {
            let indices = &mut indices[..block.len()];
            self.block(block, indices);
            each(indices);
        }
    }

    /// Adds the storage indices of `values`, times `stride`, to what is in `cells`; slices of one length, else
    /// the shorter counts.
    pub fn accumulate(&self, values: &[F], stride: u32, cells: &mut [u32]) {
        let n = values.len().min(cells.len());
        let mut rest = &mut cells[..n];
        self.visit(&values[..n], |indices| {
            let (cells, after) = std::mem::take(&mut rest).split_at_mut(indices.len());
            Arch::new().dispatch(AddStrided { indices, stride, cells });
            rest = after;
        });
    }

    /// Indices of up to [`BLOCK`] values, by the widest vectors the machine has.
    fn block(&self, values: &[F], indices: &mut [u32]) {
        let arch = Arch::new();
        match &self.guess {
            Guess::Formula(formula) => {
                return arch.dispatch(ByFormula { formula: *formula, values, indices });
            }
            &Guess::Linear { lo, scale, top } => {
                arch.dispatch(Cells { cell: |x| guess::linear(x, lo, scale, top), values, cells: indices });
            }
            &Guess::Table { lo, scale, top, ref table } => {
                arch.dispatch(Cells {
                    cell: |x| guess::table_cell(x, lo, scale, top),
                    values,
                    cells: indices,
                });
                for index in indices.iter_mut() {
                    *index = table[*index as usize];
                }
            }
            Guess::Nested { cells, table } => {
                arch.dispatch(Cells { cell: |x| cells.cell(x), values, cells: &mut *indices });
                for index in indices.iter_mut() {
                    *index = table[*index as usize];
                }
            }
            by_value => {
                let n = self.thresholds.len().saturating_sub(1);
                for (&x, index) in values.iter().zip(indices.iter_mut()) {
                    *index = u32::try_from(by_value.one(x, n, |x| self.reached(x))).unwrap_or(u32::MAX);
                }
            }
        }
        for (&x, index) in values.iter().zip(indices) {
            let below = self.thresholds.get(*index as usize).is_none_or(|&threshold| x < threshold);
            *index += u32::from(!below);
        }
    }
}

/// Index = guess and decision by formula.
struct ByFormula<'a, F> {
    formula: Formula,
    values: &'a [F],
    indices: &'a mut [u32],
}

impl<F: Real> NullaryFnOnce for ByFormula<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { formula, values, indices } = self;
        for (&x, index) in values.iter().zip(indices) {
            *index = formula.index(x.widen());
        }
    }
}

/// Cells of a guess.
struct Cells<'a, F, C> {
    cell: C,
    values: &'a [F],
    cells: &'a mut [u32],
}

impl<F: Real, C: Fn(F) -> u32> NullaryFnOnce for Cells<'_, F, C> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { cell, values, cells } = self;
        for (&x, out) in values.iter().zip(cells) {
            *out = cell(x);
        }
    }
}

/// cells += indices · stride.
struct AddStrided<'a> {
    indices: &'a [u32],
    stride: u32,
    cells: &'a mut [u32],
}

impl NullaryFnOnce for AddStrided<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { indices, stride, cells } = self;
        for (cell, &index) in cells.iter_mut().zip(indices) {
            *cell += index * stride;
        }
    }
}
