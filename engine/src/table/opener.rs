//! Opening a file, or a range of one, and handing its events out as batches.

use std::{ops::Range, sync::Arc};

use arrow::datatypes::SchemaRef;
use datafusion::{
    common::{Result as DataFusionResult, runtime::SpawnedTask},
    datasource::{
        listing::PartitionedFile,
        physical_plan::{FileGroup, FileOpenFuture, FileOpener, FileScanConfig},
        table_schema::TableSchema,
    },
    execution::object_store::ObjectStoreUrl,
    physical_expr::PhysicalExpr,
};
use futures::{FutureExt, StreamExt, stream};
use object_store::{ObjectMeta, ObjectStore};
use parking_lot::Mutex;

use super::{
    cut::{Cut, index},
    fetch::FileAccess,
    location::is_local,
    metadata::{FileTree, MetadataCache, TreeKey},
    metrics::ScanMetrics,
    options::{OnBadFile, RootOptions},
    partition::{in_range, units},
    progress::{ScanProgress, Skipped},
    schema::TableColumns,
    unit::UnitReader,
};
use crate::error::{EngineError, Result};

/// What is the same for all files of a scan.
pub(crate) struct Scan {
    pub(crate) store_url: ObjectStoreUrl,
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) table: TableSchema,
    pub(crate) columns: Arc<TableColumns>,
    /// The columns of the file that go on, and their schema.
    pub(crate) wanted: Vec<usize>,
    pub(crate) schema: SchemaRef,
    pub(crate) cut: Option<Arc<dyn PhysicalExpr>>,
    pub(crate) options: Arc<RootOptions>,
    pub(crate) cache: Arc<MetadataCache>,
    pub(crate) progress: Arc<ScanProgress>,
    /// Whether events and files count as progress.
    pub(crate) counts: bool,
    pub(crate) batch_size: usize,
    pub(crate) limit: Option<usize>,
    pub(crate) upcoming: Upcoming,
}

/// The files of a scan behind a network, in the order in which its partitions take them. Opening one takes several
/// round trips, so the metadata of a file are asked for while the ones before it are read.
#[derive(Default)]
pub(crate) struct Upcoming {
    files: Vec<ObjectMeta>,
    /// How many files are being read at a time.
    distance: usize,
    /// Dropped, and with it cancelled, when the scan is.
    tasks: Mutex<Vec<SpawnedTask<()>>>,
}

impl Upcoming {
    pub(crate) fn new(config: &FileScanConfig) -> Self {
        if is_local(&config.object_store_url) || config.limit.is_some() {
            return Self::default();
        }
        let mut files: Vec<ObjectMeta> = Vec::new();
        for file in config.file_groups.iter().flat_map(FileGroup::iter) {
            if files.last().is_none_or(|last| last.location != file.object_meta.location) {
                files.push(file.object_meta.clone());
            }
        }
        Self { files, distance: config.file_groups.len(), tasks: Mutex::default() }
    }

    fn after(&self, file: &ObjectMeta) -> Option<&ObjectMeta> {
        let at = self.files.iter().position(|other| other.location == file.location)?;
        self.files.get(at + self.distance)
    }
}

/// Opens the files of one partition.
pub(crate) struct RootOpener {
    scan: Arc<Scan>,
    metrics: ScanMetrics,
}

impl RootOpener {
    pub(crate) fn new(scan: Scan, metrics: ScanMetrics) -> Self {
        Self { scan: Arc::new(scan), metrics }
    }
}

impl FileOpener for RootOpener {
    fn open(&self, file: PartitionedFile) -> DataFusionResult<FileOpenFuture> {
        self.scan.open_ahead(&file.object_meta, &self.metrics);
        let part =
            Part { scan: Arc::clone(&self.scan), metrics: self.metrics.clone(), range: range(&file), file };
        Ok(async move {
            match part.open().await {
                Ok(events) => Ok(batches(events).boxed()),
                Err(fault) if part.scan.may_skip(&fault) => {
                    part.skip(None, &fault);
                    part.ended();
                    Ok(stream::empty().boxed())
                }
                Err(fault) => Err(fault.into()),
            }
        }
        .boxed())
    }
}

fn range(file: &PartitionedFile) -> Range<u64> {
    let (start, end) = file.range();
    start..end
}

impl Scan {
    fn open_ahead(&self, file: &ObjectMeta, metrics: &ScanMetrics) {
        let Some(next) = self.upcoming.after(file) else { return };
        let key = TreeKey::new(&self.store_url, next, self.options.tree.as_deref());
        let access = FileAccess::new(&self.store_url, &self.store, next, metrics.io.clone());
        let cache = Arc::clone(&self.cache);
        // A fault here is met again, and told, when the file's turn comes.
        let task = SpawnedTask::spawn(async move { drop(cache.open(&key, &access).await) });
        self.upcoming.tasks.lock().push(task);
    }

