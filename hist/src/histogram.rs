//! The finished histogram and its algebra.

mod algebra;
mod moments;

use crate::axis::Axis;
use crate::error::{HistError, Result};
use crate::storage;

pub use moments::Total;

/// Finished values. Arrays have one entry per cell, in C order (the last axis fastest), flow bins included:
/// the product of the axes' [extents](Axis::extent) entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// The axes, first to last.
    pub axes: Vec<Axis>,
    /// Raw number of fills per cell, also for a weighted histogram.
    pub counts: Vec<u64>,
    /// Σw and Σw² per cell; `None` for an unweighted histogram, where both equal the counts.
    pub weighted: Option<Weighted>,
}

/// Sums of weights per cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighted {
    /// Σw per cell.
    pub sumw: Vec<f64>,
    /// Σw² per cell: the variance of Σw.
    pub sumw2: Vec<f64>,
}

impl Histogram {
    /// A histogram of the given contents.
    ///
    /// # Errors
    /// Axes that are not valid, or arrays whose length is not the number of cells.
    pub fn new(axes: Vec<Axis>, counts: Vec<u64>, weighted: Option<Weighted>) -> Result<Self> {
        let expected = storage::cell_count(&axes)?;
        let check = |what, found| {
            if found == expected { Ok(()) } else { Err(HistError::Length { what, expected, found }) }
        };
        check("count", counts.len())?;
        if let Some(Weighted { sumw, sumw2 }) = &weighted {
            check("sumw", sumw.len())?;
            check("sumw2", sumw2.len())?;
        }
        Ok(Self { axes, counts, weighted })
    }

    /// Number of cells, flow bins included.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.counts.len()
    }

    /// Σw of a cell (0 beyond the array): the count where there are no weights.
    #[must_use]
    pub fn sumw(&self, cell: usize) -> f64 {
        match &self.weighted {
            Some(w) => w.sumw.get(cell).copied().unwrap_or(0.0),
            None => self.count_as_f64(cell),
        }
    }

    /// Σw² of a cell (0 beyond the array): the count where there are no weights.
    #[must_use]
    pub fn sumw2(&self, cell: usize) -> f64 {
        match &self.weighted {
            Some(w) => w.sumw2.get(cell).copied().unwrap_or(0.0),
            None => self.count_as_f64(cell),
        }
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "counts beyond 2^53 are rounded to f64, as documented for Σw"
    )]
    fn count_as_f64(&self, cell: usize) -> f64 {
        self.counts.get(cell).copied().unwrap_or(0) as f64
    }

    /// Σw of every cell.
    #[must_use]
    pub fn sumws(&self) -> Vec<f64> {
        (0..self.cells()).map(|cell| self.sumw(cell)).collect()
    }

    /// Σw² of every cell.
    #[must_use]
    pub fn sumw2s(&self) -> Vec<f64> {
        (0..self.cells()).map(|cell| self.sumw2(cell)).collect()
    }

    /// Storage index along every axis of a cell.
    #[must_use]
    pub fn indices(&self, cell: usize) -> Vec<usize> {
        let mut indices = vec![0; self.axes.len()];
        storage::unravel(cell, &self.axes, &storage::strides(&self.axes), &mut indices);
        indices
    }

    /// Cell of one storage index per axis; `None` if one is beyond its axis or their number is wrong.
    #[must_use]
    pub fn cell(&self, indices: &[usize]) -> Option<usize> {
        let inside = indices.len() == self.axes.len()
            && indices.iter().zip(&self.axes).all(|(&i, axis)| i < axis.extent());
        inside.then(|| indices.iter().zip(&self.axes).fold(0, |cell, (i, axis)| cell * axis.extent() + i))
    }

    fn axis(&self, axis: usize) -> Result<&Axis> {
        self.axes.get(axis).ok_or(HistError::NoSuchAxis { axis, dimensions: self.axes.len() })
    }
}
