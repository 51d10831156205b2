//! `all`: whether every element of a list of booleans is TRUE.

use super::truth;
use crate::prelude::*;

/// Whether every element is TRUE.
#[user_doc(
    doc_section(label = "Lists"),
    description = "Whether every element of a list of booleans is TRUE, with SQL's three values: FALSE decides, else NULL if an element is NULL; TRUE for an empty list, NULL for a NULL list. RVec's All, awkward's all.",
    syntax_example = "all(list)",
    sql_example = "```sql\nSELECT count(*) FROM events WHERE all(Jet.pt > 40)\n```",
    argument(name = "list", description = "A list of booleans.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct All {
    signature: Signature,
    aliases: Vec<String>,
}

impl Default for All {
    fn default() -> Self {
        // The bare word is reserved in some places of SQL.
        Self { signature: unchecked(), aliases: spellings(&["list_all"]) }
    }
}

impl ScalarUDFImpl for All {
    scalar_function!("all", spellings = aliases);

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        truth::returns("all", &call)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        truth::events("all", &call, false)
    }
}

/// The answer for the elements of one list.
pub fn all(elements: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    truth::decided(elements, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::empty(&[], Some(true))]
    #[case::decided(&[None, Some(false)], Some(false))]
    #[case::undecided(&[None, Some(true)], None)]
    #[case::other(&[Some(true)], Some(true))]
    fn three_values(#[case] elements: &[Option<bool>], #[case] want: Option<bool>) {
        assert_eq!(all(elements.iter().copied()), want);
    }
}
