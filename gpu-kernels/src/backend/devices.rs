//! The back ends of a session, each opened when it is first asked for.

use std::collections::HashMap;

use super::{Backend, Calibration, DeviceChoice};
use crate::error::Result;
use crate::lock::Lock;

/// Opens each back end once, and only when something is to run there.
#[derive(Debug, Default)]
pub struct Devices {
    opened: Lock<HashMap<DeviceChoice, Backend>>,
    calibrated: Option<Calibrated>,
}

/// A device that was measured.
#[derive(Debug, Clone)]
pub struct Calibrated {
    /// Number of the adapter.
    pub adapter: usize,
    /// Its name: another one under that number was not measured.
    pub name: String,
    /// What was measured.
    pub calibration: Calibration,
    /// Cores it has to be faster than.
    pub cores: usize,
}

impl Devices {
    /// Back ends of which `auto` takes the device measured, for the plans for which it pays.
    #[must_use]
    pub fn calibrated(calibrated: Calibrated) -> Self {
        Self { calibrated: Some(calibrated), ..Self::default() }
    }

    /// The back end of a choice.
    ///
    /// # Errors
    /// As [`Backend::open`].
    pub fn open(&self, choice: DeviceChoice) -> Result<Backend> {
        self.opened.with(|opened| match opened.get(&choice) {
            Some(backend) => Ok(backend.clone()),
            None => {
                let backend = match (choice, &self.calibrated) {
                    (DeviceChoice::Auto, Some(calibrated)) => Backend::calibrated(calibrated.clone()),
                    _ => Backend::open(choice)?,
                };
                opened.insert(choice, backend.clone());
                Ok(backend)
            }
        })
    }

    /// From now on `choice` means this back end.
    pub fn set(&self, choice: DeviceChoice, backend: Backend) {
        self.opened.with(|opened| opened.insert(choice, backend));
    }
}
