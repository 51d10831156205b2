// Numbers known to lie between two f32. A bound is kept as an integer key that sorts as the float does (−0 is 0), so that
// comparisons, extremes and copies are exact whatever a device does with subnormals, NaN and infinities. Arithmetic is
// done on plain floats below 2⁶³ only; each result is moved outwards by whole units in the last place *as an integer*,
// which covers rounding either way and flushed subnormals, and keeps compilers from fusing or reordering across it.
// What the CPU computes in f64 or f32 lies between the same bounds, since its rounding is monotone.
struct N {
    lo: i32,
    hi: i32,
    // What it may be: a number between the bounds, NULL, NaN.
    may: u32,
}

const NUMBER: u32 = 1u;
const ABSENT: u32 = 2u;
const NAN: u32 = 4u;
const LEAST: i32 = -2147483647;
const MOST: i32 = 2147483647;
const ONE: i32 = 1065353216;
// Truth is a set, too: 1 may be false, 2 may be true, 4 may be NULL.
const FALSE: u32 = 1u;
const TRUE: u32 = 2u;
const UNKNOWN: u32 = 4u;

fn key(x: f32) -> i32 {
    let bits = bitcast<i32>(x);
    let sorted = select(bits, bits ^ MOST, bits < 0);
    return select(sorted, 0, sorted == -1);
}

fn float(k: i32) -> f32 {
    return bitcast<f32>(select(k, k ^ MOST, k < 0));
}

// Below 2⁻¹²⁵ in size: what a device may have flushed to zero.
fn is_tiny(k: i32) -> bool {
    return k > -16777217 && k < 16777216;
}

fn down(k: i32) -> i32 {
    return select(k - 1, -16777217, is_tiny(k));
}

fn up(k: i32) -> i32 {
    return select(k + 1, 16777216, is_tiny(k));
}

fn down_by(k: i32, units: i32) -> i32 {
    return select(k - units, -16777217, is_tiny(k));
}

fn up_by(k: i32, units: i32) -> i32 {
    return select(k + units, 16777216, is_tiny(k));
}

fn is_subnormal(k: i32) -> bool {
    return k > -8388609 && k < 8388608;
}

// Bounds for arithmetic: normal floats and zero.
fn lower(k: i32) -> f32 {
    return float(select(k, select(0, -8388609, k < 0), is_subnormal(k)));
}

fn upper(k: i32) -> f32 {
    return float(select(k, select(0, 8388608, k > 0), is_subnormal(k)));
}

// Products of such do not overflow.
fn is_moderate(a: N) -> bool {
    return a.lo > -1593835521 && a.hi < 1593835520;
}

fn point(k: i32) -> N {
    return N(k, k, NUMBER);
}

fn negative(k: i32) -> i32 {
    return select(-1 - k, 0, k == 0);
}

fn any_float(absent: u32) -> N {
    return N(LEAST, MOST, NUMBER | NAN | absent);
}

fn any_integer(absent: u32) -> N {
    return N(LEAST, MOST, NUMBER | absent);
}

// Either of two.
fn hull(a: N, b: N) -> N {
    if (a.may & NUMBER) == 0u {
        return N(b.lo, b.hi, a.may | b.may);
    }
    if (b.may & NUMBER) == 0u {
        return N(a.lo, a.hi, a.may | b.may);
    }
    return N(min(a.lo, b.lo), max(a.hi, b.hi), a.may | b.may);
}

fn choose(condition: u32, a: N, b: N) -> N {
    if (condition & TRUE) == 0u {
        return b;
    }
    if condition == TRUE {
        return a;
    }
    return hull(a, b);
}

fn choose_truth(condition: u32, a: u32, b: u32) -> u32 {
    return select(0u, a, (condition & TRUE) != 0u) | select(0u, b, condition != TRUE);
}

fn or_null(a: N) -> N {
    return N(a.lo, a.hi, a.may | ABSENT);
}

// What a strict operator of two may give, as far as NULL and NaN go.
fn strict(a: N, b: N) -> u32 {
    let absent = (a.may | b.may) & ABSENT;
    if (a.may & (NUMBER | NAN)) == 0u || (b.may & (NUMBER | NAN)) == 0u {
        return ABSENT;
    }
    if (a.may & b.may & NUMBER) == 0u {
        return absent | NAN;
    }
    return absent | ((a.may | b.may) & NAN) | NUMBER;
}

