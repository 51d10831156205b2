//! `any`: whether any element of a list of booleans is TRUE.

use arrow::array::{BooleanArray, BooleanBuilder};
use arrow::compute::cast;

use crate::jagged;
use crate::prelude::*;

/// Whether any element is TRUE.
#[user_doc(
    doc_section(label = "Lists"),
    description = "Whether any element of a list of booleans is TRUE, with SQL's three values: TRUE decides, else NULL if an element is NULL; FALSE for an empty list, NULL for a NULL list. RVec's Any, awkward's any.",
    syntax_example = "any(list)",
    sql_example = "```sql\nSELECT count(*) FROM events WHERE any(Jet.pt > 40)\n```",
    argument(name = "list", description = "A list of booleans.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Any {
    signature: Signature,
    aliases: Vec<String>,
}

impl Default for Any {
    fn default() -> Self {
        // The bare word is reserved in some places of SQL.
        Self { signature: unchecked(), aliases: spellings(&["list_any"]) }
    }
}

impl ScalarUDFImpl for Any {
    scalar_function!("any", spellings = aliases);

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        let [list] = call.arg_fields else {
            return Err(FunctionError::ArgumentCount {
                function: "any",
                found: call.arg_fields.len(),
                syntax: "any(list)",
            }
            .into());
        };
        match arguments::item(list.data_type()) {
            Some(DataType::Boolean | DataType::Null) => Ok(arguments::returns("any", DataType::Boolean)),
            _ => Err(FunctionError::ArgumentType {
                function: "any",
                position: 1,
                name: "list",
                expected: "a list of booleans",
                found: list.data_type().to_string(),
            }
            .into()),
        }
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [list] = call.args.as_slice() else {
            return datafusion_common::internal_err!("any takes one argument");
        };
        let list = jagged::list(&list.to_array(call.number_rows)?)?;
        let values = cast(list.values(), &DataType::Boolean)?;
        let values: &BooleanArray = values.as_boolean();
        let mut results = BooleanBuilder::with_capacity(list.len());
        for (event, places) in jagged::ranges(&list).enumerate() {
            let answer = any(places.map(|place| values.is_valid(place).then(|| values.value(place))));
            results.append_option(answer.filter(|_| list.is_valid(event)));
        }
        Ok(ColumnarValue::Array(Arc::new(results.finish())))
    }
}

/// The answer for the elements of one list.
pub fn any(elements: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut answer = Some(false);
    for element in elements {
        match element {
            Some(true) => return Some(true),
            None => answer = None,
            Some(_) => {}
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::empty(&[], Some(false))]
    #[case::decided(&[None, Some(true)], Some(true))]
    #[case::undecided(&[None, Some(false)], None)]
    #[case::other(&[Some(false)], Some(false))]
    fn three_values(#[case] elements: &[Option<bool>], #[case] want: Option<bool>) {
        assert_eq!(any(elements.iter().copied()), want);
    }
}
