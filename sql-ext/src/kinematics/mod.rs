//! Angles, masses and distances. Energies in GeV, angles in radian; computed in f64 from the stored values.

mod delta_phi;
mod delta_r;
mod invariant_mass;
mod transverse_mass;

pub use delta_phi::{DeltaPhi, delta_phi};
pub use delta_r::{DeltaR, delta_r};
pub use invariant_mass::{FourVector, InvariantMass, invariant_mass};
pub use transverse_mass::{TransverseMass, transverse_mass};
