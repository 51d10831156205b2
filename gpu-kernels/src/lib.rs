//! Kernels of ana-sql: what a histogram fill is ([`Fill`]), what an event subquery is ([`ir`]), and the back ends that do
//! them.
//!
//! A back end takes plain slices (values, validity bits, list offsets), so it knows nothing of Arrow or of the query
//! engine, and adds to [`ExactHistogram`](ana_hist::ExactHistogram)s. All back ends give the same bits: bins are decided by
//! exact thresholds ([`ana_hist::Bins`]) and sums are exact ([`ana_hist::exact_sum`]).

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")
)]

pub mod cpu;
mod error;
mod fill;
pub mod ir;

pub use cpu::Filler;
pub use error::{KernelError, Result};
pub use fill::{Bitmap, Column, Fill, Level, Values};
