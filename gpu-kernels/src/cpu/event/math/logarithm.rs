//! The natural logarithm, after fdlibm's `e_log.c`.

use super::ROUNDER;

/// Positive, finite and not subnormal.
#[inline(always)]
pub(in super::super) fn ln_is_fast(x: f64) -> bool {
    (f64::MIN_POSITIVE..f64::INFINITY).contains(&x)
}

/// Natural logarithm where [`ln_is_fast`].
#[inline(always)]
pub(in super::super) fn ln_fast(x: f64) -> f64 {
    const LN_2: [f64; 2] = [6.931_471_803_691_238_164_90e-1, 1.908_214_929_270_587_700_02e-10];
    const L: [f64; 7] = [
        6.666_666_666_666_735_130e-1,
        3.999_999_999_940_941_908e-1,
        2.857_142_874_366_239_149e-1,
        2.222_219_843_214_978_396e-1,
        1.818_357_216_161_805_012e-1,
        1.531_383_769_920_937_332e-1,
        1.479_819_860_511_658_591e-1,
    ];
    // x = 2ᵏ (1 + f) with √½ ≤ 1 + f < √2: the bits of √½ lie at the boundary.
    const ROOT: u64 = 0x3fe6_a09e_667f_3bcd;
    let shifted = x.to_bits().wrapping_sub(ROOT);
    let exponent = shifted.cast_signed() >> 52;
    let f = f64::from_bits(x.to_bits().wrapping_sub(exponent.cast_unsigned() << 52)) - 1.0;
    let k = f64::from_bits(ROUNDER.to_bits().wrapping_add(exponent.cast_unsigned())) - ROUNDER;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let odd = w * (L[1] + w * (L[3] + w * L[5]));
    let even = z * (L[0] + w * (L[2] + w * (L[4] + w * L[6])));
    let half = 0.5 * f * f;
    k * LN_2[0] - ((half - (s * (half + (odd + even)) + k * LN_2[1])) - f)
}

/// Natural logarithm.
#[must_use]
pub fn ln(x: f64) -> f64 {
    if ln_is_fast(x) { ln_fast(x) } else { x.ln() }
}
