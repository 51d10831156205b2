//! `list_var`: the variance of a list's elements.

use super::spread;
use crate::prelude::*;

/// Variance.
#[user_doc(
    doc_section(label = "Lists"),
    description = "Variance, sum((x - mean)^2) / (n - ddof), over the elements of a list, in f64; n counts the elements, NULL elements are passed over. The default ddof of 0 is that of awkward and NumPy and of `std(h)`; RVec's Var divides by n - 1, as ddof 1 does, and so do the engine's aggregates over events. NULL when there are no more than ddof elements, and for a NULL list. The other moments are the engine's `list_avg`, `list_sum` and `list_product`.",
    syntax_example = "list_var(list[, ddof])",
    sql_example = "```sql\nSELECT list_var(Jet.pt), list_var(Jet.pt, 1) FROM events\n```",
    argument(name = "list", description = "A list of numbers."),
    argument(name = "ddof", description = "How much less than n to divide by, a whole number from 0.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ListVar {
    signature: Signature,
    aliases: Vec<String>,
}

impl Default for ListVar {
    fn default() -> Self {
        Self { signature: unchecked(), aliases: spellings(&["array_var"]) }
    }
}

impl ScalarUDFImpl for ListVar {
    scalar_function!("list_var", spellings = aliases);

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        spread::returns("list_var", "list_var(list[, ddof])", &call)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        spread::events(&call, std::convert::identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f32, list_f64};
    use arrow::datatypes::Float64Type;

    #[test]
    fn null_elements_are_passed_over() {
        let full = list_f32(&[Some(&[Some(1.0), Some(5.0)]), Some(&[]), None]);
        let holes = list_f64(&[None, Some(&[Some(1.0), None, Some(5.0)]), Some(&[None])]);
        let found = |list: &ArrayRef, from| -> Vec<Option<f64>> {
            let list = list.slice(from, 2);
            let found = invoke(&ListVar::default(), &[list.into()], 2).unwrap();
            found.as_primitive::<Float64Type>().iter().collect()
        };
        assert_eq!(found(&full, 0), [Some(4.0), None]);
        assert_eq!(found(&full, 1), [None, None]);
        assert_eq!(found(&holes, 1), [Some(4.0), None]);
        let ddof = ScalarValue::from(1i64);
        let sample = invoke(&ListVar::default(), &[full.into(), ddof.into()], 3).unwrap();
        assert_eq!(sample.as_primitive::<Float64Type>().value(0), std::convert::identity(8.0));
    }
}
