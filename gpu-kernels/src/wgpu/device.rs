//! Adapters, and a device opened with all that its adapter can do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wgpu::{Adapter, Backends, BufferUsages, DeviceType, Features, Instance, InstanceDescriptor, PollType};

use super::Outcome;
use super::inject::{Injection, Planned};
use super::pipeline::Pipelines;
use crate::backend::{AdapterDescription, DeviceFault};
use crate::error::{KernelError, Result};
use crate::lock::Lock;

/// How long a submission may take. Drivers reset a device that computes for some seconds anyway.
const PATIENCE: Duration = Duration::from_secs(60);

/// Words of a stage: enough for a device to have something to do, few enough to keep some.
const STAGE_WORDS: usize = 1 << 22;

/// Features that are listed for a user; the fill plan needs none of them.
const FEATURES: [(&str, Features); 6] = [
    ("f64", Features::SHADER_F64),
    ("int64", Features::SHADER_INT64),
    ("int64_atomics", Features::SHADER_INT64_ATOMIC_ALL_OPS),
    ("subgroups", Features::SUBGROUP),
    ("timestamps", Features::TIMESTAMP_QUERY),
    ("mappable_buffers", Features::MAPPABLE_PRIMARY_BUFFERS),
];

/// A device that was opened. Once it has failed it stays failed.
#[derive(Debug)]
pub struct Gpu {
    adapter: AdapterDescription,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) limits: wgpu::Limits,
    pub(super) pipelines: Pipelines,
    fault: Arc<Lock<Option<DeviceFault>>>,
    injection: Lock<Option<Planned>>,
    stage_words: AtomicUsize,
}

fn all() -> Vec<Adapter> {
    let backends = Backends::VULKAN | Backends::METAL | Backends::DX12;
    let instance = Instance::new(InstanceDescriptor {
        backends,
        // Without validation layers, whatever the build: they are for those who write shaders.
        flags: wgpu::InstanceFlags::empty(),
        ..InstanceDescriptor::new_without_display_handle()
    });
    pollster::block_on(instance.enumerate_adapters(backends))
}

