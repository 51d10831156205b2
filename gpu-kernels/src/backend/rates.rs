//! How fast a device is: data to it, and fills on it beside those of one core.

use std::time::Instant;

use ana_hist::{Axis, ExactHistogram};

use super::{Backend, DeviceChoice};
use crate::error::Result;
use crate::fill::{Column, Values};
use crate::plan::{BinPlan, FillPlan, PlanBatch, PlanValue, PlannedFill, Selection};

/// Events of a measurement.
const EVENTS: usize = 1 << 20;

/// Events of a batch.
const BATCH: usize = 1 << 13;

/// Measured rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Bytes per second from host memory to the device.
    pub copied: f64,
    /// Fills per second of a weighted histogram of 100 bins from host memory, on the device.
    pub filled: f64,
    /// The same by one core of the CPU.
    pub filled_by_core: f64,
}

impl Rates {
    /// Measures adapter `number`; takes some tenths of a second.
    ///
    /// # Errors
    /// A device that cannot be opened or fails.
    pub fn measure(number: usize) -> Result<Self> {
        let device = Backend::open(DeviceChoice::Gpu(Some(number)))?;
        let copied = device.copy_rate()?;
        // The first run compiles the shaders.
        fill_seconds(&device, 1)?;
        let rate = |backend: &Backend| Ok::<_, crate::KernelError>(1.0 / fill_seconds(backend, 1)?);
        Ok(Self { copied, filled: rate(&device)?, filled_by_core: rate(&Backend::default())? })
    }
}

/// Seconds per event for one histogram of so many weights.
pub(super) fn fill_seconds(backend: &Backend, weights: usize) -> Result<f64> {
    let axis = Axis::regular(100, 0.0, 1.0)?;
    let plan = FillPlan {
        bins: vec![BinPlan { value: 0, axis: axis.clone() }],
        selections: vec![Selection::default()],
        weights: vec![(0..weights).collect()],
        fills: vec![PlannedFill { bins: vec![0], selection: 0, weights: Some(0), varied: true }],
        formulas: vec![],
    };
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let (values, sizes): (Vec<f32>, Vec<f64>) =
        (0..BATCH).map(|i| ((i * 7919 % BATCH) as f32 / BATCH as f32, 0.5 + (i % 64) as f64 / 64.0)).unzip();
    let variations = Axis::category((0..weights).map(|i| i.to_string()).collect())?;
    let histogram = ExactHistogram::new(vec![variations, axis], true)?;
    let columns = vec![Column::events(Values::F64(&sizes)); weights];
    let mut filler = backend.filler(plan, vec![histogram])?;
    let started = Instant::now();
    for _ in 0..EVENTS / BATCH {
        filler.fill(&PlanBatch {
            rows: BATCH,
            groups: None,
            group_count: 1,
            values: &[PlanValue { column: Column::events(Values::F32(&values)), offsets: None, lists: None }],
            masks: &[],
            weights: &columns,
            active: &[true],
            inputs: &[],
        })?;
    }
    filler.histograms(0, 1)?;
    #[allow(clippy::cast_precision_loss, reason = "a million")]
    Ok(started.elapsed().as_secs_f64().max(1e-9) / EVENTS as f64)
}
