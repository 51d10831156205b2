//! The operator at work on one partition: batches in, and what several partitions hold merged and finished.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::SchemaRef;
use datafusion_common::{Result, internal_err};
use datafusion_execution::memory_pool::MemoryReservation;
use datafusion_expr::EmitTo;
use datafusion_physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion_physical_plan::aggregates::order::GroupOrdering;
use datafusion_physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, Time};

use ana_kernels::{Backend, PlanExecutor};

use super::expressions::Id;
use super::fills::LevelFills;
use super::fusion::Fusion;
use super::hold::Hold;
use super::other::Other;
use super::pool::Pool;
use super::told::Told;
use crate::cut_order::{CutOrder, Rows};

/// Batches between two looks at the memory held beside the tables, which walks all histograms.
const BATCHES_PER_LOOK: usize = 64;

/// All aggregates of one partition, or of several.
pub(super) struct Run {
    fusion: Arc<Fusion>,
    /// Which input it fills from.
    share: usize,
    backend: Backend,
    /// None without GROUP BY.
    groups: Option<Box<dyn GroupValues>>,
    fills: Vec<LevelFills>,
    others: Vec<Option<Other>>,
    /// Memory of the tables, and of everything else.
    tables: Arc<Hold>,
    beside: MemoryReservation,
    /// Per level, the order of its cuts.
    orders: Vec<CutOrder>,
    batches: usize,
    metrics: Metrics,
    told: Arc<Told>,
}

/// What a batch led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// There is room for more.
    Room,
    /// Memory is used up: what is held should go on.
    Full,
}

/// Where time goes, and how many events reach a level.
#[derive(Clone)]
struct Metrics {
    cut: Time,
    fill: Time,
    other: Time,
    finish: Time,
    events: Vec<Count>,
    /// Events that a device took, events that the CPU took in its place, and of the former those that lay too near to an
    /// edge for the device; none without a device.
    places: Option<(Count, Count, Count, Time)>,
}

impl Metrics {
    fn new(set: &ExecutionPlanMetricsSet, partition: usize, levels: usize, device: bool) -> Self {
        let time = |name| MetricBuilder::new(set).subset_time(name, partition);
        let events = |level| MetricBuilder::new(set).counter(format!("events_level_{level}"), partition);
        Self {
            cut: time("time_cuts"),
            fill: time("time_fill"),
            other: time("time_other"),
            finish: time("time_finish"),
            events: (0..levels).map(events).collect(),
            places: device.then(|| {
                let count = |name| MetricBuilder::new(set).counter(name, partition);
                (
                    count("events_filled_on_device"),
                    count("events_filled_by_cpu"),
                    count("events_decided_by_cpu"),
                    time("time_device"),
                )
            }),
        }
    }

    fn places(&self, executor: &PlanExecutor) {
        let (on_device, by_cpu) = executor.events();
        if let Some((device, cpu, decided, time)) = &self.places {
            time.add_duration(executor.device_time());
            let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            device.add(number(on_device));
            cpu.add(number(by_cpu));
            decided.add(number(executor.undecided()));
        }
    }
}

/// The rows of a level, asked for the cuts of one below.
struct Reached<'a> {
    pool: &'a Pool<'a>,
    cuts: &'a [Id],
}

impl Rows for Reached<'_> {
    fn count(&self) -> usize {
        self.pool.rows()
    }

    fn passed(&self, condition: usize) -> Result<BooleanBuffer> {
        self.pool.passed(self.cuts[condition])
    }

    fn among(
        &self,
        some: &BooleanBuffer,
        ask: &mut dyn FnMut(&dyn Rows) -> Result<BooleanBuffer>,
    ) -> Result<BooleanBuffer> {
        ask(&Reached { pool: &self.pool.narrowed(some), cuts: self.cuts })
    }
}

impl Run {
    pub(super) fn new(
        fusion: Arc<Fusion>,
        share: usize,
        reservation: MemoryReservation,
        set: &ExecutionPlanMetricsSet,
        partition: usize,
        (backend, told): (&Backend, Arc<Told>),
    ) -> Result<Self> {
        let metrics = Metrics::new(set, partition, fusion.levels.len(), backend.is_device());
        Self::with(fusion, share, reservation, metrics, backend.clone(), told)
    }

