//! `leading`: the n-th highest element of a list, by itself or by another list.

use std::cmp::Ordering;

use arrow::array::UInt32Array;
use arrow::compute::take;
use datafusion_common::{exec_datafusion_err, exec_err};

use super::counting::integers;
use crate::arguments::Shape::{Integer, List, Numbers};
use crate::jagged::{Jagged, list, start};
use crate::prelude::*;

const SYNTAX: &str = "leading(list[, by][, n])";

/// The n-th highest element.
#[user_doc(
    doc_section(label = "Collections"),
    description = "The n-th highest element of a list, the first when n is not given; with by, the element whose place in by is the n-th highest. Of equal ones the lowest index comes first; NaN and NULL come after all numbers. NULL where the event has fewer than n elements. The type is that of the elements.",
    syntax_example = "leading(list[, by][, n])",
    sql_example = "```sql\nSELECT leading(Jet_pt), leading(Jet_pt, 2), leading(Jet_eta, Jet_pt, 1) FROM events\n```",
    argument(name = "list", description = "The list to take from: numbers, or anything when by is given."),
    argument(name = "by", description = "List of numbers of the same length, which decides the order."),
    argument(name = "n", description = "1 for the highest, 2 for the next.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Leading {
    signature: Signature,
}

impl Default for Leading {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

/// The forms of the call, told apart by the type of the second argument.
fn parameters(given: &[FieldRef]) -> &'static [Parameter] {
    const BY_ITSELF: [Parameter; 2] = [Parameter::new("list", Numbers), Parameter::new("n", Integer)];
    const BY_ANOTHER: [Parameter; 3] =
        [Parameter::new("list", List), Parameter::new("by", Numbers), Parameter::new("n", Integer)];
    let by_another =
        given.len() > 2 || given.get(1).is_some_and(|by| arguments::item(by.data_type()).is_some());
    if by_another { &BY_ANOTHER } else { &BY_ITSELF }
}

impl ScalarUDFImpl for Leading {
    scalar_function!("leading");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        let parameters = parameters(call.arg_fields);
        arguments::check_call("leading", SYNTAX, 1, parameters, call.arg_fields)?;
        if let Some(position) = parameters.iter().position(|parameter| parameter.name == "n")
            && let Some(n) = arguments::literal(&call, position)
            && !n.is_null()
            && arguments::whole_number(n).is_none_or(|n| n < 1)
        {
            return Err(FunctionError::ArgumentValue {
                function: "leading",
                position: position + 1,
                name: "n",
                expected: "1 for the highest, 2 for the next, …",
                found: n.to_string(),
            }
            .into());
        }
        let item = arguments::item(call.arg_fields[0].data_type()).cloned().unwrap_or(DataType::Null);
        Ok(arguments::returns("leading", item))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let parameters = parameters(&call.arg_fields);
        let rows = call.number_rows;
        let argument = |name| {
            let place = parameters.iter().position(|parameter| parameter.name == name)?;
            call.args.get(place).map(|value| value.to_array(rows))
        };
        let list = list(&call.args[0].to_array(rows)?)?;
        let by = argument("by").transpose()?;
        let keys = match &by {
            Some(by) => Jagged::new(by)?,
            None => Jagged::new(&(Arc::new(list.clone()) as ArrayRef))?,
        };
        let n = argument("n").transpose()?.map(|n| integers(&n)).transpose()?;
        let mut scratch = Vec::new();
        let places = (0..rows)
            .map(|event| {
                if list.is_null(event) || keys.is_null(event) || n.as_ref().is_some_and(|n| n.is_null(event))
                {
                    return Ok(None);
                }
                let range = keys.range(event);
                let (first, length) = (start(&list, event), start(&list, event + 1) - start(&list, event));
                if range.len() != length {
                    return Err(FunctionError::Lengths {
                        function: "leading",
                        event,
                        first: 1,
                        first_name: "list",
                        first_length: length,
                        second: 2,
                        second_name: "by",
                        second_length: range.len(),
                    }
                    .into());
                }
                let n = n.as_ref().map_or(1, |n| n.value(event));
                let Some(n) = usize::try_from(n).ok().and_then(|n| n.checked_sub(1)) else {
                    return exec_err!("leading: in event {event} of the batch n is {n}, it counts from 1");
                };
                let place = rank(length, |i| key(&keys, range.start + i), n, &mut scratch);
                place
                    .map(|place| u32::try_from(first + place))
                    .transpose()
                    .map_err(|_| exec_datafusion_err!("leading: a batch with more than 4294967295 elements"))
            })
            .collect::<Result<UInt32Array>>()?;
        Ok(ColumnarValue::Array(take(list.values(), &places, None)?))
    }
}

/// NULL ranks as NaN does.
fn key(keys: &Jagged, place: usize) -> f64 {
    if keys.values.is_null(place) { f64::NAN } else { keys.values.value(place) }
}

