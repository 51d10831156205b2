//! Comparisons, 64 values to a word.

use pulp::Arch;

use super::bits::{WORD, pack};

/// A comparison of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Eq,
    /// `<>`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// A number with the order of SQL: −0 equals 0, and every NaN, whatever its bits, equals every other and is greater
/// than every number.
pub trait Ordered: Copy {
    /// `self = other`
    fn same(self, other: Self) -> bool;
    /// `self < other`
    fn less(self, other: Self) -> bool;
}

macro_rules! floats {
    ($($type:ty),*) => {$(
        impl Ordered for $type {
            #[inline(always)]
            fn same(self, other: Self) -> bool {
                (self == other) | (self.is_nan() & other.is_nan())
            }

            #[inline(always)]
            #[allow(clippy::neg_cmp_op_on_partial_ord, reason = "a number is not at least NaN, and so less")]
            fn less(self, other: Self) -> bool {
                !(self >= other) & !self.is_nan()
            }
        }
    )*};
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Ordered for $type {
            #[inline(always)]
            fn same(self, other: Self) -> bool {
                self == other
            }

            #[inline(always)]
            fn less(self, other: Self) -> bool {
                self < other
            }
        }
    )*};
}

floats!(f32, f64);
integers!(i8, i16, i32, i64, u8, u16, u32, u64);

/// One side of a comparison.
#[derive(Debug, Clone, Copy)]
pub enum Side<'a, T> {
    /// A value for each place.
    Each(&'a [T]),
    /// The same value for all.
    One(T),
}

impl<T> Side<'_, T> {
    fn len(&self) -> Option<usize> {
        match self {
            Self::Each(values) => Some(values.len()),
            Self::One(_) => None,
        }
    }
}

/// `left op right` for each place, the first in the lowest bit of the first word; bits beyond the end are 0. As many
/// places as the shorter side has, one if neither has several.
#[must_use]
pub fn compare<T: Ordered>(op: Comparison, left: Side<'_, T>, right: Side<'_, T>) -> Vec<u64> {
    // The order is total, so that everything is `=` or `<`, or the opposite.
    let (mut words, opposite) = match op {
        Comparison::Eq => (equal(left, right), false),
        Comparison::Ne => (equal(left, right), true),
        Comparison::Lt => (less(left, right), false),
        Comparison::Ge => (less(left, right), true),
        Comparison::Gt => (less(right, left), false),
        Comparison::Le => (less(right, left), true),
    };
    if opposite {
        words.iter_mut().for_each(|word| *word = !*word);
        let places = left.len().into_iter().chain(right.len()).min().unwrap_or(1);
        if let Some(last) = words.last_mut() {
            *last &= u64::MAX >> ((WORD - places % WORD) % WORD);
        }
    }
    words
}

fn equal<T: Ordered>(left: Side<'_, T>, right: Side<'_, T>) -> Vec<u64> {
    match (left, right) {
        (Side::Each(left), Side::Each(right)) => pairs(left, right, T::same),
        (Side::Each(values), Side::One(value)) | (Side::One(value), Side::Each(values)) => each(
            values,
            #[inline(always)]
            move |x: T| x.same(value),
        ),
        (Side::One(left), Side::One(right)) => vec![u64::from(left.same(right))],
    }
}

fn less<T: Ordered>(left: Side<'_, T>, right: Side<'_, T>) -> Vec<u64> {
    match (left, right) {
        (Side::Each(left), Side::Each(right)) => pairs(left, right, T::less),
        (Side::Each(values), Side::One(value)) => each(
            values,
            #[inline(always)]
            move |x: T| x.less(value),
        ),
        (Side::One(value), Side::Each(values)) => each(
            values,
            #[inline(always)]
            move |x: T| value.less(x),
        ),
        (Side::One(left), Side::One(right)) => vec![u64::from(left.less(right))],
    }
}

fn each<T: Copy>(values: &[T], holds: impl Fn(T) -> bool) -> Vec<u64> {
    Arch::new().dispatch(Each { values, holds })
}

fn pairs<T: Copy>(left: &[T], right: &[T], holds: impl Fn(T, T) -> bool) -> Vec<u64> {
    Arch::new().dispatch(Pairs { left, right, holds })
}

/// A condition on the values of a slice, for `pulp`.
struct Each<'a, T, F> {
    values: &'a [T],
    holds: F,
}

