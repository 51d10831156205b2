//! What can go wrong when a result is written.

use std::path::PathBuf;

use super::Format;

/// A result could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The file's ending names no format.
    #[error(
        "{}: {} names no output format; use .json or .zip (UHI histograms), .root, .svg, .png, .parquet or .csv",
        path.display(),
        path.extension().map_or_else(|| "a file without ending".to_owned(), |e| format!("the ending .{}", e.display()))
    )]
    UnknownFormat {
        /// The file asked for.
        path: PathBuf,
    },
    /// Columns that a histogram file has no place for.
    #[error(
        "{format} holds histograms only, and {} not one: {}; leave {} out of the SELECT list, or write .parquet or .csv",
        if columns.len() == 1 { "this column is" } else { "these columns are" },
        columns.join(", "),
        if columns.len() == 1 { "it" } else { "them" }
    )]
    NotHistograms {
        /// The format.
        format: Format,
        /// `name (type)` of every column that is neither a histogram nor a group key.
        columns: Vec<String>,
    },
    /// Columns that do not fit beside the bins of a histogram.
    #[error(
        "a row per bin has no place for {}: leave {} out of the SELECT list, or use --format table",
        columns.join(", "),
        if columns.len() == 1 { "it" } else { "them" }
    )]
    MixedColumns {
        /// The columns.
        columns: Vec<String>,
    },
    /// A histogram file was asked for and the result has no histogram.
    #[error("{format} holds histograms, and the result has none; write .parquet or .csv, or select hist(…)")]
    NoHistogram {
        /// The format.
        format: Format,
    },
    /// Two histograms would have one name.
    #[error(
        "two histograms of the result would both be called {name:?}: give each an alias of its own (AS …), or put the GROUP BY keys into the SELECT list"
    )]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A name that the format cannot hold.
    #[error("a histogram cannot be called {name:?} in {format}: {reason}")]
    Name {
        /// The name.
        name: String,
        /// The format.
        format: Format,
        /// Why not.
        reason: &'static str,
    },
    /// More or fewer dimensions than the format has.
    #[error(
        "histogram {name:?} has {dimensions} dimensions; {format} holds {holds}: at(h, axis, bin, …) takes one category or variation, project(h, i) sums over all axes but one"
    )]
    Dimensions {
        /// The histogram.
        name: String,
        /// How many it has.
        dimensions: usize,
        /// The format.
        format: Format,
        /// What the format holds.
        holds: &'static str,
    },
    /// NaN or infinity where the format has no way to write it.
    #[error(
        "histogram {name:?} has {value} in its {part}, which {format} cannot hold; write .zip, .root or .parquet, or look for weights that are not finite"
    )]
    NotFinite {
        /// The histogram.
        name: String,
        /// The format.
        format: Format,
        /// `values`, `variances` or `edges`.
        part: &'static str,
        /// The value.
        value: f64,
    },
    /// A count above what the format's integers hold.
    #[error("histogram {name:?} has a bin with {count} entries, more than {format} can hold")]
    CountTooLarge {
        /// The histogram.
        name: String,
        /// The format.
        format: Format,
        /// The count.
        count: u64,
    },
    /// More than the format holds in one file.
    #[error("the result does not fit into one file: {format} holds at most {limit}")]
    TooLarge {
        /// The format.
        format: Format,
        /// The limit, in words.
        limit: &'static str,
    },
    /// A column that looks like a histogram is not one.
    #[error("column {column:?}, row {row}: {source}")]
    Histogram {
        /// The column.
        column: String,
        /// The row, from 0.
        row: usize,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The caller asked to stop.
    #[error("{}: cancelled, nothing was written", path.display())]
    Cancelled {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Arrow could not convert a value.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    /// The Parquet writer failed.
    #[error("{}: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: ::parquet::errors::ParquetError,
    },
    /// JSON could not be written.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        source: serde_json::Error,
    },
    /// The ZIP writer failed.
    #[error("{}: {source}", path.display())]
    Zip {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: zip::result::ZipError,
    },
}
