//! `argsort`: the places of a list's elements in order.

use std::cmp::Reverse;

use arrow::array::{Int64Builder, ListBuilder};
use datafusion_common::exec_err;

use super::order::{Elements, Ranked};
use crate::arguments::Shape;
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] =
    [Parameter::new("list", Shape::Numbers), Parameter::new("direction", Shape::Text)];

/// Places in order.
#[user_doc(
    doc_section(label = "Lists"),
    description = "The places of a list's elements, from 0, in ascending order of the elements, or in descending order with `'desc'`; `take` puts other lists of the collection in the same order. Equal elements keep their order. NaN is greater than every number, NULL comes last. A NULL list gives NULL. RVec's Argsort, awkward's argsort.",
    syntax_example = "argsort(list [, 'asc' | 'desc'])",
    sql_example = "```sql\nSELECT take(Jet.pt, argsort(Jet.btagDeepFlavB, 'desc')) AS pt_by_btag FROM events\n```",
    argument(name = "list", description = "A list of numbers."),
    argument(name = "direction", description = "`'asc'` (the default) or `'desc'`.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ArgSort {
    signature: Signature,
}

impl Default for ArgSort {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for ArgSort {
    scalar_function!("argsort");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call(
            "argsort",
            "argsort(list [, 'asc' | 'desc'])",
            1,
            &PARAMETERS,
            call.arg_fields,
        )?;
        if let Some(direction) = arguments::literal(&call, 1) {
            descending(direction).ok_or_else(|| FunctionError::ArgumentValue {
                function: "argsort",
                position: 2,
                name: "direction",
                expected: "'asc' or 'desc'",
                found: direction.to_string(),
            })?;
        }
        Ok(arguments::returns("argsort", arguments::list_of(DataType::Int64)))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let descending = match call.args.get(1) {
            None => false,
            Some(ColumnarValue::Scalar(direction)) => match descending(direction) {
                Some(descending) => descending,
                None => return exec_err!("argsort: the direction must be 'asc' or 'desc', got {direction}"),
            },
            Some(ColumnarValue::Array(_)) => return exec_err!("argsort: the direction must be a literal"),
        };
        let ranked = Ranked::new(&call)?;
        let mut lists = ListBuilder::new(Int64Builder::new());
        let mut scratch = Vec::new();
        for (event, elements) in ranked.events().enumerate() {
            sort(&elements, descending, &mut scratch);
            for (place, _) in &scratch {
                lists.values().append_value(*place);
            }
            elements.absent().for_each(|place| lists.values().append_value(place));
            lists.append(!ranked.is_null(event));
        }
        Ok(ColumnarValue::Array(Arc::new(lists.finish())))
    }
}

fn descending(direction: &ScalarValue) -> Option<bool> {
    let text = direction.try_as_str()??;
    match text.to_lowercase().as_str() {
        "asc" => Some(false),
        "desc" => Some(true),
        _ => None,
    }
}

/// The elements that are there, place and key, in order; equal ones in that of the list.
fn sort(elements: &Elements, descending: bool, sorted: &mut Vec<(i64, i64)>) {
    sorted.clear();
    sorted.extend(elements.present());
    if descending {
        sorted.sort_by_key(|(_, key)| Reverse(*key));
    } else {
        sorted.sort_by_key(|(_, key)| *key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f64};
    use arrow::datatypes::Int64Type;

    #[test]
    fn equal_elements_keep_their_order_in_both_directions() {
        let values = [Some(2.0), None, Some(1.0), Some(2.0), Some(f64::NAN)];
        let lists = list_f64(&[Some(&[Some(7.0)]), Some(&values), None]);
        let got = |lists: ArrayRef, direction: &str| {
            let rows = lists.len();
            invoke(&ArgSort::default(), &[lists.into(), ScalarValue::from(direction).into()], rows).unwrap()
        };
        let want = |places: [i64; 5]| {
            ListArray::from_iter_primitive::<Int64Type, _, _>([
                Some(vec![Some(0)]),
                Some(places.map(Some).to_vec()),
                None,
            ])
        };
        assert_eq!(got(lists.clone(), "asc").as_list::<i32>(), &want([2, 0, 3, 4, 1]));
        assert_eq!(got(lists.clone(), "desc").as_list::<i32>(), &want([4, 0, 3, 2, 1]));
        assert_eq!(got(lists.slice(1, 2), "desc").as_list::<i32>(), &want([4, 0, 3, 2, 1]).slice(1, 2));
    }
}
