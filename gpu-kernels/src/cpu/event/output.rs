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
        let before = self.values.len();
        match (&mut self.values, &column.values) {
            (OutputValues::Bool(to), Lanes::Mask(from)) => to.extend(from.iter().map(|bit| *bit != 0)),
            (OutputValues::I32(to), Lanes::Int(from)) => to.extend(from.iter().map(|value| *value as i32)),
            (OutputValues::I64(to), Lanes::Int(from)) => to.extend_from_slice(from),
            (OutputValues::U32(to), Lanes::Int(from)) => to.extend(from.iter().map(|value| *value as u32)),
            (OutputValues::U64(to), Lanes::Int(from)) => {
                to.extend(from.iter().map(|value| value.cast_unsigned()))
            }
            (OutputValues::F32(to), Lanes::Float(from)) => {
                to.extend(from.iter().map(|value| if value.is_nan() { f32::NAN } else { *value as f32 }));
            }
            (OutputValues::F64(to), Lanes::Float(from)) => {
                to.extend(from.iter().map(|value| if value.is_nan() { f64::NAN } else { *value }));
            }
            _ => {}
        }
        let added = self.values.len() - before;
        if let Some(validity) = &mut self.validity {
            match &column.valid {
                Some(valid) => {
                    validity.extend(valid.iter().map(|bit| *bit != 0));
                    self.values.clear_nulls(validity, before);
                }
                None => validity.resize(before + added, true),
            }
        }
        Ok(())
    }
}

impl OutputValues {
    /// Sets what is NULL from `first` on to zero.
    fn clear_nulls(&mut self, validity: &[bool], first: usize) {
        fn clear<T: Copy + Default>(values: &mut [T], validity: &[bool], first: usize) {
            for (value, valid) in values.iter_mut().zip(validity).skip(first) {
                *value = if *valid { *value } else { T::default() };
            }
        }
        match self {
            Self::Bool(v) => clear(v, validity, first),
            Self::I32(v) => clear(v, validity, first),
            Self::I64(v) => clear(v, validity, first),
            Self::U32(v) => clear(v, validity, first),
            Self::U64(v) => clear(v, validity, first),
            Self::F32(v) => clear(v, validity, first),
            Self::F64(v) => clear(v, validity, first),
        }
    }
}
