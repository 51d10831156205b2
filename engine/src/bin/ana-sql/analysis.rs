//! `ana-sql run`, `translate`, `lint`, `merge`, `schema`: analysis files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use ana_engine::analysis::{
    self, Analysis, Assembled, CutflowRow, Record, Translation, Warning, assemble, cutflow_batch, json_schema,
};
use ana_engine::dialect::script::{Statement, parse, returns_rows};
use ana_engine::output::{Cancellation, Format, Options, ResultFolder, ResultWriter, uhi_zip};
use ana_engine::{Device, EngineError, OnBadFile, Query, RootOptions, Session};
use anyhow::{Context, Result, bail};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, UInt64Type};

use crate::args::{AnalysisArgs, LintArgs, MergeArgs, TranslateArgs};
use crate::console;
use crate::partition::Partitions;
use crate::progress::Bar;
use crate::report::{self, thousands};
use crate::script::{Source, in_script};

/// The cores that the arguments or the file ask for.
pub(crate) fn threads(args: &AnalysisArgs) -> Result<Option<u16>> {
    if args.threads.is_some() {
        return Ok(args.threads);
    }
    let asked = analysis::load(&args.file)?.raw.run.threads;
    asked.map(|n| u16::try_from(n).ok().filter(|n| *n > 0).context("run.threads is at least 1")).transpose()
}

fn load(file: &Path, strict: bool) -> Result<(Analysis, Translation)> {
    let analysis = analysis::load(file)?;
    tell(&analysis.warnings, strict)?;
    let translation = analysis::translate(&analysis)?;
    Ok((analysis, translation))
}

fn tell(warnings: &[Warning], strict: bool) -> Result<()> {
    for warning in warnings {
        console::say(&format!("warning: {warning}\n"));
    }
    if strict && !warnings.is_empty() {
        bail!("{} warnings, and --strict takes them for errors", warnings.len());
    }
    Ok(())
}