// Orders that are possible: 1 less, 2 equal, 4 greater; NaN is above all numbers.
fn order(a: N, b: N) -> u32 {
    var found = 0u;
    let of_a = (a.may & NUMBER) != 0u;
    let of_b = (b.may & NUMBER) != 0u;
    let nan_a = (a.may & NAN) != 0u;
    let nan_b = (b.may & NAN) != 0u;
    if of_a && of_b {
        found |= select(0u, 1u, a.lo < b.hi);
        found |= select(0u, 2u, a.lo <= b.hi && b.lo <= a.hi);
        found |= select(0u, 4u, a.hi > b.lo);
    }
    found |= select(0u, 1u, of_a && nan_b);
    found |= select(0u, 4u, nan_a && of_b);
    found |= select(0u, 2u, nan_a && nan_b);
    return found;
}

// Whether a comparison holds that takes these orders.
fn compare(a: N, b: N, takes: u32) -> u32 {
    let found = order(a, b);
    return select(0u, TRUE, (found & takes) != 0u)
        | select(0u, FALSE, (found & ~takes) != 0u)
        | select(0u, UNKNOWN, ((a.may | b.may) & ABSENT) != 0u);
}

// Places of two values in an ORDER BY: 1 the first before, 2 tied, 4 behind.
fn places(a: N, b: N, descending: bool, nulls_first: bool) -> u32 {
    var found = order(a, b);
    if descending {
        found = (found & 2u) | ((found & 1u) << 2u) | (found >> 2u);
    }
    let null_a = (a.may & ABSENT) != 0u;
    let null_b = (b.may & ABSENT) != 0u;
    let some_a = (a.may & (NUMBER | NAN)) != 0u;
    let some_b = (b.may & (NUMBER | NAN)) != 0u;
    found |= select(0u, 2u, null_a && null_b);
    found |= select(0u, select(4u, 1u, nulls_first), null_a && some_b);
    found |= select(0u, select(1u, 4u, nulls_first), some_a && null_b);
    return found;
}

fn truth_number(a: u32) -> N {
    return N(
        select(1, 0, (a & FALSE) != 0u),
        select(0, 1, (a & TRUE) != 0u),
        select(0u, NUMBER, (a & (TRUE | FALSE)) != 0u) | select(0u, ABSENT, (a & UNKNOWN) != 0u),
    );
}

fn not_truth(a: u32) -> u32 {
    return (a & UNKNOWN) | ((a & FALSE) << 1u) | ((a & TRUE) >> 1u);
}

fn and_truth(a: u32, b: u32) -> u32 {
    let absent = ((a & UNKNOWN) != 0u && (b & (TRUE | UNKNOWN)) != 0u)
        || ((b & UNKNOWN) != 0u && (a & (TRUE | UNKNOWN)) != 0u);
    return ((a | b) & FALSE) | (a & b & TRUE) | select(0u, UNKNOWN, absent);
}

fn or_truth(a: u32, b: u32) -> u32 {
    return not_truth(and_truth(not_truth(a), not_truth(b)));
}

fn is_null(a: N) -> u32 {
    return select(0u, TRUE, (a.may & ABSENT) != 0u) | select(0u, FALSE, (a.may & (NUMBER | NAN)) != 0u);
}

fn is_null_truth(a: u32) -> u32 {
    return select(0u, TRUE, (a & UNKNOWN) != 0u) | select(0u, FALSE, (a & (TRUE | FALSE)) != 0u);
}

fn is_nan(a: N) -> u32 {
    return select(0u, UNKNOWN, (a.may & ABSENT) != 0u)
        | select(0u, TRUE, (a.may & NAN) != 0u)
        | select(0u, FALSE, (a.may & NUMBER) != 0u);
}

fn least(a: N, b: N) -> N {
    let absent = (a.may | b.may) & ABSENT;
    if a.may == ABSENT || b.may == ABSENT {
        return N(0, 0, ABSENT);
    }
    let nan = a.may & b.may & NAN;
    if (a.may & NUMBER) == 0u {
        return N(b.lo, b.hi, absent | nan | (b.may & NUMBER));
    }
    if (b.may & NUMBER) == 0u {
        return N(a.lo, a.hi, absent | nan | NUMBER);
    }
    let hi = select(min(a.hi, b.hi), max(a.hi, b.hi), ((a.may | b.may) & NAN) != 0u);
    return N(min(a.lo, b.lo), hi, absent | nan | NUMBER);
}

fn greatest(a: N, b: N) -> N {
    let may = strict(a, b);
    if (may & NUMBER) == 0u {
        return N(0, 0, may);
    }
    return N(max(a.lo, b.lo), max(a.hi, b.hi), may);
}

