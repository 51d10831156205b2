//! The loop nest of one block of lanes.

use super::error::EventError;
use super::graph::Class;
use super::lanes::{Block, BlockGroup, Current, Frame, LaneSet, Own, sort};
use super::list::{Cut, ListState};
use super::load::Index;
use super::output::{LaneColumn, Lanes, Results};
use super::plan::{NearestPlan, QueryPlan, ROW_CURSOR, ReductionPlan};
use super::run::Executor;
use super::scratch::{Lane, QueryScratch, WIDTH};

/// Bytes of rows of a block aimed at: they should stay in the second-level cache.
const ROW_BYTES: usize = 256 << 10;
/// Most entries of a row buffer that are kept from block to block.
const KEPT_ENTRIES: usize = 1 << 17;

/// The mask in force at a level: of the lanes given, those whose combination is still in the running.
#[derive(Debug, Clone, Copy)]
pub(super) enum Running {
    All,
    /// The mask of this level.
    Masked(usize),
}

/// What the loops of a block share.
pub(super) struct Nest<'a> {
    pub(super) plan: &'a QueryPlan,
    pub(super) block: &'a Block,
    /// Of the innermost loop, where it can be used for this block.
    nearest: Option<&'a NearestPlan>,
    list: Option<&'a mut ListState>,
    taken: Vec<u32>,
}

