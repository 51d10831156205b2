//! Integer operators on values of all integer types in 64 bits. `None`: the result does not exist, so it is NULL.

use crate::ir::Type;

use super::graph::{Int1, Int2};

/// Brings an exact result back into the type.
#[inline(always)]
fn fit(ty: Type, exact: i128) -> Option<i64> {
    let value = match ty {
        Type::I32 => i64::from(i32::try_from(exact).ok()?),
        Type::U32 => i64::from(u32::try_from(exact).ok()?),
        Type::U64 => u64::try_from(exact).ok()?.cast_signed(),
        _ => i64::try_from(exact).ok()?,
    };
    Some(value)
}

#[inline(always)]
fn exact(ty: Type, value: i64) -> i128 {
    if ty == Type::U64 { value.cast_unsigned().into() } else { value.into() }
}

fn bits(ty: Type) -> i128 {
    if matches!(ty, Type::I32 | Type::U32) { 32 } else { 64 }
}

/// Cuts a pattern of bits to the type.
#[allow(clippy::cast_possible_truncation, reason = "the bits of the type are what is wanted")]
fn cut(ty: Type, value: i128) -> i64 {
    match ty {
        Type::I32 => i64::from(value as i32),
        Type::U32 => i64::from(value as u32),
        _ => value as i64,
    }
}

pub(super) fn int1(op: Int1, ty: Type, a: i64) -> Option<i64> {
    let a = exact(ty, a);
    match op {
        Int1::Neg => fit(ty, -a),
        Int1::Abs => fit(ty, a.abs()),
        Int1::Sign => fit(ty, a.signum()),
        Int1::BitNot => Some(cut(ty, !a)),
    }
}

pub(super) fn int2(op: Int2, ty: Type, a: i64, b: i64) -> Option<i64> {
    let (a, b) = (exact(ty, a), exact(ty, b));
    match op {
        Int2::Add => fit(ty, a + b),
        Int2::Sub => fit(ty, a - b),
        // Of two values of 64 bits the product always fits 128.
        Int2::Mul => fit(ty, a.checked_mul(b)?),
        Int2::Div => fit(ty, a.checked_div(b)?),
        Int2::Rem => fit(ty, a.checked_rem(b)?),
        Int2::Least => fit(ty, a.min(b)),
        Int2::Greatest => fit(ty, a.max(b)),
        Int2::BitAnd => fit(ty, a & b),
        Int2::BitOr => fit(ty, a | b),
        Int2::BitXor => fit(ty, a ^ b),
        Int2::Shl | Int2::Shr => {
            let count = u32::try_from(b).ok().filter(|_| b < bits(ty))?;
            if op == Int2::Shl { Some(cut(ty, a << count)) } else { fit(ty, a >> count) }
        }
    }
}

/// Truncates towards zero.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
pub(super) fn from_float(ty: Type, value: f64) -> Option<i64> {
    let whole = value.trunc();
    // The bounds are powers of two, so they are exact; NaN is in no range.
    let (from, below) = match ty {
        Type::I32 => (-2f64.powi(31), 2f64.powi(31)),
        Type::U32 => (0.0, 2f64.powi(32)),
        Type::U64 => (0.0, 2f64.powi(64)),
        _ => (-2f64.powi(63), 2f64.powi(63)),
    };
    let inside = whole >= from && whole < below;
    inside.then_some(cut(ty, whole as i128))
}

/// Does an integer of one type fit another?
pub(super) fn fits(from: Type, to: Type, value: i64) -> bool {
    fit(to, exact(from, value)).is_some()
}

#[allow(clippy::cast_precision_loss, reason = "SQL rounds")]
pub(super) fn to_float(ty: Type, value: i64) -> f64 {
    if ty == Type::U64 { value.cast_unsigned() as f64 } else { value as f64 }
}

#[allow(clippy::cast_precision_loss, reason = "SQL rounds")]
pub(super) fn to_single(ty: Type, value: i64) -> f64 {
    f64::from(if ty == Type::U64 { value.cast_unsigned() as f32 } else { value as f32 })
}

/// Integers in whose order floats sort: every NaN last, both zeros equal.
#[inline(always)]
pub(super) fn float_order(value: f64) -> i64 {
    // Adding zero makes −0 the other zero.
    let bits = (value + 0.0).to_bits().cast_signed();
    let order = bits ^ (((bits >> 63).cast_unsigned()) >> 1).cast_signed();
    if value.is_nan() { i64::MAX } else { order }
}

/// Signed integers in whose order `U64` sort.
#[inline(always)]
pub(super) fn unsigned_order(value: i64) -> i64 {
    value ^ i64::MIN
}

/// A sum of `I64` or `U64` values.
#[inline(always)]
pub(super) fn sum(ty: Type, a: i64, b: i64) -> Option<i64> {
    if ty == Type::U64 {
        a.cast_unsigned().checked_add(b.cast_unsigned()).map(u64::cast_signed)
    } else {
        a.checked_add(b)
    }
}
