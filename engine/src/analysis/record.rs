//! What a run leaves behind besides histograms: where its numbers come from, and the sums that runs are added by.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Serialize};

use super::assemble::{Assembled, CutflowRow, DatasetSummary, assemble};
use super::error::AnalysisError;
use super::model::{Analysis, Normalisation, Plan};
use super::{Result, warning::Warning};
use crate::inspect::inspect;
use crate::report::RunReport;
use crate::session::Session;

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
    /// The file of its sums in the folder.
    pub sums: String,
    /// That of the sums of its Runs trees, if it is divided by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<String>,
    /// What the columns of that file are.
    pub plan: Plan,
    /// The files that were read.
    pub inputs: Vec<Input>,
}

impl RunPart {
    /// Names the files of a part by its number.
    fn name(&mut self, number: usize, by_runs: bool) {
        self.sums = format!("sums/{number}.parquet");
        self.runs = by_runs.then(|| format!("sums/{number}_runs.parquet"));
    }

    fn files(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.sums).chain(&self.runs)
    }
}

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
    /// Events that the datasets file promises, by dataset.
    pub expected_events: BTreeMap<String, u64>,
    /// Luminosity sections of data that were read: by run, ranges.
    pub processed_lumis: BTreeMap<String, Vec<(u64, u64)>>,
    /// What was odd.
    pub warnings: Vec<String>,
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
        warnings: &[Warning],
    ) -> Self {
        let by_runs = plan.normalisation.values().any(|by| *by == Normalisation::Runs);
        let mut part = RunPart { sums: String::new(), runs: None, plan: plan.clone(), inputs };
        part.name(1, by_runs);
        let expected = analysis.datasets.iter().filter_map(|d| Some((d.name.clone(), d.events?))).collect();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: analysis.raw.name.clone(),
            analysis: analysis.fingerprint(),
            parts: vec![part],
            datasets: assembled.datasets.clone(),
            expected_events: expected,
            processed_lumis: BTreeMap::new(),
            warnings: warnings.iter().map(ToString::to_string).collect(),
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

/// The files of an analysis with their identity.
///
/// # Errors
/// A file that cannot be read.
pub async fn inputs(analysis: &Analysis, session: &Session) -> crate::Result<Vec<Input>> {
    let limit =
        analysis.raw.run.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let tree = analysis.raw.datasets.tree.as_deref().unwrap_or("Events");
    let mut inputs = Vec::new();
    for dataset in &analysis.datasets {
        for path in dataset.paths.iter().take(limit) {
            let summary = match inspect(session, path).await {
                Ok(summary) => summary,
                Err(_) if analysis.raw.run.skipbadfiles == Some(true) => continue,
                Err(error) => return Err(error),
            };
            let found =
                summary.trees.iter().find(|known| known.path == tree).or_else(|| summary.trees.first());
            inputs.push(Input {
                dataset: dataset.name.clone(),
                file: summary.name.clone(),
                bytes: summary.bytes,
                uuid: summary.uuid.clone(),
                entries: (0, found.map_or(0, |tree| tree.entries)),
            });
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
        ],
    )
}

/// Runs that were added.
#[derive(Debug)]
pub struct Merged {
    /// The sums, not yet normalised.
    pub sum: Assembled,
    /// The record of the whole.
    pub record: Record,
    /// The files of sums it is made from, with their names in its folder.
    pub files: Vec<(PathBuf, String)>,
}

/// Adds runs up. Sums are added in the order of their first files, so that the order of the folders does not matter.
///
/// # Errors
/// Folders that are no results, runs of different analyses, samples that are divided by different sums, files that were read
/// twice, datasets of which not all events are there (unless `partial`).
pub fn add_up(folders: &[PathBuf], partial: bool) -> Result<Merged> {
    let wrong = |problem: String| AnalysisError::Merge { problem };
    let mut parts: Vec<(PathBuf, RunPart)> = Vec::new();
    let mut whole: Option<Record> = None;
    for folder in folders {
        let mut record = Record::read(folder)?;
        parts.extend(record.parts.drain(..).map(|part| (folder.clone(), part)));
        whole = Some(match whole {
            None => record,
            Some(known) => together(known, record, folder)?,
        });
    }
    let Some(mut whole) = whole else { return Err(wrong("no folders to merge".to_owned())) };
    parts.sort_by(|(_, a), (_, b)| {
        let key = |part: &RunPart| part.inputs.iter().map(|input| (input.file.clone(), input.entries)).min();
        key(a).cmp(&key(b))
    });
    check_overlap(&parts)?;
    check_normalisation(&parts)?;
    let mut sum: Option<Assembled> = None;
    for (folder, part) in &parts {
        let runs = part.runs.as_ref().map_or(Ok(vec![]), |runs| read_parquet(&folder.join(runs)))?;
        let assembled = assemble(&part.plan, &read_parquet(&folder.join(&part.sums))?, &runs)?;
        sum = Some(match sum {
            None => assembled,
            Some(known) => known.with(assembled)?,
        });
    }
    let sum = sum.unwrap_or_default();
    whole.datasets.clone_from(&sum.datasets);
    if !partial {
        check_complete(&whole)?;
    }
    let mut files = Vec::new();
    for (i, (folder, mut part)) in parts.into_iter().enumerate() {
        let from: Vec<PathBuf> = part.files().map(|name| folder.join(name)).collect();
        part.name(i + 1, part.runs.is_some());
        files.extend(from.into_iter().zip(part.files().cloned()));
        whole.parts.push(part);
    }
    whole.reports.clear();
    Ok(Merged { sum, record: whole, files })
}

fn together(mut known: Record, record: Record, folder: &Path) -> Result<Record> {
    if known.name != record.name {
        let problem = format!("{}: results of '{}', not of '{}'", folder.display(), record.name, known.name);
        return Err(AnalysisError::Merge { problem });
    }
    if known.analysis != record.analysis {
        let problem = format!(
            "{}: results of another analysis than the others: only datasets, run and output may differ (compare config.resolved.yaml)",
            folder.display()
        );
        return Err(AnalysisError::Merge { problem });
    }
    known.expected_events.extend(record.expected_events);
    known
        .warnings
        .extend(record.warnings.into_iter().filter(|w| !known.warnings.contains(w)).collect::<Vec<_>>());
    for (run, ranges) in record.processed_lumis {
        let all = known.processed_lumis.entry(run).or_default();
        all.extend(ranges);
        all.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(all.len());
        for &(first, last) in &*all {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        *all = joined;
    }
    Ok(known)
}

/// No event may be counted twice: by file, by UUID, and by the entries of it. The Runs tree of a file is counted as a whole,
/// and that of a file without events too.
fn check_overlap<'a>(parts: &'a [(PathBuf, RunPart)]) -> Result<()> {
    // One file may be in several datasets of one run: that was said in the datasets file.
    let of_run = |(run, (_, part)): (usize, &'a (PathBuf, RunPart))| {
        part.inputs.iter().map(move |input| (run, input, part.runs.is_some()))
    };
    let all: Vec<(usize, &Input, bool)> = parts.iter().enumerate().flat_map(of_run).collect();
    for (i, (run, one, by_runs)) in all.iter().enumerate() {
        for (_, other, _) in all.iter().skip(i + 1).filter(|(other, ..)| other != run) {
            let same = one.file == other.file || one.uuid == other.uuid;
            let overlap = one.entries.0 < other.entries.1 && other.entries.0 < one.entries.1;
            if same && (overlap || *by_runs) {
                let problem = format!(
                    "entries {} to {} of {} are in two of the runs (UUID {}, there as {})",
                    one.entries.0.max(other.entries.0),
                    one.entries.1.min(other.entries.1),
                    one.file,
                    other.uuid,
                    other.file
                );
                return Err(AnalysisError::Merge { problem });
            }
        }
    }
    Ok(())
}

/// Sums of different origin cannot be added: one may be of the whole dataset, or of what a skim has left.
fn check_normalisation(parts: &[(PathBuf, RunPart)]) -> Result<()> {
    let mut of_samples: BTreeMap<&str, Option<Normalisation>> = BTreeMap::new();
    for (folder, part) in parts {
        for sample in part.plan.histograms.iter().chain(&part.plan.cutflows).flat_map(|plan| &plan.samples) {
            let by = part.plan.normalisation.get(sample).copied();
            if *of_samples.entry(sample).or_insert(by) != by {
                let problem =
                    format!("{}: sample '{sample}' is divided by another sum of weights", folder.display());
                return Err(AnalysisError::Merge { problem });
            }
        }
    }
    Ok(())
}

fn check_complete(record: &Record) -> Result<()> {
    for dataset in &record.datasets {
        if let Some(expected) = record.expected_events.get(&dataset.dataset)
            && *expected != dataset.initial
        {
            let problem = format!(
                "dataset '{}' has {} initial events, the datasets file says {expected}; --partial merges it all the same",
                dataset.dataset, dataset.initial
            );
            return Err(AnalysisError::Merge { problem });
        }
    }
    Ok(())
}

fn read_parquet(path: &Path) -> Result<Vec<RecordBatch>> {
    let file =
        std::fs::File::open(path).map_err(|source| AnalysisError::Read { path: path.to_owned(), source })?;
    let wrong = |error: &dyn std::fmt::Display| AnalysisError::Merge {
        problem: format!("{}: {error}", path.display()),
    };
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file).and_then(ParquetRecordBatchReaderBuilder::build);
    let batches = reader.map_err(|e| wrong(&e))?.collect::<std::result::Result<Vec<_>, _>>();
    batches.map_err(|e| wrong(&e))
}
