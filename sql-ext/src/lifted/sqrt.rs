//! The square root as IEEE 754 has it.

use arrow::datatypes::{Float32Type, Float64Type};

use crate::prelude::*;

/// `sqrt(x)`: NaN of a negative number, as in event subqueries, ROOT and NumPy. The engine's own is an error there,
/// which ends a whole run for one event whose E² − p² is negative by rounding.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct SquareRoot {
    signature: Signature,
}

impl Default for SquareRoot {
    fn default() -> Self {
        let types = vec![DataType::Float64, DataType::Float32];
        Self { signature: Signature::uniform(1, types, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SquareRoot {
    fn name(&self) -> &str {
        "sqrt"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(match arguments {
            [DataType::Float32] => DataType::Float32,
            _ => DataType::Float64,
        })
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = call.args.as_slice() else {
            return datafusion_common::internal_err!("sqrt takes one argument");
        };
        let values = value.to_array(call.number_rows)?;
        let roots: ArrayRef = match values.data_type() {
            DataType::Float32 => {
                Arc::new(values.as_primitive::<Float32Type>().unary::<_, Float32Type>(f32::sqrt))
            }
            _ => Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::sqrt)),
        };
        Ok(ColumnarValue::Array(roots))
    }
}
