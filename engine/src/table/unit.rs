//! Reading one unit: the bytes of the next are on their way while this one is decoded; the branches of the cut come
//! first, the others only for baskets with survivors.

use std::{collections::VecDeque, ops::Range, sync::Arc};

use ana_root::{ByteStore, TreeReader};
use ana_sql_ext::survivors::survivors;
use arrow::{
    array::{Array, ArrayRef, RecordBatch, RecordBatchOptions},
    buffer::BooleanBuffer,
    compute::BatchCoalescer,
    datatypes::SchemaRef,
    error::ArrowError,
};
use datafusion::{common::runtime::SpawnedTask, error::DataFusionError};

use super::{
    cut::{Cut, index, stretches},
    fetch::FileAccess,
    metadata::FileTree,
    metrics::ScanMetrics,
    opener::Scan,
    progress::ScanProgress,
    schema::ColumnSource,
};
use crate::error::{EngineError, Result};

/// Reads units of one file and turns them into batches.
pub(crate) struct UnitReader {
    access: FileAccess,
    tree: Arc<FileTree>,
    metrics: ScanMetrics,
    /// None where events do not count as progress.
    progress: Option<Arc<ScanProgress>>,
    columns: Vec<Column>,
    /// The branches that are read, as the reader knows them.
    branches: Vec<usize>,
    reader: TreeReader,
    /// Positions of the cut's columns, in its order, and of all others.
    first: Vec<usize>,
    rest: Vec<usize>,
    /// Where the baskets of the others end together.
    rest_ends: Vec<u64>,
    cut: Option<Cut>,
    /// Positions of the columns that go on.
    wanted: Vec<usize>,
    schema: SchemaRef,
    batch_size: usize,
    /// The bytes of the next unit, on their way.
    ahead: Option<SpawnedTask<Result<ByteStore>>>,
    survival: Survival,
    sparse: BatchCoalescer,
    out: VecDeque<RecordBatch>,
}

/// One column of the table and where the file has it.
struct Column {
    source: ColumnSource,
    /// Its place among the branches that are read.
    read: Option<usize>,
}

/// Which columns of a unit.
#[derive(Clone, Copy)]
enum Stage {
    Cut,
    Rest,
    All,
}

/// Units with and without a survivor so far: when most have one, waiting for the cut before asking for the other
/// branches costs time and saves nothing.
#[derive(Default)]
struct Survival {
    with: u32,
    without: u32,
}

impl Survival {
    fn likely(&self) -> bool {
        self.with > self.without
    }
}

impl UnitReader {
    pub(crate) fn new(
        scan: &Scan,
        metrics: &ScanMetrics,
        access: FileAccess,
        tree: Arc<FileTree>,
        table_columns: Vec<usize>,
        sources: Vec<ColumnSource>,
        cut: Option<Cut>,
    ) -> Result<Self> {
        let mut branches = Vec::new();
        let columns: Vec<Column> = sources
            .into_iter()
            .map(|source| {
                let read = source.branch().map(|branch| {
                    branches.push(branch);
                    branches.len() - 1
                });
                Column { source, read }
            })
            .collect();
        let position = |column: &usize| table_columns.binary_search(column).ok();
        let first: Vec<usize> = cut.iter().flat_map(|cut| &cut.columns).filter_map(position).collect();
        let rest: Vec<usize> = (0..columns.len()).filter(|at| !first.contains(at)).collect();
        let reader = TreeReader::new(Arc::clone(&tree.tree), &branches)?;
        let rest_read: Vec<usize> = rest.iter().filter_map(|&at| columns[at].read).collect();
        let rest_ends = if cut.is_some() { reader.natural_boundaries(&rest_read) } else { Vec::new() };
        Ok(Self {
            access,
            tree,
            metrics: metrics.clone(),
            progress: scan.counts.then(|| Arc::clone(&scan.progress)),
            wanted: scan.wanted.iter().filter_map(position).collect(),
            schema: Arc::clone(&scan.schema),
            batch_size: scan.batch_size.max(1),
            sparse: BatchCoalescer::new(Arc::clone(&scan.schema), scan.batch_size.max(1)),
            columns,
            branches,
            reader,
            first,
            rest,
            rest_ends,
            cut,
            ahead: None,
            survival: Survival::default(),
            out: VecDeque::new(),
        })
    }

    /// The entry numbers where the baskets of all columns end together; the clusters where no column is read.
    pub(crate) fn ends(&self) -> Vec<u64> {
        if self.branches.is_empty() {
            self.tree.tree.clusters.iter().map(|cluster| cluster.end).collect()
        } else {
            self.reader.natural_boundaries(&self.positions(Stage::All))
        }
    }

