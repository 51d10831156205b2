//! Exact sums over the whole range of f64.

use std::collections::BTreeMap;

use super::limbs::{self, Limbs};

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
#[derive(Debug, Clone)]
pub struct ExactSum(ExactSums);

impl Default for ExactSum {
    fn default() -> Self {
        Self::new()
    }
}

impl ExactSum {
    /// A sum of nothing: +0.
    #[must_use]
    pub fn new() -> Self {
        Self(ExactSums::new(1))
    }

    /// Adds a term.
    pub fn add(&mut self, x: f64) {
        self.0.add(0, x);
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    /// The sum, rounded to the nearest f64.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.0.value(0)
    }
}

impl FromIterator<f64> for ExactSum {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut sum = Self::new();
        terms.into_iter().for_each(|x| sum.add(x));
        sum
    }
}
