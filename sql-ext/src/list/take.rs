//! `take`: the elements of a list at given places.

use arrow::array::{Int64Array, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, take as take_values};
use arrow::datatypes::Int64Type;
use datafusion_common::exec_datafusion_err;

use crate::arguments::Shape;
use crate::jagged;
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] =
    [Parameter::new("list", Shape::List), Parameter::new("places", Shape::Integers)];

/// Elements by place.
#[user_doc(
    doc_section(label = "Lists"),
    description = "The elements of a list at the given places, in that order; places count from 0, as index branches and `argsort` do. A place that is negative, NULL or past the end gives NULL. A NULL list gives NULL. The first n elements are `list[1:n]`, the last `list[-n:-1]`. RVec's Take.",
    syntax_example = "take(list, places)",
    sql_example = "```sql\nSELECT take(Jet.pt, argsort(Jet.btagDeepFlavB, 'desc')) AS pt_by_btag FROM events\n```",
    argument(name = "list", description = "A list."),
    argument(name = "places", description = "A list of integers, from 0.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Take {
    signature: Signature,
}

impl Default for Take {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for Take {
    scalar_function!("take");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("take", "take(list, places)", 2, &PARAMETERS, call.arg_fields)?;
        let item = call.arg_fields.first().and_then(|list| arguments::item(list.data_type())).cloned();
        Ok(arguments::returns("take", arguments::list_of(item.unwrap_or(DataType::Null))))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [list, places] = call.args.as_slice() else {
            return datafusion_common::internal_err!("take takes two arguments");
        };
        let list = jagged::list(&list.to_array(call.number_rows)?)?;
        let places = jagged::list(&places.to_array(call.number_rows)?)?;
        Ok(ColumnarValue::Array(Arc::new(take(&list, &places)?)))
    }
}

/// The elements of `list` at `places`, event by event.
fn take(list: &ListArray, places: &ListArray) -> Result<ListArray> {
    let nulls = NullBuffer::union(list.nulls(), places.nulls());
    let wanted = cast(places.values(), &DataType::Int64)?;
    let wanted: &Int64Array = wanted.as_primitive::<Int64Type>();
    let mut chosen: Vec<u32> = Vec::with_capacity(wanted.len());
    let mut absent: Vec<usize> = vec![];
    let mut offsets = Vec::with_capacity(list.len() + 1);
    offsets.push(0);
    for (event, (range, places)) in jagged::ranges(list).zip(jagged::ranges(places)).enumerate() {
        if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(event)) {
            for place in places {
                let at = usize::try_from(wanted.value(place)).ok().filter(|at| *at < range.len());
                match at.filter(|_| wanted.is_valid(place)) {
                    Some(at) => chosen.push(index(range.start + at)?),
                    None => {
                        absent.push(chosen.len());
                        chosen.push(0);
                    }
                }
            }
        }
        offsets
            .push(i32::try_from(chosen.len()).map_err(|_| exec_datafusion_err!("take: a batch too long"))?);
    }
    let valid = (!absent.is_empty()).then(|| {
        let mut valid = vec![true; chosen.len()];
        for at in absent {
            valid[at] = false;
        }
        NullBuffer::from(valid)
    });
    let values = take_values(list.values(), &UInt32Array::new(chosen.into(), valid), None)?;
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(ListArray::try_new(item, OffsetBuffer::new(offsets.into()), values, nulls)?)
}

fn index(at: usize) -> Result<u32> {
    u32::try_from(at).map_err(|_| exec_datafusion_err!("take: more than 2^32 elements in a batch"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f32};

    #[test]
    fn places_outside_give_null() {
        let list = list_f32(&[Some(&[Some(1.0), Some(2.0)]), Some(&[]), None]);
        let places = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
            Some(vec![Some(1), Some(0), Some(-1), Some(2), None]),
            Some(vec![Some(0)]),
            Some(vec![Some(0)]),
        ]);
        let places: ArrayRef = Arc::new(places);
        let got = invoke(&Take::default(), &[list.into(), places.into()], 3).unwrap();
        let want = list_f32(&[Some(&[Some(2.0), Some(1.0), None, None, None]), Some(&[None]), None]);
        assert_eq!(&got, &want);
    }
}
