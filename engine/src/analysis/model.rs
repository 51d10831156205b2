//! An analysis with every name resolved, and the plan of what its script counts.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::sqlparser::ast::{Expr, Query};
use serde::{Deserialize, Serialize};

use super::config::Raw;
use super::cut::NamedCut;
use super::dataset::Dataset;
use super::error::Place;
use super::locate::{Source, Way};
use super::warning::Warning;
use crate::output::AxisLabel;

/// An analysis file that makes sense.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// As it was written.
    pub raw: Raw,
    /// The same with the values of its parameters in place of the files.
    pub resolved: Raw,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
    /// The datasets that are read.
    pub datasets: Vec<Dataset>,
    pub(super) source: Source,
    /// The datasets files, with commas between.
    pub(super) location: String,
    /// Whether the filter leaves all datasets.
    pub(super) complete: bool,
    /// All samples of the datasets files, also those that are filtered out.
    pub(super) samples: BTreeSet<String>,
    pub(super) definitions: Vec<Definition>,
    pub(super) skim: Vec<NamedCut>,
    /// Distinct cuts behind the skim, in order of first use.
    pub(super) cuts: Vec<NamedCut>,
    pub(super) preselections: Vec<String>,
    pub(super) categories: Vec<Category>,
    pub(super) subsamples: BTreeMap<String, Vec<Category>>,
    pub(super) weights: BTreeMap<String, Weight>,
    pub(super) shapes: Vec<Shape>,
    pub(super) histograms: Vec<Histogram>,
    pub(super) treatments: Vec<Treatment>,
}

impl Analysis {
    /// Where a key stands, by its way: `run.device`.
    #[must_use]
    pub fn place(&self, keys: &str) -> Place {
        self.source.place(&keys.split('.').fold(Way::default(), |way, key| way.key(key)))
    }

    /// A text that differs where anything differs but the files that are read, how they are read, and what sums are divided by:
    /// that is compared by sample.
    pub(super) fn fingerprint(&self) -> String {
        let mut rest = self.resolved.clone();
        rest.datasets.jsons.clear();
        rest.datasets.filter = Default::default();
        rest.run = Default::default();
        rest.normalisation = Default::default();
        rest.output = None;
        let text = serde_yaml::to_string(&rest).unwrap_or_default();
        format!("{:016x}", xxhash_rust::xxh64::xxh64(text.as_bytes(), 0))
    }
}

/// A collection or a variable, after those it needs.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) body: Body,
    /// How many SELECTs lie between it and the branches; collections lie nowhere.
    pub(super) layer: usize,
    /// Whether the skim needs it.
    pub(super) before_skim: bool,
}

#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "there are few of them")]
pub(super) enum Body {
    Collection(Query),
    Variable(Expr),
}

/// A name and the names of the cuts that all hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Category {
    pub(super) name: String,
    /// Cuts on events; those on objects as whether any object passes.
    pub(super) cuts: Vec<String>,
    /// Cuts on objects.
    pub(super) mask: Option<Mask>,
}

/// Which objects of a collection are in a category.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mask {
    pub(super) collection: String,
    /// Names of the cuts, each a list of booleans.
    pub(super) cuts: Vec<String>,
    /// Name of the cut that says whether any object passes.
    pub(super) any: String,
    /// Name of the cut that says whether all objects pass, where a histogram asks for it.
    pub(super) all: Option<String>,
}

impl Category {
    /// The cuts on events, where those on objects are taken together so.
    pub(super) fn event_cuts(&self, collapse: Option<Collapse>) -> Vec<String> {
        match &self.mask {
            Some(Mask { any, all: Some(all), .. }) if collapse == Some(Collapse::All) => {
                self.cuts.iter().map(|cut| if cut == any { all } else { cut }).cloned().collect()
            }
            _ => self.cuts.clone(),
        }
    }
}

/// How cuts on objects become a cut on an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collapse {
    /// Any object passes.
    Any,
    /// All objects pass.
    All,
}

/// A weight: nominal, and its variations by their full names.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weight {
    pub(super) nominal: Expr,
    pub(super) variations: Vec<(String, Expr)>,
}

/// Fields with their values.
pub(super) type Fields = Vec<(String, Expr)>;

/// One shift of the events.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// `JES_TotalUp`.
    pub(super) name: String,
    /// `JES_Total`.
    pub(super) of: String,
    /// By collection (`None`: the event), fields with their shifted values.
    pub(super) shifts: Vec<(Option<String>, Fields)>,
}

/// A histogram to fill.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    pub(super) name: String,
    pub(super) axes: Vec<Filled>,
    pub(super) weighted: bool,
    pub(super) varied: bool,
    pub(super) only_variations: Option<Vec<String>>,
    /// What cuts on objects mean for it where it has no axis of their collection.
    pub(super) collapse: Option<Collapse>,
    pub(super) categories: Vec<String>,
    pub(super) only_samples: Option<Vec<String>>,
    pub(super) exclude_samples: Vec<String>,
    /// What people read on its axes.
    pub(super) labels: Vec<AxisLabel>,
}

