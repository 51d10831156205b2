//! `invariant_mass`: of all the objects of an event's lists, or of two objects.

use crate::arguments::Shape::NumberOrNumbers;
use crate::elementwise;
use crate::prelude::*;

const ALL: [Parameter; 4] = [
    Parameter::new("pt", NumberOrNumbers),
    Parameter::new("eta", NumberOrNumbers),
    Parameter::new("phi", NumberOrNumbers),
    Parameter::new("mass", NumberOrNumbers),
];

const PAIR: [Parameter; 8] = [
    Parameter::new("pt1", NumberOrNumbers),
    Parameter::new("eta1", NumberOrNumbers),
    Parameter::new("phi1", NumberOrNumbers),
    Parameter::new("mass1", NumberOrNumbers),
    Parameter::new("pt2", NumberOrNumbers),
    Parameter::new("eta2", NumberOrNumbers),
    Parameter::new("phi2", NumberOrNumbers),
    Parameter::new("mass2", NumberOrNumbers),
];

const SYNTAX: &str =
    "invariant_mass(pt, eta, phi, mass) or invariant_mass(pt1, eta1, phi1, mass1, pt2, eta2, phi2, mass2)";

/// m = √(E² − p²) of the vector sum.
#[user_doc(
    doc_section(label = "Kinematics"),
    description = "Invariant mass of a vector sum, in GeV. With four arguments, of which at least one is a list: of all the objects of the event together; NULL when there is none. With eight: of two objects, element by element for lists. Computed in f64 as sqrt(max(0, E^2 - p^2)) from the sums of E, px, py and pz. A NULL among the components makes the mass NULL.",
    syntax_example = "invariant_mass(pt, eta, phi, mass)",
    alternative_syntax = "invariant_mass(pt1, eta1, phi1, mass1, pt2, eta2, phi2, mass2)",
    sql_example = "```sql\nSELECT invariant_mass(Muon_pt, Muon_eta, Muon_phi, 0.105658) FROM events WHERE nMuon = 2\n```",
    argument(
        name = "pt",
        description = "Transverse momenta in GeV: a list, or a number repeated for each object."
    ),
    argument(name = "eta", description = "Pseudorapidities."),
    argument(name = "phi", description = "Azimuths in radian."),
    argument(name = "mass", description = "Masses in GeV.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct InvariantMass {
    signature: Signature,
}

impl Default for InvariantMass {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for InvariantMass {
    scalar_function!("invariant_mass");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        let function = "invariant_mass";
        let given = call.arg_fields;
        if given.len() == PAIR.len() {
            arguments::check(function, &PAIR, given)?;
            return Ok(arguments::returns(function, elementwise::return_type(given)));
        }
        arguments::check_call(function, SYNTAX, 4, &ALL, given)?;
        if elementwise::return_type(given) == DataType::Float64 {
            let reason = "at least one of the four arguments must be a list: the mass is that of all objects of an event; for two objects give eight numbers".to_owned();
            return Err(FunctionError::Call { function, reason }.into());
        }
        Ok(arguments::returns(function, DataType::Float64))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if call.args.len() == PAIR.len() {
            return elementwise::map(
                "invariant_mass",
                &PAIR,
                &call,
                |[pt1, eta1, phi1, m1, pt2, eta2, phi2, m2]| {
                    let pair = [FourVector::new(pt1, eta1, phi1, m1), FourVector::new(pt2, eta2, phi2, m2)];
                    invariant_mass(pair)
                },
            );
        }
        let masses = elementwise::fold("invariant_mass", &ALL, &call, |objects| {
            let mut sum = None::<FourVector>;
            for [pt, eta, phi, mass] in objects {
                let object = FourVector::new(pt, eta, phi, mass);
                sum = Some(sum.map_or(object, |sum| sum.plus(object)));
            }
            sum.map(FourVector::mass)
        })?;
        Ok(ColumnarValue::Array(Arc::new(masses)))
    }
}

/// Energy and momentum in Cartesian coordinates, in GeV.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FourVector {
    /// Momentum across the beam, towards the centre of the ring.
    pub x: f64,
    /// Momentum across the beam, upwards.
    pub y: f64,
    /// Momentum along the beam.
    pub z: f64,
    /// Energy.
    pub e: f64,
}

