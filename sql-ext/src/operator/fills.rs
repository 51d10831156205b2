//! The histograms of one cut level: together by a fill plan, or by the accumulator of a single one.

use std::collections::HashSet;

use ana_hist::{Axis, ExactHistogram};
use ana_kernels::{
    Backend, BinPlan, Bitmap, Column, FillPlan, Level, PlanBatch, PlanExecutor, PlanValue, PlannedFill, Room,
    Selection, Values,
};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeBinaryArray};
use arrow::buffer::{BooleanBuffer, OffsetBuffer};
use arrow::datatypes::DataType;
use datafusion_common::{Result, internal_datafusion_err, internal_err};
use datafusion_execution::memory_pool::MemoryReservation;
use std::sync::Arc;

use super::expressions::Id;
use super::fusion::{Fusion, HistCall, Kind, Part};
use super::hold::Hold;
use super::lift::Lifted;
use super::pool::Pool;
use crate::aggregate::histogram::{Machine, Reading, column_of, field_of};
use crate::aggregate::{Hist, Unrounded};
use crate::arguments::item;
use crate::error::FunctionError;
use crate::event::Columns;
use crate::histogram::histogram_array;
use crate::jagged::list;
use crate::slices;
use crate::survivors::truth;

/// Cells from which on also a single histogram is filled by a plan, whose tables take room by what is filled.
const LARGE: usize = 1 << 14;

/// The histograms of one level.
pub(super) struct LevelFills {
    planned: Option<Planned>,
    alone: Vec<Alone>,
    /// Why a device does not do all of it.
    notes: Vec<String>,
}

/// One histogram with its own accumulator.
struct Alone {
    output: usize,
    machine: Machine,
    histograms: Vec<ExactHistogram>,
}

/// Histograms of a fill plan.
struct Planned {
    filler: PlanExecutor,
    values: Vec<(Id, Reading)>,
    masks: Vec<Mask>,
    weights: Vec<Part>,
    /// The output of each fill.
    outputs: Vec<usize>,
    /// For batches that the plan does not take.
    machines: Vec<Machine>,
    lifted: Lifted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Mask {
    /// All of these hold.
    All(Vec<Id>),
    Category(Part),
}

/// Values of a batch, as the kernels take them.
struct Read {
    array: ArrayRef,
    offsets: Option<OffsetBuffer<i32>>,
    lists: Option<BooleanBuffer>,
}

/// The place of `entry`, which is added where it is not there yet.
fn place_of<T: PartialEq>(entries: &mut Vec<T>, entry: T) -> usize {
    entries.iter().position(|other| *other == entry).unwrap_or_else(|| {
        entries.push(entry);
        entries.len() - 1
    })
}

impl LevelFills {
    pub(super) fn new(fusion: &Fusion, level: usize, backend: &Backend, tables: &Arc<Hold>) -> Result<Self> {
        let calls: Vec<(usize, &HistCall)> = fusion
            .outputs
            .iter()
            .enumerate()
            .filter(|(_, output)| output.level == level)
            .filter_map(|(number, output)| match &output.kind {
                Kind::Hist(call) => Some((number, call)),
                _ => None,
            })
            .collect();
        // A device is only reached by a plan.
        let many = calls.len() > 1 || backend.is_demanded();
        let is_varied = |call: &HistCall| {
            call.categories.is_some() || call.weights.as_ref().is_some_and(|weights| weights.len() > 1)
        };
        let (planned, alone): (Vec<_>, Vec<_>) = calls.into_iter().partition(|(_, call)| {
            (many || is_varied(call) || call.is_large()) && has_event_weights(call, fusion)
        });
        let alone = alone
            .into_iter()
            .map(|(output, call)| Ok(Alone { output, machine: call.machine()?, histograms: vec![] }))
            .collect::<Result<Vec<_>>>()?;
        let mut planned =
            if planned.is_empty() { None } else { Some(Planned::new(fusion, &planned, backend)?) };
        if let Some(planned) = &mut planned {
            let room: Arc<dyn Room> = Arc::<Hold>::clone(tables);
            planned.filler.ask(room).map_err(FunctionError::Fill)?;
        }
        let mut notes = planned.as_ref().map_or(vec![], |planned| planned.lifted.notes.clone());
        if backend.is_demanded() && !alone.is_empty() {
            // Fill plans cut weights once per event, for all histograms and items.
            notes
                .push("a histogram with a weight per item: weights go to a device once per event".to_owned());
        }
        Ok(Self { planned, alone, notes })
    }

