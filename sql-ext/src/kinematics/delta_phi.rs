//! `delta_phi`: the angle between two azimuths, the short way round.

use std::f64::consts::{PI, TAU};

use crate::arguments::Shape::NumberOrNumbers;
use crate::elementwise;
use crate::prelude::*;

const PARAMETERS: [Parameter; 2] =
    [Parameter::new("phi1", NumberOrNumbers), Parameter::new("phi2", NumberOrNumbers)];

/// Δφ = φ₁ − φ₂, brought into [−π, π].
#[user_doc(
    doc_section(label = "Kinematics"),
    description = "The difference phi1 - phi2 of two azimuths in radian, brought into [-pi, pi]. Lists go element by element, a number is repeated beside a list. NULL or NaN in, NULL or NaN out.",
    syntax_example = "delta_phi(phi1, phi2)",
    sql_example = "```sql\nSELECT delta_phi(MET_phi, Jet_phi) FROM events\n```",
    argument(name = "phi1", description = "Azimuth in radian: a number or a list of numbers."),
    argument(name = "phi2", description = "Azimuth in radian: a number or a list of numbers.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct DeltaPhi {
    signature: Signature,
    aliases: Vec<String>,
}

impl Default for DeltaPhi {
    fn default() -> Self {
        Self { signature: unchecked(), aliases: spellings(&["deltaPhi"]) }
    }
}

impl ScalarUDFImpl for DeltaPhi {
    scalar_function!("delta_phi", spellings = aliases);

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("delta_phi", "delta_phi(phi1, phi2)", 2, &PARAMETERS, call.arg_fields)?;
        Ok(arguments::returns("delta_phi", elementwise::return_type(call.arg_fields)))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        elementwise::map("delta_phi", &PARAMETERS, &call, |[phi1, phi2]| delta_phi(phi1, phi2))
    }
}

/// The formula alone. A difference that is short already is returned as it is, without rounding.
pub fn delta_phi(phi1: f64, phi2: f64) -> f64 {
    let difference = phi1 - phi2;
    if difference.abs() <= PI {
        return difference;
    }
    // Symmetric to the bit: round() goes away from zero on both sides. The clamp takes away the last
    // rounding step, so that the promised interval holds.
    (difference - TAU * (difference / TAU).round()).clamp(-PI, PI)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use rstest::rstest;

    #[rstest]
    #[case::plain(1.0, 0.25, 0.75)]
    #[case::across_the_seam(3.1, -3.1, 6.2 - TAU)]
    #[case::across_it_the_other_way(-3.1, 3.1, TAU - 6.2)]
    #[case::opposite(PI, 0.0, PI)]
    #[case::several_turns(10.0 * TAU + 0.5, 0.0, 0.5)]
    fn known_values(#[case] phi1: f64, #[case] phi2: f64, #[case] want: f64) {
        assert_relative_eq!(delta_phi(phi1, phi2), want, epsilon = 1e-12);
        assert_eq!(delta_phi(phi1, phi2), -delta_phi(phi2, phi1));
    }

    #[test]
    fn stays_inside_and_keeps_nan() {
        for i in -100_000..100_000 {
            let phi = f64::from(i) * 1.234e-3;
            assert!(delta_phi(phi, 0.0).abs() <= PI, "{phi}");
        }
        assert!(delta_phi(f64::NAN, 0.0).is_nan());
        assert!(delta_phi(f64::INFINITY, 0.0).is_nan());
    }
}
