//! The run report: how many events passed each cut level and category, how fast, from which files.

pub mod instrument;

use std::{sync::Arc, time::Duration};

use ana_sql_ext::operator::HistogramExec;
use datafusion::{
    datasource::source::DataSourceExec,
    physical_plan::{ExecutionPlan, metrics::MetricValue},
};
use serde::Serialize;

use crate::table::{RootSource, ScanProgress};

/// How far a running query is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Progress {
    /// Events read so far.
    pub events: u64,
    /// Events there are to read, as far as the files opened so far tell; grows while files are opened.
    pub events_total: u64,
    /// Compressed bytes read so far.
    pub bytes: u64,
    /// Files finished.
    pub files_done: u64,
    /// Files there are.
    pub files_total: u64,
    /// Seconds since the query started.
    pub seconds: f64,
}

/// Events that passed a cut level or a category.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Level {
    /// `all events`, `selected`, or the text of the category's FILTER.
    pub name: String,
    /// Events.
    pub events: u64,
    /// Events per second of the whole run.
    pub events_per_second: f64,
}

/// What a query did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RunReport {
    /// Cut levels, in order: all events, then those that pass WHERE.
    pub levels: Vec<Level>,
    /// Categories: the distinct FILTERs, in the order of the query.
    pub categories: Vec<Level>,
    /// How far reading came; equals what there was, unless LIMIT ended it early.
    pub read: Progress,
    /// What was left out because it could not be read.
    pub skipped: Vec<Skipped>,
    /// What one should know about the data: widened types, branches that were filled.
    pub warnings: Vec<String>,
    /// What a device was asked to do and the CPU did, each reason once; none where no device was asked.
    pub by_cpu: Vec<String>,
    /// Seconds from planning to the last row.
    pub seconds: f64,
}

/// Events, or a whole file, that a run went on without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file.
    pub file: String,
    /// How many events; `None` where the file could not even be opened.
    pub events: Option<u64>,
    /// The first of them.
    pub first_entry: Option<u64>,
    /// What was wrong.
    pub reason: String,
}

/// What the scans of a plan have counted up to now: scans of ROOT files in `scans`, others in their metrics.
pub(crate) fn progress(plan: &Arc<dyn ExecutionPlan>, scans: &ScanProgress, elapsed: Duration) -> Progress {
    let root = scans.snapshot();
    let mut progress = Progress {
        events: root.events_read,
        events_total: root.events_total,
        bytes: root.bytes_read,
        files_done: root.files_done,
        files_total: root.files_total,
        seconds: elapsed.as_secs_f64(),
    };
    add_other_scans(plan, &mut progress);
    progress
}

fn add_other_scans(plan: &Arc<dyn ExecutionPlan>, progress: &mut Progress) {
    for child in plan.children() {
        add_other_scans(child, progress);
    }
    if !plan.children().is_empty() || is_root_scan(plan.as_ref()) {
        return;
    }
    let Some(metrics) = plan.metrics() else { return };
    let rows = metrics
        .sum(|metric| matches!(metric.value(), MetricValue::OutputRows(_)))
        .map_or(0, |value| value.as_usize() as u64);
    progress.events += rows;
    progress.events_total += rows;
    progress.bytes += metrics.sum_by_name("bytes_scanned").map_or(0, |value| value.as_usize() as u64);
}

fn is_root_scan(plan: &dyn ExecutionPlan) -> bool {
    let Some(scan) = plan.downcast_ref::<DataSourceExec>() else { return false };
    scan.downcast_to_file_source::<RootSource>().is_some()
}

/// What the operators that fill histograms say of devices.
fn add_places(plan: &Arc<dyn ExecutionPlan>, warnings: &mut Vec<String>, by_cpu: &mut Vec<String>) {
    for child in plan.children() {
        add_places(child, warnings, by_cpu);
    }
    if let Some(exec) = plan.downcast_ref::<HistogramExec>() {
        let finished = |fault| format!("the GPU failed ({fault}); the CPU finished, with the same result");
        warnings.extend(exec.told().faults().into_iter().map(finished));
        by_cpu.extend(exec.told().by_cpu());
    }
}

/// The report of a query that ended after `elapsed`.
pub(crate) fn finish(
    plan: &Arc<dyn ExecutionPlan>,
    scans: &ScanProgress,
    counted: Option<instrument::Counted>,
    elapsed: Duration,
) -> RunReport {
    let read = progress(plan, scans, elapsed);
    let seconds = elapsed.as_secs_f64();
    let level = |name: String, events: u64| Level {
        name,
        events,
        events_per_second: events as f64 / seconds.max(1e-9),
    };
    let mut levels = vec![level("all events".into(), read.events)];
    let mut categories = vec![];
    if let Some(counted) = counted {
        levels.push(level("selected".into(), counted.selected));
        categories = counted.categories.into_iter().map(|(name, events)| level(name, events)).collect();
    }
    let skipped = scans.skipped().into_iter().map(|s| Skipped {
        events: s.events(),
        first_entry: s.entries.map(|entries| entries.start),
        file: s.file,
        reason: s.reason,
    });
    let (mut warnings, mut by_cpu) = (scans.warnings(), vec![]);
    add_places(plan, &mut warnings, &mut by_cpu);
    RunReport { levels, categories, read, skipped: skipped.collect(), warnings, by_cpu, seconds }
}
