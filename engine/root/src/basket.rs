//! Baskets: the entries of one branch, on disk behind a key or embedded in the tree's record.

use bytes::Bytes;
use std::ops::Range;

use crate::compression::{Decompressor, Scratch};
use crate::cursor::Cursor;
use crate::error::{Result, RootError};

/// In old embedded baskets the top byte of an entry offset was a displacement.
const DISPLACEMENT_BITS: u32 = 0xFF00_0000;
/// More decompressed bytes than this per byte on disk is no basket but a bomb: zstd reaches some 10⁴ on constants.
const MOST_EXPANSION: u64 = 1 << 17;

/// A basket: which entries it holds and where it is.
#[derive(Debug, Clone)]
pub struct Basket {
    /// Its entries.
    pub entries: Range<u64>,
    pub(crate) place: Placement,
}

#[derive(Debug, Clone)]
pub(crate) enum Placement {
    Disk(Range<u64>),
    Embedded(Box<StoredBasket>),
}

impl Basket {
    /// Its bytes in the file; `None` when it is embedded in the tree's record, which has been read already.
    pub fn byte_range(&self) -> Option<Range<u64>> {
        match &self.place {
            Placement::Disk(range) => Some(range.clone()),
            Placement::Embedded(_) => None,
        }
    }
}

/// An embedded basket as positions in the record it was read from.
#[derive(Debug, Clone)]
pub(crate) struct EmbeddedBasket {
    pub(crate) entries: usize,
    key_length: usize,
    /// Its data, without the copy of its key.
    data: Range<usize>,
    /// Its entry offsets, four bytes each.
    offsets: Option<Range<usize>>,
    displaced: bool,
}

/// An embedded basket with its bytes.
#[derive(Debug, Clone)]
pub(crate) struct StoredBasket {
    key_length: usize,
    data: Bytes,
    offsets: Option<Bytes>,
    displaced: bool,
}

impl EmbeddedBasket {
    pub(crate) fn stored(&self, record: &Bytes) -> StoredBasket {
        let slice =
            |range: &Range<usize>| record.slice(range.start.min(record.len())..range.end.min(record.len()));
        StoredBasket {
            key_length: self.key_length,
            data: slice(&self.data),
            offsets: self.offsets.as_ref().map(slice),
            displaced: self.displaced,
        }
    }
}

/// The header of a basket: a key, then what TBasket adds.
struct Header {
    record_length: u64,
    object_length: usize,
    key_length: usize,
    seek: u64,
    name: Vec<u8>,
    entries: usize,
    last: usize,
    flag: u8,
}

impl Header {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self> {
        let start = cursor.position();
        let record_length = cursor.i32()?;
        let version = cursor.i16()?;
        let object_length = cursor.i32()?;
        cursor.skip(4)?;
        let key_length = usize::from(cursor.u16()?);
        cursor.skip(2)?;
        let seek = if version > 1000 { cursor.u64()? } else { u64::from(cursor.u32()?) };
        cursor.skip(if version > 1000 { 8 } else { 4 })?;
        cursor.string_bytes()?;
        let name = cursor.string_bytes()?.to_vec();
        cursor.string_bytes()?;
        let basket_version = cursor.u16()?;
        cursor.skip(4)?;
        let capacity = cursor.i32()?;
        // A negative capacity announces a byte of flags.
        if capacity < 0 {
            cursor.skip(1)?;
        }
        let entries = cursor.i32()?;
        let last = cursor.i32()?;
        let flag = cursor.u8()?;
        let bad = |what: &str, value: i64| RootError::malformed(what.to_owned(), value).at(start as u64);
        if basket_version < 2 {
            return Err(RootError::unsupported(format!("TBasket version {basket_version}")).at(start as u64));
        }
        Ok(Self {
            record_length: u64::try_from(record_length)
                .map_err(|_| bad("a basket's length", record_length.into()))?,
            object_length: usize::try_from(object_length)
                .map_err(|_| bad("an object length", object_length.into()))?,
            key_length,
            seek,
            name,
            entries: usize::try_from(entries).map_err(|_| bad("a number of entries", entries.into()))?,
            last: usize::try_from(last).map_err(|_| bad("the end of a basket's data", last.into()))?,
            flag,
        })
    }

