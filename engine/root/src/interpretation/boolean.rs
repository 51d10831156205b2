//! Booleans: a byte each on disk, a bit each in Arrow.

use arrow::buffer::{BooleanBuffer, Buffer};

/// Packs bytes into bits; any byte but 0 is true.
pub(crate) fn packed(bytes: &[u8]) -> BooleanBuffer {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let mut bits: Vec<u8> = Vec::with_capacity(chunks.len() + 1);
    bits.extend(chunks.iter().map(|chunk| {
        let ones = u64::from_le_bytes(chunk.map(|byte| u8::from(byte != 0)));
        // Gathers bit 0 of each byte into the top byte.
        (ones.wrapping_mul(0x0102_0408_1020_4080) >> 56).to_le_bytes()[0]
    }));
    if !rest.is_empty() {
        bits.push(rest.iter().enumerate().fold(0, |byte, (i, value)| byte | (u8::from(*value != 0) << i)));
    }
    BooleanBuffer::new(Buffer::from_vec(bits), 0, bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_any_nonzero_byte() {
        let bytes: Vec<u8> = (0..67).map(|i| [0, 1, 0, 255, 2, 0, 0][i % 7]).collect();
        for length in 0..bytes.len() {
            let found: Vec<bool> = packed(&bytes[..length]).iter().collect();
            let expected: Vec<bool> = bytes[..length].iter().map(|byte| *byte != 0).collect();
            assert_eq!(found, expected, "{length} bytes");
        }
    }
}
