//! `boolean`: false and true.

use ana_hist::Axis;

use super::constant;
use crate::prelude::*;

/// Two bins, false and true.
#[user_doc(
    doc_section(label = "Axes"),
    description = "An axis of two bins, false and true.",
    syntax_example = "boolean()",
    sql_example = "```sql\nSELECT hist(HLT_IsoMu24, boolean()) FROM events\n```"
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Boolean {
    signature: Signature,
}

impl Default for Boolean {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for Boolean {
    scalar_function!("boolean");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        constant::plan("boolean", "boolean()", 0, &[], &call, boolean)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        constant::invoke("boolean", &[], &call, boolean)
    }
}

fn boolean(_: &[ScalarValue]) -> Result<Axis> {
    Ok(Axis::boolean())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::axis_at;
    use crate::call::{invoke, plan};

    #[test]
    fn takes_nothing() {
        let got = invoke(&Boolean::default(), &[], 1).unwrap();
        assert_eq!(axis_at(got.as_struct(), 0).unwrap(), Some(Axis::boolean()));
        let error = plan(&Boolean::default(), &[DataType::Int64]).unwrap_err();
        assert!(error.to_string().contains("boolean: got 1 arguments, expected boolean()"), "{error}");
    }
}
