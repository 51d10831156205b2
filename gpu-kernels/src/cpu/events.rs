//! What the events of a batch contribute to the fills of their items: computed once per event, repeated per item.

use super::axis::{self, AxisPlan};
use super::block::{BLOCK, Block};
use crate::fill::{Fill, Level};

/// Per event: the part of the cell that event columns decide, and the weight if it is the event's.
#[derive(Debug, Clone, Default)]
pub(super) struct EventPart {
    /// [`DEAD`] for an event that is not selected or has a NULL.
    cells: Vec<u32>,
    weights: Vec<f64>,
}

/// No cell: histograms have at most 2²⁶.
const DEAD: u32 = u32::MAX;

impl EventPart {
    /// Evaluates the event columns of a batch; `base` is what constants contribute.
    pub(super) fn prepare(&mut self, plans: &[AxisPlan], strides: &[u32], fill: &Fill<'_>, base: u32) {
        self.cells.clear();
        self.cells.resize(fill.rows, base);
        self.weights.clear();
        for start in (0..fill.rows).step_by(BLOCK) {
            let range = start..fill.rows.min(start + BLOCK);
            for ((plan, column), &stride) in plans.iter().zip(fill.columns).zip(strides) {
                if column.level == Level::Event {
                    plan.accumulate(column.values, range.clone(), stride, &mut self.cells[range.clone()]);
                }
            }
        }
        let event_columns = fill.columns.iter().chain(&fill.weight).filter(|c| c.level == Level::Event);
        for bits in event_columns.filter_map(|c| c.validity).chain(fill.selection) {
            for (row, cell) in self.cells.iter_mut().enumerate() {
                if !bits.get(row) {
                    *cell = DEAD;
                }
            }
        }
        if let Some(weight) = fill.weight.filter(|w| w.level == Level::Event) {
            self.weights.resize(fill.rows, 0.0);
            axis::to_f64(weight.values, 0..fill.rows, &mut self.weights);
        }
    }

    /// Gives the fills of a block, whose rows are known, their events' part.
    pub(super) fn spread(&self, block: &mut Block) {
        let len = block.len();
        let mut dead = false;
        for (cell, &row) in block.cells[..len].iter_mut().zip(&block.rows) {
            *cell = self.cells[row as usize];
            dead |= *cell == DEAD;
        }
        if !self.weights.is_empty() {
            for (weight, &row) in block.weights[..len].iter_mut().zip(&block.rows) {
                *weight = self.weights[row as usize];
            }
        }
        if dead {
            block.drop_cells(DEAD);
        }
    }
}
