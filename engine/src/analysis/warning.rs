//! What is not wrong, but a physicist would want to know.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::assemble::{Assembled, CutflowRow};
use super::error::Place;
use super::record::Input;

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

/// What only the numbers of a run can tell: histograms that never fill, categories without events, events in no subsample
/// or in several, files that a sum of Runs trees knows nothing of, datasets of other sizes than `expected`.
#[must_use]
pub fn of_numbers(
    categories: &[String],
    expected: &BTreeMap<String, u64>,
    inputs: &[&Input],
    sum: &Assembled,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |message: String| warnings.push(Warning { place: None, message });
    for name in &sum.never_filled {
        warn(format!("histogram '{name}' never filled"));
    }
    for dataset in &sum.datasets {
        if let Some(expected) = expected.get(&dataset.dataset).filter(|events| **events != dataset.initial) {
            let message = format!(
                "dataset '{}' has {} events, the datasets file says {expected}",
                dataset.dataset, dataset.initial
            );
            warn(message);
        }
    }
    for (dataset, with) in &sum.runs_files {
        let files = inputs.iter().filter(|input| input.dataset == *dataset).map(|input| &input.file);
        let without = (files.collect::<BTreeSet<_>>().len() as u64).saturating_sub(*with);
        if without > 0 {
            warn(format!("dataset '{dataset}': {without} of its files have a Runs tree without entries"));
        }
    }
    let nominal = |row: &&CutflowRow| row.variation == "nominal";
    for category in categories {
        let of = || sum.cutflow.iter().filter(nominal).filter(|row| row.step == *category);
        if of().next().is_some() && of().all(|row| row.events == 0) {
            warn(format!("category '{category}' has no events"));
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
