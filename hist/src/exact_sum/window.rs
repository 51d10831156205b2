//! Cutting weights into integers.
//!
//! A window of 81 bits, from 2^bottom to 2^(bottom + 81), holds an f64 as two integers hi·2^(bottom + 41) +
//! lo·2^bottom of at most 2⁴⁰ each. Adding 1.5·2^52·grid to a double rounds it to a multiple of the grid, and
//! leaves that multiple as an integer in the bits of the result: no conversion instruction, no branch, and
//! whole slices go through vector registers. What rounding cuts off is exact (it is a difference of neighbours), goes
//! through the same once more, and whatever is then left over says that the weight does not fit.

use pulp::Arch;

/// Largest |hi| and |lo|, as a power of two.
const PIECE: i32 = 40;

/// Cuts that may be added before an i64 could overflow: 2²³ integers of 2⁴⁰; half of it.
pub const ADDS: usize = 1 << 22;

/// Exponents a full 53-bit mantissa can have inside a window.
const ORDERS: i32 = 2 * PIECE + 1 - 53;

/// A weight and its square, cut: hi and lo of w, hi and lo of fl(w·w).
pub type SplitWeight = [i64; 4];

/// Σw and Σw², each an integer and the position of its unit among the bits of [`ExactSums`](super::ExactSums).
pub(crate) type Fixed = [(i128, usize); 2];

/// Summed cuts as integers in units of their windows' lowest bits.
#[inline]
#[must_use]
pub fn join(sum: &SplitWeight) -> [i128; 2] {
    [Grid::join(sum[0], sum[1]), Grid::join(sum[2], sum[3])]
}

/// What the upper integer of a [settled](settle) sum may be, so that [`ADDS`] cuts and the sum of another such still fit.
const SETTLED: u64 = 1 << 61;

/// Moves what of the lower integers belongs to the upper ones: no value changes, and [`ADDS`] more cuts fit. False where an
/// upper integer has become so large that the sum has to go elsewhere.
#[inline]
#[must_use]
pub fn settle(sum: &mut SplitWeight) -> bool {
    let [a, b, c, d] = sum;
    for (hi, lo) in [(a, b), (c, d)] {
        let carry = (*lo + (1 << PIECE)) >> (PIECE + 1);
        *lo -= carry << (PIECE + 1);
        *hi += carry;
    }
    sum[0].unsigned_abs() <= SETTLED && sum[2].unsigned_abs() <= SETTLED
}

/// Constants of one window.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Grid {
    coarse: f64,
    fine: f64,
    limit: f64,
    bottom: i32,
}

impl Grid {
    /// The window whose largest value is 2^top, moved where the constants are f64 and bits exist.
    fn new(top: i32) -> Self {
        let bottom = (top - 2 * PIECE - 1).clamp(-1074, 960 - 2 * PIECE);
        let magic = |grid: i32| 1.5 * power(52 + grid);
        Self {
            coarse: magic(bottom + PIECE + 1),
            fine: magic(bottom),
            limit: power(bottom + 2 * PIECE + 1),
            bottom,
        }
    }

    /// hi, lo, and what is left of x, which is 0 of either sign if x fits (and is within the limit).
    #[inline(always)]
    fn cut(&self, x: f64) -> (i64, i64, f64) {
        let rounded = x + self.coarse;
        let hi = rounded.to_bits().wrapping_sub(self.coarse.to_bits()).cast_signed();
        let rest = x - (rounded - self.coarse);
        let rounded = rest + self.fine;
        let lo = rounded.to_bits().wrapping_sub(self.fine.to_bits()).cast_signed();
        (hi, lo, rest - (rounded - self.fine))
    }

    /// The value of summed hi and lo, as an integer at the window's bottom.
    fn join(hi: i64, lo: i64) -> i128 {
        (i128::from(hi) << (PIECE + 1)) + i128::from(lo)
    }

    /// Position of the bottom among the bits of [`ExactSums`](super::ExactSums).
    fn position(&self) -> usize {
        usize::try_from(self.bottom + 1074).unwrap_or(0)
    }
}

/// 2^e for −1074 ≤ e ≤ 1023.
fn power(e: i32) -> f64 {
    let field = e + 1023;
    if field > 0 {
        f64::from_bits(u64::from(field.unsigned_abs()) << 52)
    } else {
        f64::from_bits(1 << (e + 1074).clamp(0, 51))
    }
}

/// Cuts weights and their squares into integers that add up exactly. The cut of a weight can be added to any
/// number of cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Splitter {
    weight: Grid,
    square: Grid,
    /// Largest |w| for which w and w² are inside their windows.
    limit: f64,
}

