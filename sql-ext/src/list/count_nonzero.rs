//! `count_nonzero`: how many elements of a list are TRUE, or not 0.

use arrow::array::Int64Array;
use arrow::compute::{cast, prep_null_mask_filter};

use crate::jagged;
use crate::prelude::*;

const SYNTAX: &str = "count_nonzero(list)";

/// How many elements are TRUE.
#[user_doc(
    doc_section(label = "Lists"),
    description = "Number of elements of a list of booleans that are TRUE, or of a list of numbers that are not 0; NaN is not 0, NULL elements are not counted. 0 for an empty list, NULL for a NULL list. RVec's Sum of a condition, awkward's count_nonzero. `(SELECT count(*) FROM Jet j WHERE …)` counts objects in one loop.",
    syntax_example = "count_nonzero(list)",
    sql_example = "```sql\nSELECT count(*) FROM events WHERE count_nonzero(Jet.pt > 40 AND abs(Jet.eta) < 2.4) >= 2\n```",
    argument(name = "list", description = "A list of booleans or numbers.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct CountNonzero {
    signature: Signature,
}

impl Default for CountNonzero {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for CountNonzero {
    scalar_function!("count_nonzero");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        let function = "count_nonzero";
        let [list] = call.arg_fields else {
            let found = call.arg_fields.len();
            return Err(FunctionError::ArgumentCount { function, found, syntax: SYNTAX }.into());
        };
        let item = arguments::item(list.data_type());
        if !item.is_some_and(|item| *item == DataType::Boolean || arguments::is_number(item)) {
            return Err(FunctionError::ArgumentType {
                function,
                position: 1,
                name: "list",
                expected: "a list of booleans or numbers",
                found: arguments::type_name(list.data_type()),
            }
            .into());
        }
        Ok(arguments::returns(function, DataType::Int64))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Array(Arc::new(count_nonzero(&call.args[0], call.number_rows)?)))
    }
}

/// How many elements of each list are TRUE, or not 0.
pub(super) fn count_nonzero(list: &ColumnarValue, rows: usize) -> Result<Int64Array> {
    let list = jagged::list(&list.to_array(rows)?)?;
    let (first, last) = (jagged::start(&list, 0), jagged::start(&list, list.len()));
    // A number that is not 0 casts to TRUE.
    let truths = cast(&list.values().slice(first, last - first), &DataType::Boolean)?;
    let truths = match truths.as_boolean() {
        truths if truths.null_count() > 0 => prep_null_mask_filter(truths),
        truths => truths.clone(),
    };
    let bits = truths.values();
    let counts = jagged::ranges(&list).map(|range| {
        let truths = bits.slice(range.start - first, range.len()).count_set_bits();
        i64::try_from(truths).unwrap_or(i64::MAX)
    });
    Ok(Int64Array::new(counts.collect::<Vec<_>>().into(), list.nulls().cloned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f32, plan};
    use arrow::array::{BooleanBuilder, ListBuilder};
    use arrow::datatypes::Int64Type;

    fn counted(list: ArrayRef) -> Vec<Option<i64>> {
        let rows = list.len();
        let counts = invoke(&CountNonzero::default(), &[list.into()], rows).unwrap();
        counts.as_primitive::<Int64Type>().iter().collect()
    }

    #[test]
    fn numbers_and_booleans() {
        let numbers =
            list_f32(&[Some(&[Some(0.0), Some(-0.0), Some(0.5), Some(f32::NAN), None]), None, Some(&[])]);
        assert_eq!(counted(numbers.clone()), [Some(2), None, Some(0)]);
        assert_eq!(counted(numbers.slice(1, 2)), [None, Some(0)]);
        let mut truths = ListBuilder::new(BooleanBuilder::new());
        truths.append_value([Some(true), None, Some(false)]);
        truths.append_value([Some(true), Some(true)]);
        let truths: ArrayRef = Arc::new(truths.finish());
        assert_eq!(counted(truths.clone()), [Some(1), Some(2)]);
        assert_eq!(counted(truths.slice(1, 1)), [Some(2)]);
    }

    #[test]
    fn texts_are_refused() {
        let error = plan(&CountNonzero::default(), &[arguments::list_of(DataType::Utf8)]).unwrap_err();
        assert!(error.to_string().contains("must be a list of booleans or numbers"), "{error}");
    }
}
