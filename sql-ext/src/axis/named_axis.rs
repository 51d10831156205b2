//! `named_axis`: an axis under a name of its own.

use super::{axis_at, constant};
use crate::arguments::Shape;
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] = [Parameter::new("axis", Shape::Axis), Parameter::new("name", Shape::Text)];

/// The axis with another name.
#[user_doc(
    doc_section(label = "Axes"),
    description = "The axis under a name, which plots and files show. An axis without one gets the text of the expression it is filled with.",
    syntax_example = "named_axis(axis, 'name')",
    sql_example = "```sql\nSELECT hist(MET_pt, named_axis(regular(100, 0, 200), 'MET [GeV]')) FROM events\n```",
    argument(name = "axis", description = "An axis, e.g. regular(100, 0, 200)."),
    argument(name = "name", description = "Its name, a text literal.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct NamedAxis {
    signature: Signature,
}

impl Default for NamedAxis {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for NamedAxis {
    scalar_function!("named_axis");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        constant::plan("named_axis", "named_axis(axis, 'name')", 2, &PARAMETERS, &call, named_axis)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        constant::invoke("named_axis", &PARAMETERS, &call, named_axis)
    }
}

fn named_axis(constants: &[ScalarValue]) -> Result<ana_hist::Axis> {
    let ScalarValue::Struct(axis) = &constants[0] else {
        return Err(constant::wrong("named_axis", &PARAMETERS, 0, "an axis", &constants[0]).into());
    };
    let axis =
        axis_at(axis, 0)?.ok_or_else(|| constant::wrong("named_axis", &PARAMETERS, 0, "an axis", "NULL"))?;
    let Some(name) = constants[1].try_as_str().flatten() else {
        return Err(constant::wrong("named_axis", &PARAMETERS, 1, "a text", &constants[1]).into());
    };
    Ok(axis.named(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::axis_scalar;
    use crate::call::invoke;
    use ana_hist::Axis;

    #[test]
    fn the_name_replaces_another() {
        let axis = Axis::integer(0, 3).unwrap().named("nJet");
        let given = [axis_scalar(axis).unwrap().into(), ScalarValue::from("jets").into()];
        let got = invoke(&NamedAxis::default(), &given, 1).unwrap();
        assert_eq!(axis_at(got.as_struct(), 0).unwrap(), Some(Axis::integer(0, 3).unwrap().named("jets")));
    }
}