    /// Faults of the data may be left out when the options say so; faults of the query never.
    pub(crate) fn may_skip(&self, fault: &EngineError) -> bool {
        self.options.on_bad_file == OnBadFile::Skip && fault.is_of_file()
    }
}

/// A range of a file, to be read by this partition.
struct Part {
    scan: Arc<Scan>,
    metrics: ScanMetrics,
    file: PartitionedFile,
    range: Range<u64>,
}

impl Part {
    fn skip(&self, entries: Option<Range<u64>>, fault: &EngineError) {
        let file = super::location::file_name(&self.scan.store_url, &self.file.object_meta.location);
        self.scan.progress.skip(Skipped { file, entries, reason: fault.to_string() });
    }

    fn ended(&self) {
        let meta = &self.file.object_meta;
        if !self.scan.counts {
            return;
        }
        if self.scan.progress.ended(meta.location.as_ref(), self.range.end - self.range.start, meta.size) {
            self.metrics.files_done.add(1);
        }
    }

    /// Opens the file and sees what of it is to be read.
    async fn open(&self) -> Result<Events> {
        let scan = &self.scan;
        let meta = &self.file.object_meta;
        let access = FileAccess::new(&scan.store_url, &scan.store, meta, self.metrics.io.clone());
        let key = TreeKey::new(&scan.store_url, meta, scan.options.tree.as_deref());
        let tree = scan.cache.open(&key, &access).await?;
        let cut = scan
            .cut
            .as_ref()
            .map(|cut| Cut::new(cut, &scan.table, &self.file.partition_values))
            .transpose()?;
        let mut columns = scan.wanted.clone();
        columns.extend(cut.iter().flat_map(|cut| cut.columns.iter().copied()));
        columns.sort_unstable();
        columns.dedup();
        let warn = |what| scan.progress.warn(what, &tree.file);
        let sources = scan.columns.in_file(&tree, &columns, &scan.options, warn)?;
        let reader = UnitReader::new(scan, &self.metrics, access, Arc::clone(&tree), columns, sources, cut)?;
        let units = self.units(&tree, &reader);
        let events = units.iter().map(|unit| unit.end - unit.start).sum();
        if scan.counts {
            scan.progress.opened(self.range.end - self.range.start, events);
        }
        self.metrics.events_total.add(index(events));
        Ok(Events {
            units: units.into(),
            left: scan
                .limit
                .filter(|_| scan.cut.is_none() && scan.options.on_bad_file != OnBadFile::Skip)
                .map(|limit| limit as u64),
            reader,
            part: Part {
                scan: Arc::clone(scan),
                metrics: self.metrics.clone(),
                file: self.file.clone(),
                range: self.range.clone(),
            },
        })
    }

    /// The units of this range.
    fn units(&self, file: &FileTree, reader: &UnitReader) -> Vec<Range<u64>> {
        let (entries, size) = (file.tree.entries, self.file.object_meta.size);
        let mut units = units(entries, reader.decoded_bytes(), &reader.ends());
        units.retain(|unit| in_range(unit.start, entries, size, &self.range));
        units
    }
}

/// The events of a range on their way out.
struct Events {
    units: std::collections::VecDeque<Range<u64>>,
    /// How many events may still be asked for, where a LIMIT without a cut says so.
    left: Option<u64>,
    reader: UnitReader,
    part: Part,
}

fn batches(
    events: Events,
) -> impl futures::Stream<Item = DataFusionResult<arrow::array::RecordBatch>> + Send {
    stream::try_unfold(events, |mut events| async move {
        let batch = events.next().await?;
        Ok(batch.map(|batch| (batch, events)))
    })
}

impl Events {
    async fn next(&mut self) -> Result<Option<arrow::array::RecordBatch>> {
        loop {
            if let Some(batch) = self.reader.take_batch() {
                return Ok(Some(batch));
            }
            let Some(unit) = self.next_unit() else {
                self.reader.finish()?;
                let last = self.reader.take_batch();
                if last.is_none() {
                    self.part.ended();
                }
                return Ok(last);
            };
            let ahead = self.units.front().filter(|_| self.left != Some(0)).cloned();
            match self.reader.read(&unit, ahead).await {
                Ok(()) => {}
                Err(fault) if self.part.scan.may_skip(&fault) => {
                    self.part.skip(Some(unit), &fault);
                    self.reader.recover()?;
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    fn next_unit(&mut self) -> Option<Range<u64>> {
        if self.left == Some(0) {
            return None;
        }
        let mut unit = self.units.pop_front()?;
        if let Some(left) = &mut self.left {
            unit.end = unit.end.min(unit.start.saturating_add(*left));
            *left -= unit.end - unit.start;
        }
        Some(unit)
    }
}
