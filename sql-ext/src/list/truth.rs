//! What `any` and `all` share: one truth value for a list of them.

use arrow::array::{BooleanArray, BooleanBuilder};
use arrow::compute::cast;
use datafusion_common::internal_err;

use crate::jagged;
use crate::prelude::*;

/// The type of `function(list)`, which takes a list of booleans.
pub(super) fn returns(function: &'static str, call: &ReturnFieldArgs) -> Result<FieldRef> {
    let [list] = call.arg_fields else {
        let syntax = if function == "any" { "any(list)" } else { "all(list)" };
        return Err(FunctionError::ArgumentCount { function, found: call.arg_fields.len(), syntax }.into());
    };
    match arguments::item(list.data_type()) {
        Some(DataType::Boolean | DataType::Null) => Ok(arguments::returns(function, DataType::Boolean)),
        _ => Err(FunctionError::ArgumentType {
            function,
            position: 1,
            name: "list",
            expected: "a list of booleans",
            found: list.data_type().to_string(),
        }
        .into()),
    }
}

/// The answer for every event; `deciding` is the value that decides.
pub(super) fn events(
    function: &'static str,
    call: &ScalarFunctionArgs,
    deciding: bool,
) -> Result<ColumnarValue> {
    let [list] = call.args.as_slice() else { return internal_err!("{function} takes one argument") };
    let list = jagged::list(&list.to_array(call.number_rows)?)?;
    let values = cast(list.values(), &DataType::Boolean)?;
    let values: &BooleanArray = values.as_boolean();
    let mut results = BooleanBuilder::with_capacity(list.len());
    for (event, places) in jagged::ranges(&list).enumerate() {
        let elements = places.map(|place| values.is_valid(place).then(|| values.value(place)));
        results.append_option(decided(elements, deciding).filter(|_| list.is_valid(event)));
    }
    Ok(ColumnarValue::Array(Arc::new(results.finish())))
}

/// `deciding` if an element is that, else NULL if one is NULL, else the other value.
pub(super) fn decided(elements: impl IntoIterator<Item = Option<bool>>, deciding: bool) -> Option<bool> {
    let mut answer = Some(!deciding);
    for element in elements {
        match element {
            Some(value) if value == deciding => return Some(deciding),
            Some(_) => {}
            None => answer = None,
        }
    }
    answer
}
