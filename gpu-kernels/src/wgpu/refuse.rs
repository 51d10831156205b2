//! What a device does not take.

use std::sync::Arc;

use wgpu::ComputePipeline;

use super::device::Gpu;
use super::formula::{Use, source};
use super::keys::MOST_THRESHOLDS;
use super::program::{MOST_AXES, PlannedUse, uses};
use crate::cpu::FILLS;
use crate::fill::Level;
use crate::formula::Formula;
use crate::plan::{FillPlan, PlanBatch, PlannedFill};

/// The pipeline of a formula, or why it has none.
pub(super) fn compiled(
    gpu: &Gpu,
    plan: &FillPlan,
    formula: &Formula,
) -> Result<Arc<ComputePipeline>, String> {
    let uses = uses(plan, formula);
    let on_labels = |of: &PlannedUse| match of {
        PlannedUse::Bin { bin, .. } => !plan.bins[*bin].axis.is_numeric(),
        PlannedUse::Mask { .. } => false,
    };
    if uses.iter().any(on_labels) {
        return Err("a formula on an axis of labels".to_owned());
    }
    let of = |of: &PlannedUse| match *of {
        PlannedUse::Bin { output, .. } => Use::Bin(output),
        PlannedUse::Mask { output, .. } => Use::Mask(output),
    };
    let used: Vec<Use> = uses.iter().map(of).collect();
    let source = source(formula.kernel.kernel(), &used).map_err(|reason| reason.to_string())?;
    Ok(gpu.pipelines.formula(&gpu.device, &source))
}

/// Why a fill of a batch is not for a device, if it is not.
pub(super) fn why_not(plan: &FillPlan, fill: &PlannedFill, batch: &PlanBatch<'_>) -> Option<String> {
    if fill.bins.len() > MOST_AXES {
        return Some(format!("a histogram of {} axes", fill.bins.len()));
    }
    for &bin in &fill.bins {
        let bin = &plan.bins[bin];
        let value = &batch.values[bin.value];
        if bin.axis.is_numeric() && bin.axis.bins() >= MOST_THRESHOLDS {
            return Some(format!("an axis of {} bins", bin.axis.bins()));
        }
        match (value.offsets, value.column.level) {
            (Some(_), Level::Constant | Level::Event) => {
                return Some("a value per event among lists".to_owned());
            }
            (Some(offsets), Level::Item) => {
                let items = i64::from(offsets[batch.rows]) - i64::from(offsets[0]);
                // As many as the integers of a cell hold.
                if usize::try_from(items).is_ok_and(|items| items > FILLS) {
                    return Some(format!("a batch of {items} items"));
                }
            }
            (None, _) => {}
        }
    }
    None
}
