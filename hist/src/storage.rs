//! How cells of several axes lie in one array: C order, the last axis fastest, flow bins included.

use crate::axis::Axis;
use crate::error::{HistError, Result};

/// Cells one histogram may have, flow bins included: 2²⁶. A weighted histogram of that size takes 2.7 GB and
/// more; a cell number fits 32 bits with room to spare.
pub const MAX_CELLS: usize = 1 << 26;

/// Number of cells of a histogram with these axes, which are checked.
///
/// # Errors
/// No axes, an axis that is not valid, or more than [`MAX_CELLS`].
pub fn cell_count(axes: &[Axis]) -> Result<usize> {
    if axes.is_empty() {
        return Err(HistError::NoAxes);
    }
    let mut cells = 1u64;
    for axis in axes {
        cells = cells.saturating_mul(u64::try_from(axis.extent()).unwrap_or(u64::MAX));
    }
    match usize::try_from(cells) {
        Ok(fits) if fits <= MAX_CELLS => {
            axes.iter().try_for_each(Axis::validate)?;
            Ok(fits)
        }
        _ => {
            axes.iter().try_for_each(Axis::validate)?;
            Err(HistError::TooManyCells { cells, limit: MAX_CELLS })
        }
    }
}

/// Distance in the array between neighbours along each axis; the last is 1.
#[must_use]
pub fn strides(axes: &[Axis]) -> Vec<usize> {
    let mut strides = vec![1; axes.len()];
    for i in (1..axes.len()).rev() {
        strides[i - 1] = strides[i] * axes[i].extent();
    }
    strides
}

/// Storage index along every axis of a cell of the array.
pub(crate) fn unravel(cell: usize, axes: &[Axis], strides: &[usize], out: &mut [usize]) {
    for ((index, axis), stride) in out.iter_mut().zip(axes).zip(strides) {
        *index = (cell / stride) % axis.extent();
    }
}
