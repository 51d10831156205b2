//! One group's histogram: filled batch by batch, merged exactly, rounded once at the end.

use std::fmt;

use ana_hist::{Axis, ExactHistogram};
use ana_kernels::{Fill, Filler, KernelError};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, internal_err};
use datafusion_expr::Accumulator;
use std::sync::Arc;

use super::columns::{Batch, Reader};
use super::layout::Layout;
use super::variants::{self, Variants};
use crate::aggregate::Unrounded;
use crate::error::FunctionError;
use crate::histogram::histogram_array;

/// What fills, without what is filled.
pub(crate) struct Machine {
    axes: Vec<Axis>,
    reader: Reader,
    filler: Filler,
    /// Of the arguments the aggregate gets: the values, then weight and categories if there are any.
    places: Vec<usize>,
    weighted: bool,
    variants: Variants,
}

impl Machine {
    /// `places` are those of the values, the weight and the categories among the arrays of a batch, and `types` their
    /// types; `layout` is the call's, for messages.
    pub(super) fn new(
        axes: Vec<Axis>,
        layout: &Layout,
        places: Vec<usize>,
        types: &[DataType],
    ) -> Result<Self> {
        let reader = Reader::new(&axes, layout);
        let variants = Variants::new(layout, types);
        let axes = variants.axes().map_err(histogram_fault)?.into_iter().chain(axes).collect::<Vec<_>>();
        let filler = Filler::new(&axes).map_err(FunctionError::Fill)?;
        Ok(Self { axes, reader, filler, places, weighted: layout.weight.is_some(), variants })
    }

    pub(crate) fn empty(&self) -> Result<ExactHistogram> {
        ExactHistogram::new(self.axes.clone(), self.weighted).map_err(histogram_fault)
    }

    /// Whether there is an axis of variations.
    pub(crate) fn is_varied(&self) -> bool {
        self.variants.has_variations()
    }

    /// Fills one histogram with each row that `rows` has, or with all.
    pub(crate) fn fill_rows(
        &mut self,
        histogram: &mut ExactHistogram,
        arguments: &[ArrayRef],
        rows: Option<&BooleanArray>,
    ) -> Result<()> {
        self.each(arguments, rows, |filler, fill| filler.fill(histogram, fill).map(drop))
    }

    /// Fills histogram `groups[row]` with each row that `rows` has, or with all.
    pub(crate) fn fill_groups(
        &mut self,
        histograms: &mut [ExactHistogram],
        groups: &[usize],
        arguments: &[ArrayRef],
        rows: Option<&BooleanArray>,
    ) -> Result<()> {
        self.each(arguments, rows, |filler, fill| filler.fill_groups(histograms, groups, fill).map(drop))
    }

    /// The fills of a batch, of those `rows` that are chosen: one for every category and variation.
    fn each(
        &mut self,
        arguments: &[ArrayRef],
        rows: Option<&BooleanArray>,
        mut fill_with: impl FnMut(&mut Filler, &Fill<'_>) -> Result<(), KernelError>,
    ) -> Result<()> {
        let mut arrays = chosen(&self.places, arguments)?;
        let categories = self.variants.categories(&mut arrays)?;
        let variations = self.variants.variations(&mut arrays)?;
        let with = |weight: Option<ArrayRef>| arrays.iter().cloned().chain(weight).collect::<Vec<ArrayRef>>();
        let mut read: Option<Batch<'_>> = None;
        for (variation, weight) in variations.iter().enumerate() {
            // The values are the same for all weights: they are read once, unless lists have to be brought together.
            let batch = match (&read, weight) {
                (Some(read), Some(weight)) if read.takes_weight(weight) => read.with_weight(weight)?,
                _ => self.reader.read(&with(weight.clone()))?,
            };
            let batch = &*read.insert(batch);
            for (category, condition) in categories.iter().enumerate() {
                let chosen = variants::both(rows, condition.as_ref())?;
                let place = self.variants.place(category, variation)?;
                let filler = &mut self.filler;
                batch.fill(&place, chosen.as_ref(), |fill| fill_with(filler, fill))?;
            }
        }
        Ok(())
    }

    /// Memory held, roughly: thresholds and bin guesses per edge, the filler's own tables of counts.
    pub(crate) fn size(&self) -> usize {
        let extents: usize = self.axes.iter().map(Axis::extent).sum();
        let cells: usize = self.axes.iter().map(Axis::extent).product();
        size_of::<Self>() + self.reader.size() + 64 * extents + 16 * cells.min(1024)
    }
}

fn chosen(places: &[usize], arguments: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    let Some(chosen) = places.iter().map(|&place| arguments.get(place).cloned()).collect() else {
        return internal_err!("hist: {} arguments, place {places:?}", arguments.len());
    };
    Ok(chosen)
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("axes", &self.axes)
            .field("weighted", &self.weighted)
            .finish_non_exhaustive()
    }
}

fn histogram_fault(source: ana_hist::HistError) -> datafusion_common::DataFusionError {
    FunctionError::Histogram { function: "hist", source }.into()
}

