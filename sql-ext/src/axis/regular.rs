//! `regular`: bins of one width, in the value, its logarithm or its square root.

use ana_hist::{Axis, Transform};

use super::{constant, value};
use crate::arguments::Shape::{Integer, Number, Text};
use crate::prelude::*;

const PARAMETERS: [Parameter; 4] = [
    Parameter::new("n", Integer),
    Parameter::new("lo", Number),
    Parameter::new("hi", Number),
    Parameter::new("transform", Text),
];

/// `n` bins in [lo, hi).
#[user_doc(
    doc_section(label = "Axes"),
    description = "An axis of n bins of one width between lo and hi; with 'log' or 'sqrt' of one width in the logarithm or the square root. Edges decide: bin i holds edge(i) <= x < edge(i+1), with edge(i) = lo + i*((hi-lo)/n) in f64. Below lo is underflow, from hi on (and NaN) overflow.",
    syntax_example = "regular(n, lo, hi[, 'log'|'sqrt'])",
    sql_example = "```sql\nSELECT hist(MET_pt, regular(100, 0, 200)) FROM events\n```",
    argument(name = "n", description = "Number of bins."),
    argument(name = "lo", description = "Lower end; above 0 for 'log', not below 0 for 'sqrt'."),
    argument(name = "hi", description = "Upper end, itself overflow."),
    argument(name = "transform", description = "'log' or 'sqrt'.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Regular {
    signature: Signature,
}

impl Default for Regular {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for Regular {
    scalar_function!("regular");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        constant::plan("regular", "regular(n, lo, hi[, 'log'|'sqrt'])", 3, &PARAMETERS, &call, regular)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        constant::invoke("regular", &PARAMETERS, &call, regular)
    }
}

/// The axis of constant arguments; also of the short form `hist(x, n, lo, hi)`.
pub(crate) fn regular(constants: &[ScalarValue]) -> Result<Axis> {
    let n = constant::whole("regular", &PARAMETERS, constants, 0)?;
    let n = usize::try_from(n)
        .ok()
        .filter(|&n| n > 0)
        .ok_or_else(|| constant::wrong("regular", &PARAMETERS, 0, "at least 1", n))?;
    let lo = constant::number("regular", &PARAMETERS, constants, 1)?;
    let hi = constant::number("regular", &PARAMETERS, constants, 2)?;
    let transform = match constants.get(3) {
        None => Transform::None,
        Some(name) => name
            .try_as_str()
            .flatten()
            .and_then(value::transform)
            .ok_or_else(|| constant::wrong("regular", &PARAMETERS, 3, "'log' or 'sqrt'", name))?,
    };
    constant::checked("regular", Axis::transformed(n, lo, hi, transform))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::axis_at;
    use crate::call::invoke;
    use rstest::rstest;

    #[test]
    fn constants_make_an_axis() {
        let given = [
            ScalarValue::from(3i64),
            ScalarValue::from(1i64),
            ScalarValue::from(1000.0),
            ScalarValue::from("log"),
        ];
        let got = invoke(&Regular::default(), &given.map(Into::into), 1).unwrap();
        let want = Axis::transformed(3, 1.0, 1000.0, Transform::Log).unwrap();
        assert_eq!(axis_at(got.as_struct(), 0).unwrap(), Some(want));
    }

    #[rstest]
    #[case::no_bins([0.into(), 0.0.into(), 1.0.into()], "regular: argument 1 (n) must be at least 1, got 0")]
    #[case::backwards([2.into(), 1.0.into(), 0.0.into()], "regular: ")]
    #[case::no_bound([2.into(), 1.0.into(), ScalarValue::Float64(None)], "regular: argument 3 (hi) must be a number, got NULL")]
    fn nonsense_is_refused_when_planned(#[case] given: [ScalarValue; 3], #[case] why: &str) {
        let error = invoke(&Regular::default(), &given.map(Into::into), 1).unwrap_err().strip_backtrace();
        assert!(error.starts_with(&format!("Error during planning: {why}")), "{error}");
    }
}
