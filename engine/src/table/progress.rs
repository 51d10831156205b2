//! What the scans of a query have read so far: for a progress bar while it runs and the run report at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Counters that all scans of a query share. The session puts one into the `SessionConfig` as an extension before it
/// plans a query; without one every table scan has its own.
#[derive(Debug, Default)]
pub struct ScanProgress {
    events_read: AtomicU64,
    events_known: AtomicU64,
    bytes_known: AtomicU64,
    bytes_read: AtomicU64,
    file_bytes: AtomicU64,
    files: AtomicU64,
    ended: Mutex<BTreeMap<String, u64>>,
    files_done: AtomicU64,
    skipped: Mutex<Vec<Skipped>>,
    warnings: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

/// Events, or a whole file, that a run went on without.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    /// The file.
    pub file: String,
    /// The entries left out; None where the file could not even be opened.
    pub entries: Option<Range<u64>>,
    /// What was wrong with it.
    pub reason: String,
}

impl Skipped {
    /// How many events were left out, where that is known.
    #[must_use]
    pub fn events(&self) -> Option<u64> {
        self.entries.as_ref().map(|entries| entries.end - entries.start)
    }
}

/// The state of the counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScanSnapshot {
    /// Events read so far (before any cut).
    pub events_read: u64,
    /// Events in all files: counted where they were opened, extrapolated by size for the rest.
    pub events_total: u64,
    /// True when no file had to be extrapolated.
    pub events_total_exact: bool,
    /// Bytes fetched so far.
    pub bytes_read: u64,
    /// Files read to their end, or left out.
    pub files_done: u64,
    /// Files in all.
    pub files_total: u64,
    /// Size of all files.
    pub file_bytes_total: u64,
}

impl ScanProgress {
    /// Counters at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> ScanSnapshot {
        let known = self.events_known.load(Ordering::Relaxed);
        let bytes_known = self.bytes_known.load(Ordering::Relaxed);
        let file_bytes = self.file_bytes.load(Ordering::Relaxed);
        let exact = bytes_known >= file_bytes;
        let scaled = if bytes_known == 0 {
            0
        } else {
            u64::try_from(u128::from(known) * u128::from(file_bytes) / u128::from(bytes_known))
                .unwrap_or(u64::MAX)
        };
        ScanSnapshot {
            events_read: self.events_read.load(Ordering::Relaxed),
            events_total: if exact { known } else { scaled },
            events_total_exact: exact,
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            files_done: self.files_done.load(Ordering::Relaxed),
            files_total: self.files.load(Ordering::Relaxed),
            file_bytes_total: file_bytes,
        }
    }

    /// What was left out, by file and entry.
    #[must_use]
    pub fn skipped(&self) -> Vec<Skipped> {
        let mut skipped = self.skipped.lock().clone();
        skipped.sort_by(|a, b| {
            (&a.file, a.entries.as_ref().map(|e| e.start))
                .cmp(&(&b.file, b.entries.as_ref().map(|e| e.start)))
        });
        skipped
    }

    /// What a user should know about the data, each once with the files it is about: widened types, filled branches.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let warnings = self.warnings.lock();
        let text = |(what, files): (&String, &BTreeSet<String>)| {
            let first = files.first().map_or("", String::as_str);
            match files.len() {
                0 | 1 => format!("{what}: {first}"),
                n => format!("{what}: {first} and {} more files", n - 1),
            }
        };
        warnings.iter().map(text).collect()
    }

    pub(crate) fn add_files(&self, files: u64, bytes: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
        self.file_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A part of a file (all of it, mostly) was opened: `bytes` of the file hold `events`.
    pub(crate) fn opened(&self, bytes: u64, events: u64) {
        self.bytes_known.fetch_add(bytes, Ordering::Relaxed);
        self.events_known.fetch_add(events, Ordering::Relaxed);
    }

    pub(crate) fn add_events(&self, events: u64) {
        self.events_read.fetch_add(events, Ordering::Relaxed);
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A part of a file is finished; the file is (and the answer true) when its parts add up to it.
    pub(crate) fn ended(&self, file: &str, part: u64, size: u64) -> bool {
        let mut ended = self.ended.lock();
        let so_far = ended.get(file).copied().unwrap_or(0) + part;
        if so_far >= size {
            ended.remove(file);
            self.files_done.fetch_add(1, Ordering::Relaxed);
            true
        } else {
            ended.insert(file.to_owned(), so_far);
            false
        }
    }

    /// A file of several parts is reported once when it could not be opened at all.
    pub(crate) fn skip(&self, skipped: Skipped) {
        let mut all = self.skipped.lock();
        if skipped.entries.is_some() || !all.iter().any(|s| s.file == skipped.file && s.entries.is_none()) {
            all.push(skipped);
        }
    }

    pub(crate) fn warn(&self, what: String, file: &str) {
        self.warnings.lock().entry(what).or_default().insert(file.to_owned());
    }
}
