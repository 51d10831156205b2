//! Histograms from histograms: sum, ratio, coarser bins, fewer axes, one bin of an axis.
//!
//! Where several cells become one, their rounded sums are added exactly and rounded once more, so the result does
//! not depend on the order of cells.

use super::{Histogram, Weighted};
use crate::axis::{self, Axis, AxisKind};
use crate::error::{HistError, Result};
use crate::exact_sum::ExactSums;
use crate::storage;

impl Histogram {
    /// Cell by cell: counts, Σw and Σw² add up. The result is weighted if either is. Axis names are the left one's.
    ///
    /// # Errors
    /// Different bins.
    pub fn add(&self, other: &Self) -> Result<Self> {
        axis::check_same(&self.axes, &other.axes)?;
        let counts = self.counts.iter().zip(&other.counts).map(|(a, b)| a.saturating_add(*b)).collect();
        let weighted = (self.weighted.is_some() || other.weighted.is_some()).then(|| Weighted {
            sumw: (0..self.cells()).map(|c| self.sumw(c) + other.sumw(c)).collect(),
            sumw2: (0..self.cells()).map(|c| self.sumw2(c) + other.sumw2(c)).collect(),
        });
        Ok(Self { axes: self.axes.clone(), counts, weighted })
    }

    /// Cell by cell a/b as Σw, and as Σw² the variance of that ratio for independent a and b:
    /// (Σw²ₐ·b² + Σw²_b·a²)/b⁴. Where b is 0, both are NaN: a ratio that does not exist (ROOT writes 0 there).
    /// Counts are those of `self`, the numerator.
    ///
    /// # Errors
    /// Different bins.
    pub fn divide(&self, other: &Self) -> Result<Self> {
        axis::check_same(&self.axes, &other.axes)?;
        let ratio = |cell| {
            let (a, b) = (self.sumw(cell), other.sumw(cell));
            if b == 0.0 {
                return (f64::NAN, f64::NAN);
            }
            let ratio = a / b;
            (ratio, (self.sumw2(cell) + other.sumw2(cell) * ratio * ratio) / (b * b))
        };
        let (sumw, sumw2) = (0..self.cells()).map(ratio).unzip();
        let weighted = Some(Weighted { sumw, sumw2 });
        Ok(Self { axes: self.axes.clone(), counts: self.counts.clone(), weighted })
    }

    /// Joins every `group` neighbouring bins of one axis; flow bins stay. A regular axis stays regular if its
    /// formula gives the joined edges exactly, else it becomes a variable axis with those edges; an integer axis becomes
    /// variable.
    ///
    /// # Errors
    /// No such axis, a category or boolean axis, or a group that does not divide the number of bins.
    pub fn rebin(&self, axis: usize, group: usize) -> Result<Self> {
        let old = self.axis(axis)?;
        if !old.is_numeric() {
            return Err(HistError::AxisKind { operation: "rebin", kind: old.kind_name() });
        }
        let bins = old.bins();
        if group == 0 || bins % group != 0 {
            return Err(HistError::NotDivisible { bins, group });
        }
        if group == 1 {
            return Ok(self.clone());
        }
        let mut axes = self.axes.clone();
        axes[axis] = joined(old, group);
        let new_bins = bins / group;
        Ok(self.gather(axes, |indices| {
            let index = indices[axis];
            indices[axis] = if index == 0 {
                0
            } else if index > bins {
                new_bins + 1
            } else {
                (index - 1) / group + 1
            };
        }))
    }

    /// Keeps the named axes, in the order named, and sums over the others, their flow bins included.
    ///
    /// # Errors
    /// No axis named, one that does not exist, or one named twice.
    pub fn project(&self, keep: &[usize]) -> Result<Self> {
        if keep.is_empty() {
            return Err(HistError::NoAxes);
        }
        let mut axes = Vec::with_capacity(keep.len());
        for (i, &axis) in keep.iter().enumerate() {
            if keep[..i].contains(&axis) {
                return Err(HistError::AxisTwice { axis });
            }
            axes.push(self.axis(axis)?.clone());
        }
        Ok(self.gather(axes, |indices| {
            let kept: Vec<usize> = keep.iter().map(|&axis| indices[axis]).collect();
            indices[..kept.len()].copy_from_slice(&kept);
        }))
    }

