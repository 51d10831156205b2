//! What is not wrong, but a physicist would want to know.

use std::collections::BTreeSet;
use std::fmt;

use super::assemble::{Assembled, CutflowRow};
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

/// Categories without events, and events that are in no subsample or in several, by the numbers of a run.
#[must_use]
pub fn coverage(analysis: &Analysis, sum: &Assembled) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |message: String| warnings.push(Warning { place: None, message });
    let nominal = |row: &&CutflowRow| row.variation == "nominal";
    for category in &analysis.categories {
        let of = || sum.cutflow.iter().filter(nominal).filter(|row| row.step == category.name);
        if of().next().is_some() && of().all(|row| row.events == 0) {
            warn(format!("category '{}' has no events", category.name));
        }
    }
    for (dataset, what, in_none, in_several) in &sum.coverage {
        if what == "subsamples" && *in_none > 0 {
            warn(format!(
                "dataset '{dataset}': {in_none} selected events are in no subsample and not counted"
            ));
        }
        if what == "subsamples" && *in_several > 0 {
            warn(format!("dataset '{dataset}': {in_several} selected events are in several subsamples"));
        }
    }
    warnings
}

/// Files that a sum of Runs trees knows nothing of.
#[must_use]
pub fn without_runs(analysis: &Analysis, sum: &Assembled) -> Vec<Warning> {
    let limit = analysis.raw.run.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let mut warnings = Vec::new();
    for (dataset, with) in &sum.runs_files {
        let files = analysis.datasets.iter().filter(|known| known.name == *dataset);
        let read: BTreeSet<&String> = files.flat_map(|known| known.files.iter().take(limit)).collect();
        let without = (read.len() as u64).saturating_sub(*with);
        if without > 0 {
            let message =
                format!("dataset '{dataset}': {without} of its files have a Runs tree without entries");
            warnings.push(Warning { place: None, message });
        }
    }
    warnings
}

/// What is worth knowing about categories, though nothing is wrong: they may overlap, and leave events out.
#[must_use]
pub fn notes(sum: &Assembled) -> Vec<String> {
    let of_categories = sum.coverage.iter().filter(|(_, what, ..)| what == "categories");
    of_categories
        .filter(|(_, _, in_none, in_several)| in_none + in_several > 0)
        .map(|(dataset, _, in_none, in_several)| {
            format!("{dataset}: of the selected events {in_none} are in no category, {in_several} in more than one")
        })
        .collect()
}
