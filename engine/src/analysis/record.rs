//! What a run leaves behind besides histograms: where its numbers come from, and the sums that runs are added by.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Serialize};

use super::Result;
use super::assemble::{Assembled, CutflowRow, DatasetSummary, assemble};
use super::error::AnalysisError;
use super::model::{Analysis, Normalisation, Plan};
use super::sums::Row;
use super::warning::{self, Warning};
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

impl RunPart {
    /// A part whose files are named by its number.
    fn new(number: usize, plan: Plan, inputs: Vec<Input>) -> Self {
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
const SCRIPT: &str = "analysis.sql";
/// The analysis file in a folder of results, as it was understood.
const CONFIG: &str = "config.resolved.yaml";

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

/// Runs that were added.
#[derive(Debug)]
pub struct Merged {
    /// The sums, not yet normalised.
    pub sum: Assembled,
    /// The record of the whole.
    pub record: Record,
    /// Files of the runs that the folder of the whole has too, with their names there.
    pub files: Vec<(PathBuf, String)>,
}

/// Adds runs up. They are rounded when all are added: the numbers are those of one run over all events.
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
    // The order of the folders does not show in the result.
    parts.sort_by(|(_, a), (_, b)| {
        let key = |part: &RunPart| part.inputs.iter().map(|input| (input.file.clone(), input.entries)).min();
        key(a).cmp(&key(b))
    });
    check_overlap(&parts)?;
    check_normalisation(&parts)?;
    let sum = sum_of(&parts)?;
    whole.datasets.clone_from(&sum.datasets);
    if !partial {
        check_complete(&whole)?;
    }
    let inputs: Vec<&Input> = parts.iter().flat_map(|(_, part)| &part.inputs).collect();
    let categories = parts.first().map(|(_, part)| part.plan.categories.clone()).unwrap_or_default();
    let findings = warning::of_numbers(&categories, &whole.expected_events, &inputs, &sum);
    whole.findings = findings.iter().map(ToString::to_string).collect();
    whole.reports.clear();
    let mut files = columns(&parts)?;
    let mut texts = Texts::default();
    for (i, (folder, part)) in parts.into_iter().enumerate() {
        let mut named = RunPart::new(i + 1, part.plan.clone(), part.inputs.clone());
        named.script = texts.place(&folder.join(&part.script), SCRIPT)?;
        named.config = texts.place(&folder.join(&part.config), CONFIG)?;
        files.push((folder.join(&part.sums), named.sums.clone()));
        files.extend(part.runs.iter().zip(&named.runs).map(|(from, to)| (folder.join(from), to.clone())));
        whole.parts.push(named);
    }
    files.extend(texts.files);
    Ok(Merged { sum, record: whole, files })
}

/// What all parts counted. Each dataset is put together by itself: which columns a script has depends on its datasets.
fn sum_of(parts: &[(PathBuf, RunPart)]) -> Result<Assembled> {
    struct Whole {
        plan: Plan,
        counted: Option<Row>,
        runs: Option<Row>,
    }
    let mut datasets: BTreeMap<String, Whole> = BTreeMap::new();
    for (folder, part) in parts {
        let counted = Row::all(&read_parquet(&folder.join(&part.sums))?)?;
        let runs =
            part.runs.as_ref().map_or(Ok(vec![]), |runs| Row::all(&read_parquet(&folder.join(runs))?))?;
        let rows = counted.into_iter().map(|row| (row, false)).chain(runs.into_iter().map(|row| (row, true)));
        for (row, of_runs) in rows {
            let plan = part.plan.of_sample(&row.sample);
            let new = || Whole { plan: plan.clone(), counted: None, runs: None };
            let dataset = datasets.entry(row.dataset.clone()).or_insert_with(new);
            if dataset.plan != plan {
                let problem = format!(
                    "{}: dataset '{}' was counted otherwise than in the other runs (compare analysis.sql)",
                    folder.display(),
                    row.dataset
                );
                return Err(AnalysisError::Merge { problem });
            }
            let place = if of_runs { &mut dataset.runs } else { &mut dataset.counted };
            match place {
                Some(known) => known.add(row)?,
                None => *place = Some(row),
            }
        }
    }
    let mut sum = Assembled::default();
    for dataset in datasets.into_values() {
        let batch = |row: Option<Row>| row.iter().map(Row::rounded).collect::<Result<Vec<_>>>();
        sum = sum.beside(assemble(&dataset.plan, &batch(dataset.counted)?, &batch(dataset.runs)?)?);
    }
    Ok(sum)
}

/// The files of single events of all folders, the number of the folder in front of their names.
fn columns(parts: &[(PathBuf, RunPart)]) -> Result<Vec<(PathBuf, String)>> {
    let mut folders: Vec<&PathBuf> = Vec::new();
    for (folder, _) in parts {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    let mut files = Vec::new();
    for (i, folder) in folders.iter().enumerate() {
        let mut levels = vec![folder.join("columns")];
        while let Some(level) = levels.pop() {
            let failed = |source| AnalysisError::Read { path: level.clone(), source };
            let entries = match std::fs::read_dir(&level) {
                Ok(entries) => entries.collect::<std::io::Result<Vec<_>>>().map_err(failed)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            for path in entries.into_iter().map(|entry| entry.path()) {
                if path.is_dir() {
                    levels.push(path);
                    continue;
                }
                let within = path.strip_prefix(folder).unwrap_or(&path);
                let name =
                    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let name = if folders.len() == 1 { name } else { format!("{}_{name}", i + 1) };
                files.push((path.clone(), within.with_file_name(name).to_string_lossy().into_owned()));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Texts of the runs: one that several have is kept once.
#[derive(Default)]
struct Texts {
    known: Vec<(String, String, String)>,
    files: Vec<(PathBuf, String)>,
}

impl Texts {
    /// The name of a text in the folder of the whole: `analysis.sql`, `analysis_2.sql`.
    fn place(&mut self, path: &Path, base: &str) -> Result<String> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| AnalysisError::Read { path: path.to_owned(), source })?;
        let same = |(of, _, known): &&(String, String, String)| of == base && *known == text;
        if let Some((_, name, _)) = self.known.iter().find(same) {
            return Ok(name.clone());
        }
        let number = self.known.iter().filter(|(of, ..)| of == base).count() + 1;
        let name = match base.split_once('.') {
            Some((stem, ending)) if number > 1 => format!("{stem}_{number}.{ending}"),
            _ => base.to_owned(),
        };
        self.known.push((base.to_owned(), name.clone(), text));
        self.files.push((path.to_owned(), name.clone()));
        Ok(name)
    }
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
