//! Questions about the event as a whole.

mod certified;
mod golden_json;

pub use certified::Certified;
pub use golden_json::GoldenJson;
