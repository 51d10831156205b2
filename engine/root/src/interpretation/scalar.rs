//! Numbers: big-endian on disk, native in the array. This is where every byte of a numeric column passes once.

use arrow::array::{ArrayRef, BooleanArray, PrimitiveArray, types as t};
use arrow::datatypes::DataType;
use std::sync::Arc;

use super::boolean;
use super::jagged::too_long;
use crate::error::{Result, RootError};

/// A number as it lies on disk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Item {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    /// `Double32_t` without a range.
    F32As64,
    /// A sign, an exponent of 8 and a mantissa of `bits` bits, in 3 bytes.
    Truncated {
        bits: u32,
        wide: bool,
    },
    /// An integer on a grid of 2^bits steps over a range, in 4 bytes.
    Ranged {
        low: f64,
        high: f64,
        bits: u32,
        wide: bool,
    },
}

impl Item {
    /// Bytes on disk.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::Truncated { .. } => 3,
            Self::I32 | Self::U32 | Self::F32 | Self::F32As64 | Self::Ranged { .. } => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// Whether a byte swap is all it takes, so that any piece of a multiple of 8 bytes is made of whole items.
    pub(crate) fn is_plain(self) -> bool {
        !matches!(self, Self::Truncated { .. })
    }

    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::I8 => DataType::Int8,
            Self::U8 => DataType::UInt8,
            Self::I16 => DataType::Int16,
            Self::U16 => DataType::UInt16,
            Self::I32 => DataType::Int32,
            Self::U32 => DataType::UInt32,
            Self::I64 => DataType::Int64,
            Self::U64 => DataType::UInt64,
            Self::F32 | Self::Truncated { wide: false, .. } | Self::Ranged { wide: false, .. } => {
                DataType::Float32
            }
            Self::F64 | Self::F32As64 | Self::Truncated { .. } | Self::Ranged { .. } => DataType::Float64,
        }
    }
}

/// Grows by whole basket slices, then becomes an array without a copy.
#[derive(Debug)]
pub(crate) enum Values {
    Bool(Vec<u8>),
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Items swapped at a time: they stay in the first-level cache until they are copied.
const BLOCK: usize = 1024;

/// Turns bytes into numbers and appends them; a form that `Arch::dispatch` compiles for the vector unit that is there at
/// run time. Extending the vector by an iterator would be a call to a loop compiled for the oldest machine.
struct Append<'a, const WIDTH: usize, T, F> {
    items: &'a [[u8; WIDTH]],
    values: &'a mut Vec<T>,
    number: F,
}

impl<const WIDTH: usize, T: Copy + Default, F: Fn([u8; WIDTH]) -> T> pulp::NullaryFnOnce
    for Append<'_, WIDTH, T, F>
{
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { items, values, number } = self;
        let mut block = [T::default(); BLOCK];
        for items in items.chunks(BLOCK) {
            for (value, item) in block.iter_mut().zip(items) {
                *value = number(*item);
            }
            values.extend_from_slice(block.get(..items.len()).unwrap_or_default());
        }
    }
}

/// Appends `bytes` with their order turned around.
macro_rules! swap {
    ($vec:expr, $type:ty, $width:literal, $bytes:expr) => {{
        let items = $bytes.as_chunks::<$width>().0;
        let number = |item| <$type>::from_be_bytes(item);
        pulp::Arch::new().dispatch(Append { items, values: $vec, number });
    }};
}

impl Values {
    /// Room for `count` items.
    pub(crate) fn with_capacity(item: Item, count: usize) -> Self {
        match item.data_type() {
            DataType::Boolean => Self::Bool(Vec::with_capacity(count)),
            DataType::Int8 => Self::I8(Vec::with_capacity(count)),
            DataType::UInt8 => Self::U8(Vec::with_capacity(count)),
            DataType::Int16 => Self::I16(Vec::with_capacity(count)),
            DataType::UInt16 => Self::U16(Vec::with_capacity(count)),
            DataType::Int32 => Self::I32(Vec::with_capacity(count)),
            DataType::UInt32 => Self::U32(Vec::with_capacity(count)),
            DataType::Int64 => Self::I64(Vec::with_capacity(count)),
            DataType::UInt64 => Self::U64(Vec::with_capacity(count)),
            DataType::Float32 => Self::F32(Vec::with_capacity(count)),
            _ => Self::F64(Vec::with_capacity(count)),
        }
    }

