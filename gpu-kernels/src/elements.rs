//! Loops over the elements of lists, on the values as they lie: comparing, choosing and summing, without a step
//! per event where the work is per element.

mod bits;
mod compare;
mod keep;
mod offsets;
mod sum;

pub use compare::{Comparison, Ordered, Side, compare};
pub use keep::{Store, keep, keep_offsets};
pub use offsets::{from_zero, same_lengths};
pub use sum::sums;
