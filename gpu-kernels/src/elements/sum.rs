//! Sums of lists.

use pulp::Arch;

/// How many elements are added without asking after each whether it is the last.
const STEP: usize = 8;

/// The sum of each list in f64, from 0 and from first to last. `offsets` rise; elements that are not there count as 0.
#[must_use]
pub fn sums<T: Copy + Into<f64>>(offsets: &[i32], values: &[T]) -> Vec<f64> {
    Arch::new().dispatch(Sums { offsets, values })
}

struct Sums<'a, T> {
    offsets: &'a [i32],
    values: &'a [T],
}

impl<T: Copy + Into<f64>> pulp::NullaryFnOnce for Sums<'_, T> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn call(self) -> Vec<f64> {
        let Self { offsets, values } = self;
        let mut sums = vec![0.0; offsets.len().saturating_sub(1)];
        let Some((first, ends)) = offsets.split_first() else { return sums };
        let mut start = place(*first, values);
        // Written as loops: what iterators hand to closures is not compiled for the instruction set.
        for (sum, end) in sums.iter_mut().zip(ends) {
            let end = place(*end, values);
            let (mut left, mut rest) = (end.saturating_sub(start), &values[start..]);
            let mut total = 0.0;
            while let Some((step, after)) = rest.split_first_chunk::<STEP>() {
                // Lists are short and of any length, which no branch predictor guesses: 0 is added beyond the end, which
                // leaves a sum that began with 0 as it is, to the bit.
                let known = left.min(STEP);
                let mut terms = [0.0f64; STEP];
                for k in 0..STEP {
                    terms[k] = f64::from_bits(step[k].into().to_bits() & KNOWN[known][k]);
                }
                for term in terms {
                    total += term;
                }
                if left <= STEP {
                    left = 0;
                    break;
                }
                (left, rest) = (left - STEP, after);
            }
            for value in &rest[..left] {
                total += (*value).into();
            }
            *sum = total;
            start = end;
        }
        sums
    }
}

/// All bits for the first of so many places, none for the others. A table, since a comparison becomes a branch.
const KNOWN: [[u64; STEP]; STEP + 1] = {
    let mut known = [[0; STEP]; STEP + 1];
    let mut number = 0;
    while number <= STEP {
        let mut place = 0;
        while place < number {
            known[number][place] = u64::MAX;
            place += 1;
        }
        number += 1;
    }
    known
};

/// An offset as a place in `values`, or their end.
#[inline(always)]
fn place<T>(offset: i32, values: &[T]) -> usize {
    usize::try_from(offset).unwrap_or(0).min(values.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = f32> {
        let odd = vec![0.0, -0.0, f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX];
        prop_oneof![1 => prop::sample::select(odd), 9 => -1e3f32..1e3]
    }

    proptest! {
        #[test]
        fn as_one_by_one(lists in prop::collection::vec(prop::collection::vec(value(), 0..20), 0..20)) {
            let mut offsets = vec![0];
            let mut values = vec![];
            for list in &lists {
                values.extend_from_slice(list);
                offsets.push(i32::try_from(values.len()).unwrap());
            }
            // Which NaN a sum of NaN is, nobody says.
            let bits = |sum: f64| if sum.is_nan() { f64::NAN.to_bits() } else { sum.to_bits() };
            let one_by_one = |list: &Vec<f32>| list.iter().fold(0.0, |sum, value| sum + f64::from(*value));
            let want: Vec<u64> = lists.iter().map(|list| bits(one_by_one(list))).collect();
            let got: Vec<u64> = sums(&offsets, &values).into_iter().map(bits).collect();
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn offsets_that_lie_do_no_harm() {
        assert_eq!(sums(&[3, 1, -5, 9], &[1.0, 2.0]), [0.0, 0.0, 3.0]);
        assert_eq!(sums(&[], &[1.0]), []);
    }
}
