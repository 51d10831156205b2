//! `delta_r`: angular distance between two objects of one event.

use super::delta_phi;
use crate::arguments::Shape::NumberOrNumbers;
use crate::elementwise;
use crate::prelude::*;

const PARAMETERS: [Parameter; 4] = [
    Parameter::new("eta1", NumberOrNumbers),
    Parameter::new("phi1", NumberOrNumbers),
    Parameter::new("eta2", NumberOrNumbers),
    Parameter::new("phi2", NumberOrNumbers),
];

/// ΔR = √(Δη² + Δφ²), with Δφ brought into [−π, π].
#[user_doc(
    doc_section(label = "Kinematics"),
    description = "Angular distance sqrt(deta^2 + dphi^2) of two objects; dimensionless, phi in radian. The order is eta1, phi1, eta2, phi2 (ROOT's DeltaR takes eta1, eta2, phi1, phi2). Lists go element by element, a number is repeated beside a list. NULL or NaN in, NULL or NaN out.",
    syntax_example = "delta_r(eta1, phi1, eta2, phi2)",
    sql_example = "```sql\nSELECT delta_r(Jet_eta, Jet_phi, Muon_eta[1], Muon_phi[1]) FROM events\n```",
    argument(
        name = "eta1",
        description = "Pseudorapidity of the first object: a number or a list of numbers."
    ),
    argument(name = "phi1", description = "Azimuth of the first object in radian."),
    argument(name = "eta2", description = "Pseudorapidity of the second object."),
    argument(name = "phi2", description = "Azimuth of the second object in radian.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct DeltaR {
    signature: Signature,
    aliases: Vec<String>,
}

impl Default for DeltaR {
    fn default() -> Self {
        Self { signature: unchecked(), aliases: spellings(&["deltaR"]) }
    }
}

impl ScalarUDFImpl for DeltaR {
    scalar_function!("delta_r", spellings = aliases);

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("delta_r", "delta_r(eta1, phi1, eta2, phi2)", 4, &PARAMETERS, call.arg_fields)?;
        Ok(arguments::returns("delta_r", elementwise::return_type(call.arg_fields)))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        elementwise::map("delta_r", &PARAMETERS, &call, |[eta1, phi1, eta2, phi2]| {
            delta_r(eta1, phi1, eta2, phi2)
        })
    }
}

/// The formula alone.
pub fn delta_r(eta1: f64, phi1: f64, eta2: f64, phi2: f64) -> f64 {
    // Not hypot: distances are of order one, and hypot turns (inf, NaN) into inf.
    let (deta, dphi) = (eta1 - eta2, delta_phi(phi1, phi2));
    (deta * deta + dphi * dphi).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f32, list_f64, plan};
    use approx::assert_relative_eq;
    use rstest::rstest;
    use std::f64::consts::TAU;

    #[rstest]
    #[case::flat(0.3, 0.4, 0.0, 0.0, 0.5)]
    #[case::across_the_seam(0.0, 3.1, 0.0, -3.1, TAU - 6.2)]
    #[case::same(1.0, 2.0, 1.0, 2.0, 0.0)]
    fn known_values(#[case] e1: f64, #[case] p1: f64, #[case] e2: f64, #[case] p2: f64, #[case] want: f64) {
        assert_relative_eq!(delta_r(e1, p1, e2, p2), want, epsilon = 1e-12);
        assert_eq!(delta_r(e1, p1, e2, p2), delta_r(e2, p2, e1, p1));
    }

    #[test]
    fn lists_go_element_by_element_and_numbers_are_repeated() {
        let eta = list_f32(&[Some(&[Some(0.5), Some(1.5)]), Some(&[]), None, Some(&[Some(2.5)])]);
        let phi = list_f64(&[Some(&[Some(0.0), None]), Some(&[]), Some(&[Some(1.0)]), Some(&[Some(0.0)])]);
        let event = Arc::new(Float64Array::from(vec![Some(0.5), Some(1.0), Some(1.0), None])) as ArrayRef;
        let zero = ScalarValue::from(0i64);
        let got =
            invoke(&DeltaR::default(), &[eta.into(), phi.into(), event.into(), zero.into()], 4).unwrap();
        let want = list_f64(&[Some(&[Some(0.0), None]), Some(&[]), None, Some(&[None])]);
        assert_eq!(&got, &want);
    }

    #[test]
    fn a_slice_reads_its_own_events() {
        let all = list_f32(&[Some(&[Some(9.0); 3]), Some(&[Some(1.0)]), Some(&[Some(3.0), Some(4.0)])]);
        let part = all.slice(1, 2);
        let zero = ScalarValue::from(0.0);
        let got = invoke(
            &DeltaR::default(),
            &[part.into(), zero.clone().into(), zero.clone().into(), zero.into()],
            2,
        )
        .unwrap();
        assert_eq!(&got, &list_f64(&[Some(&[Some(1.0)]), Some(&[Some(3.0), Some(4.0)])]));
    }

    #[test]
    fn lists_of_different_lengths_name_the_event() {
        let eta = list_f64(&[Some(&[Some(0.5)]), Some(&[Some(0.5), Some(1.0)])]);
        let phi = list_f64(&[Some(&[Some(0.5)]), Some(&[Some(0.5)])]);
        let zero = ScalarValue::from(0.0);
        let error =
            invoke(&DeltaR::default(), &[eta.into(), phi.into(), zero.clone().into(), zero.into()], 2)
                .unwrap_err();
        assert!(
            error.to_string().contains(
                "in event 1 of the batch argument 1 (eta1) has 2 elements, argument 2 (phi1) has 1"
            ),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_type_is_a_plan_error() {
        let f64s = DataType::Float64;
        let error =
            plan(&DeltaR::default(), &[f64s.clone(), DataType::Utf8, f64s.clone(), f64s]).unwrap_err();
        assert_eq!(
            error.strip_backtrace(),
            "Error during planning: delta_r: argument 2 (phi1) must be a number or a list of numbers, got Utf8"
        );
        let error = plan(&DeltaR::default(), &[DataType::Float64]).unwrap_err();
        assert!(
            error.to_string().contains("got 1 arguments, expected delta_r(eta1, phi1, eta2, phi2)"),
            "{error}"
        );
    }
}
