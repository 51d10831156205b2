//! Exact sums over the whole range of f64.

use std::collections::BTreeMap;

use super::limbs::{self, Limbs};
use super::weights::{Part, negate};
use super::window::Splitter;

/// Which of NaN, +∞ and −∞ were among the terms.
pub(super) const NAN: u8 = 1;
pub(super) const PLUS: u8 = 2;
pub(super) const MINUS: u8 = 4;

/// An array of exact sums. Rules in the [module's head](super).
#[derive(Debug, Clone, Default)]
pub struct ExactSums {
    pub(super) limbs: Limbs,
    /// Cells that met a term that is not finite. There are normally none.
    pub(super) special: BTreeMap<usize, u8>,
}

impl ExactSums {
    /// `cells` sums of nothing.
    #[must_use]
    pub fn new(cells: usize) -> Self {
        Self { limbs: Limbs::new(cells), special: BTreeMap::new() }
    }

    /// Number of sums.
    #[must_use]
    pub fn len(&self) -> usize {
        self.limbs.rows()
    }

    /// Whether there are no sums.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a term to one sum. A cell beyond the array is ignored.
    pub fn add(&mut self, cell: usize, x: f64) {
        if cell >= self.len() {
            return;
        }
        match decompose(x) {
            Term::Special(flag) => *self.special.entry(cell).or_default() |= flag,
            Term::Finite { mantissa, position } => self.limbs.add(cell, mantissa, position),
        }
    }

    /// Adds v·2^(position − 1074).
    pub(super) fn add_fixed(&mut self, cell: usize, v: i128, position: usize) {
        self.limbs.add(cell, v, position);
    }

    /// Adds every sum of `other` to the one of the same number; sums beyond this array's length are added to it.
    pub fn merge(&mut self, other: &Self) {
        if other.len() > self.len() {
            self.limbs.resize(other.len());
        }
        if other.len() == self.len() {
            self.limbs.merge(&other.limbs);
        } else {
            let mut other = other.limbs.clone();
            other.resize(self.len());
            self.limbs.merge(&other);
        }
        for (&cell, &flags) in &other.special {
            *self.special.entry(cell).or_default() |= flags;
        }
    }

    /// Adds a sum of another array to one of this.
    pub(super) fn add_row(&mut self, cell: usize, other: &Self, row: usize) {
        let (position, limbs) = other.limbs.row(row);
        if !limbs.is_empty() {
            self.limbs.add_row(cell, position / 64, limbs);
        }
        if let Some(&flags) = other.special.get(&row) {
            *self.special.entry(cell).or_default() |= flags;
        }
    }

    /// A sum, rounded to the nearest f64; +0 beyond the array.
    #[must_use]
    pub fn value(&self, cell: usize) -> f64 {
        self.value_with(cell, 0, 0, &mut Vec::new())
    }

    /// A sum plus v·2^(position − 1074), rounded together. `scratch` is for reuse.
    pub(super) fn value_with(&self, cell: usize, v: i128, position: usize, scratch: &mut Vec<u64>) -> f64 {
        if cell >= self.len() {
            return 0.0;
        }
        if let Some(&flags) = self.special.get(&cell) {
            return special_value(flags);
        }
        if self.limbs.row(cell).1.iter().all(|&limb| limb == 0) {
            return limbs::round_fixed(v, position);
        }
        let (negative, position) = self.magnitude_with(cell, v, position, scratch);
        let rounded = limbs::round(scratch, position);
        if negative { -rounded } else { rounded }
    }

    /// Sign, position of bit 0 and (in `scratch`) magnitude of a sum plus v·2^(position − 1074).
    pub(super) fn magnitude_with(
        &self,
        cell: usize,
        v: i128,
        position: usize,
        scratch: &mut Vec<u64>,
    ) -> (bool, usize) {
        scratch.clear();
        let (own, row) = self.limbs.row(cell);
        let start = if v == 0 {
            scratch.extend_from_slice(row);
            own
        } else {
            let mut one = Limbs::new(1);
            one.add(0, v, position);
            if !row.is_empty() {
                one.add_row(0, own / 64, row);
            }
            let (start, row) = one.row(0);
            scratch.extend_from_slice(row);
            start
        };
        (limbs::take_sign(scratch), start)
    }

    /// Adds one part that was written.
    pub(super) fn add_part(&mut self, cell: usize, part: &Part<'_>) {
        if part.special != 0 {
            *self.special.entry(cell).or_default() |= part.special;
        }
        let mut limbs = part.magnitude.to_vec();
        limbs.push(0);
        if part.negative {
            negate(&mut limbs);
        }
        if limbs.iter().any(|&l| l != 0) {
            self.limbs.add_row(cell, part.position / 64, &limbs);
        }
    }

