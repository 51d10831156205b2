//! `n_minus`: how many objects are left without those that pass a condition.

use arrow::array::Int64Array;
use arrow::buffer::NullBuffer;

use super::count_nonzero::count_nonzero;
use crate::arguments::Shape;
use crate::collection::counts;
use crate::jagged;
use crate::prelude::*;

const SYNTAX: &str = "n_minus(list or counter, condition)";

/// The number of objects less those that pass.
#[user_doc(
    doc_section(label = "Lists"),
    description = "Number of objects of a list, or of a counter such as nJet, less those for which the condition is TRUE: the objects that fail a cut, with those for which it is NULL. NULL for a NULL list. To count what each cut of an event selection alone takes away there is `nminusone`.",
    syntax_example = "n_minus(list, condition)",
    alternative_syntax = "n_minus(counter, condition)",
    sql_example = "```sql\nSELECT n_minus(Jet.pt, Jet.pt > 30 AND abs(Jet.eta) < 2.4) AS other_jets FROM events\n```",
    argument(name = "list", description = "A list of anything, or a counter."),
    argument(name = "condition", description = "A list of booleans of the same collection.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct NMinus {
    signature: Signature,
}

impl Default for NMinus {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for NMinus {
    scalar_function!("n_minus");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        let function = "n_minus";
        let [_, condition] = call.arg_fields else {
            let found = call.arg_fields.len();
            return Err(FunctionError::ArgumentCount { function, found, syntax: SYNTAX }.into());
        };
        arguments::check(function, &[Parameter::new("list", Shape::ListOrCounter)], call.arg_fields)?;
        match arguments::item(condition.data_type()) {
            Some(DataType::Boolean | DataType::Null) => Ok(arguments::returns(function, DataType::Int64)),
            _ => Err(FunctionError::ArgumentType {
                function,
                position: 2,
                name: "condition",
                expected: "a list of booleans",
                found: arguments::type_name(condition.data_type()),
            }
            .into()),
        }
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let condition = jagged::list(&call.args[1].to_array(call.number_rows)?)?;
        let all = counts(&call.args[0], None, call.number_rows)?;
        let passed = count_nonzero(&call.args[1], call.number_rows)?;
        let nulls = NullBuffer::union(all.nulls(), passed.nulls());
        let lengths = jagged::ranges(&condition).map(|range| range.len()).enumerate();
        for (event, length) in lengths.filter(|(event, _)| all.is_valid(*event) && condition.is_valid(*event))
        {
            let objects = usize::try_from(all.value(event)).unwrap_or(0);
            if objects != length {
                return Err(FunctionError::Lengths {
                    function: "n_minus",
                    event,
                    first: 1,
                    first_name: "list",
                    first_length: objects,
                    second: 2,
                    second_name: "condition",
                    second_length: length,
                }
                .into());
            }
        }
        // No counter that agrees with a list is near the end of the integers, but a NULL one may hold anything.
        let left = all.values().iter().zip(passed.values()).map(|(all, passed)| all.saturating_sub(*passed));
        Ok(ColumnarValue::Array(Arc::new(Int64Array::new(left.collect(), nulls))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f32, plan};
    use arrow::array::{BooleanBuilder, ListBuilder, UInt32Array};
    use arrow::datatypes::Int64Type;

    #[test]
    fn lists_and_counters() {
        let pt = list_f32(&[Some(&[Some(1.0), Some(2.0), None]), Some(&[]), None]);
        let mut condition = ListBuilder::new(BooleanBuilder::new());
        condition.append_value([Some(true), Some(false), None]);
        condition.append_value([]);
        condition.append_null();
        let condition: ArrayRef = Arc::new(condition.finish());
        let want = [Some(2), Some(0), None];
        let got = invoke(&NMinus::default(), &[pt.clone().into(), condition.clone().into()], 3).unwrap();
        assert_eq!(got.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), want);
        let counter = |n: [u32; 3]| -> ArrayRef { Arc::new(UInt32Array::from_iter_values(n)) };
        let given = [counter([3, 0, 0]).into(), condition.clone().into()];
        let got = invoke(&NMinus::default(), &given, 3).unwrap();
        assert_eq!(got.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), want);
        let given = [counter([3, 1, 0]).into(), condition.into()];
        let error = invoke(&NMinus::default(), &given, 3).unwrap_err();
        assert!(
            error.to_string().contains("in event 1 of the batch argument 1 (list) has 1 elements"),
            "{error}"
        );
    }

    #[test]
    fn a_condition_is_needed() {
        let numbers = arguments::list_of(DataType::Float32);
        let error = plan(&NMinus::default(), &[numbers.clone(), numbers]).unwrap_err();
        assert!(error.to_string().contains("argument 2 (condition) must be a list of booleans"), "{error}");
    }
}
