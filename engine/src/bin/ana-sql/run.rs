//! From what was typed to what is done: sessions, tables, signals, exit codes.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ana_engine::{Device, MissingBranch, MissingTriggers, OnBadFile, RootOptions, Session};
use anyhow::{Context, Result};

use crate::args::{Cli, Command, DeviceArg, MissingBranchArg, OnBadFileArg, ScriptArgs, SessionArgs};
use crate::{explain, functions, inspect, prompt, script};

/// How long an interrupted query may take to put its half-written file away.
const GRACE: Duration = Duration::from_secs(3);

/// Does what the arguments ask for.
pub(crate) fn main(cli: Cli) -> Result<ExitCode> {
    let session = match &cli.command {
        Some(Command::Explain(args)) => &args.session,
        _ => &cli.run.session,
    };
    let threads = session.threads.map_or_else(cores, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .context("cannot start the worker threads")?;
    let code = match cli.command {
        Some(Command::Functions(args)) => functions::main(&args),
        Some(Command::Inspect(args)) => interruptible(&runtime, |_| inspect::main(args)),
        Some(Command::Explain(args)) => interruptible(&runtime, move |_| explain::main(args, threads)),
        Some(Command::Completions { .. }) => Ok(ExitCode::SUCCESS),
        None if prompt::is_wanted(&cli.run.script) => prompt::main(cli.run, threads, &runtime),
        None => interruptible(&runtime, move |stop| script::main(cli.run, threads, stop)),
    };
    // Reads that hang (a dead network mount) must not keep the process alive.
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Whether to stop, told to all that write files.
pub(crate) type Stop = Arc<AtomicBool>;

/// Runs `task` until it ends or a signal comes; then it is told to stop, waited for briefly, and the exit code is the signal's.
fn interruptible<F>(runtime: &tokio::runtime::Runtime, task: impl FnOnce(Stop) -> F) -> Result<ExitCode>
where
    F: Future<Output = Result<ExitCode>> + Send + 'static,
{
    let stop = Stop::default();
    let task = task(Arc::clone(&stop));
    runtime.block_on(async {
        let mut running = tokio::spawn(task);
        tokio::select! {
            ended = &mut running => ended.context("the query panicked")?,
            code = signal() => {
                stop.store(true, Ordering::Relaxed);
                running.abort();
                // The task's files are removed when it is dropped.
                let _late = tokio::time::timeout(GRACE, running).await;
                Ok(ExitCode::from(code))
            }
        }
    })
}

/// Waits for Ctrl-C, or a request to terminate; gives the exit code that shells know for it.
pub(crate) async fn signal() -> u8 {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        {
            return tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            };
        }
    }
    match tokio::signal::ctrl_c().await {
        Ok(()) => 130,
        Err(_) => std::future::pending().await,
    }
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
    let device = match args.device {
        DeviceArg::Auto => Device::Auto,
        DeviceArg::Cpu => Device::Cpu,
        DeviceArg::Gpu => Device::Gpu,
    };
    let mut builder = Session::builder().threads(threads).device(device).files(root_options(args));
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
