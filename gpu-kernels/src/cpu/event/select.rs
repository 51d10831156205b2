//! Selections: which lanes and which objects are worth looping over.

use super::error::EventError;
use super::graph::Node;
use super::lanes::{Frame, LaneSet, Own};
use super::load::Index;
use super::plan::{Group, Program, QueryPlan, Test};
use super::run::Executor;
use super::scratch::{QueryScratch, Selection, WIDTH};

impl Program {
    /// The nested queries it runs.
    fn calls(&self) -> impl Iterator<Item = usize> {
        self.code.iter().filter_map(|instruction| match instruction.node {
            Node::Call(call) => Some(call),
            _ => None,
        })
    }

    /// Does it read values of the event?
    pub(super) fn reads_event(&self) -> bool {
        self.code.iter().any(|instruction| {
            !matches!(
                instruction.node,
                Node::Field { .. }
                    | Node::FieldValid { .. }
                    | Node::ConstFloat(_)
                    | Node::ConstInt(_)
                    | Node::ConstMask(_)
                    | Node::Float1(..)
                    | Node::Float2(..)
                    | Node::CompareFloat(..)
                    | Node::CompareInt(..)
                    | Node::And(..)
                    | Node::Or(..)
                    | Node::Not(_)
                    | Node::IntToFloat(..)
            )
        })
    }
}

/// What a test is made for.
struct Subject<'a> {
    event: Index<'a>,
    object: Option<Index<'a>>,
    outer: &'a [Vec<u32>],
    count: usize,
}

impl Executor<'_> {
    /// Runs a test for all of a subject; `sink` gets the mask of one block after the other.
    fn test(
        &mut self,
        plan: &QueryPlan,
        test: &Test,
        scratch: &mut QueryScratch,
        subject: &Subject<'_>,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<(), EventError> {
        let frame = |from: usize, lanes: usize, called: bool| Frame {
            lanes,
            event: subject.event.skip(from),
            outer: subject.outer,
            outer_from: from,
            own: subject.object.map_or(Own::None, |object| Own::Object(object.skip(from))),
            called: called.then_some(from),
        };
        // Nested queries run once for all, so that lanes can be sorted well.
        for call in test.program.calls() {
            let lanes = self.callee_lanes(&plan.calls[call].vars, &frame(0, subject.count, false));
            scratch.calls[call] = self.query(&plan.calls[call].plan, &lanes)?;
        }
        for from in (0..subject.count).step_by(WIDTH) {
            self.cancel.check()?;
            let lanes = WIDTH.min(subject.count - from);
            let frame = frame(from, lanes, true);
            self.execute(plan, &test.program, &mut scratch.registers, &mut scratch.calls, &frame)?;
            sink(scratch.registers.read(test.mask, lanes));
        }
        Ok(())
    }

    /// The lanes that pass the conditions on the event and outer variables.
    pub(super) fn select_lanes(
        &mut self,
        plan: &QueryPlan,
        scratch: &mut QueryScratch,
        lanes: &LaneSet,
    ) -> Result<Vec<u32>, EventError> {
        let mut kept: Vec<u32> = (0..u32::try_from(lanes.len()).unwrap_or(u32::MAX)).collect();
        for test in &plan.tests {
            let pick = |from: &[u32]| -> Vec<u32> { kept.iter().map(|lane| from[*lane as usize]).collect() };
            let event = pick(&lanes.event);
            let outer: Vec<_> = lanes.outer.iter().map(|outer| pick(outer)).collect();
            let subject =
                Subject { event: Index::List(&event), object: None, outer: &outer, count: kept.len() };
            let mut passed = Vec::with_capacity(kept.len());
            let mut rest = kept.iter();
            self.test(plan, test, scratch, &subject, &mut |mask| {
                passed.extend(
                    rest.by_ref()
                        .take(mask.len())
                        .zip(mask)
                        .filter(|(_, bit)| **bit != 0)
                        .map(|(lane, _)| *lane),
                );
            })?;
            kept = passed;
        }
        Ok(kept)
    }

    /// Sees to it that the selections of the query's groups are those of the chunk.
    pub(super) fn select_objects(
        &mut self,
        plan: &QueryPlan,
        scratch: &mut QueryScratch,
    ) -> Result<(), EventError> {
        if scratch.chunk == Some(self.chunk.number) {
            return Ok(());
        }
        for (number, group) in plan.groups.iter().enumerate() {
            let mut selection = std::mem::take(&mut scratch.selections[number]);
            self.select_group(plan, scratch, group, &mut selection)?;
            scratch.selections[number] = selection;
        }
        scratch.chunk = Some(self.chunk.number);
        Ok(())
    }

    fn select_group(
        &mut self,
        plan: &QueryPlan,
        scratch: &mut QueryScratch,
        group: &Group,
        selection: &mut Selection,
    ) -> Result<(), EventError> {
        let (chunk, collection) = (self.chunk, group.collection);
        selection.start.clear();
        selection.start.extend((0..=chunk.rows).map(|row| chunk.start(collection, row)));
        selection.objects = None;
        for test in &group.tests {
            let before = selection.objects.take();
            let count = before.as_ref().map_or(chunk.objects(collection), Vec::len);
            let needs_event = before.is_some() || test.program.reads_event();
            let event: Vec<u32> = match &before {
                Some(objects) => {
                    let owners = chunk.owners(collection);
                    objects.iter().map(|object| owners[*object as usize]).collect()
                }
                None if needs_event => chunk.owners(collection).to_vec(),
                None => Vec::new(),
            };
            let object = before.as_ref().map_or(Index::From(0), |objects| Index::List(objects));
            let subject = Subject { event: Index::List(&event), object: Some(object), outer: &[], count };
            let mut passed = vec![0u32; count];
            // How many objects before each one passed.
            let mut rank = vec![0u32; count + 1];
            let (mut number, mut kept) = (0, 0);
            self.test(plan, test, scratch, &subject, &mut |mask| {
                let rank = &mut rank[number..];
                kept = match object {
                    Index::From(_) => {
                        compact(mask, u32::try_from(number).unwrap_or(u32::MAX).., rank, &mut passed, kept)
                    }
                    Index::List(list) => {
                        compact(mask, list[number..].iter().copied(), rank, &mut passed, kept)
                    }
                };
                number += mask.len();
            })?;
            rank[count] = kept;
            passed.truncate(kept as usize);
            selection.start.iter_mut().for_each(|start| *start = rank[*start as usize]);
            selection.objects = Some(passed);
        }
        selection.count.clear();
        selection.count.extend(selection.start.iter().zip(&selection.start[1..]).map(|(from, to)| to - from));
        Ok(())
    }
}

/// Writes to `passed`, from entry `kept` on, the objects whose bit is set, and to `rank` how many there are before each
/// one; gives how many there are then.
#[inline(always)]
fn compact(
    mask: &[u8],
    objects: impl Iterator<Item = u32>,
    rank: &mut [u32],
    passed: &mut [u32],
    mut kept: u32,
) -> u32 {
    for ((rank, bit), object) in rank.iter_mut().zip(mask).zip(objects) {
        *rank = kept;
        // Without a branch: the next one overwrites it where the bit is not set.
        passed[kept as usize] = object;
        kept += u32::from(*bit);
    }
    kept
}
