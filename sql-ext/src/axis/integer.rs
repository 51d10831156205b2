//! `integer`: one bin per whole number.

use ana_hist::Axis;

use super::constant;
use crate::arguments::Shape;
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] =
    [Parameter::new("lo", Shape::Integer), Parameter::new("hi", Shape::Integer)];

/// One bin per integer in lo, lo + 1, …, hi − 1.
#[user_doc(
    doc_section(label = "Axes"),
    description = "An axis with one bin for each of the whole numbers lo, lo+1, …, hi-1, for counts such as nJet. Below lo is underflow, from hi on overflow.",
    syntax_example = "integer(lo, hi)",
    sql_example = "```sql\nSELECT hist(nJet, integer(0, 15)) FROM events\n```",
    argument(name = "lo", description = "First whole number."),
    argument(name = "hi", description = "First whole number beyond the axis.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Integer {
    signature: Signature,
}

impl Default for Integer {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for Integer {
    scalar_function!("integer");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        constant::plan("integer", "integer(lo, hi)", 2, &PARAMETERS, &call, integer)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        constant::invoke("integer", &PARAMETERS, &call, integer)
    }
}

fn integer(constants: &[ScalarValue]) -> Result<Axis> {
    let lo = constant::whole("integer", &PARAMETERS, constants, 0)?;
    let hi = constant::whole("integer", &PARAMETERS, constants, 1)?;
    constant::checked("integer", Axis::integer(lo, hi))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::axis_at;
    use crate::call::invoke;

    #[test]
    fn constants_make_an_axis() {
        let given = [ScalarValue::from(-1i32), ScalarValue::from(4u8)];
        let got = invoke(&Integer::default(), &given.map(Into::into), 1).unwrap();
        assert_eq!(axis_at(got.as_struct(), 0).unwrap(), Some(Axis::integer(-1, 4).unwrap()));
    }

    #[test]
    fn an_empty_range_is_refused_when_planned() {
        let given = [ScalarValue::from(4i64), ScalarValue::from(4i64)];
        let error = invoke(&Integer::default(), &given.map(Into::into), 1).unwrap_err().strip_backtrace();
        assert!(error.starts_with("Error during planning: integer: "), "{error}");
    }
}
