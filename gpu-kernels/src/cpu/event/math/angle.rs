//! Angles: of a point, and brought into [−π, π].

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI, TAU};

/// Brings an angle into [−π, π]. One that lies there already is returned as it is.
#[inline(always)]
#[must_use]
pub fn wrap_phi(x: f64) -> f64 {
    // Symmetric to the bit: halves go away from zero on both sides. The clamp takes away the last rounding step.
    let wrapped = x - TAU * (x / TAU).round();
    let wrapped = if wrapped > PI { PI } else { wrapped };
    let wrapped = if wrapped < -PI { -PI } else { wrapped };
    if x.abs() <= PI { x } else { wrapped }
}

/// Neither argument is zero, subnormal, huge, infinite or NaN, and the ratio is none of these.
#[inline(always)]
pub(in super::super) fn atan2_is_fast(y: f64, x: f64) -> bool {
    let usual = |v: f64| (v.abs() > 1e-140) & (v.abs() < 1e140);
    usual(x) & usual(y)
}

/// Angle of the point (x, y) where [`atan2_is_fast`], after Cephes' `atan.c`.
#[inline(always)]
pub(in super::super) fn atan2_fast(y: f64, x: f64) -> f64 {
    const P: [f64; 5] = [
        -8.750_608_600_031_904_122_785e-1,
        -1.615_753_718_733_365_076_637e1,
        -7.500_855_792_314_704_667_340e1,
        -1.228_866_684_490_136_173_410e2,
        -6.485_021_904_942_025_371_773e1,
    ];
    const Q: [f64; 5] = [
        2.485_846_490_142_306_297_962e1,
        1.650_270_098_316_988_542_046e2,
        4.328_810_604_912_902_668_951e2,
        4.853_903_996_359_136_964_868e2,
        1.945_506_571_482_613_964_425e2,
    ];
    // What π/2 and π/4 lack.
    const MISSING: f64 = 6.123_233_995_736_766e-17;
    let (ax, ay) = (x.abs(), y.abs());
    let steep = ay > ax;
    let (small, large) = if steep { (ax, ay) } else { (ay, ax) };
    // Above tan(π/8) turned by π/4, so that the ratio is small in any case.
    let turned = small > 0.414_213_562_373_095_03 * large;
    let above = if turned { small - large } else { small };
    let below = if turned { small + large } else { large };
    let t = above / below;
    let z = t * t;
    let p = (((P[0] * z + P[1]) * z + P[2]) * z + P[3]) * z + P[4];
    let q = ((((z + Q[0]) * z + Q[1]) * z + Q[2]) * z + Q[3]) * z + Q[4];
    let arc = t + t * (z * p / q);
    let angle = if turned { FRAC_PI_4 + (arc + 0.5 * MISSING) } else { arc };
    let angle = if steep { FRAC_PI_2 - (angle - MISSING) } else { angle };
    let angle = if x < 0.0 { PI - (angle - 2.0 * MISSING) } else { angle };
    angle.copysign(y)
}

/// Angle of the point (x, y), in [−π, π].
#[must_use]
pub fn atan2(y: f64, x: f64) -> f64 {
    if atan2_is_fast(y, x) { atan2_fast(y, x) } else { y.atan2(x) }
}
