//! Runs of one analysis over different events, added before anything is rounded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Result;
use super::assemble::{Assembled, assemble};
use super::error::AnalysisError;
use super::model::{Normalisation, Plan};
use super::record::{CONFIG, Input, Record, RunPart, SCRIPT};
use super::sums::Row;
use super::warning;

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
    for (dataset, metadata) in record.metadata {
        let before = known.metadata.entry(dataset.clone()).or_insert_with(|| metadata.clone());
        if *before != metadata {
            let problem = format!(
                "{}: dataset '{dataset}' has other metadata than in the other runs: {}",
                folder.display(),
                metadata.beside(before)
            );
            return Err(AnalysisError::Merge { problem });
        }
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