    /// Fills with the rows of a level.
    pub(super) fn fill(&mut self, fusion: &Fusion, pool: &Pool<'_>, groups: usize) -> Result<()> {
        for Alone { output, machine, histograms } in &mut self.alone {
            reach(histograms, machine, groups)?;
            by_machine(machine, histograms, fusion, *output, pool)?;
        }
        match &mut self.planned {
            Some(planned) => planned.fill(fusion, pool, groups),
            None => Ok(()),
        }
    }

    /// Fills one histogram by itself.
    pub(super) fn fill_one(
        &mut self,
        fusion: &Fusion,
        output: usize,
        pool: &Pool<'_>,
        groups: usize,
    ) -> Result<()> {
        for Alone { machine, histograms, .. } in self.alone.iter_mut().filter(|alone| alone.output == output)
        {
            reach(histograms, machine, groups)?;
            by_machine(machine, histograms, fusion, output, pool)?;
        }
        let Some(planned) = &mut self.planned else { return Ok(()) };
        for fill in (0..planned.outputs.len()).filter(|&fill| planned.outputs[fill] == output) {
            let histograms = planned.filler.histograms_to_add_to(fill, groups);
            let histograms = histograms.map_err(FunctionError::Fill)?;
            by_machine(&mut planned.machines[fill], histograms, fusion, output, pool)?;
        }
        Ok(())
    }

    /// Cuts weights as another partition does.
    pub(super) fn share_windows(&mut self, other: &Self) {
        if let (Some(own), Some(other)) = (&mut self.planned, &other.planned) {
            own.filler.share_windows(&other.filler);
        }
    }

    /// Adds what another partition holds; its group i is `map[i]` of `groups` here.
    pub(super) fn merge(&mut self, other: Self, map: &[usize], groups: usize) -> Result<()> {
        for (own, other) in self.alone.iter_mut().zip(other.alone) {
            reach(&mut own.histograms, &own.machine, groups)?;
            for (&group, histogram) in map.iter().zip(other.histograms) {
                let merged = own.histograms[group].absorb(histogram);
                merged.map_err(|source| FunctionError::Histogram { function: "hist", source })?;
            }
        }
        if let (Some(own), Some(other)) = (&mut self.planned, other.planned) {
            own.filler.merge(other.filler, map).map_err(FunctionError::Fill)?;
        }
        Ok(())
    }

    /// The results, one row per group, with their outputs. Memory is given back as they are made.
    pub(super) fn finish(
        &mut self,
        fusion: &Fusion,
        groups: usize,
        results: &MemoryReservation,
        tables: &Hold,
        mut each: impl FnMut(usize, ArrayRef),
    ) -> Result<()> {
        let unrounded = |output: usize| match &fusion.outputs[output].kind {
            Kind::Hist(call) => Ok(call.bound()?.is_unrounded()),
            _ => internal_err!("no histogram"),
        };
        for Alone { output, machine, histograms } in &mut self.alone {
            reach(histograms, machine, groups)?;
            results.try_grow(histograms.iter().map(finished_bytes).sum())?;
            let histograms = std::mem::take(histograms);
            each(*output, if unrounded(*output)? { exact(histograms) } else { finished(&histograms)? });
        }
        let Some(planned) = &mut self.planned else { return Ok(()) };
        for (fill, &output) in planned.outputs.iter().enumerate() {
            results.try_grow(groups.saturating_mul(finished_bytes(&planned.machines[fill].empty()?)))?;
            let held = planned.filler.held(fill);
            let result = if unrounded(output)? {
                exact(planned.filler.take(fill, groups).map_err(FunctionError::Fill)?)
            } else {
                let finished = planned.filler.finish(fill, groups).map_err(FunctionError::Fill)?;
                Arc::new(histogram_array(finished.into_iter().map(Some).collect())?)
            };
            each(output, result);
            tables.shrink(held);
        }
        Ok(())
    }

