//! Sums of f64 without rounding.
//!
//! The result of every sum here is the exact real sum of its terms, rounded once to the nearest f64 (ties to
//! even) when it is read. It therefore does not depend on the order of the terms, on how they were dealt to
//! partial sums, or on the order in which those were merged.
//!
//! - Σw² means the sum of the terms fl(w·w): each square is rounded to f64, the sum of them is not.
//! - Infinite and NaN terms: any NaN, or +∞ together with −∞, makes the sum NaN; else an infinity makes it that
//!   infinity. This too is independent of order. A square that overflows f64 is such a +∞.
//! - A sum of nothing, of zeros of either sign, or of terms that cancel is +0.
//! - A sum beyond the largest f64 reads as ±∞, but is kept exactly and may come back.
//!
//! [`ExactSums`] is an array of sums in fixed point over the whole range of f64; limbs are allocated for the
//! range that has been seen. [`WeightSums`] is an array of (Σw, Σw²) for filling histograms: most weights are
//! cut into two integers each by a few vector instructions ([`Splitter`]), and adding one to a cell is then four
//! integer additions. Before the integers can overflow what they carry moves up ([`settle`]); weights that do not fit
//! them, and sums that outgrow them, go to [`ExactSums`].

mod limbs;
mod sums;
mod weights;
mod window;

pub(crate) use limbs::round_fixed;
pub use sums::{ExactSum, ExactSums};
pub(crate) use weights::Part;
pub use weights::{CutBuffer, WeightSums};
pub use window::{ADDS, SplitWeight, Splitter, join, settle};