/// Prints the SQL.
pub(crate) fn translate(args: &TranslateArgs) -> Result<ExitCode> {
    let (_, translation) = load(&args.file, args.strict)?;
    console::put(&translation.sql)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the schema.
pub(crate) fn schema() -> Result<ExitCode> {
    console::put(&(serde_json::to_string_pretty(&json_schema())? + "\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Checks a file; with --data plans its script, which looks at the branches.
pub(crate) async fn lint(args: LintArgs) -> Result<ExitCode> {
    let (analysis, translation) = load(&args.file, args.strict)?;
    if args.data {
        let session = session(&analysis, 1)?;
        let source = source(&args.file, &translation);
        for statement in parse(&source.text).map_err(|e| in_script(&source, e))? {
            let makes = !returns_rows(&statement) && !matches!(statement, Statement::CopyTo(_));
            let query = session.plan(statement, &source.text).await.map_err(|e| in_script(&source, e))?;
            if makes {
                query.collect().await.map_err(|e| in_script(&source, e))?;
            }
        }
    }
    let found = match analysis.warnings.len() {
        0 => "no warnings".to_owned(),
        1 => "1 warning".to_owned(),
        n => format!("{n} warnings"),
    };
    console::say(&format!("{}: {found}\n", args.file.display()));
    Ok(ExitCode::SUCCESS)
}

fn source(file: &Path, translation: &Translation) -> Source {
    Source { name: format!("SQL of {}", file.display()), text: translation.sql.clone() }
}

fn session(analysis: &Analysis, threads: usize) -> Result<Session> {
    let run = &analysis.raw.run;
    let device = match &run.device {
        None => Device::Auto,
        Some(device) => device.parse().context("run.device")?,
    };
    let on_bad_file = if run.skipbadfiles == Some(true) { OnBadFile::Skip } else { OnBadFile::Fail };
    let mut builder = Session::builder()
        .threads(threads)
        .device(device)
        .files(RootOptions { on_bad_file, ..RootOptions::default() });
    if let Some(events) = run.chunk {
        builder = builder.batch_size(usize::try_from(u32::try_from(events).context("run.chunk")?)?);
    }
    Ok(builder.build()?)
}

/// Runs an analysis.
pub(crate) async fn run(args: AnalysisArgs, threads: usize, stop: Cancellation) -> Result<ExitCode> {
    let (analysis, translation) = load(&args.file, args.strict)?;
    let beside = || args.file.parent().map(Path::to_owned).unwrap_or_default();
    let output = args.output.clone().unwrap_or_else(|| {
        analysis.raw.output.as_ref().map_or_else(|| PathBuf::from("results"), |folder| beside().join(folder))
    });
    let folder = ResultFolder::create(&output, args.overwrite, &stop)?;
    let tries = analysis.raw.run.retries.unwrap_or(0);
    let mut tried = 0;
    let ran = loop {
        match attempt(&args, &analysis, &translation, threads, &folder, &stop).await {
            Err(error) if tried < tries && is_reading(&error) && !stop.is_cancelled() => {
                tried += 1;
                console::say(&format!("warning: attempt {tried} failed, trying again: {error:#}\n"));
            }
            other => break other?,
        }
    };
    let sum = ran.assembled.clone().normalised()?;
    let mut warnings = analysis.warnings.clone();
    warnings.extend(warnings_of(&analysis, &sum));
    tell(warnings.get(analysis.warnings.len()..).unwrap_or_default(), args.strict)?;
    let mut record = Record::of(&analysis, &translation.plan, ran.inputs, &ran.assembled, &warnings);
    ran.reports.iter().for_each(|report| record.report(report));
    record.luminosity(ran.sections);
    if ran.reports.iter().any(|report| !report.skipped.is_empty())
        && analysis.datasets.iter().any(|dataset| !dataset.is_mc)
    {
        let told = "events were skipped: the luminosity sections that were processed are not known";
        console::say(&format!("warning: {told}\n"));
        record.warnings.push(told.to_owned());
    }
    folder.write("analysis.sql", &translation.sql)?;
    folder.write("config.resolved.yaml", &serde_yaml::to_string(&analysis.resolved)?)?;
    let sums = folder.place("sums/1.parquet")?;
    write_parquet(&sums, &ran.batches, &stop)?;
    for name in record.parts.iter().filter_map(|part| part.runs.as_ref()) {
        write_parquet(&folder.place(name)?, &ran.runs, &stop)?;
    }
    write_results(&folder, &sum, &record, &stop)?;
    folder.commit()?;
    if !args.quiet {
        console::put(&cutflow(&sum.cutflow))?;
        for note in analysis::notes(&sum) {
            console::say(&format!("note: {note}\n"));
        }
        console::say(&format!("{}: {} histograms\n", output.display(), sum.histograms.len()));
    }
    let skipped = ran.reports.iter().any(|report| !report.skipped.is_empty());
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
    batches: Vec<RecordBatch>,
    /// Sums of the Runs trees.
    runs: Vec<RecordBatch>,
    reports: Vec<ana_engine::RunReport>,
    inputs: Vec<analysis::Input>,
    /// Luminosity sections of data.
    sections: Vec<(u64, u64)>,
}

async fn attempt(
    args: &AnalysisArgs,
    analysis: &Analysis,
    translation: &Translation,
    threads: usize,
    folder: &ResultFolder,
    stop: &Cancellation,
) -> Result<Ran> {
    let session = session(analysis, threads)?;
    let source = source(&args.file, translation);
    let mut ran = Ran {
        assembled: Assembled::default(),
        batches: vec![],
        runs: vec![],
        reports: vec![],
        inputs: vec![],
        sections: vec![],
    };
    for statement in parse(&source.text).map_err(|e| in_script(&source, e))? {
        let has_rows = returns_rows(&statement);
        let query = session.plan(statement, &source.text).await.map_err(|e| in_script(&source, e))?;
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
    ran.assembled = assemble(&translation.plan, &ran.batches, &ran.runs)?;
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

/// What only the numbers can tell.
fn warnings_of(analysis: &Analysis, sum: &Assembled) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for name in &sum.never_filled {
        warnings.push(Warning { place: None, message: format!("histogram '{name}' never filled") });
    }
    warnings.extend(analysis::without_runs(analysis, sum));
    warnings.extend(analysis::coverage(analysis, sum));
    warnings
}

fn write_results(folder: &ResultFolder, sum: &Assembled, record: &Record, stop: &Cancellation) -> Result<()> {
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

/// Adds runs.
pub(crate) fn merge(args: &MergeArgs, stop: &Cancellation) -> Result<ExitCode> {
    let analysis::Merged { sum, record, files } = analysis::add_up(&args.folders, args.partial)?;
    let sum = sum.normalised()?;
    let folder = ResultFolder::create(&args.output, args.overwrite, stop)?;
    for (path, name) in &files {
        let place = folder.place(name)?;
        std::fs::copy(path, &place).with_context(|| path.display().to_string())?;
    }
    write_results(&folder, &sum, &record, stop)?;
    folder.commit()?;
    if args.folders.iter().any(|folder| folder.join("columns").exists()) {
        console::say("warning: columns are not copied; those of each run stay in its folder\n");
    }
    if !args.quiet {
        console::put(&cutflow(&sum.cutflow))?;
        console::say(&format!("{}: {} histograms\n", args.output.display(), sum.histograms.len()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The cutflow as a table: a line per step, with the weights of nominal and how far the variations go.
fn cutflow(rows: &[CutflowRow]) -> String {
    let mut out = String::new();
    let mut last = ("", "");
    let width = rows.iter().map(|row| row.step.chars().count()).max().unwrap_or(0).max(8);
    for row in rows.iter().filter(|row| row.variation == "nominal") {
        if last != (&row.dataset, &row.sample) {
            last = (&row.dataset, &row.sample);
            let _infallible = writeln!(out, "{} ({})", row.dataset, row.sample);
        }
        let padding = " ".repeat(width.saturating_sub(row.step.chars().count()));
        let _infallible = write!(out, "  {}{padding}  {:>14}", row.step, thousands(row.events));
        if let (Some(sumw), Some(sumw2)) = (row.sumw, row.sumw2) {
            let _infallible = write!(out, "  {sumw:>14.6e} ± {:.3e}", sumw2.sqrt());
        }
        let same = |other: &&CutflowRow| {
            (&other.dataset, &other.sample, &other.step) == (&row.dataset, &row.sample, &row.step)
                && other.variation != "nominal"
        };
        for other in rows.iter().filter(same) {
            let _infallible = match (row.sumw, other.sumw) {
                (Some(nominal), Some(varied)) if nominal != 0.0 => {
                    write!(out, "  {} {:+.2} %", other.variation, 100.0 * (varied / nominal - 1.0))
                }
                _ => write!(out, "  {} {}", other.variation, thousands(other.events)),
            };
        }
        out.push('\n');
    }
    out
}
