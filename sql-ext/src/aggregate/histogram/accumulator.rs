//! One group's histogram: filled batch by batch, merged exactly, rounded once at the end.

use std::fmt;

use ana_hist::{Axis, ExactHistogram};
use ana_kernels::Filler;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion_common::{Result, ScalarValue, internal_err};
use datafusion_expr::Accumulator;
use std::sync::Arc;

use super::columns::Reader;
use super::layout::Layout;
use crate::error::FunctionError;
use crate::histogram::histogram_array;

/// What fills, without what is filled.
pub(super) struct Machine {
    axes: Vec<Axis>,
    reader: Reader,
    filler: Filler,
    /// Of the arguments the aggregate gets: the values, then the weight if there is one.
    places: Vec<usize>,
    weighted: bool,
}

impl Machine {
    /// `places` are those of the values and the weight among the arrays of a batch; `layout` is the call's, for
    /// messages.
    pub(super) fn new(axes: Vec<Axis>, layout: &Layout, places: Vec<usize>) -> Result<Self> {
        let reader = Reader::new(&axes, layout);
        let filler = Filler::new(&axes).map_err(FunctionError::Fill)?;
        Ok(Self { axes, reader, filler, places, weighted: layout.weight.is_some() })
    }

    pub(super) fn empty(&self) -> Result<ExactHistogram> {
        ExactHistogram::new(self.axes.clone(), self.weighted).map_err(histogram_fault)
    }

    /// Fills one histogram.
    pub(super) fn fill(&mut self, histogram: &mut ExactHistogram, arguments: &[ArrayRef]) -> Result<()> {
        let batch = self.reader.read(&chosen(&self.places, arguments)?)?;
        let filler = &mut self.filler;
        batch.fill(None, |fill| filler.fill(histogram, fill))?;
        Ok(())
    }

    /// Fills histogram `groups[row]` with each row that `rows` has, or with all.
    pub(super) fn fill_groups(
        &mut self,
        histograms: &mut [ExactHistogram],
        groups: &[usize],
        arguments: &[ArrayRef],
        rows: Option<&BooleanArray>,
    ) -> Result<()> {
        let batch = self.reader.read(&chosen(&self.places, arguments)?)?;
        let filler = &mut self.filler;
        batch.fill(rows, |fill| filler.fill_groups(histograms, groups, fill))?;
        Ok(())
    }

    /// Memory held, roughly: thresholds and bin guesses per edge, the filler's own tables of counts.
    pub(super) fn size(&self) -> usize {
        let extents: usize = self.axes.iter().map(Axis::extent).sum();
        let cells: usize = self.axes.iter().map(Axis::extent).product();
        size_of::<Self>() + self.reader.size() + 64 * extents + 16 * cells.min(1024)
    }
}

fn chosen(places: &[usize], arguments: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    let Some(chosen) = places.iter().map(|&place| arguments.get(place).cloned()).collect() else {
        return internal_err!("hist: {} arguments, place {places:?}", arguments.len());
    };
    Ok(chosen)
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("axes", &self.axes).field("weighted", &self.weighted).finish_non_exhaustive()
    }
}

fn histogram_fault(source: ana_hist::HistError) -> datafusion_common::DataFusionError {
    FunctionError::Histogram { function: "hist", source }.into()
}

/// Adds the states in a column to `histograms[group(row)]`.
pub(super) fn merge_states(
    states: &[ArrayRef],
    mut histogram: impl FnMut(usize, &[u8]) -> Result<(), ana_hist::HistError>,
) -> Result<()> {
    let Some(states) = states.first().and_then(|states| states.as_binary_opt::<i32>()) else {
        return internal_err!("hist: a state that is not binary");
    };
    for row in (0..states.len()).filter(|&row| states.is_valid(row)) {
        histogram(row, states.value(row)).map_err(histogram_fault)?;
    }
    Ok(())
}

/// The accumulator of one group, and of a query without GROUP BY.
#[derive(Debug)]
pub(super) struct HistAccumulator {
    machine: Machine,
    histogram: ExactHistogram,
}

impl HistAccumulator {
    pub(super) fn new(machine: Machine) -> Result<Self> {
        Ok(Self { histogram: machine.empty()?, machine })
    }
}

impl Accumulator for HistAccumulator {
    fn update_batch(&mut self, arguments: &[ArrayRef]) -> Result<()> {
        self.machine.fill(&mut self.histogram, arguments)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        merge_states(states, |_, bytes| self.histogram.merge_bytes(bytes))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Binary(Some(self.histogram.to_bytes()))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Struct(Arc::new(histogram_array(&[Some(self.histogram.finish())])?)))
    }

    fn size(&self) -> usize {
        size_of::<ExactHistogram>() + self.machine.size() + self.histogram.bytes()
    }
}
