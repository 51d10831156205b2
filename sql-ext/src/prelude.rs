//! What every function file uses.

pub(crate) use std::sync::Arc;

pub(crate) use arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray};
pub(crate) use arrow::datatypes::{DataType, Field, FieldRef};
pub(crate) use datafusion_common::{Result, ScalarValue};
pub(crate) use datafusion_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
pub(crate) use datafusion_macros::user_doc;

pub(crate) use crate::arguments::{self, Parameter};
pub(crate) use crate::error::FunctionError;

/// Every function checks its own arguments in `return_field_from_args`, with messages that say which
/// argument is wrong; so the engine's own checks of the signature are switched off.
pub(crate) fn unchecked() -> Signature {
    Signature::user_defined(Volatility::Immutable)
}

/// The other spellings of a function. SQL lower-cases an unquoted name before it looks it up, so
/// `deltaR` is registered as `deltar` too.
pub(crate) fn spellings(names: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for name in names {
        all.push((*name).to_owned());
        let lower = name.to_lowercase();
        if lower != *name {
            all.push(lower);
        }
    }
    all
}

/// The parts of `ScalarUDFImpl` that are the same for every function: no coercion by the engine (each
/// function reads the stored type), types from `plan`, which also sees the literals.
macro_rules! scalar_function {
    ($name:literal $(, spellings = $spellings:ident)?) => {
        fn name(&self) -> &str {
            $name
        }
        $(fn aliases(&self) -> &[String] {
            &self.$spellings
        })?
        fn signature(&self) -> &Signature {
            &self.signature
        }
        fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
            Ok(arguments.to_vec())
        }
        fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
            datafusion_common::internal_err!("{}: the type is made by return_field_from_args", $name)
        }
        fn documentation(&self) -> Option<&Documentation> {
            self.doc()
        }
    };
}
pub(crate) use scalar_function;
