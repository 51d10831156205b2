//! Aggregates over events: histograms and cutflows.

mod cutflow;
pub mod histogram;
mod nminusone;
mod selection;

pub use cutflow::Cutflow;
pub use histogram::Hist;
pub use nminusone::NMinusOne;
