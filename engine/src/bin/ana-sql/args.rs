//! What was typed, as it was typed: nothing is opened or resolved here. The first line of each doc comment is
//! `-h`, all of it is `--help`.

use std::path::PathBuf;

use ana_engine::Device;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// SQL over NanoAOD: ROOT files in, histograms out.
///
/// Runs SQL statements over ROOT (and Parquet) files. The result of a SELECT is shown on standard output, or written
/// to the file of -o. Histograms, `SELECT hist(MET_pt, regular(100, 0, 200)) AS met FROM events`, are drawn on a terminal and are one row per
/// bin in a pipe.
///
/// Without -f and -c an interactive prompt opens; if standard input is no terminal, the statements are read from it.
#[derive(Debug, Parser)]
#[command(name = "ana-sql", version, max_term_width = 100, after_help = EXAMPLES_SHORT, after_long_help = EXAMPLES_LONG)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

const EXAMPLES_SHORT: &str = "Try --help for everything, with examples.";
const EXAMPLES_LONG: &str = "\
Examples:
  ana-sql -f selection.sql --table events='data/*.root' -o out.json
      Run a selection over many files and write its histograms for Python's hist.
  ana-sql -c \"SELECT hist(MET_pt, 100, 0, 200) AS met FROM 'nano.root'\"
      Draw a histogram of one file.
  ana-sql inspect nano.root
      What is in a file.
  ana-sql functions delta_r
      What a function does.

Exit status:
  0 done, 1 failed, 2 wrong usage, 130 interrupted.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what is in a ROOT file: trees, branches, types, sizes.
    Inspect(InspectArgs),
    /// List the functions that SQL can call, or show one.
    Functions(FunctionsArgs),
    /// Run an analysis file, and write its results to a folder.
    ///
    /// The file becomes SQL (see translate), and that SQL is run. The folder appears whole or not at all.
    Run(AnalysisArgs),
    /// Print the SQL of an analysis file.
    Translate(TranslateArgs),
    /// Check an analysis file without running it.
    Lint(LintArgs),
    /// Add the results of several runs of one analysis.
    Merge(MergeArgs),
    /// Print the JSON schema of analysis files, for editors.
    Schema,
    /// Show how a query would run: the branches, baskets and bytes it will read.
    Explain(ExplainArgs),
    /// List the GPUs that can fill histograms, and how fast they are.
    Devices(DevicesArgs),
    /// Print a completion script for a shell.
    ///
    /// For bash: `ana-sql completions bash > ~/.local/share/bash-completion/completions/ana-sql`; for zsh a file `_ana-sql` in a
    /// folder of $fpath; for fish `~/.config/fish/completions/ana-sql.fish`.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) script: ScriptArgs,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The statements.
#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct ScriptArgs {
    /// Run the statements of a file ("-" for standard input).
    ///
    /// Statements end with a semicolon. May be given several times; files run in the order given, before -c.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,
    /// Run the statements of the text.
    ///
    /// May be given several times. Tables of -f files are known to it.
    #[arg(short, long, value_name = "SQL")]
    pub(crate) command: Vec<String>,
    /// Make files a table: NAME=LOCATION.
    ///
    /// LOCATION is a file, a pattern (`'data/*.root'`, quoted so that the shell leaves it alone), a folder, a URL (https://, s3://), or several
    /// of them with commas between. The tree is `Events` or the only one; `file.root:Runs` names another. A file ending in .parquet is
    /// read as Parquet. May be given several times: for several tables, or again for one to add files to it.
    ///
    /// The name wins over a table that a script creates.
    #[arg(short, long, value_name = "NAME=LOCATION", value_parser = table)]
    pub(crate) table: Vec<(String, String)>,
}

/// How it is computed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Computing")]
pub(crate) struct SessionArgs {
    /// Cores to use [default: all].
    ///
    /// Results do not depend on it, to the last bit.
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Memory that a query may use, e.g. 4G [default: no limit].
    ///
    /// A number with k, M, G or T (powers of 1000) or Ki, Mi, Gi, Ti (powers of 1024), B if you like. A query that needs more fails
    /// and says which operator held the most.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory: Option<usize>,
    /// Events that are computed at a time [default: 8192].
    ///
    /// Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) batch_size: Option<u32>,
    /// Where to fill histograms: auto, cpu, gpu, or gpu:N for adapter N of `ana-sql devices`.
    ///
    /// Results do not depend on it, to the last bit. With gpu it is an error that there is none, or that it fails.
    #[arg(long, value_name = "WHERE", default_value_t = Device::Auto)]
    pub(crate) device: Device,
    /// What to do about a file that cannot be read.
    ///
    /// For the tables of --table and the files named in SQL; a CREATE EXTERNAL TABLE has OPTIONS (on_bad_file 'skip').
    #[arg(long, value_enum, value_name = "HOW", default_value_t = OnBadFileArg::Fail)]
    pub(crate) on_bad_file: OnBadFileArg,
    /// What to do about a branch that some files lack.
    ///
    /// For the tables of --table and the files named in SQL; a CREATE EXTERNAL TABLE has OPTIONS (missing_branch 'null').
    #[arg(long, value_enum, value_name = "HOW", default_value_t = MissingBranchArg::Error)]
    pub(crate) missing_branch: MissingBranchArg,
}

