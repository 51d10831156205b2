//! `local_index`: the places of a list's elements.

use arrow::array::Int64Array;
use datafusion_common::internal_err;

use crate::arguments::Shape;
use crate::jagged;
use crate::prelude::*;

const PARAMETERS: [Parameter; 1] = [Parameter::new("list", Shape::List)];

/// Places, from 0.
#[user_doc(
    doc_section(label = "Lists"),
    description = "The places of a list's elements, 0, 1, 2, …, as index branches, `take` and `idx(a)` count them. `local_index(list)[condition]` is where a condition holds, RVec's Nonzero. A NULL list gives NULL. awkward's local_index, RVec's Enumerate.",
    syntax_example = "local_index(list)",
    sql_example = "```sql\nSELECT local_index(Jet.pt)[Jet.pt > 30] AS hard FROM events\n```",
    argument(name = "list", description = "A list of anything.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct LocalIndex {
    signature: Signature,
    aliases: Vec<String>,
}

impl Default for LocalIndex {
    fn default() -> Self {
        Self { signature: unchecked(), aliases: spellings(&["enumerate"]) }
    }
}

impl ScalarUDFImpl for LocalIndex {
    scalar_function!("local_index", spellings = aliases);

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("local_index", "local_index(list)", 1, &PARAMETERS, call.arg_fields)?;
        Ok(arguments::returns("local_index", arguments::list_of(DataType::Int64)))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [list] = call.args.as_slice() else { return internal_err!("local_index takes one argument") };
        let list = jagged::list(&list.to_array(call.number_rows)?)?;
        let places: Int64Array =
            jagged::ranges(&list).flat_map(|range| (0i64..).take(range.len())).collect::<Vec<_>>().into();
        let item = Arc::new(Field::new_list_field(DataType::Int64, true));
        let offsets = jagged::from_zero(list.offsets());
        let places = ListArray::try_new(item, offsets, Arc::new(places), list.nulls().cloned())?;
        Ok(ColumnarValue::Array(Arc::new(places)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f32};
    use arrow::datatypes::Int64Type;

    #[test]
    fn of_whole_and_of_sliced_lists() {
        let list = list_f32(&[Some(&[Some(5.0), None]), Some(&[]), None, Some(&[Some(7.0)])]);
        let want = ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(0), Some(1)]),
            Some(vec![]),
            None,
            Some(vec![Some(0)]),
        ]);
        let got = invoke(&LocalIndex::default(), &[list.clone().into()], 4).unwrap();
        assert_eq!(got.as_list::<i32>(), &want);
        let got = invoke(&LocalIndex::default(), &[list.slice(1, 3).into()], 3).unwrap();
        assert_eq!(got.as_list::<i32>(), &want.slice(1, 3));
    }
}
