//! `project`: a histogram on some of its axes.

use arrow::array::Int64Array;
use arrow::compute::cast;
use arrow::datatypes::Int64Type;

use super::{each, histogram_field};
use crate::arguments::Shape::{Histogram, Integer};
use crate::prelude::*;

/// Which axis, as SQL counts: 1 is the first. Row by row.
pub(super) struct AxisNumbers(Option<Int64Array>);

impl AxisNumbers {
    /// The first axis where no number is given.
    pub(super) fn new(function: &'static str, given: Option<&ColumnarValue>, rows: usize) -> Result<Self> {
        let Some(given) = given else { return Ok(Self(None)) };
        let numbers = cast(&given.to_array(rows)?, &DataType::Int64)?;
        let numbers = numbers.as_primitive::<Int64Type>().clone();
        if let Some(found) = numbers.iter().flatten().find(|&number| number < 1) {
            let (position, name, expected) = (2, "i", "1 for the first axis, 2 for the next, …");
            let found = found.to_string();
            return Err(FunctionError::ArgumentValue { function, position, name, expected, found }.into());
        }
        Ok(Self(Some(numbers)))
    }

    /// From 0; `None` for NULL.
    pub(super) fn at(&self, row: usize) -> Option<usize> {
        match &self.0 {
            None => Some(0),
            Some(numbers) if numbers.is_null(row) => None,
            Some(numbers) => usize::try_from(numbers.value(row) - 1).ok(),
        }
    }
}

/// Keeps axes, sums over the others.
#[user_doc(
    doc_section(label = "Histograms"),
    description = "The histogram on the named axes only, in the order named; the others are summed over, flow bins included. NULL in, NULL out.",
    syntax_example = "project(h, i[, j, …])",
    sql_example = "```sql\nSELECT bins(project(pt_eta, 1)) FROM (SELECT hist(Jet_pt, regular(40, 0, 400), Jet_eta, regular(40, -2.4, 2.4)) AS pt_eta FROM events)\n```",
    argument(name = "h", description = "A histogram."),
    argument(name = "i, j", description = "Axes to keep, 1 for the first.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Project {
    signature: Signature,
}

impl Default for Project {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for Project {
    scalar_function!("project");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        let function = "project";
        if call.arg_fields.len() < 2 {
            let (found, syntax) = (call.arg_fields.len(), "project(h, i[, j, …])");
            return Err(FunctionError::ArgumentCount { function, found, syntax }.into());
        }
        let mut parameters = vec![Parameter::new("i", Integer); call.arg_fields.len()];
        parameters[0] = Parameter::new("h", Histogram);
        arguments::check(function, &parameters, call.arg_fields)?;
        Ok(histogram_field(function))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let axes = call.args[1..]
            .iter()
            .map(|axis| AxisNumbers::new("project", Some(axis), call.number_rows))
            .collect::<Result<Vec<_>>>()?;
        let projected = each::map("project", &call.args[0], call.number_rows, |histogram, row| {
            let keep: Option<Vec<usize>> = axes.iter().map(|axis| axis.at(row)).collect();
            keep.map(|keep| histogram.project(&keep)).transpose()
        })?;
        each::column(projected.into_iter().map(Option::flatten).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::nothing;
    use super::*;
    use crate::call::{invoke, plan};
    use crate::histogram::{histogram_array, histogram_at};
    use ana_hist::{Axis, ExactHistogram};

    fn number(i: i64) -> crate::call::Given {
        ScalarValue::from(i).into()
    }

    #[test]
    fn the_other_axis_is_summed_over_with_flow() {
        let axes = vec![Axis::integer(0, 2).unwrap(), Axis::boolean()];
        let mut histogram = ExactHistogram::new(axes.clone(), false).unwrap();
        for x in [0.0, 1.0, 1.0, 7.0] {
            histogram.fill_one(&[x, 1.0], 1.0);
        }
        let column = || -> ArrayRef { Arc::new(histogram_array(vec![Some(histogram.finish())]).unwrap()) };
        let second = invoke(&Project::default(), &[column().into(), number(2)], 1).unwrap();
        let second = histogram_at(&second, 0).unwrap().unwrap();
        assert_eq!((second.axes, second.counts), (axes[1..].to_vec(), vec![0, 4]));
        let turned = invoke(&Project::default(), &[column().into(), number(2), number(1)], 1).unwrap();
        assert_eq!(histogram_at(&turned, 0).unwrap().unwrap().counts, [0, 0, 0, 0, 0, 1, 2, 1]);
        let error = invoke(&Project::default(), &[column().into(), number(3)], 1).unwrap_err();
        assert!(error.to_string().contains("project: "), "{error}");
    }

    #[test]
    fn null_and_plan_errors() {
        let none = invoke(&Project::default(), &[nothing().into(), number(1)], 1).unwrap();
        assert_eq!(histogram_at(&none, 0).unwrap(), None);
        let error = plan(&Project::default(), &[super::super::histogram_data_type()]).unwrap_err();
        assert!(
            error.to_string().contains("project: got 1 arguments, expected project(h, i[, j, …])"),
            "{error}"
        );
    }
}