fn f_neg(a: N) -> N {
    return N(negative(a.hi), negative(a.lo), a.may);
}

fn f_abs(a: N) -> N {
    if a.lo >= 0 {
        return a;
    }
    let lo = select(0, negative(a.hi), a.hi < 0);
    return N(lo, max(a.hi, negative(a.lo)), a.may);
}

fn f_sign(a: N) -> N {
    let lo = select(select(0, ONE, a.lo > 0), -ONE - 1, a.lo < 0);
    let hi = select(select(0, ONE, a.hi > 0), -ONE - 1, a.hi < 0);
    return N(lo, hi, a.may);
}

fn f_add(a: N, b: N) -> N {
    let may = strict(a, b);
    if (may & NUMBER) == 0u {
        return N(0, 0, may);
    }
    if a.lo == 0 && a.hi == 0 {
        return N(b.lo, b.hi, may);
    }
    if b.lo == 0 && b.hi == 0 {
        return N(a.lo, a.hi, may);
    }
    if !is_moderate(a) || !is_moderate(b) {
        return any_float(may & ABSENT);
    }
    var lo = down(key(lower(a.lo) + lower(b.lo)));
    var hi = up(key(upper(a.hi) + upper(b.hi)));
    lo = select(lo, max(lo, 0), a.lo >= 0 && b.lo >= 0);
    hi = select(hi, min(hi, 0), a.hi <= 0 && b.hi <= 0);
    return N(lo, hi, may);
}

fn f_sub(a: N, b: N) -> N {
    return f_add(a, f_neg(b));
}

fn f_mul(a: N, b: N) -> N {
    let may = strict(a, b);
    if (may & NUMBER) == 0u {
        return N(0, 0, may);
    }
    if !is_moderate(a) || !is_moderate(b) {
        return any_float(may & ABSENT);
    }
    let al = lower(a.lo);
    let ah = upper(a.hi);
    let bl = lower(b.lo);
    let bh = upper(b.hi);
    let p = vec4<i32>(key(al * bl), key(al * bh), key(ah * bl), key(ah * bh));
    var lo = down(min(min(p.x, p.y), min(p.z, p.w)));
    var hi = up(max(max(p.x, p.y), max(p.z, p.w)));
    lo = select(lo, max(lo, 0), (a.lo >= 0 && b.lo >= 0) || (a.hi <= 0 && b.hi <= 0));
    hi = select(hi, min(hi, 0), (a.lo >= 0 && b.hi <= 0) || (a.hi <= 0 && b.lo >= 0));
    return N(lo, hi, may);
}

// a · a
fn f_square(a: N) -> N {
    if (a.may & NUMBER) == 0u {
        return a;
    }
    if !is_moderate(a) {
        return any_float(a.may & ABSENT);
    }
    let size = f_abs(a);
    let lo = lower(size.lo);
    let hi = upper(size.hi);
    return N(max(down(key(lo * lo)), 0), up(key(hi * hi)), a.may);
}

fn f_div(a: N, b: N) -> N {
    let may = strict(a, b);
    if (may & NUMBER) == 0u {
        return N(0, 0, may);
    }
    // A divisor of at least 2⁻⁶⁰.
    if !is_moderate(a) || !is_moderate(b) || (b.lo < 562036736 && b.hi > -562036737) {
        return any_float(may & ABSENT);
    }
    let al = lower(a.lo);
    let ah = upper(a.hi);
    let bl = lower(b.lo);
    let bh = upper(b.hi);
    // Devices divide to within 2.5 units.
    let p = vec4<i32>(key(al / bl), key(al / bh), key(ah / bl), key(ah / bh));
    let lo = down_by(min(min(p.x, p.y), min(p.z, p.w)), 4);
    let hi = up_by(max(max(p.x, p.y), max(p.z, p.w)), 4);
    return N(lo, hi, may);
}

// A bound of the root from below, tried by squaring it.
fn root_below(k: i32) -> i32 {
    if k < 16777216 {
        return 0;
    }
    let found = key(sqrt(float(k)));
    for (var units = 1; units <= 16; units *= 4) {
        let x = float(found - units);
        if up(key(x * x)) <= k {
            return found - units;
        }
    }
    return 0;
}

fn root_above(k: i32) -> i32 {
    let least = max(k, 16777216);
    let found = key(sqrt(float(least)));
    for (var units = 1; units <= 16; units *= 4) {
        let x = float(found + units);
        if down(key(x * x)) >= least {
            return found + units;
        }
    }
    return MOST;
}

