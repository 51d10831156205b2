//! `divide`: two histograms become one.

use super::{each, histogram_field};
use crate::arguments::Shape::Histogram;
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] = [Parameter::new("h1", Histogram), Parameter::new("h2", Histogram)];

/// Cell by cell ratio.
#[user_doc(
    doc_section(label = "Histograms"),
    description = "The ratio of two histograms with the same axes, cell by cell. sumw is the ratio, sumw2 its variance for independent histograms, (s1*b^2 + s2*a^2)/b^4; both NaN where h2 has 0. The counts are those of h1. NULL in, NULL out; different axes are an error.",
    syntax_example = "divide(h1, h2)",
    sql_example = "```sql\nSELECT divide(passed, total) FROM totals\n```",
    argument(name = "h1", description = "A histogram."),
    argument(name = "h2", description = "A histogram with the same axes.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Divide {
    signature: Signature,
}

impl Default for Divide {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for Divide {
    scalar_function!("divide");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("divide", "divide(h1, h2)", 2, &PARAMETERS, call.arg_fields)?;
        Ok(histogram_field("divide"))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        each::map_pairs("divide", &call, |left, right| left.divide(right))
    }
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::{filled, nothing};
    use super::*;
    use crate::call::{invoke, plan};
    use crate::histogram::histogram_at;
    use ana_hist::Axis;

    #[test]
    fn cells_divide() {
        let axis = Axis::regular(2, 0.0, 2.0).unwrap();
        let (a, b) = (filled(&axis, &[(0.5, 2.0)]), filled(&axis, &[(0.5, 8.0)]));
        let ratio = invoke(&Divide::default(), &[a.into(), b.into()], 1).unwrap();
        let ratio = histogram_at(&ratio, 0).unwrap().unwrap();
        assert_eq!(ratio.sumw(1), 0.25);
        assert!(ratio.sumw(0).is_nan());
    }

    #[test]
    fn null_and_different_axes() {
        let a = filled(&Axis::regular(2, 0.0, 2.0).unwrap(), &[]);
        let none = invoke(&Divide::default(), &[a.clone().into(), nothing().into()], 1).unwrap();
        assert_eq!(histogram_at(&none, 0).unwrap(), None);
        let other = filled(&Axis::regular(2, 0.0, 3.0).unwrap(), &[]);
        let error = invoke(&Divide::default(), &[a.into(), other.into()], 1).unwrap_err();
        assert!(error.to_string().contains("divide: "), "{error}");
        let error = plan(&Divide::default(), &[DataType::Int64, DataType::Int64]).unwrap_err();
        assert!(
            error.to_string().contains("divide: argument 1 (h1) must be a histogram, got Int64"),
            "{error}"
        );
    }
}
