//! Calls a function as the engine does, for the tests in the function files.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, ListArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl};

/// An argument of a test call: a column or a literal.
pub(crate) struct Given(ColumnarValue);

impl From<ArrayRef> for Given {
    fn from(array: ArrayRef) -> Self {
        Self(ColumnarValue::Array(array))
    }
}

impl From<ScalarValue> for Given {
    fn from(value: ScalarValue) -> Self {
        Self(ColumnarValue::Scalar(value))
    }
}

/// Plans the call on the types of `given`, then runs it on one batch.
pub(crate) fn invoke(function: &dyn ScalarUDFImpl, given: &[Given], rows: usize) -> Result<ArrayRef> {
    let fields = fields(given.iter().map(|given| given.0.data_type()));
    let literals = given
        .iter()
        .map(|given| if let ColumnarValue::Scalar(value) = &given.0 { Some(value) } else { None })
        .collect::<Vec<_>>();
    let return_field = function
        .return_field_from_args(ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &literals })?;
    let result = function.invoke_with_args(ScalarFunctionArgs {
        args: given.iter().map(|given| given.0.clone()).collect(),
        arg_fields: fields,
        number_rows: rows,
        return_field: Arc::clone(&return_field),
        config_options: Arc::new(ConfigOptions::default()),
    })?;
    let array = result.into_array(rows)?;
    assert_eq!(array.data_type(), return_field.data_type(), "the planned type is the type that comes");
    assert_eq!(array.len(), rows);
    Ok(array)
}

/// Plans a call without literals.
pub(crate) fn plan(function: &dyn ScalarUDFImpl, types: &[DataType]) -> Result<DataType> {
    let fields = fields(types.iter().cloned());
    let literals = vec![None; types.len()];
    let field = function
        .return_field_from_args(ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &literals })?;
    Ok(field.data_type().clone())
}

fn fields(types: impl Iterator<Item = DataType>) -> Vec<FieldRef> {
    types.map(|data_type| Arc::new(Field::new("argument", data_type, true)) as FieldRef).collect()
}

type Rows<'a, T> = &'a [Option<&'a [Option<T>]>];

pub(crate) fn list_f32(rows: Rows<f32>) -> ArrayRef {
    Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(
        rows.iter().map(|row| row.map(<[_]>::to_vec)),
    ))
}

pub(crate) fn list_f64(rows: Rows<f64>) -> ArrayRef {
    Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(
        rows.iter().map(|row| row.map(<[_]>::to_vec)),
    ))
}

pub(crate) fn bools(rows: &[Option<bool>]) -> ArrayRef {
    Arc::new(BooleanArray::from(rows.to_vec()))
}

/// One list of texts.
pub(crate) fn list_text(texts: &[&str]) -> ArrayRef {
    let mut list = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
    list.append_value(texts.iter().map(Some));
    Arc::new(list.finish())
}
