//! `hist_std`, written `std(h)`: along one axis of a histogram.

use super::each;
use super::project::AxisNumbers;
use crate::arguments::Shape::{Histogram, Integer};
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] = [Parameter::new("h", Histogram), Parameter::new("i", Integer)];

/// √(Σw·(x − mean)²/Σw) along an axis.
#[user_doc(
    doc_section(label = "Histograms"),
    description = "Standard deviation of a histogram along an axis, from the bin centres, flow bins left out: the width of the distribution, not the error of its mean. NULL where the sum of weights in range is 0; an error on a category axis.",
    syntax_example = "hist_std(h[, i])",
    alternative_syntax = "std(h)",
    sql_example = "```sql\nSELECT std(hist(MET_pt, regular(100, 0, 200))) FROM events\n```",
    argument(name = "h", description = "A histogram."),
    argument(name = "i", description = "Which axis, 1 for the first.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct HistStd {
    signature: Signature,
    aliases: Vec<String>,
}

impl Default for HistStd {
    fn default() -> Self {
        Self { signature: unchecked(), aliases: spellings(&["std"]) }
    }
}

impl ScalarUDFImpl for HistStd {
    scalar_function!("hist_std", spellings = aliases);

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("hist_std", "hist_std(h[, i])", 1, &PARAMETERS, call.arg_fields)?;
        Ok(arguments::returns("hist_std", DataType::Float64))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let axes = AxisNumbers::new("hist_std", call.args.get(1), call.number_rows)?;
        let values =
            each::map("hist_std", &call.args[0], call.number_rows, |histogram, row| match axes.at(row) {
                Some(axis) => histogram.std(axis),
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
        let got = invoke(&HistStd::default(), &[histogram.into()], 1).unwrap();
        got.as_primitive::<Float64Type>().iter().next().unwrap()
    }

    #[test]
    fn known_values() {
        let axis = Axis::regular(4, 0.0, 4.0).unwrap();
        let fills = [(0.1, 1.0), (2.9, 1.0), (100.0, 5.0)];
        assert_eq!(value(filled(&axis, &fills)), Some(1.0));
        assert_eq!(value(filled(&axis, &[])), None);
        assert_eq!(value(nothing()), None);
    }

    #[test]
    fn axes_count_from_one() {
        let histogram = filled(&Axis::boolean(), &[(1.0, 1.0)]);
        let error =
            invoke(&HistStd::default(), &[histogram.into(), ScalarValue::from(0i64).into()], 1).unwrap_err();
        assert!(error.to_string().contains("hist_std: argument 2 (i) must be"), "{error}");
    }
}
