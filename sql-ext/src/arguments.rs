//! The arguments of a call, as the planner sees them: types and literals, with errors that say which
//! argument is wrong and what was expected.

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::ReturnFieldArgs;
use std::sync::Arc;

use crate::axis::is_axis;
use crate::error::FunctionError;
use crate::histogram::is_histogram;

/// One argument in the reference of a function: its name and what it may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
}

impl Parameter {
    pub(crate) const fn new(name: &'static str, shape: Shape) -> Self {
        Self { name, shape }
    }
}

/// What an argument may be. NULL is accepted everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One number per event.
    Number,
    /// One whole number per event.
    Integer,
    /// A list of numbers per event.
    Numbers,
    /// A list of whole numbers per event.
    Integers,
    /// A list per event, of anything.
    List,
    /// A number or a list of numbers.
    NumberOrNumbers,
    /// A list of anything, or a counter such as `nJet`.
    ListOrCounter,
    /// A text literal.
    Text,
    /// A list of texts.
    Texts,
    /// Whether or not.
    Boolean,
    /// An axis, as `regular(…)` makes it.
    Axis,
    /// A histogram, as `hist(…)` makes it.
    Histogram,
}

impl Shape {
    fn text(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Integer => "a whole number",
            Self::Numbers => "a list of numbers",
            Self::Integers => "a list of whole numbers",
            Self::List => "a list",
            Self::NumberOrNumbers => "a number or a list of numbers",
            Self::ListOrCounter => "a list or a counter such as nJet",
            Self::Text => "a text",
            Self::Texts => "a list of texts",
            Self::Boolean => "true or false",
            Self::Axis => "an axis such as regular(100, 0, 200)",
            Self::Histogram => "a histogram",
        }
    }

    fn accepts(self, found: &DataType) -> bool {
        match self {
            Self::Number => is_number(found),
            Self::Integer => is_integer(found),
            Self::Numbers => item(found).is_some_and(is_number),
            Self::Integers => item(found).is_some_and(is_integer),
            Self::List => item(found).is_some(),
            Self::NumberOrNumbers => is_number(item(found).unwrap_or(found)),
            Self::ListOrCounter => item(found).is_some() || is_integer(found),
            Self::Text => is_text(found) || found.is_null(),
            Self::Texts => item(found).is_some_and(|item| is_text(item) || item.is_null()),
            Self::Boolean => matches!(found, DataType::Boolean | DataType::Null),
            Self::Axis => is_axis(found),
            Self::Histogram => is_histogram(found) || found.is_null(),
        }
    }
}

/// The type of a list's elements, for each of Arrow's lists; `None` for what is no list.
pub(crate) fn item(list: &DataType) -> Option<&DataType> {
    match list {
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::ListView(field)
        | DataType::LargeListView(field) => Some(field.data_type()),
        _ => None,
    }
}

pub(crate) fn is_number(found: &DataType) -> bool {
    found.is_numeric() || found.is_null()
}

pub(crate) fn is_text(found: &DataType) -> bool {
    matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

pub(crate) fn is_integer(found: &DataType) -> bool {
    found.is_integer() || found.is_null()
}

/// A type as messages name it: our own by what they mean, not by their fields.
pub(crate) fn type_name(found: &DataType) -> String {
    if is_histogram(found) {
        "a histogram".to_owned()
    } else if is_axis(found) {
        "an axis".to_owned()
    } else {
        found.to_string()
    }
}

/// Checks the arguments of a call one by one.
pub(crate) fn check(function: &'static str, parameters: &[Parameter], arguments: &[FieldRef]) -> Result<()> {
    for (position, (parameter, argument)) in parameters.iter().zip(arguments).enumerate() {
        if !parameter.shape.accepts(argument.data_type()) {
            return Err(FunctionError::ArgumentType {
                function,
                position: position + 1,
                name: parameter.name,
                expected: parameter.shape.text(),
                found: type_name(argument.data_type()),
            }
            .into());
        }
    }
    Ok(())
}

/// A call with one of the numbers of arguments between `least` and `parameters.len()`.
pub(crate) fn check_call(
    function: &'static str,
    syntax: &'static str,
    least: usize,
    parameters: &[Parameter],
    arguments: &[FieldRef],
) -> Result<()> {
    if arguments.len() < least || arguments.len() > parameters.len() {
        return Err(FunctionError::ArgumentCount { function, found: arguments.len(), syntax }.into());
    }
    check(function, parameters, arguments)
}

/// The literal at `position` (from 0), when there is one.
pub(crate) fn literal<'a>(call: &'a ReturnFieldArgs, position: usize) -> Option<&'a ScalarValue> {
    call.scalar_arguments.get(position).copied().flatten()
}

/// A whole number out of a literal or of one value of a column, whatever integer type it is stored as.
pub(crate) fn whole_number(value: &ScalarValue) -> Option<i64> {
    match value.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(number)) => number,
        _ => None,
    }
}

/// The field a function returns; SQL gives it the name.
pub(crate) fn returns(function: &str, data_type: DataType) -> FieldRef {
    Arc::new(Field::new(function, data_type, true))
}

/// A list of `item`, as every function of this crate makes them.
pub(crate) fn list_of(item: DataType) -> DataType {
    DataType::new_list(item, true)
}
