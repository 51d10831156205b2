//! What `cutflow` and `nminusone` share: cuts event by event, and a table with exact sums, one row per selection.
//!
//! The table is a histogram on a whole-number axis, one bin per row, so that partial results merge to the bit.

use ana_hist::{Axis, ExactHistogram, HistError, Histogram};
use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, ListArray, StringArray, StructArray, UInt64Array,
};
use arrow::buffer::{BooleanBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion_common::{Result, ScalarValue, internal_err};
use datafusion_expr::Accumulator;
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::format_state_name;
use std::sync::Arc;

use super::histogram::{Variants, is_categories, is_struct_of};
use super::unrounded::Unrounded;
use crate::arguments::{is_number, list_of, type_name};
use crate::error::FunctionError;
use crate::jagged;
use crate::survivors::truth;

/// Which rows the table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Table {
    /// All events, then those that pass the first cut, the first two, …
    Cutflow,
    /// All events, then for each cut those that pass all the others, then those that pass every cut.
    NMinusOne,
}

/// The last row of [`Table::NMinusOne`].
const EVERY_CUT: &str = "every cut";

impl Table {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cutflow => "cutflow",
            Self::NMinusOne => "nminusone",
        }
    }

    fn syntax(self) -> &'static str {
        match self {
            Self::Cutflow => "cutflow(cut, cut, …[, weight | weights => {…}][, categories => {…}])",
            Self::NMinusOne => "nminusone(cut, cut, …[, weight | weights => {…}][, categories => {…}])",
        }
    }

    fn rows(self, cuts: usize) -> usize {
        match self {
            Self::Cutflow => cuts + 1,
            Self::NMinusOne => cuts + 2,
        }
    }

    /// How many cuts a call of arguments of these types has, and its categories and variations.
    pub(super) fn layout(self, types: &[DataType]) -> Result<(usize, Variants)> {
        let is_cut = |found: &DataType| matches!(found, DataType::Boolean | DataType::Null);
        let cuts = types.iter().take_while(|found| is_cut(found)).count();
        let function = self.name();
        if types.is_empty() {
            return Err(
                FunctionError::ArgumentCount { function, found: types.len(), syntax: self.syntax() }.into()
            );
        }
        let wrong = |place: usize, name, expected| FunctionError::ArgumentType {
            function,
            position: place + 1,
            name,
            expected,
            found: type_name(&types[place]),
        };
        if cuts == 0 {
            return Err(wrong(0, "cut", "true or false").into());
        }
        let is_weight = |found: &DataType| is_number(found) || is_struct_of(found, is_number);
        let (weight, categories) = match &types[cuts..] {
            [] => (None, None),
            [one] if is_categories(one) => (None, Some(one)),
            [weight] if is_weight(weight) => (Some(weight), None),
            [weight, categories] if is_weight(weight) && is_categories(categories) => {
                (Some(weight), Some(categories))
            }
            [_] => return Err(wrong(cuts, "weight", "true or false, or a number as the weight").into()),
            [weight, _] if is_weight(weight) => {
                return Err(wrong(cuts + 1, "categories", "a struct of conditions").into());
            }
            _ => return Err(wrong(cuts, "cut", "true or false").into()),
        };
        Ok((cuts, Variants::of(weight, categories)))
    }

    pub(super) fn return_type(self, types: &[DataType]) -> Result<DataType> {
        let (_, variants) = self.layout(types)?;
        let [categories, variations] = variants.labels();
        Ok(list_of(DataType::Struct(fields(categories.is_some(), variations.is_some()))))
    }

    pub(super) fn state_fields(self, call: &StateFieldsArgs) -> Vec<FieldRef> {
        vec![Arc::new(Field::new(format_state_name(call.name, self.name()), DataType::Binary, true))]
    }

    pub(super) fn accumulator(
        self,
        call: &AccumulatorArgs,
        labels: Option<&[String]>,
    ) -> Result<SelectionAccumulator> {
        if call.is_distinct {
            let reason = "DISTINCT makes no sense, every event is counted".to_owned();
            return Err(FunctionError::Call { function: self.name(), reason }.into());
        }
        let types: Vec<DataType> = call.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        let (cuts, variants) = self.layout(&types)?;
        let weighted = types.get(cuts).is_some_and(|found| !is_categories(found));
        let labels = match labels {
            Some(labels) => labels.iter().take(cuts).cloned().collect(),
            None => call.exprs[..cuts].iter().map(ToString::to_string).collect(),
        };
        SelectionAccumulator::new(self, labels, variants, weighted)
    }
}

