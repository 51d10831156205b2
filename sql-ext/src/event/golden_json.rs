//! `golden_json`: whether the luminosity block of an event is certified.

use arrow::array::{BooleanArray, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::UInt64Type;
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::{Expr, ScalarUDF};

use super::Certified;
use crate::arguments::Shape::{Integer, Text};
use crate::prelude::*;

const PARAMETERS: [Parameter; 3] = [
    Parameter::new("run", Integer),
    Parameter::new("luminosityBlock", Integer),
    Parameter::new("file", Text),
];

/// Whether (run, luminosityBlock) is in the file's ranges.
#[user_doc(
    doc_section(label = "Events"),
    description = "Whether the luminosity block of an event is certified for physics, by a golden JSON file {\"run\": [[first, last], …], …}; both ends of a range are included. The file is read once, when the query is planned; a file of another form is an error. NULL in, NULL out. For simulation write is_mc OR golden_json(…).",
    syntax_example = "golden_json(run, luminosityBlock, 'file')",
    sql_example = "```sql\nSELECT count(*) FROM events WHERE golden_json(run, luminosityBlock, 'Cert_Collisions2022_golden.json')\n```",
    argument(name = "run", description = "Run number."),
    argument(name = "luminosityBlock", description = "Number of the luminosity block."),
    argument(name = "file", description = "Path of the file, a text literal.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct GoldenJson {
    signature: Signature,
    aliases: Vec<String>,
    /// The file's content, put in by the optimizer: each call in a query has a function of its own.
    certified: Option<Arc<Certified>>,
}

impl Default for GoldenJson {
    fn default() -> Self {
        Self { signature: unchecked(), aliases: spellings(&["goldenJson"]), certified: None }
    }
}

impl ScalarUDFImpl for GoldenJson {
    scalar_function!("golden_json", spellings = aliases);

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        let syntax = "golden_json(run, luminosityBlock, 'file')";
        arguments::check_call("golden_json", syntax, 3, &PARAMETERS, call.arg_fields)?;
        if self.certified.is_none() {
            Certified::read(path(arguments::literal(&call, 2))?)?;
        }
        Ok(arguments::returns("golden_json", DataType::Boolean))
    }

    fn simplify(&self, arguments: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let (None, Some(Expr::Literal(file, _))) = (&self.certified, arguments.get(2)) else {
            return Ok(ExprSimplifyResult::Original(arguments));
        };
        let certified = Some(Arc::new(Certified::read(path(Some(file))?)?));
        let bound = ScalarUDF::from(Self { certified, ..Self::default() });
        let call = ScalarFunction::new_udf(Arc::new(bound), arguments);
        Ok(ExprSimplifyResult::Simplified(Expr::ScalarFunction(call)))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let certified = match (&self.certified, &call.args[2]) {
            (Some(certified), _) => Arc::clone(certified),
            (None, ColumnarValue::Scalar(file)) => Arc::new(Certified::read(path(Some(file))?)?),
            (None, ColumnarValue::Array(_)) => Arc::new(Certified::read(path(None)?)?),
        };
        let runs = call.args[0].to_array(call.number_rows)?;
        let blocks = call.args[1].to_array(call.number_rows)?;
        let nulls = NullBuffer::union(runs.logical_nulls().as_ref(), blocks.logical_nulls().as_ref());
        let (runs, blocks) = (numbers(&runs)?, numbers(&blocks)?);
        // What is NULL only after the cast is negative: no such run.
        let good = (0..runs.len())
            .map(|event| {
                runs.is_valid(event)
                    && blocks.is_valid(event)
                    && certified.contains(runs.value(event), blocks.value(event))
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::new(good, nulls))))
    }
}

fn numbers(array: &ArrayRef) -> Result<UInt64Array> {
    Ok(cast(array, &DataType::UInt64)?.as_primitive::<UInt64Type>().clone())
}

fn path(literal: Option<&ScalarValue>) -> Result<&str> {
    match literal.and_then(ScalarValue::try_as_str) {
        Some(Some(path)) => Ok(path),
        _ => Err(FunctionError::ArgumentValue {
            function: "golden_json",
            position: 3,
            name: "file",
            expected: "a text literal",
            found: literal.map_or("an expression".to_owned(), ToString::to_string),
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{bools, invoke};
    use arrow::array::{Int64Array, UInt32Array};
    use std::io::Write;

    fn file(text: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("golden.json");
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        let path = path.to_str().unwrap().to_owned();
        (folder, path)
    }

    #[test]
    fn known_values() {
        let (_folder, path) = file(r#"{"1": [[2, 3]]}"#);
        let runs = Arc::new(UInt32Array::from(vec![Some(1), Some(1), Some(1), Some(2), None])) as ArrayRef;
        let blocks = Arc::new(Int64Array::from(vec![1, 2, 3, 2, 2])) as ArrayRef;
        let given = [runs.into(), blocks.into(), ScalarValue::from(path.as_str()).into()];
        let got = invoke(&GoldenJson::default(), &given, 5).unwrap();
        assert_eq!(&got, &bools(&[Some(false), Some(true), Some(true), Some(false), None]));
    }

    #[test]
    fn a_negative_number_is_no_run() {
        let (_folder, path) = file(r#"{"1": [[2, 3]]}"#);
        let given = [
            (Arc::new(Int64Array::from(vec![-1])) as ArrayRef).into(),
            ScalarValue::from(2i64).into(),
            ScalarValue::from(path.as_str()).into(),
        ];
        assert_eq!(&invoke(&GoldenJson::default(), &given, 1).unwrap(), &bools(&[Some(false)]));
    }

    #[test]
    fn a_missing_or_malformed_file_is_a_plan_error() {
        let (_folder, path) = file("{\"1\": 5}");
        for (file, why) in [
            ("no/such.json", "golden_json: cannot read 'no/such.json'"),
            (path.as_str(), "run 1: expected a list of [first, last], got 5"),
        ] {
            let number = || ScalarValue::from(1i64).into();
            let error =
                invoke(&GoldenJson::default(), &[number(), number(), ScalarValue::from(file).into()], 1);
            let error = error.unwrap_err().strip_backtrace();
            assert!(
                error.starts_with("Error during planning: golden_json") && error.contains(why),
                "{error}"
            );
        }
    }
}
