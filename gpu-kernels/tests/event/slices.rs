//! Events as columns: what the back end reads.

use ana_kernels::cpu::event::InputSlice;
use ana_kernels::ir::{ColumnType, Kernel, Source};
use ana_kernels::{Bitmap, Values};

use crate::naive::{Column, Event, V, Value};

/// The columns of some events, with garbage before, after, and where values are NULL.
pub(crate) struct Columns {
    columns: Vec<Owned>,
}

struct Owned {
    values: OwnedValues,
    valid: Option<(Vec<u8>, usize, usize)>,
    offsets: Option<Vec<i32>>,
}

enum OwnedValues {
    Bool(Vec<u8>, usize, usize),
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

fn bits(values: &[bool], shift: usize) -> (Vec<u8>, usize, usize) {
    let mut bytes = vec![0xa5; (values.len() + shift).div_ceil(8) + 1];
    for (at, value) in values.iter().enumerate() {
        let at = at + shift;
        bytes[at / 8] = bytes[at / 8] & !(1 << (at % 8)) | u8::from(*value) << (at % 8);
    }
    (bytes, shift, values.len())
}

impl Columns {
    /// `shift`: how many foreign entries lie before the first one of each list column.
    pub(crate) fn new(kernel: &Kernel, events: &[Event], shift: usize) -> Self {
        let column = |(number, (_, input)): (usize, (usize, &ana_kernels::ir::Input))| {
            let mut flat: Vec<Value> = Vec::new();
            let mut offsets = None;
            match input.source {
                Source::Scalar => flat.extend(events.iter().map(|event| match &event[number] {
                    Column::Scalar(value) => *value,
                    Column::List(_) => panic!("not a scalar"),
                })),
                _ => {
                    let shift = shift * (number % 3);
                    flat.resize(shift, None);
                    let mut ends = vec![shift as i32];
                    for event in events {
                        match &event[number] {
                            Column::List(list) => flat.extend(list),
                            Column::Scalar(_) => panic!("not a list"),
                        }
                        ends.push(flat.len() as i32);
                    }
                    offsets = Some(ends);
                }
            }
            let start = offsets.as_ref().map_or(0, |offsets| offsets[0] as usize);
            let nulls = flat[start..].iter().any(Option::is_none);
            let valid: Vec<bool> = flat.iter().map(Option::is_some).collect();
            Owned { values: values(input.ty, &flat), valid: nulls.then(|| bits(&valid, 3)), offsets }
        };
        Self { columns: kernel.columns().enumerate().map(column).collect() }
    }

    pub(crate) fn slices(&self) -> Vec<InputSlice<'_>> {
        self.columns.iter().map(Owned::slice).collect()
    }
}

impl Owned {
    fn slice(&self) -> InputSlice<'_> {
        let values = match &self.values {
            OwnedValues::Bool(bytes, offset, len) => Values::Bool(Bitmap::new(bytes, *offset, *len).unwrap()),
            OwnedValues::I8(v) => Values::I8(v),
            OwnedValues::I16(v) => Values::I16(v),
            OwnedValues::I32(v) => Values::I32(v),
            OwnedValues::I64(v) => Values::I64(v),
            OwnedValues::U8(v) => Values::U8(v),
            OwnedValues::U16(v) => Values::U16(v),
            OwnedValues::U32(v) => Values::U32(v),
            OwnedValues::U64(v) => Values::U64(v),
            OwnedValues::F32(v) => Values::F32(v),
            OwnedValues::F64(v) => Values::F64(v),
        };
        let validity =
            self.valid.as_ref().map(|(bytes, offset, len)| Bitmap::new(bytes, *offset, *len).unwrap());
        InputSlice { values, validity, offsets: self.offsets.as_deref() }
    }
}

fn values(ty: ColumnType, flat: &[Value]) -> OwnedValues {
    macro_rules! column {
        ($variant:ident, $from:ident, $type:ty, $garbage:expr) => {
            OwnedValues::$variant(
                flat.iter()
                    .map(|value| match value {
                        Some(V::$from(value)) => *value as $type,
                        None => $garbage,
                        other => panic!("{other:?} in a column of {ty:?}"),
                    })
                    .collect(),
            )
        };
    }
    match ty {
        ColumnType::Bool => {
            let values: Vec<bool> = flat.iter().map(|value| !matches!(value, Some(V::Bool(false)))).collect();
            let (bytes, offset, len) = bits(&values, 5);
            OwnedValues::Bool(bytes, offset, len)
        }
        ColumnType::I8 => column!(I8, I32, i8, 77),
        ColumnType::I16 => column!(I16, I32, i16, 777),
        ColumnType::I32 => column!(I32, I32, i32, 7777),
        ColumnType::I64 => column!(I64, I64, i64, i64::MAX),
        ColumnType::U8 => column!(U8, U32, u8, 77),
        ColumnType::U16 => column!(U16, U32, u16, 777),
        ColumnType::U32 => column!(U32, U32, u32, 7777),
        ColumnType::U64 => column!(U64, U64, u64, u64::MAX),
        ColumnType::F32 => column!(F32, F32, f32, f32::NAN),
        ColumnType::F64 => column!(F64, F64, f64, f64::NAN),
    }
}
