//! What EXPLAIN ANALYZE and the progress bar learn from a scan.

use std::sync::Arc;
use std::time::Duration;

use ana_root::DecodeMetrics;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, Time};

use super::progress::ScanProgress;

/// Bytes and time of reads.
#[derive(Clone)]
pub(crate) struct IoMetrics {
    bytes: Count,
    time: Time,
    progress: Option<Arc<ScanProgress>>,
}

impl IoMetrics {
    /// For reads outside of a scan: the metadata of a table when it is made.
    pub(crate) fn unobserved() -> Self {
        Self { bytes: Count::new(), time: Time::new(), progress: None }
    }

    pub(crate) fn read(&self, bytes: u64, time: Duration) {
        self.bytes.add(usize::try_from(bytes).unwrap_or(usize::MAX));
        self.time.add_duration(time);
        if let Some(progress) = &self.progress {
            progress.add_bytes(bytes);
        }
    }
}

/// Metrics of one partition of a scan.
#[derive(Clone)]
pub(crate) struct ScanMetrics {
    pub(crate) io: IoMetrics,
    baskets: Count,
    bytes_decompressed: Count,
    time_decompression: Time,
    time_decoding: Time,
    pub(crate) time_cut: Time,
    pub(crate) events_read: Count,
    pub(crate) events_total: Count,
    pub(crate) files_total: Count,
    pub(crate) files_done: Count,
    pub(crate) units_without_survivor: Count,
}

impl ScanMetrics {
    pub(crate) fn new(
        metrics: &ExecutionPlanMetricsSet,
        partition: usize,
        progress: &Arc<ScanProgress>,
    ) -> Self {
        let count = |name| MetricBuilder::new(metrics).counter(name, partition);
        let time = |name| MetricBuilder::new(metrics).subset_time(name, partition);
        Self {
            io: IoMetrics {
                bytes: count("bytes_read"),
                time: time("time_io"),
                progress: Some(Arc::clone(progress)),
            },
            baskets: count("baskets"),
            bytes_decompressed: count("bytes_decompressed"),
            time_decompression: time("time_decompression"),
            time_decoding: time("time_decoding"),
            time_cut: time("time_cut"),
            events_read: count("events_read"),
            events_total: count("events_total"),
            files_total: count("files_total"),
            files_done: count("files_done"),
            units_without_survivor: count("units_without_survivor"),
        }
    }

    /// Adds what a reader did since it was last asked.
    pub(crate) fn decoded(&self, before: &DecodeMetrics, after: &DecodeMetrics) {
        let add = |count: &Count, n: u64| count.add(usize::try_from(n).unwrap_or(usize::MAX));
        add(&self.baskets, after.baskets - before.baskets);
        add(&self.bytes_decompressed, after.uncompressed_bytes - before.uncompressed_bytes);
        let nanos = |n: u64| Duration::from_nanos(n);
        self.time_decompression.add_duration(nanos(after.decompress_ns - before.decompress_ns));
        self.time_decoding.add_duration(nanos(after.decode_ns - before.decode_ns));
    }
}
