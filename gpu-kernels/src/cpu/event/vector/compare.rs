//! Comparisons, and operators on integers.

use crate::ir::Type;

use super::super::graph::{Compare, Int1, Int2};
use super::super::integer;
use super::Vector;

impl Vector {
    /// Comparison with one NaN, equal to itself and greater than every number.
    #[allow(clippy::neg_cmp_op_on_partial_ord, reason = "NaN is meant: no number is less than it is not")]
    pub(in super::super) fn compare_float(self, op: Compare, to: &mut [u8], a: &[f64], b: &[f64]) {
        match op {
            Compare::Eq => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y: f64| u8::from((x == y) | (x.is_nan() & y.is_nan())),
            ),
            Compare::Ne => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y: f64| u8::from((x != y) & !(x.is_nan() & y.is_nan())),
            ),
            Compare::Lt => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y: f64| u8::from(!(x >= y) & !x.is_nan()),
            ),
            Compare::Le => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y: f64| u8::from((x <= y) | y.is_nan()),
            ),
            Compare::Gt => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y: f64| u8::from(!(y >= x) & !y.is_nan()),
            ),
            Compare::Ge => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y: f64| u8::from((x >= y) | x.is_nan()),
            ),
        }
    }

    pub(in super::super) fn compare_int(self, op: Compare, to: &mut [u8], a: &[i64], b: &[i64]) {
        match op {
            Compare::Eq => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| u8::from(x == y),
            ),
            Compare::Ne => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| u8::from(x != y),
            ),
            Compare::Lt => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| u8::from(x < y),
            ),
            Compare::Le => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| u8::from(x <= y),
            ),
            Compare::Gt => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| u8::from(x > y),
            ),
            Compare::Ge => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| u8::from(x >= y),
            ),
        }
    }

    pub(in super::super) fn int1(self, op: Int1, ty: Type, to: &mut [i64], a: &[i64]) {
        if op == Int1::BitNot && ty != Type::U32 {
            return self.map(
                to,
                a,
                #[inline(always)]
                |x: i64| !x,
            );
        }
        self.map(to, a, |x| integer::int1(op, ty, x).unwrap_or(0));
    }

    pub(in super::super) fn int1_exists(self, op: Int1, ty: Type, to: &mut [u8], a: &[i64]) {
        self.map(to, a, |x| u8::from(integer::int1(op, ty, x).is_some()));
    }

    pub(in super::super) fn int2(self, op: Int2, ty: Type, to: &mut [i64], a: &[i64], b: &[i64]) {
        match op {
            Int2::BitAnd => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| x & y,
            ),
            Int2::BitOr => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| x | y,
            ),
            Int2::BitXor => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| x ^ y,
            ),
            _ => self.zip(to, a, b, |x, y| integer::int2(op, ty, x, y).unwrap_or(0)),
        }
    }

    pub(in super::super) fn int2_exists(self, op: Int2, ty: Type, to: &mut [u8], a: &[i64], b: &[i64]) {
        self.zip(to, a, b, |x, y| u8::from(integer::int2(op, ty, x, y).is_some()));
    }
}