fn f_sqrt(a: N) -> N {
    if (a.may & NUMBER) == 0u {
        return a;
    }
    if !is_moderate(a) {
        return any_float(a.may & ABSENT);
    }
    if a.hi < 0 {
        return N(0, 0, (a.may & ABSENT) | NAN);
    }
    return N(root_below(a.lo), root_above(a.hi), a.may | select(0u, NAN, a.lo < 0));
}

fn f_floor(a: N) -> N {
    if !is_moderate(a) {
        return N(LEAST, MOST, a.may);
    }
    return N(key(floor(lower(a.lo))), key(floor(upper(a.hi))), a.may);
}

fn f_ceil(a: N) -> N {
    return f_neg(f_floor(f_neg(a)));
}

fn f_trunc(a: N) -> N {
    if !is_moderate(a) {
        return N(LEAST, MOST, a.may);
    }
    return N(key(trunc(lower(a.lo))), key(trunc(upper(a.hi))), a.may);
}

// A little wider, for what the CPU's own function lacks: a unit of f64 at most.
fn wider(a: N) -> N {
    return N(down(a.lo), up(a.hi), a.may);
}

// The sine of a number of at most 64 in size, a quarter turn on for each of `turns`. Whichever multiple of π/2 is taken
// away: what is left is checked to be where the series holds.
fn sine(k: i32, turns: i32) -> N {
    let x = float(select(k, 0, is_tiny(k)));
    let n = i32(round(x * 0.63661975));
    // π/2 in two parts; a multiple of the first, and what is left then, are exact.
    let first = float(key(x - f32(n) * 1.5703125));
    let multiple = f_mul(point(key(f32(n))), N(972925474, 972925475, NUMBER));
    var r = f_sub(point(key(first)), multiple);
    if is_tiny(k) {
        r = N(-16777217, 16777216, NUMBER);
    }
    if r.lo < -1062501090 || r.hi > 1062501089 {
        return wider(N(-ONE - 1, ONE, NUMBER));
    }
    let z = f_square(r);
    let quadrant = (n + turns) & 3;
    var sum: N;
    if (quadrant & 1) == 0 {
        // The last coefficient makes up for the rest of the series.
        sum = f_add(N(-961547522, -961547521, NUMBER), f_mul(z, N(909623766, 909700894, NUMBER)));
        sum = f_add(N(1007192200, 1007192201, NUMBER), f_mul(z, sum));
        sum = f_add(N(-1042983596, -1042983595, NUMBER), f_mul(z, sum));
        sum = f_add(r, f_mul(f_mul(r, z), sum));
    } else {
        sum = f_add(N(-985008994, -985008993, NUMBER), f_mul(z, N(936275648, 936381697, NUMBER)));
        sum = f_add(N(1026206378, 1026206379, NUMBER), f_mul(z, sum));
        sum = f_add(point(-1056964609), f_mul(z, sum));
        sum = f_add(point(ONE), f_mul(z, sum));
    }
    if (quadrant & 2) != 0 {
        sum = f_neg(sum);
    }
    return wider(N(max(sum.lo, -ONE - 1), min(sum.hi, ONE), NUMBER));
}

fn f_sine(a: N, turns: i32) -> N {
    if (a.may & NUMBER) == 0u {
        return a;
    }
    if !is_moderate(a) {
        return any_float(a.may & ABSENT);
    }
    if a.lo < -1115684865 || a.hi > 1115684864 {
        return wider(N(-ONE - 1, ONE, a.may));
    }
    var found = sine(a.lo, turns);
    if a.lo != a.hi {
        // It changes by no more than its argument.
        let width = up(key(upper(a.hi) - lower(a.lo)));
        found = f_add(found, N(negative(width), width, NUMBER));
    }
    return N(max(found.lo, -ONE - 2), min(found.hi, ONE + 1), a.may);
}

fn f_sin(a: N) -> N {
    return f_sine(a, 0);
}

fn f_cos(a: N) -> N {
    return f_sine(a, 1);
}

