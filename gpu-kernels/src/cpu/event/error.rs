//! What can go wrong when a kernel is run.

use crate::ir::{ColumnType, IrError};

/// Faults of an event kernel.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The kernel itself.
    #[error(transparent)]
    Ir(#[from] IrError),
    /// Not one slice per column.
    #[error("the kernel reads {expected} columns, {found} were given")]
    Inputs {
        /// Columns of the kernel.
        expected: usize,
        /// Slices given.
        found: usize,
    },
    /// Values of another type than the kernel was made for.
    #[error("column '{input}' holds {found} values, the kernel reads {expected:?}")]
    ValueType {
        /// Name of the column.
        input: String,
        /// Type the kernel reads.
        expected: ColumnType,
        /// Type of the slice.
        found: &'static str,
    },
    /// Fewer values than rows or than the offsets say.
    #[error("column '{input}' has {found} entries where {expected} are needed")]
    Length {
        /// Name of the column.
        input: String,
        /// Entries needed.
        expected: usize,
        /// Entries found.
        found: usize,
    },
    /// Offsets that are missing, negative or decrease.
    #[error("the list offsets of column '{input}' are missing or wrong at row {row}")]
    Offsets {
        /// Name of the column.
        input: String,
        /// The first bad row.
        row: usize,
    },
    /// Two lists of one collection with different lengths.
    #[error("in row {row} the lists '{first}' and '{second}' of one collection have different lengths")]
    Lengths {
        /// The row.
        row: usize,
        /// One list.
        first: String,
        /// The other.
        second: String,
    },
    /// A list output of more than 2³¹ − 1 elements in one run.
    #[error("the lists of one run have more than 2^31 - 1 elements; run fewer rows at a time")]
    TooLong,
    /// The cancel flag was raised.
    #[error("cancelled")]
    Cancelled,
}
