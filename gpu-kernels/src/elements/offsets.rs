//! Offsets of lists that begin elsewhere than at 0.

use pulp::Arch;

/// The offsets, counted from the first of them.
#[must_use]
pub fn from_zero(offsets: &[i32]) -> Vec<i32> {
    Arch::new().dispatch(FromZero(offsets))
}

struct FromZero<'a>(&'a [i32]);

impl pulp::NullaryFnOnce for FromZero<'_> {
    type Output = Vec<i32>;

    #[inline(always)]
    fn call(self) -> Vec<i32> {
        let base = self.0.first().copied().unwrap_or(0);
        let mut out = vec![0; self.0.len()];
        for (out, offset) in out.iter_mut().zip(self.0) {
            *out = offset.wrapping_sub(base);
        }
        out
    }
}

/// Whether two columns have lists of the same lengths, each counted from its own first offset.
#[must_use]
pub fn same_lengths(left: &[i32], right: &[i32]) -> bool {
    left.len() == right.len() && Arch::new().dispatch(SameLengths(left, right))
}

struct SameLengths<'a>(&'a [i32], &'a [i32]);

impl pulp::NullaryFnOnce for SameLengths<'_> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        let Self(left, right) = self;
        let (Some(left_base), Some(right_base)) = (left.first(), right.first()) else { return true };
        // They seldom differ: to look at all of them at once is faster than to stop at the first.
        let mut differs = 0;
        for (left, right) in left.iter().zip(right) {
            differs |= left.wrapping_sub(*left_base) ^ right.wrapping_sub(*right_base);
        }
        differs == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_begin_elsewhere() {
        assert_eq!(from_zero(&[3, 3, 5, 9]), [0, 0, 2, 6]);
        assert!(from_zero(&[]).is_empty());
        assert!(same_lengths(&[3, 3, 5, 9], &[0, 0, 2, 6]));
        assert!(!same_lengths(&[3, 3, 5, 9], &[0, 1, 2, 6]));
        assert!(!same_lengths(&[0, 1], &[0, 1, 1]));
        assert!(same_lengths(&[], &[]));
    }
}
