//! `ana-sql run`: an analysis from its file to the folder of its results.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use ana_engine::analysis::{
    self, Analysis, Assembled, Record, Settings, Translation, assemble, cutflow_batch,
};
use ana_engine::dialect::script::{Statement, parse, returns_rows};
use ana_engine::output::{Cancellation, Format, Options, ResultFolder, ResultWriter, uhi_zip};
use ana_engine::{Device, EngineError, Query, Session};
use anyhow::{Context, Result, bail};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, UInt64Type};

use crate::analysis::{load, planned, refuse, session, source, tell};
use crate::args::AnalysisArgs;
use crate::partition::Partitions;
use crate::progress::Bar;
use crate::script::in_script;
use crate::{console, cutflow, report};

/// An analysis that is ready to run.
pub(crate) struct Prepared {
    args: AnalysisArgs,
    analysis: Analysis,
    translation: Translation,
    settings: Settings,
    device: Device,
    /// Cores that the arguments or the file ask for.
    pub(crate) threads: Option<u16>,
}

/// Reads the analysis, and checks what can be checked before any file of events is opened.
pub(crate) fn prepare(args: AnalysisArgs) -> Result<Prepared> {
    let (analysis, translation) = load(&args.file, args.strict)?;
    let settings = analysis::settings(&analysis)?;
    let device = args.device.or(settings.device).unwrap_or_default();
    if let (None, Device::Gpu(_)) = (args.device, device) {
        // That there is none is a fault of this line of the file.
        let told = || analysis.place("run.device").to_string();
        Session::builder().device(device).build().map(drop).with_context(told)?;
    }
    let threads = args.threads.or(settings.threads);
    Ok(Prepared { args, analysis, translation, settings, device, threads })
}

