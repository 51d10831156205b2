//! Big-endian reading with every length checked against the bytes that are there.

use crate::error::{Result, RootError};

/// Bit 30 of a 32-bit word: the word is a byte count, not a tag.
pub(crate) const BYTE_COUNT_BIT: u32 = 0x4000_0000;
/// Bit 14 of a version: the object was streamed member by member.
const MEMBERWISE_BIT: u16 = 0x4000;

/// A position in a slice. All reads move forward and fail past the end.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

/// Version of a streamed object and where it ends, if the file says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ObjectHeader {
    pub(crate) version: u16,
    pub(crate) end: Option<usize>,
    pub(crate) memberwise: bool,
}

macro_rules! read_number {
    ($($name:ident: $type:ty),*) => {$(
        pub(crate) fn $name(&mut self) -> Result<$type> {
            Ok(<$type>::from_be_bytes(self.array()?))
        }
    )*};
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(crate) fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.position)
    }

    /// Moves to an absolute position; the end itself is allowed.
    pub(crate) fn seek(&mut self, position: usize) -> Result<()> {
        if position > self.bytes.len() {
            return Err(RootError::truncated(position, self.bytes.len()).at(position as u64));
        }
        self.position = position;
        Ok(())
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let slice = self.bytes.get(self.position..).and_then(|rest| rest.get(..count));
        match slice {
            Some(slice) => {
                self.position += count;
                Ok(slice)
            }
            None => Err(RootError::truncated(count, self.remaining()).at(self.position as u64)),
        }
    }

    pub(crate) fn skip(&mut self, count: usize) -> Result<()> {
        self.take(count).map(drop)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let slice = self.bytes.get(self.position..).and_then(|rest| rest.first_chunk::<N>());
        match slice {
            Some(array) => {
                self.position += N;
                Ok(*array)
            }
            None => Err(RootError::truncated(N, self.remaining()).at(self.position as u64)),
        }
    }

    read_number!(u8: u8, i8: i8, u16: u16, i16: i16, u32: u32, i32: i32, u64: u64, i64: i64, f32: f32, f64: f64);

    /// A count that is going to be followed by `size` bytes for each item: refused when they cannot be there.
    pub(crate) fn count(&mut self, size: usize) -> Result<usize> {
        let at = self.position;
        let raw = self.i32()?;
        let count = usize::try_from(raw).map_err(|_| RootError::malformed("a count", raw).at(at as u64))?;
        self.check_count(count, size).map_err(|e| e.at(at as u64))?;
        Ok(count)
    }

    /// Refuses a count whose items cannot all be in the bytes that remain.
    pub(crate) fn check_count(&self, count: usize, size: usize) -> Result<()> {
        match count.checked_mul(size) {
            Some(bytes) if bytes <= self.remaining() => Ok(()),
            _ => Err(RootError::malformed(
                format!("at most {} items of {size} bytes", self.remaining() / size.max(1)),
                count,
            )),
        }
    }

    /// A TString: one byte of length, or 255 and four.
    pub(crate) fn string_bytes(&mut self) -> Result<&'a [u8]> {
        let length = match self.u8()? {
            255 => self.count(1)?,
            short => usize::from(short),
        };
        self.take(length)
    }

    /// A TString as text; bytes that are not UTF-8 are replaced, since names need not be exact to be shown.
    pub(crate) fn string(&mut self) -> Result<String> {
        Ok(String::from_utf8_lossy(self.string_bytes()?).into_owned())
    }

    /// A zero-terminated class name.
    pub(crate) fn c_string(&mut self) -> Result<&'a str> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let length = rest.iter().take(1024).position(|byte| *byte == 0);
        let length = length
            .ok_or_else(|| RootError::malformed("a class name", "no end of it").at(self.position as u64))?;
        let name = self.take(length)?;
        self.skip(1)?;
        std::str::from_utf8(name).map_err(|_| RootError::malformed("a class name", "bytes that are not text"))
    }

    /// Byte count (if there) and version in front of an object.
    pub(crate) fn object_header(&mut self) -> Result<ObjectHeader> {
        let start = self.position;
        let mut end = None;
        let first = self.clone().u32();
        if let Ok(word) = first
            && word & BYTE_COUNT_BIT != 0
        {
            self.skip(4)?;
            let length = (word & !BYTE_COUNT_BIT) as usize;
            if length < 2 || length > self.remaining() {
                return Err(RootError::truncated(length, self.remaining()).at(start as u64));
            }
            end = Some(self.position + length);
        }
        let version = self.u16()?;
        Ok(ObjectHeader {
            version: version & !MEMBERWISE_BIT,
            end,
            memberwise: version & MEMBERWISE_BIT != 0,
        })
    }

    /// Skips an object that carries its byte count.
    pub(crate) fn skip_object(&mut self) -> Result<()> {
        let start = self.position;
        let header = self.object_header()?;
        match header.end {
            Some(end) => self.seek(end),
            None => Err(RootError::malformed("an object with its length", "one without").at(start as u64)),
        }
    }

    /// TObject's own members, which come without a byte count.
    pub(crate) fn skip_tobject(&mut self) -> Result<()> {
        const IS_REFERENCED: u32 = 1 << 4;
        let header = self.object_header()?;
        self.skip(4)?;
        if self.u32()? & IS_REFERENCED != 0 {
            self.skip(2)?;
        }
        match header.end {
            Some(end) => self.seek(end),
            None => Ok(()),
        }
    }

    /// TNamed: name and title.
    pub(crate) fn named(&mut self) -> Result<(String, String)> {
        let header = self.object_header()?;
        self.skip_tobject()?;
        let name = self.string()?;
        let title = self.string()?;
        if let Some(end) = header.end {
            self.finish("TNamed", end)?;
        }
        Ok((name, title))
    }

    /// An object must end where its byte count says.
    pub(crate) fn finish(&self, class: &str, end: usize) -> Result<()> {
        if self.position == end {
            return Ok(());
        }
        Err(RootError::malformed(format!("{class} to end at byte {end} of its record"), self.position)
            .at(self.position as u64))
    }
}
