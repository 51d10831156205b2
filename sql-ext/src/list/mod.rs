//! Functions on lists of one collection: choosing, ordering, finding.

mod all;
mod any;
mod argmax;
mod argmin;
mod argsort;
mod order;
mod take;
mod truth;

pub use all::{All, all};
pub use any::{Any, any};
pub use argmax::{ArgMax, argmax};
pub use argmin::{ArgMin, argmin};
pub use argsort::{ArgSort, argsort};
pub use take::Take;
