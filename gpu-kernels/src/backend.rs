//! Which back end fills: the choice a user makes, what comes of it, and the filler of either kind.
//!
//! Results never depend on it. A [`Backend`] is opened once and shared by all queries of a session; the crates above know
//! nothing else of devices.

mod calibration;
mod devices;
mod executor;
mod rates;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ana_hist::ExactHistogram;

#[cfg(feature = "gpu")]
use crate::wgpu::{DeviceFiller, Gpu};
use crate::{
    cpu::PlanFiller,
    error::{KernelError, Result},
    ir::Kernel,
    plan::FillPlan,
};

pub use calibration::Calibration;
pub use devices::{Calibrated, Devices};
pub use executor::PlanExecutor;
pub use rates::Rates;

/// Where to compute, as a user says it: `auto`, `cpu`, `gpu`, `gpu:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DeviceChoice {
    /// What is fastest, as far as is known.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU, by its number in [`adapters`] or the first; that it fails is an error.
    Gpu(Option<usize>),
}

impl FromStr for DeviceChoice {
    type Err = KernelError;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || KernelError::DeviceName { name: text.to_owned() };
        match text.trim().to_ascii_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "gpu" => Ok(Self::Gpu(None)),
            other => {
                let number = other.strip_prefix("gpu:").ok_or_else(wrong)?;
                Ok(Self::Gpu(Some(number.parse().map_err(|_| wrong())?)))
            }
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu(None) => f.write_str("gpu"),
            Self::Gpu(Some(number)) => write!(f, "gpu:{number}"),
        }
    }
}

/// How a device failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceFault {
    /// The device is gone: unplugged, reset, or its driver gave up.
    #[error("device lost: {reason}")]
    Lost {
        /// What the driver says.
        reason: String,
    },
    /// No memory left on the device.
    #[error("out of device memory")]
    OutOfMemory,
    /// The driver did not take a shader.
    #[error("shader rejected: {reason}")]
    Shader {
        /// What it says.
        reason: String,
    },
    /// Work was not done in time.
    #[error("not done within {seconds} s")]
    Timeout {
        /// How long was waited.
        seconds: u64,
    },
    /// Anything else that the driver or its interface refused.
    #[error("refused: {reason}")]
    Refused {
        /// What it says.
        reason: String,
    },
}

