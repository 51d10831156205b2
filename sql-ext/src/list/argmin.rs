//! `argmin`: where the smallest element of a list is.

use std::cmp::Ordering;

use arrow::array::Int64Array;

use super::order::{self, Ranked};
use crate::arguments::Shape;
use crate::prelude::*;

const PARAMETERS: [Parameter; 1] = [Parameter::new("list", Shape::Numbers)];

/// Place of the smallest element.
#[user_doc(
    doc_section(label = "Lists"),
    description = "The place of the smallest element of a list, from 0, as `take` and index branches count; `list[argmin(list) + 1]` is the element. The first of equals. NaN is greater than every number, NULL elements are passed over. NULL when there is none. RVec's ArgMin, awkward's argmin.",
    syntax_example = "argmin(list)",
    sql_example = "```sql\nSELECT Jet.eta[argmin(Jet.pt) + 1] AS eta FROM events\n```",
    argument(name = "list", description = "A list of numbers.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ArgMin {
    signature: Signature,
}

impl Default for ArgMin {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for ArgMin {
    scalar_function!("argmin");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("argmin", "argmin(list)", 1, &PARAMETERS, call.arg_fields)?;
        Ok(arguments::returns("argmin", DataType::Int64))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let places: Int64Array = Ranked::new(&call)?.events().map(|event| argmin(&event)).collect();
        Ok(ColumnarValue::Array(Arc::new(places)))
    }
}

/// The place of the smallest of the values that are there.
pub fn argmin(values: &[Option<f64>]) -> Option<i64> {
    order::first_by(values, Ordering::is_lt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::empty(&[], None)]
    #[case::first_of_equals(&[Some(2.0), Some(1.0), Some(2.0), Some(1.0)], Some(1))]
    #[case::null(&[None, Some(1.0)], Some(1))]
    #[case::nan_is_greatest(&[Some(f64::NAN), Some(1.0)], Some(1))]
    #[case::only_null(&[None], None)]
    fn known_places(#[case] values: &[Option<f64>], #[case] want: Option<i64>) {
        assert_eq!(argmin(values), want);
    }
}
