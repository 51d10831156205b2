//! `argsort`: the places of a list's elements in order.

use arrow::array::{Int64Builder, ListBuilder};
use datafusion_common::exec_err;

use super::order::{self, Ranked};
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
        for (event, values) in ranked.events().enumerate() {
            lists.values().append_slice(&argsort(&values, descending));
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

/// The places of `values` in order.
pub fn argsort(values: &[Option<f64>], descending: bool) -> Vec<i64> {
    let mut places: Vec<(i64, Option<f64>)> = (0..).zip(values.iter().copied()).collect();
    places.sort_by(|(_, left), (_, right)| match (left, right) {
        (Some(left), Some(right)) if descending => order::compare(*right, *left),
        (Some(left), Some(right)) => order::compare(*left, *right),
        (left, right) => left.is_none().cmp(&right.is_none()),
    });
    places.into_iter().map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_elements_keep_their_order_in_both_directions() {
        let values = [Some(2.0), None, Some(1.0), Some(2.0), Some(f64::NAN)];
        assert_eq!(argsort(&values, false), [2, 0, 3, 4, 1]);
        assert_eq!(argsort(&values, true), [4, 0, 3, 2, 1]);
    }
}
