//! `category`: one bin per label.

use ana_hist::Axis;

use super::constant;
use crate::arguments::Shape::Texts;
use crate::jagged;
use crate::prelude::*;

const PARAMETERS: [Parameter; 1] = [Parameter::new("labels", Texts)];

/// One bin per label.
#[user_doc(
    doc_section(label = "Axes"),
    description = "An axis with one bin for each of the given texts, and a last one for every other text.",
    syntax_example = "category(['a', 'b', …])",
    sql_example = "```sql\nSELECT hist(sample, category(['ttbar', 'DY'])) FROM mc\n```",
    argument(name = "labels", description = "List of different texts.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Category {
    signature: Signature,
}

impl Default for Category {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for Category {
    scalar_function!("category");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        constant::plan("category", "category(['a', 'b', …])", 1, &PARAMETERS, &call, category)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        constant::invoke("category", &PARAMETERS, &call, category)
    }
}

fn category(constants: &[ScalarValue]) -> Result<Axis> {
    let list = jagged::list(&constants[0].to_array()?)?;
    let labels = arrow::compute::cast(&list.value(0), &DataType::Utf8)?;
    if list.is_null(0) || labels.null_count() > 0 {
        return Err(constant::wrong("category", &PARAMETERS, 0, "a list of texts", &constants[0]).into());
    }
    constant::checked(
        "category",
        Axis::category(labels.as_string::<i32>().iter().flatten().map(str::to_owned).collect()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::axis_at;
    use crate::call::{invoke, list_text};

    #[test]
    fn constants_make_an_axis() {
        let got = invoke(&Category::default(), &[list_text(&["a", "b"]).into()], 1).unwrap();
        assert_eq!(
            axis_at(got.as_struct(), 0).unwrap(),
            Some(Axis::category(vec!["a".into(), "b".into()]).unwrap())
        );
    }

    #[test]
    fn a_label_twice_is_refused_when_planned() {
        let error =
            invoke(&Category::default(), &[list_text(&["a", "a"]).into()], 1).unwrap_err().strip_backtrace();
        assert!(error.starts_with("Error during planning: category: "), "{error}");
    }
}
