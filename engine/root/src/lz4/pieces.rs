//! A block handed out in pieces, while they are in the cache.

use super::copy::repeat;
use super::{Fault, literals_of, match_of, whole_sequences};

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
        let (token, literals, after) = literals_of(rest)?;
        let literals_wanted = pieces.clamped(literals, size, wanted)?;
        rest = pieces.literals(after, literals_wanted)?;
        if literals_wanted < literals || rest.is_empty() {
            break;
        }
        let (offset, length, after) = match_of(token, rest)?;
        rest = after;
        let length = pieces.clamped(length, size, wanted)?;
        pieces.repeat(offset, length)?;
    }
    pieces.finish(wanted)
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
            repeat(self.window, self.at - offset, self.at, now).ok_or(Fault::Long)?;
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
