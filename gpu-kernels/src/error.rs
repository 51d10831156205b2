//! What can be wrong with a fill.

/// Result of this crate.
pub type Result<T> = std::result::Result<T, KernelError>;

/// Faults of a fill: slices that do not fit together, or values that do not fit their axis.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// The axes or the histogram.
    #[error(transparent)]
    Hist(#[from] ana_hist::HistError),
    /// Not one column per axis.
    #[error("{columns} columns for {axes} axes")]
    Columns {
        /// Columns given.
        columns: usize,
        /// Axes of the histogram.
        axes: usize,
    },
    /// A slice shorter than the fill needs.
    #[error("{what} has {found} entries where {expected} are needed")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Entries needed.
        expected: usize,
        /// Entries found.
        found: usize,
    },
    /// List offsets that are negative or decrease.
    #[error("list offsets decrease or are negative at row {row}")]
    Offsets {
        /// The first bad row.
        row: usize,
    },
    /// A column of items in a fill without list offsets.
    #[error("a column of list items needs list offsets")]
    NoOffsets,
    /// Values of a type that the axis does not take.
    #[error("a {axis} axis cannot be filled with {values} values")]
    AxisValues {
        /// Kind of the axis.
        axis: &'static str,
        /// Type of the values.
        values: &'static str,
    },
    /// Weights for a histogram without them, or none for one with.
    #[error("a weighted histogram needs a weight, an unweighted one takes none")]
    Weight,
    /// A histogram whose axes are not those of the filler.
    #[error("the histogram has other axes than this filler was made for")]
    OtherAxes,
    /// A fill plan whose parts do not fit together.
    #[error("the fill plan has {what}")]
    Plan {
        /// What is wrong.
        what: &'static str,
    },
    /// A formula of the plan, and a batch.
    #[error("a formula of the plan: {what}")]
    Formula {
        /// What is wrong.
        what: String,
    },
    /// A device by a name that none has.
    #[error("{name:?} is no device: auto, cpu, gpu, or gpu:N for adapter N")]
    DeviceName {
        /// What was given.
        name: String,
    },
    /// A GPU was asked for and there is none to be had.
    #[error("no GPU: {reason}")]
    NoDevice {
        /// Why.
        reason: String,
    },
    /// The GPU that was asked for failed.
    #[error("the GPU failed: {fault}")]
    Device {
        /// How.
        fault: crate::backend::DeviceFault,
    },
    /// Histograms grow beyond the memory there is.
    #[error("no memory for {bytes} more bytes of histograms")]
    Memory {
        /// What was asked for last.
        bytes: usize,
    },
    /// A group number without a histogram.
    #[error("group {group} of {groups}")]
    Group {
        /// Group named.
        group: usize,
        /// Histograms given.
        groups: usize,
    },
}
