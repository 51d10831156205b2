//! What a run leaves behind besides histograms: where its numbers come from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use serde::{Deserialize, Serialize};

use super::Result;
use super::assemble::{Assembled, CutflowRow, DatasetSummary};
use super::dataset::Dataset;
use super::error::AnalysisError;
use super::model::{Analysis, Normalisation, Plan};
use super::warning::Warning;
use crate::report::RunReport;
use crate::session::Session;
use crate::table::RootTable;

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its dataset.
    pub dataset: String,
    /// The file.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Its UUID.
    pub uuid: String,
    /// First entry that was read, and one past the last.
    pub entries: (u64, u64),
}

/// One run of the script: its sums, and what they are of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPart {
    /// The file of its sums in the folder, not rounded.
    pub sums: String,
    /// That of the sums of its Runs trees, if it is divided by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<String>,
    /// The script.
    pub script: String,
    /// The analysis file as it was understood.
    pub config: String,
    /// What the columns of that file are.
    pub plan: Plan,
    /// The files that were read.
    pub inputs: Vec<Input>,
}

/// What the datasets file says of a dataset, which its numbers depend on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Its sample.
    pub sample: String,
    /// Its year.
    pub year: String,
    /// Whether it is simulated.
    pub is_mc: bool,
    /// Its cross section in pb.
    pub xsec: Option<f64>,
    /// Its primary dataset.
    pub primary_dataset: Option<String>,
    /// Σ genWeight as the file has it.
    pub sum_genweights: Option<f64>,
}

impl Metadata {
    /// What differs: `xsec 20.0, not 10.0`.
    pub(super) fn beside(&self, other: &Self) -> String {
        let fields = |of: &Self| serde_json::to_value(of).unwrap_or_default();
        let (own, others) = (fields(self), fields(other));
        let differing = own.as_object().into_iter().flatten().filter(|(key, value)| others[*key] != **value);
        let told = differing.map(|(key, value)| format!("{key} {value}, not {}", others[key]));
        told.collect::<Vec<_>>().join("; ")
    }

    fn of(dataset: &Dataset) -> Self {
        Self {
            sample: dataset.sample.clone(),
            year: dataset.year.clone(),
            is_mc: dataset.is_mc,
            xsec: dataset.xsec,
            primary_dataset: dataset.primary_dataset.clone(),
            sum_genweights: dataset.sum_genweights,
        }
    }
}

impl RunPart {
    /// A part whose files are named by its number.
    pub(super) fn new(number: usize, plan: Plan, inputs: Vec<Input>) -> Self {
        let by_runs = plan.normalisation.values().any(|by| *by == Normalisation::Runs);
        Self {
            sums: format!("sums/{number}.parquet"),
            runs: by_runs.then(|| format!("sums/{number}_runs.parquet")),
            script: SCRIPT.to_owned(),
            config: CONFIG.to_owned(),
            plan,
            inputs,
        }
    }
}

/// The script in a folder of results.
pub(super) const SCRIPT: &str = "analysis.sql";
/// The analysis file in a folder of results, as it was understood.
pub(super) const CONFIG: &str = "config.resolved.yaml";

/// `run.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    /// Of the program.
    pub version: String,
    /// The analysis.
    pub name: String,
    /// What it is, but for the files it is run over: runs that differ here cannot be added.
    pub analysis: String,
    /// Runs, one unless they were merged.
    pub parts: Vec<RunPart>,
    /// What came in.
    pub datasets: Vec<DatasetSummary>,
    /// What the datasets file says of them.
    #[serde(default)]
    pub metadata: BTreeMap<String, Metadata>,
    /// Events that the datasets file promises, by dataset.
    pub expected_events: BTreeMap<String, u64>,
    /// Luminosity sections of data that were read: by run, ranges.
    pub processed_lumis: BTreeMap<String, Vec<(u64, u64)>>,
    /// What was odd about the analysis and its files.
    pub warnings: Vec<String>,
    /// What was odd about the numbers.
    pub findings: Vec<String>,
    /// Events read, skipped, per cut level, with throughput; none for merged runs.
    pub reports: Vec<serde_json::Value>,
}

