//! Functions on lists of one collection: choosing, ordering, finding, counting.

mod all;
mod any;
mod argmax;
mod argmin;
mod argsort;
mod count_nonzero;
mod drop;
mod element;
mod first;
mod last;
mod list_std;
mod list_var;
mod local_index;
mod n_minus;
mod nth;
mod order;
mod spread;
mod take;
mod truth;

pub use all::{All, all};
pub use any::{Any, any};
pub use argmax::{ArgMax, argmax};
pub use argmin::{ArgMin, argmin};
pub use argsort::ArgSort;
pub use count_nonzero::CountNonzero;
pub use drop::Drop;
pub use first::First;
pub use last::Last;
pub use list_std::ListStd;
pub use list_var::ListVar;
pub use local_index::LocalIndex;
pub use n_minus::NMinus;
pub use nth::Nth;
pub use spread::variance;
pub use take::Take;
