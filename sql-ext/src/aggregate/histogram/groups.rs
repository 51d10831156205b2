//! One histogram per group, filled straight from the batch: no row is copied to bring groups together.

use std::sync::Arc;

use ana_hist::ExactHistogram;
use arrow::array::{Array, ArrayRef, BinaryArray, BooleanArray, LargeBinaryArray};
use datafusion_common::Result;
use datafusion_expr::{EmitTo, GroupsAccumulator};
use parking_lot::Mutex;

use super::accumulator::{Machine, merge_states};
use crate::aggregate::Unrounded;
use crate::histogram::histogram_array;

/// The histograms of all groups.
pub(super) struct HistGroups {
    /// Locked only for `convert_to_state`, which the engine calls on a shared reference; never contended.
    machine: Mutex<Machine>,
    histograms: Vec<ExactHistogram>,
    unrounded: bool,
}

impl HistGroups {
    pub(super) fn new(machine: Machine, unrounded: bool) -> Self {
        Self { machine: Mutex::new(machine), histograms: Vec::new(), unrounded }
    }

    fn reach(&mut self, groups: usize) -> Result<()> {
        let machine = self.machine.get_mut();
        while self.histograms.len() < groups {
            self.histograms.push(machine.empty()?);
        }
        Ok(())
    }
}

impl GroupsAccumulator for HistGroups {
    fn update_batch(
        &mut self,
        arguments: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        number_of_groups: usize,
    ) -> Result<()> {
        self.reach(number_of_groups)?;
        self.machine.get_mut().fill_groups(&mut self.histograms, groups, arguments, filter)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], number_of_groups: usize) -> Result<()> {
        self.reach(number_of_groups)?;
        merge_states(states, |row, bytes| self.histograms[groups[row]].merge_bytes(bytes))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let histograms = emit_to.take_needed(&mut self.histograms);
        Ok(vec![states(&histograms)])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let histograms = emit_to.take_needed(&mut self.histograms);
        if self.unrounded {
            let bytes = histograms.into_iter().map(|histogram| Unrounded::Histogram(histogram).to_bytes());
            return Ok(Arc::new(LargeBinaryArray::from_iter_values(bytes)));
        }
        let finished: Vec<_> = histograms.iter().map(|histogram| Some(histogram.finish())).collect();
        Ok(Arc::new(histogram_array(finished)?))
    }

    fn convert_to_state(
        &self,
        arguments: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut machine = self.machine.lock();
        let rows = arguments.first().map_or(0, |argument| argument.len());
        // One row after the other in one histogram would lose nothing but time; one each would take the memory of
        // a whole batch of histograms at once.
        let mut bytes = Vec::with_capacity(rows);
        for row in 0..rows {
            let mut one = [machine.empty()?];
            let arguments: Vec<ArrayRef> = arguments.iter().map(|argument| argument.slice(row, 1)).collect();
            let filter = filter.map(|filter| filter.slice(row, 1));
            machine.fill_groups(&mut one, &[0], &arguments, filter.as_ref())?;
            bytes.push(one[0].to_bytes());
        }
        Ok(vec![Arc::new(BinaryArray::from_iter_values(bytes))])
    }

    fn size(&self) -> usize {
        let spare = self.histograms.capacity() - self.histograms.len();
        let held: usize = self.histograms.iter().map(ExactHistogram::bytes).sum();
        self.machine.lock().size() + held + spare * size_of::<ExactHistogram>()
    }
}

fn states(histograms: &[ExactHistogram]) -> ArrayRef {
    Arc::new(BinaryArray::from_iter_values(histograms.iter().map(ExactHistogram::to_bytes)))
}