    /// Why a device does not do all of it.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The filler of the plan, if there is one, after what is on a device has been brought here.
    pub(super) fn collected(&mut self) -> Result<Option<&PlanExecutor>> {
        let Some(planned) = &mut self.planned else { return Ok(None) };
        planned.filler.collect().map_err(FunctionError::Fill)?;
        Ok(Some(&planned.filler))
    }

    /// Memory of the tables, in bytes.
    pub(super) fn table_bytes(&self) -> usize {
        let planned =
            |planned: &Planned| (0..planned.outputs.len()).map(|fill| planned.filler.held(fill)).sum();
        self.planned.as_ref().map_or(0, planned)
    }

    /// Memory held otherwise, in bytes.
    pub(super) fn bytes_beside_tables(&self) -> usize {
        let alone = |alone: &Alone| {
            alone.machine.size() + alone.histograms.iter().map(ExactHistogram::bytes).sum::<usize>()
        };
        self.alone.iter().map(alone).sum::<usize>()
            + self.planned.as_ref().map_or(0, |planned| {
                planned.filler.bytes_beside_tables()
                    + planned.machines.iter().map(Machine::size).sum::<usize>()
            })
    }
}

fn finished(histograms: &[ExactHistogram]) -> Result<ArrayRef> {
    Ok(Arc::new(histogram_array(histograms.iter().map(|histogram| Some(histogram.finish())).collect())?))
}

fn exact(histograms: Vec<ExactHistogram>) -> ArrayRef {
    let bytes = histograms.into_iter().map(|histogram| Unrounded::Histogram(histogram).to_bytes());
    Arc::new(LargeBinaryArray::from_iter_values(bytes))
}

/// Bytes of a histogram as it is written: counts, and with weights two sums.
fn finished_bytes(histogram: &ExactHistogram) -> usize {
    histogram.cells() * if histogram.is_weighted() { 3 * size_of::<u64>() } else { size_of::<u64>() }
}

fn has_event_weights(call: &HistCall, fusion: &Fusion) -> bool {
    call.weights.iter().flatten().all(|part| match (fusion.steps.data_type(part.id), part.field) {
        (Ok(DataType::Struct(fields)), Some(field)) => item(fields[field].data_type()).is_none(),
        (Ok(found), _) => item(found).is_none(),
        (Err(_), _) => false,
    })
}

impl HistCall {
    fn bound(&self) -> Result<&Hist> {
        let hist = self.expr.fun().inner().downcast_ref::<Hist>();
        hist.ok_or_else(|| internal_datafusion_err!("{} is no histogram", self.expr.name()))
    }

    /// Cells of the axes of values.
    fn cells(&self) -> usize {
        self.bound().map_or(1, |hist| hist.axes().iter().map(Axis::extent).fold(1, usize::saturating_mul))
    }

    /// Whether it may be that few of its cells are filled.
    fn is_large(&self) -> bool {
        self.cells() > LARGE
    }

