//! What the axis constructors share: they take constants only, and complain when planned.

use ana_hist::{Axis, HistError};

use super::value::{axis_data_type, axis_scalar};
use crate::prelude::*;

/// Checks a call of an axis constructor; where all arguments are literals, makes the axis to see that it can be.
pub(super) fn plan(
    function: &'static str,
    syntax: &'static str,
    least: usize,
    parameters: &[Parameter],
    call: &ReturnFieldArgs,
    make: impl Fn(&[ScalarValue]) -> Result<Axis>,
) -> Result<FieldRef> {
    arguments::check_call(function, syntax, least, parameters, call.arg_fields)?;
    let literals: Option<Vec<ScalarValue>> =
        (0..call.arg_fields.len()).map(|position| arguments::literal(call, position).cloned()).collect();
    if let Some(literals) = literals {
        make(&literals)?;
    }
    Ok(arguments::returns(function, axis_data_type()))
}

/// Makes the axis, a constant itself.
pub(super) fn invoke(
    function: &'static str,
    parameters: &[Parameter],
    call: &ScalarFunctionArgs,
    make: impl Fn(&[ScalarValue]) -> Result<Axis>,
) -> Result<ColumnarValue> {
    let constants = call
        .args
        .iter()
        .enumerate()
        .map(|(position, argument)| match argument {
            ColumnarValue::Scalar(value) => Ok(value.clone()),
            // An expression of constants that nobody has folded.
            ColumnarValue::Array(array) if array.len() == 1 => ScalarValue::try_from_array(array, 0),
            ColumnarValue::Array(_) => {
                Err(wrong(function, parameters, position, "a constant", "a column").into())
            }
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(ColumnarValue::Scalar(axis_scalar(make(&constants)?)?))
}

pub(super) fn wrong(
    function: &'static str,
    parameters: &[Parameter],
    position: usize,
    expected: &'static str,
    found: impl ToString,
) -> FunctionError {
    let name = parameters[position].name;
    FunctionError::ArgumentValue {
        function,
        position: position + 1,
        name,
        expected,
        found: found.to_string(),
    }
}

/// A number among the constants.
pub(super) fn number(
    function: &'static str,
    parameters: &[Parameter],
    constants: &[ScalarValue],
    position: usize,
) -> Result<f64> {
    match constants[position].cast_to(&DataType::Float64)? {
        ScalarValue::Float64(Some(number)) => Ok(number),
        _ => Err(wrong(function, parameters, position, "a number", "NULL").into()),
    }
}

/// A whole number among the constants.
pub(super) fn whole(
    function: &'static str,
    parameters: &[Parameter],
    constants: &[ScalarValue],
    position: usize,
) -> Result<i64> {
    let value = &constants[position];
    arguments::whole_number(value)
        .ok_or_else(|| wrong(function, parameters, position, "a whole number", value).into())
}

pub(super) fn checked(function: &'static str, axis: Result<Axis, HistError>) -> Result<Axis> {
    axis.map_err(|source| FunctionError::Axis { function, source }.into())
}

/// Calls an axis constructor with constants, all checks of planning included.
pub(crate) fn invoke_constant(
    function: &datafusion_expr::ScalarUDF,
    constants: Vec<ScalarValue>,
) -> Result<ScalarValue> {
    let arg_fields: Vec<FieldRef> = constants
        .iter()
        .map(|value| Arc::new(Field::new("constant", value.data_type(), true)) as FieldRef)
        .collect();
    let literals: Vec<Option<&ScalarValue>> = constants.iter().map(Some).collect();
    let plan = ReturnFieldArgs { arg_fields: &arg_fields, scalar_arguments: &literals };
    let return_field = function.return_field_from_args(plan)?;
    let call = ScalarFunctionArgs {
        args: constants.iter().cloned().map(ColumnarValue::Scalar).collect(),
        arg_fields,
        number_rows: 1,
        return_field,
        config_options: Arc::default(),
    };
    match function.invoke_with_args(call)? {
        ColumnarValue::Scalar(value) => Ok(value),
        ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0),
    }
}