impl Executor<'_> {
    /// Evaluates a query for a set of lanes.
    pub(super) fn query(&mut self, plan: &QueryPlan, lanes: &LaneSet) -> Result<Results, EventError> {
        let mut scratch = std::mem::take(&mut self.scratch[plan.id]);
        scratch.prepare(plan);
        let results = self.query_with(plan, lanes, &mut scratch);
        scratch.registers.shrink(KEPT_ENTRIES);
        self.scratch[plan.id] = scratch;
        results
    }

    fn query_with(
        &mut self,
        plan: &QueryPlan,
        lanes: &LaneSet,
        scratch: &mut QueryScratch,
    ) -> Result<Results, EventError> {
        if plan.is_flat() {
            self.select_objects(plan, scratch)?;
            return self.flat(plan, scratch);
        }
        let kept = self.select_lanes(plan, scratch, lanes)?;
        self.select_objects(plan, scratch)?;
        let counts: Vec<Vec<u32>> = (scratch.selections.iter())
            .map(|selection| {
                if lanes.every_event && plan.tests.is_empty() {
                    return selection.count.clone();
                }
                let count = |lane: &u32| selection.count[lanes.event[*lane as usize] as usize];
                kept.iter().map(count).collect()
            })
            .collect();
        let least: Vec<u32> = plan.groups.iter().map(|group| group.least).collect();
        let order = sort(&kept, &counts, &least);
        let mut columns: Vec<LaneColumn> = Vec::new();
        let mut list = None;
        if let ReductionPlan::List { values, keys, .. } = &plan.reduction {
            list = Some(ListState::new(values, keys));
        } else {
            columns.extend(plan.outputs.iter().map(|column| LaneColumn {
                values: Lanes::new(Class::of(column.ty), lanes.len()),
                valid: column.nullable.then(|| vec![0; lanes.len()]),
            }));
        }
        let slots: usize = plan.slots.iter().map(Vec::len).sum();
        let mut block = Block::default();
        let mut from = 0;
        while from < order.len() {
            self.cancel.check()?;
            let most = counts.iter().map(|counts| counts[order[from] as usize] as usize).max().unwrap_or(0);
            let room = ROW_BYTES / (8 * slots.max(1) * most.max(1));
            let width = if room >= WIDTH {
                WIDTH
            } else if room >= 16 {
                room / 16 * 16
            } else {
                room.max(1)
            };
            let to = order.len().min(from + width);
            block.fill(&order[from..to], &kept, lanes, &counts, scratch);
            self.block(plan, scratch, &block, &mut columns, &mut list)?;
            from = to;
        }
        match (list, &plan.reduction) {
            (Some(list), ReductionPlan::List { offset, limit, single, .. }) => {
                Ok(list.finish(lanes.len(), Cut { offset: *offset, limit: *limit, single: *single }))
            }
            _ => Ok(Results { columns, offsets: Vec::new() }),
        }
    }

    fn block(
        &mut self,
        plan: &QueryPlan,
        scratch: &mut QueryScratch,
        block: &Block,
        columns: &mut [LaneColumn],
        list: &mut Option<ListState>,
    ) -> Result<(), EventError> {
        let lanes = block.lanes.len();
        let rows: Vec<usize> = block.groups.iter().map(|group| group.active.len()).collect();
        let width = if lanes > 16 { lanes.next_multiple_of(16) } else { lanes };
        scratch.registers.shape(&plan.slots, width, &rows);
        let frame = Frame {
            lanes,
            event: Index::List(&block.event),
            outer: &block.outer,
            outer_from: 0,
            own: Own::None,
            called: None,
        };
        self.execute(plan, &plan.lane, &mut scratch.registers, &mut scratch.calls, &frame)?;
        let mut objects = Vec::with_capacity(lanes);
        for (number, group) in plan.groups.iter().enumerate() {
            if group.rows.code.is_empty() {
                continue;
            }
            for (k, (active, _)) in block.groups[number].active.iter().enumerate() {
                block.groups[number].objects(&scratch.selections[number], k, *active, &mut objects);
                scratch.registers.cursor[ROW_CURSOR] = k;
                let frame = Frame { lanes: *active, own: Own::Object(Index::List(&objects)), ..frame };
                self.execute(plan, &group.rows, &mut scratch.registers, &mut scratch.calls, &frame)?;
            }
        }
        scratch.state.reset(&plan.reduction, plan.levels.iter().map(|level| rows[level.group]));
        let nearest = plan.nearest.as_ref().filter(|_| scratch.state.best.is_packed());
        let mut nest = Nest { plan, block, nearest, list: list.as_mut(), taken: Vec::new() };
        self.level(&mut nest, scratch, 0, lanes, Running::All)?;
        scratch.state.finish(&plan.reduction, columns, &block.lanes);
        if matches!(plan.reduction, ReductionPlan::Best { .. }) {
            self.best(plan, scratch, block, &frame, columns)?;
        }
        Ok(())
    }

    /// Opens the loop of a level. True: nothing can change any more.
    fn level(
        &mut self,
        nest: &mut Nest<'_>,
        scratch: &mut QueryScratch,
        number: usize,
        lanes: usize,
        running: Running,
    ) -> Result<bool, EventError> {
        let Some(level) = nest.plan.levels.get(number) else {
            return self.take(nest, scratch, lanes, running);
        };
        let group: &BlockGroup = &nest.block.groups[level.group];
        let first = level.after.map_or(0, |after| scratch.registers.cursor[after] + 1);
        let innermost = number + 1 == nest.plan.levels.len();
        if let (true, Some(plan)) = (innermost, nest.nearest) {
            self.nearest(plan, nest, scratch, number, lanes, running)?;
            return Ok(false);
        }
        for (k, (active, dense)) in group.active.iter().enumerate().skip(first) {
            if !innermost {
                self.cancel.check()?;
            }
            scratch.registers.cursor[number] = k;
            let lanes = lanes.min(*active);
            let mut running = running;
            if !dense {
                let having = group.count.iter().map(|count| u8::from(*count as usize > k));
                self.restrict(scratch, number, &mut running, lanes, &mut having.take(lanes));
            }
            if !self.tests(nest, scratch, number, lanes, &mut running)? {
                continue;
            }
            if !level.program.code.is_empty() {
                self.run(nest, scratch, &level.program, lanes)?;
            }
            if nest.nearest.is_none() && !level.unfused.code.is_empty() {
                self.run(nest, scratch, &level.unfused, lanes)?;
            }
            if self.level(nest, scratch, number + 1, lanes, running)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn run(
        &mut self,
        nest: &Nest<'_>,
        scratch: &mut QueryScratch,
        program: &super::plan::Program,
        lanes: usize,
    ) -> Result<(), EventError> {
        let cursor = scratch.registers.cursor;
        let current = Current {
            block: nest.block,
            selections: &scratch.selections,
            groups: &nest.plan.levels,
            cursor: &cursor,
            lanes,
        };
        let frame = Frame {
            lanes,
            event: Index::List(&nest.block.event),
            outer: &nest.block.outer,
            outer_from: 0,
            own: Own::Current(&current),
            called: None,
        };
        self.execute(nest.plan, program, &mut scratch.registers, &mut scratch.calls, &frame)
    }

    /// The tests of a level. False: no lane passes.
    fn tests(
        &mut self,
        nest: &Nest<'_>,
        scratch: &mut QueryScratch,
        number: usize,
        lanes: usize,
        running: &mut Running,
    ) -> Result<bool, EventError> {
        for test in &nest.plan.levels[number].tests {
            if !test.program.code.is_empty() {
                self.run(nest, scratch, &test.program, lanes)?;
            }
            let mut mask = std::mem::take(&mut scratch.masks[number]);
            let padded = scratch.registers.padded(lanes);
            let passed: &[u8] = scratch.registers.read(test.mask, padded);
            match *running {
                Running::All => mask[..padded].copy_from_slice(passed),
                Running::Masked(above) if above == number => self.vector.keep(&mut mask[..padded], passed),
                Running::Masked(above) => {
                    let above = &scratch.masks[above][..padded];
                    self.vector.zip(
                        &mut mask[..padded],
                        above,
                        passed,
                        #[inline(always)]
                        |a: u8, b| a & b,
                    );
                }
            }
            let any = self.vector.any(&mask[..lanes]);
            scratch.masks[number] = mask;
            *running = Running::Masked(number);
            if !any {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn restrict(
        &self,
        scratch: &mut QueryScratch,
        number: usize,
        running: &mut Running,
        lanes: usize,
        having: &mut dyn Iterator<Item = u8>,
    ) {
        let mut mask = std::mem::take(&mut scratch.masks[number]);
        match *running {
            Running::Masked(above) if above != number => {
                for ((mask, above), having) in mask[..lanes].iter_mut().zip(&scratch.masks[above]).zip(having)
                {
                    *mask = above & having;
                }
            }
            _ => mask[..lanes].iter_mut().zip(having).for_each(|(mask, having)| *mask = having),
        }
        scratch.masks[number] = mask;
        *running = Running::Masked(number);
    }

    /// Takes one combination.
    fn take(
        &mut self,
        nest: &mut Nest<'_>,
        scratch: &mut QueryScratch,
        lanes: usize,
        running: Running,
    ) -> Result<bool, EventError> {
        // Exactly these: lanes behind them may have no such combination, whatever their mask says.
        let mask = match running {
            Running::All => None,
            Running::Masked(level) => Some(&scratch.masks[level][..lanes]),
        };
        if let (Some(list), ReductionPlan::List { values, keys, .. }) = (&mut nest.list, &nest.plan.reduction)
        {
            let one = |lane: &u32| mask.is_none_or(|mask| mask[*lane as usize] != 0);
            nest.taken.clear();
            nest.taken.extend((0..u32::try_from(lanes).unwrap_or(u32::MAX)).filter(one));
            list.step(values, keys, &scratch.registers, &nest.taken, &nest.block.lanes);
            return if list.len() > i32::MAX as usize { Err(EventError::TooLong) } else { Ok(false) };
        }
        let block = nest.block.lanes.len();
        let done =
            scratch.state.step(self.vector, &nest.plan.reduction, &scratch.registers, mask, lanes, block);
        Ok(done)
    }

    /// The values of the best combinations.
    fn best(
        &mut self,
        plan: &QueryPlan,
        scratch: &mut QueryScratch,
        block: &Block,
        frame: &Frame<'_>,
        columns: &mut [LaneColumn],
    ) -> Result<(), EventError> {
        let ReductionPlan::Best { last, values, .. } = &plan.reduction else { return Ok(()) };
        let lanes = block.lanes.len();
        let numbers = scratch.state.best.numbers(lanes);
        let mut objects = Vec::new();
        for (numbers, level) in numbers.iter().zip(&plan.levels) {
            let (selection, start) = (&scratch.selections[level.group], &block.groups[level.group].start);
            let places = start.iter().zip(numbers).map(|(start, number)| start + number);
            let list: Vec<u32> = match &selection.objects {
                Some(list) => places.map(|place| list.get(place as usize).copied().unwrap_or(0)).collect(),
                None => places.collect(),
            };
            objects.push(list);
        }
        let frame = Frame { own: Own::Best { objects: &objects, numbers: &numbers }, ..*frame };
        self.execute(plan, last, &mut scratch.registers, &mut scratch.calls, &frame)?;
        let found = &scratch.state.best;
        for (value, column) in values.iter().zip(columns) {
            let registers = &scratch.registers;
            match &mut column.values {
                Lanes::Float(to) => scatter(to, registers.read(value.place, lanes), &block.lanes),
                Lanes::Int(to) => scatter(to, registers.read(value.place, lanes), &block.lanes),
                Lanes::Mask(to) => scatter(to, registers.read(value.place, lanes), &block.lanes),
            }
            if let Some(to) = &mut column.valid {
                let valid: Option<&[u8]> = value.valid.map(|valid| registers.read(valid, lanes));
                for (at, (lane, found)) in block.lanes.iter().zip(found.found(lanes)).enumerate() {
                    to[*lane as usize] = u8::from(found) & valid.map_or(1, |valid| valid[at]);
                }
            }
        }
        Ok(())
    }
}

fn scatter<T: Lane>(to: &mut [T], from: &[T], lanes: &[u32]) {
    for (lane, from) in lanes.iter().zip(from) {
        to[*lane as usize] = *from;
    }
}

impl Block {
    /// The lanes at these places of `kept`, which numbers the lanes of the set.
    fn fill(
        &mut self,
        order: &[u32],
        kept: &[u32],
        lanes: &LaneSet,
        counts: &[Vec<u32>],
        scratch: &QueryScratch,
    ) {
        self.lanes.clear();
        self.lanes.extend(order.iter().map(|at| kept[*at as usize]));
        self.event.clear();
        if lanes.every_event {
            self.event.extend_from_slice(&self.lanes);
        } else {
            self.event.extend(self.lanes.iter().map(|lane| lanes.event[*lane as usize]));
        }
        self.outer.resize_with(lanes.outer.len(), Vec::new);
        for (to, from) in self.outer.iter_mut().zip(&lanes.outer) {
            to.clear();
            to.extend(self.lanes.iter().map(|lane| from[*lane as usize]));
        }
        self.groups.resize_with(counts.len(), BlockGroup::default);
        for ((group, counts), selection) in self.groups.iter_mut().zip(counts).zip(&scratch.selections) {
            group.start.clear();
            group.start.extend(self.event.iter().map(|row| selection.start[*row as usize]));
            group.count.clear();
            group.count.extend(order.iter().map(|at| counts[*at as usize]));
            group.finish();
        }
    }
}
