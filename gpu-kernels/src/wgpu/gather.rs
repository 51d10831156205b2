//! Formulas on the CPU, for some events of a stage: those that the device could not decide about, or all.

use super::columns::StagedColumn;
use super::formula::leaders;
use super::stage::Stage;
use crate::cpu::event::{InputSlice, Scratch};
use crate::error::Result;
use crate::fill::{Bitmap, Values};
use crate::formula::{Formula, Made, fault};
use crate::ir::{ColumnType, Source};

/// A column of some events, in the type that the kernel reads.
struct Gathered {
    values: Typed,
    valid: Option<Vec<u8>>,
    offsets: Option<Vec<i32>>,
}

enum Typed {
    Bool(Vec<u8>, usize),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Typed {
    #[allow(clippy::cast_possible_truncation, reason = "integers were widened when they were staged")]
    fn new(ty: ColumnType, column: &StagedColumn, entries: &[usize]) -> Self {
        let word = |&entry: &usize| column.words[entry];
        let signed = |entry: &usize| word(entry).cast_signed();
        let wide = |&entry: &usize| {
            u64::from(column.words[2 * entry + 1]) << 32 | u64::from(column.words[2 * entry])
        };
        match ty {
            ColumnType::Bool => Self::Bool(bits(entries, |&entry| column.words[entry] != 0), entries.len()),
            ColumnType::I8 => Self::I8(entries.iter().map(|entry| signed(entry) as i8).collect()),
            ColumnType::I16 => Self::I16(entries.iter().map(|entry| signed(entry) as i16).collect()),
            ColumnType::I32 => Self::I32(entries.iter().map(signed).collect()),
            ColumnType::I64 => Self::I64(entries.iter().map(|entry| wide(entry).cast_signed()).collect()),
            ColumnType::U8 => Self::U8(entries.iter().map(|entry| word(entry) as u8).collect()),
            ColumnType::U16 => Self::U16(entries.iter().map(|entry| word(entry) as u16).collect()),
            ColumnType::U32 => Self::U32(entries.iter().map(word).collect()),
            ColumnType::U64 => Self::U64(entries.iter().map(wide).collect()),
            ColumnType::F32 => Self::F32(entries.iter().map(|entry| f32::from_bits(word(entry))).collect()),
            ColumnType::F64 => Self::F64(entries.iter().map(|entry| f64::from_bits(wide(entry))).collect()),
        }
    }

    fn lend(&self) -> Result<Values<'_>> {
        Ok(match self {
            Self::Bool(bytes, n) => Values::Bool(Bitmap::new(bytes, 0, *n)?),
            Self::I8(v) => Values::I8(v),
            Self::I16(v) => Values::I16(v),
            Self::I32(v) => Values::I32(v),
            Self::I64(v) => Values::I64(v),
            Self::U8(v) => Values::U8(v),
            Self::U16(v) => Values::U16(v),
            Self::U32(v) => Values::U32(v),
            Self::U64(v) => Values::U64(v),
            Self::F32(v) => Values::F32(v),
            Self::F64(v) => Values::F64(v),
        })
    }
}

fn bits(entries: &[usize], is: impl Fn(&usize) -> bool) -> Vec<u8> {
    let mut bytes = vec![0; entries.len().div_ceil(8)];
    entries.iter().enumerate().for_each(|(at, entry)| bytes[at / 8] |= u8::from(is(entry)) << (at % 8));
    bytes
}

impl Gathered {
    fn new(ty: ColumnType, column: &StagedColumn, starts: Option<&[u32]>, events: &[u32]) -> Self {
        let mut entries = vec![];
        let mut offsets = starts.map(|_| vec![0]);
        for &event in events {
            let event = event as usize;
            match starts {
                Some(starts) => entries.extend(starts[event] as usize..starts[event + 1] as usize),
                None => entries.push(event),
            }
            if let Some(offsets) = &mut offsets {
                offsets.push(i32::try_from(entries.len()).unwrap_or(i32::MAX));
            }
        }
        let valid = column.valid.as_ref();
        Self {
            values: Typed::new(ty, column, &entries),
            valid: valid.map(|valid| bits(&entries, |&at| valid.words[at / 32] >> (at % 32) & 1 == 1)),
            offsets,
        }
    }

    fn slice(&self) -> Result<InputSlice<'_>> {
        let values = self.values.lend()?;
        let valid = self.valid.as_ref().map(|bytes| Bitmap::new(bytes, 0, values.len())).transpose()?;
        let slice = match &self.offsets {
            Some(offsets) => InputSlice::list(values, offsets),
            None => InputSlice::scalar(values),
        };
        Ok(slice.with_validity(valid))
    }
}

/// The outputs of a formula for events of a stage.
///
/// # Errors
/// What the kernel gives.
pub(super) fn outputs(
    formula: &Formula,
    columns: &[usize],
    stage: &Stage,
    events: &[u32],
) -> Result<Vec<Made>> {
    let kernel = formula.kernel.kernel();
    let leaders = leaders(kernel);
    let gathered: Vec<Gathered> = kernel
        .columns()
        .zip(columns)
        .map(|((_, input), &column)| {
            let leader = match input.source {
                Source::List(collection) => leaders[collection].map(|leader| columns[leader]),
                _ => None,
            };
            let starts = leader.and_then(|leader| stage.columns[leader].starts.as_deref());
            Gathered::new(input.ty, &stage.columns[column], starts, events)
        })
        .collect();
    let slices = gathered.iter().map(Gathered::slice).collect::<Result<Vec<_>>>()?;
    let outputs = formula.kernel.run(events.len(), &slices, &mut Scratch::default()).map_err(fault)?;
    Ok(outputs.into_iter().map(Made::new).collect())
}
