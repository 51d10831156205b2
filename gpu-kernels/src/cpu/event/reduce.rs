//! What becomes of the combinations that a block takes.

use super::aggregate::{AggregateState, reset};
use super::best::BestState;
use super::output::{LaneColumn, Lanes};
use super::plan::{Order, ReductionPlan};
use super::scratch::Registers;
use super::vector::Vector;

/// State of a reduction for the lanes of a block.
#[derive(Debug, Default)]
pub(super) struct State {
    aggregates: Vec<AggregateState>,
    pub(super) best: BestState,
    /// For EXISTS: lanes with a combination.
    found: Vec<u8>,
    take: Vec<u8>,
}

impl State {
    /// Makes ready for a block whose variables run over so many objects.
    pub(super) fn reset(&mut self, reduction: &ReductionPlan, objects: impl Iterator<Item = usize>) {
        match reduction {
            ReductionPlan::Exists => reset(&mut self.found, 0),
            ReductionPlan::Aggregates(aggregates) => {
                reset(&mut self.take, 0);
                self.aggregates.resize_with(aggregates.len(), AggregateState::default);
                self.aggregates
                    .iter_mut()
                    .zip(aggregates)
                    .for_each(|(state, aggregate)| state.reset(aggregate));
            }
            ReductionPlan::Best { order, .. } => self.best.reset(order, objects),
            ReductionPlan::List { .. } => {}
        }
    }

    /// Takes one combination of the lanes in `mask` (`None`: of all). True: nothing can change any more for the
    /// `block` lanes of the block.
    pub(super) fn step(
        &mut self,
        vector: Vector,
        reduction: &ReductionPlan,
        registers: &Registers,
        mask: Option<&[u8]>,
        lanes: usize,
        block: usize,
    ) -> bool {
        match reduction {
            ReductionPlan::Exists => {
                match mask {
                    Some(mask) => {
                        vector.update(
                            &mut self.found[..lanes],
                            mask,
                            #[inline(always)]
                            |found, bit: u8| *found |= bit,
                        );
                    }
                    None => self.found[..lanes].fill(1),
                }
                self.found[..block].iter().fold(1, |all, found| all & found) != 0
            }
            ReductionPlan::Aggregates(aggregates) => {
                for (state, aggregate) in self.aggregates.iter_mut().zip(aggregates) {
                    let filter: Option<&[u8]> = aggregate.take.map(|take| registers.read(take, lanes));
                    let take = match (mask, filter) {
                        (Some(mask), Some(filter)) => {
                            vector.zip(
                                &mut self.take[..lanes],
                                mask,
                                filter,
                                #[inline(always)]
                                |a: u8, b| a & b,
                            );
                            Some(&self.take[..lanes])
                        }
                        (mask, filter) => mask.or(filter),
                    };
                    state.step(vector, aggregate, registers, take, lanes);
                }
                false
            }
            ReductionPlan::Best { order, .. } => {
                self.best.step(vector, order, registers, mask, lanes);
                matches!(order, Order::Keys(keys) if keys.is_empty()) && self.best.all_found(block)
            }
            ReductionPlan::List { .. } => false,
        }
    }

    /// Writes the results of a block's lanes, whose numbers in the lane set are given.
    pub(super) fn finish(&self, reduction: &ReductionPlan, columns: &mut [LaneColumn], lanes: &[u32]) {
        match reduction {
            ReductionPlan::Exists => {
                for column in columns {
                    if let Lanes::Mask(to) = &mut column.values {
                        lanes.iter().zip(&self.found).for_each(|(lane, found)| to[*lane as usize] = *found);
                    }
                }
            }
            ReductionPlan::Aggregates(aggregates) => {
                for ((state, aggregate), column) in self.aggregates.iter().zip(aggregates).zip(columns) {
                    state.finish(aggregate, column, lanes);
                }
            }
            // The best combinations need their programs, lists all blocks.
            ReductionPlan::Best { .. } | ReductionPlan::List { .. } => {}
        }
    }
}
