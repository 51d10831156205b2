//! `fill_none`: a number in the place of NULL.

use arrow::array::{BooleanArray, LargeListArray, Scalar};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{cast, is_not_null, prep_null_mask_filter};
use datafusion_common::internal_err;

use crate::arguments::type_name;
use crate::prelude::*;

const SYNTAX: &str = "fill_none(x, value)";

/// A number in the place of NULL.
#[user_doc(
    doc_section(label = "Lists"),
    description = "x with a number in the place of NULL, also inside of lists; a NULL list stays NULL. The type stays what it is where no value can be NULL or the number fits it. Else whole numbers become 64 bits wide, or floats if the number is not whole; unsigned 64 bits never change, and a NULL among them is an error then. NULL conditions become false, whatever the number. Elements of lists whose type does not hold the number, texts and structs stay as they are. awkward's fill_none.",
    syntax_example = "fill_none(x, value)",
    sql_example = "```sql\nSELECT event, fill_none(first(Jet.pt), -999.0) AS leading FROM events\n```",
    argument(name = "x", description = "Anything."),
    argument(name = "value", description = "A number, the same for all events.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct FillNone {
    signature: Signature,
}

impl Default for FillNone {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for FillNone {
    scalar_function!("fill_none");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        let [field, _] = call.arg_fields else {
            let found = call.arg_fields.len();
            return Err(FunctionError::ArgumentCount { function: "fill_none", found, syntax: SYNTAX }.into());
        };
        let literal = call.scalar_arguments.get(1).copied().flatten();
        let value = number(literal)?;
        let data_type = field.data_type();
        let filled = match data_type {
            _ if !field.is_nullable() || fits(data_type, value) => data_type.clone(),
            DataType::UInt64 => DataType::UInt64,
            whole if whole.is_integer() && value.fract() == 0.0 => DataType::Int64,
            whole if whole.is_integer() => DataType::Float64,
            other => other.clone(),
        };
        Ok(Arc::new(Field::new("fill_none", filled, field.is_nullable())))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [given, value] = call.args.as_slice() else {
            return internal_err!("fill_none takes two arguments");
        };
        let value = match value {
            ColumnarValue::Scalar(value) => number(Some(value))?,
            ColumnarValue::Array(_) => number(None)?,
        };
        let array = given.to_array(call.number_rows)?;
        let to = call.return_field.data_type();
        let array = if array.data_type() == to { array } else { cast(&array, to)? };
        if *to == DataType::UInt64 && array.null_count() > 0 && !fits(to, value) {
            let reason = format!(
                "a value of type UInt64 is NULL, and {value} is no such number; fill with one that is"
            );
            return Err(FunctionError::Call { function: "fill_none", reason }.into());
        }
        Ok(ColumnarValue::Array(filled(array, value)?))
    }
}

fn number(value: Option<&ScalarValue>) -> Result<f64> {
    let number = value.and_then(|value| match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(number)) => number,
        _ => None,
    });
    let found =
        || value.map_or_else(|| "values that differ".to_owned(), |value| type_name(&value.data_type()));
    let wrong = || FunctionError::ArgumentType {
        function: "fill_none",
        position: 2,
        name: "value",
        expected: "a number, the same for all events",
        found: found(),
    };
    Ok(number.ok_or_else(wrong)?)
}

/// Whether a type holds the number.
fn fits(data_type: &DataType, value: f64) -> bool {
    let within = |lowest: f64, beyond: f64| value.fract() == 0.0 && lowest <= value && value < beyond;
    match data_type {
        DataType::Float32 | DataType::Float64 | DataType::Boolean => true,
        DataType::Int8 => within(-128.0, 128.0),
        DataType::Int16 => within(-32_768.0, 32_768.0),
        DataType::Int32 => within(-2_147_483_648.0, 2_147_483_648.0),
        DataType::Int64 => within(-9_007_199_254_740_992.0, 9_007_199_254_740_993.0),
        DataType::UInt8 => within(0.0, 256.0),
        DataType::UInt16 => within(0.0, 65_536.0),
        DataType::UInt32 => within(0.0, 4_294_967_296.0),
        DataType::UInt64 => within(0.0, 9_007_199_254_740_993.0),
        _ => false,
    }
}