impl<T: Copy, F: Fn(T) -> bool> pulp::NullaryFnOnce for Each<'_, T, F> {
    type Output = Vec<u64>;

    #[inline(always)]
    fn call(self) -> Vec<u64> {
        let Self { values, holds } = self;
        let (chunks, rest) = values.as_chunks::<WORD>();
        let mut words = Vec::with_capacity(chunks.len() + 1);
        let mut truths = [0; WORD];
        for chunk in chunks {
            for (truth, value) in truths.iter_mut().zip(chunk) {
                *truth = u8::from(holds(*value));
            }
            words.push(pack(&truths));
        }
        if !rest.is_empty() {
            truths = [0; WORD];
            for (truth, value) in truths.iter_mut().zip(rest) {
                *truth = u8::from(holds(*value));
            }
            words.push(pack(&truths));
        }
        words
    }
}

/// A condition on the values of two slices, for `pulp`.
struct Pairs<'a, T, F> {
    left: &'a [T],
    right: &'a [T],
    holds: F,
}

impl<T: Copy, F: Fn(T, T) -> bool> pulp::NullaryFnOnce for Pairs<'_, T, F> {
    type Output = Vec<u64>;

    #[inline(always)]
    fn call(self) -> Vec<u64> {
        let Self { left, right, holds } = self;
        let places = left.len().min(right.len());
        let (lefts, left_rest) = left[..places].as_chunks::<WORD>();
        let (rights, right_rest) = right[..places].as_chunks::<WORD>();
        let mut words = Vec::with_capacity(lefts.len() + 1);
        let mut truths = [0; WORD];
        for (left, right) in lefts.iter().zip(rights) {
            for ((truth, left), right) in truths.iter_mut().zip(left).zip(right) {
                *truth = u8::from(holds(*left, *right));
            }
            words.push(pack(&truths));
        }
        if !left_rest.is_empty() {
            truths = [0; WORD];
            for ((truth, left), right) in truths.iter_mut().zip(left_rest).zip(right_rest) {
                *truth = u8::from(holds(*left, *right));
            }
            words.push(pack(&truths));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;
    use proptest::prelude::*;

    type Holds = fn(Ordering) -> bool;

    const OPS: [(Comparison, Holds); 6] = [
        (Comparison::Eq, Ordering::is_eq),
        (Comparison::Ne, Ordering::is_ne),
        (Comparison::Lt, Ordering::is_lt),
        (Comparison::Le, Ordering::is_le),
        (Comparison::Gt, Ordering::is_gt),
        (Comparison::Ge, Ordering::is_ge),
    ];

    fn order(left: f32, right: f32) -> Ordering {
        left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
    }

    fn bits(truths: impl ExactSizeIterator<Item = bool>) -> Vec<u64> {
        let mut words = vec![0; truths.len().div_ceil(WORD)];
        truths
            .enumerate()
            .for_each(|(place, truth)| words[place / WORD] |= u64::from(truth) << (place % WORD));
        words
    }

    fn float() -> impl Strategy<Value = f32> {
        let odd = [0.0, -0.0, f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE];
        prop_oneof![prop::sample::select(odd.to_vec()), -2.0f32..2.0, any::<f32>()]
    }

    proptest! {
        #[test]
        fn as_one_by_one(pairs in prop::collection::vec((float(), float()), 0..200), one in float()) {
            let (left, right): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            for (op, holds) in OPS {
                let want = bits(left.iter().zip(&right).map(|(l, r)| holds(order(*l, *r))));
                prop_assert_eq!(compare(op, Side::Each(&left), Side::Each(&right)), want);
                let want = bits(left.iter().map(|l| holds(order(*l, one))));
                prop_assert_eq!(compare(op, Side::Each(&left), Side::One(one)), want);
                let want = bits(left.iter().map(|l| holds(order(one, *l))));
                prop_assert_eq!(compare(op, Side::One(one), Side::Each(&left)), want);
                prop_assert_eq!(compare(op, Side::One(one), Side::One(-one)), bits([holds(order(one, -one))].into_iter()));
            }
        }

        #[test]
        fn integers(left in prop::collection::vec(-3i16..3, 0..200), right in -3i16..3) {
            for (op, holds) in OPS {
                let want = bits(left.iter().map(|l| holds(l.cmp(&right))));
                prop_assert_eq!(compare(op, Side::Each(&left), Side::One(right)), want);
            }
        }
    }
}