/// An axis and what is filled into it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filled {
    pub(super) value: Expr,
    pub(super) axis: Expr,
    /// The collection whose objects are filled, all of them; `None` for one value per event.
    pub(super) collection: Option<String>,
}

/// Samples that are treated alike: one SELECT of the script.
#[derive(Debug, Clone, PartialEq)]
pub struct Treatment {
    /// What it is called in the script.
    pub label: String,
    /// The samples.
    pub samples: Vec<String>,
    /// Whether they are simulated.
    pub is_mc: bool,
    /// Names of their subsamples; `None` is the whole sample.
    pub(super) subsamples: Vec<Option<String>>,
    /// For each subsample and category: which weights, which of them are varied, which shapes.
    pub(super) scopes: Vec<Vec<Scope>>,
    /// Places of the histograms in [`Analysis::histograms`].
    pub(super) histograms: Vec<usize>,
    /// Columns to write, and the categories they are of.
    pub(super) columns: Vec<(Vec<super::config::Collection>, Vec<String>)>,
    /// What simulation is divided by.
    pub(super) normalisation: Option<Normalisation>,
}

/// What holds in one category.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Scope {
    pub(super) weights: Vec<String>,
    pub(super) varied: Vec<String>,
    pub(super) shapes: Vec<String>,
}

/// What simulation is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalisation {
    /// Σ genWeight of the events.
    SumGenWeights,
    /// Σ sign(genWeight) of the events.
    SumSigns,
    /// Σ genWeight as the datasets file has it.
    Metadata,
    /// Σ genWeight as the Runs trees of the files have it: also of events that a skim has left out of the files.
    Runs,
}

/// What the columns of the script's result are, and what is made of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// By sample, the divisor.
    pub normalisation: BTreeMap<String, Normalisation>,
    /// Names of the categories, in order.
    pub categories: Vec<String>,
    /// Histograms, and the tables of events in categories.
    pub histograms: Vec<HistogramPlan>,
    /// Tables of events per category.
    pub cutflows: Vec<HistogramPlan>,
    /// Columns with the number of events after preselection: subsample, variation, column.
    pub preselected: Vec<(Vec<String>, Option<String>, String, String)>,
    /// Columns with the number of selected events that are in none or in several of the categories or subsamples: samples,
    /// what, column of those in none (if there can be any), column of those in several.
    pub coverage: Vec<(Vec<String>, String, Option<String>, String)>,
    /// Parquet files of single events.
    pub columns: Vec<ColumnsPlan>,
}

impl Plan {
    /// What it says of one sample.
    pub(super) fn of_sample(&self, sample: &str) -> Self {
        let is_of = |samples: &[String]| samples.iter().any(|known| known == sample);
        let only = || vec![sample.to_owned()];
        let histograms = |all: &[HistogramPlan]| -> Vec<HistogramPlan> {
            let of = all.iter().filter(|plan| is_of(&plan.samples));
            of.map(|plan| HistogramPlan { samples: only(), ..plan.clone() }).collect()
        };
        let preselected = self.preselected.iter().filter(|(samples, ..)| is_of(samples)).cloned();
        let coverage = self.coverage.iter().filter(|(samples, ..)| is_of(samples)).cloned();
        Self {
            normalisation: self
                .normalisation
                .clone()
                .into_iter()
                .filter(|(name, _)| name == sample)
                .collect(),
            categories: self.categories.clone(),
            histograms: histograms(&self.histograms),
            cutflows: histograms(&self.cutflows),
            preselected: preselected
                .map(|(_, part, variation, column)| (only(), part, variation, column))
                .collect(),
            coverage: coverage.map(|(_, what, none, several)| (only(), what, none, several)).collect(),
            columns: vec![],
        }
    }
}

/// A histogram of the analysis and the columns of the result it is put together from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HistogramPlan {
    /// Its name.
    pub name: String,
    /// The samples it is of.
    pub samples: Vec<String>,
    /// The subsample, if it is of one.
    pub subsample: Option<String>,
    /// Labels of its axis of categories.
    pub categories: Vec<String>,
    /// Labels of its axis of variations; data has none.
    pub variations: Option<Vec<String>>,
    /// What people read on the axes of its values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<AxisLabel>,
    /// Where its contents come from.
    pub parts: Vec<Part>,
}

/// A column of the result and the place of its contents.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The column.
    pub column: String,
    /// The categories taken from it.
    pub categories: Vec<String>,
    /// Its variation (`None` where it has no such axis), and the one it becomes.
    pub variations: Vec<(Option<String>, String)>,
}

/// A file of single events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnsPlan {
    /// Where the script copies it to.
    pub path: String,
    /// The categories its events are in.
    pub categories: Vec<String>,
}
