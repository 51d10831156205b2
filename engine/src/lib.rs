//! SQL over NanoAOD: ROOT bytes in, histograms out.
//!
//! ```no_run
//! # async fn example() -> Result<(), ana_engine::EngineError> {
//! let session = ana_engine::Session::builder().threads(2).build()?;
//! let result = session.sql("SELECT 1 AS one").await?.collect().await?;
//! assert_eq!(result.batches[0].num_rows(), 1);
//! # Ok(()) }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic"))]

pub mod allocator;
pub mod analysis;
pub mod calibration;
pub mod catalog;
pub mod dialect;
mod error;
mod explain;
mod grouping;
pub mod inspect;
pub mod output;
mod query;
pub mod report;
mod session;
pub mod table;

pub use ana_kernels::backend as device;
pub use error::{EngineError, Result, SqlPosition};
pub use query::{CancelHandle, Destination, Query, QueryResult};
pub use report::{Level, Progress, RunReport, Skipped};
pub use session::{Device, Session, SessionBuilder};
pub use table::{MissingBranch, MissingTriggers, OnBadFile, RootOptions, SchemaFrom};