/// The array with the number for NULL, where its type holds it.
fn filled(array: ArrayRef, value: f64) -> Result<ArrayRef> {
    if let Some(list) = array.as_list_opt::<i32>() {
        let (field, offsets, values, nulls) = list.clone().into_parts();
        return Ok(Arc::new(ListArray::try_new(field, offsets, filled(values, value)?, nulls)?));
    }
    if let Some(list) = array.as_list_opt::<i64>() {
        let (field, offsets, values, nulls) = list.clone().into_parts();
        return Ok(Arc::new(LargeListArray::try_new(field, offsets, filled(values, value)?, nulls)?));
    }
    if array.null_count() == 0 || !fits(array.data_type(), value) {
        return Ok(array);
    }
    if let Some(conditions) = array.as_boolean_opt() {
        // A condition that is NULL does not hold.
        return Ok(Arc::new(BooleanArray::new(prep_null_mask_filter(conditions).values().clone(), None)));
    }
    let number = ScalarValue::Float64(Some(value)).cast_to(array.data_type())?.to_array()?;
    Ok(zip(&is_not_null(&array)?, &array, &Scalar::new(number))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{bools, invoke, list_f32};
    use arrow::array::{Float32Array, Int16Array, Int64Array, StringArray, UInt8Array, UInt64Array};

    fn fill(x: ArrayRef, value: f64) -> Result<ArrayRef> {
        let rows = x.len();
        invoke(&FillNone::default(), &[x.into(), ScalarValue::Float64(Some(value)).into()], rows)
    }

    #[test]
    fn numbers_keep_their_type_where_it_holds_the_value() {
        let floats: ArrayRef = Arc::new(Float32Array::from(vec![Some(1.5), None]));
        assert_eq!(
            &fill(floats, -999.0).unwrap(),
            &(Arc::new(Float32Array::from(vec![1.5, -999.0])) as ArrayRef)
        );
        let small: ArrayRef = Arc::new(Int16Array::from(vec![Some(3), None]));
        assert_eq!(
            &fill(small.clone(), -999.0).unwrap(),
            &(Arc::new(Int16Array::from(vec![3, -999])) as ArrayRef)
        );
        let half = Float64Array::from(vec![3.0, -0.5]);
        assert_eq!(&fill(small, -0.5).unwrap(), &(Arc::new(half) as ArrayRef));
        let unsigned: ArrayRef = Arc::new(UInt8Array::from(vec![Some(7), None]));
        assert_eq!(
            &fill(unsigned, -999.0).unwrap(),
            &(Arc::new(Int64Array::from(vec![7, -999])) as ArrayRef)
        );
    }

    #[test]
    fn event_numbers_never_change() {
        let events: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 1]));
        assert_eq!(&fill(events.clone(), -999.0).unwrap(), &events);
        let lost: ArrayRef = Arc::new(UInt64Array::from(vec![Some(1), None]));
        assert!(fill(lost.clone(), -999.0).unwrap_err().to_string().contains("UInt64 is NULL"));
        assert_eq!(&fill(lost, 0.0).unwrap(), &(Arc::new(UInt64Array::from(vec![1, 0])) as ArrayRef));
    }

    #[test]
    fn what_cannot_be_null_keeps_its_type() {
        let field: FieldRef = Arc::new(Field::new("nJet", DataType::UInt32, false));
        let value = ScalarValue::Float64(Some(-999.0));
        let literal: FieldRef = Arc::new(Field::new("value", DataType::Float64, false));
        let args = ReturnFieldArgs { arg_fields: &[field, literal], scalar_arguments: &[None, Some(&value)] };
        let planned = FillNone::default().return_field_from_args(args).unwrap();
        assert_eq!((planned.data_type(), planned.is_nullable()), (&DataType::UInt32, false));
    }

    #[test]
    fn conditions_lists_and_texts() {
        let flags = fill(bools(&[Some(true), None, Some(false)]), -999.0).unwrap();
        assert_eq!(&flags, &bools(&[Some(true), Some(false), Some(false)]));
        let lists = fill(list_f32(&[Some(&[Some(1.0), None]), None, Some(&[])]), -999.0).unwrap();
        assert_eq!(&lists, &list_f32(&[Some(&[Some(1.0), Some(-999.0)]), None, Some(&[])]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
        assert_eq!(&fill(texts.clone(), -999.0).unwrap(), &texts);
    }

    #[test]
    fn the_value_is_one_number() {
        let x: ArrayRef = Arc::new(Float32Array::from(vec![1.0]));
        let error = invoke(&FillNone::default(), &[x.clone().into(), x.into()], 1).unwrap_err();
        assert!(error.to_string().contains("argument 2 (value) must be a number"), "{error}");
    }
}
