//! The elements of lists that a mask keeps.

use pulp::Arch;

use super::bits::WORD;
use crate::fill::Bitmap;

/// A value that is moved as it lies.
pub trait Store: Copy + Default {}

impl<T: Copy + Default> Store for T {}

/// The values whose bit is set, in their order; those without a bit are left out.
#[must_use]
pub fn keep<T: Store>(values: &[T], kept: Bitmap<'_>) -> Vec<T> {
    Arch::new().dispatch(Keep { values, kept })
}

struct Keep<'a, T> {
    values: &'a [T],
    kept: Bitmap<'a>,
}

impl<T: Store> pulp::NullaryFnOnce for Keep<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn call(self) -> Vec<T> {
        let Self { values, kept } = self;
        let mut out = Vec::with_capacity(kept.count());
        let (chunks, rest) = values.as_chunks::<WORD>();
        let mut block = [T::default(); WORD];
        for (place, chunk) in chunks.iter().enumerate() {
            let word = kept.word(place * WORD);
            if word == u64::MAX {
                out.extend_from_slice(chunk);
                continue;
            }
            // Every value is written, the next one over it unless it is kept: no branch to guess.
            let mut end = 0;
            for (bit, value) in chunk.iter().enumerate() {
                block[end % WORD] = *value;
                end += usize::from(word >> bit & 1 == 1);
            }
            out.extend_from_slice(&block[..end.min(WORD)]);
        }
        let word = kept.word(chunks.len() * WORD);
        out.extend(rest.iter().enumerate().filter(|(bit, _)| word >> bit & 1 == 1).map(|(_, value)| *value));
        out
    }
}

/// The offsets of lists of which only the elements are left whose bit is set. `offsets` rise from 0; bits that are
/// not there count as not set.
#[must_use]
pub fn keep_offsets(offsets: &[i32], kept: Bitmap<'_>) -> Vec<i32> {
    Arch::new().dispatch(KeepOffsets { offsets, kept })
}

struct KeepOffsets<'a> {
    offsets: &'a [i32],
    kept: Bitmap<'a>,
}

impl pulp::NullaryFnOnce for KeepOffsets<'_> {
    type Output = Vec<i32>;

    #[inline(always)]
    fn call(self) -> Vec<i32> {
        let Self { offsets, kept } = self;
        // Each word with the number of bits set before it; one more, for an offset at the very end.
        let mut words = Vec::with_capacity(kept.len() / WORD + 1);
        let mut before = 0u32;
        for word in 0..=kept.len() / WORD {
            let word = kept.word(word * WORD);
            words.push((word, before));
            before = before.wrapping_add(word.count_ones());
        }
        let mut out = vec![0; offsets.len()];
        // Written as a loop: what iterators hand to closures is not compiled for the instruction set.
        for (out, offset) in out.iter_mut().zip(offsets) {
            let place = usize::try_from(*offset).unwrap_or(0).min(kept.len());
            let (word, before) = words[place / WORD];
            let below = word & !(u64::MAX << (place % WORD));
            *out = before.wrapping_add(below.count_ones()).cast_signed();
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_one_by_one(elements in prop::collection::vec((any::<u32>(), prop::bool::weighted(0.9)), 0..400),
                         cuts in prop::collection::vec(0usize..400, 0..20), skip in 0usize..9) {
            let (values, truths): (Vec<u32>, Vec<bool>) = elements.into_iter().unzip();
            let mut bytes = vec![0xAA; (skip + truths.len()).div_ceil(8) + 1];
            for (place, truth) in truths.iter().enumerate() {
                let at = skip + place;
                bytes[at / 8] = bytes[at / 8] & !(1 << (at % 8)) | u8::from(*truth) << (at % 8);
            }
            let kept = Bitmap::new(&bytes, skip, truths.len()).unwrap();
            let want: Vec<u32> =
                values.iter().zip(&truths).filter(|(_, truth)| **truth).map(|(value, _)| *value).collect();
            prop_assert_eq!(keep(&values, kept), want.clone());
            let wide: Vec<u64> = values.iter().map(|value| u64::from(*value)).collect();
            prop_assert_eq!(keep(&wide, kept), want.iter().map(|value| u64::from(*value)).collect::<Vec<_>>());
            let small: Vec<u8> = values.iter().map(|value| value.to_le_bytes()[0]).collect();
            prop_assert_eq!(keep(&small, kept), want.iter().map(|value| value.to_le_bytes()[0]).collect::<Vec<_>>());

            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(truths.len())).chain([0, truths.len()]).collect();
            cuts.sort_unstable();
            let offsets: Vec<i32> = cuts.iter().map(|cut| i32::try_from(*cut).unwrap()).collect();
            let want: Vec<i32> = cuts
                .iter()
                .map(|cut| i32::try_from(truths[..*cut].iter().filter(|truth| **truth).count()).unwrap())
                .collect();
            prop_assert_eq!(keep_offsets(&offsets, kept), want);
        }
    }

    #[test]
    fn bits_that_are_not_there_are_not_set() {
        let kept = Bitmap::new(&[0b101], 0, 3).unwrap();
        assert_eq!(keep(&[1.0; 70], kept), [1.0, 1.0]);
        assert_eq!(keep_offsets(&[0, 2, 3, 1000, -1], kept), [0, 1, 2, 2, 0]);
    }
}
