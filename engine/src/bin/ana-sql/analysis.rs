//! `ana-sql translate`, `lint`, `schema`: analysis files, and what runs of them need.

use std::path::Path;
use std::process::ExitCode;

use ana_engine::analysis::{self, Analysis, Settings, Translation, Warning, json_schema};
use ana_engine::dialect::script::{Statement, parse, returns_rows};
use ana_engine::{Device, EngineError, OnBadFile, Query, RootOptions, Session};
use anyhow::{Result, bail};

use crate::args::{LintArgs, TranslateArgs};
use crate::console;
use crate::script::{Source, in_script};

/// Reads an analysis, and tells what is odd about it.
pub(crate) fn load(file: &Path, strict: bool) -> Result<(Analysis, Translation)> {
    let mut analysis = analysis::load(file)?;
    let unknown = analysis::unknown_collections(&analysis);
    analysis.warnings.extend(unknown);
    tell(&analysis.warnings);
    if strict {
        refuse(analysis.warnings.len(), "nothing was read")?;
    }
    let translation = analysis::translate(&analysis)?;
    Ok((analysis, translation))
}

pub(crate) fn tell(warnings: &[Warning]) {
    for warning in warnings {
        console::say(&format!("warning: {warning}\n"));
    }
}

/// Ends a strict run with warnings.
pub(crate) fn refuse(warnings: usize, state: &str) -> Result<()> {
    match warnings {
        0 => Ok(()),
        1 => bail!("1 warning, and --strict takes it for an error; {state}"),
        n => bail!("{n} warnings, and --strict takes them for errors; {state}"),
    }
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
    let (mut analysis, translation) = load(&args.file, args.strict)?;
    let settings = analysis::settings(&analysis)?;
    if args.data {
        let session = session(&analysis, &settings, Device::Cpu, 1, false)?;
        let source = source(&args.file, &translation);
        for statement in parse(&source.text).map_err(|e| in_script(&source, e))? {
            let makes = !returns_rows(&statement) && !matches!(statement, Statement::CopyTo(_));
            let query = planned(&analysis, &session, statement, &source).await?;
            if makes {
                query.collect().await.map_err(|e| in_script(&source, e))?;
            }
        }
        let unknown = analysis::unknown_branches(&analysis, &session).await?;
        tell(&unknown);
        if args.strict {
            refuse(unknown.len(), "no event was read")?;
        }
        analysis.warnings.extend(unknown);
    }
    let found = match analysis.warnings.len() {
        0 => "no warnings".to_owned(),
        1 => "1 warning".to_owned(),
        n => format!("{n} warnings"),
    };
    console::say(&format!("{}: {found}\n", args.file.display()));
    Ok(ExitCode::SUCCESS)
}

/// The script of an analysis, for messages that point into it.
pub(crate) fn source(file: &Path, translation: &Translation) -> Source {
    Source { name: format!("SQL of {}", file.display()), text: translation.sql.clone() }
}

/// Plans a statement of the script; what is wrong is told in terms of the analysis where that is known.
pub(crate) async fn planned(
    analysis: &Analysis,
    session: &Session,
    statement: Statement,
    source: &Source,
) -> Result<Query> {
    match session.plan(statement, &source.text).await {
        Ok(query) => Ok(query),
        Err(error) => Err(match analysis::list_weight(analysis, session).await {
            Some(fault) => fault.into(),
            None => in_script(source, with_origin(source, error)),
        }),
    }
}

/// The error with the part of the analysis that its line was made from, which the comment above that line tells.
fn with_origin(source: &Source, mut error: EngineError) -> EngineError {
    if let EngineError::Sql { position: Some(at), help, .. } = &mut error {
        let above = usize::try_from(at.line).unwrap_or(usize::MAX);
        let lines: Vec<&str> = source.text.lines().take(above).collect();
        if let Some(part) = lines.iter().rev().find_map(|line| line.trim_start().strip_prefix("-- ")) {
            help.push(format!("this part of the script comes from {part}"));
        }
    }
    error
}

/// A session as the analysis asks for it; an `unrounded` one keeps sums exact.
pub(crate) fn session(
    analysis: &Analysis,
    settings: &Settings,
    device: Device,
    threads: usize,
    unrounded: bool,
) -> Result<Session> {
    let skips = analysis.raw.run.skipbadfiles == Some(true);
    let on_bad_file = if skips { OnBadFile::Skip } else { OnBadFile::Fail };
    let mut builder = Session::builder()
        .threads(threads)
        .device(device)
        .unrounded(unrounded)
        .files(RootOptions { on_bad_file, ..RootOptions::default() });
    if let Some(events) = settings.chunk {
        builder = builder.batch_size(events);
    }
    Ok(builder.build()?)
}