/// Of a row: the names of its category and its variation where there are any, then its cut and what it holds.
fn fields(has_categories: bool, has_variations: bool) -> Fields {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    let names = [("category", has_categories), ("variation", has_variations)];
    let named = names.into_iter().filter(|(_, there)| *there).map(|(name, _)| field(name, DataType::Utf8));
    let held = [
        field("cut", DataType::Utf8),
        field("count", DataType::UInt64),
        field("sumw", DataType::Float64),
        field("sumw2", DataType::Float64),
    ];
    named.chain(held).collect()
}

/// The table of one group.
#[derive(Debug)]
pub(super) struct SelectionAccumulator {
    table: Table,
    labels: Vec<String>,
    variants: Variants,
    sums: ExactHistogram,
    unrounded: bool,
}

impl SelectionAccumulator {
    fn new(table: Table, labels: Vec<String>, variants: Variants, weighted: bool) -> Result<Self> {
        let fault = |source| fault(table, source);
        let rows = i64::try_from(table.rows(labels.len())).unwrap_or(i64::MAX);
        let mut axes = variants.axes().map_err(fault)?;
        axes.push(Axis::integer(0, rows).map_err(fault)?);
        let sums = ExactHistogram::new(axes, weighted).map_err(fault)?;
        Ok(Self { table, labels, variants, sums, unrounded: false })
    }

    /// The same, which gives its sums as they are.
    pub(super) fn unrounded(self) -> Self {
        Self { unrounded: true, ..self }
    }

    /// The names of the rows, from first to last.
    fn rows(&self) -> Vec<String> {
        let first = std::iter::once("all".to_owned());
        let last = (self.table == Table::NMinusOne).then(|| EVERY_CUT.to_owned());
        first.chain(self.labels.iter().cloned()).chain(last).collect()
    }

    /// The cell of the first row of a category and variation; bin 0 is underflow.
    fn first_cell(&self, category: usize, variation: usize) -> usize {
        let [_, variations] = self.variants.labels();
        // An axis of names has a bin more, for any other.
        let front = category * variations.map_or(1, |labels| labels.len() + 1) + variation;
        front * (self.table.rows(self.labels.len()) + 2) + 1
    }

    /// Adds the events of `selected` to a cell.
    fn add(&mut self, cell: usize, selected: &BooleanBuffer, weights: Option<&Float64Array>) {
        match weights {
            None => {
                if let Some(counts) = self.sums.counts_mut() {
                    counts[cell] += selected.count_set_bits() as u64;
                }
            }
            Some(weights) => {
                let chosen: Vec<f64> = selected.set_indices().map(|event| weights.value(event)).collect();
                let cells = vec![u32::try_from(cell).unwrap_or(u32::MAX); chosen.len()];
                self.sums.fill_weighted(&cells, &chosen);
            }
        }
    }

    /// Adds the events of `all` to the rows from cell `first` on.
    fn add_rows(
        &mut self,
        first: usize,
        all: BooleanBuffer,
        cuts: &[BooleanBuffer],
        weights: Option<&Float64Array>,
    ) {
        self.add(first, &all, weights);
        match self.table {
            Table::Cutflow => {
                let mut selected = all;
                for (k, cut) in cuts.iter().enumerate() {
                    selected = &selected & cut;
                    self.add(first + k + 1, &selected, weights);
                }
            }
            Table::NMinusOne => {
                let and = |selected: BooleanBuffer, cut: &BooleanBuffer| &selected & cut;
                for k in 0..cuts.len() {
                    let others = cuts[..k].iter().chain(&cuts[k + 1..]).fold(all.clone(), and);
                    self.add(first + k + 1, &others, weights);
                }
                self.add(first + cuts.len() + 1, &cuts.iter().fold(all, and), weights);
            }
        }
    }
}