    /// What all columns take when decompressed.
    pub(crate) fn decoded_bytes(&self) -> u64 {
        self.branches.iter().map(|&branch| self.tree.tree.branches[branch].uncompressed_bytes).sum()
    }

    /// A batch that is ready.
    pub(crate) fn take_batch(&mut self) -> Option<RecordBatch> {
        self.out.pop_front()
    }

    /// Lets go of the last survivors.
    pub(crate) fn finish(&mut self) -> Result<()> {
        flush(&mut self.sparse, &mut self.out)
    }

    /// After a fault: nothing half-decoded is kept, nor what was fetched in the belief that it was.
    pub(crate) fn recover(&mut self) -> Result<()> {
        self.ahead = None;
        self.reader = TreeReader::new(Arc::clone(&self.tree.tree), &self.branches)?;
        Ok(())
    }

    /// Reads a unit; its batches can be taken afterwards. `next` is the unit after it.
    pub(crate) async fn read(&mut self, unit: &Range<u64>, next: Option<Range<u64>>) -> Result<()> {
        let mut bytes = match self.ahead.take() {
            Some(task) => task.join().await.map_err(|gone| DataFusionError::External(Box::new(gone)))??,
            None => ByteStore::new(),
        };
        if self.cut.is_none() || self.survival.likely() {
            self.supply(Stage::All, unit, &mut bytes).await?;
        } else {
            self.supply(Stage::Cut, unit, &mut bytes).await?;
        }
        if let Some(next) = next.filter(|_| self.access.waits()) {
            self.fetch_ahead(&next, &bytes);
        }
        let before = *self.reader.metrics();
        let decoded = self.decode(unit, &mut bytes).await;
        self.metrics.decoded(&before, self.reader.metrics());
        for (batch, passed) in decoded? {
            self.hand_out(&batch, passed.as_ref())?;
        }
        let events = unit.end - unit.start;
        self.metrics.events_read.add(index(events));
        self.progress.iter().for_each(|progress| progress.add_events(events));
        Ok(())
    }

    fn positions(&self, stage: Stage) -> Vec<usize> {
        let read = |at: &usize| self.columns[*at].read;
        match stage {
            Stage::Cut => self.first.iter().filter_map(read).collect(),
            Stage::Rest => self.rest.iter().filter_map(read).collect(),
            Stage::All => (0..self.branches.len()).collect(),
        }
    }

    /// Fetches what the stage still lacks.
    async fn supply(&self, stage: Stage, entries: &Range<u64>, bytes: &mut ByteStore) -> Result<()> {
        let mut lacking = self.reader.needs(&self.positions(stage), entries.clone());
        lacking.retain(|range| bytes.get(range.clone()).is_none());
        self.access.fetch(lacking, bytes).await
    }

    fn fetch_ahead(&mut self, next: &Range<u64>, current: &ByteStore) {
        let stage = if self.cut.is_none() || self.survival.likely() { Stage::All } else { Stage::Cut };
        let mut bytes = ByteStore::new();
        let mut lacking = self.reader.needs(&self.positions(stage), next.clone());
        // A basket that straddles both units is there already.
        lacking.retain(|range| match current.get(range.clone()) {
            Some(there) => {
                bytes.insert(range.start, there);
                false
            }
            None => true,
        });
        let access = self.access.clone();
        self.ahead = Some(SpawnedTask::spawn(async move {
            access.fetch(lacking, &mut bytes).await?;
            Ok(bytes)
        }));
    }

    /// The stretches of the unit with survivors as batches, each with its survivors where there is a cut.
    async fn decode(
        &mut self,
        unit: &Range<u64>,
        bytes: &mut ByteStore,
    ) -> Result<Vec<(RecordBatch, Option<BooleanBuffer>)>> {
        let Some(mut cut) = self.cut.take() else {
            return Ok(vec![(self.batch(unit, unit, &[], bytes)?, None)]);
        };
        let firsts = self.arrays(&self.first.clone(), unit, bytes);
        let passed = firsts.and_then(|firsts| {
            let _timer = self.metrics.time_cut.timer();
            let passed = cut.evaluate(&firsts, index(unit.end - unit.start), self.batch_size)?;
            Ok((firsts, passed))
        });
        self.cut = Some(cut);
        let (firsts, passed) = passed?;
        if !passed.has_true() {
            self.survival.without += 1;
            self.metrics.units_without_survivor.add(1);
            return Ok(Vec::new());
        }
        self.survival.with += 1;
        let mut batches = Vec::new();
        for stretch in stretches(unit, &self.rest_ends, &passed) {
            self.supply(Stage::Rest, &stretch, bytes).await?;
            let batch = self.batch(unit, &stretch, &firsts, bytes)?;
            let passed = passed.slice(index(stretch.start - unit.start), batch.num_rows());
            batches.push((batch, Some(passed)));
        }
        Ok(batches)
    }

