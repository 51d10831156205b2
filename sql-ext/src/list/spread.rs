//! How far the elements of a list are apart: what `list_var` and `list_std` share.

use datafusion_common::internal_err;

use crate::arguments::Shape;
use crate::collection::integers;
use crate::jagged::Jagged;
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] =
    [Parameter::new("list", Shape::Numbers), Parameter::new("ddof", Shape::Integer)];

/// The type of `function(list [, ddof])`.
pub(super) fn returns(
    function: &'static str,
    syntax: &'static str,
    call: &ReturnFieldArgs,
) -> Result<FieldRef> {
    arguments::check_call(function, syntax, 1, &PARAMETERS, call.arg_fields)?;
    if let Some(ddof) = arguments::literal(call, 1)
        && arguments::whole_number(ddof).is_some_and(|ddof| ddof < 0)
    {
        return Err(FunctionError::ArgumentValue {
            function,
            position: 2,
            name: "ddof",
            expected: "0 or a number above it",
            found: ddof.to_string(),
        }
        .into());
    }
    Ok(arguments::returns(function, DataType::Float64))
}

/// `finish` of the variance of every list.
pub(super) fn events(call: &ScalarFunctionArgs, finish: fn(f64) -> f64) -> Result<ColumnarValue> {
    let Some(list) = call.args.first() else { return internal_err!("expected a list") };
    let list = Jagged::new(&list.to_array(call.number_rows)?)?;
    let ddof = call.args.get(1).map(|ddof| integers(&ddof.to_array(call.number_rows)?)).transpose()?;
    let mut present = Vec::new();
    let mut of = |event: usize| {
        let ddof = match &ddof {
            None => 0,
            Some(ddof) if ddof.is_valid(event) => usize::try_from(ddof.value(event)).ok()?,
            Some(_) => return None,
        };
        if list.is_null(event) {
            return None;
        }
        let range = list.range(event);
        if list.values.null_count() == 0 {
            return variance(&list.values.values()[range], ddof);
        }
        present.clear();
        present.extend(range.filter(|at| list.values.is_valid(*at)).map(|at| list.values.value(at)));
        variance(&present, ddof)
    };
    let results: Float64Array = (0..call.number_rows).map(|event| of(event).map(finish)).collect();
    Ok(ColumnarValue::Array(Arc::new(results)))
}

/// Σ(x − mean)² / (n − ddof), in two passes: the sum of squares less the square of the sum would lose all digits of
/// numbers that are close together. `None` where n is not above ddof.
#[allow(clippy::cast_precision_loss, reason = "no list has 2^53 elements")]
pub fn variance(values: &[f64], ddof: usize) -> Option<f64> {
    let freedom = values.len().checked_sub(ddof).filter(|freedom| *freedom > 0)?;
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    Some(squares / freedom as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::empty(&[], 0, None)]
    #[case::one(&[3.0], 0, Some(0.0))]
    #[case::one_of_a_sample(&[3.0], 1, None)]
    #[case::population(&[1.0, 2.0, 3.0, 4.0], 0, Some(1.25))]
    #[case::sample(&[1.0, 3.0], 1, Some(2.0))]
    #[case::far_from_zero(&[1e9, 1e9 + 2.0], 0, Some(1.0))]
    fn known(#[case] values: &[f64], #[case] ddof: usize, #[case] want: Option<f64>) {
        assert_eq!(variance(values, ddof), want);
    }

    #[test]
    fn nan_and_infinity_show() {
        assert!(variance(&[1.0, f64::NAN], 0).is_some_and(f64::is_nan));
        assert!(variance(&[1.0, f64::INFINITY], 0).is_some_and(f64::is_nan));
    }
}
