//! `sum` and `avg` of floats without rounding on the way: the same bits for any number of threads and any batches.

use std::hash::Hash;
use std::sync::Arc;

use ana_hist::exact_sum::ExactSum;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int64Array, LargeBinaryArray,
};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion_common::{Result, ScalarValue, internal_datafusion_err, internal_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF,
    Signature,
};

use super::unrounded::Unrounded;
use crate::error::FunctionError;

/// An aggregate of the engine, `sum` or `avg`, that is exact for floats: the sum of all values is rounded once. Integers,
/// decimals, DISTINCT and sliding windows are the engine's.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Exact {
    inner: Arc<AggregateUDF>,
    reading: Reading,
    unrounded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Reading {
    Sum,
    Mean,
}

impl Exact {
    /// The engine's `sum`, made exact.
    #[must_use]
    pub fn sum(inner: Arc<AggregateUDF>) -> Self {
        Self { inner, reading: Reading::Sum, unrounded: false }
    }

    /// The engine's `sum`, which of floats gives an [`Unrounded`] sum.
    #[must_use]
    pub fn unrounded_sum(inner: Arc<AggregateUDF>) -> Self {
        Self { unrounded: true, ..Self::sum(inner) }
    }

    /// The engine's `avg`, made exact.
    #[must_use]
    pub fn mean(inner: Arc<AggregateUDF>) -> Self {
        Self { inner, reading: Reading::Mean, unrounded: false }
    }
}

/// Whether the values are floats, all of which count.
fn is_exact(argument: Option<&FieldRef>, is_distinct: bool) -> bool {
    !is_distinct && argument.is_some_and(|field| *field.data_type() == DataType::Float64)
}

impl AggregateUDFImpl for Exact {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        if self.unrounded && arguments == [DataType::Float64] {
            return Ok(DataType::LargeBinary);
        }
        self.inner.return_type(arguments)
    }

    fn accumulator(&self, call: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if !is_exact(call.expr_fields.first(), call.is_distinct) {
            return self.inner.accumulator(call);
        }
        Ok(Box::new(One { reading: self.reading, unrounded: self.unrounded, total: Total::default() }))
    }

    fn state_fields(&self, call: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if !is_exact(call.input_fields.first(), call.is_distinct) {
            return self.inner.state_fields(call);
        }
        Ok(vec![
            Arc::new(Field::new(format_state_name(call.name, "sum"), DataType::Binary, true)),
            Arc::new(Field::new(format_state_name(call.name, "count"), DataType::Int64, true)),
        ])
    }

    fn groups_accumulator_supported(&self, call: AccumulatorArgs) -> bool {
        is_exact(call.expr_fields.first(), call.is_distinct) || self.inner.groups_accumulator_supported(call)
    }

    fn create_groups_accumulator(&self, call: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        if !is_exact(call.expr_fields.first(), call.is_distinct) {
            return self.inner.create_groups_accumulator(call);
        }
        let (reading, unrounded) = (self.reading, self.unrounded);
        Ok(Box::new(PerGroup { reading, unrounded, totals: Vec::new() }))
    }

    fn create_sliding_accumulator(&self, call: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner.create_sliding_accumulator(call)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

/// Values that were there, and their exact sum.
#[derive(Debug, Clone, Default)]
struct Total {
    sum: ExactSum,
    values: i64,
}

impl Total {
    fn read(&self, reading: Reading) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a mean divides by the number as f64")]
        let value = || match reading {
            Reading::Sum => self.sum.value(),
            Reading::Mean => self.sum.value() / self.values as f64,
        };
        (self.values > 0).then(value)
    }

    /// The sum as it is; none of no values.
    fn bytes(&self) -> Option<Vec<u8>> {
        (self.values > 0).then(|| Unrounded::Sum(self.sum.clone()).to_bytes())
    }

    fn add_all(&mut self, values: &Float64Array) {
        match values.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => self.sum.add_slice(values.values()),
            Some(_) => self.sum.add_slice(&values.iter().flatten().collect::<Vec<_>>()),
        }
        self.values += i64::try_from(values.len() - values.null_count()).unwrap_or(i64::MAX);
    }

    fn merge(&mut self, bytes: &[u8], values: i64) -> Result<()> {
        let fault = |source| FunctionError::Histogram { function: "sum", source };
        self.sum.merge_bytes(bytes).map_err(fault)?;
        self.values += values;
        Ok(())
    }
}

fn floats(arguments: &[ArrayRef]) -> Result<&Float64Array> {
    let floats = arguments.first().and_then(|values| values.as_primitive_opt::<Float64Type>());
    floats.ok_or_else(|| internal_datafusion_err!("an exact sum of what is no float"))
}

fn states(arrays: &[ArrayRef]) -> Result<(&BinaryArray, &Int64Array)> {
    match arrays {
        [sums, values] => match (sums.as_binary_opt(), values.as_primitive_opt::<Int64Type>()) {
            (Some(sums), Some(values)) => Ok((sums, values)),
            _ => internal_err!("states of an exact sum of other types"),
        },
        _ => internal_err!("{} states of an exact sum", arrays.len()),
    }
}

#[derive(Debug)]
struct One {
    reading: Reading,
    unrounded: bool,
    total: Total,
}

impl Accumulator for One {
    fn update_batch(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        self.total.add_all(floats(arguments)?);
        Ok(())
    }

