//! Histograms of ana-sql: axes, storage with exact sums, and their algebra.
//!
//! - [`Axis`] says how values become bins; [`Bins`] is the same rule made fast for slices of f32 or f64.
//! - [`ExactHistogram`] accumulates: counts, Σw and Σw², the sums without any rounding, so that filling and
//!   merging commute to the bit for every order, batch size, partition and machine.
//! - [`Histogram`] is the finished value with its algebra: add, divide, rebin, project, mean, std.
//! - [`exact_sum`] has the exact sums by themselves.
//!
//! ```
//! use ana_hist::{Axis, ExactHistogram};
//!
//! let met = || Axis::regular(100, 0.0, 200.0);
//! let (mut a, mut b) = (ExactHistogram::new(vec![met()?], true)?, ExactHistogram::new(vec![met()?], true)?);
//! a.fill_one(&[58.0], 0.1);
//! b.fill_one(&[59.9], 0.2);
//! a.merge(&b)?;
//! let h = a.finish();
//! assert_eq!((h.counts[30], h.sumw(30)), (2, 0.1 + 0.2));
//! # Ok::<(), ana_hist::HistError>(())
//! ```
//!
//! Arrays are in C order (the last axis fastest) with flow bins included. NaN is overflow; what is NULL is not
//! filled, so it never gets here. There is no Arrow, no DataFusion and no GPU in this crate.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")
)]

mod axis;
mod edges;
mod error;
mod exact;
pub mod exact_sum;
mod histogram;
mod storage;

pub use axis::{Axis, AxisKind, Transform};
pub use edges::{Bins, Real};
pub use error::{HistError, Result};
pub use exact::ExactHistogram;
pub use histogram::{Histogram, Total, Weighted};
pub use storage::{MAX_CELLS, cell_count, strides};
