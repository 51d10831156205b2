//! `ana-sql`: SQL over NanoAOD on the command line. It uses only what `ana_engine` offers to everybody.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic"))]
#![allow(clippy::result_large_err, reason = "an error ends the command: its size is never paid in a loop")]

mod analysis;
mod analysis_run;
mod args;
mod completion;
mod console;
mod cutflow;
mod devices;
mod explain;
mod fault;
mod functions;
mod inspect;
mod merge;
mod partition;
mod progress;
mod prompt;
mod report;
mod run;
mod script;
mod show;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Cli, Command};

/// Decoded columns are allocated and freed batch by batch: an allocator that keeps its pages spares the system
/// zeroing them again each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ana_engine::allocator::keep_pages();
    // Wrong usage ends here with status 2, help and version with 0.
    let cli = Cli::parse();
    if let Some(Command::Completions { shell }) = cli.command {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "ana-sql", &mut text);
        let _closed = console::put(&String::from_utf8_lossy(&text));
        return ExitCode::SUCCESS;
    }
    match run::main(cli) {
        Ok(code) => code,
        Err(error) if fault::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            fault::print(&error);
            ExitCode::FAILURE
        }
    }
}
