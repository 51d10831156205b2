//! Generated batches.

use super::random::Random;
use crate::error::Result;
use crate::fill::{Bitmap, Column, Level, Values};
use crate::plan::{BinPlan, PlanBatch, PlanValue};

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueType {
    F64,
    F32,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
    Codes,
}

impl ValueType {
    pub(super) fn any(r: &mut Random) -> Self {
        use ValueType::{Bool, Codes, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
        *r.pick(&[F64, F64, F32, F32, F32, I8, I16, I32, I32, I64, U8, U16, U32, U64, Bool, Codes])
    }
}

/// What a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Constant,
    Event,
    /// Items of a collection.
    Item(usize),
}

/// Collections of a batch.
const COLLECTIONS: usize = 2;

impl Shape {
    pub(super) fn any(r: &mut Random) -> Self {
        match r.below(10) {
            0 => Self::Constant,
            1..5 => Self::Event,
            _ => Self::Item(r.below(COLLECTIONS)),
        }
    }

    pub(super) fn collection(self) -> Option<usize> {
        if let Self::Item(collection) = self { Some(collection) } else { None }
    }
}

/// Values of each type.
#[derive(Debug, Clone)]
enum Owned {
    F64(Vec<f64>),
    F32(Vec<f32>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    Bool(Vec<u8>, usize),
    Codes(Vec<u32>),
}

impl Owned {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturating casts make test values"
    )]
    fn new(of: ValueType, values: &[f64], r: &mut Random) -> Self {
        let v = values.iter().copied();
        match of {
            ValueType::F64 => Self::F64(values.to_vec()),
            ValueType::F32 => Self::F32(v.map(|x| x as f32).collect()),
            ValueType::I8 => Self::I8(v.map(|x| x as i8).collect()),
            ValueType::I16 => Self::I16(v.map(|x| x as i16).collect()),
            ValueType::I32 => Self::I32(v.map(|x| x as i32).collect()),
            ValueType::I64 => Self::I64(v.map(|x| x as i64).collect()),
            ValueType::U8 => Self::U8(v.map(|x| x as u8).collect()),
            ValueType::U16 => Self::U16(v.map(|x| x as u16).collect()),
            ValueType::U32 => Self::U32(v.map(|x| x as u32).collect()),
            ValueType::U64 => Self::U64(v.map(|x| x as u64).collect()),
            ValueType::Bool => Self::Bool(bits(values.len(), 2, r), values.len()),
            ValueType::Codes => Self::Codes(v.map(|x| x.abs() as u32 % 9).collect()),
        }
    }

    fn lend(&self) -> Result<Values<'_>> {
        Ok(match self {
            Self::F64(v) => Values::F64(v),
            Self::F32(v) => Values::F32(v),
            Self::I8(v) => Values::I8(v),
            Self::I16(v) => Values::I16(v),
            Self::I32(v) => Values::I32(v),
            Self::I64(v) => Values::I64(v),
            Self::U8(v) => Values::U8(v),
            Self::U16(v) => Values::U16(v),
            Self::U32(v) => Values::U32(v),
            Self::U64(v) => Values::U64(v),
            Self::Bool(v, n) => Values::Bool(Bitmap::new(v, 3, *n)?),
            Self::Codes(v) => Values::Codes(v),
        })
    }
}

/// Bits of which one in `zeros` is 0, for bitmaps that begin at bit 3.
fn bits(n: usize, zeros: usize, r: &mut Random) -> Vec<u8> {
    let mut bytes = vec![0u8; (n + 3).div_ceil(8)];
    for i in 3..n + 3 {
        bytes[i / 8] |= u8::from(!r.one_in(zeros)) << (i % 8);
    }
    bytes
}

/// Values with NULLs.
#[derive(Debug, Clone)]
struct OwnedColumn {
    values: Owned,
    valid: Option<Vec<u8>>,
    shape: Shape,
    lists: Option<Vec<u8>>,
}

/// A batch with all that is lent to a filler.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    rows: usize,
    pub(super) groups: usize,
    of_row: Option<Vec<usize>>,
    offsets: Vec<Vec<i32>>,
    values: Vec<OwnedColumn>,
    masks: Vec<Vec<u8>>,
    weights: Vec<OwnedColumn>,
    active: Vec<bool>,
}

