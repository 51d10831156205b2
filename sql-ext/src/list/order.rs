//! The order of numbers in lists, and lists taken apart for ordering.

use std::cmp::Ordering;

use datafusion_common::internal_err;

use crate::jagged::Jagged;
use crate::prelude::*;

/// NaN is greater than every number, and −0 equals 0.
pub(super) fn compare(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// The place of the first of the values that are there before which, in this order, stands none.
pub(super) fn first_by(values: &[Option<f64>], comes_before: impl Fn(Ordering) -> bool) -> Option<i64> {
    let mut best: Option<(i64, f64)> = None;
    for (place, value) in (0..).zip(values) {
        let Some(value) = *value else { continue };
        if best.is_none_or(|(_, known)| comes_before(compare(value, known))) {
            best = Some((place, value));
        }
    }
    best.map(|(place, _)| place)
}

/// The list that is the first argument of a call.
pub(super) struct Ranked {
    list: Jagged,
    rows: usize,
}

impl Ranked {
    pub(super) fn new(call: &ScalarFunctionArgs) -> Result<Self> {
        let Some(list) = call.args.first() else { return internal_err!("expected a list") };
        let list = Jagged::new(&list.to_array(call.number_rows)?)?;
        Ok(Self { list, rows: call.number_rows })
    }

    /// The values of each event; none for a NULL list.
    pub(super) fn events(&self) -> impl Iterator<Item = Vec<Option<f64>>> + '_ {
        (0..self.rows).map(|event| {
            if self.is_null(event) {
                return vec![];
            }
            let values = &self.list.values;
            self.list.range(event).map(|place| values.is_valid(place).then(|| values.value(place))).collect()
        })
    }

    pub(super) fn is_null(&self, event: usize) -> bool {
        self.list.is_null(event)
    }
}
