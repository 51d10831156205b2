//! Questions about the event as a whole: subqueries over its collections, certified luminosity.

mod certified;
mod golden_json;
mod kernel;

pub use certified::Certified;
pub use golden_json::GoldenJson;
pub(crate) use kernel::Columns;
pub use kernel::EventKernel;