    /// Length of the data, which ends where the entry offsets begin.
    fn border(&self) -> Result<usize> {
        self.last.checked_sub(self.key_length).ok_or_else(|| {
            RootError::malformed(
                format!("the data to end behind the {} bytes of the header", self.key_length),
                self.last,
            )
        })
    }
}

/// Reads a basket embedded in the tree's record, up to `end`.
pub(crate) fn read_embedded(cursor: &mut Cursor<'_>, end: usize) -> Result<EmbeddedBasket> {
    let header = Header::read(cursor)?;
    let border = header.border()?;
    // 80 is added where offsets are to be generated, 40 where displacements follow, 10 where data are here.
    let generated = header.flag >= 80;
    let flag = if generated { header.flag - 80 } else { header.flag };
    let mut offsets = None;
    if !generated && flag != 0 && flag % 10 != 2 {
        let count = cursor.count(4)?;
        let start = cursor.position();
        cursor.skip(count * 4)?;
        if count >= header.entries {
            offsets = Some(start..start + header.entries * 4);
        }
        if flag > 40 {
            let count = cursor.count(4)?;
            cursor.skip(count * 4)?;
        }
    }
    let mut data = cursor.position()..cursor.position();
    if flag == 1 || flag > 10 {
        cursor.skip(header.key_length)?;
        data = cursor.position()..cursor.position() + border;
        cursor.skip(border)?;
    } else if header.entries > 0 {
        return Err(RootError::malformed("an embedded basket with its data", "one without"));
    }
    cursor.finish("TBasket", end)?;
    Ok(EmbeddedBasket {
        entries: header.entries,
        key_length: header.key_length,
        data,
        offsets,
        displaced: (21..40).contains(&flag),
    })
}

/// How many bytes and nanoseconds reading has cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeMetrics {
    /// Baskets read.
    pub baskets: u64,
    /// Their bytes in the file.
    pub compressed_bytes: u64,
    /// Bytes produced from them.
    pub uncompressed_bytes: u64,
    /// Time decompressing.
    pub decompress_ns: u64,
    /// Time turning bytes into arrays.
    pub decode_ns: u64,
}

/// A decompressed basket.
#[derive(Debug, Default)]
pub(crate) struct LoadedBasket {
    scratch: Scratch,
    embedded: Option<StoredBasket>,
    key_length: usize,
    border: usize,
    entries: usize,
    offsets_at: Option<usize>,
    /// Where each entry starts, when asked for; one more than entries.
    pub(crate) starts: Vec<usize>,
}

impl LoadedBasket {
    /// The entries' bytes, one after the other.
    pub(crate) fn data(&self) -> &[u8] {
        match &self.embedded {
            Some(stored) => &stored.data,
            None => self.scratch.filled().get(..self.border).unwrap_or_default(),
        }
    }

    /// Loads an embedded basket: no copy.
    pub(crate) fn load_embedded(&mut self, stored: &StoredBasket, entries: usize) {
        self.key_length = stored.key_length;
        self.border = stored.data.len();
        self.entries = entries;
        self.offsets_at = None;
        self.embedded = Some(stored.clone());
    }

    /// Decompresses the record of a basket. Without `with_offsets` only the entries' bytes are wanted.
    pub(crate) fn load(
        &mut self,
        record: &[u8],
        expected: &ExpectedBasket<'_>,
        with_offsets: bool,
        decompressor: &mut Decompressor,
    ) -> Result<()> {
        self.embedded = None;
        let content = Content::of(record, expected)?;
        let wanted = if with_offsets { content.size } else { content.border };
        decompressor.decompress(content.payload, content.size, wanted, &mut self.scratch)?;
        self.key_length = content.key_length;
        self.border = content.border;
        self.entries = content.entries;
        self.offsets_at = (with_offsets && content.border < content.size).then_some(content.border);
        Ok(())
    }

    /// Decompresses a basket whose data are known to have `length` bytes straight into `emit`.
    pub(crate) fn stream(
        &mut self,
        record: &[u8],
        expected: &ExpectedBasket<'_>,
        length: usize,
        decompressor: &mut Decompressor,
        emit: &mut dyn FnMut(&[u8]),
    ) -> Result<()> {
        self.embedded = None;
        self.entries = 0;
        let content = Content::of(record, expected)?;
        if content.border != length {
            return Err(RootError::malformed(format!("{length} bytes of data"), content.border));
        }
        decompressor.decompress_pieces(content.payload, content.size, length, &mut self.scratch, emit)
    }