/// What becomes of the result.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Write the last result to a file, in the format of its ending.
    ///
    /// Histograms: .json and .zip are UHI, for Python's hist and boost-histogram; .root holds TH1D, TH2D and TH3D; .svg and .png are
    /// drawings. Rows: .parquet and .csv. With GROUP BY a histogram is called alias/key. The file appears when it is whole, or not at all.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Format of standard output [default: table].
    ///
    /// Without it, histograms are drawn on a terminal and rows are a table. A histogram is one row per bin in each format. json is an array of objects, one per line.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<FormatArg>,
    /// Show at most so many rows of a result on a terminal, then stop; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) max_rows: usize,
    /// Write the run report to a file, as JSON.
    ///
    /// Events in total, after each cut level and in each category, with events per second, of every query that ran.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// No progress bar, no run report on standard error.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AnalysisArgs {
    /// The analysis file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The folder of the results [default: as the file says, else results].
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the folder of an earlier run.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Take warnings for errors: then no folder is written.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Cores to use [default: as the file says, else all].
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Where to fill histograms: auto, cpu, gpu or gpu:N [default: as the file says, else auto].
    #[arg(long, value_name = "WHERE")]
    pub(crate) device: Option<Device>,
    /// No progress bar, no tables.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TranslateArgs {
    /// The analysis file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Take warnings for errors.
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// The analysis file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Open the files too, and check that they have the branches.
    #[arg(long)]
    pub(crate) data: bool,
    /// Take warnings for errors.
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// Folders of results.
    #[arg(value_name = "FOLDER", required = true)]
    pub(crate) folders: Vec<PathBuf>,
    /// The folder of the sum.
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// Replace the folder of an earlier run.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Merge also if a dataset has not all the events that the datasets file promises.
    #[arg(long)]
    pub(crate) partial: bool,
    /// No tables.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) script: ScriptArgs,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
    /// Run the query, and show what it did: rows, bytes, time in IO, decompression and decoding.
    #[arg(short, long)]
    pub(crate) analyze: bool,
    /// Show the logical plan and every step of the optimiser too.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The file; `file.root:Events` for one of its trees.
    #[arg(value_name = "FILE")]
    pub(crate) location: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show every branch also where there are many.
    #[arg(short, long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DevicesArgs {
    /// Do not measure, only list.
    #[arg(short, long)]
    pub(crate) list: bool,
    /// Measure when a GPU pays, and keep the result in the cache directory: `--device auto` goes by it.
    #[arg(long, conflicts_with = "list")]
    pub(crate) calibrate: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FunctionsArgs {
    /// The function, by name or alias.
    pub(crate) name: Option<String>,
    /// List the functions of the SQL engine too, not only those made for events.
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Print the reference of all functions made for events, as the book has it.
    #[arg(long, conflicts_with_all = ["name", "all"])]
    pub(crate) markdown: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnBadFileArg {
    /// Stop with an error that names it.
    Fail,
    /// Go on without it, list what was left out, exit with status 1.
    Skip,
    /// The same, but exit with status 0.
    SkipOk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MissingBranchArg {
    /// Stop with an error that names the branch and the files.
    Error,
    /// NULL for the events of files without it.
    Null,
    /// The same, but false for trigger bits (HLT_*, L1_*).
    NullFalse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// Aligned columns.
    Table,
    /// An array of objects.
    Json,
    /// Comma-separated values with a header.
    Csv,
}

fn table(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, location)) if !name.is_empty() && !location.is_empty() => {
            Ok((name.to_owned(), location.to_owned()))
        }
        _ => Err("expected NAME=LOCATION, such as events='data/*.root'".to_owned()),
    }
}

/// Bytes from `4G`, `512MiB`, `1000000`.
fn size(text: &str) -> Result<usize, String> {
    let wrong = || format!("{text:?} is not a size such as 4G or 512MiB");
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let unit = unit.trim().trim_end_matches(['B', 'b']).to_ascii_lowercase();
    let factor: usize = match unit.as_str() {
        "" => 1,
        "k" => 1000,
        "m" => 1000 * 1000,
        "g" => 1000 * 1000 * 1000,
        "t" => 1000 * 1000 * 1000 * 1000,
        "ki" => 1 << 10,
        "mi" => 1 << 20,
        "gi" => 1 << 30,
        "ti" => 1 << 40,
        _ => return Err(wrong()),
    };
    let number: usize = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes() {
        assert_eq!(size("4G"), Ok(4_000_000_000));
        assert_eq!(size("512 MiB"), Ok(512 << 20));
        assert_eq!(size("1000"), Ok(1000));
        for wrong in ["", "G", "-1", "4X", "0", "99999999999T"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tables() {
        assert_eq!(table("events=a=b.root"), Ok(("events".to_owned(), "a=b.root".to_owned())));
        assert!(table("events").is_err() && table("=x").is_err() && table("x=").is_err());
    }
}
