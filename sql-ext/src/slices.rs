//! Arrow arrays as the slices that kernels and fills take; nothing is copied.

use ana_kernels::{Bitmap, KernelError, Values};
use arrow::array::{Array, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};

/// Runs `$call` with the Arrow type of a number type as its parameter; `$else` for other types.
macro_rules! for_number {
    ($data_type:expr, $call:ident($($argument:expr),*), $else:expr) => {
        match $data_type {
            arrow::datatypes::DataType::Float32 => $call::<arrow::datatypes::Float32Type>($($argument),*),
            arrow::datatypes::DataType::Float64 => $call::<arrow::datatypes::Float64Type>($($argument),*),
            arrow::datatypes::DataType::Int8 => $call::<arrow::datatypes::Int8Type>($($argument),*),
            arrow::datatypes::DataType::Int16 => $call::<arrow::datatypes::Int16Type>($($argument),*),
            arrow::datatypes::DataType::Int32 => $call::<arrow::datatypes::Int32Type>($($argument),*),
            arrow::datatypes::DataType::Int64 => $call::<arrow::datatypes::Int64Type>($($argument),*),
            arrow::datatypes::DataType::UInt8 => $call::<arrow::datatypes::UInt8Type>($($argument),*),
            arrow::datatypes::DataType::UInt16 => $call::<arrow::datatypes::UInt16Type>($($argument),*),
            arrow::datatypes::DataType::UInt32 => $call::<arrow::datatypes::UInt32Type>($($argument),*),
            arrow::datatypes::DataType::UInt64 => $call::<arrow::datatypes::UInt64Type>($($argument),*),
            _ => $else,
        }
    };
}
pub(crate) use for_number;

/// Bits as they lie.
pub(crate) fn bitmap(bits: &BooleanBuffer) -> Result<Bitmap<'_>, KernelError> {
    Bitmap::new(bits.values(), bits.offset(), bits.len())
}

/// The values in the type they are stored in; `None` for what is neither number nor boolean.
pub(crate) fn values(array: &dyn Array) -> Result<Option<Values<'_>>, KernelError> {
    Ok(Some(match array.data_type() {
        DataType::Boolean => Values::Bool(bitmap(array.as_boolean().values())?),
        DataType::Float64 => Values::F64(array.as_primitive::<Float64Type>().values()),
        DataType::Float32 => Values::F32(array.as_primitive::<Float32Type>().values()),
        DataType::Int8 => Values::I8(array.as_primitive::<Int8Type>().values()),
        DataType::Int16 => Values::I16(array.as_primitive::<Int16Type>().values()),
        DataType::Int32 => Values::I32(array.as_primitive::<Int32Type>().values()),
        DataType::Int64 => Values::I64(array.as_primitive::<Int64Type>().values()),
        DataType::UInt8 => Values::U8(array.as_primitive::<UInt8Type>().values()),
        DataType::UInt16 => Values::U16(array.as_primitive::<UInt16Type>().values()),
        DataType::UInt32 => Values::U32(array.as_primitive::<UInt32Type>().values()),
        DataType::UInt64 => Values::U64(array.as_primitive::<UInt64Type>().values()),
        _ => return Ok(None),
    }))
}