impl FourVector {
    /// From transverse momentum, pseudorapidity, azimuth and mass.
    pub fn new(pt: f64, eta: f64, phi: f64, mass: f64) -> Self {
        let (sin, cos) = phi.sin_cos();
        let (x, y, z) = (pt * cos, pt * sin, pt * eta.sinh());
        Self { x, y, z, e: (x * x + y * y + z * z + mass * mass).sqrt() }
    }

    /// Component by component.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y, z: self.z + other.z, e: self.e + other.e }
    }

    /// √(E² − p²); 0 where rounding makes the difference negative, as in the field's tools; NaN stays NaN.
    pub fn mass(self) -> f64 {
        let squared = self.e * self.e - self.x * self.x - self.y * self.y - self.z * self.z;
        if squared < 0.0 { 0.0 } else { squared.sqrt() }
    }
}

/// The formula alone: the mass of the sum of two objects.
pub fn invariant_mass(pair: [FourVector; 2]) -> f64 {
    pair[0].plus(pair[1]).mass()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{invoke, list_f32, list_f64, plan};
    use approx::assert_relative_eq;
    use rstest::rstest;
    use std::f64::consts::PI;

    #[rstest]
    #[case::back_to_back([45.0, 0.0, 0.0, 0.0], [45.0, 0.0, PI, 0.0], 90.0)]
    #[case::massless_formula([30.0, 1.0, 0.5, 0.0], [20.0, -1.0, 2.0, 0.0], (2.0 * 600.0 * (2f64.cosh() - 1.5f64.cos())).sqrt())]
    #[case::at_rest_together([0.0, 0.0, 0.0, 1.5], [0.0, 0.0, 0.0, 2.5], 4.0)]
    fn known_values(#[case] a: [f64; 4], #[case] b: [f64; 4], #[case] want: f64) {
        let [a, b] = [a, b].map(|[pt, eta, phi, mass]| FourVector::new(pt, eta, phi, mass));
        assert_relative_eq!(invariant_mass([a, b]), want, max_relative = 1e-12);
        assert_eq!(invariant_mass([a, b]), invariant_mass([b, a]));
    }

    #[test]
    fn a_list_is_summed_over_the_event() {
        let pt = list_f32(&[Some(&[Some(45.0), Some(45.0)]), Some(&[]), None, Some(&[Some(1.0), None])]);
        let phi =
            list_f64(&[Some(&[Some(0.0), Some(PI)]), Some(&[]), Some(&[]), Some(&[Some(0.0), Some(0.0)])]);
        let zero = ScalarValue::from(0.0);
        let got =
            invoke(&InvariantMass::default(), &[pt.into(), zero.clone().into(), phi.into(), zero.into()], 4)
                .unwrap();
        let got = float64(&got);
        assert_relative_eq!(got[0].unwrap(), 90.0, max_relative = 1e-12);
        assert_eq!(got[1..], [None, None, None]);
    }

    #[test]
    fn two_objects_event_by_event() {
        let pt = Arc::new(Float64Array::from(vec![Some(45.0), None])) as ArrayRef;
        let number = |x: f64| ScalarValue::from(x).into();
        let given = [
            pt.into(),
            number(0.0),
            number(0.0),
            number(0.0),
            number(45.0),
            number(0.0),
            number(PI),
            number(0.0),
        ];
        let got = float64(&invoke(&InvariantMass::default(), &given, 2).unwrap());
        assert_relative_eq!(got[0].unwrap(), 90.0, max_relative = 1e-12);
        assert_eq!(got[1], None);
    }

    #[test]
    fn four_numbers_are_refused() {
        let error = plan(&InvariantMass::default(), &vec![DataType::Float64; 4]).unwrap_err();
        assert!(error.to_string().contains("at least one of the four arguments must be a list"), "{error}");
    }

    fn float64(array: &ArrayRef) -> Vec<Option<f64>> {
        array.as_primitive::<arrow::datatypes::Float64Type>().iter().collect()
    }
}
