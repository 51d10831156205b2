//! The fused histogram operator: all aggregates of a query in one pass over its events.
//!
//! Planned one by one, a thousand histograms evaluate their values, weights and conditions a thousand times. The rule
//! [`FuseHistograms`] puts one operator in place of the aggregation of a query that fills histograms:
//!
//! 1. [`expressions`] takes all values, weights, categories and FILTER conditions, through the projections below, and
//!    finds what is equal among them;
//! 2. [`fusion`] makes a tree of cut levels of the FILTERs: what several have in common comes first, and narrows the
//!    batch before anything behind it is evaluated; [`split`] gives the costliest of them a scan of its own;
//! 3. [`pool`] holds the columns of a level: each distinct expression is evaluated once, when it is first asked for;
//! 4. [`fills`] hands values, masks and weights to the fill plan of the kernels, [`ana_kernels::FillPlan`];
//! 5. [`run`] runs the levels over the batches of a partition, merges what several partitions hold, and finishes it;
//! 6. [`hold`] asks the session's pool for the memory of what is filled.

mod exec;
mod expressions;
mod fills;
mod fusion;
mod hold;
mod lift;
mod other;
mod place;
mod pool;
mod rule;
mod run;
mod split;
mod told;

pub use exec::HistogramExec;
pub use place::{backend, device_of};
pub use rule::{AnaOptions, FuseHistograms, ReadAgain};
pub use told::Told;
