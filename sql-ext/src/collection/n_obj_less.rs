//! `n_obj_less`: fewer than n objects.

use super::counting;
use crate::arguments::Shape::{Integer, ListOrCounter};
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] = [Parameter::new("objects", ListOrCounter), Parameter::new("n", Integer)];

/// count < n.
#[user_doc(
    doc_section(label = "Collections"),
    description = "Whether an event has fewer than n objects. The first argument is a list, or a counter such as nJet. There is no minpt, as in PocketCoffea: count with n_obj(pt, minpt) where one is needed. NULL in, NULL out, which a WHERE takes as false.",
    syntax_example = "n_obj_less(objects, n)",
    sql_example = "```sql\nSELECT count(*) FROM events WHERE n_obj_less(Jet_pt, 4)\n```",
    argument(name = "objects", description = "A list, or a column with the number of objects."),
    argument(name = "n", description = "Number of objects.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct NObjLess {
    signature: Signature,
    aliases: Vec<String>,
}

impl Default for NObjLess {
    fn default() -> Self {
        Self { signature: unchecked(), aliases: spellings(&["nObj_less"]) }
    }
}

impl ScalarUDFImpl for NObjLess {
    scalar_function!("n_obj_less", spellings = aliases);

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        counting::check("n_obj_less", "n_obj_less(objects, n)", &PARAMETERS, call.arg_fields)?;
        Ok(arguments::returns("n_obj_less", DataType::Boolean))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        counting::compare(&call, |count, n| count < n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{bools, invoke, list_f32, plan};
    use arrow::array::{Int32Array, UInt32Array};

    #[test]
    fn lists_and_counters() {
        let n = Arc::new(Int32Array::from(vec![Some(2), Some(2), Some(2), Some(2), None])) as ArrayRef;
        let pt = list_f32(&[
            Some(&[Some(1.0)]),
            Some(&[Some(1.0), Some(2.0)]),
            Some(&[Some(1.0); 3]),
            None,
            Some(&[]),
        ]);
        let want = bools(&[Some(true), Some(false), Some(false), None, None]);
        let got = invoke(&NObjLess::default(), &[pt.into(), n.clone().into()], 5).unwrap();
        assert_eq!(&got, &want);
        let counter = Arc::new(UInt32Array::from(vec![Some(1), Some(2), Some(3), None, Some(2)])) as ArrayRef;
        assert_eq!(&invoke(&NObjLess::default(), &[counter.into(), n.into()], 5).unwrap(), &want);
    }

    #[test]
    fn there_is_no_threshold() {
        let types = [arguments::list_of(DataType::Float32), DataType::Int64, DataType::Int64];
        let error = plan(&NObjLess::default(), &types).unwrap_err();
        assert!(
            error.to_string().contains("n_obj_less: got 3 arguments, expected n_obj_less(objects, n)"),
            "{error}"
        );
    }
}