    pub(crate) fn trim(&mut self) {
        self.scratch.trim(32 << 20);
        self.embedded = None;
    }

    /// Fills `starts` from the basket's own table; false when it has none.
    pub(crate) fn read_starts(&mut self) -> Result<bool> {
        let mut starts = std::mem::take(&mut self.starts);
        starts.clear();
        let found = self.table_into(&mut starts);
        self.starts = starts;
        found
    }

    fn table_into(&self, starts: &mut Vec<usize>) -> Result<bool> {
        let mask = match &self.embedded {
            Some(stored) if stored.displaced => !DISPLACEMENT_BITS,
            _ => u32::MAX,
        };
        let table = match (&self.embedded, self.offsets_at) {
            (Some(StoredBasket { offsets: Some(offsets), .. }), _) => offsets,
            (None, Some(at)) => {
                let mut cursor = Cursor::new(self.scratch.filled());
                cursor.seek(at)?;
                let count = cursor.count(4)?;
                if count < self.entries {
                    return Err(RootError::malformed(format!("offsets of {} entries", self.entries), count));
                }
                cursor.take(self.entries * 4)?
            }
            _ => return Ok(false),
        };
        starts.reserve(self.entries + 1);
        let mut previous = 0;
        for word in table.as_chunks::<4>().0 {
            let start = (u32::from_be_bytes(*word) & mask) as usize;
            let start = start.wrapping_sub(self.key_length);
            if start < previous || start > self.border {
                return Err(RootError::malformed(
                    format!(
                        "entry offsets rising from {} to {}",
                        self.key_length,
                        self.border + self.key_length
                    ),
                    start.wrapping_add(self.key_length),
                ));
            }
            previous = start;
            starts.push(start);
        }
        if let Some(first) = starts.first()
            && *first != 0
        {
            return Err(RootError::malformed("the first entry at the start of the data", first));
        }
        starts.push(self.border);
        Ok(true)
    }
}

/// The checked header of a basket on disk, and what follows it.
struct Content<'a> {
    payload: &'a [u8],
    size: usize,
    border: usize,
    key_length: usize,
    entries: usize,
}

impl<'a> Content<'a> {
    fn of(record: &'a [u8], expected: &ExpectedBasket<'_>) -> Result<Self> {
        let header = Header::read(&mut Cursor::new(record))?;
        header.check(record, expected)?;
        let border = header.border()?;
        let size = header.object_length;
        let payload = record.get(header.key_length..).unwrap_or_default();
        if border > size {
            return Err(RootError::malformed(format!("at most {size} bytes of data"), border));
        }
        if size as u64 / MOST_EXPANSION > payload.len() as u64 {
            return Err(RootError::malformed(
                format!("a basket that fits its {} bytes", payload.len()),
                size,
            ));
        }
        Ok(Self { payload, size, border, key_length: header.key_length, entries: header.entries })
    }
}

/// What the tree says about a basket.
pub(crate) struct ExpectedBasket<'a> {
    pub(crate) seek: u64,
    pub(crate) entries: u64,
    pub(crate) branch: &'a str,
}

impl Header {
    fn check(&self, record: &[u8], expected: &ExpectedBasket<'_>) -> Result<()> {
        if self.record_length != record.len() as u64 {
            return Err(RootError::malformed(
                format!("a basket of {} bytes", record.len()),
                self.record_length,
            ));
        }
        if self.entries as u64 != expected.entries {
            return Err(RootError::malformed(
                format!("a basket of {} entries", expected.entries),
                self.entries,
            ));
        }
        if self.key_length > record.len() {
            return Err(RootError::truncated(self.key_length, record.len()));
        }
        // Either may differ in honest files (a branch renamed, a file copied record by record), but not both.
        if self.seek != expected.seek && self.name != expected.branch.as_bytes() {
            return Err(RootError::malformed(
                format!("a basket of {} at byte {}", expected.branch, expected.seek),
                format!("one of {} at byte {}", String::from_utf8_lossy(&self.name), self.seek),
            ));
        }
        Ok(())
    }
}
