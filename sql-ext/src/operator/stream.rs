//! The operator at work on one partition: batches in, the states of all aggregates out.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, new_empty_array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::SchemaRef;
use datafusion_common::{Result, internal_err};
use datafusion_execution::memory_pool::MemoryReservation;
use datafusion_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::GroupsAccumulatorAdapter;
use datafusion_physical_expr::aggregate::AggregateFunctionExpr;
use datafusion_physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion_physical_plan::aggregates::order::GroupOrdering;
use datafusion_physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, Time};

use ana_kernels::{Backend, PlanExecutor};

use super::expressions::Id;
use super::fills::LevelFills;
use super::fusion::{Fusion, Kind};
use super::pool::Pool;
use super::told::Told;
use crate::cut_order::CutOrder;
use crate::survivors::expanded;

/// Batches between two looks at the memory held, which walks all histograms.
const BATCHES_PER_LOOK: usize = 64;

/// The states of all aggregates of one partition.
pub(super) struct Run {
    fusion: Arc<Fusion>,
    schema: SchemaRef,
    /// None without GROUP BY.
    groups: Option<Box<dyn GroupValues>>,
    fills: Vec<LevelFills>,
    others: Vec<Option<Other>>,
    reservation: MemoryReservation,
    /// Per level, the order of its cuts.
    orders: Vec<CutOrder>,
    batches: usize,
    /// Groups whose memory is reserved, and what one takes at least.
    reserved: (usize, usize),
    metrics: Metrics,
    told: Arc<Told>,
}

/// What a batch led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// There is room for more.
    Room,
    /// Memory is used up: the states of the groups so far should go on.
    Full,
}

/// What an aggregate that is no histogram holds.
enum Other {
    /// Rows per group.
    Counts(Vec<i64>),
    One(Box<dyn Accumulator>),
    PerGroup(Box<dyn GroupsAccumulator>),
}

/// Where time goes, and how many events reach a level.
struct Metrics {
    cut: Time,
    fill: Time,
    other: Time,
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

impl Run {
    pub(super) fn new(
        fusion: Arc<Fusion>,
        schema: SchemaRef,
        reservation: MemoryReservation,
        set: &ExecutionPlanMetricsSet,
        partition: usize,
        (backend, told): (Backend, Arc<Told>),
    ) -> Result<Self> {
        // Before anything is allocated.
        let of_group = super::fills::least_bytes(&fusion);
        if fusion.groups.is_empty() {
            reservation.try_grow(of_group)?;
        }
        let keys = fusion.groups.len();
        let groups = if keys == 0 {
            None
        } else {
            let keys = Arc::new(schema.project(&(0..keys).collect::<Vec<_>>())?);
            Some(new_group_values(keys, &GroupOrdering::None)?)
        };
        let others = fusion
            .outputs
            .iter()
            .map(|output| match &output.kind {
                Kind::Hist(_) => Ok(None),
                Kind::Count => Ok(Some(Other::Counts(vec![]))),
                Kind::Other { expr, .. } if keys == 0 => Ok(Some(Other::One(expr.create_accumulator()?))),
                Kind::Other { expr, .. } => Ok(Some(Other::PerGroup(per_group(expr)?))),
            })
            .collect::<Result<_>>()?;
        let metrics = Metrics::new(set, partition, fusion.levels.len(), backend.is_device());
        let fills = (0..fusion.levels.len())
            .map(|level| LevelFills::new(&fusion, level, &backend))
            .collect::<Result<_>>()?;
        let orders = fusion.levels.iter().map(|level| CutOrder::new(level.cuts.len())).collect();
        let reserved = (0, of_group);
        let batches = 0;
        Ok(Self {
            reserved,
            fusion,
            schema,
            groups,
            fills,
            others,
            reservation,
            orders,
            batches,
            metrics,
            told,
        })
    }

    fn look_at_memory(&mut self) -> Result<()> {
        let fills: usize = self.fills.iter().map(LevelFills::bytes).sum();
        let others = |other: &Other| match other {
            Other::Counts(counts) => counts.capacity() * size_of::<i64>(),
            Other::One(accumulator) => accumulator.size(),
            Other::PerGroup(accumulator) => accumulator.size(),
        };
        let others: usize = self.others.iter().flatten().map(others).sum();
        let groups = self.groups.as_ref().map_or(0, |groups| groups.size());
        let least = self.reserved.1.saturating_mul(self.group_count());
        self.reservation.try_resize(fills.max(least) + others + groups)
    }

