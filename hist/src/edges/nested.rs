//! Cells of two sizes, for edges that crowd in places: equal coarse cells, each cut up as finely as its own edges ask for.

use super::guess::{MAX_TABLE, table_cell};
use super::real::Real;

/// More cells than edges ask for: no two edges meet in one even when its borders are rounded.
const SPARE: f64 = 1.25;

/// How one coarse cell is cut up; as one piece if `top` is 0.
#[derive(Debug, Clone, Copy)]
struct Row<F> {
    lo: F,
    scale: F,
    top: F,
    /// Fine cells of all coarse cells before it.
    base: u32,
}

/// From a value to a fine cell, which grows with the value.
#[derive(Debug, Clone)]
pub(super) struct Nested<F> {
    lo: F,
    scale: F,
    top: F,
    rows: Vec<Row<F>>,
    cells: usize,
}

impl<F: Real> Nested<F> {
    /// Cells of which none holds two of the thresholds, if there are not too many.
    pub(super) fn new(coarse: usize, edges: &[f64], thresholds: &[F]) -> Option<Self> {
        let (&lo, &hi) = (edges.first()?, edges.last()?);
        #[allow(clippy::cast_precision_loss, reason = "a guess")]
        let (scale, top) = (coarse as f64 / (hi - lo), (coarse + 1) as f64);
        let (lo, scale, top) = (F::near(lo), F::near(scale), F::near(top));
        let coarse_cell = |x: F| table_cell(x, lo, scale, top) as usize;
        // One more than there are below `hi`: what it gets is all above.
        let mut rows = vec![Row { lo, scale: F::ZERO, top: F::ZERO, base: 0 }; coarse + 2];
        for crowd in thresholds.chunk_by(|&a, &b| coarse_cell(a) == coarse_cell(b)) {
            let (&[first, .., last], Some(row)) = (crowd, rows.get_mut(coarse_cell(crowd[0]))) else {
                continue;
            };
            let gap = crowd.windows(2).map(|pair| pair[1].widen() - pair[0].widen()).fold(f64::MAX, f64::min);
            let pieces = (last.widen() - first.widen()) / gap * SPARE;
            #[allow(clippy::cast_precision_loss, reason = "a power of two")]
            if pieces.is_nan() || pieces > MAX_TABLE as f64 {
                return None;
            }
            *row = Row { lo: first, scale: F::near(SPARE / gap), top: F::near(pieces.ceil() + 1.0), base: 0 };
        }
        let mut cells = 0;
        for row in &mut rows {
            row.base = u32::try_from(cells).ok()?;
            cells += row.top.round_index() as usize + 1;
        }
        (cells <= MAX_TABLE).then_some(Self { lo, scale, top, rows, cells })
    }

    /// Number of fine cells.
    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    /// Whether no step of the arithmetic overflows by itself, so that cells grow with values.
    pub(super) fn is_finite(&self) -> bool {
        let finite = |x: F| x.widen().is_finite();
        finite(self.scale) && self.rows.iter().all(|row| finite(row.scale))
    }

    /// The fine cell of a value; the last for NaN.
    #[inline(always)]
    pub(super) fn cell(&self, x: F) -> u32 {
        let row = &self.rows[table_cell(x, self.lo, self.scale, self.top) as usize];
        row.base + table_cell(x, row.lo, row.scale, row.top)
    }
}
