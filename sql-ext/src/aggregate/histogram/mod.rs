//! `hist(…)`: from the call to the bins.
//!
//! [`layout`] says which argument is what; [`columns`] turns the arrays of a batch into the kernel's slices; [`variants`] are the
//! categories and weights that one call fills for; [`accumulator`] fills and merges; [`hist`] is what the engine sees.

mod accumulator;
mod columns;
mod groups;
mod hist;
mod layout;
mod variants;

pub(crate) use accumulator::Machine;
pub(crate) use columns::{Reading, column_of};
pub use hist::Hist;
pub(crate) use layout::{is_categories, is_struct_of};
pub(crate) use variants::{Variants, field_of};
