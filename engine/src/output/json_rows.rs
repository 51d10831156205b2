//! Rows as JSON: an array of objects, one row per line.
//!
//! JSON has no NaN and no infinity; they are the texts `"NaN"`, `"Infinity"` and `"-Infinity"`, which `float()` and
//! `Number()` read. 64-bit integers are written in full. Dates, times and decimals are texts.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::array_value_to_string;

use super::Result;

/// One row as an object.
///
/// # Errors
/// When a value cannot be shown.
pub fn row(batch: &RecordBatch, row: usize, out: &mut String) -> Result<()> {
    out.push('{');
    for (i, (field, array)) in batch.schema_ref().fields().iter().zip(batch.columns()).enumerate() {
        if i > 0 {
            out.push(',');
        }
        text(field.name(), out);
        out.push(':');
        value(array.as_ref(), row, out)?;
    }
    out.push('}');
    Ok(())
}

/// One value.
///
/// # Errors
/// When it cannot be shown.
pub fn value(array: &dyn Array, row: usize, out: &mut String) -> Result<()> {
    use std::fmt::Write as _;
    macro_rules! integer {
        ($kind:ty) => {{
            let _infallible = write!(out, "{}", array.as_primitive::<$kind>().value(row));
        }};
    }
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Null => out.push_str("null"),
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        DataType::Int8 => integer!(Int8Type),
        DataType::Int16 => integer!(Int16Type),
        DataType::Int32 => integer!(Int32Type),
        DataType::Int64 => integer!(Int64Type),
        DataType::UInt8 => integer!(UInt8Type),
        DataType::UInt16 => integer!(UInt16Type),
        DataType::UInt32 => integer!(UInt32Type),
        DataType::UInt64 => integer!(UInt64Type),
        DataType::Float16 => float(f64::from(array.as_primitive::<Float16Type>().value(row)), out),
        // Through its own digits: 0.1f32 is 0.1, not 0.10000000149011612.
        DataType::Float32 => float32(array.as_primitive::<Float32Type>().value(row), out),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row), out),
        DataType::Utf8 => text(array.as_string::<i32>().value(row), out),
        DataType::LargeUtf8 => text(array.as_string::<i64>().value(row), out),
        DataType::Utf8View => text(array.as_string_view().value(row), out),
        DataType::List(_) => list(&array.as_list::<i32>().value(row), out)?,
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row), out)?,
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(row), out)?,
        DataType::Struct(fields) => {
            out.push('{');
            for (i, (field, column)) in fields.iter().zip(array.as_struct().columns()).enumerate() {
                if i > 0 {
                    out.push(',');
                }
                text(field.name(), out);
                out.push(':');
                value(column.as_ref(), row, out)?;
            }
            out.push('}');
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let key = dictionary.normalized_keys().get(row).copied().unwrap_or_default();
            value(dictionary.values().as_ref(), key, out)?;
        }
        _ => text(&array_value_to_string(array, row)?, out),
    }
    Ok(())
}

fn list(items: &ArrayRef, out: &mut String) -> Result<()> {
    out.push('[');
    for i in 0..items.len() {
        if i > 0 {
            out.push(',');
        }
        value(items.as_ref(), i, out)?;
    }
    out.push(']');
    Ok(())
}

fn float(value: f64, out: &mut String) {
    match serde_json::Number::from_f64(value) {
        Some(number) => out.push_str(&number.to_string()),
        None => special(value, out),
    }
}

fn float32(value: f32, out: &mut String) {
    if value.is_finite() {
        // `Display` of f32 never uses an exponent: a subnormal would be 45 zeros long.
        let digits = if value != 0.0 && !(1e-5..1e16).contains(&value.abs()) {
            format!("{value:e}")
        } else {
            format!("{value:?}")
        };
        out.push_str(&digits);
    } else {
        special(f64::from(value), out);
    }
}

fn special(value: f64, out: &mut String) {
    out.push_str(if value.is_nan() {
        "\"NaN\""
    } else if value > 0.0 {
        "\"Infinity\""
    } else {
        "\"-Infinity\""
    });
}

/// A JSON string.
fn text(value: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(value).to_string());
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        DictionaryArray, Float32Array, Float64Array, Int64Array, ListArray, StringArray, StructArray,
    };
    use arrow::datatypes::Int32Type;

    use super::*;

    fn one(array: impl Array + 'static, index: usize) -> String {
        let mut out = String::new();
        value(&array, index, &mut out).unwrap();
        out
    }

    #[test]
    fn numbers_read_back_exactly() {
        for x in [0.1f32, f32::MIN_POSITIVE, 1e-45, f32::MAX, -0.0, 16_777_216.0, 123.456] {
            let digits = one(Float32Array::from(vec![x]), 0);
            assert_eq!(digits.parse::<f32>().unwrap().to_bits(), x.to_bits(), "{digits}");
            assert!(serde_json::from_str::<f64>(&digits).is_ok(), "{digits}");
        }
        for x in [0.1f64, 5e-324, f64::MAX, 1e22, 9_007_199_254_740_993.0] {
            let digits = one(Float64Array::from(vec![x]), 0);
            assert_eq!(digits.parse::<f64>().unwrap().to_bits(), x.to_bits(), "{digits}");
        }
        assert_eq!(one(Int64Array::from(vec![i64::MIN]), 0), "-9223372036854775808");
        assert_eq!(one(Float64Array::from(vec![f64::NEG_INFINITY]), 0), "\"-Infinity\"");
        assert_eq!(one(Float32Array::from(vec![f32::NAN]), 0), "\"NaN\"");
    }

    #[test]
    fn nested_values() {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![None, Some(vec![Some(1), None])]);
        assert_eq!(one(lists.clone(), 0), "null");
        assert_eq!(one(lists, 1), "[1,null]");
        let names: DictionaryArray<Int32Type> = vec!["a\"b", "c"].into_iter().collect();
        assert_eq!(one(names, 0), "\"a\\\"b\"");
        let pair =
            StructArray::try_from(vec![("k", Arc::new(StringArray::from(vec!["x\n"])) as ArrayRef)]).unwrap();
        assert_eq!(one(pair, 0), "{\"k\":\"x\\n\"}");
    }
}
