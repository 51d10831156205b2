//! `hist_mean`, written `mean(h)`: along one axis of a histogram.

use super::each;
use super::project::AxisNumbers;
use crate::arguments::Shape::{Histogram, Integer};
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] = [Parameter::new("h", Histogram), Parameter::new("i", Integer)];

/// Σw·x/Σw along an axis.
#[user_doc(
    doc_section(label = "Histograms"),
    description = "Mean of a histogram along an axis, from the bin centres, flow bins left out. mean(h) is the same for the first axis. NULL where the sum of weights in range is 0; an error on a category axis.",
    syntax_example = "hist_mean(h[, i])",
    alternative_syntax = "mean(h)",
    sql_example = "```sql\nSELECT mean(hist(MET_pt, regular(100, 0, 200))) FROM events\n```",
    argument(name = "h", description = "A histogram."),
    argument(name = "i", description = "Which axis, 1 for the first.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct HistMean {
    signature: Signature,
}

impl Default for HistMean {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for HistMean {
    scalar_function!("hist_mean");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("hist_mean", "hist_mean(h[, i])", 1, &PARAMETERS, call.arg_fields)?;
        Ok(arguments::returns("hist_mean", DataType::Float64))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let axes = AxisNumbers::new("hist_mean", call.args.get(1), call.number_rows)?;
        let values =
            each::map("hist_mean", &call.args[0], call.number_rows, |histogram, row| match axes.at(row) {
                Some(axis) => histogram.mean(axis),
                None => Ok(None),
            })?;
        Ok(ColumnarValue::Array(Arc::new(values.into_iter().map(Option::flatten).collect::<Float64Array>())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::{filled, nothing};
    use super::*;
    use crate::call::invoke;
    use ana_hist::Axis;
    use arrow::datatypes::Float64Type;

    fn value(histogram: ArrayRef) -> Option<f64> {
        let got = invoke(&HistMean::default(), &[histogram.into()], 1).unwrap();
        got.as_primitive::<Float64Type>().iter().next().unwrap()
    }

    #[test]
    fn known_values() {
        let axis = Axis::regular(4, 0.0, 4.0).unwrap();
        let fills = [(0.1, 1.0), (2.9, 1.0), (100.0, 5.0)];
        assert_eq!(value(filled(&axis, &fills)), Some(1.5));
        assert_eq!(value(filled(&axis, &[])), None);
        assert_eq!(value(nothing()), None);
    }

    #[test]
    fn axes_count_from_one() {
        let histogram = filled(&Axis::boolean(), &[(1.0, 1.0)]);
        let error =
            invoke(&HistMean::default(), &[histogram.into(), ScalarValue::from(0i64).into()], 1).unwrap_err();
        assert!(error.to_string().contains("hist_mean: argument 2 (i) must be"), "{error}");
    }
}
