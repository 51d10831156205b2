//! `mask`: the elements of a list for which a condition holds; written `list[condition]`.

use ana_kernels::Bitmap;
use ana_kernels::elements::{keep, keep_offsets};
use arrow::array::{ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, filter, prep_null_mask_filter};

use super::align::Aligned;
use crate::prelude::*;
use crate::slices::{self, for_number};

const SYNTAX: &str = "mask(list, condition)";

/// Keeps the elements where the mask is TRUE.
#[user_doc(
    doc_section(label = "Lists"),
    description = "The elements of a list for which a list of booleans of the same collection is TRUE, in their order; FALSE and NULL drop the element. `list[condition]` is the same. A NULL list gives NULL.",
    syntax_example = "mask(list, condition)",
    alternative_syntax = "list[condition]",
    sql_example = "```sql\nSELECT Jet.pt[Jet.pt > 30 AND abs(Jet.eta) < 2.4] AS central_pt FROM events\n```",
    argument(name = "list", description = "A list."),
    argument(name = "condition", description = "A list of booleans with as many elements.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Mask {
    signature: Signature,
}

impl Default for Mask {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for Mask {
    scalar_function!("mask");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        let [list, condition] = call.arg_fields else {
            return Err(FunctionError::ArgumentCount {
                function: "mask",
                found: call.arg_fields.len(),
                syntax: SYNTAX,
            }
            .into());
        };
        let wrong = |position, name, expected, found: &FieldRef| FunctionError::ArgumentType {
            function: "mask",
            position,
            name,
            expected,
            found: found.data_type().to_string(),
        };
        let Some(item) = arguments::item(list.data_type()) else {
            return Err(wrong(1, "list", "a list", list).into());
        };
        match arguments::item(condition.data_type()) {
            Some(DataType::Boolean | DataType::Null) => {}
            _ => return Err(wrong(2, "condition", "a list of booleans", condition).into()),
        }
        Ok(arguments::returns("mask", arguments::list_of(item.clone())))
    }

    fn schema_name(&self, arguments: &[datafusion_expr::Expr]) -> Result<String> {
        match arguments {
            [list, condition] => Ok(format!("{}[{}]", list.schema_name(), condition.schema_name())),
            _ => Ok("mask".to_owned()),
        }
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let aligned = Aligned::new(&|| "mask".to_owned(), &call.args, &call.arg_fields, call.number_rows)?;
        let elements = aligned.len();
        let [values, condition] = aligned.values.as_slice() else {
            return datafusion_common::internal_err!("mask takes two arguments");
        };
        let condition = cast(&condition.to_array(elements)?, &DataType::Boolean)?;
        let kept = match condition.as_boolean() {
            mask if mask.null_count() > 0 => prep_null_mask_filter(mask),
            mask => mask.clone(),
        };
        let values = kept_values(&values.to_array(elements)?, &kept)?;
        let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        let bits = slices::bitmap(kept.values()).map_err(FunctionError::from)?;
        let offsets = OffsetBuffer::new(keep_offsets(aligned.offsets(), bits).into());
        Ok(ColumnarValue::Array(Arc::new(ListArray::try_new(
            item,
            offsets,
            values,
            aligned.nulls().cloned(),
        )?)))
    }
}

/// The elements that are kept; numbers without NULL by the kernel.
fn kept_values(values: &ArrayRef, kept: &BooleanArray) -> Result<ArrayRef> {
    if values.null_count() > 0 {
        return Ok(filter(values, kept)?);
    }
    let bits = slices::bitmap(kept.values()).map_err(FunctionError::from)?;
    for_number!(values.data_type(), numbers(values, bits), Ok(filter(values, kept)?))
}

fn numbers<T: ArrowPrimitiveType>(values: &ArrayRef, kept: Bitmap<'_>) -> Result<ArrayRef> {
    let kept = keep(values.as_primitive::<T>().values(), kept);
    Ok(Arc::new(PrimitiveArray::<T>::new(kept.into(), None)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f32, plan};
    use arrow::array::{BooleanBuilder, ListBuilder};

    fn booleans(events: &[&[Option<bool>]]) -> ArrayRef {
        let mut builder = ListBuilder::new(BooleanBuilder::new());
        for event in events {
            for value in *event {
                builder.values().append_option(*value);
            }
            builder.append(true);
        }
        Arc::new(builder.finish())
    }

    #[test]
    fn null_in_the_mask_drops_the_element() {
        let list = list_f32(&[Some(&[Some(1.0), Some(2.0), None]), Some(&[]), None]);
        let condition = booleans(&[&[None, Some(true), Some(true)], &[], &[]]);
        let got = invoke(&Mask::default(), &[list.into(), condition.into()], 3).unwrap();
        assert_eq!(&got, &list_f32(&[Some(&[Some(2.0), None]), Some(&[]), None]));
    }

    #[test]
    fn slices_of_longer_lists() {
        let list = list_f32(&[
            Some(&[Some(9.0), Some(8.0)]),
            Some(&[Some(1.0), Some(2.0)]),
            Some(&[]),
            Some(&[Some(3.0)]),
        ]);
        let condition = booleans(&[
            &[Some(true)],
            &[Some(true)],
            &[Some(false), Some(true)],
            &[],
            &[Some(true)],
            &[Some(false)],
        ]);
        let given = [list.slice(1, 3).into(), condition.slice(2, 3).into()];
        let got = invoke(&Mask::default(), &given, 3).unwrap();
        assert_eq!(&got, &list_f32(&[Some(&[Some(2.0)]), Some(&[]), Some(&[Some(3.0)])]));
        let given = [list.slice(0, 3).into(), condition.slice(2, 3).into()];
        let error = invoke(&Mask::default(), &given, 3).unwrap_err();
        assert!(error.to_string().contains("lists of one collection are needed"), "{error}");
    }

    #[test]
    fn a_mask_of_numbers_is_a_plan_error() {
        let numbers = arguments::list_of(DataType::Float32);
        let error = plan(&Mask::default(), &[numbers.clone(), numbers]).unwrap_err();
        assert!(error.to_string().contains("argument 2 (condition) must be a list of booleans"), "{error}");
    }
}