    pub(super) fn machine(&self) -> Result<Machine> {
        self.bound()?.bound_machine(&self.types)
    }
}

fn reach(histograms: &mut Vec<ExactHistogram>, machine: &Machine, groups: usize) -> Result<()> {
    while histograms.len() < groups {
        histograms.push(machine.empty()?);
    }
    Ok(())
}

/// Fills by the accumulator of the histogram.
fn by_machine(
    machine: &mut Machine,
    histograms: &mut [ExactHistogram],
    fusion: &Fusion,
    output: usize,
    pool: &Pool<'_>,
) -> Result<()> {
    let Kind::Hist(call) = &fusion.outputs[output].kind else { return internal_err!("no histogram") };
    let passed = pool.all_passed(&fusion.outputs[output].filter)?;
    let arguments =
        |pool: &Pool<'_>| call.arguments.iter().map(|&id| pool.get(id)).collect::<Result<Vec<_>>>();
    let mut fill = |pool: &Pool<'_>, arguments: &[ArrayRef], rows: Option<&BooleanArray>| match pool.groups()
    {
        Some(groups) => machine.fill_groups(histograms, groups, arguments, rows),
        None => machine.fill_rows(&mut histograms[0], arguments, rows),
    };
    match (arguments(pool), passed) {
        (Ok(arguments), passed) => {
            fill(pool, &arguments, passed.map(|passed| BooleanArray::new(passed, None)).as_ref())
        }
        (Err(_), Some(passed)) => {
            // What fails may be rows that do not pass.
            let narrowed = pool.narrowed(&passed);
            fill(&narrowed, &arguments(&narrowed)?, None)
        }
        (Err(error), None) => Err(error),
    }
}

impl Planned {
    fn new(fusion: &Fusion, calls: &[(usize, &HistCall)], backend: &Backend) -> Result<Self> {
        let mut plan = FillPlan::default();
        let (mut values, mut masks, mut weights) = (vec![], vec![], vec![]);
        let (mut outputs, mut machines, mut empty) = (vec![], vec![], vec![]);
        for &(output, call) in calls {
            let machine = call.machine()?;
            let bins = call
                .bound()?
                .axes()
                .iter()
                .zip(&call.arguments)
                .map(|(axis, &id)| {
                    let value = place_of(&mut values, (id, Reading::of(axis)));
                    let same = |bin: &BinPlan| bin.value == value && bin.axis.same_bins(axis);
                    plan.bins.iter().position(same).unwrap_or_else(|| {
                        plan.bins.push(BinPlan { value, axis: axis.clone() });
                        plan.bins.len() - 1
                    })
                })
                .collect();
            let filter = fusion.outputs[output].filter.clone();
            let filter = (!filter.is_empty()).then(|| place_of(&mut masks, Mask::All(filter)));
            let categories = call
                .categories
                .as_ref()
                .map(|parts| parts.iter().map(|&part| place_of(&mut masks, Mask::Category(part))).collect());
            let selection = place_of(&mut plan.selections, Selection { filter, categories });
            let set = call.weights.as_ref().map(|parts| {
                let set = parts.iter().map(|&part| place_of(&mut weights, part)).collect();
                place_of(&mut plan.weights, set)
            });
            plan.fills.push(PlannedFill { bins, selection, weights: set, varied: machine.is_varied() });
            outputs.push(output);
            empty.push(machine.empty()?);
            machines.push(machine);
        }
        let lifted = if backend.takes(&plan) {
            let numeric = |value: usize| {
                plan.bins.iter().filter(|bin| bin.value == value).all(|bin| bin.axis.is_numeric())
            };
            let all = values.iter().enumerate().map(|(value, (id, _))| (value, *id));
            let all: Vec<(usize, Id)> = all.filter(|(value, _)| numeric(*value)).collect();
            Lifted::new(&fusion.steps, &all)
        } else {
            Lifted::default()
        };
        plan.formulas.clone_from(&lifted.formulas);
        let filler = backend.filler(plan, empty).map_err(FunctionError::Fill)?;
        Ok(Self { filler, values, masks, weights, outputs, machines, lifted })
    }

