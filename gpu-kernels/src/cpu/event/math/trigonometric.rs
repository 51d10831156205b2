//! Sine and cosine, after fdlibm's `k_sin.c`, `k_cos.c` and `e_rem_pio2.c`.

use super::nearest;

/// π/2 in three parts; multiples of the first two by less than 2²⁰ are exact.
const HALF_PI: [f64; 3] =
    [1.570_796_326_734_125_614_17, 6.077_100_506_303_965_976_60e-11, 2.022_266_248_795_950_631_54e-21];

/// Up to here the three parts of π/2 leave an error far below the last place, also beside multiples of π/2.
#[inline(always)]
pub(in super::super) fn trigonometric_is_fast(x: f64) -> bool {
    x.abs() <= 1024.0
}

/// The number of the quadrant, and what is left of the angle, in [−π/4, π/4], in two parts.
#[inline(always)]
fn reduce(x: f64) -> (i64, f64, f64) {
    let (turns, quadrant) = nearest(x * std::f64::consts::FRAC_2_PI);
    let first = x - turns * HALF_PI[0];
    // Difference and its rounding error.
    let second = turns * HALF_PI[1];
    let rest = first - second;
    let back = rest - first;
    let error = (first - (rest - back)) - (second + back);
    let low = error - turns * HALF_PI[2];
    let high = rest + low;
    (quadrant, high, (rest - high) + low)
}

/// sin(x + y) for |x| ≤ π/4 and tiny y.
#[inline(always)]
fn sine(x: f64, y: f64) -> f64 {
    const S: [f64; 6] = [
        -1.666_666_666_666_663_243_48e-1,
        8.333_333_333_322_489_461_24e-3,
        -1.984_126_982_985_794_931_34e-4,
        2.755_731_370_707_006_767_89e-6,
        -2.505_076_025_340_686_341_95e-8,
        1.589_690_995_211_550_102_21e-10,
    ];
    let z = x * x;
    let v = z * x;
    let r = S[1] + z * (S[2] + z * (S[3] + z * (S[4] + z * S[5])));
    x - ((z * (0.5 * y - v * r) - y) - v * S[0])
}

/// cos(x + y) for |x| ≤ π/4 and tiny y.
#[inline(always)]
fn cosine(x: f64, y: f64) -> f64 {
    const C: [f64; 6] = [
        4.166_666_666_666_660_190_37e-2,
        -1.388_888_888_887_410_957_49e-3,
        2.480_158_728_947_672_941_78e-5,
        -2.755_731_435_139_066_330_35e-7,
        2.087_572_321_298_174_827_90e-9,
        -1.135_964_755_778_819_482_65e-11,
    ];
    let z = x * x;
    let w = z * z;
    let r = z * (C[0] + z * (C[1] + z * C[2])) + w * w * (C[3] + z * (C[4] + z * C[5]));
    let half = 0.5 * z;
    let w = 1.0 - half;
    w + (((1.0 - w) - half) + (z * r - x * y))
}

/// The one of sine and cosine that the quadrant asks for.
#[inline(always)]
fn quadrant(number: i64, (sine, cosine): (f64, f64)) -> f64 {
    let value = if number & 1 == 0 { sine } else { cosine };
    // Bit 1 of the quadrant is the sign.
    f64::from_bits(value.to_bits() ^ ((number.cast_unsigned() & 2) << 62))
}

/// Sine where [`trigonometric_is_fast`].
#[inline(always)]
pub(in super::super) fn sin_fast(x: f64) -> f64 {
    let (number, high, low) = reduce(x);
    // Of −0 the sine is −0.
    if x == 0.0 { x } else { quadrant(number, (sine(high, low), cosine(high, low))) }
}

/// Cosine where [`trigonometric_is_fast`].
#[inline(always)]
pub(in super::super) fn cos_fast(x: f64) -> f64 {
    let (number, high, low) = reduce(x);
    quadrant(number.wrapping_add(1), (sine(high, low), cosine(high, low)))
}

/// Sine and cosine where [`trigonometric_is_fast`].
#[inline(always)]
pub(in super::super) fn sin_cos_fast(x: f64) -> (f64, f64) {
    let (number, high, low) = reduce(x);
    let both = (sine(high, low), cosine(high, low));
    (if x == 0.0 { x } else { quadrant(number, both) }, quadrant(number.wrapping_add(1), both))
}

/// Sine of an angle in radians.
#[must_use]
pub fn sin(x: f64) -> f64 {
    if trigonometric_is_fast(x) { sin_fast(x) } else { x.sin() }
}

/// Cosine of an angle in radians.
#[must_use]
pub fn cos(x: f64) -> f64 {
    if trigonometric_is_fast(x) { cos_fast(x) } else { x.cos() }
}
