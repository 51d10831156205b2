//! The order of numbers in lists, and lists taken apart for ordering.

use arrow::array::Int64Array;
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{Int64Type, UInt64Type};
use datafusion_common::internal_err;

use crate::jagged;
use crate::prelude::*;

/// An integer of the same order: NaN is greater than every number, and −0 equals 0.
pub(super) fn key(number: f64) -> i64 {
    if number.is_nan() {
        return i64::MAX;
    }
    // −0 + 0 is 0; of two negative numbers the one of smaller bits is greater.
    let bits = (number + 0.0).to_bits().cast_signed();
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

/// Keys of numbers of any type, in the order of the numbers; that of 64-bit integers is exact too.
fn keys(numbers: &ArrayRef) -> Result<Int64Array> {
    if *numbers.data_type() == DataType::UInt64 {
        // The sign bit turned round: half of the numbers go below 0.
        let shift = |number: u64| (number ^ (1 << 63)).cast_signed();
        return Ok(numbers.as_primitive::<UInt64Type>().unary(shift));
    }
    if arguments::is_integer(numbers.data_type()) {
        return Ok(cast(numbers, &DataType::Int64)?.as_primitive::<Int64Type>().clone());
    }
    Ok(jagged::float64(numbers)?.unary(key))
}

/// The list that is the first argument of a call, as keys of its elements.
pub(super) struct Ranked {
    list: ListArray,
    keys: ScalarBuffer<i64>,
    nulls: Option<NullBuffer>,
    /// Where the keys begin among the values of the list.
    first: usize,
}

/// The elements of one event, by their place in the list.
pub(super) struct Elements<'a> {
    keys: &'a [i64],
    nulls: Option<(&'a NullBuffer, usize)>,
}

impl Ranked {
    pub(super) fn new(call: &ScalarFunctionArgs) -> Result<Self> {
        let Some(list) = call.args.first() else { return internal_err!("expected a list") };
        let list = jagged::list(&list.to_array(call.number_rows)?)?;
        let (first, last) = (jagged::start(&list, 0), jagged::start(&list, list.len()));
        let (_, keys, nulls) = keys(&list.values().slice(first, last - first))?.into_parts();
        Ok(Self { list, keys, nulls: nulls.filter(|nulls| nulls.null_count() > 0), first })
    }

    /// The elements of each event; none for a NULL list.
    pub(super) fn events(&self) -> impl Iterator<Item = Elements<'_>> + '_ {
        jagged::ranges(&self.list).enumerate().map(|(event, range)| {
            let range =
                if self.is_null(event) { 0..0 } else { range.start - self.first..range.end - self.first };
            let nulls = self.nulls.as_ref().map(|nulls| (nulls, range.start));
            Elements { keys: &self.keys[range], nulls }
        })
    }

    pub(super) fn is_null(&self, event: usize) -> bool {
        self.list.is_null(event)
    }
}

impl<'a> Elements<'a> {
    /// Place and key of every element that is there.
    pub(super) fn present(&self) -> impl Iterator<Item = (i64, i64)> + use<'a> {
        let nulls = self.nulls;
        let there = move |place: usize| nulls.is_none_or(|(nulls, start)| nulls.is_valid(start + place));
        let keys = self.keys.iter().enumerate().zip(0i64..);
        keys.filter(move |((place, _), _)| there(*place)).map(|((_, key), place)| (place, *key))
    }

    /// Places of the elements that are NULL.
    pub(super) fn absent(&self) -> impl Iterator<Item = i64> + use<'a> {
        let nulls = self.nulls;
        let absent = move |place: usize| nulls.is_some_and(|(nulls, start)| nulls.is_null(start + place));
        let places = (0..self.keys.len()).zip(0i64..);
        places.filter(move |(place, _)| absent(*place)).map(|(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, UInt64Array};

    #[test]
    fn keys_are_in_the_order_of_numbers() {
        let ordered =
            [f64::NEG_INFINITY, -1e300, -1.0, -5e-324, 0.0, 5e-324, 1.0, 1e300, f64::INFINITY, f64::NAN];
        assert!(ordered.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
        assert_eq!((key(-0.0), key(-f64::NAN)), (key(0.0), key(f64::NAN)));
    }

    #[test]
    fn large_integers_keep_apart() {
        let signed: ArrayRef =
            Arc::new(Int64Array::from(vec![i64::MIN, -1, 9_007_199_254_740_992, 9_007_199_254_740_993]));
        let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![0, 1 << 63, u64::MAX - 1, u64::MAX]));
        for numbers in [signed, unsigned] {
            assert!(keys(&numbers).unwrap().values().windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