    fn fill(&mut self, fusion: &Fusion, pool: &Pool<'_>, groups: usize) -> Result<()> {
        // A value that cannot be evaluated for all rows of the level may be one for those that pass a filter.
        let of_formulas: Vec<bool> = (0..self.values.len()).map(|value| self.lifted.gives(value)).collect();
        let values: Vec<Option<Read>> = self
            .values
            .iter()
            .zip(&of_formulas)
            .map(|((id, reading), lifted)| if *lifted { None } else { read(pool, *id, reading).ok() })
            .collect();
        let inputs: Option<Vec<Columns>> = self
            .lifted
            .inputs
            .iter()
            .map(|(id, source)| Columns::of_array(*source, &pool.get(*id).ok()?, pool.rows()).ok())
            .collect();
        let weights: Vec<Option<ArrayRef>> = self
            .weights
            .iter()
            .map(|part| Reading::Numbers.read(&part_of(pool, *part)?))
            .map(Result::ok)
            .collect();
        let masks = self
            .masks
            .iter()
            .map(|mask| match mask {
                Mask::All(conditions) => {
                    let passed = pool.all_passed(conditions)?;
                    Ok(Some(passed.unwrap_or_else(|| BooleanBuffer::new_set(pool.rows()))))
                }
                Mask::Category(part) => Ok(part_of(pool, *part).and_then(|array| truth(&array)).ok()),
            })
            .collect::<Result<Vec<_>>>()?;
        let plan = self.filler.plan();
        let active: Vec<bool> = plan
            .fills
            .iter()
            .map(|fill| {
                let numbers = || fill.bins.iter().map(|&bin| plan.bins[bin].value);
                let read = numbers().filter(|&value| !of_formulas[value]);
                let used: Vec<_> = read.map(|value| values[value].as_ref()).collect();
                let selection = &plan.selections[fill.selection];
                agree(&used)
                    && (inputs.is_some() || !numbers().any(|value| of_formulas[value]))
                    && fill
                        .weights
                        .is_none_or(|set| plan.weights[set].iter().all(|&weight| weights[weight].is_some()))
                    && selection.categories.iter().flatten().all(|&mask| masks[mask].is_some())
            })
            .collect();
        // Stands where there is nothing; no active fill looks there.
        let nothing = Column::constant(Values::U8(&[0]));
        let no_rows = BooleanBuffer::new_unset(pool.rows());
        let bitmap = |bits| slices::bitmap(bits).map_err(FunctionError::Fill);
        let plan_values = values
            .iter()
            .zip(&self.values)
            .map(|(read, (_, reading))| match read {
                Some(read) => Ok(PlanValue {
                    column: lend(read, reading)?,
                    offsets: read.offsets.as_ref().map(|offsets| &offsets[..]),
                    lists: read.lists.as_ref().map(bitmap).transpose()?,
                }),
                None => Ok(PlanValue { column: nothing, offsets: None, lists: None }),
            })
            .collect::<Result<Vec<_>>>()?;
        let masks_lent = masks
            .iter()
            .map(|mask| Ok(bitmap(mask.as_ref().unwrap_or(&no_rows))?))
            .collect::<Result<Vec<Bitmap<'_>>>>()?;
        let weights_lent = weights
            .iter()
            .map(|weight| match weight {
                Some(weight) => column_of(weight, Level::Event, &Reading::Numbers),
                None => Ok(nothing),
            })
            .collect::<Result<Vec<_>>>()?;
        let inputs_lent = inputs.iter().flatten().map(input).collect::<Result<Vec<_>>>()?;
        let batch = PlanBatch {
            rows: pool.rows(),
            groups: pool.groups(),
            group_count: groups,
            values: &plan_values,
            masks: &masks_lent,
            weights: &weights_lent,
            active: &active,
            inputs: &inputs_lent,
        };
        self.filler.fill(&batch).map_err(FunctionError::Fill)?;
        for (fill, _) in active.iter().enumerate().filter(|(_, active)| !**active) {
            let histograms = self.filler.histograms_to_add_to(fill, groups);
            let histograms = histograms.map_err(FunctionError::Fill)?;
            by_machine(&mut self.machines[fill], histograms, fusion, self.outputs[fill], pool)?;
        }
        Ok(())
    }
}

/// Whether all values are there, and the lists among them lie side by side.
fn agree(values: &[Option<&Read>]) -> bool {
    let mut offsets: Option<&OffsetBuffer<i32>> = None;
    for value in values {
        let Some(value) = value else { return false };
        let Some(own) = &value.offsets else { continue };
        match offsets {
            Some(others) if !others.ptr_eq(own) && others != own => return false,
            _ => offsets = Some(own),
        }
    }
    true
}

/// A column that formulas read.
fn input(columns: &Columns) -> Result<PlanValue<'_>> {
    let slice = columns.slice()?;
    let level = if slice.offsets.is_some() { Level::Item } else { Level::Event };
    let column = Column { values: slice.values, validity: slice.validity, level };
    Ok(PlanValue { column, offsets: slice.offsets, lists: None })
}

