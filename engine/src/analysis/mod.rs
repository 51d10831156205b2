//! The declarative analysis: a YAML file becomes SQL, and running it is running that SQL.
//!
//! [`config`] mirrors the file and knows no meaning; [`resolve`] gives names their meaning and checks them;
//! [`mod@translate`] makes the syntax tree of the script, which [`mod@print`] writes to be read; [`mod@assemble`] puts what the
//! script counted together: shape variations beside weight variations, simulation divided by its sum of weights.
#![allow(
    clippy::result_large_err,
    reason = "an error ends the translation: its size is never paid in a loop"
)]

mod assemble;
pub mod config;
mod cut;
mod dataset;
mod error;
mod expression;
mod histogram;
mod label;
mod lint;
mod locate;
mod merge;
mod model;
mod names;
mod order;
mod parameter;
mod print;
mod record;
mod resolve;
mod runs;
mod schema;
mod scope;
mod settings;
mod sums;
mod syntax;
mod translate;
mod treatment;
mod warning;

pub use assemble::{Assembled, CutflowRow, DatasetSummary, assemble};
pub use dataset::Dataset;
pub use error::{AnalysisError, Place};
pub use lint::{list_weight, unknown_branches, unknown_collections};
pub use merge::{Merged, add_up};
pub use model::{Analysis, ColumnsPlan, HistogramPlan, Normalisation, Part, Plan, Treatment};
pub use record::{Input, Record, RunPart, cutflow_batch, expected_events, inputs};
pub use resolve::load;
pub use schema::json_schema;
pub use settings::{Settings, settings};
pub use sums::rounded;
pub use translate::{Translation, luminosity_sections, translate};
pub use warning::{Warning, notes, of_numbers};

/// Shorthand for results of this module.
pub type Result<T> = std::result::Result<T, AnalysisError>;