fn describe(adapter: &Adapter) -> AdapterDescription {
    let (info, limits, features) = (adapter.get_info(), adapter.limits(), adapter.features());
    let kind = match info.device_type {
        DeviceType::DiscreteGpu => "discrete",
        DeviceType::IntegratedGpu => "integrated",
        DeviceType::VirtualGpu => "virtual",
        DeviceType::Cpu => "software",
        DeviceType::Other => "other",
    };
    AdapterDescription {
        name: info.name,
        interface: info.backend.to_string(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        kind,
        limits: vec![
            ("storage_binding_bytes", limits.max_storage_buffer_binding_size),
            ("buffer_bytes", limits.max_buffer_size),
            ("workgroup_bytes", u64::from(limits.max_compute_workgroup_storage_size)),
            ("workgroup_threads", u64::from(limits.max_compute_invocations_per_workgroup)),
            ("grid", u64::from(limits.max_compute_workgroups_per_dimension)),
        ],
        features: FEATURES.map(|(name, feature)| (name, features.contains(feature))).to_vec(),
    }
}

/// All adapters of this machine.
pub fn adapters() -> Vec<AdapterDescription> {
    all().iter().map(describe).collect()
}

impl Gpu {
    /// Opens adapter `number`, or the first that is not software, or else the first.
    ///
    /// # Errors
    /// No such adapter, or one that cannot be opened.
    pub fn open(number: Option<usize>) -> Result<Self> {
        let adapters = all();
        let missing = |reason: String| KernelError::NoDevice { reason };
        if adapters.is_empty() {
            return Err(missing("no adapter: there is no GPU, or no driver for it".to_owned()));
        }
        let hardware = || adapters.iter().position(|a| a.get_info().device_type != DeviceType::Cpu);
        let chosen = number.or_else(hardware).unwrap_or(0);
        let adapter = adapters
            .get(chosen)
            .ok_or_else(|| missing(format!("no adapter {chosen}: there are {}", adapters.len())))?;
        Self::with(adapter).map_err(|fault| missing(fault.to_string()))
    }

    fn with(adapter: &Adapter) -> Outcome<Self> {
        let descriptor = wgpu::DeviceDescriptor {
            required_limits: adapter.limits(),
            required_features: adapter.features() & Features::TIMESTAMP_QUERY,
            memory_hints: wgpu::MemoryHints::Performance,
            ..wgpu::DeviceDescriptor::default()
        };
        let refused = |reason: String| DeviceFault::Refused { reason };
        let opened = pollster::block_on(adapter.request_device(&descriptor));
        let (device, queue) = opened.map_err(|error| refused(error.to_string()))?;
        let fault = Arc::new(Lock::new(None));
        let first = Arc::clone(&fault);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            first.with(|first| _ = first.get_or_insert(fault_of(&error)));
        }));
        let first = Arc::clone(&fault);
        device.set_device_lost_callback(move |_, reason| {
            first.with(|first| _ = first.get_or_insert(DeviceFault::Lost { reason }));
        });
        let limits = device.limits();
        let pipelines = Pipelines::new(&device, &limits);
        let gpu = Self {
            adapter: describe(adapter),
            device,
            queue,
            limits,
            pipelines,
            fault,
            injection: Lock::new(None),
            stage_words: AtomicUsize::new(STAGE_WORDS),
        };
        gpu.check()?;
        Ok(gpu)
    }

    /// What the driver says of the adapter.
    #[must_use]
    pub fn adapter(&self) -> &AdapterDescription {
        &self.adapter
    }

    /// Submits stages of at most so many words, and not more than is usual: for tests that want many.
    pub fn limit_stages(&self, words: usize) {
        self.stage_words.store(words.min(STAGE_WORDS), Ordering::Relaxed);
    }

    /// Words of a stage.
    pub(super) fn stage_words(&self) -> usize {
        self.stage_words.load(Ordering::Relaxed)
    }

    /// Makes a fault on purpose.
    pub fn inject(&self, planned: Planned) {
        self.injection.with(|injection| *injection = Some(planned));
    }

    /// The planned fault that is still to come, with the submissions that are left before it.
    #[must_use]
    pub fn injected(&self) -> Option<Planned> {
        self.injection.with(|injection| *injection)
    }

    /// The first fault there was, if any.
    pub(super) fn check(&self) -> Outcome<()> {
        self.fault.with(|fault| fault.clone().map_or(Ok(()), Err))
    }

    /// Submits commands.
    pub(super) fn submit(&self, encoder: wgpu::CommandEncoder) -> Outcome<()> {
        let due = self.injection.with(|injection| match injection {
            Some(planned) if planned.submission == 0 => injection.take(),
            Some(planned) => {
                planned.submission -= 1;
                None
            }
            None => None,
        });
        match due.map(|planned| planned.fault) {
            Some(Injection::Destroy) => self.device.destroy(),
            Some(Injection::Timeout) => {
                self.queue.submit([encoder.finish()]);
                return Err(self.fail(Injection::Timeout.fault()));
            }
            Some(injection) => return Err(self.fail(injection.fault())),
            None => {}
        }
        self.queue.submit([encoder.finish()]);
        self.check()
    }

    /// Waits until everything submitted is done.
    pub(super) fn wait(&self) -> Outcome<()> {
        let poll = PollType::Wait { submission_index: None, timeout: Some(PATIENCE) };
        // A device that is lost while it is waited for makes wgpu panic.
        match catch_unwind(AssertUnwindSafe(|| self.device.poll(poll))) {
            Ok(Ok(_)) => self.check(),
            Ok(Err(_)) => Err(self.fail(DeviceFault::Timeout { seconds: PATIENCE.as_secs() })),
            Err(_) => Err(self.fail(DeviceFault::Lost { reason: "while waiting for it".to_owned() })),
        }
    }

    /// Bytes per second from host memory to the device.
    pub(crate) fn copy_rate(&self) -> Outcome<f64> {
        const BYTES: u64 = 32 << 20;
        const COPIES: u32 = 8;
        let buffer = |usage, mapped_at_creation| {
            let descriptor = wgpu::BufferDescriptor { label: None, size: BYTES, usage, mapped_at_creation };
            self.device.create_buffer(&descriptor)
        };
        let host = buffer(BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC, true);
        let device = buffer(BufferUsages::STORAGE | BufferUsages::COPY_DST, false);
        host.unmap();
        let copy = || {
            let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(&host, 0, &device, 0, BYTES);
            self.submit(encoder)
        };
        copy()?;
        self.wait()?;
        let started = Instant::now();
        (0..COPIES).try_for_each(|_| copy())?;
        self.wait()?;
        let seconds = started.elapsed().as_secs_f64().max(1e-9);
        #[allow(clippy::cast_precision_loss, reason = "a power of two")]
        Ok(f64::from(COPIES) * BYTES as f64 / seconds)
    }

    /// Remembers a fault: nothing goes to this device any more.
    pub(super) fn fail(&self, fault: DeviceFault) -> DeviceFault {
        self.fault.with(|first| first.get_or_insert(fault).clone())
    }
}

fn fault_of(error: &wgpu::Error) -> DeviceFault {
    match error {
        wgpu::Error::OutOfMemory { .. } => DeviceFault::OutOfMemory,
        error => DeviceFault::Refused { reason: error.to_string() },
    }
}