    fn with(
        fusion: Arc<Fusion>,
        share: usize,
        reservation: MemoryReservation,
        metrics: Metrics,
        backend: Backend,
        told: Arc<Told>,
    ) -> Result<Self> {
        let grouped = !fusion.keys.fields().is_empty();
        let groups = || new_group_values(Arc::clone(&fusion.keys), &GroupOrdering::None);
        let groups = grouped.then(groups).transpose()?;
        let outputs = fusion.outputs.iter();
        let others = outputs.map(|output| Other::of(&output.kind, grouped)).collect::<Result<_>>()?;
        let tables = Arc::new(Hold::new(reservation.new_empty(), grouped));
        let fills = (0..fusion.levels.len())
            .map(|level| LevelFills::new(&fusion, level, &backend, &tables))
            .collect::<Result<_>>()?;
        let orders = fusion.levels.iter().map(|level| CutOrder::new(level.cuts.len())).collect();
        let (beside, batches) = (reservation, 0);
        Ok(Self {
            fusion,
            share,
            backend,
            groups,
            fills,
            others,
            tables,
            beside,
            orders,
            batches,
            metrics,
            told,
        })
    }

    /// An empty one for the same partition.
    pub(super) fn another(&self) -> Result<Self> {
        let (fusion, told) = (Arc::clone(&self.fusion), Arc::clone(&self.told));
        let (metrics, backend) = (self.metrics.clone(), self.backend.clone());
        let mut another = Self::with(fusion, self.share, self.beside.new_empty(), metrics, backend, told)?;
        another.share_windows(self);
        Ok(another)
    }

    /// Cuts weights as another partition does.
    pub(super) fn share_windows(&mut self, other: &Self) {
        self.fills.iter_mut().zip(&other.fills).for_each(|(own, other)| own.share_windows(other));
    }

    fn look_at_memory(&self) -> Result<()> {
        let fills: usize = self.fills.iter().map(LevelFills::bytes_beside_tables).sum();
        let others: usize = self.others.iter().flatten().map(Other::bytes).sum();
        let groups = self.groups.as_ref().map_or(0, |groups| groups.size());
        self.beside.try_resize(fills + others + groups)
    }

    /// Takes a batch of the input.
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<Taken> {
        if batch.num_rows() == 0 {
            return Ok(Taken::Room);
        }
        let fusion = Arc::clone(&self.fusion);
        let share = &fusion.shares[self.share];
        let mut columns = vec![None; share.columns.iter().map(|place| place + 1).max().unwrap_or(0)];
        share.columns.iter().zip(batch.columns()).for_each(|(&place, column)| columns[place] = Some(column));
        let pool = Pool::of_batch(&fusion.steps, &columns, batch.num_rows());
        let groups = match &mut self.groups {
            None => None,
            Some(values) => {
                let keys = fusion.groups.iter().map(|&id| pool.get(id)).collect::<Result<Vec<_>>>()?;
                let mut groups = Vec::with_capacity(batch.num_rows());
                values.intern(&keys, &mut groups)?;
                Some(groups)
            }
        };
        let filled = self.level(share.level, &pool.with_groups(groups), &fusion);
        filled.map_err(|error| self.tables.refusal(error))?;
        self.batches += 1;
        let looks = self.batches.is_power_of_two() || self.batches.is_multiple_of(BATCHES_PER_LOOK);
        let looked = if looks { self.look_at_memory() } else { Ok(()) };
        match (looked, self.tables.is_full()) {
            (Ok(()), false) => Ok(Taken::Room),
            // What one batch needs has to be there.
            _ if self.groups.is_some() && self.batches > 1 => Ok(Taken::Full),
            (Err(error), _) => Err(error),
            (Ok(()), true) => Err(self.tables.refusal(datafusion_common::exec_datafusion_err!("no memory"))),
        }
    }

    fn group_count(&self) -> usize {
        self.groups.as_ref().map_or(1, |groups| groups.len())
    }

    /// Everything that is done with the rows of a level, and of those below it.
    fn level(&mut self, level: usize, pool: &Pool<'_>, fusion: &Fusion) -> Result<()> {
        self.metrics.events[level].add(pool.rows());
        let groups = self.group_count();
        {
            let _timer = self.metrics.fill.timer();
            self.fills[level].fill(fusion, pool, groups)?;
        }
        {
            let _timer = self.metrics.other.timer();
            for (number, output) in fusion.outputs.iter().enumerate() {
                if let (true, Some(other)) = (output.level == level, &mut self.others[number]) {
                    other.update(&output.kind, &output.filter, pool, groups)?;
                }
            }
        }
        for (below, cut) in fusion.levels.iter().enumerate() {
            if cut.above == Some(level) && fusion.shares[self.share].without != Some(below) {
                self.below(below, pool, fusion)?;
            }
        }
        Ok(())
    }

