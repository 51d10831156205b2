//! Which argument of a `hist` call is a value, an axis or the weight.

use ana_hist::Axis;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion_common::{Result, ScalarValue};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::Literal;
use datafusion_physical_expr::utils::collect_columns;
use std::sync::Arc;

use crate::arguments::{is_integer, is_number, is_text, item, type_name};
use crate::axis::regular::regular;
use crate::axis::{axis_at, is_axis};
use crate::error::FunctionError;

const SYNTAX: &str = "hist(value, axis[, value, axis, …][, weight | weights => {…}][, categories => {…}]) or hist(value, n, lo, hi[, …])";

/// Places of the arguments of a call, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// One value per axis.
    pub(super) values: Vec<usize>,
    /// Where the axes are.
    pub(super) axes: AxisPlaces,
    /// Where the weight is, or the struct of the variations of the weight.
    pub(super) weight: Option<usize>,
    /// Where the struct of the categories' conditions is.
    pub(super) categories: Option<usize>,
}

/// Where the axes of a call are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AxisPlaces {
    /// Each is an argument.
    Arguments(Vec<usize>),
    /// One regular axis, as n, lo and hi from argument 1 on.
    ShortForm,
}

impl Layout {
    /// By the types of the arguments.
    pub(super) fn of(types: &[DataType]) -> Result<Self> {
        let layout =
            if types.get(1).is_some_and(is_axis) { Self::pairs(types)? } else { Self::short_form(types)? };
        for &value in &layout.values {
            check(
                value,
                "value",
                "a number, a text, true or false, or a list of them",
                &types[value],
                is_value,
            )?;
        }
        if let Some(weight) = layout.weight {
            let condition = |found: &DataType| matches!(item(found).unwrap_or(found), DataType::Boolean);
            if is_struct_of(&types[weight], condition) {
                let expected = "a struct of conditions, each of one value per event";
                return Err(wrong(weight, "categories", expected, &types[weight]));
            }
            let expected = "a number, a list of numbers, or the variations, {'nominal': weight, …}";
            check(weight, "weight", expected, &types[weight], |found| {
                is_weight(found) || is_struct_of(found, is_weight)
            })?;
        }
        Ok(layout)
    }

    /// The places of what is filled: the values, the weight, the categories.
    pub(super) fn places(&self) -> Vec<usize> {
        self.values.iter().copied().chain(self.weight).chain(self.categories).collect()
    }

    /// What follows the axes, from the argument `from` on: a weight and categories.
    fn rest(types: &[DataType], from: usize) -> Option<(Option<usize>, Option<usize>)> {
        match &types[from..] {
            [] => Some((None, None)),
            [one] if is_categories(one) => Some((None, Some(from))),
            [_] => Some((Some(from), None)),
            [_, last] if is_categories(last) => Some((Some(from), Some(from + 1))),
            _ => None,
        }
    }

    fn pairs(types: &[DataType]) -> Result<Self> {
        let pairs = (0..types.len() / 2).take_while(|pair| is_axis(&types[2 * pair + 1])).count();
        let Some((weight, categories)) = Self::rest(types, 2 * pairs) else {
            let place = 2 * pairs + 1;
            let expected = "an axis such as regular(100, 0, 200), or the weight the last argument";
            return Err(wrong(place, "axis", expected, &types[place]));
        };
        let values = (0..pairs).map(|pair| 2 * pair).collect();
        let axes = AxisPlaces::Arguments((0..pairs).map(|pair| 2 * pair + 1).collect());
        Ok(Self { values, axes, weight, categories })
    }

    fn short_form(types: &[DataType]) -> Result<Self> {
        match types.get(1) {
            Some(second) if !is_integer(second) => {
                return Err(wrong(
                    1,
                    "axis",
                    "an axis such as regular(100, 0, 200), or a number of bins",
                    second,
                ));
            }
            _ if types.len() < 4 || Self::rest(types, 4).is_none() => {
                let function = "hist";
                return Err(
                    FunctionError::ArgumentCount { function, found: types.len(), syntax: SYNTAX }.into()
                );
            }
            _ => {}
        }
        for (place, name) in [(2, "lo"), (3, "hi")] {
            check(place, name, "a number", &types[place], is_number)?;
        }
        let (weight, categories) = Self::rest(types, 4).unwrap_or_default();
        Ok(Self { values: vec![0], axes: AxisPlaces::ShortForm, weight, categories })
    }

    /// The axes, given how to look up the constant at a place.
    pub(super) fn axes(&self, constant: impl Fn(usize) -> Result<ScalarValue>) -> Result<Vec<Axis>> {
        match &self.axes {
            AxisPlaces::Arguments(places) => places
                .iter()
                .map(|&place| match constant(place)? {
                    ScalarValue::Struct(axis) => {
                        axis_at(&axis, 0)?.ok_or_else(|| wrong(place, "axis", "an axis", &DataType::Null))
                    }
                    other => Err(wrong(place, "axis", "an axis", &other.data_type())),
                })
                .collect(),
            AxisPlaces::ShortForm => Ok(vec![regular(&[constant(1)?, constant(2)?, constant(3)?])?]),
        }
    }

