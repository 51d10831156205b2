//! LZ4 blocks, decoded up to a byte that is wanted and no further: the entry offsets behind a basket's data are left alone.
//!
//! The checksum ROOT stores is over the compressed bytes, so stopping early leaves nothing unchecked.

mod copy;
mod pieces;

pub(crate) use pieces::decode_pieces;

use copy::{CHUNK, copy_chunk, repeat};

/// What is wrong with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The block ends within a sequence.
    Short,
    /// A match lies before the start of the block.
    Offset,
    /// More bytes than the block's header says.
    Long,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Short => "the block ends too early",
            Self::Offset => "a match before the start",
            Self::Long => "more bytes than announced",
        })
    }
}

/// Decodes until `wanted` bytes of `output` are there or the block ends; returns how many are.
///
/// `output` is as long as the whole block's content; what lies behind the bytes returned is not defined.
pub(crate) fn decode_prefix(input: &[u8], output: &mut [u8], wanted: usize) -> Result<usize, Fault> {
    let (mut rest, mut at) = whole_sequences(input, output, 0, wanted)?;
    // The sequence with the last wanted byte is left, and the block's last, which has no match.
    while at < wanted {
        let (token, literals, after) = literals_of(rest)?;
        let (from, after) = after.split_at_checked(literals).ok_or(Fault::Short)?;
        output.get_mut(at..at + literals).ok_or(Fault::Long)?.copy_from_slice(from);
        at += literals;
        if after.is_empty() {
            break;
        }
        let (offset, length, after) = match_of(token, after)?;
        repeat(output, source(at, offset)?, at, length).ok_or(Fault::Long)?;
        at += length;
        rest = after;
    }
    Ok(at)
}

/// The token of a sequence, the number of its literals, and what follows: them.
#[inline]
fn literals_of(input: &[u8]) -> Result<(u8, usize, &[u8]), Fault> {
    let (&token, mut rest) = input.split_first().ok_or(Fault::Short)?;
    let mut literals = usize::from(token >> 4);
    if literals == 15 {
        literals += long_length(&mut rest)?;
    }
    Ok((token, literals, rest))
}

/// How far back a match lies, its length, and what follows.
#[inline]
fn match_of(token: u8, input: &[u8]) -> Result<(usize, usize, &[u8]), Fault> {
    let (offset, mut rest) = input.split_first_chunk::<2>().ok_or(Fault::Short)?;
    let mut length = usize::from(token & 15) + 4;
    if length == 19 {
        length += long_length(&mut rest)?;
    }
    Ok((usize::from(u16::from_le_bytes(*offset)), length, rest))
}

/// Where a match at `to` is copied from.
#[inline]
fn source(to: usize, offset: usize) -> Result<usize, Fault> {
    to.checked_sub(offset).filter(|_| offset != 0).ok_or(Fault::Offset)
}

/// Bytes copied for the literals that a token alone gives the number of: at most 14, and the match's offset behind them.
const SHORT: usize = 16;

/// Decodes the sequences that end before `limit` and are not the last of the input. Returns what is left of the input and
/// where the next byte goes.
#[inline]
fn whole_sequences<'i>(
    input: &'i [u8],
    output: &mut [u8],
    at: usize,
    limit: usize,
) -> Result<(&'i [u8], usize), Fault> {
    let limit = limit.min(output.len());
    let (mut left, mut at) = (input, at);
    loop {
        // Nearly all sequences are short and far from both ends: chunks of one size are copied, whatever the lengths.
        // What is too much is written over by what follows.
        while at + SHORT + CHUNK <= limit
            && let Some([token, body @ ..]) = left.first_chunk::<{ 1 + SHORT }>()
        {
            let (literals, length) = (usize::from(token >> 4), usize::from(token & 15) + 4);
            if literals == 15 || length == 19 {
                break;
            }
            if let (Some(from), Some(open)) = (
                body.first_chunk::<SHORT>(),
                output.get_mut(at..).and_then(|open| open.first_chunk_mut::<SHORT>()),
            ) {
                *open = *from;
            }
            let offset = body.get(literals..).and_then(|body| body.first_chunk::<2>()).ok_or(Fault::Short)?;
            let offset = usize::from(u16::from_le_bytes(*offset));
            at += literals;
            let from = source(at, offset)?;
            if copy_chunk(output, from, at).is_none() {
                repeat(output, from, at, length).ok_or(Fault::Long)?;
            }
            at += length;
            left = left.get(1 + literals + 2..).ok_or(Fault::Short)?;
        }
        if left.is_empty() {
            break;
        }
        let (token, literals, rest) = literals_of(left)?;
        let Some(after) = rest.get(literals..).filter(|after| after.len() >= 2) else { break };
        let (offset, length, after) = match_of(token, after)?;
        let to = at + literals;
        if to + length > limit {
            break;
        }
        match (rest.first_chunk::<CHUNK>(), output.get_mut(at..).and_then(|o| o.first_chunk_mut::<CHUNK>())) {
            (Some(from), Some(open)) if literals <= CHUNK => *open = *from,
            _ => {
                let (from, open) = (rest.get(..literals), output.get_mut(at..to));
                open.ok_or(Fault::Long)?.copy_from_slice(from.ok_or(Fault::Short)?);
            }
        }
        let from = source(to, offset)?;
        if length > CHUNK || copy_chunk(output, from, to).is_none() {
            repeat(output, from, to, length).ok_or(Fault::Long)?;
        }
        at = to + length;
        left = after;
    }
    Ok((left, at))
}