/// The place of the `n`-th highest (from 0) of `length` keys; equal ones in order, NaN after all numbers.
pub fn rank(length: usize, key: impl Fn(usize) -> f64, n: usize, scratch: &mut Vec<usize>) -> Option<usize> {
    if n >= length {
        return None;
    }
    let order = |&a: &usize, &b: &usize| higher_first(key(a), key(b)).then(a.cmp(&b));
    if n == 0 {
        return (0..length).min_by(order);
    }
    scratch.clear();
    scratch.extend(0..length);
    let (_, place, _) = scratch.select_nth_unstable_by(n, order);
    Some(*place)
}

fn higher_first(a: f64, b: f64) -> Ordering {
    match b.partial_cmp(&a) {
        Some(order) => order,
        None => a.is_nan().cmp(&b.is_nan()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Given, invoke, list_f32, list_f64, plan};
    use arrow::array::StringArray;
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::Float32Type;
    use rstest::rstest;

    #[rstest]
    #[case::first(&[1.0, 3.0, 2.0], 0, Some(1))]
    #[case::second(&[1.0, 3.0, 2.0], 1, Some(2))]
    #[case::third(&[1.0, 3.0, 2.0], 2, Some(0))]
    #[case::absent(&[1.0, 3.0, 2.0], 3, None)]
    #[case::none_at_all(&[], 0, None)]
    #[case::first_of_equals(&[2.0, 5.0, 5.0, 5.0], 0, Some(1))]
    #[case::second_of_equals(&[2.0, 5.0, 5.0, 5.0], 1, Some(2))]
    #[case::zeros_of_both_signs(&[-0.0, 0.0], 0, Some(0))]
    #[case::nan_is_last(&[f64::NAN, -1.0, f64::INFINITY], 0, Some(2))]
    #[case::nan_is_last(&[f64::NAN, -1.0, f64::INFINITY], 2, Some(0))]
    fn places(#[case] keys: &[f64], #[case] n: usize, #[case] want: Option<usize>) {
        assert_eq!(rank(keys.len(), |i| keys[i], n, &mut Vec::new()), want);
    }

    fn led(given: &[Given], rows: usize) -> Vec<Option<f32>> {
        invoke(&Leading::default(), given, rows).unwrap().as_primitive::<Float32Type>().iter().collect()
    }

    #[test]
    fn by_itself_and_by_another() {
        let pt = list_f32(&[Some(&[Some(1.0), Some(3.0), None]), Some(&[]), None]);
        let by = list_f64(&[Some(&[Some(0.5), Some(0.1), Some(0.2)]), Some(&[]), Some(&[])]);
        let n = |n: i64| ScalarValue::from(n);
        assert_eq!(led(&[pt.clone().into()], 3), [Some(3.0), None, None]);
        assert_eq!(led(&[pt.clone().into(), n(2).into()], 3), [Some(1.0), None, None]);
        assert_eq!(led(&[pt.clone().into(), by.clone().into()], 3), [Some(1.0), None, None]);
        assert_eq!(led(&[pt.clone().into(), by.clone().into(), n(3).into()], 3), [Some(3.0), None, None]);
        assert_eq!(led(&[pt.slice(1, 2).into(), by.slice(1, 2).into()], 2), [None, None]);
    }

    #[test]
    fn texts_by_numbers() {
        let names = Arc::new(StringArray::from(vec!["a", "b", "c"]));
        let item = Arc::new(Field::new_list_field(DataType::Utf8, true));
        let names = ListArray::new(item, OffsetBuffer::from_lengths([2, 1]), names, None);
        let by = list_f64(&[Some(&[Some(1.0), Some(2.0)]), Some(&[Some(1.0)])]);
        let got = invoke(&Leading::default(), &[(Arc::new(names) as ArrayRef).into(), by.into()], 2).unwrap();
        assert_eq!(got.as_string::<i32>(), &StringArray::from(vec!["b", "c"]));
    }

    #[test]
    fn plan_errors() {
        let texts = arguments::list_of(DataType::Utf8);
        let error = plan(&Leading::default(), &[texts]).unwrap_err();
        assert!(
            error.to_string().contains("leading: argument 1 (list) must be a list of numbers"),
            "{error}"
        );
        let pt = list_f32(&[Some(&[])]);
        let error = invoke(&Leading::default(), &[pt.into(), ScalarValue::from(0i64).into()], 1).unwrap_err();
        assert_eq!(
            error.strip_backtrace(),
            "Error during planning: leading: argument 2 (n) must be 1 for the highest, 2 for the next, …, got 0"
        );
    }

    #[test]
    fn lengths_must_agree() {
        let pt = list_f32(&[Some(&[]), Some(&[Some(1.0)])]);
        let by = list_f64(&[Some(&[]), Some(&[])]);
        let error = invoke(&Leading::default(), &[pt.into(), by.into()], 2).unwrap_err();
        assert!(
            error.to_string().contains("in event 1 of the batch argument 1 (list) has 1 elements"),
            "{error}"
        );
    }
}
