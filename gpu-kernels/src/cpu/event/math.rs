//! Elementary functions on `f64`, written so that loops over them vectorise, with the same bits on every machine.
//!
//! No branches on the usual ranges, no fused multiply-add, no tables. Arguments outside of a function's usual range go
//! to the standard library, one by one. Largest errors found, in units in the last place against the exact value, and
//! in brackets the bounds that tests assert: `sin` 0.74 and `cos` 0.68 (1), `exp` 0.81 (1), `ln` 0.75 (1), `sinh` 1.40
//! (2), `cosh` 1.20 (2), `tanh` 1.21 (2), `atan2` 1.46 (2). The algorithms are those of fdlibm and Cephes, with
//! selections instead of branches.

#![allow(clippy::excessive_precision, reason = "constants stand here as they were published")]

mod angle;
mod exponential;
mod logarithm;
mod trigonometric;

pub use angle::{atan2, wrap_phi};
pub use exponential::{cosh, exp, sinh, tanh};
pub use logarithm::ln;
pub use trigonometric::{cos, sin};

pub(super) use angle::{atan2_fast, atan2_is_fast};
pub(super) use exponential::{cosh_fast, hyperbolic_is_fast, sinh_fast};
pub(super) use logarithm::{ln_fast, ln_is_fast};
pub(super) use trigonometric::{cos_fast, sin_cos_fast, sin_fast, trigonometric_is_fast};

/// Adding this to a float of less than 2⁵¹ leaves its nearest integer in the lowest bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// The nearest integer, as float and in the low bits of a word.
#[inline(always)]
fn nearest(x: f64) -> (f64, i64) {
    let shifted = x + ROUNDER;
    (shifted - ROUNDER, shifted.to_bits().wrapping_sub(ROUNDER.to_bits()).cast_signed())
}

/// 2ⁿ for −1022 ≤ n ≤ 1023.
#[inline(always)]
fn power_of_two(n: i64) -> f64 {
    f64::from_bits((n + 1023).cast_unsigned() << 52)
}

/// −1, 0 or 1 with the sign of the argument; NaN of NaN.
#[inline(always)]
#[must_use]
pub fn sign(x: f64) -> f64 {
    let positive = if x > 0.0 { 1.0 } else { x };
    if x < 0.0 { -1.0 } else { positive }
}

/// The smaller; NaN is greater than every number; the first of equals.
#[inline(always)]
#[must_use]
pub fn least(a: f64, b: f64) -> f64 {
    if (b < a) | a.is_nan() { b } else { a }
}

/// The greater; NaN is greater than every number; the first of equals.
#[inline(always)]
#[must_use]
pub fn greatest(a: f64, b: f64) -> f64 {
    if (b > a) | b.is_nan() { b } else { a }
}