    /// The cells in one bin of an axis, as a histogram on the other axes: what UHI writes `h[…, bin, …]`. `index` counts as
    /// storage does, so flow bins can be taken too. Nothing is added up, so nothing is rounded.
    ///
    /// # Errors
    /// No such axis, no such index on it, or no other axis.
    pub fn at(&self, axis: usize, index: usize) -> Result<Self> {
        let extent = self.axis(axis)?.extent();
        if index >= extent {
            return Err(HistError::NoSuchIndex { index, extent });
        }
        let mut axes = self.axes.clone();
        let inner = axes.split_off(axis + 1);
        axes.truncate(axis);
        let run = inner.iter().map(Axis::extent).product();
        axes.extend(inner);
        if axes.is_empty() {
            return Err(HistError::NoAxes);
        }
        let chosen = Runs { run, extent, index };
        let weighted = self
            .weighted
            .as_ref()
            .map(|sums| Weighted { sumw: chosen.of(&sums.sumw), sumw2: chosen.of(&sums.sumw2) });
        Ok(Self { axes, counts: chosen.of(&self.counts), weighted })
    }

    /// A histogram on `axes` that gets every cell where `target` moves it: given the indices along the old axes,
    /// it leaves those along the new ones in front.
    fn gather(&self, axes: Vec<Axis>, target: impl Fn(&mut [usize])) -> Self {
        let cells: usize = axes.iter().map(Axis::extent).product();
        let (old, new) = (storage::strides(&self.axes), storage::strides(&axes));
        let mut counts = vec![0u64; cells];
        let mut sums = self.weighted.is_some().then(|| (ExactSums::new(cells), ExactSums::new(cells)));
        let mut indices = vec![0; self.axes.len()];
        for cell in 0..self.cells() {
            storage::unravel(cell, &self.axes, &old, &mut indices);
            target(&mut indices);
            let to: usize = indices.iter().zip(&new).map(|(i, stride)| i * stride).sum();
            counts[to] = counts[to].saturating_add(self.counts[cell]);
            if let Some((sumw, sumw2)) = &mut sums {
                sumw.add(to, self.sumw(cell));
                sumw2.add(to, self.sumw2(cell));
            }
        }
        let values = |sums: &ExactSums| (0..cells).map(|cell| sums.value(cell)).collect();
        let weighted = sums.map(|(sumw, sumw2)| Weighted { sumw: values(&sumw), sumw2: values(&sumw2) });
        Self { axes, counts, weighted }
    }
}

/// Every `extent`-th run of neighbouring cells, from the run `index` on.
struct Runs {
    run: usize,
    extent: usize,
    index: usize,
}

impl Runs {
    fn of<T: Copy>(&self, cells: &[T]) -> Vec<T> {
        // No axis is without cells, but the fields of a histogram are open to all.
        let runs = cells.chunks_exact(self.run.max(1));
        runs.skip(self.index).step_by(self.extent.max(1)).flatten().copied().collect()
    }
}

/// The axis of joined bins.
fn joined(old: &Axis, group: usize) -> Axis {
    let edges: Vec<f64> = (0..=old.bins() / group).map(|i| old.edge(i * group)).collect();
    if let AxisKind::Regular { n, lo, hi, transform } = old.kind {
        let kind = AxisKind::Regular { n: n / group, lo, hi, transform };
        let regular = Axis { name: old.name.clone(), kind };
        if regular.edges() == edges {
            return regular;
        }
    }
    Axis { name: old.name.clone(), kind: AxisKind::Variable { edges } }
}
