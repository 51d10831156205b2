//! What is not wrong, but a physicist would want to know.

use std::fmt;

use super::assemble::CutflowRow;
use super::error::Place;
use super::model::Analysis;

/// A warning; with `--strict` it is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where in the file, if it is about the file.
    pub place: Option<Place>,
    /// What is odd.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Samples whose events are in several subsamples, or in none, by the numbers of a run; categories that nothing
/// selects, and events that no category has.
#[must_use]
pub fn coverage(analysis: &Analysis, rows: &[CutflowRow]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let nominal = |row: &&CutflowRow| row.variation == "nominal";
    for category in &analysis.categories {
        let of = || rows.iter().filter(nominal).filter(|row| row.step == category.name);
        if of().next().is_some() && of().all(|row| row.events == 0) {
            let message = format!("category '{}' has no events", category.name);
            warnings.push(Warning { place: None, message });
        }
    }
    warnings
}