    /// Heap memory, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        // A map entry with its share of the tree's nodes.
        self.limbs.heap_bytes() + self.special.len() * 32
    }
}

/// What a sum with terms that are not finite is.
pub(super) fn special_value(flags: u8) -> f64 {
    match flags {
        PLUS => f64::INFINITY,
        MINUS => f64::NEG_INFINITY,
        _ => f64::NAN,
    }
}

/// An f64 as an integer times a power of two, or not finite.
pub(super) enum Term {
    Finite { mantissa: i128, position: usize },
    Special(u8),
}

pub(super) fn decompose(x: f64) -> Term {
    let bits = x.to_bits();
    let exponent = usize::try_from(bits >> 52 & 0x7ff).unwrap_or(0);
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0x7ff {
        return Term::Special(if x.is_nan() {
            NAN
        } else if x > 0.0 {
            PLUS
        } else {
            MINUS
        });
    }
    let (mantissa, position) = if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) };
    let mantissa = i128::from(mantissa);
    Term::Finite { mantissa: if x.is_sign_negative() { -mantissa } else { mantissa }, position }
}

/// One exact sum. Rules in the [module's head](super).
#[derive(Debug, Clone, Default)]
pub struct ExactSum {
    sums: ExactSums,
    /// The window that suited the last slice.
    window: Option<Splitter>,
}

/// Terms that are added as integers before these could overflow.
const AT_ONCE: usize = 1 << 16;

impl ExactSum {
    /// A sum of nothing: +0.
    #[must_use]
    pub fn new() -> Self {
        Self { sums: ExactSums::new(1), window: None }
    }

    /// Adds a term.
    pub fn add(&mut self, x: f64) {
        self.reach();
        self.sums.add(0, x);
    }

    /// Adds many terms: those of one order of magnitude in vector registers.
    pub fn add_slice(&mut self, terms: &[f64]) {
        self.reach();
        for terms in terms.chunks(AT_ONCE) {
            let window = self.window.get_or_insert_with(|| Splitter::for_weights(terms));
            match window.sum(terms) {
                Some((sum, position)) => self.sums.add_fixed(0, sum, position),
                None => {
                    terms.iter().for_each(|&x| self.sums.add(0, x));
                    self.window = None;
                }
            }
        }
    }

    /// A default value has no cell yet.
    fn reach(&mut self) {
        if self.sums.is_empty() {
            self.sums = ExactSums::new(1);
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.reach();
        self.sums.merge(&other.sums);
    }

    /// The sum, rounded to the nearest f64.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.sums.value(0)
    }

    /// Heap memory, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.sums.heap_bytes()
    }

    /// Calls `with` with what there is to be written of it.
    pub(crate) fn part<T>(&self, with: impl FnOnce(Part<'_>) -> T) -> T {
        let mut magnitude = Vec::new();
        let special = self.sums.special.get(&0).copied().unwrap_or(0);
        let (negative, position) =
            if self.sums.is_empty() { (false, 0) } else { self.sums.magnitude_with(0, 0, 0, &mut magnitude) };
        with(Part { special, negative, position, magnitude: &magnitude })
    }

    /// Adds what [`ExactSum::part`] gave.
    pub(crate) fn add_part(&mut self, part: &Part<'_>) {
        self.reach();
        self.sums.add_part(0, part);
    }
}

impl FromIterator<f64> for ExactSum {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut sum = Self::new();
        terms.into_iter().for_each(|x| sum.add(x));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_as_term_by_term() {
        let number = |i: u32| f64::from(i.wrapping_mul(2_654_435_761) >> 8) / 1e6 - 3.0;
        let usual: Vec<f64> = (0..70_000).map(number).collect();
        let wide: Vec<f64> =
            (0..200).map(|i| number(i) * 10f64.powi(i.cast_signed() % 30 * 10 - 150)).collect();
        let mut sum = ExactSum::default();
        for terms in [&usual[..], &wide, &[], &usual[..7], &[f64::MAX; 3], &[-f64::MAX; 3], &[5e-324]] {
            sum.add_slice(terms);
        }
        let terms = usual.iter().chain(&wide).chain(&usual[..7]).copied().chain([5e-324]);
        assert_eq!(sum.value().to_bits(), terms.collect::<ExactSum>().value().to_bits());
        sum.add_slice(&[1.0, f64::INFINITY]);
        assert_eq!(sum.value(), f64::INFINITY);
        sum.add_slice(&[f64::NAN]);
        assert!(sum.value().is_nan());
    }
}