/// Runs an analysis.
pub(crate) async fn run(prepared: Prepared, threads: usize, stop: Cancellation) -> Result<ExitCode> {
    let Prepared { args, analysis, translation, .. } = &prepared;
    let beside = || args.file.parent().map(Path::to_owned).unwrap_or_default();
    let output = args.output.clone().unwrap_or_else(|| {
        analysis.raw.output.as_ref().map_or_else(|| PathBuf::from("results"), |folder| beside().join(folder))
    });
    let folder = ResultFolder::create(&output, args.overwrite, &stop)?;
    let tries = analysis.raw.run.retries.unwrap_or(0);
    let mut tried = 0;
    let ran = loop {
        match attempt(&prepared, threads, &folder, &stop).await {
            Err(error) if tried < tries && is_reading(&error) && !stop.is_cancelled() => {
                tried += 1;
                folder.remove("columns")?;
                console::say(&format!("warning: attempt {tried} failed, trying again: {error:#}\n"));
            }
            other => break other?,
        }
    };
    let skipped = ran.reports.iter().any(|report| !report.skipped.is_empty());
    let sum = ran.assembled.clone().normalised()?;
    let inputs: Vec<&analysis::Input> = ran.inputs.iter().collect();
    let categories = &translation.plan.categories;
    // With a limit or skipped events a dataset is not whole, and everybody knows.
    let whole = !skipped && analysis.raw.run.limit.is_none();
    let expected = if whole { analysis::expected_events(analysis) } else { BTreeMap::new() };
    let findings = analysis::of_numbers(categories, &expected, &inputs, &sum);
    tell(&findings);
    let mut record = Record::of(analysis, &translation.plan, ran.inputs, &ran.assembled, &findings);
    let mut told: Vec<String> = ran.reports.iter().flat_map(|report| report.warnings.clone()).collect();
    told.sort();
    told.dedup();
    record.warnings.extend(ran.unknown);
    record.warnings.extend(told.iter().cloned());
    ran.reports.iter().for_each(|report| record.report(report));
    record.luminosity(ran.sections);
    if skipped && analysis.datasets.iter().any(|dataset| !dataset.is_mc) {
        let unknown = "events were skipped: the luminosity sections that were processed are not known";
        console::say(&format!("warning: {unknown}\n"));
        record.warnings.push(unknown.to_owned());
        told.push(unknown.to_owned());
    }
    if args.strict {
        let state = format!("everything was read, but {} was not written", output.display());
        refuse(findings.len() + told.len(), &state)?;
    }
    for part in &record.parts {
        folder.write(&part.script, &translation.sql)?;
        folder.write(&part.config, &serde_yaml::to_string(&analysis.resolved)?)?;
        write_parquet(&folder.place(&part.sums)?, &ran.batches, &stop)?;
        if let Some(name) = &part.runs {
            write_parquet(&folder.place(name)?, &ran.runs, &stop)?;
        }
    }
    write_parquet(&folder.place("rows.parquet")?, &analysis::rounded(&ran.batches)?, &stop)?;
    write_results(&folder, &sum, &record, &stop)?;
    folder.commit()?;
    if !args.quiet {
        console::put(&cutflow::text(&sum.cutflow))?;
        for note in analysis::notes(&sum) {
            console::say(&format!("note: {note}\n"));
        }
        console::say(&format!("{}: {} histograms\n", output.display(), sum.histograms.len()));
    }
    Ok(if skipped { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Whether trying again may help.
fn is_reading(error: &anyhow::Error) -> bool {
    let in_chain = |cause: &(dyn std::error::Error + 'static)| {
        matches!(
            cause.downcast_ref::<EngineError>(),
            Some(EngineError::Io { .. } | EngineError::Store { .. } | EngineError::Short { .. })
        )
    };
    error.chain().any(in_chain)
}

/// What one run of the script gave.
struct Ran {
    assembled: Assembled,
    /// What was counted, not rounded.
    batches: Vec<RecordBatch>,
    /// Sums of the Runs trees.
    runs: Vec<RecordBatch>,
    reports: Vec<ana_engine::RunReport>,
    inputs: Vec<analysis::Input>,
    /// Luminosity sections of data.
    sections: Vec<(u64, u64)>,
    /// What is named and in no file.
    unknown: Vec<String>,
}

async fn attempt(
    prepared: &Prepared,
    threads: usize,
    folder: &ResultFolder,
    stop: &Cancellation,
) -> Result<Ran> {
    let Prepared { args, analysis, translation, settings, device, .. } = prepared;
    let session = session(analysis, settings, *device, threads, true)?;
    let source = source(&args.file, translation);
    let mut ran = Ran {
        assembled: Assembled::default(),
        batches: vec![],
        runs: vec![],
        reports: vec![],
        inputs: vec![],
        sections: vec![],
        unknown: vec![],
    };
    let mut checked = false;
    for statement in parse(&source.text).map_err(|e| in_script(&source, e))? {
        let has_rows = returns_rows(&statement);
        // Before anything names a trigger, which makes it a column of many files.
        if !checked && (has_rows || matches!(statement, Statement::CopyTo(_))) {
            checked = true;
            let unknown = analysis::unknown_branches(analysis, &session).await?;
            tell(&unknown);
            if args.strict {
                refuse(unknown.len(), "no event was read")?;
            }
            ran.unknown = unknown.iter().map(ToString::to_string).collect();
        }
        let query = planned(analysis, &session, statement, &source).await?;
        let bar = Arc::new(Bar::new(args.quiet));
        let watching = Arc::clone(&bar);
        let query = query.on_progress(move |progress| watching.update(progress));
        let ended = match query.destination().cloned() {
            Some(to) => copy(query, &to.path, folder, stop).await.map(Some),
            None => {
                let result = query.collect().await.map_err(|e| in_script(&source, e));
                result.map(|result| {
                    if has_rows {
                        // The last result is what was counted; the sums of the Runs trees come before it.
                        ran.runs = std::mem::replace(&mut ran.batches, result.batches);
                        return Some(result.report);
                    }
                    None
                })
            }
        };
        bar.clear();
        if let Some(report) = ended? {
            // Every statement reads the same files: what was said of one is not said again.
            let mut new = report.clone();
            new.warnings.retain(|known| ran.reports.iter().all(|earlier| !earlier.warnings.contains(known)));
            new.skipped.retain(|known| ran.reports.iter().all(|earlier| !earlier.skipped.contains(known)));
            report::print_faults(&new);
            ran.reports.push(report);
        }
    }
    let (rows, runs) = (analysis::rounded(&ran.batches)?, analysis::rounded(&ran.runs)?);
    ran.assembled = assemble(&translation.plan, &rows, &runs)?;
    ran.inputs = analysis::inputs(analysis, &session).await?;
    let mut seen = BTreeMap::new();
    for input in &ran.inputs {
        if let Some(other) = seen.insert((&input.dataset, &input.uuid), &input.file) {
            bail!(
                "dataset '{}' has one file twice, as {other} and {} (UUID {})",
                input.dataset,
                input.file,
                input.uuid
            );
        }
    }
    if all_read_the_same(&ran.reports)? {
        ran.inputs.retain(|input| !is_left_out(input, &ran.reports));
    } else {
        ran.sections = sections(analysis, &session).await?;
    }
    Ok(ran)
}

/// Whether events were skipped. Statements that read other branches may stumble elsewhere: histograms and columns would be of
/// different events.
fn all_read_the_same(reports: &[ana_engine::RunReport]) -> Result<bool> {
    let left_out = |report: &ana_engine::RunReport| {
        let of = report.skipped.iter().map(|s| (s.file.clone(), s.first_entry, s.events));
        of.collect::<BTreeSet<_>>()
    };
    let all: Vec<_> = reports.iter().map(left_out).collect();
    let odd = all.iter().flatten().find(|skipped| all.iter().any(|other| !other.contains(skipped)));
    if let Some((file, ..)) = odd {
        bail!(
            "{file} can be read for some statements of the script and not for others, so that histograms and columns would be of \
             different events; leave it out of the datasets file"
        );
    }
    Ok(all.iter().any(|skipped| !skipped.is_empty()))
}

/// Whether nothing of a file was read.
fn is_left_out(input: &analysis::Input, reports: &[ana_engine::RunReport]) -> bool {
    let Some(report) = reports.first() else { return false };
    let of_file = || report.skipped.iter().filter(|skipped| skipped.file == input.file);
    of_file().any(|skipped| skipped.events.is_none())
        || of_file().filter_map(|skipped| skipped.events).sum::<u64>() >= input.entries.1.max(1)
}

async fn copy(
    query: Query,
    path: &Path,
    folder: &ResultFolder,
    stop: &Cancellation,
) -> Result<ana_engine::RunReport> {
    let mut files = Partitions::new(folder, stop, path, &query.schema());
    let mut fault = None;
    let report = query
        .for_each(|batch| match files.write(&batch) {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) => {
                fault = Some(error);
                Ok(ControlFlow::Break(()))
            }
        })
        .await?;
    if let Some(error) = fault {
        return Err(error);
    }
    files.finish()?;
    Ok(report)
}

/// The luminosity sections of data that were read.
async fn sections(analysis: &Analysis, session: &Session) -> Result<Vec<(u64, u64)>> {
    if analysis.datasets.iter().all(|dataset| dataset.is_mc) {
        return Ok(vec![]);
    }
    let sql = analysis::luminosity_sections(analysis);
    let result = session.sql(&sql).await?.collect().await?;
    let mut sections = Vec::new();
    for batch in &result.batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| arrow::compute::cast(column, &DataType::UInt64))
            .collect::<Result<_, _>>()?;
        let [run, section] = columns.as_slice() else { bail!("luminosity sections have two columns") };
        let (run, section) = (run.as_primitive::<UInt64Type>(), section.as_primitive::<UInt64Type>());
        sections.extend((0..run.len()).map(|i| (run.value(i), section.value(i))));
    }
    Ok(sections)
}

/// Writes what a run and a sum of runs both have.
pub(crate) fn write_results(
    folder: &ResultFolder,
    sum: &Assembled,
    record: &Record,
    stop: &Cancellation,
) -> Result<()> {
    let zip = folder.place("histograms.zip")?;
    std::fs::write(&zip, uhi_zip::bytes(&sum.histograms, &zip)?)
        .with_context(|| zip.display().to_string())?;
    write_parquet(&folder.place("cutflow.parquet")?, &[cutflow_batch(&sum.cutflow)?], stop)?;
    folder.write("run.json", &(serde_json::to_string_pretty(record)? + "\n"))?;
    Ok(())
}

fn write_parquet(path: &Path, batches: &[RecordBatch], stop: &Cancellation) -> Result<()> {
    let Some(first) = batches.first() else { bail!("the script gave no rows: are the files empty?") };
    let options = Options { keys: None, cancellation: stop.clone() };
    let mut writer = ResultWriter::with_format(Format::Parquet, path, first.schema(), options)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    Ok(())
}
