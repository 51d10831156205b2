//! One element of each list: what `first`, `last` and `nth` share.

use arrow::array::UInt32Array;
use arrow::compute::take;
use datafusion_common::{exec_datafusion_err, internal_err};

use crate::jagged;
use crate::prelude::*;

/// The type of the elements of the list that is the first argument.
pub(super) fn returns(function: &'static str, call: &ReturnFieldArgs) -> FieldRef {
    let item = call.arg_fields.first().and_then(|list| arguments::item(list.data_type()));
    arguments::returns(function, item.cloned().unwrap_or(DataType::Null))
}

/// Of each list the element at `place(event, length)`; NULL where that is none, and for a NULL list.
pub(super) fn elements(
    call: &ScalarFunctionArgs,
    place: impl Fn(usize, usize) -> Option<usize>,
) -> Result<ColumnarValue> {
    let Some(list) = call.args.first() else { return internal_err!("expected a list") };
    let list = jagged::list(&list.to_array(call.number_rows)?)?;
    let index = |(event, range): (usize, std::ops::Range<usize>)| {
        let place = place(event, range.len()).filter(|place| *place < range.len() && list.is_valid(event));
        let index = place.map(|place| u32::try_from(range.start + place)).transpose();
        index.map_err(|_| exec_datafusion_err!("more than 2^32 elements in a batch"))
    };
    let indices = jagged::ranges(&list).enumerate().map(index).collect::<Result<UInt32Array>>()?;
    Ok(ColumnarValue::Array(take(list.values(), &indices, None)?))
}
