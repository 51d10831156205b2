//! `rebin`: a histogram with coarser bins.

use arrow::compute::cast;
use arrow::datatypes::Int64Type;

use super::project::AxisNumbers;
use super::{each, histogram_field};
use crate::arguments::Shape::{Histogram, Integer};
use crate::prelude::*;

const PARAMETERS: [Parameter; 3] =
    [Parameter::new("h", Histogram), Parameter::new("n", Integer), Parameter::new("i", Integer)];

/// Joins neighbouring bins.
#[user_doc(
    doc_section(label = "Histograms"),
    description = "The histogram with every n neighbouring bins of an axis joined; flow bins stay. n must divide the number of bins. NULL in, NULL out.",
    syntax_example = "rebin(h, n[, i])",
    sql_example = "```sql\nSELECT bins(rebin(hist(MET_pt, regular(100, 0, 200)), 10)) FROM events\n```",
    argument(name = "h", description = "A histogram."),
    argument(name = "n", description = "How many bins become one."),
    argument(name = "i", description = "Which axis, 1 for the first and when not given.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Rebin {
    signature: Signature,
}

impl Default for Rebin {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for Rebin {
    scalar_function!("rebin");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("rebin", "rebin(h, n[, i])", 2, &PARAMETERS, call.arg_fields)?;
        Ok(histogram_field("rebin"))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let axes = AxisNumbers::new("rebin", call.args.get(2), call.number_rows)?;
        let groups = cast(&call.args[1].to_array(call.number_rows)?, &DataType::Int64)?;
        let groups = groups.as_primitive::<Int64Type>();
        let rebinned = each::map("rebin", &call.args[0], call.number_rows, |histogram, row| {
            let (Some(axis), true) = (axes.at(row), groups.is_valid(row)) else { return Ok(None) };
            // A negative number divides nothing, as 0 does, which rebin refuses by its own message.
            let group = usize::try_from(groups.value(row)).unwrap_or(0);
            histogram.rebin(axis, group).map(Some)
        })?;
        each::column(rebinned.into_iter().map(Option::flatten).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::{filled, nothing};
    use super::*;
    use crate::call::invoke;
    use crate::histogram::histogram_at;
    use ana_hist::Axis;

    #[test]
    fn neighbours_are_joined() {
        let (fine, coarse) = (Axis::regular(4, 0.0, 4.0).unwrap(), Axis::regular(2, 0.0, 4.0).unwrap());
        let fills = [(-1.0, 1.0), (0.5, 2.0), (1.5, 3.0), (3.5, 4.0), (9.0, 5.0)];
        let n = |n: i64| ScalarValue::from(n).into();
        let got = invoke(&Rebin::default(), &[filled(&fine, &fills).into(), n(2)], 1).unwrap();
        let (got, want) = (histogram_at(&got, 0).unwrap().unwrap(), filled(&coarse, &fills));
        let want = histogram_at(&want, 0).unwrap().unwrap();
        assert_eq!((got.axes[0].edges(), &got.counts), (want.axes[0].edges(), &want.counts));
        assert_eq!(got.sumws(), want.sumws());
        for bad in [3, 0, -2] {
            let error = invoke(&Rebin::default(), &[filled(&fine, &fills).into(), n(bad)], 1).unwrap_err();
            assert!(error.to_string().contains("rebin: 4 bins cannot be joined"), "{error}");
        }
        let none = invoke(&Rebin::default(), &[nothing().into(), n(2)], 1).unwrap();
        assert_eq!(histogram_at(&none, 0).unwrap(), None);
    }
}
