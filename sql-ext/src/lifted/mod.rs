//! Scalar expressions on lists: what the engine computes for a number, computed for every element.
//!
//! [`lift`] takes an expression over placeholders (`$0 > 30`) and gives a function of the lists and event
//! values behind them. The expression is evaluated once per batch over the flat values, with the engine's
//! own rules of types, NULL and order, and the result shares the offsets of its arguments.

mod align;
mod compare;
mod expression;
mod function;
mod mask;
mod nan;
mod precision;
mod sqrt;

pub(crate) use align::Aligned;
pub use expression::{Lifted, argument, collection_of, is_list, lift};
pub use function::LiftedFunction;
pub use mask::Mask;
pub use sqrt::SquareRoot;
