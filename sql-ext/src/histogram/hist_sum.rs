//! `hist_sum`, written `sum(h)`: the contents of a histogram.

use arrow::compute::cast;

use super::each;
use crate::arguments::Shape::{Boolean, Histogram};
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] = [Parameter::new("h", Histogram), Parameter::new("flow", Boolean)];

/// Σw over the cells.
#[user_doc(
    doc_section(label = "Histograms"),
    description = "Sum of the contents of a histogram: of the weights, or the number of fills where there are none. Flow bins are left out unless flow is true. sum(h) is hist_sum(h).",
    syntax_example = "hist_sum(h[, flow])",
    alternative_syntax = "sum(h)",
    sql_example = "```sql\nSELECT sum(hist(MET_pt, regular(100, 0, 200))) FROM events\n```",
    argument(name = "h", description = "A histogram."),
    argument(name = "flow", description = "true to count underflow, overflow and other labels too.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct HistSum {
    signature: Signature,
}

impl Default for HistSum {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for HistSum {
    scalar_function!("hist_sum");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("hist_sum", "hist_sum(h[, flow])", 1, &PARAMETERS, call.arg_fields)?;
        Ok(arguments::returns("hist_sum", DataType::Float64))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let flow = call.args.get(1).map(|flow| flow.to_array(call.number_rows)).transpose()?;
        let flow = flow.map(|flow| cast(&flow, &DataType::Boolean)).transpose()?;
        let flow = flow.as_ref().map(|flow| flow.as_boolean());
        let sums = each::map("hist_sum", &call.args[0], call.number_rows, |histogram, row| {
            Ok(match flow {
                None => Some(histogram.sum(false).sumw),
                Some(flow) => flow.is_valid(row).then(|| histogram.sum(flow.value(row)).sumw),
            })
        })?;
        Ok(ColumnarValue::Array(Arc::new(sums.into_iter().map(Option::flatten).collect::<Float64Array>())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::{filled, nothing};
    use super::*;
    use crate::call::{Given, invoke};
    use ana_hist::Axis;
    use arrow::datatypes::Float64Type;

    fn value(given: &[Given]) -> Option<f64> {
        let got = invoke(&HistSum::default(), given, 1).unwrap();
        got.as_primitive::<Float64Type>().iter().next().unwrap()
    }

    #[test]
    fn flow_bins_only_when_asked() {
        let histogram =
            || filled(&Axis::regular(4, 0.0, 4.0).unwrap(), &[(0.1, 1.0), (2.9, 0.5), (100.0, 5.0)]).into();
        let flow = |flow| ScalarValue::Boolean(flow).into();
        assert_eq!(value(&[histogram()]), Some(1.5));
        assert_eq!(value(&[histogram(), flow(Some(false))]), Some(1.5));
        assert_eq!(value(&[histogram(), flow(Some(true))]), Some(6.5));
        assert_eq!(value(&[histogram(), flow(None)]), None);
        assert_eq!(value(&[nothing().into()]), None);
    }
}