impl Batch {
    #[allow(clippy::too_many_arguments, reason = "all that the plan says of a batch")]
    pub(super) fn new(
        rows: usize,
        values: &[(ValueType, Shape)],
        bins: &[BinPlan],
        masks: usize,
        weights: usize,
        fills: usize,
        (grouped, has_nulls, odd): (bool, bool, f64),
        r: &mut Random,
    ) -> Self {
        let offsets: Vec<Vec<i32>> = (0..COLLECTIONS).map(|_| offsets(rows, r)).collect();
        let values = values
            .iter()
            .enumerate()
            .map(|(number, &(of, shape))| {
                let n = match shape {
                    Shape::Constant => 1,
                    Shape::Event => rows,
                    Shape::Item(of) => offsets[of].last().and_then(|&n| usize::try_from(n).ok()).unwrap_or(0),
                };
                let on_axis = |bin: &&BinPlan| bin.value == number && bin.axis.is_numeric();
                let edges = bins.iter().find(on_axis).map_or(vec![], |bin| bin.axis.edges());
                let numbers: Vec<f64> = (0..n).map(|_| r.value(&edges)).collect();
                OwnedColumn {
                    values: Owned::new(of, &numbers, r),
                    valid: r.one_in(3).then(|| bits(n, 5, r)),
                    lists: (shape.collection().is_some() && r.one_in(3)).then(|| bits(rows, 6, r)),
                    shape,
                }
            })
            .collect();
        let weights = (0..weights)
            .map(|_| {
                let shape = if r.one_in(8) { Shape::Constant } else { Shape::Event };
                let n = if shape == Shape::Constant { 1 } else { rows };
                let numbers: Vec<f64> = (0..n).map(|_| r.weight(odd)).collect();
                let of = *r.pick(&[
                    ValueType::F64,
                    ValueType::F64,
                    ValueType::F32,
                    ValueType::I32,
                    ValueType::Bool,
                ]);
                let valid = (has_nulls && r.one_in(4)).then(|| bits(n, 40, r));
                OwnedColumn { values: Owned::new(of, &numbers, r), valid, shape, lists: None }
            })
            .collect();
        let groups = if grouped { 1 + r.below(4) } else { 1 };
        Self {
            rows,
            groups,
            of_row: grouped.then(|| (0..rows).map(|_| r.below(groups)).collect()),
            offsets,
            values,
            masks: (0..masks).map(|_| bits(rows, *r.pick(&[1, 2, 4, 50]), r)).collect(),
            weights,
            active: (0..fills).map(|_| !r.one_in(12)).collect(),
        }
    }

    /// Calls `with` with the batch as fillers take it.
    pub(super) fn lend<R>(&self, with: impl FnOnce(&PlanBatch<'_>) -> Result<R>) -> Result<R> {
        let values = self.values.iter().map(|column| self.value(column)).collect::<Result<Vec<_>>>()?;
        let weights = self.weights.iter().map(OwnedColumn::lend).collect::<Result<Vec<_>>>()?;
        let masks = self.masks.iter().map(|bytes| Bitmap::new(bytes, 3, self.rows));
        with(&PlanBatch {
            rows: self.rows,
            groups: self.of_row.as_deref(),
            group_count: self.groups,
            values: &values,
            masks: &masks.collect::<Result<Vec<_>>>()?,
            weights: &weights,
            active: &self.active,
            inputs: &[],
        })
    }

    fn value<'a>(&'a self, column: &'a OwnedColumn) -> Result<PlanValue<'a>> {
        let lists = column.lists.as_ref().map(|bytes| Bitmap::new(bytes, 3, self.rows)).transpose()?;
        let offsets = column.shape.collection().map(|collection| &self.offsets[collection][..]);
        Ok(PlanValue { column: column.lend()?, offsets, lists })
    }
}

impl OwnedColumn {
    fn lend(&self) -> Result<Column<'_>> {
        let values = self.values.lend()?;
        let level = match self.shape {
            Shape::Constant => Level::Constant,
            Shape::Event => Level::Event,
            Shape::Item(_) => Level::Item,
        };
        let validity = self.valid.as_ref().map(|bytes| Bitmap::new(bytes, 3, values.len())).transpose()?;
        Ok(Column { values, validity, level })
    }
}

/// Lists of a few items, that begin anywhere.
fn offsets(rows: usize, r: &mut Random) -> Vec<i32> {
    let mut offsets = vec![i32::try_from(r.below(5)).unwrap_or(0)];
    for _ in 0..rows {
        let items = if r.one_in(500) { r.below(300) } else { r.below(5) };
        let last = offsets.last().copied().unwrap_or(0);
        offsets.push(last + i32::try_from(items).unwrap_or(0));
    }
    offsets
}