/// Adds the states in a column to `histograms[group(row)]`.
pub(super) fn merge_states(
    states: &[ArrayRef],
    mut histogram: impl FnMut(usize, &[u8]) -> Result<(), ana_hist::HistError>,
) -> Result<()> {
    let Some(states) = states.first().and_then(|states| states.as_binary_opt::<i32>()) else {
        return internal_err!("hist: a state that is not binary");
    };
    for row in (0..states.len()).filter(|&row| states.is_valid(row)) {
        histogram(row, states.value(row)).map_err(histogram_fault)?;
    }
    Ok(())
}

/// The accumulator of one group, and of a query without GROUP BY.
#[derive(Debug)]
pub(super) struct HistAccumulator {
    machine: Machine,
    histogram: ExactHistogram,
    unrounded: bool,
}

impl HistAccumulator {
    pub(super) fn new(machine: Machine, unrounded: bool) -> Result<Self> {
        Ok(Self { histogram: machine.empty()?, machine, unrounded })
    }
}

impl Accumulator for HistAccumulator {
    fn update_batch(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        self.machine.fill_rows(&mut self.histogram, arguments, None)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        merge_states(states, |_, bytes| self.histogram.merge_bytes(bytes))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Binary(Some(self.histogram.to_bytes()))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.unrounded {
            let histogram = Unrounded::Histogram(self.histogram.clone());
            return Ok(ScalarValue::LargeBinary(Some(histogram.to_bytes())));
        }
        Ok(ScalarValue::Struct(Arc::new(histogram_array(vec![Some(self.histogram.finish())])?)))
    }

