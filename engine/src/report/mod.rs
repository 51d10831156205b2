//! The run report: how many events passed each cut level and category, how fast, from which files.

pub mod instrument;

use std::{sync::Arc, time::Duration};

use datafusion::physical_plan::{ExecutionPlan, metrics::MetricValue};
use serde::Serialize;

use crate::table::{ScanProgress, Skipped};

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
    /// Events or files left out because they could not be read, where that was allowed.
    pub skipped: Vec<Skipped>,
    /// What one should know about the data: types widened, branches filled in.
    pub warnings: Vec<String>,
    /// Seconds from planning to the last row.
    pub seconds: f64,
}

/// What the scans of a query have counted up to now: those of ROOT files say so themselves, for other formats
/// the metrics of the plan tell.
pub(crate) fn progress(plan: &Arc<dyn ExecutionPlan>, scans: &ScanProgress, elapsed: Duration) -> Progress {
    let mut progress = Progress { seconds: elapsed.as_secs_f64(), ..Progress::default() };
    let roots = scans.snapshot();
    if roots.files_total > 0 {
        progress.events = roots.events_read;
        progress.events_total = roots.events_total;
        progress.bytes = roots.bytes_read;
        progress.files_done = roots.files_done;
        progress.files_total = roots.files_total;
    } else {
        add_scans(plan, &mut progress);
    }
    progress
}

fn add_scans(plan: &Arc<dyn ExecutionPlan>, progress: &mut Progress) {
    for child in plan.children() {
        add_scans(child, progress);
    }
    if !plan.children().is_empty() {
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
    RunReport { levels, categories, read, skipped: scans.skipped(), warnings: scans.warnings(), seconds }
}