    /// Whether each axis, of a kind as SQL spells it, can be filled with the type of its value.
    pub(super) fn check_kinds<'a>(
        &self,
        kinds: impl Iterator<Item = Option<&'a str>>,
        types: &[DataType],
    ) -> Result<()> {
        let values: Vec<DataType> = self.values.iter().map(|&place| types[place].clone()).collect();
        self.check_value_kinds(kinds, &values)
    }

    /// The same, given the types of the values alone.
    pub(super) fn check_value_kinds<'a>(
        &self,
        kinds: impl Iterator<Item = Option<&'a str>>,
        values: &[DataType],
    ) -> Result<()> {
        for ((kind, found), &place) in kinds.zip(values).zip(&self.values) {
            let value = item(found).unwrap_or(found);
            let text = is_text(plain(value));
            let (fits, expected) = match kind {
                None => continue,
                Some("category") => (text || value.is_null(), "a text for a category axis"),
                Some("boolean") => {
                    (matches!(value, DataType::Boolean | DataType::Null), "true or false for a boolean axis")
                }
                Some(_) => (!text, "a number; texts go on a category axis"),
            };
            if !fits {
                return Err(wrong(place, "value", expected, found));
            }
        }
        Ok(())
    }
}

/// What a dictionary stands for.
pub(super) fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, value) => value,
        other => other,
    }
}

fn is_value(found: &DataType) -> bool {
    let value = plain(item(found).unwrap_or(found));
    is_number(value) || is_text(value) || matches!(value, DataType::Boolean)
}

fn is_weight(found: &DataType) -> bool {
    is_number(item(found).unwrap_or(found))
}

/// Whether it is a struct all of whose fields are accepted.
pub(crate) fn is_struct_of(found: &DataType, accepts: fn(&DataType) -> bool) -> bool {
    match found {
        DataType::Struct(fields) => {
            !fields.is_empty() && fields.iter().all(|field| accepts(field.data_type()))
        }
        _ => false,
    }
}

/// Whether it is a struct of conditions.
pub(crate) fn is_categories(found: &DataType) -> bool {
    is_struct_of(found, |field| matches!(field, DataType::Boolean))
}

fn check(
    place: usize,
    name: &'static str,
    expected: &'static str,
    found: &DataType,
    accepts: fn(&DataType) -> bool,
) -> Result<()> {
    if accepts(found) { Ok(()) } else { Err(wrong(place, name, expected, found)) }
}

fn wrong(
    place: usize,
    name: &'static str,
    expected: &'static str,
    found: &DataType,
) -> datafusion_common::DataFusionError {
    let found = type_name(found);
    FunctionError::ArgumentType { function: "hist", position: place + 1, name, expected, found }.into()
}

/// The value of an argument that must be the same for all events.
pub(super) fn constant_value(argument: &Arc<dyn PhysicalExpr>) -> Result<ScalarValue> {
    if let Some(literal) = argument.downcast_ref::<Literal>() {
        return Ok(literal.value().clone());
    }
    if !collect_columns(argument).is_empty() {
        let reason = format!("an axis must be the same for all events, {argument} is not");
        return Err(FunctionError::Call { function: "hist", reason }.into());
    }
    let schema = Arc::new(Schema::new(vec![] as Vec<Field>));
    let one_row = RecordBatchOptions::new().with_row_count(Some(1));
    let one_row = RecordBatch::try_new_with_options(schema, vec![], &one_row)?;
    ScalarValue::try_from_array(&argument.evaluate(&one_row)?.into_array(1)?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::axis_data_type;
    use rstest::rstest;

    fn f32() -> DataType {
        DataType::Float32
    }

    #[test]
    fn forms() {
        let (axis, int) = (axis_data_type, || DataType::Int64);
        let layout = Layout::of(&[f32(), axis(), f32(), axis(), f32()]).unwrap();
        assert_eq!((layout.values, layout.weight), (vec![0, 2], Some(4)));
        assert_eq!(layout.axes, AxisPlaces::Arguments(vec![1, 3]));
        assert_eq!(Layout::of(&[f32(), axis()]).unwrap().weight, None);
        let layout = Layout::of(&[f32(), int(), int(), int(), f32()]).unwrap();
        assert_eq!((layout.values, layout.axes, layout.weight), (vec![0], AxisPlaces::ShortForm, Some(4)));
    }

    #[rstest]
    #[case::no_axis(vec![f32(), f32()], "hist: argument 2 (axis) must be an axis such as regular(100, 0, 200), or a number of bins, got Float32")]
    #[case::too_few(vec![f32()], "hist: got 1 arguments, expected hist(value, axis")]
    #[case::two_weights(vec![f32(), axis_data_type(), f32(), f32()], "hist: argument 4 (axis) must be an axis such as")]
    #[case::axis_first(vec![axis_data_type(), axis_data_type()], "hist: argument 1 (value) must be a number, a text, true or false, or a list of them, got an axis")]
    #[case::weight(vec![f32(), axis_data_type(), DataType::Utf8], "hist: argument 3 (weight) must be a number, a list of numbers, or the variations, {'nominal': weight, …}, got Utf8")]
    #[case::short(vec![f32(), DataType::Int64, DataType::Utf8, f32()], "hist: argument 3 (lo) must be a number, got Utf8")]
    fn misuse(#[case] types: Vec<DataType>, #[case] want: &str) {
        let error = Layout::of(&types).unwrap_err().strip_backtrace();
        assert!(error.starts_with(&format!("Error during planning: {want}")), "{error}");
    }
}
