//! The run report: as a table on standard error, as JSON in a file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use ana_engine::output::{AtomicFile, Cancellation};
use ana_engine::report::{Level, RunReport};
use anyhow::{Context, Result};
use serde::Serialize;

use crate::console;

/// One query of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Ran {
    /// Its place in the script, from 1.
    pub(crate) statement: usize,
    /// The file written, if any.
    pub(crate) output: Option<String>,
    #[serde(flatten)]
    pub(crate) report: RunReport,
}

/// The report file.
#[derive(Debug, Serialize)]
struct Document<'a> {
    version: &'static str,
    queries: &'a [Ran],
}

/// Writes the reports of all queries.
pub(crate) fn write(path: &Path, queries: &[Ran], stop: &Cancellation) -> Result<()> {
    let failed = || format!("{}: cannot write the run report", path.display());
    let mut file = AtomicFile::create(path, stop).with_context(failed)?;
    let document = Document { version: env!("CARGO_PKG_VERSION"), queries };
    serde_json::to_writer_pretty(&mut file, &document).with_context(failed)?;
    file.write_all(b"\n").with_context(failed)?;
    file.commit().with_context(failed)?;
    Ok(())
}

/// Prints a report to standard error. A query that read no events has none.
pub(crate) fn print(report: &RunReport) {
    if report.read.events > 0 {
        console::say(&table(report, console::colors(console::stderr_is_terminal())));
    }
}

/// Prints what was left out and what is odd about the data. Even a quiet run says so.
pub(crate) fn print_faults(report: &RunReport) {
    console::say(&faults(report));
}

fn faults(report: &RunReport) -> String {
    let mut out = String::new();
    for warning in &report.warnings {
        let _infallible = writeln!(out, "warning: {warning}");
    }
    for skipped in &report.skipped {
        let what = match (skipped.events, skipped.first_entry) {
            (Some(events), Some(first)) => format!("{} events from {first}", thousands(events)),
            _ => "all events".to_owned(),
        };
        let _infallible = writeln!(out, "skipped: {}: {what}: {}", skipped.file, skipped.reason);
    }
    if !report.skipped.is_empty() {
        let events: u64 = report.skipped.iter().filter_map(|s| s.events).sum();
        let unknown = report.skipped.iter().filter(|s| s.events.is_none()).count();
        let files = if unknown > 0 { format!(" and {unknown} whole files") } else { String::new() };
        let _infallible =
            writeln!(out, "skipped in all: {} events{files}; the result is without them", thousands(events));
    }
    out
}

fn table(report: &RunReport, colors: bool) -> String {
    let levels: Vec<(&Level, &str)> =
        report.levels.iter().map(|l| (l, "")).chain(report.categories.iter().map(|c| (c, "  "))).collect();
    let all = report.levels.first().map_or(0, |l| l.events);
    let name_width =
        levels.iter().map(|(l, indent)| l.name.chars().count() + indent.len()).max().unwrap_or(0);
    let count_width = levels.iter().map(|(l, _)| thousands(l.events).len()).max().unwrap_or(0);
    let (dim, plain) = if colors { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
    let mut out = String::new();
    for (level, indent) in levels {
        let part = if all > 0 {
            format!("{:>6.2} %", 100.0 * level.events as f64 / all as f64)
        } else {
            String::new()
        };
        let name = format!("{indent}{}", level.name);
        let padding = " ".repeat(name_width - name.chars().count().min(name_width));
        let _infallible = writeln!(
            out,
            "{name}{padding}  {:>count_width$}  {part}  {:>9}",
            thousands(level.events),
            rate(level.events_per_second)
        );
    }
    let bytes = indicatif::HumanBytes(report.read.bytes);
    let files = if report.read.files_total > 1 {
        format!(" of {} files", report.read.files_total)
    } else {
        String::new()
    };
    let _infallible = writeln!(out, "{dim}{:.2} s, {bytes} read{files}{plain}", report.seconds);
    for reason in &report.by_cpu {
        let _infallible = writeln!(out, "on the CPU in place of the GPU: {reason}");
    }
    out
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Events per second, as `1.23 MHz`.
pub(crate) fn rate(per_second: f64) -> String {
    let (value, unit) = match per_second {
        r if r >= 1e9 => (r / 1e9, "GHz"),
        r if r >= 1e6 => (r / 1e6, "MHz"),
        r if r >= 1e3 => (r / 1e3, "kHz"),
        r => (r, "Hz"),
    };
    let places = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.places$} {unit}")
}

#[cfg(test)]
mod tests {
    use ana_engine::{Progress, Skipped};

    use super::*;

    #[test]
    fn the_table_has_levels_and_categories() {
        let level = |name: &str, events: u64| Level {
            name: name.to_owned(),
            events,
            events_per_second: events as f64,
        };
        let report = RunReport {
            levels: vec![level("all events", 1_000_000), level("selected", 250_000)],
            categories: vec![level("nJet >= 4", 1234)],
            read: Progress { events: 1_000_000, bytes: 1 << 20, ..Progress::default() },
            seconds: 1.0,
            ..RunReport::default()
        };
        assert_eq!(
            table(&report, false),
            "all events   1,000,000  100.00 %   1.00 MHz\n\
             selected       250,000   25.00 %    250 kHz\n\
             \u{20}\u{20}nJet >= 4      1,234    0.12 %   1.23 kHz\n\
             1.00 s, 1.00 MiB read\n"
        );
    }

    #[test]
    fn what_was_left_out_is_listed() {
        let skipped = |file: &str, events| Skipped {
            file: file.to_owned(),
            events,
            first_entry: events.map(|_| 10),
            reason: "broken".to_owned(),
        };
        let report = RunReport {
            skipped: vec![skipped("a.root", Some(1000)), skipped("b.root", None)],
            ..RunReport::default()
        };
        assert_eq!(
            faults(&report),
            "skipped: a.root: 1,000 events from 10: broken\nskipped: b.root: all events: broken\n\
             skipped in all: 1,000 events and 1 whole files; the result is without them\n"
        );
        assert_eq!(faults(&RunReport::default()), "");
    }

    #[test]
    fn numbers() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1000), "1,000");
        assert_eq!(rate(0.5), "0.50 Hz");
        assert_eq!(rate(12_345_678.0), "12.3 MHz");
    }
}
