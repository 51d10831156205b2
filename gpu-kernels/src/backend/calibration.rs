//! When a device pays: measured once, asked for every plan.

use super::rates::fill_seconds;
use super::{Backend, DeviceChoice};
use crate::error::Result;
use crate::plan::FillPlan;

/// Weights of the two measurements.
const WEIGHTS: [usize; 2] = [1, 16];

/// Seconds per event of a histogram with one weight and with sixteen, on a device fed by one thread and by one core of the
/// CPU. Between and beyond, time is taken to be a straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// On the device, from host memory.
    pub device: [f64; 2],
    /// On one core.
    pub core: [f64; 2],
}

impl Calibration {
    /// Measures adapter `number`; takes some seconds at most.
    ///
    /// # Errors
    /// A device that cannot be opened or fails.
    pub fn measure(number: usize) -> Result<Self> {
        let device = Backend::open(DeviceChoice::Gpu(Some(number)))?;
        let cpu = Backend::default();
        // The first run compiles the shaders.
        fill_seconds(&device, WEIGHTS[0])?;
        let both = |backend: &Backend| -> Result<[f64; 2]> {
            Ok([fill_seconds(backend, WEIGHTS[0])?, fill_seconds(backend, WEIGHTS[1])?])
        };
        Ok(Self { device: both(&device)?, core: both(&cpu)? })
    }

    /// Whether a device, fed by one thread, fills the histograms of a plan faster than so many cores.
    #[must_use]
    pub fn pays(&self, plan: &FillPlan, cores: usize) -> bool {
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        let time = |times: [f64; 2]| -> f64 {
            let of = |weights: usize| {
                let slope = (times[1] - times[0]) / (WEIGHTS[1] - WEIGHTS[0]) as f64;
                (times[0] + (weights as f64 - WEIGHTS[0] as f64) * slope).max(0.0)
            };
            plan.fills.iter().map(|fill| of(fill.weights.map_or(0, |set| plan.weights[set].len()))).sum()
        };
        #[allow(clippy::cast_precision_loss, reason = "a number of cores")]
        let cpu = time(self.core) / cores.max(1) as f64;
        time(self.device) < cpu
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{PlannedFill, Selection};

    #[test]
    fn a_device_pays_where_its_line_is_below_that_of_the_cores() {
        let plan = |weights: usize| FillPlan {
            bins: vec![],
            selections: vec![Selection::default()],
            weights: vec![vec![0; weights]],
            fills: vec![PlannedFill { bins: vec![], selection: 0, weights: Some(0), varied: true }; 3],
            formulas: vec![],
        };
        // 5 ns + 1 ns per weight beside 4 ns per weight and core.
        let calibration = Calibration { device: [6e-9, 21e-9], core: [4e-9, 64e-9] };
        assert!(!calibration.pays(&plan(1), 1));
        assert!(calibration.pays(&plan(2), 1));
        assert!(!calibration.pays(&plan(4), 2));
        assert!(calibration.pays(&plan(8), 2));
        assert!(!calibration.pays(&plan(50), 4));
    }
}