// The exponential of a number of at most 40 in size.
fn grown(k: i32) -> N {
    let x = float(select(k, 0, is_tiny(k)));
    let n = i32(round(x * 1.442695));
    let first = float(key(x - f32(n) * 0.693359375));
    let multiple = f_mul(point(key(f32(n))), N(-962494596, -962494595, NUMBER));
    var r = f_sub(point(key(first)), multiple);
    if is_tiny(k) {
        r = N(-16777217, 16777216, NUMBER);
    }
    if r.lo < -1052602533 || r.hi > 1052602532 {
        return any_float(0u);
    }
    var sum = f_add(N(985008992, 985008993, NUMBER), f_mul(r, N(960516728, 962578313, NUMBER)));
    sum = f_add(N(1007192200, 1007192201, NUMBER), f_mul(r, sum));
    sum = f_add(N(1026206378, 1026206379, NUMBER), f_mul(r, sum));
    sum = f_add(N(1042983594, 1042983595, NUMBER), f_mul(r, sum));
    sum = f_add(point(1056964608), f_mul(r, sum));
    sum = f_add(r, f_mul(f_square(r), sum));
    sum = f_add(point(ONE), sum);
    // Powers of two go to the exponent.
    return N(sum.lo + n * 8388608, sum.hi + n * 8388608, NUMBER);
}

fn hyperbolic_sine(k: i32) -> N {
    if k < 0 {
        return f_neg(hyperbolic_sine_of_size(negative(k)));
    }
    return hyperbolic_sine_of_size(k);
}

fn hyperbolic_sine_of_size(k: i32) -> N {
    if is_tiny(k) {
        return N(0, 16777217, NUMBER);
    }
    let x = point(k);
    if k > ONE {
        return wider(f_mul(point(1056964608), f_sub(grown(k), grown(negative(k)))));
    }
    let z = f_square(x);
    var sum = f_add(N(909700893, 909700894, NUMBER), f_mul(z, N(852963883, 853059585, NUMBER)));
    sum = f_add(N(961547520, 961547521, NUMBER), f_mul(z, sum));
    sum = f_add(N(1007192200, 1007192201, NUMBER), f_mul(z, sum));
    sum = f_add(N(1042983594, 1042983595, NUMBER), f_mul(z, sum));
    return wider(f_add(x, f_mul(f_mul(x, z), sum)));
}

fn is_small_enough(a: N) -> bool {
    return a.lo > -1109393409 && a.hi < 1109393408;
}

fn f_exp(a: N) -> N {
    if (a.may & NUMBER) == 0u {
        return a;
    }
    if !is_small_enough(a) {
        return any_float(a.may & ABSENT);
    }
    let lo = wider(grown(a.lo));
    if a.lo == a.hi {
        return N(lo.lo, lo.hi, a.may);
    }
    return N(lo.lo, wider(grown(a.hi)).hi, a.may);
}

fn f_sinh(a: N) -> N {
    if (a.may & NUMBER) == 0u {
        return a;
    }
    if !is_small_enough(a) {
        return any_float(a.may & ABSENT);
    }
    let lo = hyperbolic_sine(a.lo);
    if a.lo == a.hi {
        return N(lo.lo, lo.hi, a.may);
    }
    return N(lo.lo, hyperbolic_sine(a.hi).hi, a.may);
}

fn hyperbolic_cosine(k: i32) -> N {
    return wider(f_mul(point(1056964608), f_add(grown(k), grown(negative(k)))));
}

fn f_cosh(a: N) -> N {
    if (a.may & NUMBER) == 0u {
        return a;
    }
    if !is_small_enough(a) {
        return any_float(a.may & ABSENT);
    }
    let size = f_abs(a);
    let lo = hyperbolic_cosine(size.lo);
    if a.lo == a.hi {
        return N(lo.lo, lo.hi, a.may);
    }
    return N(lo.lo, hyperbolic_cosine(size.hi).hi, a.may);
}

// Into [−π, π]: as it is, or one turn on or back.
fn f_wrap_phi(a: N) -> N {
    if (a.may & NUMBER) == 0u {
        return a;
    }
    if !is_moderate(a) {
        return any_float(a.may & ABSENT);
    }
    if a.lo >= -1078530011 && a.hi <= 1078530010 {
        return a;
    }
    let turn = N(1086918618, 1086918619, NUMBER);
    var found = N(LEAST, MOST, NUMBER);
    if a.lo > 1078530011 && a.hi < 1092013027 {
        found = f_sub(a, turn);
    }
    if a.hi < -1078530012 && a.lo > -1092013028 {
        found = f_add(a, turn);
    }
    return N(max(found.lo, -1078530012), min(found.hi, 1078530011), a.may);
}

// Integers: bounds below 2³⁰ in size, or anything.
fn is_short(a: N) -> bool {
    return a.lo > -1073741824 && a.hi < 1073741824;
}

