//! Repeating bytes that were written before.

/// Literals and matches up to this long are copied as a whole chunk, whose rest is written over later.
pub(super) const CHUNK: usize = 32;

/// Copies a chunk from `from` to `to`, if both fit and do not overlap: then it goes through registers. `copy_within` would
/// be a call.
#[inline(always)]
pub(super) fn copy_chunk(output: &mut [u8], from: usize, to: usize) -> Option<()> {
    let (done, open) = output.split_at_mut_checked(to)?;
    *open.first_chunk_mut::<CHUNK>()? = *done.get(from..)?.first_chunk::<CHUNK>()?;
    Some(())
}

/// Repeats `length` bytes from `from` at `to`; where the two overlap, what was written is read again.
#[inline]
pub(super) fn repeat(output: &mut [u8], from: usize, to: usize, length: usize) -> Option<()> {
    let distance = to.checked_sub(from)?;
    if distance >= length {
        output.get(to..to.checked_add(length)?)?;
        output.copy_within(from..from + length, to);
        return Some(());
    }
    let (done, open) = output.split_at_mut_checked(to)?;
    let pattern = done.get(from..)?;
    if let Some(word) = eight(pattern) {
        // Runs of numbers: the same eight bytes again and again.
        if length <= CHUNK
            && let Some(chunk) = open.first_chunk_mut::<CHUNK>()
        {
            chunk.as_chunks_mut::<8>().0.iter_mut().for_each(|open| *open = word);
            return Some(());
        }
        let (words, rest) = open.get_mut(..length)?.as_chunks_mut::<8>();
        words.fill(word);
        rest.copy_from_slice(word.get(..rest.len())?);
        return Some(());
    }
    // The pattern is doubled until it is as long as what is left.
    let target = open.get_mut(..length)?;
    let mut filled = pattern.len().min(length);
    target.get_mut(..filled)?.copy_from_slice(pattern.get(..filled)?);
    while filled < length {
        let more = filled.min(length - filled);
        target.copy_within(..more, filled);
        filled += more;
    }
    Some(())
}

/// A pattern of 1, 2, 4 or 8 bytes repeated to eight.
#[inline]
fn eight(pattern: &[u8]) -> Option<[u8; 8]> {
    match *pattern {
        [a] => Some([a; 8]),
        [a, b] => Some([a, b, a, b, a, b, a, b]),
        [a, b, c, d] => Some([a, b, c, d, a, b, c, d]),
        [a, b, c, d, e, f, g, h] => Some([a, b, c, d, e, f, g, h]),
        _ => None,
    }
}
