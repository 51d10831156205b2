//! What people read on the axes of a histogram.

use super::Result;
use super::config::{Axis, Histogram};
use super::error::AnalysisError;
use super::locate::{Source, Way};
use crate::output::AxisLabel;

/// The labels and limits of all axes.
pub(super) fn of_axes(raw: &Histogram, source: &Source, way: &Way) -> Result<Vec<AxisLabel>> {
    let axes = raw.axes.iter().enumerate();
    axes.map(|(i, axis)| of_axis(axis, source, &way.key("axes").index(i))).collect()
}

fn of_axis(axis: &Axis, source: &Source, way: &Way) -> Result<AxisLabel> {
    let limits = match axis.lim.as_deref() {
        // PocketCoffea's way to say nothing.
        None | Some([0.0, 0.0]) => None,
        Some(&[low, high]) if low.is_finite() && high.is_finite() && low < high => Some((low, high)),
        Some(_) => {
            let problem = "lim is two rising numbers: what plots show of the axis".to_owned();
            return Err(AnalysisError::Value { place: source.place(&way.key("lim")), problem });
        }
    };
    Ok(AxisLabel { label: axis.label.clone(), limits })
}