impl Splitter {
    /// The windows that suit most of `weights`. Any choice is correct; one that fits is fast.
    #[must_use]
    pub fn for_weights(weights: &[f64]) -> Self {
        let step = weights.len() / 256 + 1;
        let mut exponents: Vec<i32> = weights
            .iter()
            .step_by(step)
            .filter(|w| w.is_finite() && **w != 0.0)
            .map(|&w| exponent(w))
            .collect();
        exponents.sort_unstable();
        // w² spans twice the orders of w, so its window is the narrower one.
        let span = ORDERS / 2 - 2;
        let mut best = (0, 0, 0);
        for (end, &high) in exponents.iter().enumerate() {
            let start = exponents.partition_point(|&e| e < high - span);
            if end + 1 - start > best.0 {
                best = (end + 1 - start, exponents[start], high);
            }
        }
        let (_, low, high) = best;
        // What the weights leave free goes to both sides.
        let top = high + 2 + (span - (high - low)) / 2;
        let (weight, square) = (Grid::new(top), Grid::new(2 * top));
        // Half of √limit, to be on the safe side of its rounding.
        let limit = weight.limit.min(square.limit.sqrt() / 2.0);
        Self { weight, square, limit }
    }

    /// Cuts `weights` into `out`, slices of one length (else of the shorter). Returns whether all fit; where
    /// one does not, its entry is zero and [`Splitter::fits`] says so.
    #[inline]
    pub fn split(&self, weights: &[f64], out: &mut [SplitWeight]) -> bool {
        let all = Arch::new().dispatch(Split { splitter: *self, weights, out: &mut *out });
        if !all {
            for (&w, cut) in weights.iter().zip(out) {
                if !self.fits(w) {
                    *cut = [0; 4];
                }
            }
        }
        all
    }

    /// The sum of at most 2²² terms, as an integer and the position of its unit; `None` if some do not fit.
    pub(super) fn sum(&self, terms: &[f64]) -> Option<(i128, usize)> {
        debug_assert!(terms.len() <= ADDS);
        let (sum, all) = Arch::new().dispatch(Sum { splitter: *self, terms });
        all.then(|| (sum, self.weight.position()))
    }

    /// Whether a weight and its square fit the windows.
    #[must_use]
    pub fn fits(&self, w: f64) -> bool {
        let left = self.weight.cut(w).2.to_bits() | self.square.cut(w * w).2.to_bits();
        left << 1 == 0 && w.abs() <= self.limit
    }

    /// Σw and Σw² of summed cuts, each as an integer and the position of its unit.
    pub(super) fn join(&self, sum: &SplitWeight) -> Fixed {
        let [w, s] = join(sum);
        self.place([w, s])
    }

    /// What [`join`]ed sums are, with the positions of their units.
    pub(crate) fn place(&self, [w, s]: [i128; 2]) -> Fixed {
        [(w, self.weight.position()), (s, self.square.position())]
    }
}

/// ⌊log₂|w|⌋ of a finite w ≠ 0; subnormal numbers count as the smallest normal one.
fn exponent(w: f64) -> i32 {
    i32::try_from(w.to_bits() >> 52 & 0x7ff).unwrap_or(0).max(1) - 1023
}

/// [`Splitter::split`] in a form that [`Arch::dispatch`] compiles for each instruction set.
struct Split<'a> {
    splitter: Splitter,
    weights: &'a [f64],
    out: &'a mut [SplitWeight],
}

impl pulp::NullaryFnOnce for Split<'_> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        let Self { splitter: Splitter { weight, square, limit }, weights, out } = self;
        // Bit 63 would be the sign of a 0 that is left.
        let mut misfit = 0u64;
        for (&w, cut) in weights.iter().zip(out) {
            let (hi, lo, left) = weight.cut(w);
            let (square_hi, square_lo, square_left) = square.cut(w * w);
            *cut = [hi, lo, square_hi, square_lo];
            let beyond = if w.abs() <= limit { 0 } else { 1 };
            misfit |= left.to_bits() | square_left.to_bits() | beyond;
        }
        misfit << 1 == 0
    }
}

/// [`Splitter::sum`] in a form that [`Arch::dispatch`] compiles for each instruction set.
struct Sum<'a> {
    splitter: Splitter,
    terms: &'a [f64],
}

impl pulp::NullaryFnOnce for Sum<'_> {
    type Output = (i128, bool);

    #[inline(always)]
    fn call(self) -> (i128, bool) {
        let Self { splitter: Splitter { weight, limit, .. }, terms } = self;
        let (mut hi, mut lo, mut misfit) = (0i64, 0i64, 0u64);
        for &x in terms {
            let (x_hi, x_lo, left) = weight.cut(x);
            hi = hi.wrapping_add(x_hi);
            lo = lo.wrapping_add(x_lo);
            let beyond = if x.abs() <= limit { 0 } else { 1 };
            misfit |= left.to_bits() | beyond;
        }
        (Grid::join(hi, lo), misfit << 1 == 0)
    }
}
