//! `argmin`: where the smallest element of a list is.

use arrow::array::Int64Array;

use super::order::Ranked;
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
        let places: Int64Array = Ranked::new(&call)?.events().map(|event| argmin(event.present())).collect();
        Ok(ColumnarValue::Array(Arc::new(places)))
    }
}

/// The place of the first of the smallest keys, out of (place, key).
pub fn argmin<K: Ord>(elements: impl IntoIterator<Item = (i64, K)>) -> Option<i64> {
    let best = elements.into_iter().reduce(|best, next| if next.1 < best.1 { next } else { best });
    best.map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f64};
    use arrow::datatypes::Int64Type;
    use rstest::rstest;

    #[rstest]
    #[case::empty(&[], None)]
    #[case::first_of_equals(&[Some(2.0), Some(1.0), Some(2.0), Some(1.0)], Some(1))]
    #[case::null(&[None, Some(1.0)], Some(1))]
    #[case::nan_is_greatest(&[Some(f64::NAN), Some(1.0)], Some(1))]
    #[case::only_null(&[None], None)]
    fn known_places(#[case] values: &[Option<f64>], #[case] want: Option<i64>) {
        let lists = list_f64(&[None, Some(values), Some(&[])]);
        let got = |lists: ArrayRef| {
            let rows = lists.len();
            invoke(&ArgMin::default(), &[lists.into()], rows).unwrap()
        };
        let (all, sliced) = (got(lists.clone()), got(lists.slice(1, 1)));
        assert_eq!(all.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [None, want, None]);
        assert_eq!(sliced.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [want]);
    }
}