    /// Takes a batch of the input.
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<Taken> {
        if batch.num_rows() == 0 {
            return Ok(Taken::Room);
        }
        let fusion = Arc::clone(&self.fusion);
        let pool = Pool::of_batch(&fusion.steps, batch.columns(), batch.num_rows());
        let groups = match &mut self.groups {
            None => None,
            Some(values) => {
                let keys = fusion.groups.iter().map(|&id| pool.get(id)).collect::<Result<Vec<_>>>()?;
                let mut groups = Vec::with_capacity(batch.num_rows());
                values.intern(&keys, &mut groups)?;
                Some(groups)
            }
        };
        // With GROUP BY the histograms of new groups are reserved before they are made.
        let new = self.group_count() - self.reserved.0;
        let grown = match self.groups {
            Some(_) => self.reservation.try_grow(new.saturating_mul(self.reserved.1)),
            None => Ok(()),
        };
        match grown {
            Err(error) if self.batches == 0 => return Err(error),
            _ => self.reserved.0 += new,
        }
        self.level(0, &pool.with_groups(groups), &fusion)?;
        self.batches += 1;
        let looks = self.batches.is_power_of_two() || self.batches.is_multiple_of(BATCHES_PER_LOOK);
        let looked = if looks && grown.is_ok() { self.look_at_memory() } else { grown };
        match looked {
            Ok(()) => Ok(Taken::Room),
            // What one batch needs has to be there.
            Err(_) if self.groups.is_some() && self.batches > 1 => Ok(Taken::Full),
            Err(error) => Err(error),
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
                    update(other, &output.kind, &output.filter, pool, groups)?;
                }
            }
        }
        for (below, cut) in fusion.levels.iter().enumerate() {
            if cut.above == Some(level) {
                self.below(below, pool, fusion)?;
            }
        }
        Ok(())
    }

    /// Narrows the rows by the cuts of a level below, and goes on there with what is left.
    fn below(&mut self, level: usize, pool: &Pool<'_>, fusion: &Fusion) -> Result<()> {
        let cuts = &fusion.levels[level].cuts;
        let order = self.orders[level].order().to_vec();
        let time = self.metrics.cut.clone();
        let timer = time.timer();
        let mut passed = self.passed(level, cuts, &order, pool);
        if passed.is_err() && !order.is_sorted() {
            // A cut may fail for events that one written before it keeps away.
            passed = self.passed(level, cuts, &self.orders[level].written(), pool);
        }
        // Or one that only some of the outputs have in front of it.
        let Ok(passed) = passed else { return self.one_by_one(level, pool, fusion) };
        self.orders[level].decide();
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
            let passed = pool.all_passed(&output.written)?;
            let passed = passed.unwrap_or_else(|| BooleanBuffer::new_set(pool.rows()));
            let narrowed = pool.narrowed(&passed);
            self.fills[output.level].fill_one(fusion, number, &narrowed, groups)?;
            if let Some(other) = &mut self.others[number] {
                update(other, &output.kind, &output.filter, &narrowed, groups)?;
            }
        }
        Ok(())
    }

    /// The rows that pass all cuts, evaluated in this order, each for the rows that passed those before it where that is
    /// worth copying them.
    fn passed(
        &mut self,
        level: usize,
        cuts: &[Id],
        order: &[usize],
        pool: &Pool<'_>,
    ) -> Result<BooleanBuffer> {
        let mut all = BooleanBuffer::new_set(pool.rows());
        for (at, &number) in order.iter().enumerate() {
            let started = Instant::now();
            let passed = pool.passed(cuts[number])?;
            self.orders[level].record(number, pool.rows(), passed.count_set_bits(), started.elapsed());
            all = if at == 0 { passed } else { &all & &passed };
            let left = all.count_set_bits();
            let after = &order[at + 1..];
            if left == 0 || after.is_empty() {
                break;
            }
            if left < pool.rows() / 2 {
                let inner = self.passed(level, cuts, after, &pool.narrowed(&all))?;
                return Ok(expanded(&all, &inner));
            }
        }
        Ok(all)
    }

    /// The states, one row per group.
    pub(super) fn states(mut self) -> Result<RecordBatch> {
        let count = self.group_count();
        if count == 0 {
            return Ok(RecordBatch::new_empty(self.schema));
        }
        let mut columns: Vec<ArrayRef> = match &mut self.groups {
            Some(groups) => groups.emit(EmitTo::All)?,
            None => vec![],
        };
        let mut of_fills: Vec<Option<ArrayRef>> = vec![None; self.fusion.outputs.len()];
        for fills in &mut self.fills {
            for (output, state) in fills.states(count)? {
                of_fills[output] = Some(state);
            }
            self.told.note(fills.notes());
            if let Some(executor) = fills.executor() {
                self.told.add(executor);
                self.metrics.places(executor);
            }
        }
        for ((output, state), other) in self.fusion.outputs.iter().zip(of_fills).zip(&mut self.others) {
            match (state, other) {
                (Some(state), _) => columns.push(state),
                (None, Some(other)) => columns.extend(states(other, &output.kind, &self.fusion, count)?),
                (None, None) => return internal_err!("an aggregate without a state"),
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

fn per_group(expr: &Arc<AggregateFunctionExpr>) -> Result<Box<dyn GroupsAccumulator>> {
    if expr.groups_accumulator_supported() {
        return expr.create_groups_accumulator();
    }
    let expr = Arc::clone(expr);
    Ok(Box::new(GroupsAccumulatorAdapter::new(move || expr.create_accumulator())))
}

/// Adds the rows of a level that pass the filter.
fn update(other: &mut Other, kind: &Kind, filter: &[Id], pool: &Pool<'_>, groups: usize) -> Result<()> {
    let passed = pool.all_passed(filter)?;
    let arguments = |pool: &Pool<'_>| match kind {
        Kind::Other { arguments, .. } => arguments.iter().map(|&id| pool.get(id)).collect::<Result<Vec<_>>>(),
        _ => Ok(vec![]),
    };
    match other {
        Other::Counts(counts) => {
            counts.resize(groups, 0);
            match (pool.groups(), passed) {
                (None, passed) => {
                    let rows = passed.map_or(pool.rows(), |passed| passed.count_set_bits());
                    counts[0] += i64::try_from(rows).unwrap_or(i64::MAX);
                }
                (Some(of), None) => of.iter().for_each(|&group| counts[group] += 1),
                (Some(of), Some(passed)) => passed.set_indices().for_each(|row| counts[of[row]] += 1),
            }
            Ok(())
        }
        Other::One(accumulator) => match passed {
            None => accumulator.update_batch(&arguments(pool)?),
            Some(passed) => accumulator.update_batch(&arguments(&pool.narrowed(&passed))?),
        },
        Other::PerGroup(accumulator) => {
            // Always with a filter: without one accumulators take it that every group up to now has rows here.
            let mut update = |pool: &Pool<'_>, arguments: &[ArrayRef], passed: BooleanBuffer| {
                let passed = BooleanArray::new(passed, None);
                accumulator.update_batch(arguments, pool.groups().unwrap_or_default(), Some(&passed), groups)
            };
            match (arguments(pool), passed) {
                (Ok(arguments), passed) => {
                    let passed = passed.unwrap_or_else(|| BooleanBuffer::new_set(pool.rows()));
                    update(pool, &arguments, passed)
                }
                (Err(_), Some(passed)) => {
                    // What fails may be rows that do not pass.
                    let narrowed = pool.narrowed(&passed);
                    update(&narrowed, &arguments(&narrowed)?, BooleanBuffer::new_set(narrowed.rows()))
                }
                (Err(error), None) => Err(error),
            }
        }
    }
}

fn states(other: &mut Other, kind: &Kind, fusion: &Fusion, groups: usize) -> Result<Vec<ArrayRef>> {
    match other {
        Other::Counts(counts) => {
            counts.resize(groups, 0);
            Ok(vec![Arc::new(Int64Array::from(std::mem::take(counts)))])
        }
        Other::One(accumulator) => accumulator.state()?.iter().map(|state| state.to_array()).collect(),
        Other::PerGroup(accumulator) => {
            // Groups of which no row came this far have a state too.
            if let Kind::Other { arguments, .. } = kind {
                let types = arguments.iter().map(|&id| fusion.steps.data_type(id));
                let empty = types.map(|found| Ok(new_empty_array(found?))).collect::<Result<Vec<_>>>()?;
                let none = BooleanArray::new(BooleanBuffer::new_unset(0), None);
                accumulator.update_batch(&empty, &[], Some(&none), groups)?;
            }
            accumulator.state(EmitTo::All)
        }
    }
}
