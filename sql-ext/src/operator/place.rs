//! Which back end fills.

use ana_kernels::{Backend, DeviceChoice, Devices};
use datafusion_common::Result;
use datafusion_execution::config::SessionConfig;

use super::AnaOptions;
use crate::error::FunctionError;

/// The setting `ana.device`.
///
/// # Errors
/// A name that is none.
pub fn device_of(config: &SessionConfig) -> Result<DeviceChoice> {
    let options = config.options().extensions.get::<AnaOptions>();
    let choice = options.map_or(Ok(DeviceChoice::Cpu), |options| options.device.parse());
    Ok(choice.map_err(FunctionError::Fill)?)
}

/// The back end that the session's setting means. [`Devices`] is an extension of its configuration; without it, it is the CPU.
///
/// # Errors
/// A name that is none, or a GPU that is demanded and cannot be had.
pub fn backend(config: &SessionConfig) -> Result<Backend> {
    match config.get_extension::<Devices>() {
        Some(devices) => Ok(devices.open(device_of(config)?).map_err(FunctionError::Fill)?),
        None => Ok(Backend::default()),
    }
}
