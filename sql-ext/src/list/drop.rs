//! `drop`: a list without the elements at given places.

use arrow::array::{BooleanArray, Int64Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, filter};
use arrow::datatypes::Int64Type;
use datafusion_common::internal_err;

use crate::arguments::Shape;
use crate::jagged;
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] =
    [Parameter::new("list", Shape::List), Parameter::new("places", Shape::Integers)];

/// The elements at other places.
#[user_doc(
    doc_section(label = "Lists"),
    description = "The elements of a list that are not at the given places, in their order; places count from 0, as in `take`. A place that is negative, NULL or past the end drops nothing, one that is named twice drops its element once. A NULL list gives NULL. RVec's Drop.",
    syntax_example = "drop(list, places)",
    sql_example = "```sql\nSELECT drop(Jet.pt, Muon.jetIdx) AS jets_without_muon FROM events\n```",
    argument(name = "list", description = "A list of anything."),
    argument(name = "places", description = "A list of integers, from 0.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Drop {
    signature: Signature,
    aliases: Vec<String>,
}

impl Default for Drop {
    fn default() -> Self {
        // The bare word opens a statement of SQL.
        Self { signature: unchecked(), aliases: spellings(&["list_drop"]) }
    }
}

impl ScalarUDFImpl for Drop {
    scalar_function!("drop", spellings = aliases);

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("drop", "drop(list, places)", 2, &PARAMETERS, call.arg_fields)?;
        let item = call.arg_fields.first().and_then(|list| arguments::item(list.data_type())).cloned();
        Ok(arguments::returns("drop", arguments::list_of(item.unwrap_or(DataType::Null))))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [list, places] = call.args.as_slice() else {
            return internal_err!("drop takes two arguments");
        };
        let list = jagged::list(&list.to_array(call.number_rows)?)?;
        let places = jagged::list(&places.to_array(call.number_rows)?)?;
        Ok(ColumnarValue::Array(Arc::new(drop(&list, &places)?)))
    }
}

/// The elements of `list` that are not at `places`, event by event.
fn drop(list: &ListArray, places: &ListArray) -> Result<ListArray> {
    let nulls = NullBuffer::union(list.nulls(), places.nulls());
    let unwanted = cast(places.values(), &DataType::Int64)?;
    let unwanted: &Int64Array = unwanted.as_primitive::<Int64Type>();
    let (first, last) = (jagged::start(list, 0), jagged::start(list, list.len()));
    let mut kept = vec![true; last - first];
    let mut lengths = Vec::with_capacity(list.len());
    for (event, (range, places)) in jagged::ranges(list).zip(jagged::ranges(places)).enumerate() {
        let elements = &mut kept[range.start - first..range.end - first];
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(event)) {
            elements.fill(false);
        } else {
            for place in places.filter(|place| unwanted.is_valid(*place)) {
                let place = usize::try_from(unwanted.value(place)).ok();
                if let Some(element) = place.and_then(|place| elements.get_mut(place)) {
                    *element = false;
                }
            }
        }
        lengths.push(elements.iter().filter(|kept| **kept).count());
    }
    let values = filter(&list.values().slice(first, last - first), &BooleanArray::from(kept))?;
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), values, nulls)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f32};

    #[test]
    fn places_outside_drop_nothing() {
        let three: Option<&[Option<f32>]> = Some(&[Some(1.0), None, Some(3.0)]);
        let list = list_f32(&[three, three, Some(&[]), None, three]);
        let places = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
            Some(vec![Some(2), Some(0), Some(2)]),
            Some(vec![Some(-1), Some(3), None]),
            Some(vec![Some(0)]),
            Some(vec![Some(0)]),
            None,
        ]);
        let places: ArrayRef = Arc::new(places);
        let want = list_f32(&[Some(&[None]), three, Some(&[]), None, None]);
        let got = invoke(&Drop::default(), &[list.clone().into(), places.clone().into()], 5).unwrap();
        assert_eq!(&got, &want);
        let got = invoke(&Drop::default(), &[list.slice(1, 3).into(), places.slice(1, 3).into()], 3).unwrap();
        assert_eq!(&got, &want.slice(1, 3));
    }
}
