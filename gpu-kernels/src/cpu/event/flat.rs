//! Lists over one collection, object after object: no blocks, no loops, columns read from front to back.

use super::error::EventError;
use super::graph::Node;
use super::lanes::{Frame, Own};
use super::list::ListState;
use super::load::Index;
use super::output::Results;
use super::plan::{QueryPlan, ROW_CURSOR, ReductionPlan};
use super::run::Executor;
use super::scratch::{QueryScratch, WIDTH};

impl QueryPlan {
    /// All values of the objects selected, in their order, of which none depends on the event but through the object?
    pub(super) fn is_flat(&self) -> bool {
        let whole = matches!(
            &self.reduction,
            ReductionPlan::List { keys, offset: 0, limit: None, single: false, .. } if keys.is_empty()
        );
        let constant =
            |node: &Node| matches!(node, Node::ConstFloat(_) | Node::ConstInt(_) | Node::ConstMask(_));
        let [level] = &self.levels[..] else { return false };
        whole
            && self.outer.is_empty()
            && self.tests.is_empty()
            && level.tests.is_empty()
            && level.program.code.is_empty()
            && self.lane.code.iter().all(|instruction| constant(&instruction.node))
    }
}

impl Executor<'_> {
    /// The lists of all events of the chunk, for a plan that is flat.
    pub(super) fn flat(
        &mut self,
        plan: &QueryPlan,
        scratch: &mut QueryScratch,
    ) -> Result<Results, EventError> {
        let ReductionPlan::List { values, keys, .. } = &plan.reduction else { return Ok(Results::default()) };
        let chunk = self.chunk;
        let collection = plan.groups[0].collection;
        let rows = &plan.groups[0].rows;
        let selection = &scratch.selections[0];
        let offsets: Vec<usize> = selection.start.iter().map(|start| *start as usize).collect();
        let count = offsets[chunk.rows];
        let event: Vec<u32> = match &selection.objects {
            _ if !rows.reads_event() => Vec::new(),
            Some(objects) => {
                let owners = chunk.owners(collection);
                objects.iter().map(|object| owners[*object as usize]).collect()
            }
            None => chunk.owners(collection).to_vec(),
        };
        let object = selection.objects.as_ref().map_or(Index::From(0), |objects| Index::List(objects));
        let mut list = ListState::new(values, keys);
        let (registers, calls) = (&mut scratch.registers, &mut scratch.calls);
        registers.shape(&plan.slots, WIDTH, &[1]);
        registers.cursor[ROW_CURSOR] = 0;
        registers.cursor[0] = 0;
        let frame = Frame {
            lanes: WIDTH,
            event: Index::From(0),
            outer: &[],
            outer_from: 0,
            own: Own::None,
            called: None,
        };
        self.execute(plan, &plan.lane, registers, calls, &frame)?;
        for from in (0..count).step_by(WIDTH) {
            self.cancel.check()?;
            let lanes = WIDTH.min(count - from);
            let event = Index::List(&event).skip(from);
            let frame = Frame { lanes, event, own: Own::Object(object.skip(from)), ..frame };
            self.execute(plan, rows, registers, calls, &frame)?;
            list.append_all(values, registers, lanes);
        }
        Ok(Results { columns: list.into_columns(), offsets })
    }
}
