//! Kernels of ana-sql: what a histogram fill is ([`Fill`]) and many of them together ([`FillPlan`]), what an event subquery is ([`ir`]), and the back ends that do
//! them.
//!
//! A back end takes plain slices (values, validity bits, list offsets), so it knows nothing of Arrow or of the query
//! engine, and adds to [`ExactHistogram`](ana_hist::ExactHistogram)s. All back ends give the same bits: bins are decided by
//! exact thresholds ([`ana_hist::Bins`]) and sums are exact ([`ana_hist::exact_sum`]).
//!
//! ```
//! use ana_hist::{Axis, ExactHistogram};
//! use ana_kernels::{Column, Fill, Filler, Values};
//!
//! // Two events, with two jets and one, and a weight each.
//! let axes = vec![Axis::regular(40, 0.0, 1000.0)?];
//! let mut histogram = ExactHistogram::new(axes.clone(), true)?;
//! let fill = Fill {
//!     rows: 2,
//!     offsets: Some(&[0, 2, 3]),
//!     columns: &[Column::items(Values::F32(&[60.0, 40.0, 55.0]))],
//!     weight: Some(Column::events(Values::F64(&[0.5, 2.0]))),
//!     selection: None,
//! };
//! assert_eq!(Filler::new(&axes)?.fill(&mut histogram, &fill)?, 3);
//! assert_eq!(histogram.finish().sumw(3), 2.5);
//! # Ok::<(), ana_kernels::KernelError>(())
//! ```

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")
)]

pub mod backend;
pub mod conformance;
pub mod cpu;
pub mod elements;
mod error;
mod fill;
mod formula;
pub mod ir;
mod lock;
mod plan;
#[cfg(feature = "gpu")]
pub mod wgpu;

pub use backend::{Backend, DeviceChoice, Devices, PlanExecutor};
pub use cpu::{Filler, PlanFiller};
pub use error::{KernelError, Result};
pub use fill::{Bitmap, Column, Fill, Level, Values};
pub use formula::{Formula, Given};
pub use plan::{BinPlan, FillPlan, PlanBatch, PlanValue, PlannedFill, Room, Selection};
