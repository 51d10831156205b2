//! `first`: the first element of a list.

use super::element;
use crate::arguments::Shape;
use crate::prelude::*;

const PARAMETERS: [Parameter; 1] = [Parameter::new("list", Shape::List)];

/// The first element.
#[user_doc(
    doc_section(label = "Lists"),
    description = "The first element of a list, in the order of the list: `list[1]`. NULL when there is none, and for a NULL list. The highest element is `leading(list)`, which sorts. awkward's firsts.",
    syntax_example = "first(list)",
    sql_example = "```sql\nSELECT first(Jet.pt), first(Jet.eta[Jet.pt > 30]) FROM events\n```",
    argument(name = "list", description = "A list of anything.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct First {
    signature: Signature,
}

impl Default for First {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for First {
    scalar_function!("first");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("first", "first(list)", 1, &PARAMETERS, call.arg_fields)?;
        Ok(element::returns("first", &call))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        element::elements(&call, |_, length| (length > 0).then_some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f32};
    use arrow::datatypes::Float32Type;

    #[test]
    fn of_whole_and_of_sliced_lists() {
        let list =
            list_f32(&[Some(&[Some(1.0), Some(2.0)]), Some(&[]), None, Some(&[None, Some(3.0), None])]);
        let found = |list: ArrayRef| -> Vec<Option<f32>> {
            let rows = list.len();
            let found = invoke(&First::default(), &[list.into()], rows).unwrap();
            found.as_primitive::<Float32Type>().iter().collect()
        };
        assert_eq!(found(list.slice(1, 3)), [None, None, None]);
        assert_eq!(found(list), [Some(1.0), None, None, None]);
    }
}
