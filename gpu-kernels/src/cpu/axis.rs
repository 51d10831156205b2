//! One axis against columns of every type.

use std::ops::Range;

use ana_hist::{Axis, AxisKind, Bins};

use super::block::BLOCK;
use crate::error::{KernelError, Result};
use crate::fill::Values;

/// An axis with its tables of thresholds.
#[derive(Debug, Clone)]
pub(super) enum AxisPlan {
    Numeric { kind: &'static str, wide: Bins<f64>, narrow: Bins<f32>, integers: Option<Range<i64>> },
    Category { labels: u32 },
    Boolean,
}

/// Runs `$each` on the values of a numeric type other than a float, as an iterator over `$range`; `$else` on others.
macro_rules! integers {
    ($values:expr, $range:expr, $each:expr, $else:expr) => {
        match $values {
            Values::I8(v) => $each(v[$range].iter().map(|&x| i64::from(x))),
            Values::I16(v) => $each(v[$range].iter().map(|&x| i64::from(x))),
            Values::I32(v) => $each(v[$range].iter().map(|&x| i64::from(x))),
            Values::I64(v) => $each(v[$range].iter().copied()),
            Values::U8(v) => $each(v[$range].iter().map(|&x| i64::from(x))),
            Values::U16(v) => $each(v[$range].iter().map(|&x| i64::from(x))),
            Values::U32(v) => $each(v[$range].iter().map(|&x| i64::from(x))),
            Values::Bool(v) => $each($range.map(|i| i64::from(v.get(i)))),
            _ => $else,
        }
    };
}

impl AxisPlan {
    pub(super) fn new(axis: &Axis) -> Self {
        match &axis.kind {
            AxisKind::Boolean => Self::Boolean,
            AxisKind::Category { labels } => {
                Self::Category { labels: u32::try_from(labels.len()).unwrap_or(u32::MAX) }
            }
            kind => {
                let edges = axis.edges();
                let integers = if let &AxisKind::Integer { lo, hi } = kind { Some(lo..hi) } else { None };
                let kind = axis.kind_name();
                Self::Numeric { kind, wide: Bins::new(&edges), narrow: Bins::new(&edges), integers }
            }
        }
    }

    /// Whether the axis takes values of this type.
    pub(super) fn check(&self, values: &Values<'_>) -> Result<()> {
        let (axis, takes) = match (self, values) {
            (Self::Numeric { kind, .. }, values) => (*kind, !matches!(values, Values::Codes(_))),
            (Self::Category { .. }, values) => ("category", matches!(values, Values::Codes(_))),
            (Self::Boolean, values) => ("boolean", matches!(values, Values::Bool(_))),
        };
        if takes { Ok(()) } else { Err(KernelError::AxisValues { axis, values: values.type_name() }) }
    }

    /// Adds stride · index of `values[range]` to `cells`, which is as long as the range and at most [`BLOCK`].
    pub(super) fn accumulate(&self, values: Values<'_>, range: Range<usize>, stride: u32, cells: &mut [u32]) {
        match (self, values) {
            (Self::Numeric { wide, .. }, Values::F64(v)) => wide.accumulate(&v[range], stride, cells),
            (Self::Numeric { narrow, .. }, Values::F32(v)) => narrow.accumulate(&v[range], stride, cells),
            (Self::Numeric { integers: Some(bounds), .. }, Values::U64(v)) => {
                let values = v[range].iter().map(|&x| i64::try_from(x).unwrap_or(i64::MAX));
                add_integers(values, bounds, stride, cells);
            }
            (Self::Numeric { integers: Some(bounds), .. }, values) => {
                integers!(values, range, |v| add_integers(v, bounds, stride, cells), ());
            }
            (Self::Numeric { wide, .. }, values) => {
                let mut widened = [0.0; BLOCK];
                let widened = &mut widened[..range.len()];
                to_f64(values, range, widened);
                wide.accumulate(widened, stride, cells);
            }
            (Self::Category { labels }, Values::Codes(v)) => {
                for (cell, &code) in cells.iter_mut().zip(&v[range]) {
                    *cell += code.min(*labels) * stride;
                }
            }
            (Self::Boolean, Values::Bool(v)) => {
                for (cell, i) in cells.iter_mut().zip(range) {
                    *cell += u32::from(v.get(i)) * stride;
                }
            }
            // Excluded by `check`.
            (Self::Category { .. } | Self::Boolean, _) => {}
        }
    }
}

#[inline]
fn add_integers(values: impl Iterator<Item = i64>, bounds: &Range<i64>, stride: u32, cells: &mut [u32]) {
    let below = bounds.start - 1;
    for (cell, x) in cells.iter_mut().zip(values) {
        let index = u32::try_from(x.clamp(below, bounds.end) - below).unwrap_or(0);
        *cell += index * stride;
    }
}

/// Writes `values[range]` as f64, rounded to nearest where an integer has more than 53 bits.
#[allow(clippy::cast_precision_loss, reason = "documented: 64-bit integers are rounded to f64")]
pub(crate) fn to_f64(values: Values<'_>, range: Range<usize>, out: &mut [f64]) {
    match values {
        Values::F64(v) => out.copy_from_slice(&v[range]),
        Values::F32(v) => out.iter_mut().zip(&v[range]).for_each(|(o, &x)| *o = f64::from(x)),
        Values::U64(v) => out.iter_mut().zip(&v[range]).for_each(|(o, &x)| *o = x as f64),
        values => integers!(
            values,
            range,
            |v| { out.iter_mut().zip(v).for_each(|(o, x): (&mut f64, i64)| *o = x as f64) },
            ()
        ),
    }
}

/// Whether values can be weights.
pub(super) fn check_weight(values: &Values<'_>) -> Result<()> {
    match values {
        Values::Codes(_) => Err(KernelError::AxisValues { axis: "weight", values: values.type_name() }),
        _ => Ok(()),
    }
}
