//! Results as files: histograms for Python, ROOT and people, rows for everything else.
//!
//! One result is a schema and its record batches. [`Format::from_path`] chooses the format by the file's
//! ending, [`ResultWriter`] takes the batches as they come and [`ResultWriter::finish`] makes the file appear
//! whole; dropping it before that leaves nothing behind.
//!
//! | ending | contents |
//! |---|---|
//! | `.json` | histograms, UHI serialisation 1 ([`uhi`]) |
//! | `.zip` | the same, one member per histogram, arrays as `.npy` ([`uhi_zip`]) |
//! | `.root` | `TH1D`, `TH2D`, `TH3D` in directories ([`root_hist`]) |
//! | `.svg`, `.png` | a drawing of every histogram ([`plot`]) |
//! | `.parquet` | rows, lists stay lists ([`parquet`]) |
//! | `.csv` | rows; a histogram becomes one row per bin ([`csv`], [`bin_rows`]) |

mod atomic;
pub mod bin_rows;
pub mod csv;
mod error;
mod folder;
mod format;
pub mod json_rows;
mod named;
pub mod parquet;
pub mod plot;
mod png;
pub mod root_hist;
mod scene;
mod svg;
pub mod table;
pub mod terminal;
pub mod uhi;
pub mod uhi_zip;
mod writer;

pub use atomic::{AtomicFile, Cancellation};
pub use error::OutputError;
pub use folder::ResultFolder;
pub use format::Format;
pub use named::{AxisLabel, NamedHistogram, Roles, has_histograms, named_histograms};
pub use writer::{Options, ResultWriter, Written, write};

/// Shorthand for results of this module.
pub type Result<T> = std::result::Result<T, OutputError>;