/// The table that `sums` hold: on the axes in front the names of categories and variations where there are any, on the last
/// the `rows`.
pub(super) fn table(rows: &[String], sums: &Histogram) -> Result<ScalarValue> {
    let labels = |name: &str| {
        let axis = sums.axes.iter().find(|axis| axis.name.as_deref() == Some(name))?;
        Some((0..axis.bins()).filter_map(|i| axis.label(i)).collect::<Vec<_>>())
    };
    let [categories, variations] = ["category", "variation"].map(labels);
    let bins = sums.axes.last().map_or(0, Axis::bins);
    if bins != rows.len() {
        return internal_err!("a table of {bins} rows with {} names", rows.len());
    }
    // An axis of names has a bin more, for any other; bin 0 of the rows is underflow.
    let wide = variations.as_ref().map_or(1, |labels| labels.len() + 1);
    let (mut of_category, mut of_variation, mut cells) = (vec![], vec![], vec![]);
    for category in 0..categories.as_ref().map_or(1, Vec::len) {
        for variation in 0..variations.as_ref().map_or(1, Vec::len) {
            let first = (category * wide + variation) * (bins + 2) + 1;
            cells.extend(first..first + bins);
            of_category
                .extend(categories.iter().flat_map(|names| std::iter::repeat_n(names[category], bins)));
            of_variation
                .extend(variations.iter().flat_map(|names| std::iter::repeat_n(names[variation], bins)));
        }
    }
    let fields = fields(categories.is_some(), variations.is_some());
    let names = [(categories, of_category), (variations, of_variation)];
    let names = names.into_iter().filter(|(there, _)| there.is_some());
    let names = names.map(|(_, names)| -> ArrayRef { Arc::new(StringArray::from_iter_values(names)) });
    let number = |of: &dyn Fn(usize) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(cells.iter().map(|&cell| of(cell))))
    };
    let held: [ArrayRef; 4] = [
        Arc::new(StringArray::from_iter_values(rows.iter().cycle().take(cells.len()))),
        Arc::new(UInt64Array::from_iter_values(cells.iter().map(|&cell| sums.counts[cell]))),
        number(&|cell| sums.sumw(cell)),
        number(&|cell| sums.sumw2(cell)),
    ];
    let columns: Vec<ArrayRef> = names.chain(held).collect();
    let table = StructArray::try_new(fields.clone(), columns, None)?;
    let item = Arc::new(Field::new_list_field(DataType::Struct(fields), true));
    let list = ListArray::try_new(item, OffsetBuffer::from_lengths([cells.len()]), Arc::new(table), None)?;
    Ok(ScalarValue::List(Arc::new(list)))
}

fn fault(table: Table, source: HistError) -> datafusion_common::DataFusionError {
    FunctionError::Histogram { function: table.name(), source }.into()
}

