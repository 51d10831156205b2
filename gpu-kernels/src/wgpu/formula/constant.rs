//! Literals as intervals.

use super::writer::Class;
use crate::ir::{Const, Type};

const NUMBER: u32 = 1;
const NULL: u32 = 2;
const NAN: u32 = 4;

/// Integers are kept below this; what is larger may be anything.
const SHORT: i64 = 1 << 30;

pub(super) fn class(ty: Type) -> Class {
    match ty {
        Type::Bool => Class::Bool,
        ty if ty.is_integer() => Class::Integer,
        _ => Class::Float,
    }
}

/// The key of a float: integers in the order of the floats, −0 being 0.
fn key(x: f32) -> i32 {
    let bits = x.to_bits().cast_signed();
    match if bits < 0 { bits ^ i32::MAX } else { bits } {
        -1 => 0,
        sorted => sorted,
    }
}

fn interval(lo: i64, hi: i64, may: u32) -> String {
    format!("N({lo}, {hi}, {may}u)")
}

/// The two floats around a number.
fn around(x: f64) -> String {
    if x.is_nan() {
        return interval(0, 0, NAN);
    }
    #[allow(clippy::cast_possible_truncation, reason = "rounded, and then moved to the other side")]
    let near = x as f32;
    let (lo, hi) = match f64::from(near) {
        y if y < x => (near, near.next_up()),
        y if y > x => (near.next_down(), near),
        _ => (near, near),
    };
    interval(key(lo).into(), key(hi).into(), NUMBER)
}

fn integer(x: i128) -> String {
    match i64::try_from(x) {
        Ok(x) if -SHORT < x && x < SHORT => interval(x, x, NUMBER),
        _ => "any_integer(0u)".to_owned(),
    }
}

pub(super) fn literal(of: Const) -> String {
    match of {
        Const::Null(Type::Bool) => "UNKNOWN".to_owned(),
        Const::Null(_) => interval(0, 0, NULL),
        Const::Bool(value) => if value { "TRUE" } else { "FALSE" }.to_owned(),
        Const::I32(value) => integer(value.into()),
        Const::I64(value) => integer(value.into()),
        Const::U32(value) => integer(value.into()),
        Const::U64(value) => integer(value.into()),
        Const::F32(bits) => around(f32::from_bits(bits).into()),
        Const::F64(bits) => around(f64::from_bits(bits)),
    }
}
