//! `n_obj`: how many objects an event has, all or those above a threshold.

use super::counting::counts;
use crate::arguments::Shape::{List, Number, Numbers};
use crate::prelude::*;

const ALL: [Parameter; 1] = [Parameter::new("objects", List)];
const ABOVE: [Parameter; 2] = [Parameter::new("pt", Numbers), Parameter::new("minpt", Number)];

/// The number of elements, or of those with pt ≥ minpt.
#[user_doc(
    doc_section(label = "Collections"),
    description = "Number of elements of a list (NULL elements included), or with two arguments the number of elements with pt >= minpt, as PocketCoffea counts. A stored f32 is compared as the f64 it equals; NaN and NULL elements are never above. 0 for an empty list, NULL for a NULL list.",
    syntax_example = "n_obj(list)",
    alternative_syntax = "n_obj(pt, minpt)",
    sql_example = "```sql\nSELECT n_obj(Jet_pt), n_obj(Jet_pt, 30) FROM events\n```",
    argument(name = "list", description = "A list of any type."),
    argument(name = "minpt", description = "Threshold, itself included. The list must then hold numbers.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct NObj {
    signature: Signature,
    aliases: Vec<String>,
}

impl Default for NObj {
    fn default() -> Self {
        Self { signature: unchecked(), aliases: spellings(&["nObj"]) }
    }
}

impl ScalarUDFImpl for NObj {
    scalar_function!("n_obj", spellings = aliases);

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        let parameters: &[Parameter] = if call.arg_fields.len() < 2 { &ALL } else { &ABOVE };
        arguments::check_call("n_obj", "n_obj(list) or n_obj(pt, minpt)", 1, parameters, call.arg_fields)?;
        Ok(arguments::returns("n_obj", DataType::Int64))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Array(Arc::new(counts(&call.args[0], call.args.get(1), call.number_rows)?)))
    }
}

/// The formula alone: how many are at least `minpt`.
pub fn n_obj<T: Copy + Into<f64>>(pt: &[T], minpt: f64) -> i64 {
    pt.iter().map(|&pt| i64::from(pt.into() >= minpt)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f32, plan};
    use arrow::datatypes::Int64Type;

    fn counted(given: &[crate::call::Given], rows: usize) -> Vec<Option<i64>> {
        invoke(&NObj::default(), given, rows).unwrap().as_primitive::<Int64Type>().iter().collect()
    }

    #[test]
    fn the_threshold_itself_counts() {
        let pt = list_f32(&[Some(&[Some(29.9), Some(30.0), Some(f32::NAN), None]), Some(&[]), None]);
        assert_eq!(counted(&[pt.clone().into()], 3), [Some(4), Some(0), None]);
        assert_eq!(
            counted(&[pt.clone().into(), ScalarValue::from(30i64).into()], 3),
            [Some(1), Some(0), None]
        );
        assert_eq!(counted(&[pt.into(), ScalarValue::Float64(None).into()], 3), [None, None, None]);
    }

    #[test]
    fn a_stored_f32_is_compared_as_it_is() {
        // 24.9f32 is a little below the decimal 24.9.
        let pt = list_f32(&[Some(&[Some(24.9)])]);
        assert_eq!(counted(&[pt.clone().into(), ScalarValue::from(24.9f64).into()], 1), [Some(0)]);
        assert_eq!(counted(&[pt.into(), ScalarValue::from(f64::from(24.9f32)).into()], 1), [Some(1)]);
    }

    #[test]
    fn a_threshold_needs_numbers() {
        let texts = arguments::list_of(DataType::Utf8);
        assert_eq!(plan(&NObj::default(), std::slice::from_ref(&texts)).unwrap(), DataType::Int64);
        let error = plan(&NObj::default(), &[texts, DataType::Int64]).unwrap_err();
        assert!(error.to_string().contains("n_obj: argument 1 (pt) must be a list of numbers"), "{error}");
    }
}