#[inline]
fn long_length(rest: &mut &[u8]) -> Result<usize, Fault> {
    let mut length = 0_usize;
    loop {
        let (&byte, after) = rest.split_first().ok_or(Fault::Short)?;
        *rest = after;
        length += usize::from(byte);
        if byte != 255 {
            return Ok(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_pieces(packed: &[u8], size: usize, wanted: usize) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        let mut window = Vec::new();
        decode_pieces(packed, size, wanted, &mut window, &mut |piece| {
            assert!(out.len() % 8 == 0, "only the last piece may be uneven");
            out.extend_from_slice(piece);
        })?;
        Ok(out)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_prefix_of_any_block(
            words in prop::collection::vec((any::<u8>(), 1_usize..150), 0..200),
            wanted in any::<prop::sample::Index>(),
        ) {
            let data: Vec<u8> = words.iter().flat_map(|(byte, times)| {
                // Periods that are repeated by eights, and others.
                let period = [1, 2, 3, 4, 5, 8, 16, 31, 40][usize::from(byte % 9)];
                (0..*times).map(move |i| byte.wrapping_add(u8::try_from(i % period).unwrap()))
            }).collect();
            let packed = lz4_flex::block::compress(&data);
            let wanted = wanted.index(data.len() + 1);
            let mut output = vec![0; data.len()];
            let done = decode_prefix(&packed, &mut output, wanted).unwrap();
            prop_assert!(done >= wanted && done <= data.len());
            prop_assert_eq!(&output[..wanted], &data[..wanted]);
            prop_assert_eq!(decode_prefix(&packed, &mut output, data.len()), Ok(data.len()));
            prop_assert_eq!(&output, &data);
            prop_assert_eq!(in_pieces(&packed, data.len(), wanted), Ok(data[..wanted].to_vec()));
        }

        #[test]
        fn pieces_of_long_blocks(seed in any::<u32>(), run in 1_usize..400_000, wanted in 0_usize..700_000) {
            // A long run, a long stretch without repetition, and a far repetition of it.
            let mut data = vec![7; run];
            let mut state = seed;
            let noise: Vec<u8> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            }).take(250_000).collect();
            data.extend_from_slice(&noise);
            data.extend_from_slice(&noise[190_000..]);
            let packed = lz4_flex::block::compress(&data);
            let wanted = wanted.min(data.len());
            prop_assert!(in_pieces(&packed, data.len(), wanted) == Ok(data[..wanted].to_vec()));
            prop_assert!(in_pieces(&packed, data.len(), data.len()) == Ok(data));
        }

        #[test]
        fn no_block_at_all(input in prop::collection::vec(any::<u8>(), 0..300), size in 0_usize..2000) {
            let mut output = vec![0; size];
            let pieces = in_pieces(&input, size, size);
            if let Ok(done) = decode_prefix(&input, &mut output, size) {
                prop_assert!(done <= size);
                prop_assert!(pieces.is_err() || pieces == Ok(output.clone()));
                // What the other decoder takes for a whole block must come out the same.
                let mut other = vec![0; size];
                if done == size && lz4_flex::block::decompress_into(&input, &mut other).is_ok_and(|done| done == size) {
                    prop_assert_eq!(output, other);
                }
            }
        }
    }
}
