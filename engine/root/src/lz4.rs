//! LZ4 blocks, decoded up to a byte that is wanted and no further: the entry offsets behind a basket's data are left alone.
//!
//! The checksum ROOT stores is over the compressed bytes, so stopping early leaves nothing unchecked.

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

/// Literals and matches up to this long are copied as a whole chunk, whose rest is written over later.
const CHUNK: usize = 32;

/// Decodes until `wanted` bytes of `output` are there or the block ends; returns how many are.
///
/// `output` is as long as the whole block's content; what lies behind the bytes returned is not defined.
pub(crate) fn decode_prefix(input: &[u8], output: &mut [u8], wanted: usize) -> Result<usize, Fault> {
    let mut rest = input;
    let mut at = 0;
    while at < wanted {
        let (&token, after) = rest.split_first().ok_or(Fault::Short)?;
        rest = after;
        let mut literals = usize::from(token >> 4);
        if literals == 15 {
            literals += long_length(&mut rest)?;
        }
        match (rest.first_chunk::<CHUNK>(), output.get_mut(at..).and_then(|o| o.first_chunk_mut::<CHUNK>())) {
            (Some(from), Some(to)) if literals <= CHUNK => {
                *to = *from;
                rest = rest.get(literals..).ok_or(Fault::Short)?;
            }
            _ => {
                let (from, after) = rest.split_at_checked(literals).ok_or(Fault::Short)?;
                output.get_mut(at..at + literals).ok_or(Fault::Long)?.copy_from_slice(from);
                rest = after;
            }
        }
        at += literals;
        if rest.is_empty() {
            // The last sequence has no match.
            return Ok(at);
        }
        let (offset, after) = rest.split_first_chunk::<2>().ok_or(Fault::Short)?;
        rest = after;
        let offset = usize::from(u16::from_le_bytes(*offset));
        let mut length = usize::from(token & 15);
        if length == 15 {
            length += long_length(&mut rest)?;
        }
        length += 4;
        let from = at.checked_sub(offset).filter(|_| offset != 0).ok_or(Fault::Offset)?;
        copy_match(output, from, at, length).ok_or(Fault::Long)?;
        at += length;
    }
    Ok(at)
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

/// Repeats `length` bytes from `from` at `to`; where the two overlap, what was written is read again.
#[inline]
fn copy_match(output: &mut [u8], from: usize, to: usize, length: usize) -> Option<()> {
    let distance = to - from;
    if length <= CHUNK && distance >= CHUNK {
        let (done, open) = output.split_at_mut_checked(to)?;
        if let (Some(source), Some(target)) =
            (done.get(from..)?.first_chunk::<CHUNK>(), open.first_chunk_mut::<CHUNK>())
        {
            *target = *source;
            return Some(());
        }
    }
    if distance >= length {
        output.get(to..to.checked_add(length)?)?;
        output.copy_within(from..from + length, to);
        return Some(());
    }
    // The pattern is doubled until it is as long as what is left.
    let (done, open) = output.split_at_mut_checked(to)?;
    let target = open.get_mut(..length)?;
    let pattern = done.get(from..)?;
    if let [byte] = pattern {
        target.fill(*byte);
        return Some(());
    }
    let mut filled = pattern.len().min(length);
    target.get_mut(..filled)?.copy_from_slice(pattern.get(..filled)?);
    while filled < length {
        let more = filled.min(length - filled);
        target.copy_within(..more, filled);
        filled += more;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_prefix_of_any_block(
            words in prop::collection::vec((any::<u8>(), 1_usize..70), 0..200),
            wanted in any::<prop::sample::Index>(),
        ) {
            let data: Vec<u8> = words.iter().flat_map(|(byte, times)| {
                (0..*times).map(move |i| if byte % 3 == 0 { *byte } else { byte.wrapping_add([0, 1, 2, 3, 4][i % 5]) })
            }).collect();
            let packed = lz4_flex::block::compress(&data);
            let wanted = wanted.index(data.len() + 1);
            let mut output = vec![0; data.len()];
            let done = decode_prefix(&packed, &mut output, wanted).unwrap();
            prop_assert!(done >= wanted && done <= data.len());
            prop_assert_eq!(&output[..wanted], &data[..wanted]);
            prop_assert_eq!(decode_prefix(&packed, &mut output, data.len()), Ok(data.len()));
            prop_assert_eq!(output, data);
        }

        #[test]
        fn no_block_at_all(input in prop::collection::vec(any::<u8>(), 0..300), size in 0_usize..2000) {
            let mut output = vec![0; size];
            if let Ok(done) = decode_prefix(&input, &mut output, size) {
                prop_assert!(done <= size);
                // What the other decoder takes for a whole block must come out the same.
                let mut other = vec![0; size];
                if done == size && lz4_flex::block::decompress_into(&input, &mut other).is_ok_and(|done| done == size) {
                    prop_assert_eq!(output, other);
                }
            }
        }
    }
}