impl Accumulator for SelectionAccumulator {
    fn update_batch(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        let number = self.labels.len();
        let Some(first) = arguments.first() else {
            return internal_err!("{} without cuts", self.table.name());
        };
        let rows = first.len();
        let cuts = arguments[..number].iter().map(truth).collect::<Result<Vec<_>>>()?;
        let mut rest = arguments[number..].to_vec();
        let categories = self.variants.categories(&mut rest)?;
        let variations = self.variants.variations(&mut rest)?;
        let single = rest.pop();
        for (category, condition) in categories.into_iter().enumerate() {
            let inside = match condition {
                Some(condition) => truth(&(Arc::new(condition) as ArrayRef))?,
                None => BooleanBuffer::new_set(rows),
            };
            for (variation, weight) in variations.iter().enumerate() {
                let weight = weight.as_ref().or(single.as_ref()).map(jagged::float64).transpose()?;
                let all = match weight.as_ref().and_then(Array::nulls) {
                    Some(nulls) => &inside & nulls.inner(),
                    None => inside.clone(),
                };
                let cell = self.first_cell(category, variation);
                self.add_rows(cell, all, &cuts, weight.as_ref());
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(states) = states.first().and_then(|states| states.as_binary_opt::<i32>()) else {
            return internal_err!("{}: a state that is not binary", self.table.name());
        };
        for state in states.iter().flatten() {
            self.sums.merge_bytes(state).map_err(|source| fault(self.table, source))?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Binary(Some(self.sums.to_bytes()))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let rows = self.rows();
        if self.unrounded {
            let table = Unrounded::Table { rows, sums: self.sums.clone() };
            return Ok(ScalarValue::LargeBinary(Some(table.to_bytes())));
        }
        table(&rows, &self.sums.finish())
    }

    fn size(&self) -> usize {
        let labels: usize = self.labels.iter().map(|label| size_of::<String>() + label.capacity()).sum();
        size_of::<Self>() + labels + self.sums.bytes()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use arrow::array::BooleanArray;
    use arrow::datatypes::{Float64Type, UInt64Type};

    type Rows = Vec<(String, u64, f64, f64)>;

    fn rows(table: &mut SelectionAccumulator) -> Rows {
        let ScalarValue::List(list) = table.evaluate().unwrap() else { panic!("not a list") };
        let rows = list.value(0);
        let rows = rows.as_struct();
        let number = |i: usize| rows.column(i).as_primitive::<Float64Type>();
        (0..rows.len())
            .map(|i| {
                let label = rows.column(0).as_string::<i32>().value(i).to_owned();
                (
                    label,
                    rows.column(1).as_primitive::<UInt64Type>().value(i),
                    number(2).value(i),
                    number(3).value(i),
                )
            })
            .collect()
    }

    /// Two cuts and a weight over five events, in one go and in two parts that are merged.
    pub(in super::super) fn of_two_cuts(table: Table) -> Rows {
        let a: ArrayRef =
            Arc::new(BooleanArray::from(vec![Some(true), Some(true), Some(false), None, Some(true)]));
        let b: ArrayRef =
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), Some(true), Some(true), None]));
        let w: ArrayRef =
            Arc::new(Float64Array::from(vec![Some(0.5), Some(2.0), Some(1.0), Some(4.0), None]));
        let new = || {
            SelectionAccumulator::new(table, vec!["a".into(), "b".into()], Variants::default(), true).unwrap()
        };
        let mut whole = new();
        whole.update_batch(&[a.clone(), b.clone(), w.clone()]).unwrap();
        let (mut merged, mut part) = (new(), new());
        merged.update_batch(&[a.slice(3, 2), b.slice(3, 2), w.slice(3, 2)]).unwrap();
        part.update_batch(&[a.slice(0, 3), b.slice(0, 3), w.slice(0, 3)]).unwrap();
        merged.merge_batch(&[part.state().unwrap()[0].to_array().unwrap()]).unwrap();
        assert_eq!(rows(&mut whole), rows(&mut merged));
        rows(&mut whole)
    }

    #[test]
    fn without_weights_the_sums_are_the_counts() {
        let a: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]));
        let mut table =
            SelectionAccumulator::new(Table::Cutflow, vec!["a".into()], Variants::default(), false).unwrap();
        table.update_batch(&[a]).unwrap();
        assert_eq!(rows(&mut table), [("all".into(), 3, 3.0, 3.0), ("a".into(), 1, 1.0, 1.0)]);
    }

    #[test]
    fn misuse_is_a_plan_error() {
        let (cut, number) = (DataType::Boolean, DataType::Float32);
        assert_eq!(Table::Cutflow.layout(&[cut.clone(), cut.clone(), number.clone()]).unwrap().0, 2);
        for (types, why) in [
            (
                vec![],
                "cutflow: got 0 arguments, expected cutflow(cut, cut, …[, weight | weights => {…}][, categories => {…}])",
            ),
            (
                vec![cut.clone(), DataType::Utf8],
                "cutflow: argument 2 (weight) must be true or false, or a number as the weight, got Utf8",
            ),
            (vec![number.clone(), cut], "cutflow: argument 1 (cut) must be true or false, got Float32"),
        ] {
            let error = Table::Cutflow.layout(&types).unwrap_err().strip_backtrace();
            assert_eq!(error, format!("Error during planning: {why}"));
        }
    }
}
