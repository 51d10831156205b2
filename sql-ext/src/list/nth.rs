//! `nth`: the element of a list at a place.

use datafusion_common::internal_err;

use super::element;
use crate::arguments::Shape;
use crate::collection::integers;
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] =
    [Parameter::new("list", Shape::List), Parameter::new("place", Shape::Integer)];

/// The element at a place.
#[user_doc(
    doc_section(label = "Lists"),
    description = "The element of a list at a place, which counts from 0 as index branches, `take`, `argmin` and `argmax` do; `list[i]` counts from 1, and so does `leading(list, n)`, which sorts. NULL for a place that is negative, NULL or past the end, and for a NULL list: an index of -1 means none. RVec's subscript.",
    syntax_example = "nth(list, place)",
    sql_example = "```sql\nSELECT nth(Jet.eta, argmax(Jet.btagDeepFlavB)) AS eta, nth(Jet.pt, Muon.jetIdx[1]) AS pt FROM events\n```",
    argument(name = "list", description = "A list of anything."),
    argument(name = "place", description = "A whole number, 0 for the first element.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Nth {
    signature: Signature,
}

impl Default for Nth {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for Nth {
    scalar_function!("nth");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("nth", "nth(list, place)", 2, &PARAMETERS, call.arg_fields)?;
        Ok(element::returns("nth", &call))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [_, places] = call.args.as_slice() else { return internal_err!("nth takes two arguments") };
        let places = integers(&places.to_array(call.number_rows)?)?;
        element::elements(&call, |event, _| {
            places.is_valid(event).then(|| usize::try_from(places.value(event)).ok()).flatten()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f32};
    use arrow::array::Int16Array;
    use arrow::datatypes::Float32Type;

    #[test]
    fn places_outside_give_null() {
        let two: Option<&[Option<f32>]> = Some(&[Some(1.0), Some(2.0)]);
        let list = list_f32(&[two; 5]);
        let places: ArrayRef = Arc::new(Int16Array::from(vec![Some(0), Some(1), Some(2), Some(-1), None]));
        let got = invoke(&Nth::default(), &[list.clone().into(), places.clone().into()], 5).unwrap();
        let got: Vec<_> = got.as_primitive::<Float32Type>().iter().collect();
        assert_eq!(got, [Some(1.0), Some(2.0), None, None, None]);
        let got = invoke(&Nth::default(), &[list.slice(1, 2).into(), places.slice(1, 2).into()], 2).unwrap();
        assert_eq!(got.as_primitive::<Float32Type>().iter().collect::<Vec<_>>(), [Some(2.0), None]);
    }
}
