//! What can be wrong with an analysis file, and where.

use std::fmt;
use std::path::PathBuf;

/// A place in a file of the analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Line and column, from 1, where they can be told.
    pub position: Option<(usize, usize)>,
    /// The keys that lead there: `histograms.ht.axes[0]`.
    pub path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        Ok(())
    }
}

/// An error of an analysis file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is not what the section takes: bad YAML, an unknown key, a text where a number belongs.
    #[error("{place}: {problem}{}", help(near))]
    Form {
        /// Where.
        place: Place,
        /// What is wrong.
        problem: String,
        /// Names that may have been meant.
        near: Vec<String>,
    },
    /// A name that nothing in the file has.
    #[error("{place}: no {what} named '{name}'{}", help(near))]
    Unknown {
        /// Where.
        place: Place,
        /// What kind of thing: `category`, `weight`.
        what: &'static str,
        /// The name.
        name: String,
        /// Near names.
        near: Vec<String>,
    },
    /// An SQL expression that cannot be parsed.
    #[error("{place}: in '{text}': {problem}")]
    Expression {
        /// Where.
        place: Place,
        /// The expression.
        text: String,
        /// What the parser said.
        problem: String,
    },
    /// A value that cannot be.
    #[error("{place}: {problem}")]
    Value {
        /// Where.
        place: Place,
        /// What is wrong, and what could be there.
        problem: String,
    },
    /// An option of the field's tools that has no counterpart here.
    #[error("{place}: {option} is not supported: {instead}")]
    Unsupported {
        /// Where.
        place: Place,
        /// The option.
        option: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// Things that need each other in a circle.
    #[error("{place}: {} need each other", names.join(", "))]
    Circle {
        /// Where.
        place: Place,
        /// The things.
        names: Vec<String>,
    },
    /// A parameter that is not there, or has the wrong form.
    #[error("{place}: parameter {parameter}: {problem}{}", help(near))]
    Parameter {
        /// Where it is used.
        place: Place,
        /// The parameter, as `a.b.c`.
        parameter: String,
        /// What is wrong.
        problem: String,
        /// Near names.
        near: Vec<String>,
    },
    /// A datasets file that cannot be understood.
    #[error("{place}: {source}")]
    Datasets {
        /// Where it is named.
        place: Place,
        /// What is wrong.
        source: Box<crate::EngineError>,
    },
    /// A result that holds NaN or infinity.
    #[error(
        "{what} holds {value} in category '{category}', variation '{variation}'; look for weights that are not finite, or a sum of weights of zero"
    )]
    NotFinite {
        /// The histogram or table.
        what: String,
        /// The category.
        category: String,
        /// The variation.
        variation: String,
        /// The value.
        value: f64,
    },
    /// Events whose weight is NULL would be lost without a word.
    #[error(
        "dataset '{dataset}': {events} selected events have a weight that is NULL; write coalesce(…) where a part of a weight may be missing"
    )]
    NullWeight {
        /// The dataset.
        dataset: String,
        /// How many.
        events: u64,
    },
    /// A dataset that cannot be divided by the sum of its Runs trees.
    #[error(
        "dataset '{dataset}': the sum of genWeight in the Runs trees of its files is {}; divide by another one (normalisation.sum_genweights)",
        sum.map_or_else(|| "not there".to_owned(), |sum| sum.to_string())
    )]
    RunsSum {
        /// The dataset.
        dataset: String,
        /// The sum, if there is one.
        sum: Option<f64>,
    },
    /// What the script gave is not what the analysis asked for.
    #[error("the result of the script has no column '{column}' of the right type")]
    Result {
        /// The column.
        column: String,
    },
    /// Histograms that cannot be put together.
    #[error("histogram '{histogram}': {source}")]
    Histogram {
        /// Which.
        histogram: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Outputs that cannot be added.
    #[error("{problem}")]
    Merge {
        /// Why not.
        problem: String,
    },
}

fn help(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) }
}
