//! `hist_add`: two histograms become one.

use super::{each, histogram_field};
use crate::arguments::Shape::Histogram;
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] = [Parameter::new("h1", Histogram), Parameter::new("h2", Histogram)];

/// Cell by cell sum.
#[user_doc(
    doc_section(label = "Histograms"),
    description = "The sum of two histograms with the same axes, cell by cell: counts, sums of weights and of their squares add up. Written h1 + h2. NULL in, NULL out; different axes are an error.",
    syntax_example = "hist_add(h1, h2)",
    sql_example = "```sql\nSELECT h1 + h2 FROM totals\n```",
    argument(name = "h1", description = "A histogram."),
    argument(name = "h2", description = "A histogram with the same axes.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct HistAdd {
    signature: Signature,
}

impl Default for HistAdd {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for HistAdd {
    scalar_function!("hist_add");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("hist_add", "hist_add(h1, h2)", 2, &PARAMETERS, call.arg_fields)?;
        Ok(histogram_field("hist_add"))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        each::map_pairs("hist_add", &call, |left, right| left.add(right))
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
    fn cells_add_up() {
        let axis = Axis::regular(2, 0.0, 2.0).unwrap();
        let (a, b) = (filled(&axis, &[(0.5, 2.0)]), filled(&axis, &[(0.5, 0.25), (9.0, 1.0)]));
        let sum = invoke(&HistAdd::default(), &[a.clone().into(), b.clone().into()], 1).unwrap();
        let same = filled(&axis, &[(9.0, 1.0), (0.5, 0.25), (0.5, 2.0)]);
        assert_eq!(&sum, &same);
        assert_eq!(&sum, &invoke(&HistAdd::default(), &[b.into(), a.into()], 1).unwrap());
    }

    #[test]
    fn null_and_different_axes() {
        let a = filled(&Axis::regular(2, 0.0, 2.0).unwrap(), &[]);
        let none = invoke(&HistAdd::default(), &[a.clone().into(), nothing().into()], 1).unwrap();
        assert_eq!(histogram_at(&none, 0).unwrap(), None);
        let other = filled(&Axis::regular(2, 0.0, 3.0).unwrap(), &[]);
        let error = invoke(&HistAdd::default(), &[a.into(), other.into()], 1).unwrap_err();
        assert!(error.to_string().contains("hist_add: "), "{error}");
        let error = plan(&HistAdd::default(), &[DataType::Int64, DataType::Int64]).unwrap_err();
        assert!(
            error.to_string().contains("hist_add: argument 1 (h1) must be a histogram, got Int64"),
            "{error}"
        );
    }
}
