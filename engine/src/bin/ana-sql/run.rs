//! From what was typed to what is done: sessions, tables, signals, exit codes.

use std::process::ExitCode;
use std::time::Duration;

use ana_engine::output::Cancellation;
use ana_engine::{MissingBranch, MissingTriggers, OnBadFile, RootOptions, Session};
use anyhow::{Context, Result};

use crate::args::{Cli, Command, MissingBranchArg, OnBadFileArg, ScriptArgs, SessionArgs};
use crate::{analysis, analysis_run, console, devices, explain, functions, inspect, merge, prompt, script};

/// Stack of a worker thread, in bytes; what is not used costs nothing.
const STACK: usize = 64 << 20;

/// Does what the arguments ask for.
pub(crate) fn main(cli: Cli) -> Result<ExitCode> {
    if let Some(Command::Run(args)) = cli.command {
        let prepared = analysis_run::prepare(args)?;
        let threads = prepared.threads.map_or_else(cores, usize::from);
        let runtime = workers(threads)?;
        let code = interruptible(&runtime, move |stop| analysis_run::run(prepared, threads, stop));
        runtime.shutdown_timeout(Duration::from_millis(200));
        return code;
    }
    let asked = match &cli.command {
        Some(Command::Explain(args)) => args.session.threads,
        _ => cli.run.session.threads,
    };
    let threads = asked.map_or_else(cores, usize::from);
    let runtime = workers(threads)?;
    let code = match cli.command {
        Some(Command::Functions(args)) => functions::main(&args),
        Some(Command::Inspect(args)) => interruptible(&runtime, |_| inspect::main(args)),
        Some(Command::Explain(args)) => interruptible(&runtime, move |_| explain::main(args, threads)),
        Some(Command::Devices(args)) => devices::main(&args),
        Some(Command::Translate(args)) => analysis::translate(&args),
        Some(Command::Lint(args)) => interruptible(&runtime, |_| analysis::lint(args)),
        Some(Command::Merge(args)) => {
            interruptible(&runtime, |stop| async move { merge::main(&args, &stop) })
        }
        Some(Command::Schema) => analysis::schema(),
        Some(Command::Completions { .. } | Command::Run(_)) => Ok(ExitCode::SUCCESS),
        None if prompt::is_wanted(&cli.run.script) => prompt::main(cli.run, threads, &runtime),
        None => interruptible(&runtime, move |stop| script::main(cli.run, threads, stop)),
    };
    // Reads that hang (a dead network mount) must not keep the process alive.
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}

fn workers(threads: usize) -> Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        // Generated selections have expressions of thousands of parts, and planning walks down into them.
        .thread_stack_size(STACK)
        .enable_all()
        .build();
    runtime.context("cannot start the worker threads")
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs `task` until it ends. A signal removes its unfinished files and ends the process at once.
fn interruptible<F>(
    runtime: &tokio::runtime::Runtime,
    task: impl FnOnce(Cancellation) -> F,
) -> Result<ExitCode>
where
    F: Future<Output = Result<ExitCode>> + Send + 'static,
{
    let stop = Cancellation::default();
    let task = task(stop.clone());
    on_signal(move |code| {
        stop.cancel();
        if console::stderr_is_terminal() {
            console::say("\r\x1b[K"); // the progress bar
        }
        std::process::exit(i32::from(code))
    })?;
    runtime.block_on(runtime.spawn(task)).context("the query panicked")?
}

/// Calls `act` at every Ctrl-C (130) or request to terminate (143), with the exit code that shells know for it. It has a thread of its own:
/// workers that are deep in a computation would not see a signal.
pub(crate) fn on_signal(act: impl Fn(u8) + Send + 'static) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            while let Some(code) = signal().await {
                act(code)
            }
        })
    })?;
    Ok(())
}

#[cfg(unix)]
async fn signal() -> Option<u8> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).ok()?;
    let mut terminate = signal(SignalKind::terminate()).ok()?;
    tokio::select! {
        _ = interrupt.recv() => Some(130),
        _ = terminate.recv() => Some(143),
    }
}

#[cfg(not(unix))]
async fn signal() -> Option<u8> {
    tokio::signal::ctrl_c().await.ok().map(|()| 130)
}

/// The session of the arguments, with its tables.
pub(crate) async fn session(args: &SessionArgs, scripts: &ScriptArgs, threads: usize) -> Result<Session> {
    let session = bare_session(args, threads)?;
    for (name, locations) in tables(scripts) {
        register(&session, args, &name, &locations).await?;
    }
    Ok(session)
}

fn bare_session(args: &SessionArgs, threads: usize) -> Result<Session> {
    let mut builder = Session::builder().threads(threads).device(args.device).files(root_options(args));
    if let Some(bytes) = args.memory {
        builder = builder.memory_limit(bytes);
    }
    if let Some(events) = args.batch_size {
        builder = builder.batch_size(usize::try_from(events)?);
    }
    Ok(builder.build()?)
}

/// The tables in the order of their first mention, with all their locations.
fn tables(scripts: &ScriptArgs) -> Vec<(String, Vec<String>)> {
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    for (name, location) in &scripts.table {
        match tables.iter_mut().find(|(known, _)| known == name) {
            Some((_, locations)) => locations.push(location.clone()),
            None => tables.push((name.clone(), vec![location.clone()])),
        }
    }
    tables
}

async fn register(session: &Session, args: &SessionArgs, name: &str, locations: &[String]) -> Result<()> {
    let failed = || format!("table {name}");
    if locations.iter().all(|l| l.ends_with(".parquet")) {
        session.register_parquet(name, locations).await.with_context(failed)
    } else {
        session.register_root(name, locations, root_options(args)).await.with_context(failed)
    }
}

fn root_options(args: &SessionArgs) -> RootOptions {
    RootOptions {
        on_bad_file: match args.on_bad_file {
            OnBadFileArg::Fail => OnBadFile::Fail,
            OnBadFileArg::Skip | OnBadFileArg::SkipOk => OnBadFile::Skip,
        },
        missing_branch: match args.missing_branch {
            MissingBranchArg::Error => MissingBranch::Error,
            MissingBranchArg::Null | MissingBranchArg::NullFalse => MissingBranch::Null,
        },
        missing_triggers: match args.missing_branch {
            MissingBranchArg::NullFalse => MissingTriggers::False,
            _ => MissingTriggers::AsBranches,
        },
        ..RootOptions::default()
    }
}
