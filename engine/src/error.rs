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
    /// A result cannot be written.
    #[error(transparent)]
    Output(#[from] crate::output::OutputError),
    /// Reading or writing failed below us.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A ROOT file is not what its format says; the source names file, tree, branch and basket.
    #[error(transparent)]
    Root(#[from] ana_root::RootError),
    /// A store (HTTP, S3) refused an object.
    #[error("{location}: {source}")]
    Store {
        /// The URL as the user wrote it.
        location: String,
        /// What the store said.
        source: object_store::Error,
    },

    /// A file is asked for bytes beyond its end.
    #[error("{file}: bytes {}..{} are asked for, but it has {size}", range.start, range.end)]
    Short {
        /// The file.
        file: String,
        /// The bytes.
        range: std::ops::Range<u64>,
        /// Its size.
        size: u64,
    },

    /// A location is neither a path nor a URL that can be read.
    #[error("'{location}': {reason}")]
    Location {
        /// The location as the user wrote it.
        location: String,
        /// Why it cannot be read.
        reason: String,
    },

    /// A path, pattern or directory that holds no file.
    #[error("no file matches '{location}'{hint}")]
    NoFiles {
        /// The location as the user wrote it.
        location: String,
        /// A nearby file, or nothing.
        hint: String,
    },

    /// The tree asked for is not in the file, or none was asked for and there are several.
    #[error("{file}: {problem}; its trees: {}", list(trees))]
    Tree {
        /// The file that was looked into.
        file: String,
        /// What is wrong.
        problem: String,
        /// The trees that are there.
        trees: Vec<String>,
    },

    /// The tree is stored as an RNTuple, which is not read yet.
    #[error("{file}: '{tree}' is an RNTuple, which is not supported yet")]
    RNTuple {
        /// The file.
        file: String,
        /// The name of the RNTuple.
        tree: String,
    },

    /// A branch that some files of a table have and this one lacks.
    #[error(
        "branch '{branch}' is in {present_in} but not in {file}; \
         OPTIONS (missing_branch 'null') reads NULL there{}",
        if is_trigger(branch) { ", (missing_triggers 'false') reads false" } else { "" }
    )]
    MissingBranch {
        /// The branch.
        branch: String,
        /// The file without it.
        file: String,
        /// A file with it.
        present_in: String,
    },

    /// A branch that means different things in two files of a table.
    #[error("branch '{branch}' is {expected} in {table_file} but {found} in {file}")]
    BranchType {
        /// The branch.
        branch: String,
        /// The file whose type differs.
        file: String,
        /// The type there.
        found: String,
        /// The file the table's type was taken from.
        table_file: String,
        /// The table's type.
        expected: String,
    },

    /// A value that does not fit the integer type of the table, taken from another file.
    #[error(
        "branch '{branch}' of {file} has a value that is not {data_type}, the table's type: {problem}; \
         OPTIONS (schema 'all') looks into every file first"
    )]
    Narrow {
        /// The branch.
        branch: String,
        /// The file with the value.
        file: String,
        /// The table's type.
        data_type: String,
        /// The value.
        problem: String,
    },

    /// A branch that is there but whose C++ class cannot be read.
    #[error("branch '{branch}' of {file} has C++ type '{cpp_type}', which cannot be read: {reason}")]
    UnreadableBranch {
        /// The branch.
        branch: String,
        /// The file it was seen in.
        file: String,
        /// Its C++ type.
        cpp_type: String,
        /// Why it cannot be read.
        reason: String,
    },

    /// A name that no branch has.
    #[error("no branch '{branch}' in table '{table}'{}", did_you_mean(nearest))]
    UnknownBranch {
        /// The name that was asked for.
        branch: String,
        /// The table it was looked for in.
        table: String,
        /// The nearest names that exist.
        nearest: Vec<String>,
    },

    /// An option that no table of this kind has.
    #[error("unknown option '{option}'; the options are: {}", list(valid))]
    UnknownOption {
        /// The option.
        option: String,
        /// Those that exist.
        valid: Vec<String>,
    },

    /// An option with a value it cannot have.
    #[error("option '{option}' is '{value}'; it can be {valid}")]
    OptionValue {
        /// The option.
        option: String,
        /// The value given.
        value: String,
        /// What it could be.
        valid: String,
    },

    /// A datasets file (PocketCoffea, coffea) with something missing or wrong in it.
    #[error("{file}: {}{problem}", dataset.as_ref().map(|d| format!("dataset '{d}': ")).unwrap_or_default())]
    Datasets {
        /// The JSON file.
        file: String,
        /// The dataset, where it is about one.
        dataset: Option<String>,
        /// What is wrong.
        problem: String,
    },

    /// A setting of the session that cannot be had.
    #[error("{0}")]
    Setting(String),
    /// The query was cancelled through its handle.
    #[error("cancelled")]
    Cancelled,
    /// Planning or execution failed in the query engine.
    #[error("{}", .0.strip_backtrace())]
    DataFusion(DataFusionError),
}

impl From<DataFusionError> for EngineError {
    /// Unwraps an error of ours that travelled through DataFusion.
    fn from(error: DataFusionError) -> Self {
        match error {
            DataFusionError::External(inner) => match inner.downcast::<EngineError>() {
                Ok(ours) => *ours,
                Err(inner) => EngineError::DataFusion(DataFusionError::External(inner)),
            },
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner)
                if EngineError::find(&inner).is_some() =>
            {
                EngineError::from(*inner)
            }
            other => EngineError::DataFusion(other),
        }
    }
}

impl From<EngineError> for DataFusionError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::DataFusion(inner) => inner,
            other => DataFusionError::External(Box::new(other)),
        }
    }
}

impl EngineError {
    /// True for faults of one file's bytes, which a run may go on without when told so.
    #[must_use]
    pub fn is_of_file(&self) -> bool {
        use EngineError::{Io, RNTuple, Root, Short, Store, Tree};
        matches!(self, Root(_) | Io { .. } | Store { .. } | Short { .. } | Tree { .. } | RNTuple { .. })
    }

    /// The error of ours inside a DataFusion error, however deeply wrapped.
    #[must_use]
    pub fn find(error: &DataFusionError) -> Option<&EngineError> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(ours) = error.downcast_ref::<EngineError>() {
                return Some(ours);
            }
            if let Some(DataFusionError::External(inner)) = error.downcast_ref::<DataFusionError>()
                && let Some(ours) = inner.downcast_ref::<EngineError>()
            {
                return Some(ours);
            }
            if let Some(DataFusionError::Shared(inner)) = error.downcast_ref::<DataFusionError>() {
                cause = Some(inner.as_ref());
                continue;
            }
            cause = error.source();
        }
        None
    }
}

/// True for the names that `missing_triggers` speaks of.
pub(crate) fn is_trigger(branch: &str) -> bool {
    branch.starts_with("HLT_") || branch.starts_with("L1_")
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn did_you_mean(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        names => format!("; the nearest: {}", names.join(", ")),
    }
}

/// The result of everything the engine does.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;
