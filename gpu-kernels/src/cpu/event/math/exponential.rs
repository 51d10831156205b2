//! The exponential and the hyperbolic functions.

use super::{nearest, power_of_two};

/// ln 2 in two parts; multiples of the first by less than 2¹¹ are exact.
const LN_2: [f64; 2] = [6.931_471_803_691_238_164_90e-1, 1.908_214_929_270_587_700_02e-10];

/// eˣ as y·2ⁿ with 0.7 < y < 1.5.
#[inline(always)]
fn split(x: f64) -> (f64, i64) {
    // 1/k! from k = 13 down to 2.
    const INVERSE: [f64; 12] = [
        1.605_904_383_682_161_5e-10,
        2.087_675_698_786_810e-9,
        2.505_210_838_544_172e-8,
        2.755_731_922_398_589e-7,
        2.755_731_922_398_589_3e-6,
        2.480_158_730_158_730e-5,
        1.984_126_984_126_984e-4,
        1.388_888_888_888_889e-3,
        8.333_333_333_333_333e-3,
        4.166_666_666_666_666_4e-2,
        1.666_666_666_666_666_6e-1,
        0.5,
    ];
    let (turns, exponent) = nearest(x * std::f64::consts::LOG2_E);
    let high = x - turns * LN_2[0];
    let low = turns * LN_2[1];
    let r = high - low;
    // What rounding took from r.
    let tail = (high - r) - low;
    let z = r * r;
    // Pairs first: the chain of dependent operations is half as long.
    let pair = |k: usize| INVERSE[k + 1] + r * INVERSE[k];
    let p = pair(10) + z * (pair(8) + z * (pair(6) + z * (pair(4) + z * (pair(2) + z * pair(0)))));
    (1.0 + (r + (z * p + (tail + r * tail))), exponent)
}

/// eˣ
#[inline(always)]
#[must_use]
pub fn exp(x: f64) -> f64 {
    // Beyond, the result is 0 or infinite all the same.
    let x = if x > 712.0 { 712.0 } else { x };
    let x = if x < -760.0 { -760.0 } else { x };
    let (y, exponent) = split(x);
    // In two steps, so that neither factor leaves the range and subnormal results are rounded once.
    let half = exponent >> 1;
    y * power_of_two(half) * power_of_two(exponent - half)
}

/// Up to here eˣ and e⁻ˣ are normal numbers.
#[inline(always)]
pub(in super::super) fn hyperbolic_is_fast(x: f64) -> bool {
    x.abs() <= 708.0
}

/// e^|x| for arguments where [`hyperbolic_is_fast`].
#[inline(always)]
fn grown(x: f64) -> f64 {
    let (y, exponent) = split(x.abs());
    y * power_of_two(exponent)
}

/// Hyperbolic sine where [`hyperbolic_is_fast`].
#[inline(always)]
pub(in super::super) fn sinh_fast(x: f64) -> f64 {
    // 1/k! for k = 3, 5, … 17.
    const INVERSE: [f64; 8] = [
        1.666_666_666_666_666_6e-1,
        8.333_333_333_333_333e-3,
        1.984_126_984_126_984e-4,
        2.755_731_922_398_589_3e-6,
        2.505_210_838_544_172e-8,
        1.605_904_383_682_161_5e-10,
        7.647_163_731_819_816e-13,
        2.811_457_254_345_520_6e-15,
    ];
    let z = x * x;
    let pair = |k: usize| INVERSE[k] + z * INVERSE[k + 1];
    let w = z * z;
    let small = x + x * (z * (pair(0) + w * (pair(2) + w * (pair(4) + w * pair(6)))));
    let grown = grown(x);
    let large = (0.5 * (grown - 1.0 / grown)).copysign(x);
    if x.abs() < 1.0 { small } else { large }
}

/// Hyperbolic cosine where [`hyperbolic_is_fast`].
#[inline(always)]
pub(in super::super) fn cosh_fast(x: f64) -> f64 {
    let grown = grown(x);
    0.5 * (grown + 1.0 / grown)
}

/// Hyperbolic sine.
#[must_use]
pub fn sinh(x: f64) -> f64 {
    if hyperbolic_is_fast(x) { sinh_fast(x) } else { x.sinh() }
}

/// Hyperbolic cosine.
#[must_use]
pub fn cosh(x: f64) -> f64 {
    if hyperbolic_is_fast(x) { cosh_fast(x) } else { x.cosh() }
}

/// Hyperbolic tangent.
#[inline(always)]
#[must_use]
pub fn tanh(x: f64) -> f64 {
    // Cephes' rational function for small arguments.
    const P: [f64; 3] =
        [-9.643_991_794_250_522_386_28e-1, -9.928_772_310_019_185_865_64e1, -1.614_687_684_417_084_479_52e3];
    const Q: [f64; 3] =
        [1.128_116_784_916_329_314_02e2, 2.235_488_390_601_004_485_83e3, 4.844_063_053_251_254_860_48e3];
    let z = x * x;
    let rational = ((P[0] * z + P[1]) * z + P[2]) / (((z + Q[0]) * z + Q[1]) * z + Q[2]);
    let small = x + x * (z * rational);
    let capped = if x.abs() > 20.0 { 20.0 } else { x.abs() };
    let grown = grown(2.0 * capped);
    let large = (1.0 - 2.0 / (grown + 1.0)).copysign(x);
    if x.abs() < 0.625 { small } else { large }
}
