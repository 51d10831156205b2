//! `any`: whether any element of a list of booleans is TRUE.

use super::truth;
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
        truth::returns("any", &call)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        truth::events("any", &call, true)
    }
}

/// The answer for the elements of one list.
pub fn any(elements: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    truth::decided(elements, true)
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