// Of a type without a sign: what is below 0 does not exist and is NULL.
fn unsigned(a: N) -> N {
    if a.lo >= 0 || (a.may & NUMBER) == 0u {
        return a;
    }
    if a.hi < 0 {
        return N(0, 0, ABSENT);
    }
    return N(0, a.hi, a.may | ABSENT);
}

fn i_neg(a: N) -> N {
    if !is_short(a) {
        return any_integer(ABSENT);
    }
    return N(-a.hi, -a.lo, a.may);
}

fn i_abs(a: N) -> N {
    if !is_short(a) {
        return any_integer(ABSENT);
    }
    return N(max(max(a.lo, -a.hi), 0), max(a.hi, -a.lo), a.may);
}

fn i_sign(a: N) -> N {
    return N(sign(a.lo), sign(a.hi), a.may);
}

fn i_add(a: N, b: N) -> N {
    let may = strict(a, b);
    if (may & NUMBER) == 0u {
        return N(0, 0, may);
    }
    if !is_short(a) || !is_short(b) {
        return any_integer(ABSENT);
    }
    return N(a.lo + b.lo, a.hi + b.hi, may);
}

fn i_sub(a: N, b: N) -> N {
    let may = strict(a, b);
    if (may & NUMBER) == 0u {
        return N(0, 0, may);
    }
    if !is_short(a) || !is_short(b) {
        return any_integer(ABSENT);
    }
    return N(a.lo - b.hi, a.hi - b.lo, may);
}

fn is_factor(a: N) -> bool {
    return a.lo > -32768 && a.hi < 32768;
}

fn i_mul(a: N, b: N) -> N {
    let may = strict(a, b);
    if (may & NUMBER) == 0u {
        return N(0, 0, may);
    }
    if !is_factor(a) || !is_factor(b) {
        return any_integer(ABSENT);
    }
    let p = vec4<i32>(a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi);
    return N(min(min(p.x, p.y), min(p.z, p.w)), max(max(p.x, p.y), max(p.z, p.w)), may);
}

// Whether two integers are known, and neither may be NULL.
fn are_known(a: N, b: N) -> bool {
    return is_short(a) && is_short(b) && a.lo == a.hi && b.lo == b.hi && a.may == NUMBER && b.may == NUMBER;
}

fn i_div(a: N, b: N) -> N {
    if !are_known(a, b) {
        return any_integer(ABSENT);
    }
    if b.lo == 0 {
        return N(0, 0, ABSENT);
    }
    return point(a.lo / b.lo);
}

fn i_rem(a: N, b: N) -> N {
    if !are_known(a, b) {
        return any_integer(ABSENT);
    }
    if b.lo == 0 {
        return N(0, 0, ABSENT);
    }
    return point(a.lo % b.lo);
}

fn i_and(a: N, b: N) -> N {
    if !are_known(a, b) {
        return any_integer(ABSENT);
    }
    return point(a.lo & b.lo);
}

fn i_or(a: N, b: N) -> N {
    if !are_known(a, b) {
        return any_integer(ABSENT);
    }
    return point(a.lo | b.lo);
}

fn i_xor(a: N, b: N) -> N {
    if !are_known(a, b) {
        return any_integer(ABSENT);
    }
    return point(a.lo ^ b.lo);
}

fn i_shr(a: N, b: N) -> N {
    if !are_known(a, b) || b.lo < 0 || b.lo > 30 {
        return any_integer(ABSENT);
    }
    return point(a.lo >> u32(b.lo));
}

fn float_of(a: N) -> N {
    if !is_short(a) {
        return N(LEAST, MOST, a.may);
    }
    let lo = key(f32(a.lo));
    let hi = key(f32(a.hi));
    return N(select(lo - 1, lo, abs(a.lo) <= 16777216), select(hi + 1, hi, abs(a.hi) <= 16777216), a.may);
}

// Towards zero; what does not fit is NULL, and so is NaN.
fn integer_of(a: N) -> N {
    if (a.may & NUMBER) == 0u {
        return N(0, 0, ABSENT);
    }
    let absent = select(0u, ABSENT, (a.may & (ABSENT | NAN)) != 0u);
    // 2³⁰
    if a.lo < -1317011457 || a.hi > 1317011456 {
        return any_integer(ABSENT);
    }
    return N(i32(trunc(lower(a.lo))), i32(trunc(upper(a.hi))), NUMBER | absent);
}

// Of another type: what does not fit there is NULL.
fn i_cast(a: N) -> N {
    if !is_short(a) {
        return any_integer(ABSENT);
    }
    return a;
}
