//! What can be wrong with a call: told when the query is planned where the types or literals say it,
//! else at the event that has it.

use datafusion_common::DataFusionError;

/// A fault of a call to one of the functions of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionError {
    /// An argument of the wrong type.
    #[error("{function}: argument {position} ({name}) must be {expected}, got {found}")]
    ArgumentType {
        /// SQL name of the function.
        function: &'static str,
        /// Place of the argument, from 1.
        position: usize,
        /// Name of the argument in the reference.
        name: &'static str,
        /// What the function takes there.
        expected: &'static str,
        /// The type it was given.
        found: String,
    },
    /// An argument of the right type with a value that makes no sense.
    #[error("{function}: argument {position} ({name}) must be {expected}, got {found}")]
    ArgumentValue {
        /// SQL name of the function.
        function: &'static str,
        /// Place of the argument, from 1.
        position: usize,
        /// Name of the argument in the reference.
        name: &'static str,
        /// What the function takes there.
        expected: &'static str,
        /// The value it was given.
        found: String,
    },
    /// Too few or too many arguments.
    #[error("{function}: got {found} arguments, expected {syntax}")]
    ArgumentCount {
        /// SQL name of the function.
        function: &'static str,
        /// How many were given.
        found: usize,
        /// How it is written.
        syntax: &'static str,
    },
    /// A call whose arguments are fine one by one, but not together.
    #[error("{function}: {reason}")]
    Call {
        /// SQL name of the function.
        function: &'static str,
        /// What does not fit, and how to write it.
        reason: String,
    },
    /// Lists that should go element by element differ in length in one event.
    #[error(
        "{function}: in event {event} of the batch argument {first} ({first_name}) has {first_length} elements, argument {second} ({second_name}) has {second_length}; lists of one collection are needed"
    )]
    Lengths {
        /// SQL name of the function.
        function: &'static str,
        /// Row of the batch, from 0.
        event: usize,
        /// Place of the first list, from 1.
        first: usize,
        /// Its name in the reference.
        first_name: &'static str,
        /// Its length in this event.
        first_length: usize,
        /// Place of the second list, from 1.
        second: usize,
        /// Its name in the reference.
        second_name: &'static str,
        /// Its length in this event.
        second_length: usize,
    },
    /// The certified-luminosity file cannot be read.
    #[error("golden_json: cannot read '{path}': {source}")]
    GoldenJsonRead {
        /// The path as given in the query.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The certified-luminosity file is not of the form `{"run": [[first, last], …], …}`.
    #[error("golden_json: '{path}' is not a certified-luminosity file: {reason}")]
    GoldenJsonForm {
        /// The path as given in the query.
        path: String,
        /// Where and what.
        reason: String,
    },
    /// An axis that cannot be, e.g. with its bounds the wrong way round.
    #[error("{function}: {source}")]
    Axis {
        /// SQL name of the function.
        function: &'static str,
        /// What is wrong with it.
        source: ana_hist::HistError,
    },
    /// A histogram operation that does not fit, e.g. a sum over different axes.
    #[error("{function}: {source}")]
    Histogram {
        /// SQL name of the function.
        function: &'static str,
        /// What the histogram algebra says.
        source: ana_hist::HistError,
    },
    /// A value of a histogram or axis column that is not what this crate makes.
    #[error("not a histogram: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// A batch that cannot be filled.
    #[error("hist: {0}")]
    Fill(#[from] ana_kernels::KernelError),
}

impl FunctionError {
    /// Whether the query is at fault, and not the data.
    fn is_plan_error(&self) -> bool {
        !matches!(
            self,
            Self::Lengths { .. } | Self::Histogram { .. } | Self::Malformed { .. } | Self::Fill(_)
        )
    }
}

impl From<FunctionError> for DataFusionError {
    fn from(error: FunctionError) -> Self {
        let text = error.to_string();
        if error.is_plan_error() { Self::Plan(text) } else { Self::Execution(text) }
    }
}
