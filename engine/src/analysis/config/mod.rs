//! The file as it is written: keys, texts and numbers, with no meaning yet.

mod cuts;
mod ordered;
mod sections;

pub use cuts::{Cartesian, Categories, Cut, MultiCut};
pub use ordered::Ordered;
pub use sections::{
    Axis, Collection, Columns, ColumnsScope, Datasets, Definitions, Filter, Histogram, Normalisation, Object,
    Parameters, Raw, Run, Scope, ScopedNames, Shapes, Variations, Varied, Weight, Weights,
};

use super::error::{AnalysisError, Place};
use super::locate::Source;
use crate::dialect::faults::nearest;

/// Reads the text of an analysis file.
pub(super) fn parse(source: &Source) -> super::Result<Raw> {
    serde_yaml::from_str(&source.text).map_err(|error| {
        let text = error.to_string();
        let position = error.location().map(|at| (at.line(), at.column()));
        let problem = position.map_or(text.as_str(), |(line, column)| {
            text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text)
        });
        form(source, position, problem)
    })
}

/// An error of the YAML parser in our words: `unknown field `bin`, expected one of …` becomes the nearest names.
fn form(source: &Source, position: Option<(usize, usize)>, problem: &str) -> AnalysisError {
    let (path, problem) = match problem.split_once(": ") {
        Some((path, rest)) if !path.contains(' ') => (path, rest),
        _ => ("", problem),
    };
    let place = Place { file: source.path.clone(), position, path: path.to_owned() };
    let Some(rest) = problem.strip_prefix("unknown field `") else {
        return AnalysisError::Form { place, problem: problem.to_owned(), near: vec![] };
    };
    let mut quoted = rest.split('`');
    let key = quoted.next().unwrap_or_default();
    let known: Vec<&str> = quoted.skip(1).step_by(2).collect();
    let near = nearest(key, known.iter().copied(), 1);
    let problem = if near.is_empty() {
        format!("unknown key '{key}'; the keys are {}", known.join(", "))
    } else {
        format!("unknown key '{key}'")
    };
    AnalysisError::Form { place, problem, near }
}