    /// Narrows the rows by the cuts of a level below, and goes on there with what is left.
    fn below(&mut self, level: usize, pool: &Pool<'_>, fusion: &Fusion) -> Result<()> {
        let cuts = &fusion.levels[level].cuts;
        let time = self.metrics.cut.clone();
        let timer = time.timer();
        let passed = self.orders[level].passed(&Reached { pool, cuts });
        // One may fail that only some of the outputs have behind another one.
        let Ok(passed) = passed else { return self.one_by_one(level, pool, fusion) };
        let number = passed.count_set_bits();
        if number == 0 {
            return Ok(());
        }
        if number == pool.rows() {
            drop(timer);
            return self.level(level, pool, fusion);
        }
        let narrowed = pool.narrowed(&passed);
        drop(timer);
        self.level(level, &narrowed, fusion)
    }

    /// The outputs of a level and those below it, each with its own filter as written.
    fn one_by_one(&mut self, above: usize, pool: &Pool<'_>, fusion: &Fusion) -> Result<()> {
        let groups = self.group_count();
        for (number, output) in fusion.outputs.iter().enumerate() {
            if !fusion.is_within(output.level, above) {
                continue;
            }
            // What the scan has cut already has no step here.
            let done = &fusion.levels[fusion.shares[self.share].level].cuts;
            let written: Vec<Id> = output.written.iter().copied().filter(|cut| !done.contains(cut)).collect();
            let passed = pool.all_passed(&written)?;
            let passed = passed.unwrap_or_else(|| BooleanBuffer::new_set(pool.rows()));
            let narrowed = pool.narrowed(&passed);
            self.fills[output.level].fill_one(fusion, number, &narrowed, groups)?;
            if let Some(other) = &mut self.others[number] {
                other.update(&output.kind, &output.filter, &narrowed, groups)?;
            }
        }
        Ok(())
    }

    /// Nothing more comes from this partition.
    pub(super) fn ended(mut self) -> Result<Self> {
        for fills in &mut self.fills {
            self.told.note(fills.notes());
            if let Some(executor) = fills.collected()? {
                self.told.add(executor);
                self.metrics.places(executor);
            }
        }
        Ok(self)
    }

    /// Adds what another holds.
    pub(super) fn merge(&mut self, mut other: Self) -> Result<()> {
        let time = self.metrics.finish.clone();
        let _timer = time.timer();
        // The groups of the other, as they are numbered here.
        let mut map = vec![0];
        if let (Some(groups), Some(others)) = (&mut self.groups, &mut other.groups) {
            map.clear();
            if !others.is_empty() {
                groups.intern(&others.emit(EmitTo::All)?, &mut map)?;
            }
        }
        let groups = self.group_count();
        for (own, other) in self.fills.iter_mut().zip(other.fills) {
            own.merge(other, &map, groups)?;
        }
        let fusion = &self.fusion;
        for ((output, own), other) in fusion.outputs.iter().zip(&mut self.others).zip(other.others) {
            if let (Some(own), Some(other)) = (own, other) {
                own.merge(other, &output.kind, &fusion.steps, &map, groups)?;
            }
        }
        // What the other held is no longer its own.
        other.tables.resize(0)?;
        other.beside.free();
        self.tables.resize(self.fills.iter().map(LevelFills::table_bytes).sum())?;
        self.look_at_memory()
    }

    /// The results, one row per group.
    pub(super) fn finish(mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let time = self.metrics.finish.clone();
        let _timer = time.timer();
        let count = self.group_count();
        if count == 0 {
            return Ok(RecordBatch::new_empty(Arc::clone(schema)));
        }
        let mut columns: Vec<ArrayRef> = match &mut self.groups {
            Some(groups) => groups.emit(EmitTo::All)?,
            None => vec![],
        };
        let results = self.beside.new_empty();
        let mut of_fills: Vec<Option<ArrayRef>> = vec![None; self.fusion.outputs.len()];
        let fusion = &self.fusion;
        for fills in &mut self.fills {
            fills.finish(fusion, count, &results, &self.tables, |output, result| {
                of_fills[output] = Some(result)
            })?;
        }
        for ((output, filled), other) in fusion.outputs.iter().zip(of_fills).zip(self.others) {
            columns.push(match (filled, other) {
                (Some(filled), _) => filled,
                (None, Some(other)) => other.finish(&output.kind, &fusion.steps, count)?,
                (None, None) => return internal_err!("an aggregate without a result"),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
    }
}