    /// The columns at these places, for the entries.
    fn arrays(&mut self, places: &[usize], entries: &Range<u64>, bytes: &ByteStore) -> Result<Vec<ArrayRef>> {
        let read: Vec<usize> = places.iter().filter_map(|&at| self.columns[at].read).collect();
        let decoded =
            if read.is_empty() { Vec::new() } else { self.reader.read(&read, entries.clone(), bytes)? };
        let mut decoded = decoded.iter();
        let rows = index(entries.end - entries.start);
        let arrays = places.iter().map(|&at| {
            let column = &self.columns[at];
            let array = column.read.and_then(|_| decoded.next());
            column.source.array(array, rows).map_err(|e| self.narrowing(column, e))
        });
        arrays.collect()
    }

    /// A value that does not fit the table's type: the file says more than the one the type was taken from.
    fn narrowing(&self, column: &Column, error: ArrowError) -> EngineError {
        match (&column.source, column.source.branch()) {
            (ColumnSource::Cast(_, to), Some(branch)) => EngineError::Narrow {
                branch: self.tree.tree.branches[branch].name.clone(),
                file: self.tree.file.clone(),
                data_type: to.to_string(),
                problem: error.to_string(),
            },
            _ => DataFusionError::from(error).into(),
        }
    }

    /// The wanted columns of a stretch: those of the cut sliced out of the unit, the others decoded now.
    fn batch(
        &mut self,
        unit: &Range<u64>,
        stretch: &Range<u64>,
        firsts: &[ArrayRef],
        bytes: &ByteStore,
    ) -> Result<RecordBatch> {
        let rest = self.arrays(&self.rest.clone(), stretch, bytes)?;
        let rows = index(stretch.end - stretch.start);
        let offset = index(stretch.start - unit.start);
        let mut columns = Vec::with_capacity(self.wanted.len());
        for at in &self.wanted {
            let of_cut = self.first.iter().position(|place| place == at).and_then(|i| firsts.get(i));
            let of_rest = self.rest.iter().position(|place| place == at).and_then(|i| rest.get(i));
            columns.extend(of_cut.map(|array| array.slice(offset, rows)).or_else(|| of_rest.cloned()));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options);
        Ok(batch.map_err(DataFusionError::from)?)
    }

    /// Cuts the survivors of a batch into parts of equal size, none larger than operators like; where they are few, they
    /// are collected until they make one.
    fn hand_out(&mut self, batch: &RecordBatch, passed: Option<&BooleanBuffer>) -> Result<()> {
        if batch.num_columns() == 0 {
            let rows = passed.map_or(batch.num_rows(), BooleanBuffer::count_set_bits);
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let counted = RecordBatch::try_new_with_options(Arc::clone(&self.schema), vec![], &options);
            self.out.push_back(counted.map_err(DataFusionError::from)?);
            return Ok(());
        }
        let some_fail = passed.is_some_and(|passed| passed.count_set_bits() < batch.num_rows());
        let survived = match passed {
            Some(passed) if some_fail => survivors(batch, passed).map_err(DataFusionError::from)?,
            _ => batch.clone(),
        };
        let rows = survived.num_rows();
        if rows < self.batch_size / 2 {
            self.sparse.push_batch(survived).map_err(DataFusionError::from)?;
            self.out.extend(std::iter::from_fn(|| self.sparse.next_completed_batch()));
            return Ok(());
        }
        // Those that wait come first: events keep their order.
        flush(&mut self.sparse, &mut self.out)?;
        let parts = rows.div_ceil(self.batch_size);
        let bound = |part: usize| rows / parts * part + part.min(rows % parts);
        self.out.extend((0..parts).map(|part| survived.slice(bound(part), bound(part + 1) - bound(part))));
        Ok(())
    }
}

fn flush(sparse: &mut BatchCoalescer, out: &mut VecDeque<RecordBatch>) -> Result<()> {
    sparse.finish_buffered_batch().map_err(DataFusionError::from)?;
    out.extend(std::iter::from_fn(|| sparse.next_completed_batch()));
    Ok(())
}
