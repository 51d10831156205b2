//! Scripts: the statements of files, `-c` and standard input, one after the other.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ana_engine::dialect::script::{Statement, created_table, parse, returns_rows};
use ana_engine::output::Cancellation;
use ana_engine::{EngineError, Session};
use anyhow::{Context, Result};

use crate::args::{OnBadFileArg, OutputArgs, RunArgs, ScriptArgs};
use crate::fault::InScript;
use crate::report::{self, Ran};
use crate::run;
use crate::show::{self, Shown, Target};

/// A text of statements and where it is from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The scripts of the arguments: files in order, then texts; standard input if there are neither.
pub(crate) fn sources(args: &ScriptArgs) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in &args.file {
        sources.push(if path == Path::new("-") { stdin()? } else { file(path)? });
    }
    for (i, text) in args.command.iter().enumerate() {
        let name = if args.command.len() == 1 { "-c".to_owned() } else { format!("-c (no. {})", i + 1) };
        sources.push(Source { name, text: text.clone() });
    }
    if sources.is_empty() {
        sources.push(stdin()?);
    }
    Ok(sources)
}

fn file(path: &Path) -> Result<Source> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(Source { name: path.display().to_string(), text })
}

fn stdin() -> Result<Source> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("standard input")?;
    Ok(Source { name: "<stdin>".to_owned(), text })
}

/// A statement and the script it is in.
pub(crate) struct Step<'a> {
    pub(crate) source: &'a Source,
    pub(crate) statement: Statement,
}

/// All statements, so that a slip in the last one is told before the first one has run for an hour.
pub(crate) fn steps(sources: &[Source]) -> Result<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    for source in sources {
        let statements = parse(&source.text).map_err(|e| in_script(source, e))?;
        steps.extend(statements.into_iter().map(|statement| Step { source, statement }));
    }
    Ok(steps)
}

/// The error with the text that it points into.
pub(crate) fn in_script(source: &Source, error: EngineError) -> anyhow::Error {
    InScript { name: source.name.clone(), text: source.text.clone(), error }.into()
}

/// Runs everything.
pub(crate) async fn main(args: RunArgs, threads: usize, stop: Cancellation) -> Result<ExitCode> {
    if let Some(path) = &args.output.output {
        // A wrong ending is told before anything is computed.
        ana_engine::output::Format::from_path(path)?;
    }
    let sources = sources(&args.script)?;
    let steps = steps(&sources)?;
    let session = run::session(&args.session, &args.script, threads).await?;
    let last = steps.iter().rposition(|step| returns_rows(&step.statement));
    if let (Some(path), None) = (&args.output.output, last) {
        anyhow::bail!("{}: no statement has a result to write", path.display());
    }
    let created = args.script.table.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    let mut ran = Vec::new();
    let mut skipped = false;
    let mut reader_is_gone = false;
    for (i, step) in steps.into_iter().enumerate() {
        if created_table(&step.statement).is_some_and(|name| created.contains(&name.as_str())) {
            continue; // --table says where its data is
        }
        let output = args.output.output.as_deref().filter(|_| last == Some(i));
        if reader_is_gone && output.is_none() {
            continue;
        }
        let shown = statement(&session, step, output, &args.output, &stop).await?;
        if let Some(Shown { report, path, reader_gone }) = shown {
            reader_is_gone |= reader_gone;
            skipped |= !report.skipped.is_empty();
            report::print_faults(&report);
            if !args.output.quiet {
                report::print(&report);
            }
            ran.push(Ran { statement: i + 1, output: path.map(|p| p.display().to_string()), report });
        }
    }
    if let Some(path) = &args.output.report {
        report::write(path, &ran, &stop)?;
    }
    let failed = skipped && args.session.on_bad_file != OnBadFileArg::SkipOk;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs one statement; what it returned is shown or written.
pub(crate) async fn statement(
    session: &Session,
    step: Step<'_>,
    output: Option<&Path>,
    args: &OutputArgs,
    stop: &Cancellation,
) -> Result<Option<Shown>> {
    let Step { source, statement } = step;
    let query = session.plan(statement, &source.text).await.map_err(|e| in_script(source, e))?;
    let mut made = None;
    let target = match (query.destination(), output) {
        (Some(destination), _) => {
            let target = Target::copy(destination)?;
            made = folder_for(&destination.path)?;
            target
        }
        (None, Some(path)) => Target::file(path)?,
        (None, None) => Target::Console,
    };
    let shown = show::run(query, target, args, stop).await;
    if let (Err(_), Some(folder)) = (&shown, made) {
        let _may_hold_other_files = std::fs::remove_dir(folder);
    }
    shown.map_err(|error| match error.downcast::<EngineError>() {
        Ok(error) => in_script(source, error),
        Err(other) => other,
    })
}

/// Makes the folder that COPY writes to, as a script of an analysis needs it; the folder, if it was not there.
fn folder_for(path: &Path) -> Result<Option<PathBuf>> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
    else {
        return Ok(None);
    };
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    Ok(Some(folder.to_owned()))
}