    fn size(&self) -> usize {
        size_of::<ExactHistogram>() + self.machine.size() + self.histogram.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::axis_data_type;
    use crate::call::list_f32;
    use ana_hist::Histogram;
    use arrow::array::{Float32Array, Int64Array, StringArray, UInt64Array};
    use arrow::datatypes::{DataType, UInt64Type};

    /// A call of (value, axis) pairs and perhaps a weight, as planning leaves it: without the axes.
    fn accumulator(axes: Vec<Axis>, values: &[ArrayRef]) -> HistAccumulator {
        let mut types = Vec::new();
        for (i, value) in values.iter().enumerate() {
            types.push(value.data_type().clone());
            types.extend((i < axes.len()).then(axis_data_type));
        }
        let layout = Layout::of(&types).unwrap();
        let types: Vec<DataType> = values.iter().map(|value| value.data_type().clone()).collect();
        let places = (0..values.len()).collect();
        HistAccumulator::new(Machine::new(axes, &layout, places, &types).unwrap(), false).unwrap()
    }

    fn filled(axes: Vec<Axis>, values: &[ArrayRef]) -> Histogram {
        let mut accumulator = accumulator(axes, values);
        accumulator.update_batch(values).unwrap();
        accumulator.histogram.finish()
    }

    fn regular() -> Axis {
        Axis::regular(2, 0.0, 2.0).unwrap()
    }

    #[test]
    fn lists_that_do_not_lie_side_by_side_are_brought_together() {
        let pt = list_f32(&[Some(&[Some(9.0)]), Some(&[Some(0.5), Some(1.5)]), None, Some(&[Some(1.5)])]);
        let same = list_f32(&[Some(&[Some(0.5), Some(0.5)]), Some(&[Some(1.0)]), Some(&[Some(0.0)])]);
        let got = filled(vec![regular(), regular()], &[pt.slice(1, 3), same]);
        // (0.5, 0.5), (1.5, 0.5), and (1.5, 0.0): the row with a NULL list fills nothing.
        let mut want = vec![0; 16];
        (want[5], want[9]) = (1, 2);
        assert_eq!(got.counts, want);
    }

    #[test]
    fn lists_that_begin_elsewhere_are_not_copied_apart() {
        let pt = list_f32(&[Some(&[Some(9.0)]), Some(&[Some(0.5), Some(1.5)]), Some(&[Some(1.5)])]);
        let same = list_f32(&[Some(&[Some(0.5), Some(0.5)]), Some(&[Some(1.0)])]);
        let got = filled(vec![regular(), regular()], &[pt.slice(1, 2), same]);
        // (0.5, 0.5), (1.5, 0.5) and (1.5, 1.0).
        let mut want = vec![0; 16];
        (want[5], want[9], want[10]) = (1, 1, 1);
        assert_eq!(got.counts, want);
    }

    #[test]
    fn lists_of_different_lengths_name_the_event_and_the_arguments() {
        let pt = list_f32(&[Some(&[Some(0.5)]), Some(&[Some(0.5), Some(1.5)])]);
        let weight = list_f32(&[Some(&[Some(0.5)]), Some(&[Some(0.5)])]);
        let error = accumulator(vec![regular()], &[pt.clone(), weight.clone()])
            .update_batch(&[pt, weight])
            .unwrap_err();
        assert!(
            error.to_string().contains(
                "in event 1 of the batch argument 1 (value) has 2 elements, argument 3 (weight) has 1"
            ),
            "{error}"
        );
    }

    #[test]
    fn a_dictionary_of_texts() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("b"), None, Some("c"), Some("b")]));
        let key = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        let axis = || vec![Axis::category(vec!["a".into(), "b".into()]).unwrap()];
        for texts in [
            arrow::compute::cast(&texts, &key).unwrap(),
            arrow::compute::cast(&texts, &DataType::Utf8View).unwrap(),
            texts,
        ] {
            assert_eq!(filled(axis(), &[texts]).counts, [0, 2, 1]);
        }
    }

    #[test]
    fn whole_numbers_beyond_f64_stay_exact_on_an_integer_axis() {
        let x: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 0, 1]));
        assert_eq!(filled(vec![Axis::integer(0, 1).unwrap()], &[x]).counts, [0, 1, 2]);
        let x: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN, 0, i64::MAX]));
        assert_eq!(filled(vec![Axis::integer(0, 1).unwrap()], &[x]).counts, [1, 1, 1]);
    }

    /// Weights of very different sizes, so that any rounding on the way would show.
    fn events(rows: usize) -> Vec<ArrayRef> {
        let number = |i: usize| (i as u32).wrapping_mul(2_654_435_761) >> 8;
        let x = Float32Array::from_iter_values((0..rows).map(|i| number(i) as f32 / 5e6 - 0.5));
        let w = Float32Array::from_iter_values((0..rows).map(|i| {
            let size = 10f32.powi((number(i + 7) % 25) as i32 - 12);
            if i % 3 == 0 { -size } else { size }
        }));
        vec![Arc::new(x), Arc::new(w)]
    }

    #[test]
    fn partitions_and_batches_do_not_change_a_bit() {
        let values = events(20_000);
        let axes = || vec![Axis::regular(10, 0.0, 3.0).unwrap()];
        let want = filled(axes(), &values);
        for partitions in [1, 2, 7] {
            for batch in [1, 1000, 8192] {
                let mut whole = accumulator(axes(), &values);
                for partition in (0..partitions).rev() {
                    let mut part = accumulator(axes(), &values);
                    for start in (partition * batch..20_000).step_by(partitions * batch) {
                        let length = batch.min(20_000 - start);
                        let slices: Vec<ArrayRef> =
                            values.iter().map(|array| array.slice(start, length)).collect();
                        part.update_batch(&slices).unwrap();
                    }
                    let state = part.state().unwrap()[0].to_array().unwrap();
                    whole.merge_batch(&[state]).unwrap();
                }
                let got = whole.histogram.finish();
                let bits = |sums: Vec<f64>| sums.into_iter().map(f64::to_bits).collect::<Vec<_>>();
                assert_eq!(got.counts, want.counts);
                assert_eq!(bits(got.sumws()), bits(want.sumws()), "{partitions} {batch}");
                assert_eq!(bits(got.sumw2s()), bits(want.sumw2s()), "{partitions} {batch}");
            }
        }
    }

    #[test]
    fn groups_hold_what_accumulators_would() {
        use super::super::groups::HistGroups;
        use datafusion_expr::{EmitTo, GroupsAccumulator};
        let values = events(1000);
        let groups: Vec<usize> = (0..1000).map(|i| i % 3).collect();
        let chosen = BooleanArray::from_iter((0..1000).map(|i| (i % 7 != 0).then_some(i % 5 != 0)));
        let axes = || vec![Axis::regular(10, 0.0, 3.0).unwrap()];
        let new = || HistGroups::new(accumulator(axes(), &values).machine, false);
        let mut direct = new();
        direct.update_batch(&values, &groups, Some(&chosen), 3).unwrap();
        assert!(direct.size() > 3 * 12 * 8);
        // By way of the states of two accumulators, and of single rows.
        let mut merged = new();
        let mut part = new();
        let slice = |start, length| values.iter().map(|array| array.slice(start, length)).collect::<Vec<_>>();
        part.update_batch(&slice(0, 600), &groups[..600], Some(&chosen.slice(0, 600)), 3).unwrap();
        merged.merge_batch(&part.state(EmitTo::All).unwrap(), &[0, 1, 2], 3).unwrap();
        let rows = part.convert_to_state(&slice(600, 400), Some(&chosen.slice(600, 400))).unwrap();
        merged.merge_batch(&rows, &groups[600..], 3).unwrap();
        let direct = direct.evaluate(EmitTo::All).unwrap();
        assert_eq!(&direct, &merged.evaluate(EmitTo::All).unwrap());
        for group in 0..3 {
            let rows = UInt64Array::from_iter_values((0..1000u64).filter(|&i| {
                i as usize % 3 == group && chosen.is_valid(i as usize) && chosen.value(i as usize)
            }));
            let rows = arrow::compute::cast(&rows, &DataType::UInt64).unwrap();
            let rows = rows.as_primitive::<UInt64Type>();
            let values: Vec<ArrayRef> =
                values.iter().map(|array| arrow::compute::take(array, rows, None).unwrap()).collect();
            let want = filled(axes(), &values);
            assert_eq!(crate::histogram::histogram_at(&direct, group).unwrap(), Some(want));
        }
    }
}
