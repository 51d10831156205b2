//! The filler of a plan on whichever back end.

use std::sync::Arc;
use std::time::Duration;

use ana_hist::{ExactHistogram, Histogram};

use crate::cpu::PlanFiller;
use crate::error::Result;
use crate::plan::{FillPlan, PlanBatch, Room};
#[cfg(feature = "gpu")]
use crate::wgpu::DeviceFiller;

/// Fills the histograms of a plan. The back ends give the same bits.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlanExecutor {
    /// On the CPU.
    Cpu(Box<PlanFiller>),
    /// On a device, with the CPU for what that does not take.
    #[cfg(feature = "gpu")]
    Device(Box<DeviceFiller>),
}

impl PlanExecutor {
    fn host(&self) -> &PlanFiller {
        match self {
            Self::Cpu(filler) => filler,
            #[cfg(feature = "gpu")]
            Self::Device(filler) => filler.host(),
        }
    }

    fn host_mut(&mut self) -> &mut PlanFiller {
        match self {
            Self::Cpu(filler) => filler,
            #[cfg(feature = "gpu")]
            Self::Device(filler) => filler.host_mut(),
        }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &FillPlan {
        self.host().plan()
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// Slices that do not fit together, or values that their axis does not take; nothing is added then. Where a device
    /// is demanded, its faults, after which nothing can be had from this filler.
    pub fn fill(&mut self, batch: &PlanBatch<'_>) -> Result<()> {
        match self {
            Self::Cpu(filler) => filler.fill(batch),
            #[cfg(feature = "gpu")]
            Self::Device(filler) => filler.fill(batch),
        }
    }

    /// From now on asks for the memory of its tables; what is held already is asked for now.
    ///
    /// # Errors
    /// [`KernelError::Memory`](crate::KernelError::Memory) where that is too much.
    pub fn ask(&mut self, room: Arc<dyn Room>) -> Result<()> {
        self.host_mut().ask(room)
    }

    /// Takes part in the windows of another filler of the same plan, so that merging them adds integers.
    pub fn share_windows(&mut self, other: &Self) {
        self.host_mut().share_windows(other.host());
    }

    /// Adds what another filler of the same plan holds; its group i is `groups[i]` here, without GROUP BY the one.
    ///
    /// # Errors
    /// Another plan; where a device is demanded, its faults.
    pub fn merge(&mut self, other: Self, groups: &[usize]) -> Result<()> {
        self.collect()?;
        let other = match other {
            Self::Cpu(filler) => *filler,
            #[cfg(feature = "gpu")]
            Self::Device(mut filler) => {
                filler.collect()?;
                filler.into_host()
            }
        };
        self.host_mut().merge(other, groups)
    }

    /// The finished histograms of a fill, one per group. What they were made of is gone afterwards.
    ///
    /// # Errors
    /// A fill that is not there; where a device is demanded, its faults.
    pub fn finish(&mut self, fill: usize, groups: usize) -> Result<Vec<Histogram>> {
        self.collect()?;
        self.host_mut().finish(fill, groups)
    }

    /// The histograms of a fill, one per group, before they are rounded. What they were made of is gone afterwards.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn take(&mut self, fill: usize, groups: usize) -> Result<Vec<ExactHistogram>> {
        self.collect()?;
        self.host_mut().take(fill, groups)
    }

    /// Bytes that the table of a fill holds.
    #[must_use]
    pub fn held(&self, fill: usize) -> usize {
        self.host().held(fill)
    }

    /// Brings here what is on a device.
    ///
    /// # Errors
    /// Where a device is demanded, its faults.
    pub fn collect(&mut self) -> Result<()> {
        match self {
            Self::Cpu(_) => Ok(()),
            #[cfg(feature = "gpu")]
            Self::Device(filler) => filler.collect(),
        }
    }

    /// The histograms of a fill, one per group, with all that was filled so far.
    ///
    /// # Errors
    /// A fill that is not there; where a device is demanded, its faults.
    pub fn histograms(&mut self, fill: usize, groups: usize) -> Result<&mut Vec<ExactHistogram>> {
        self.collect()?;
        self.host_mut().histograms(fill, groups)
    }

    /// Histograms of a fill, one per group, for adding what was filled elsewhere; they need not hold everything yet.
    ///
    /// # Errors
    /// A fill that is not there.
    pub fn histograms_to_add_to(&mut self, fill: usize, groups: usize) -> Result<&mut Vec<ExactHistogram>> {
        self.host_mut().histograms_to_add_to(fill, groups)
    }

    /// Memory held, in bytes; that of the device not counted.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Cpu(filler) => filler.bytes(),
            #[cfg(feature = "gpu")]
            Self::Device(filler) => filler.bytes(),
        }
    }

    /// Memory held that nobody was [asked](Self::ask) for, in bytes; that of the device not counted.
    #[must_use]
    pub fn bytes_beside_tables(&self) -> usize {
        self.bytes() - (self.host().bytes() - self.host().bytes_beside_tables())
    }

    /// Events that went to a device, and events that the CPU took, each counted once per batch and back end.
    #[must_use]
    pub fn events(&self) -> (u64, u64) {
        match self {
            Self::Cpu(_) => (0, 0),
            #[cfg(feature = "gpu")]
            Self::Device(filler) => filler.events(),
        }
    }

    /// Events that a device left to the CPU because they lie too near to a cut or an edge for its bounds.
    #[must_use]
    pub fn undecided(&self) -> u64 {
        match self {
            Self::Cpu(_) => 0,
            #[cfg(feature = "gpu")]
            Self::Device(filler) => filler.undecided(),
        }
    }

    /// How long a device has computed, by its own clock; nothing where it has none.
    #[must_use]
    pub fn device_time(&self) -> Duration {
        match self {
            Self::Cpu(_) => Duration::ZERO,
            #[cfg(feature = "gpu")]
            Self::Device(filler) => filler.computed(),
        }
    }

    /// How the device failed, if it has: the CPU did its work.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        match self {
            Self::Cpu(_) => None,
            #[cfg(feature = "gpu")]
            Self::Device(filler) => filler.fault().map(ToString::to_string),
        }
    }

    /// Why the CPU took part of the work of a device, each reason once.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Cpu(_) => &[],
            #[cfg(feature = "gpu")]
            Self::Device(filler) => filler.notes(),
        }
    }
}
