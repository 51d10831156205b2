//! Opening a file, or a range of one, and handing its events out as batches.

use std::{ops::Range, sync::Arc};

use arrow::datatypes::SchemaRef;
use datafusion::{
    common::Result as DataFusionResult,
    datasource::{
        listing::PartitionedFile,
        physical_plan::{FileOpenFuture, FileOpener},
        table_schema::TableSchema,
    },
    execution::object_store::ObjectStoreUrl,
    physical_expr::PhysicalExpr,
};
use futures::{FutureExt, StreamExt, stream};
use object_store::ObjectStore;

use super::{
    cut::{Cut, index},
    fetch::FileAccess,
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
    pub(crate) batch_size: usize,
    pub(crate) limit: Option<usize>,
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
        let warn = |warning| scan.progress.warn(warning);
        let sources = scan.columns.in_file(&tree, &columns, &scan.options, warn)?;
        let reader = UnitReader::new(scan, &self.metrics, access, Arc::clone(&tree), columns, sources, cut)?;
        let units = self.units(&tree, &reader);
        let events = units.iter().map(|unit| unit.end - unit.start).sum();
        scan.progress.opened(self.range.end - self.range.start, events);
        self.metrics.events_total.add(index(events));
        Ok(Events {
            units: units.into(),
            left: scan.limit.filter(|_| scan.cut.is_none()).map(|limit| limit as u64),
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
