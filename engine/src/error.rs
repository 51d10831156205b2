//! What can go wrong, as data: the caller decides how to show it.

use std::path::PathBuf;

use datafusion::error::DataFusionError;

/// A place in SQL text, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlPosition {
    /// Line.
    pub line: u64,
    /// Column, in characters.
    pub column: u64,
}

/// An error of the engine. Faults of the query, of the data and of the machine are told apart, because
/// their cures differ.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The SQL text cannot be understood, or names what does not exist.
    #[error("{message}")]
    Sql {
        /// What is wrong.
        message: String,
        /// Where, when it can be told.
        position: Option<SqlPosition>,
        /// What may help: near names, a correct form.
        help: Vec<String>,
    },
    /// A table cannot be set up from the files and options it was given.
    #[error("table at {location}: {message}")]
    Table {
        /// The files the table was asked for.
        location: String,
        /// What is wrong with them.
        message: String,
    },
    /// A result cannot be written in the format asked for.
    #[error("cannot write {}: {message}", path.display())]
    Output {
        /// The file that was to be written; it was left as it was.
        path: PathBuf,
        /// Why not.
        message: String,
    },
    /// Reading or writing failed below us.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A setting of the session that cannot be had.
    #[error("{0}")]
    Setting(String),
    /// The query was cancelled through its handle.
    #[error("cancelled")]
    Cancelled,
    /// Planning or execution failed in the query engine.
    #[error("{}", .0.strip_backtrace())]
    DataFusion(#[from] DataFusionError),
}

impl From<EngineError> for DataFusionError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::DataFusion(inner) => inner,
            other => DataFusionError::External(Box::new(other)),
        }
    }
}

/// The result of everything the engine does.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;
