//! `n_obj_eq`: exactly n objects.

use super::counting;
use crate::arguments::Shape::{Integer, ListOrCounter, Number};
use crate::prelude::*;

const PARAMETERS: [Parameter; 3] =
    [Parameter::new("objects", ListOrCounter), Parameter::new("n", Integer), Parameter::new("minpt", Number)];

/// count == n.
#[user_doc(
    doc_section(label = "Collections"),
    description = "Whether an event has exactly n objects. The first argument is a list, or a counter such as nJet. With minpt only elements with pt >= minpt count. NULL in, NULL out, which a WHERE takes as false.",
    syntax_example = "n_obj_eq(objects, n[, minpt])",
    sql_example = "```sql\nSELECT count(*) FROM events WHERE n_obj_eq(Jet_pt, 4, 30)\n```",
    argument(name = "objects", description = "A list, or a column with the number of objects."),
    argument(name = "n", description = "Number of objects."),
    argument(
        name = "minpt",
        description = "Threshold, itself included; objects must then be a list of numbers."
    )
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct NObjEq {
    signature: Signature,
    aliases: Vec<String>,
}

impl Default for NObjEq {
    fn default() -> Self {
        Self { signature: unchecked(), aliases: spellings(&["nObj_eq"]) }
    }
}

impl ScalarUDFImpl for NObjEq {
    scalar_function!("n_obj_eq", spellings = aliases);

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        counting::check("n_obj_eq", "n_obj_eq(objects, n[, minpt])", &PARAMETERS, call.arg_fields)?;
        Ok(arguments::returns("n_obj_eq", DataType::Boolean))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        counting::compare(&call, |count, n| count == n)
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
        let want = bools(&[Some(false), Some(true), Some(false), None, None]);
        let got = invoke(&NObjEq::default(), &[pt.into(), n.clone().into()], 5).unwrap();
        assert_eq!(&got, &want);
        let counter = Arc::new(UInt32Array::from(vec![Some(1), Some(2), Some(3), None, Some(2)])) as ArrayRef;
        assert_eq!(&invoke(&NObjEq::default(), &[counter.into(), n.into()], 5).unwrap(), &want);
    }

    #[test]
    fn a_threshold_needs_the_list() {
        let error =
            plan(&NObjEq::default(), &[DataType::UInt32, DataType::Int64, DataType::Int64]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("n_obj_eq: argument 1 (objects) must be a list of numbers, got UInt32"),
            "{error}"
        );
        let pt = list_f32(&[Some(&[Some(30.0), Some(29.0)]), Some(&[Some(40.0), Some(30.0)]), None]);
        let given = [pt.into(), ScalarValue::from(1i64).into(), ScalarValue::from(30i64).into()];
        let got = invoke(&NObjEq::default(), &given, 3).unwrap();
        assert_eq!(&got, &bools(&[Some(true), Some(false), None]));
    }
}
