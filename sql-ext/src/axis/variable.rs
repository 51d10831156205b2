//! `variable`: bins between given edges.

use ana_hist::Axis;

use super::constant;
use crate::arguments::Shape::Numbers;
use crate::jagged;
use crate::prelude::*;

const PARAMETERS: [Parameter; 1] = [Parameter::new("edges", Numbers)];

/// Bins between `edges`.
#[user_doc(
    doc_section(label = "Axes"),
    description = "An axis of bins between the given edges, which must increase. Bin i holds edge(i) <= x < edge(i+1); below the first edge is underflow, from the last edge on (and NaN) overflow.",
    syntax_example = "variable([edge, edge, …])",
    sql_example = "```sql\nSELECT hist(Jet_pt, variable([30, 50, 80, 120, 200, 500])) FROM events\n```",
    argument(name = "edges", description = "List of at least two increasing numbers.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Variable {
    signature: Signature,
}

impl Default for Variable {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for Variable {
    scalar_function!("variable");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        constant::plan("variable", "variable([edge, edge, …])", 1, &PARAMETERS, &call, variable)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        constant::invoke("variable", &PARAMETERS, &call, variable)
    }
}

fn variable(constants: &[ScalarValue]) -> Result<Axis> {
    let list = jagged::list(&constants[0].to_array()?)?;
    let edges = jagged::float64(&list.value(0))?;
    if list.is_null(0) || edges.null_count() > 0 {
        return Err(constant::wrong("variable", &PARAMETERS, 0, "a list of numbers", &constants[0]).into());
    }
    constant::checked("variable", Axis::variable(edges.values().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::axis_at;
    use crate::call::{invoke, list_f64};

    #[test]
    fn constants_make_an_axis() {
        let given = list_f64(&[Some(&[Some(0.0), Some(1.0), Some(10.0)])]);
        let got = invoke(&Variable::default(), &[given.into()], 1).unwrap();
        assert_eq!(axis_at(got.as_struct(), 0).unwrap(), Some(Axis::variable(vec![0.0, 1.0, 10.0]).unwrap()));
    }

    #[test]
    fn nonsense_is_refused_when_planned() {
        for edges in
            [&[Some(1.0), Some(0.0)][..], &[Some(1.0)], &[Some(1.0), None], &[Some(1.0), Some(f64::NAN)]]
        {
            let given = ScalarValue::List(list_f64(&[Some(edges)]).as_list::<i32>().clone().into());
            let error = invoke(&Variable::default(), &[given.into()], 1).unwrap_err().strip_backtrace();
            assert!(error.starts_with("Error during planning: variable: "), "{error}");
        }
    }
}