impl Record {
    /// The record of one run.
    #[must_use]
    pub fn of(
        analysis: &Analysis,
        plan: &Plan,
        inputs: Vec<Input>,
        assembled: &Assembled,
        findings: &[Warning],
    ) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: analysis.raw.name.clone(),
            analysis: analysis.fingerprint(),
            parts: vec![RunPart::new(1, plan.clone(), inputs)],
            datasets: assembled.datasets.clone(),
            metadata: analysis.datasets.iter().map(|d| (d.name.clone(), Metadata::of(d))).collect(),
            expected_events: expected_events(analysis),
            processed_lumis: BTreeMap::new(),
            warnings: analysis.warnings.iter().map(ToString::to_string).collect(),
            findings: findings.iter().map(ToString::to_string).collect(),
            reports: vec![],
        }
    }

    /// Adds what a statement read.
    pub fn report(&mut self, report: &RunReport) {
        if let Ok(value) = serde_json::to_value(report) {
            self.reports.push(value);
        }
    }

    /// Adds a luminosity section that was read.
    pub fn luminosity(&mut self, mut sections: Vec<(u64, u64)>) {
        sections.sort_unstable();
        sections.dedup();
        for (run, section) in sections {
            let ranges = self.processed_lumis.entry(run.to_string()).or_default();
            match ranges.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(section) => *last = section,
                _ => ranges.push((section, section)),
            }
        }
    }

    /// Reads a folder of results.
    ///
    /// # Errors
    /// A folder that is none.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("run.json");
        let text = std::fs::read_to_string(&path)
            .map_err(|source| AnalysisError::Read { path: path.clone(), source })?;
        serde_json::from_str(&text)
            .map_err(|error| AnalysisError::Merge { problem: format!("{}: {error}", path.display()) })
    }
}

/// Events that the datasets file promises, by dataset.
#[must_use]
pub fn expected_events(analysis: &Analysis) -> BTreeMap<String, u64> {
    analysis.datasets.iter().filter_map(|dataset| Some((dataset.name.clone(), dataset.events?))).collect()
}

/// The files of an analysis with their identity, as the queries of the session found them.
///
/// # Errors
/// A file that cannot be read.
pub async fn inputs(analysis: &Analysis, session: &Session) -> crate::Result<Vec<Input>> {
    let limit =
        analysis.raw.run.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let provider = session.context().table_provider("events").await?;
    let Some(table) = provider.downcast_ref::<RootTable>() else { return Ok(vec![]) };
    let state = session.context().state();
    let mut inputs = Vec::new();
    for dataset in &analysis.datasets {
        for (file, bytes, identity) in table.identify(&state, &dataset.name, limit).await? {
            let entries = (0, identity.entries);
            inputs.push(Input { dataset: dataset.name.clone(), file, bytes, uuid: identity.uuid, entries });
        }
    }
    Ok(inputs)
}

/// The cutflow as a table.
///
/// # Errors
/// Never in practice: columns of one length.
pub fn cutflow_batch(rows: &[CutflowRow]) -> std::result::Result<RecordBatch, arrow::error::ArrowError> {
    let texts = |of: fn(&CutflowRow) -> &str| Arc::new(StringArray::from_iter_values(rows.iter().map(of)));
    let floats = |of: fn(&CutflowRow) -> Option<f64>| Arc::new(Float64Array::from_iter(rows.iter().map(of)));
    let field = |name: &str, data_type, nullable| Field::new(name, data_type, nullable);
    let schema = Schema::new(vec![
        field("dataset", DataType::Utf8, false),
        field("sample", DataType::Utf8, false),
        field("step", DataType::Utf8, false),
        field("variation", DataType::Utf8, false),
        field("events", DataType::UInt64, false),
        field("sumw", DataType::Float64, true),
        field("sumw2", DataType::Float64, true),
        field("sum_genweights", DataType::Float64, true),
    ]);
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            texts(|row| &row.dataset),
            texts(|row| &row.sample),
            texts(|row| &row.step),
            texts(|row| &row.variation),
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.events))),
            floats(|row| row.sumw),
            floats(|row| row.sumw2),
            floats(|row| row.sum_genweights),
        ],
    )
}
