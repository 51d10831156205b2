//! Truth values packed into words.

/// How many truth values a word holds.
pub(super) const WORD: usize = 64;

/// The lowest bits of 64 bytes that are 0 or 1, in their order.
#[inline(always)]
pub(super) fn pack(truths: &[u8; WORD]) -> u64 {
    let (eights, _) = truths.as_chunks::<8>();
    let mut word = 0;
    for (place, eight) in eights.iter().enumerate() {
        // The factor moves the bit of byte k to bit 56 + k, and no two bits to one place.
        let byte = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= byte << (8 * place);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_bit_has_its_place(word: u64) {
            let truths = std::array::from_fn(|bit| u8::from(word >> bit & 1 == 1));
            prop_assert_eq!(pack(&truths), word);
        }
    }
}