    /// Appends the items of `bytes`, whose length is a multiple of the item's width.
    pub(crate) fn extend(&mut self, item: Item, bytes: &[u8]) {
        match (self, item) {
            (Self::Bool(vec) | Self::U8(vec), _) => vec.extend_from_slice(bytes),
            (Self::I8(vec), _) => swap!(vec, i8, 1, bytes),
            (Self::I16(vec), _) => swap!(vec, i16, 2, bytes),
            (Self::U16(vec), _) => swap!(vec, u16, 2, bytes),
            (Self::I32(vec), _) => swap!(vec, i32, 4, bytes),
            (Self::U32(vec), _) => swap!(vec, u32, 4, bytes),
            (Self::I64(vec), _) => swap!(vec, i64, 8, bytes),
            (Self::U64(vec), _) => swap!(vec, u64, 8, bytes),
            (Self::F32(vec), Item::Truncated { bits, .. }) => {
                vec.extend(bytes.as_chunks::<3>().0.iter().map(|chunk| truncated(*chunk, bits)));
            }
            (Self::F32(vec), Item::Ranged { low, high, bits, .. }) => {
                let grid = Grid::new(low, high, bits);
                #[expect(clippy::cast_possible_truncation, reason = "Float16_t is a 32-bit float in memory")]
                vec.extend(bytes.as_chunks::<4>().0.iter().map(|chunk| grid.value(*chunk) as f32));
            }
            (Self::F32(vec), _) => swap!(vec, f32, 4, bytes),
            (Self::F64(vec), Item::Truncated { bits, .. }) => {
                vec.extend(bytes.as_chunks::<3>().0.iter().map(|chunk| f64::from(truncated(*chunk, bits))));
            }
            (Self::F64(vec), Item::Ranged { low, high, bits, .. }) => {
                let grid = Grid::new(low, high, bits);
                vec.extend(bytes.as_chunks::<4>().0.iter().map(|chunk| grid.value(*chunk)));
            }
            (Self::F64(vec), Item::F32As64) => {
                let items = bytes.as_chunks::<4>().0;
                let number = |item| f64::from(f32::from_be_bytes(item));
                pulp::Arch::new().dispatch(Append { items, values: vec, number });
            }
            (Self::F64(vec), _) => swap!(vec, f64, 8, bytes),
        }
    }

    pub(crate) fn finish(self) -> ArrayRef {
        fn array<T: t::ArrowPrimitiveType>(values: Vec<T::Native>) -> ArrayRef {
            Arc::new(PrimitiveArray::<T>::new(values.into(), None))
        }
        match self {
            Self::Bool(bytes) => Arc::new(BooleanArray::new(boolean::packed(&bytes), None)),
            Self::I8(vec) => array::<t::Int8Type>(vec),
            Self::U8(vec) => array::<t::UInt8Type>(vec),
            Self::I16(vec) => array::<t::Int16Type>(vec),
            Self::U16(vec) => array::<t::UInt16Type>(vec),
            Self::I32(vec) => array::<t::Int32Type>(vec),
            Self::U32(vec) => array::<t::UInt32Type>(vec),
            Self::I64(vec) => array::<t::Int64Type>(vec),
            Self::U64(vec) => array::<t::UInt64Type>(vec),
            Self::F32(vec) => array::<t::Float32Type>(vec),
            Self::F64(vec) => array::<t::Float64Type>(vec),
        }
    }
}

/// `TBufferFile::ReadWithNbits`: exponent in the first byte, mantissa and sign in the next two.
fn truncated([exponent, high, low]: [u8; 3], bits: u32) -> f32 {
    let mantissa = u32::from(u16::from_be_bytes([high, low]));
    let pattern = (u32::from(exponent) << 23) | ((mantissa & ((1 << (bits + 1)) - 1)) << (23 - bits));
    let value = f32::from_bits(pattern);
    if mantissa & (1 << (bits + 1)) == 0 { value } else { -value }
}

/// `TBufferFile::ReadWithFactor`.
struct Grid {
    factor: f64,
    low: f64,
}

impl Grid {
    fn new(low: f64, high: f64, bits: u32) -> Self {
        // TStreamerElement::GetRange takes 2^32 − 1 for 32 bits.
        let steps = if bits < 32 { f64::from(1_u32 << bits) } else { f64::from(u32::MAX) };
        Self { factor: steps / (high - low), low }
    }

    fn value(&self, chunk: [u8; 4]) -> f64 {
        f64::from(u32::from_be_bytes(chunk)) / self.factor + self.low
    }
}

impl Values {
    /// Counts added up, starting with 0. Refuses a negative count, and more items than an array can have.
    pub(crate) fn running_total(&self) -> Result<Vec<i32>> {
        fn total<T: Copy + TryInto<i32>>(counts: &[T]) -> Result<Vec<i32>> {
            // Checked in one pass and added up in another: each runs at the speed of its one dependency.
            // A count that does not fit becomes −1, and then the whole is refused.
            let whole = |count: &T| (*count).try_into().unwrap_or(-1);
            let (mut sum, mut signs) = (0_i64, 0_i32);
            for count in counts {
                let count = whole(count);
                sum = sum.wrapping_add(i64::from(count));
                signs |= count;
            }
            if signs < 0 {
                return Err(RootError::malformed("counts from 0 to 2^31 − 1", "one that is not"));
            }
            if i32::try_from(sum).is_err() {
                return Err(too_long());
            }
            let mut end = 0_i32;
            let mut ends = Vec::with_capacity(counts.len() + 1);
            ends.push(0);
            ends.extend(counts.iter().map(|count| {
                end = end.wrapping_add(whole(count));
                end
            }));
            Ok(ends)
        }
        match self {
            Self::Bool(counts) | Self::U8(counts) => total(counts),
            Self::I8(counts) => total(counts),
            Self::I16(counts) => total(counts),
            Self::U16(counts) => total(counts),
            Self::I32(counts) => total(counts),
            Self::U32(counts) => total(counts),
            Self::I64(counts) => total(counts),
            Self::U64(counts) => total(counts),
            Self::F32(_) | Self::F64(_) => Err(RootError::malformed("whole numbers as counts", "fractions")),
        }
    }
}