fn lend<'a>(read: &'a Read, reading: &Reading) -> Result<Column<'a>> {
    let level = if read.offsets.is_some() { Level::Item } else { Level::Event };
    column_of(&read.array, level, reading)
}

fn read(pool: &Pool<'_>, id: Id, reading: &Reading) -> Result<Read> {
    let array = pool.get(id)?;
    if item(array.data_type()).is_none() {
        return Ok(Read { array: reading.read(&array)?, offsets: None, lists: None });
    }
    let list = list(&array)?;
    let lists = list.nulls().map(|nulls| nulls.inner().clone());
    Ok(Read { array: reading.read(list.values())?, offsets: Some(list.offsets().clone()), lists })
}

fn part_of(pool: &Pool<'_>, part: Part) -> Result<ArrayRef> {
    let array = pool.get(part.id)?;
    match (part.field, array.as_struct_opt()) {
        (Some(field), Some(of)) => field_of(of, field),
        _ => Ok(array),
    }
}

/// How many distinct values, weights and conditions the histograms use, and how many histograms there are.
pub(super) fn counts(fusion: &Fusion) -> (usize, usize, usize, usize) {
    let (mut values, mut weights, mut masks) =
        (HashSet::<Id>::new(), HashSet::<Part>::new(), HashSet::<Part>::new());
    let mut histograms = 0;
    for output in &fusion.outputs {
        masks.extend(output.filter.iter().map(|&id| Part { id, field: None }));
        if let Kind::Hist(call) = &output.kind {
            let axes = call.bound().map_or(0, |hist| hist.axes().len());
            values.extend(&call.arguments[..axes.min(call.arguments.len())]);
            weights.extend(call.weights.iter().flatten());
            masks.extend(call.categories.iter().flatten());
            let of = |parts: &Option<Vec<Part>>| parts.as_ref().map_or(1, Vec::len);
            histograms += of(&call.weights) * of(&call.categories);
        }
    }
    (values.len(), masks.len(), weights.len(), histograms)
}

/// Bytes that the histograms of a partition, and with GROUP BY of a group, take once all of their cells are filled: per cell a
/// count, and for every weight two sums in two integers each.
pub(super) fn most_bytes(fusion: &Fusion) -> usize {
    let call = |call: &HistCall| {
        let weights = call.weights.as_ref().map_or(0, Vec::len);
        let cells = call.cells().saturating_mul(call.categories.as_ref().map_or(1, Vec::len));
        cells.saturating_mul(size_of::<u64>() + weights * size_of::<[i64; 4]>())
    };
    let outputs = fusion.outputs.iter().map(|output| match &output.kind {
        Kind::Hist(hist) => call(hist),
        _ => 0,
    });
    outputs.fold(0, usize::saturating_add)
}
