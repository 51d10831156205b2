//! Columns as the caller hands them over, and as the programs read them.

use std::borrow::Cow;

use crate::fill::{Bitmap, Values};
use crate::ir::{ColumnType, Input, Kernel, Source};

use super::error::EventError;

/// A column of one run.
#[derive(Debug, Clone, Copy)]
pub struct InputSlice<'a> {
    /// One value per row, or the elements of the lists.
    pub values: Values<'a>,
    /// Which values are not NULL; `None`: all. For a list, of its elements.
    pub validity: Option<Bitmap<'a>>,
    /// For a list: `rows` + 1 offsets into `values`; they need not start at 0. A list that is NULL counts as empty
    /// and must be so.
    pub offsets: Option<&'a [i32]>,
}

impl<'a> InputSlice<'a> {
    /// One value per row, none NULL.
    #[must_use]
    pub fn scalar(values: Values<'a>) -> Self {
        Self { values, validity: None, offsets: None }
    }

    /// One list per row, no element NULL.
    #[must_use]
    pub fn list(values: Values<'a>, offsets: &'a [i32]) -> Self {
        Self { values, validity: None, offsets: Some(offsets) }
    }

    /// The same with a validity bitmap.
    #[must_use]
    pub fn with_validity(mut self, validity: Option<Bitmap<'a>>) -> Self {
        self.validity = validity;
        self
    }
}

/// Masks: bits of the caller, or bytes of our own.
#[derive(Debug, Clone)]
pub(super) enum Bits<'a> {
    Borrowed { bits: Bitmap<'a>, offset: usize },
    Owned(Vec<u8>),
}

impl Bits<'_> {
    #[inline]
    pub(super) fn get(&self, at: usize) -> u8 {
        match self {
            Self::Borrowed { bits, offset } => u8::from(bits.get(offset + at)),
            Self::Owned(bytes) => bytes.get(at).copied().unwrap_or(0),
        }
    }
}

/// Values of a column within one chunk.
#[derive(Debug, Clone)]
pub(super) enum Data<'a> {
    F64(Cow<'a, [f64]>),
    F32(&'a [f32]),
    I8(&'a [i8]),
    I16(&'a [i16]),
    I32(&'a [i32]),
    I64(Cow<'a, [i64]>),
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    U64(&'a [u64]),
    Bool(Bits<'a>),
    /// A derived field that is not derived yet.
    Absent,
}

/// A column within one chunk of rows.
#[derive(Debug, Clone)]
pub(super) struct ChunkColumn<'a> {
    pub(super) data: Data<'a>,
    pub(super) valid: Option<Bits<'a>>,
}

impl<'a> ChunkColumn<'a> {
    pub(super) const ABSENT: Self = Self { data: Data::Absent, valid: None };

    /// Entries `from..to` of a checked slice.
    pub(super) fn new(slice: &InputSlice<'a>, from: usize, to: usize) -> Self {
        let data = match slice.values {
            Values::F64(v) => Data::F64(Cow::Borrowed(part(v, from, to))),
            Values::F32(v) => Data::F32(part(v, from, to)),
            Values::I8(v) => Data::I8(part(v, from, to)),
            Values::I16(v) => Data::I16(part(v, from, to)),
            Values::I32(v) => Data::I32(part(v, from, to)),
            Values::I64(v) => Data::I64(Cow::Borrowed(part(v, from, to))),
            Values::U8(v) => Data::U8(part(v, from, to)),
            Values::U16(v) => Data::U16(part(v, from, to)),
            Values::U32(v) | Values::Codes(v) => Data::U32(part(v, from, to)),
            Values::U64(v) => Data::U64(part(v, from, to)),
            Values::Bool(bits) => Data::Bool(Bits::Borrowed { bits, offset: from }),
        };
        Self { data, valid: slice.validity.map(|bits| Bits::Borrowed { bits, offset: from }) }
    }
}

fn part<T>(values: &[T], from: usize, to: usize) -> &[T] {
    values.get(from..to).unwrap_or_default()
}

/// Checks everything the slices promise, so that the programs may rely on it.
pub(super) fn check(kernel: &Kernel, rows: usize, slices: &[InputSlice<'_>]) -> Result<(), EventError> {
    let expected = kernel.columns().count();
    if slices.len() != expected {
        return Err(EventError::Inputs { expected, found: slices.len() });
    }
    // The first list of every collection, to which the others are held.
    let mut firsts: Vec<Option<(&Input, &[i32])>> = vec![None; kernel.collections.len()];
    for ((_, input), slice) in kernel.columns().zip(slices) {
        let name = || input.name.clone();
        if !fits(input.ty, slice.values) {
            let found = slice.values.type_name();
            return Err(EventError::ValueType { input: name(), expected: input.ty, found });
        }
        let needed = match input.source {
            Source::List(collection) => {
                let offsets = slice.offsets.unwrap_or_default();
                check_offsets(offsets, rows).map_err(|row| EventError::Offsets { input: name(), row })?;
                match firsts[collection] {
                    None => firsts[collection] = Some((input, offsets)),
                    Some((first, known)) => same_lengths(known, offsets, rows).map_err(|row| {
                        EventError::Lengths { row, first: first.name.clone(), second: name() }
                    })?,
                }
                offsets.get(rows).map_or(0, |end| end.unsigned_abs() as usize)
            }
            _ => rows,
        };
        let found = slice.values.len().min(slice.validity.map_or(usize::MAX, |bits| bits.len()));
        if found < needed {
            return Err(EventError::Length { input: name(), expected: needed, found });
        }
    }
    Ok(())
}

fn fits(ty: ColumnType, values: Values<'_>) -> bool {
    matches!(
        (ty, values),
        (ColumnType::Bool, Values::Bool(_))
            | (ColumnType::I8, Values::I8(_))
            | (ColumnType::I16, Values::I16(_))
            | (ColumnType::I32, Values::I32(_))
            | (ColumnType::I64, Values::I64(_))
            | (ColumnType::U8, Values::U8(_))
            | (ColumnType::U16, Values::U16(_))
            | (ColumnType::U32, Values::U32(_) | Values::Codes(_))
            | (ColumnType::U64, Values::U64(_))
            | (ColumnType::F32, Values::F32(_))
            | (ColumnType::F64, Values::F64(_))
    )
}

/// The first row where the offsets decrease, are negative or end.
fn check_offsets(offsets: &[i32], rows: usize) -> Result<(), usize> {
    let Some(used) = offsets.get(..=rows) else { return Err(offsets.len()) };
    if used[0] < 0 {
        return Err(0);
    }
    // Without early exit, so that it vectorises.
    if used.iter().zip(&used[1..]).fold(true, |fine, (start, end)| fine & (start <= end)) {
        return Ok(());
    }
    Err(used.iter().zip(&used[1..]).position(|(start, end)| start > end).unwrap_or(0))
}

fn same_lengths(first: &[i32], second: &[i32], rows: usize) -> Result<(), usize> {
    if std::ptr::eq(first, second) {
        return Ok(());
    }
    let shift = second[0] - first[0];
    let pairs = || first.iter().zip(second).take(rows + 1);
    if pairs().fold(true, |same, (first, second)| same & (second.wrapping_sub(*first) == shift)) {
        return Ok(());
    }
    Err(pairs().position(|(first, second)| second - first != shift).map_or(0, |row| row.saturating_sub(1)))
}
