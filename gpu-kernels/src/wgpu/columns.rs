//! Columns of several batches one behind the other, as words.

use std::ops::Range;

use super::keys::{Kind, words_of};
use crate::cpu::to_f64;
use crate::fill::{Bitmap, Level, Values};
use crate::plan::PlanValue;

#[cfg(target_endian = "big")]
compile_error!(
    "columns go to the device as they lie in memory, lower word first: build without the feature `gpu`"
);

/// Bits in words, the first lowest.
#[derive(Debug, Clone, Default)]
pub(super) struct Bits {
    pub(super) words: Vec<u32>,
    len: usize,
}

impl Bits {
    fn push(&mut self, bits: u32, number: usize) {
        let bits = if number < 32 { bits & ((1 << number) - 1) } else { bits };
        let shift = self.len % 32;
        if shift == 0 {
            self.words.push(bits);
        } else {
            if let Some(last) = self.words.last_mut() {
                *last |= bits << shift;
            }
            if shift + number > 32 {
                self.words.push(bits >> (32 - shift));
            }
        }
        self.len += number;
    }

    fn push_ones(&mut self, number: usize) {
        (0..number).step_by(32).for_each(|at| self.push(u32::MAX, (number - at).min(32)));
    }

    fn push_bitmap(&mut self, bitmap: &Bitmap<'_>, range: Range<usize>) {
        for at in range.clone().step_by(32) {
            let [lower, _] = words_of(bitmap.word(at));
            self.push(lower, (range.end - at).min(32));
        }
    }
}

/// A column of values.
#[derive(Debug, Clone)]
pub(super) struct StagedColumn {
    pub(super) kind: Kind,
    pub(super) words: Vec<u32>,
    /// Which are not NULL; `None`: all up to now.
    pub(super) valid: Option<Bits>,
    /// Where the items of each event begin, and where the last end; `None` where there is one entry per event.
    pub(super) starts: Option<Vec<u32>>,
}

impl StagedColumn {
    pub(super) fn new(kind: Kind, is_list: bool) -> Self {
        Self { kind, words: vec![], valid: None, starts: is_list.then(|| vec![0]) }
    }

    /// Number of entries.
    pub(super) fn entries(&self) -> usize {
        self.words.len() / self.kind.words()
    }

    /// Words that all of it takes.
    pub(super) fn all_words(&self) -> usize {
        let starts = self.starts.as_ref().map_or(0, Vec::len);
        self.words.len() + self.valid.as_ref().map_or(0, |bits| bits.words.len()) + starts
    }

    /// Words that appending takes at most.
    pub(super) fn words_of(&self, value: &PlanValue<'_>, rows: &Range<usize>) -> usize {
        let (entries, starts) = match (value.column.level, value.offsets) {
            (Level::Item, Some(offsets)) => {
                (index(offsets[rows.end]) - index(offsets[rows.start]), rows.len())
            }
            _ => (rows.len(), 0),
        };
        // The first NULL brings bits for all entries before it.
        let bits = if self.valid.is_some() || value.column.validity.is_some() { entries / 32 + 2 } else { 0 };
        let earlier = if self.valid.is_none() && bits > 0 { self.entries() / 32 + 1 } else { 0 };
        entries * self.kind.words() + starts + bits + earlier
    }

    /// Appends the entries of some events.
    pub(super) fn append(&mut self, value: &PlanValue<'_>, rows: Range<usize>) {
        match (value.column.level, value.offsets) {
            (Level::Item, Some(offsets)) => {
                let items = |row: usize| index(offsets[row])..index(offsets[row + 1]);
                match value.lists {
                    None => self.extend(value, items(rows.start).start..index(offsets[rows.end])),
                    // What stands behind a NULL list is no items.
                    Some(lists) => {
                        rows.clone()
                            .filter(|&row| lists.get(row))
                            .for_each(|row| self.extend(value, items(row)));
                    }
                }
                if let Some(starts) = &mut self.starts {
                    let mut end = starts.last().copied().unwrap_or(0);
                    for row in rows {
                        let seen = value.lists.is_none_or(|lists| lists.get(row));
                        end += if seen { small(items(row).len()) } else { 0 };
                        starts.push(end);
                    }
                }
            }
            (Level::Constant, _) => rows.for_each(|_| self.extend(value, 0..1)),
            _ => self.extend(value, rows),
        }
    }

    fn extend(&mut self, value: &PlanValue<'_>, range: Range<usize>) {
        let before = self.entries();
        match value.column.validity {
            None => {
                if let Some(valid) = &mut self.valid {
                    valid.push_ones(range.len());
                }
            }
            Some(validity) => {
                let valid = self.valid.get_or_insert_with(|| {
                    let mut valid = Bits::default();
                    valid.push_ones(before);
                    valid
                });
                valid.push_bitmap(&validity, range.clone());
            }
        }
        self.push_values(value.column.values, range);
    }

    fn push_values(&mut self, values: Values<'_>, range: Range<usize>) {
        let words = &mut self.words;
        let signed = |x: i32| x.cast_unsigned();
        match values {
            Values::F32(v) => words.extend_from_slice(bytemuck::cast_slice(&v[range])),
            Values::F64(v) => words.extend_from_slice(bytemuck::cast_slice(&v[range])),
            Values::I8(v) => words.extend(v[range].iter().map(|&x| signed(x.into()))),
            Values::I16(v) => words.extend(v[range].iter().map(|&x| signed(x.into()))),
            Values::I32(v) => words.extend_from_slice(bytemuck::cast_slice(&v[range])),
            Values::U8(v) => words.extend(v[range].iter().map(|&x| u32::from(x))),
            Values::U16(v) => words.extend(v[range].iter().map(|&x| u32::from(x))),
            Values::U32(v) | Values::Codes(v) => words.extend_from_slice(&v[range]),
            Values::Bool(v) => words.extend(range.map(|i| u32::from(v.get(i)))),
            Values::I64(v) if self.kind == Kind::I64 => {
                words.extend_from_slice(bytemuck::cast_slice(&v[range]))
            }
            Values::U64(v) if self.kind == Kind::U64 => {
                words.extend_from_slice(bytemuck::cast_slice(&v[range]))
            }
            Values::U64(v) if self.kind == Kind::I64 => {
                let clamped = |&x: &u64| words_of(x.min(i64::MAX.unsigned_abs()));
                words.extend(v[range].iter().flat_map(clamped));
            }
            Values::I64(_) | Values::U64(_) => {
                let mut rounded = vec![0.0f64; range.len()];
                to_f64(values, range, &mut rounded);
                words.extend_from_slice(bytemuck::cast_slice(&rounded));
            }
        }
    }
}

/// Offsets were checked not to be negative.
fn index(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or(0)
}

/// A stage has fewer words than that.
fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
