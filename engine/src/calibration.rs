//! What was measured of a GPU, kept in the user's cache directory for `--device auto`.

use std::path::PathBuf;

use ana_kernels::backend::{AdapterDescription, Calibrated, Calibration, Devices};
use serde::{Deserialize, Serialize};

use crate::error::{EngineError, Result};

/// The form of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    adapter: usize,
    name: String,
    /// Seconds per event with one weight and with sixteen.
    device: [f64; 2],
    core: [f64; 2],
}

/// The file; `None` where the environment names no place for caches.
#[must_use]
pub fn file() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = of("XDG_CACHE_HOME").or_else(|| of("HOME").map(|home| home.join(".cache")));
    Some(caches.or_else(|| of("LOCALAPPDATA"))?.join("ana-sql/devices.json"))
}

/// Measures an adapter and keeps the result; `auto` uses it from now on. Returns the file.
///
/// # Errors
/// A software adapter, one that cannot be opened or fails, or a file that cannot be written.
pub fn calibrate(number: usize, adapter: &AdapterDescription) -> Result<PathBuf> {
    let failed = EngineError::Setting;
    if adapter.is_software() {
        return Err(failed(format!("{} is a program on the CPU, which never pays", adapter.name)));
    }
    let file = file().ok_or_else(|| failed("no HOME and no XDG_CACHE_HOME to keep it in".to_owned()))?;
    let Calibration { device, core } =
        Calibration::measure(number).map_err(|error| failed(error.to_string()))?;
    let measured = Measured { adapter: number, name: adapter.name.clone(), device, core };
    let text = serde_json::to_string_pretty(&measured).map_err(|error| failed(error.to_string()))?;
    let io = |source| EngineError::Io { path: file.clone(), source };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(io)?;
    }
    std::fs::write(&file, text).map_err(io)?;
    Ok(file)
}

/// The devices of a session that uses so many cores. Nothing is opened yet; a file that is not there or not ours is as if
/// nothing had been measured.
pub(crate) fn devices(cores: usize) -> Devices {
    let text = file().and_then(|file| std::fs::read(file).ok());
    match text.and_then(|text| serde_json::from_slice::<Measured>(&text).ok()) {
        Some(Measured { adapter, name, device, core }) => Devices::calibrated(Calibrated {
            adapter,
            name,
            calibration: Calibration { device, core },
            cores,
        }),
        None => Devices::default(),
    }
}
