//! Numbers that describe a histogram: totals, mean, standard deviation.
//!
//! Mean and standard deviation are computed from [bin centres](crate::Axis::center), since the filled values are gone;
//! flow bins have no centre and are left out.

use super::Histogram;
use crate::error::{HistError, Result};
use crate::exact_sum::ExactSum;
use crate::storage;

/// Sums over cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Total {
    /// Raw number of fills.
    pub count: u64,
    /// Σw.
    pub sumw: f64,
    /// Σw²: the variance of Σw.
    pub sumw2: f64,
}

impl Histogram {
    /// Sums over all cells: with `flow`, every cell; without, those in range on every axis (the bin of other labels is
    /// a flow bin). Cells are added exactly and rounded once.
    #[must_use]
    pub fn sum(&self, flow: bool) -> Total {
        let strides = storage::strides(&self.axes);
        let mut indices = vec![0; self.axes.len()];
        let (mut count, mut sumw, mut sumw2) = (0u64, ExactSum::new(), ExactSum::new());
        for cell in 0..self.cells() {
            storage::unravel(cell, &self.axes, &strides, &mut indices);
            if flow || indices.iter().zip(&self.axes).all(|(i, axis)| axis.in_range().contains(i)) {
                count = count.saturating_add(self.counts[cell]);
                sumw.add(self.sumw(cell));
                sumw2.add(self.sumw2(cell));
            }
        }
        Total { count, sumw: sumw.value(), sumw2: sumw2.value() }
    }

    /// Σw·x/Σw along one axis, x the bin centres; the other axes are summed over, flow included. `None`
    /// where Σw in range is 0.
    ///
    /// # Errors
    /// No such axis, or a category axis.
    pub fn mean(&self, axis: usize) -> Result<Option<f64>> {
        Ok(self.moments("mean", axis)?.map(|(mean, _)| mean))
    }

    /// √(Σw·(x − mean)²/Σw) along one axis, as [`mean`](Self::mean): the spread of the distribution, not the error of its
    /// mean. `None` where Σw in range is 0; NaN where negative weights make the variance negative.
    ///
    /// # Errors
    /// No such axis, or a category axis.
    pub fn std(&self, axis: usize) -> Result<Option<f64>> {
        Ok(self.moments("std", axis)?.map(|(_, variance)| variance.sqrt()))
    }

    fn moments(&self, operation: &'static str, axis: usize) -> Result<Option<(f64, f64)>> {
        let along = self.axis(axis)?;
        if along.center(along.in_range().start).is_none() {
            return Err(HistError::AxisKind { operation, kind: along.kind_name() });
        }
        let line = self.project(&[axis])?;
        let points = || along.in_range().filter_map(|i| Some((along.center(i)?, line.sumw(i))));
        let total = points().map(|(_, w)| w).collect::<ExactSum>().value();
        if total == 0.0 {
            return Ok(None);
        }
        let mean = points().map(|(x, w)| w * x).collect::<ExactSum>().value() / total;
        let spread = points().map(|(x, w)| w * (x - mean) * (x - mean)).collect::<ExactSum>().value();
        Ok(Some((mean, spread / total)))
    }
}
