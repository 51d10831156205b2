//! Tagged objects in a record: class names are written once and referred to later, and so are objects.

use std::collections::HashMap;

use crate::cursor::{BYTE_COUNT_BIT, Cursor};
use crate::error::{Result, RootError};

const CLASS_BIT: u32 = 0x8000_0000;
const NEW_CLASS: u32 = 0xFFFF_FFFF;
/// Positions in tags are counted from the start of the record's header, plus this.
const MAP_OFFSET: usize = 2;
/// Objects within objects; real trees stay below ten.
const DEEPEST: usize = 64;

/// What a tag announces.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tagged<'a> {
    /// A null pointer.
    Null,
    /// An object read before, by its number.
    Seen(u32),
    /// An object follows: its class, its number for later references, and where it ends if that is known.
    New { class: &'a str, id: u32, end: Option<usize> },
}

/// A cursor that knows the tags of its record.
#[derive(Debug)]
pub(crate) struct ObjectReader<'a> {
    pub(crate) cursor: Cursor<'a>,
    key_length: usize,
    classes: HashMap<u32, &'a str>,
    depth: usize,
}

impl<'a> ObjectReader<'a> {
    pub(crate) fn new(content: &'a [u8], key_length: u16) -> Self {
        Self {
            cursor: Cursor::new(content),
            key_length: usize::from(key_length),
            classes: HashMap::new(),
            depth: 0,
        }
    }

    fn id(&self, position: usize) -> Result<u32> {
        let id = position + self.key_length + MAP_OFFSET;
        u32::try_from(id).map_err(|_| RootError::unsupported("a record of more than 4 GiB"))
    }

    /// Reads a tag. After `New` the object is next, and [`leave`](Self::leave) has to follow it.
    pub(crate) fn tagged(&mut self) -> Result<Tagged<'a>> {
        let start = self.cursor.position();
        let word = self.cursor.u32()?;
        let (tag, tag_position, end) = if word & BYTE_COUNT_BIT == 0 || word == NEW_CLASS {
            (word, start, None)
        } else {
            let length = (word & !BYTE_COUNT_BIT) as usize;
            if length < 4 || length > self.cursor.remaining() {
                return Err(RootError::truncated(length, self.cursor.remaining()).at(start as u64));
            }
            let end = self.cursor.position() + length;
            (self.cursor.u32()?, start + 4, Some(end))
        };
        if tag & CLASS_BIT == 0 {
            if let Some(end) = end {
                self.cursor.seek(end)?;
            }
            return Ok(if tag == 0 { Tagged::Null } else { Tagged::Seen(tag) });
        }
        let class = if tag == NEW_CLASS {
            let class = self.cursor.c_string()?;
            let id = self.id(tag_position)?;
            self.classes.insert(id, class);
            class
        } else {
            let id = tag & !CLASS_BIT;
            *self.classes.get(&id).ok_or_else(|| {
                RootError::malformed("a class named before", format!("tag {id}")).at(start as u64)
            })?
        };
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(RootError::unsupported("objects nested more than 64 deep").at(start as u64));
        }
        Ok(Tagged::New { class, id: self.id(start)?, end })
    }

    /// Ends an object begun by [`tagged`](Self::tagged): moves to its end, skipping what was not read of it.
    pub(crate) fn leave(&mut self, class: &str, end: Option<usize>) -> Result<()> {
        self.depth = self.depth.saturating_sub(1);
        match end {
            Some(end) if end >= self.cursor.position() => self.cursor.seek(end),
            Some(end) => Err(RootError::malformed(
                format!("{class} to end at byte {end} of its record"),
                self.cursor.position(),
            )),
            None => Err(RootError::malformed(format!("{class} with its length"), "none")),
        }
    }
}