/// A GPU, real or software, as its driver describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct AdapterDescription {
    /// Its name.
    pub name: String,
    /// Interface it is reached through: `vulkan`, `metal`, `dx12`.
    pub interface: String,
    /// Driver and its version.
    pub driver: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    /// Names of limits that matter here, with their values.
    pub limits: Vec<(&'static str, u64)>,
    /// Names of features that matter here, and whether it has them.
    pub features: Vec<(&'static str, bool)>,
}

impl AdapterDescription {
    /// Whether it is a program on the CPU, which never pays.
    #[must_use]
    pub fn is_software(&self) -> bool {
        self.kind == "software"
    }
}

/// All adapters of this machine, in the order `gpu:N` counts them; none without a driver.
#[must_use]
pub fn adapters() -> Vec<AdapterDescription> {
    #[cfg(feature = "gpu")]
    return crate::wgpu::adapters();
    #[cfg(not(feature = "gpu"))]
    return Vec::new();
}

/// The back end of a session.
#[derive(Debug, Clone)]
pub struct Backend {
    choice: DeviceChoice,
    #[cfg(feature = "gpu")]
    gpu: Option<Arc<Gpu>>,
    /// Only for plans for which it pays; without, for all.
    calibrated: Option<Calibrated>,
    place: Arc<str>,
}

impl Default for Backend {
    fn default() -> Self {
        Self::on_cpu(DeviceChoice::Cpu, "asked for")
    }
}

impl Backend {
    fn on_cpu(choice: DeviceChoice, reason: &str) -> Self {
        Self {
            choice,
            #[cfg(feature = "gpu")]
            gpu: None,
            calibrated: None,
            place: format!("CPU: {reason}").into(),
        }
    }

    /// Opens what was chosen.
    ///
    /// # Errors
    /// A GPU that is demanded and is not there or cannot be opened. `auto` and `cpu` always succeed.
    pub fn open(choice: DeviceChoice) -> Result<Self> {
        match choice {
            DeviceChoice::Cpu => Ok(Self::on_cpu(choice, "asked for")),
            // Not even looked for: what a device would gain is not known, and looking takes time.
            DeviceChoice::Auto => Ok(Self::on_cpu(
                choice,
                "auto takes a GPU only where it is known to pay; `ana-sql devices --calibrate` measures",
            )),
            #[cfg(feature = "gpu")]
            DeviceChoice::Gpu(number) => {
                let gpu = Gpu::open(number)?;
                let place = format!("GPU: {} ({}), asked for", gpu.adapter().name, gpu.adapter().interface);
                Ok(Self { choice, place: place.into(), gpu: Some(Arc::new(gpu)), calibrated: None })
            }
            #[cfg(not(feature = "gpu"))]
            DeviceChoice::Gpu(_) => {
                Err(KernelError::NoDevice { reason: "this build is without the GPU back end".to_owned() })
            }
        }
    }

    /// The device measured, for the plans for which it pays; the CPU where it cannot be opened.
    fn calibrated(calibrated: Calibrated) -> Self {
        match Self::open(DeviceChoice::Gpu(Some(calibrated.adapter))) {
            Ok(backend) if !backend.place.starts_with(&format!("GPU: {} (", calibrated.name)) => {
                Self::on_cpu(
                    DeviceChoice::Auto,
                    "another adapter than was measured; `ana-sql devices --calibrate` measures",
                )
            }
            Ok(backend) => {
                let device = backend.place.trim_end_matches(", asked for");
                let cores = calibrated.cores;
                let place =
                    format!("{device}, for histograms that it fills faster than {cores} cores, as measured");
                Self {
                    choice: DeviceChoice::Auto,
                    calibrated: Some(calibrated),
                    place: place.into(),
                    ..backend
                }
            }
            Err(error) => Self::on_cpu(DeviceChoice::Auto, &error.to_string()),
        }
    }

    /// What was asked for.
    #[must_use]
    pub fn choice(&self) -> DeviceChoice {
        self.choice
    }

    /// Whether a device was demanded, so that all goes there that can.
    #[must_use]
    pub fn is_demanded(&self) -> bool {
        self.is_device() && self.calibrated.is_none()
    }

    /// Whether there is a device that plans may go to.
    #[must_use]
    pub fn is_device(&self) -> bool {
        #[cfg(feature = "gpu")]
        return self.gpu.is_some();
        #[cfg(not(feature = "gpu"))]
        return false;
    }

    /// Where plans run and why, in words.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The device, for tests that break it.
    #[cfg(feature = "gpu")]
    #[must_use]
    pub fn gpu(&self) -> Option<&Gpu> {
        self.gpu.as_deref()
    }

    /// The same device, but its faults are no errors: the CPU takes over.
    #[must_use]
    pub fn forgiving(mut self) -> Self {
        self.choice = DeviceChoice::Auto;
        self
    }

    /// Whether a plan goes to a device, which then may compute values by itself.
    #[must_use]
    pub fn takes(&self, plan: &FillPlan) -> bool {
        #[cfg(feature = "gpu")]
        return self.gpu.is_some() && self.pays(plan);
        #[cfg(not(feature = "gpu"))]
        {
            let _nothing_goes = plan;
            false
        }
    }

    /// Why the values that a kernel gives cannot be computed on a device and filled into histograms there.
    #[must_use]
    pub fn why_not(kernel: &Kernel) -> Option<String> {
        #[cfg(feature = "gpu")]
        return crate::wgpu::why_not(kernel);
        #[cfg(not(feature = "gpu"))]
        {
            let _none_has_a_form = kernel;
            Some("this build is without the GPU back end".to_owned())
        }
    }

    /// Whether a plan is for the device, where there is one.
    #[cfg(feature = "gpu")]
    fn pays(&self, plan: &FillPlan) -> bool {
        let pays = |Calibrated { calibration, cores, .. }: &Calibrated| calibration.pays(plan, *cores);
        self.calibrated.as_ref().is_none_or(pays)
    }

    /// Bytes per second from host memory to the device.
    fn copy_rate(&self) -> Result<f64> {
        #[cfg(feature = "gpu")]
        if let Some(gpu) = &self.gpu {
            return gpu.copy_rate().map_err(|fault| KernelError::Device { fault });
        }
        Err(KernelError::NoDevice { reason: "nothing is copied to the CPU".to_owned() })
    }

    /// A filler for a plan, as [`PlanFiller::new`] makes it.
    ///
    /// # Errors
    /// As there.
    pub fn filler(&self, plan: FillPlan, empty: Vec<ExactHistogram>) -> Result<PlanExecutor> {
        let host = PlanFiller::new(plan, empty)?;
        #[cfg(feature = "gpu")]
        if let Some(gpu) = self.gpu.as_ref().filter(|_| self.pays(host.plan())) {
            let required = matches!(self.choice, DeviceChoice::Gpu(_));
            return Ok(PlanExecutor::Device(Box::new(DeviceFiller::new(Arc::clone(gpu), host, required))));
        }
        Ok(PlanExecutor::Cpu(Box::new(host)))
    }
}
