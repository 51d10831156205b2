//! `ana-sql merge`: runs of one analysis over different events, added.

use std::process::ExitCode;

use ana_engine::analysis;
use ana_engine::output::{Cancellation, ResultFolder};
use anyhow::{Context, Result};

use crate::analysis_run::write_results;
use crate::args::MergeArgs;
use crate::{console, cutflow};

/// Adds runs.
pub(crate) fn main(args: &MergeArgs, stop: &Cancellation) -> Result<ExitCode> {
    let analysis::Merged { sum, record, files } = analysis::add_up(&args.folders, args.partial)?;
    let sum = sum.normalised()?;
    let folder = ResultFolder::create(&args.output, args.overwrite, stop)?;
    for (path, name) in &files {
        let place = folder.place(name)?;
        std::fs::copy(path, &place).with_context(|| path.display().to_string())?;
    }
    write_results(&folder, &sum, &record, stop)?;
    folder.commit()?;
    for finding in &record.findings {
        console::say(&format!("warning: {finding}\n"));
    }
    if !args.quiet {
        console::put(&cutflow::text(&sum.cutflow))?;
        console::say(&format!("{}: {} histograms\n", args.output.display(), sum.histograms.len()));
    }
    Ok(ExitCode::SUCCESS)
}
