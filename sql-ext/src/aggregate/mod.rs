//! Aggregates over events: histograms, cutflows, exact sums.

mod cutflow;
mod exact;
pub mod histogram;
mod nminusone;
mod selection;
mod unrounded;

pub use cutflow::Cutflow;
pub use exact::Exact;
pub use histogram::Hist;
pub use nminusone::NMinusOne;
pub use unrounded::Unrounded;
