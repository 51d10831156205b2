//! The back ends of a session, each opened when it is first asked for.

use std::collections::HashMap;

use super::{Backend, DeviceChoice};
use crate::error::Result;
use crate::lock::Lock;

/// Opens each back end once, and only when something is to run there.
#[derive(Debug, Default)]
pub struct Devices(Lock<HashMap<DeviceChoice, Backend>>);

impl Devices {
    /// The back end of a choice.
    ///
    /// # Errors
    /// As [`Backend::open`].
    pub fn open(&self, choice: DeviceChoice) -> Result<Backend> {
        self.0.with(|opened| match opened.get(&choice) {
            Some(backend) => Ok(backend.clone()),
            None => {
                let backend = Backend::open(choice)?;
                opened.insert(choice, backend.clone());
                Ok(backend)
            }
        })
    }

    /// From now on `choice` means this back end.
    pub fn set(&self, choice: DeviceChoice, backend: Backend) {
        self.0.with(|opened| opened.insert(choice, backend));
    }
}