    fn merge_batch(&mut self, arrays: &[ArrayRef]) -> Result<()> {
        let (sums, values) = states(arrays)?;
        sums.iter().zip(values).try_for_each(|(sum, values)| {
            self.total.merge(sum.unwrap_or_default(), values.unwrap_or_default())
        })
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = ScalarValue::Binary(Some(self.total.sum.to_bytes()));
        Ok(vec![sum, ScalarValue::Int64(Some(self.total.values))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.unrounded {
            return Ok(ScalarValue::LargeBinary(self.total.bytes()));
        }
        Ok(ScalarValue::Float64(self.total.read(self.reading)))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.total.sum.heap_bytes()
    }
}

struct PerGroup {
    reading: Reading,
    unrounded: bool,
    totals: Vec<Total>,
}

impl GroupsAccumulator for PerGroup {
    fn update_batch(
        &mut self,
        arguments: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        number_of_groups: usize,
    ) -> Result<()> {
        self.totals.resize(number_of_groups, Total::default());
        let values = floats(arguments)?;
        let chosen = |row: usize| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        for (row, &group) in groups.iter().enumerate() {
            if values.is_valid(row) && chosen(row) {
                self.totals[group].sum.add(values.value(row));
                self.totals[group].values += 1;
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, arrays: &[ArrayRef], groups: &[usize], number_of_groups: usize) -> Result<()> {
        self.totals.resize(number_of_groups, Total::default());
        let (sums, values) = states(arrays)?;
        for ((sum, values), &group) in sums.iter().zip(values).zip(groups) {
            self.totals[group].merge(sum.unwrap_or_default(), values.unwrap_or_default())?;
        }
        Ok(())
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let totals = emit_to.take_needed(&mut self.totals);
        let sums = BinaryArray::from_iter_values(totals.iter().map(|total| total.sum.to_bytes()));
        let values = Int64Array::from_iter_values(totals.iter().map(|total| total.values));
        Ok(vec![Arc::new(sums), Arc::new(values)])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let totals = emit_to.take_needed(&mut self.totals);
        if self.unrounded {
            return Ok(Arc::new(LargeBinaryArray::from_iter(totals.iter().map(Total::bytes))));
        }
        let values: Float64Array = totals.iter().map(|total| total.read(self.reading)).collect();
        Ok(Arc::new(values))
    }

    fn convert_to_state(
        &self,
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = arguments.first().map_or(0, |values| values.len());
        let mut each = Self { reading: self.reading, unrounded: false, totals: Vec::new() };
        each.update_batch(arguments, &(0..rows).collect::<Vec<_>>(), filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        // Asked for after every batch, so not by looking at each: the bits of terms of one order of magnitude.
        self.totals.capacity() * (size_of::<Total>() + 4 * size_of::<u64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(rows: usize) -> (ArrayRef, Vec<usize>, BooleanArray) {
        let value = |i: usize| {
            let x = f64::from((i as u32).wrapping_mul(2_654_435_761) >> 8) - 8e6;
            (!i.is_multiple_of(11)).then_some(if i.is_multiple_of(5) { x * 1e-9 } else { x })
        };
        let values: Float64Array = (0..rows).map(value).collect();
        let filter = BooleanArray::from_iter((0..rows).map(|i| (i % 7 != 0).then_some(i % 3 != 0)));
        (Arc::new(values), (0..rows).map(|i| i % 3).collect(), filter)
    }

    #[test]
    fn groups_hold_what_accumulators_would_in_any_order() {
        let (values, groups, filter) = batch(1000);
        let mut direct = PerGroup { reading: Reading::Sum, unrounded: false, totals: vec![] };
        direct.update_batch(std::slice::from_ref(&values), &groups, Some(&filter), 3).unwrap();
        let mut merged = PerGroup { reading: Reading::Sum, unrounded: false, totals: vec![] };
        let rows = merged.convert_to_state(std::slice::from_ref(&values), Some(&filter)).unwrap();
        merged.merge_batch(&rows, &groups, 3).unwrap();
        let direct = direct.evaluate(EmitTo::All).unwrap();
        assert_eq!(&direct, &merged.evaluate(EmitTo::All).unwrap());
        for group in 0..3 {
            let of_group: Float64Array = values
                .as_primitive::<Float64Type>()
                .iter()
                .enumerate()
                .filter(|(i, _)| groups[*i] == group && filter.is_valid(*i) && filter.value(*i))
                .map(|(_, value)| value)
                .collect();
            let mut one = One { reading: Reading::Sum, unrounded: false, total: Total::default() };
            one.update_batch(&[Arc::new(of_group)]).unwrap();
            let want = one.evaluate().unwrap();
            assert_eq!(ScalarValue::try_from_array(&direct, group).unwrap(), want);
        }
    }

    #[test]
    fn nothing_is_null_and_a_mean_divides() {
        let mut mean = One { reading: Reading::Mean, unrounded: false, total: Total::default() };
        assert_eq!(mean.evaluate().unwrap(), ScalarValue::Float64(None));
        mean.update_batch(&[Arc::new(Float64Array::from(vec![Some(1e16), None, Some(1.0), Some(-1e16)]))])
            .unwrap();
        assert_eq!(mean.evaluate().unwrap(), ScalarValue::Float64(Some(1.0 / 3.0)));
    }
}
