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

/// Matches reach back at most this far.
const HISTORY: usize = 1 << 16;
/// Small enough to stay in a core's own cache, with room left for what the pieces are turned into.
const WINDOW: usize = HISTORY + (1 << 17);

/// Decodes the first `wanted` bytes of a block of `size` and hands them out in pieces, each but the last of a multiple of
/// 8 bytes. Only a window of the content is kept, so it need not leave the cache before it is used.
pub(crate) fn decode_pieces(
    input: &[u8],
    size: usize,
    wanted: usize,
    window: &mut Vec<u8>,
    emit: &mut dyn FnMut(&[u8]),
) -> Result<(), Fault> {
    window.resize(WINDOW.max(window.len()), 0);
    let mut pieces =
        Pieces { window: window.get_mut(..WINDOW).unwrap_or_default(), at: 0, given: 0, before: 0, emit };
    let mut rest = input;
    while pieces.before + pieces.at < wanted {
        // Most sequences end neither behind the window nor behind the last wanted byte.
        let limit = WINDOW.min(wanted - pieces.before);
        (rest, pieces.at) = whole_sequences(rest, pieces.window, pieces.at, limit)?;
        let (&token, after) = rest.split_first().ok_or(Fault::Short)?;
        rest = after;
        let mut literals = usize::from(token >> 4);
        if literals == 15 {
            literals += long_length(&mut rest)?;
        }
        let literals_wanted = pieces.clamped(literals, size, wanted)?;
        rest = pieces.literals(rest, literals_wanted)?;
        if literals_wanted < literals || rest.is_empty() {
            break;
        }
        let (offset, after) = rest.split_first_chunk::<2>().ok_or(Fault::Short)?;
        rest = after;
        let mut length = usize::from(token & 15);
        if length == 15 {
            length += long_length(&mut rest)?;
        }
        let length = pieces.clamped(length + 4, size, wanted)?;
        pieces.repeat(usize::from(u16::from_le_bytes(*offset)), length)?;
    }
    pieces.finish(wanted)
}

/// Decodes the sequences that end before `limit`, at most the window's length, and are not the last of the input.
/// Returns what is left of the input and where the next byte goes.
#[inline]
fn whole_sequences<'i>(
    input: &'i [u8],
    window: &mut [u8],
    at: usize,
    limit: usize,
) -> Result<(&'i [u8], usize), Fault> {
    let (mut left, mut at) = (input, at);
    loop {
        let mut rest = left;
        let Some((&token, after)) = rest.split_first() else { break };
        rest = after;
        let mut literals = usize::from(token >> 4);
        if literals == 15 {
            literals += long_length(&mut rest)?;
        }
        let Some((offset, after)) = rest.get(literals..).and_then(|after| after.split_first_chunk::<2>())
        else {
            break;
        };
        let mut after = after;
        let offset = usize::from(u16::from_le_bytes(*offset));
        let mut length = usize::from(token & 15) + 4;
        if length == 19 {
            length += long_length(&mut after)?;
        }
        let to = at + literals;
        if to + length > limit {
            break;
        }
        // A chunk is copied where one fits, whatever the length; what is too much is written over by what follows.
        match (
            rest.first_chunk::<CHUNK>(),
            window.get_mut(at..).and_then(|open| open.first_chunk_mut::<CHUNK>()),
        ) {
            (Some(source), Some(target)) if literals <= CHUNK => *target = *source,
            _ => {
                let (source, target) = (rest.get(..literals), window.get_mut(at..to));
                target.ok_or(Fault::Long)?.copy_from_slice(source.ok_or(Fault::Short)?);
            }
        }
        let from = to.checked_sub(offset).filter(|_| offset != 0).ok_or(Fault::Offset)?;
        if offset >= CHUNK && length <= CHUNK {
            let chunk = window.get(from..).and_then(|done| done.first_chunk::<CHUNK>()).copied();
            match (chunk, window.get_mut(to..).and_then(|open| open.first_chunk_mut::<CHUNK>())) {
                (Some(chunk), Some(target)) => *target = chunk,
                _ => copy_match(window, from, to, length).ok_or(Fault::Long)?,
            }
        } else {
            copy_match(window, from, to, length).ok_or(Fault::Long)?;
        }
        at = to + length;
        left = after;
    }
    Ok((left, at))
}

/// The window, what of it has been handed out, and how many bytes were there before it.
struct Pieces<'a> {
    window: &'a mut [u8],
    at: usize,
    given: usize,
    before: usize,
    emit: &'a mut dyn FnMut(&[u8]),
}

impl Pieces<'_> {
    /// How many of `count` bytes are wanted; all of them must fit the block.
    fn clamped(&self, count: usize, size: usize, wanted: usize) -> Result<usize, Fault> {
        let produced = self.before + self.at;
        if count > size.saturating_sub(produced) {
            return Err(Fault::Long);
        }
        Ok(count.min(wanted.saturating_sub(produced)))
    }

    fn literals<'i>(&mut self, input: &'i [u8], count: usize) -> Result<&'i [u8], Fault> {
        if count <= CHUNK
            && let Some(from) = input.first_chunk::<CHUNK>()
            && let Some(to) = self.window.get_mut(self.at..).and_then(|open| open.first_chunk_mut::<CHUNK>())
        {
            *to = *from;
            self.at += count;
            return input.get(count..).ok_or(Fault::Short);
        }
        let (mut from, rest) = input.split_at_checked(count).ok_or(Fault::Short)?;
        while !from.is_empty() {
            let open = self.open();
            let (now, later) = from.split_at_checked(open.len()).unwrap_or((from, &[]));
            open.get_mut(..now.len()).ok_or(Fault::Long)?.copy_from_slice(now);
            self.at += now.len();
            from = later;
        }
        Ok(rest)
    }

    fn repeat(&mut self, offset: usize, mut length: usize) -> Result<(), Fault> {
        if offset == 0 || offset > self.at {
            return Err(Fault::Offset);
        }
        while length > 0 {
            let now = length.min(self.open().len());
            copy_match(self.window, self.at - offset, self.at, now).ok_or(Fault::Long)?;
            self.at += now;
            length -= now;
        }
        Ok(())
    }

    /// The bytes that can be written; when none are left the window is handed out and moved on.
    fn open(&mut self) -> &mut [u8] {
        if self.at == self.window.len() {
            let end = self.given + ((self.at - self.given) & !7);
            (self.emit)(self.window.get(self.given..end).unwrap_or_default());
            let moved = self.at - HISTORY;
            self.window.copy_within(moved.., 0);
            self.at = HISTORY;
            self.given = end - moved;
            self.before += moved;
        }
        self.window.get_mut(self.at..).unwrap_or_default()
    }

    fn finish(self, wanted: usize) -> Result<(), Fault> {
        let end = wanted.checked_sub(self.before).filter(|end| *end <= self.at).ok_or(Fault::Short)?;
        (self.emit)(self.window.get(self.given..end).unwrap_or_default());
        Ok(())
    }
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
