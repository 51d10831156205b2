//! The bin rule, in the one place that states it.
//!
//! Edges decide: bin i holds edge(i) ≤ x < edge(i + 1), with edge(i) = lo + i·((hi − lo)/n) in f64 on a regular
//! axis and the last edge exactly `hi`. NaN counts as overflow.
//!
//! [`Bins`] is the rule made fast, and the same for every value: arithmetic guesses an index that is right or
//! one too low, one comparison with an exact threshold decides. That a guess is never farther off is not
//! assumed but proved when the table is built: guess and rule are both monotone in x, so checking them at
//! every threshold and at the value just below it covers all x. Where no guess passes, a binary search takes over.
//!
//! For f32 input the thresholds are the smallest f32 not below the f64 edges: x ≥ edge in f64 exactly when
//! x ≥ threshold in f32, so the bins are those of the widened value. A GPU takes the same table.

mod bins;
mod guess;
mod nested;
mod real;

use crate::axis::Transform;

pub use bins::Bins;
pub use real::Real;

/// Edge `i` (0 ..= n) of a regular axis.
pub(crate) fn regular_edge(n: usize, lo: f64, hi: f64, transform: Transform, i: usize) -> f64 {
    if i == 0 {
        return lo;
    }
    if i >= n {
        return hi;
    }
    #[allow(clippy::cast_precision_loss, reason = "n is at most MAX_CELLS")]
    let at = |a: f64, b: f64| a + i as f64 * ((b - a) / n as f64);
    match transform {
        Transform::None => at(lo, hi),
        Transform::Log => at(lo.ln(), hi.ln()).exp(),
        Transform::Sqrt => {
            let root = at(lo.sqrt(), hi.sqrt());
            root * root
        }
    }
}

/// Storage index by bisecting the edges: 0 underflow, 1 ..= n, n + 1 overflow and NaN.
pub(crate) fn index_by_edges(n: usize, edge: impl Fn(usize) -> f64, x: f64) -> usize {
    if x.is_nan() {
        return n + 1;
    }
    // Edges below `first` are ≤ x, edges from `end` on are > x.
    let (mut first, mut end) = (0, n + 1);
    while first < end {
        let middle = first.midpoint(end);
        if edge(middle) <= x { first = middle + 1 } else { end = middle }
    }
    first
}
