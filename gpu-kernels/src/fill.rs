//! The fill contract: one value per axis and perhaps a weight, for every event or for every item of a list.

use crate::error::{KernelError, Result};

/// Bits in Arrow's layout: bit i is `bytes[(offset + i) / 8] >> ((offset + i) % 8) & 1`.
#[derive(Debug, Clone, Copy)]
pub struct Bitmap<'a> {
    bytes: &'a [u8],
    offset: usize,
    len: usize,
}

impl<'a> Bitmap<'a> {
    /// `len` bits of `bytes`, from bit `offset` on.
    ///
    /// # Errors
    /// Fewer bytes than that.
    pub fn new(bytes: &'a [u8], offset: usize, len: usize) -> Result<Self> {
        let end = offset.checked_add(len).filter(|end| end.div_ceil(8) <= bytes.len());
        match end {
            Some(_) => Ok(Self { bytes, offset, len }),
            None => Err(KernelError::Length {
                what: "bitmap",
                expected: offset.saturating_add(len).div_ceil(8),
                found: bytes.len(),
            }),
        }
    }

    /// Number of bits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bits are set.
    #[must_use]
    pub fn count(&self) -> usize {
        (0..self.len).step_by(64).map(|i| self.word(i).count_ones() as usize).sum()
    }

    /// Bit `i`; false beyond the end.
    #[inline]
    #[must_use]
    pub fn get(&self, i: usize) -> bool {
        let at = self.offset + i;
        i < self.len && self.bytes[at / 8] >> (at % 8) & 1 == 1
    }

    /// Up to 64 bits from `i` on, the first lowest; those beyond the end are 0.
    #[inline]
    #[must_use]
    pub fn word(&self, i: usize) -> u64 {
        if i >= self.len {
            return 0;
        }
        let at = self.offset + i;
        let (byte, shift) = (at / 8, at % 8);
        let load = |from: usize| {
            let mut eight = [0u8; 8];
            let end = self.bytes.len().min(from + 8);
            if from < end {
                eight[..end - from].copy_from_slice(&self.bytes[from..end]);
            }
            u64::from_le_bytes(eight)
        };
        let mut word = load(byte) >> shift;
        if shift > 0 {
            word |= u64::from(self.bytes.get(byte + 8).copied().unwrap_or(0)) << (64 - shift);
        }
        let left = self.len - i;
        if left < 64 { word & ((1 << left) - 1) } else { word }
    }
}

