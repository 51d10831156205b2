//! The mark that planning leaves on a histogram among the arguments of an aggregate; see
//! [`planner`](crate::planner). It is in no plan that runs.

use crate::prelude::*;

/// Its argument, unchanged.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AsHistogram {
    signature: Signature,
}

impl Default for AsHistogram {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl AsHistogram {
    fn doc(&self) -> Option<&Documentation> {
        None
    }
}

impl ScalarUDFImpl for AsHistogram {
    scalar_function!("histogram");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::clone(&call.arg_fields[0]))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(call.args[0].clone())
    }
}
