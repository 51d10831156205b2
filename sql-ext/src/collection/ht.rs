//! `ht`: the scalar sum of a list, of transverse momenta as a rule.

use std::ops::Range;

use ana_kernels::elements::sums;
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::Float32Type;

use crate::arguments::Shape::Numbers;
use crate::jagged::{float64, list, ranges};
use crate::prelude::*;

const PARAMETERS: [Parameter; 1] = [Parameter::new("pt", Numbers)];

/// H_T = Σ p_T.
#[user_doc(
    doc_section(label = "Collections"),
    description = "Sum of the elements of a list, in f64 from first to last: H_T when the list holds transverse momenta. 0 for an empty list, NULL for a NULL list; NULL elements are left out, NaN elements give NaN.",
    syntax_example = "ht(pt)",
    sql_example = "```sql\nSELECT ht(array_filter(Jet_pt, pt -> pt > 25)) FROM events\n```",
    argument(name = "pt", description = "List of numbers.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Ht {
    signature: Signature,
}

impl Default for Ht {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for Ht {
    scalar_function!("ht");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("ht", "ht(pt)", 1, &PARAMETERS, call.arg_fields)?;
        Ok(arguments::returns("ht", DataType::Float64))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let pt = list(&call.args[0].to_array(call.number_rows)?)?;
        let sums: Vec<f64> = if pt.values().null_count() > 0 {
            let values = float64(pt.values())?;
            // From 0, as `ht` does: the sum of no floats is -0.
            let known = |range: Range<usize>| range.filter(|&i| values.is_valid(i)).map(|i| values.value(i));
            ranges(&pt).map(|range| known(range).fold(0.0, |sum, pt| sum + pt)).collect()
        } else if let Some(values) = pt.values().as_primitive_opt::<Float32Type>() {
            sums(pt.value_offsets(), values.values())
        } else {
            sums(pt.value_offsets(), float64(pt.values())?.values())
        };
        Ok(ColumnarValue::Array(Arc::new(Float64Array::new(ScalarBuffer::from(sums), pt.nulls().cloned()))))
    }
}

/// The formula alone: Σ in f64, from first to last.
pub fn ht<T: Copy + Into<f64>>(pt: &[T]) -> f64 {
    pt.iter().fold(0.0, |sum, &pt| sum + pt.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f32, list_f64, plan};
    use arrow::array::{Int16Array, LargeListArray};
    use arrow::datatypes::{Float64Type, Int16Type};

    fn sums(given: ArrayRef) -> Vec<Option<f64>> {
        let rows = given.len();
        invoke(&Ht::default(), &[given.into()], rows).unwrap().as_primitive::<Float64Type>().iter().collect()
    }

    #[test]
    fn empty_is_zero_and_null_is_null() {
        let pt = list_f32(&[Some(&[Some(30.0), Some(0.5)]), Some(&[]), None, Some(&[None, Some(1.0)])]);
        assert_eq!(sums(pt.clone()), [Some(30.5), Some(0.0), None, Some(1.0)]);
        assert_eq!(sums(pt.slice(1, 3)), [Some(0.0), None, Some(1.0)]);
    }

    #[test]
    fn stored_f32_are_summed_in_f64() {
        assert_eq!(sums(list_f32(&[Some(&[Some(1e8), Some(1.0)])])), [Some(100_000_001.0)]);
    }

    #[test]
    fn nan_shows() {
        assert!(sums(list_f64(&[Some(&[Some(1.0), Some(f64::NAN)])]))[0].unwrap().is_nan());
    }

    #[test]
    fn other_numbers_and_layouts() {
        let list: LargeListArray =
            LargeListArray::from_iter_primitive::<Int16Type, _, _>([Some(vec![Some(1), Some(2)]), None]);
        assert_eq!(sums(Arc::new(list)), [Some(3.0), None]);
    }

    #[test]
    fn a_number_is_refused_when_planned() {
        let error = plan(&Ht::default(), &[Int16Array::from(vec![1]).data_type().clone()]).unwrap_err();
        assert_eq!(
            error.strip_backtrace(),
            "Error during planning: ht: argument 1 (pt) must be a list of numbers, got Int16"
        );
    }
}