/// Values of one column, in the type they are stored in.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Values<'a> {
    /// 64-bit floats.
    F64(&'a [f64]),
    /// 32-bit floats; compared with the edges exactly, without being widened.
    F32(&'a [f32]),
    /// Signed bytes.
    I8(&'a [i8]),
    /// 16-bit integers.
    I16(&'a [i16]),
    /// 32-bit integers.
    I32(&'a [i32]),
    /// 64-bit integers; on a regular or variable axis rounded to f64 first.
    I64(&'a [i64]),
    /// Unsigned bytes.
    U8(&'a [u8]),
    /// Unsigned 16-bit integers.
    U16(&'a [u16]),
    /// Unsigned 32-bit integers.
    U32(&'a [u32]),
    /// Unsigned 64-bit integers; on a regular or variable axis rounded to f64 first.
    U64(&'a [u64]),
    /// Booleans; 0 and 1 on a numeric axis and as a weight.
    Bool(Bitmap<'a>),
    /// Numbers of labels of a category axis, as [`ana_hist::Axis::label_index`] gives them; any number from the number of
    /// labels on is "other".
    Codes(&'a [u32]),
}

impl Values<'_> {
    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F64(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::I8(v) => v.len(),
            Self::I16(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::U8(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::U32(v) | Self::Codes(v) => v.len(),
            Self::U64(v) => v.len(),
            Self::Bool(v) => v.len(),
        }
    }

    /// Whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type's name, for messages.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::F64(_) => "f64",
            Self::F32(_) => "f32",
            Self::I8(_) => "i8",
            Self::I16(_) => "i16",
            Self::I32(_) => "i32",
            Self::I64(_) => "i64",
            Self::U8(_) => "u8",
            Self::U16(_) => "u16",
            Self::U32(_) => "u32",
            Self::U64(_) => "u64",
            Self::Bool(_) => "boolean",
            Self::Codes(_) => "category",
        }
    }
}

/// What the entries of a column belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// One entry, for everything.
    Constant,
    /// One entry per event (row).
    Event,
    /// One entry per item of the lists: entry j belongs to row i where `offsets[i]` ≤ j < `offsets[i + 1]`.
    Item,
}

/// Values and their validity: an entry whose bit is 0 is NULL and fills nothing.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    /// The entries.
    pub values: Values<'a>,
    /// Which entries are not NULL; `None`: all.
    pub validity: Option<Bitmap<'a>>,
    /// What the entries belong to.
    pub level: Level,
}

impl<'a> Column<'a> {
    /// One entry per event, none NULL.
    #[must_use]
    pub fn events(values: Values<'a>) -> Self {
        Self { values, validity: None, level: Level::Event }
    }

    /// One entry per list item, none NULL.
    #[must_use]
    pub fn items(values: Values<'a>) -> Self {
        Self { values, validity: None, level: Level::Item }
    }

    /// The first entry, for every event and item.
    #[must_use]
    pub fn constant(values: Values<'a>) -> Self {
        Self { values, validity: None, level: Level::Constant }
    }

    /// The same with a validity bitmap.
    #[must_use]
    pub fn with_validity(mut self, validity: Option<Bitmap<'a>>) -> Self {
        self.validity = validity;
        self
    }
}

/// One batch to fill a histogram with. Without `offsets` there is one fill per row; with them one per list item, and
/// columns of [`Level::Event`] are repeated for the items of their row. A fill in which any value or the weight is NULL,
/// or whose row is not selected, is left out.
#[derive(Debug, Clone, Copy)]
pub struct Fill<'a> {
    /// Number of rows (events).
    pub rows: usize,
    /// `rows` + 1 offsets into the columns of items; they need not start at 0.
    pub offsets: Option<&'a [i32]>,
    /// One column per axis.
    pub columns: &'a [Column<'a>],
    /// Weights of a weighted histogram, numbers of any type, used as f64.
    pub weight: Option<Column<'a>>,
    /// One bit per row: rows that are filled (a FILTER condition, and the validity of the lists). `None`: all.
    pub selection: Option<Bitmap<'a>>,
}

impl Fill<'_> {
    /// Checks everything the slices promise, so that back ends may rely on it. Returns the range of items.
    pub(crate) fn check(&self, axes: usize) -> Result<std::ops::Range<usize>> {
        if self.columns.len() != axes {
            return Err(KernelError::Columns { columns: self.columns.len(), axes });
        }
        let most = u32::MAX as usize;
        if self.rows > most {
            return Err(KernelError::Length { what: "batch", expected: most, found: self.rows });
        }
        let items = match self.offsets {
            Some(offsets) => check_offsets(offsets, self.rows)?,
            None => 0..self.rows,
        };
        let needed = |what, level| match level {
            Level::Constant => Ok((what, 1)),
            Level::Event => Ok((what, self.rows)),
            Level::Item if self.offsets.is_some() => Ok((what, items.end)),
            Level::Item => Err(KernelError::NoOffsets),
        };
        let long_enough = |(what, expected): (&'static str, usize), found: usize| {
            if found >= expected { Ok(()) } else { Err(KernelError::Length { what, expected, found }) }
        };
        for column in self.columns.iter().chain(&self.weight) {
            long_enough(needed("column", column.level)?, column.values.len())?;
            if let Some(validity) = column.validity {
                long_enough(needed("validity", column.level)?, validity.len())?;
            }
        }
        if let Some(selection) = self.selection {
            long_enough(("selection", self.rows), selection.len())?;
        }
        Ok(items)
    }
}

pub(crate) fn check_offsets(offsets: &[i32], rows: usize) -> Result<std::ops::Range<usize>> {
    if offsets.len() != rows + 1 {
        return Err(KernelError::Length { what: "offsets", expected: rows + 1, found: offsets.len() });
    }
    let bad = offsets[0] < 0 || offsets.iter().zip(&offsets[1..]).fold(false, |bad, (a, b)| bad | (a > b));
    if bad {
        let row = offsets.windows(2).position(|w| w[0] < 0 || w[0] > w[1]).unwrap_or(0);
        return Err(KernelError::Offsets { row });
    }
    let at = |i: usize| usize::try_from(offsets[i]).unwrap_or(0);
    Ok(at(0)..at(rows))
}
