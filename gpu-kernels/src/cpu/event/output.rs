//! Results of a run.

use crate::ir::Type;

use super::error::EventError;
use super::plan::Column;

/// Values of one type.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum OutputValues {
    Bool(Vec<bool>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl OutputValues {
    /// No values of a type.
    #[must_use]
    pub fn new(ty: Type) -> Self {
        match ty {
            Type::Bool => Self::Bool(Vec::new()),
            Type::I32 => Self::I32(Vec::new()),
            Type::I64 => Self::I64(Vec::new()),
            Type::U32 => Self::U32(Vec::new()),
            Type::U64 => Self::U64(Vec::new()),
            Type::F32 => Self::F32(Vec::new()),
            Type::F64 => Self::F64(Vec::new()),
        }
    }

    /// How many values.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Bool(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::U32(v) => v.len(),
            Self::U64(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One output: a value per row, or a list per row.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The values; where they are NULL, zero or false. NaNs are all the same one.
    pub values: OutputValues,
    /// Which are not NULL; `None`: all.
    pub validity: Option<Vec<bool>>,
    /// For lists: rows + 1 offsets, from 0.
    pub offsets: Option<Vec<i32>>,
}

/// Values of one class, of every lane or of lists of every lane.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Lanes {
    Float(Vec<f64>),
    Int(Vec<i64>),
    Mask(Vec<u8>),
}

/// One output of a query over a set of lanes.
#[derive(Debug, Clone)]
pub(super) struct LaneColumn {
    pub(super) values: Lanes,
    pub(super) valid: Option<Vec<u8>>,
}

/// All outputs of a query over a set of lanes.
#[derive(Debug, Clone, Default)]
pub(super) struct Results {
    pub(super) columns: Vec<LaneColumn>,
    /// For lists, lanes + 1 offsets.
    pub(super) offsets: Vec<usize>,
}

impl Output {
    pub(super) fn new(column: Column, list: bool) -> Self {
        let validity = column.nullable.then(Vec::new);
        Self { values: OutputValues::new(column.ty), validity, offsets: list.then(|| vec![0]) }
    }

    /// Adds the rows of one chunk.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the values fit their own type"
    )]
    pub(super) fn append(&mut self, column: &LaneColumn, offsets: &[usize]) -> Result<(), EventError> {
        if let Some(ends) = &mut self.offsets {
            let base = self.values.len();
            for end in offsets.get(1..).unwrap_or_default() {
                ends.push(i32::try_from(base + end).map_err(|_| EventError::TooLong)?);
            }
        }
        let valid = column.valid.as_deref();
        match (&mut self.values, &column.values) {
            (OutputValues::Bool(to), Lanes::Mask(from)) => extend(to, from, valid, |bit, ok| bit & ok != 0),
            (OutputValues::I32(to), Lanes::Int(from)) => extend(to, from, valid, |x, ok| kept(x, ok) as i32),
            (OutputValues::I64(to), Lanes::Int(from)) => extend(to, from, valid, kept),
            (OutputValues::U32(to), Lanes::Int(from)) => extend(to, from, valid, |x, ok| kept(x, ok) as u32),
            (OutputValues::U64(to), Lanes::Int(from)) => {
                extend(to, from, valid, |x, ok| kept(x, ok).cast_unsigned());
            }
            (OutputValues::F32(to), Lanes::Float(from)) => {
                extend(to, from, valid, |x, ok| {
                    let x = kept_float(x, ok);
                    if x.is_nan() { f32::NAN } else { x as f32 }
                });
            }
            (OutputValues::F64(to), Lanes::Float(from)) => {
                extend(to, from, valid, |x, ok| {
                    let x = kept_float(x, ok);
                    if x.is_nan() { f64::NAN } else { x }
                });
            }
            _ => {}
        }
        if let Some(validity) = &mut self.validity {
            match valid {
                Some(valid) => validity.extend(valid.iter().map(|bit| *bit != 0)),
                None => validity.resize(self.values.len(), true),
            }
        }
        Ok(())
    }
}

/// Appends values; `convert` also gets 0 where they are NULL, else 1.
#[inline(always)]
fn extend<T: Copy, U>(to: &mut Vec<U>, from: &[T], valid: Option<&[u8]>, convert: impl Fn(T, u8) -> U) {
    match valid {
        Some(valid) => to.extend(from.iter().zip(valid).map(|(value, valid)| convert(*value, *valid))),
        None => to.extend(from.iter().map(|value| convert(*value, 1))),
    }
}

/// Zero where it is NULL, without a branch, which would often be predicted wrong.
#[inline(always)]
fn kept(value: i64, valid: u8) -> i64 {
    value & i64::from(valid).wrapping_neg()
}

#[inline(always)]
fn kept_float(value: f64, valid: u8) -> f64 {
    f64::from_bits(value.to_bits() & u64::from(valid).wrapping_neg())
}
