//! What can be wrong with an axis, a histogram or its bytes.

/// Result of this crate.
pub type Result<T> = std::result::Result<T, HistError>;

/// Faults of axes, of histogram arithmetic and of serialized histograms.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HistError {
    /// An axis without bins.
    #[error("a {kind} axis needs at least one bin")]
    NoBins {
        /// Kind of the axis, as SQL spells it.
        kind: &'static str,
    },
    /// Bounds that are not finite, not increasing, or out of a transform's domain.
    #[error("a {kind} axis cannot go from {lo} to {hi}: {reason}")]
    Range {
        /// Kind of the axis, as SQL spells it.
        kind: &'static str,
        /// Lower bound as given.
        lo: f64,
        /// Upper bound as given.
        hi: f64,
        /// What the rule is.
        reason: &'static str,
    },
    /// Edges that do not increase.
    #[error("axis edges must increase: edge {position} is {value}, the one before it {previous}")]
    EdgeOrder {
        /// Position of the offending edge, from 0.
        position: usize,
        /// The offending edge.
        value: f64,
        /// The edge before it.
        previous: f64,
    },
    /// A category given twice.
    #[error("category {label:?} is given twice")]
    DuplicateLabel {
        /// The label.
        label: String,
    },
    /// More cells than a histogram may have.
    #[error("a histogram may have {limit} cells; these axes make {cells}")]
    TooManyCells {
        /// Cells asked for, flow bins included (saturated).
        cells: u64,
        /// [`MAX_CELLS`](crate::MAX_CELLS).
        limit: usize,
    },
    /// A histogram without axes.
    #[error("a histogram needs at least one axis")]
    NoAxes,
    /// Two histograms whose binning differs.
    #[error("these histograms have different axes: {left} and {right}")]
    AxesDiffer {
        /// Axes of the left one, in words.
        left: String,
        /// Axes of the right one, in words.
        right: String,
    },
    /// A weighted histogram met an unweighted one where both must be alike.
    #[error("one histogram is weighted and the other is not")]
    StorageDiffers,
    /// An axis number out of range.
    #[error("there is no axis {axis}: the histogram has {dimensions}")]
    NoSuchAxis {
        /// The number asked for, from 0.
        axis: usize,
        /// Number of axes.
        dimensions: usize,
    },
    /// A name that is that of no axis, or of several.
    #[error("no one axis is called {name}; the axes are {known}")]
    NoAxisCalled {
        /// The name or number asked for.
        name: String,
        /// The numbers and names there are.
        known: String,
    },
    /// An axis of which two things are asked.
    #[error("the axis {axis} is named twice")]
    AxisTwice {
        /// Its number, from 0.
        axis: usize,
    },
    /// A storage index beyond its axis.
    #[error("there is no cell {index} along an axis of {extent}")]
    NoSuchIndex {
        /// The index asked for, from 0.
        index: usize,
        /// Length of the axis in storage.
        extent: usize,
    },
    /// A bin that an axis does not have.
    #[error("the axis {axis} has no bin {bin}; a bin of it is named by {known}")]
    NoSuchBin {
        /// The axis, in words.
        axis: String,
        /// The bin as it was asked for.
        bin: String,
        /// How bins of this axis are named.
        known: String,
    },
    /// An operation that the kind of axis does not have.
    #[error("{operation} has no meaning on a {kind} axis")]
    AxisKind {
        /// The operation.
        operation: &'static str,
        /// Kind of the axis, as SQL spells it.
        kind: &'static str,
    },
    /// A rebin that leaves bins over.
    #[error("{bins} bins cannot be joined in groups of {group}: {group} does not divide {bins}")]
    NotDivisible {
        /// Bins of the axis.
        bins: usize,
        /// Group size asked for.
        group: usize,
    },
    /// Arrays of a histogram that do not fit its axes.
    #[error("{what} has {found} entries; the axes make {expected}")]
    Length {
        /// Which array.
        what: &'static str,
        /// Cells by the axes.
        expected: usize,
        /// Entries found.
        found: usize,
    },
    /// Bytes that are not a serialized histogram, or not a whole one.
    #[error("not a serialized histogram: {reason} at byte {offset}")]
    Bytes {
        /// What is wrong.
        reason: &'static str,
        /// Where.
        offset: usize,
    },
}
