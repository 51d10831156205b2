//! Shaders compiled for a device, each when it is first used.

use std::sync::OnceLock;

use wgpu::{
    BindGroupLayout, BindGroupLayoutDescriptor, BindGroupLayoutEntry, BindingType, BufferBindingType,
    BufferSize, ComputePipeline, Device, Limits, ShaderStages,
};

const BINDINGS: &str = include_str!("../shaders/bindings.wgsl");
const BINS: &str = include_str!("../shaders/bins.wgsl");
const FILL: &str = include_str!("../shaders/fill.wgsl");

/// Threads of a workgroup, as the shaders have it.
pub(super) const GROUP: u32 = 256;

/// Bytes of the parameters of one step: twenty vectors of four words.
pub(super) const STEP_BYTES: u64 = 20 * 16;

/// Workgroup memory beyond this leaves a compute unit too few workgroups.
const MOST_OWN_BYTES: u32 = 32 * 1024;

/// What a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Bins of a column.
    Bins,
    /// A histogram, into the device's table.
    Fill,
    /// A histogram, by way of tables of the workgroups.
    FillOwn,
}

/// The pipelines of a device.
#[derive(Debug)]
pub(super) struct Pipelines {
    pub(super) layout: BindGroupLayout,
    bins: OnceLock<ComputePipeline>,
    fill: OnceLock<ComputePipeline>,
    fill_own: OnceLock<ComputePipeline>,
    /// Words of a workgroup's table.
    pub(super) own_words: u32,
}

impl Pipelines {
    pub(super) fn new(device: &Device, limits: &Limits) -> Self {
        let buffer = |binding, ty, dynamic, size| BindGroupLayoutEntry {
            binding,
            visibility: ShaderStages::COMPUTE,
            ty: BindingType::Buffer {
                ty,
                has_dynamic_offset: dynamic,
                min_binding_size: BufferSize::new(size),
            },
            count: None,
        };
        let storage =
            |binding, read_only| buffer(binding, BufferBindingType::Storage { read_only }, false, 4);
        let entries = [
            storage(0, true),
            storage(1, true),
            storage(2, false),
            storage(3, false),
            buffer(4, BufferBindingType::Uniform, true, STEP_BYTES),
        ];
        let layout = device.create_bind_group_layout(&BindGroupLayoutDescriptor {
            label: Some("fill plan"),
            entries: &entries,
        });
        Self {
            layout,
            bins: OnceLock::new(),
            fill: OnceLock::new(),
            fill_own: OnceLock::new(),
            own_words: limits.max_compute_workgroup_storage_size.min(MOST_OWN_BYTES) / 4,
        }
    }

    /// The pipeline of a kernel. That it was rejected shows as the device's fault.
    pub(super) fn get(&self, device: &Device, kernel: Kernel) -> &ComputePipeline {
        let own = f64::from(self.own_words);
        match kernel {
            Kernel::Bins => self.bins.get_or_init(|| self.compile(device, "find", BINS, &[])),
            Kernel::Fill => self.fill.get_or_init(|| self.compile(device, "fill", FILL, &[])),
            Kernel::FillOwn => self
                .fill_own
                .get_or_init(|| self.compile(device, "fill", FILL, &[("PRIVATE", 1.0), ("WORDS", own)])),
        }
    }

    fn compile(
        &self,
        device: &Device,
        entry: &str,
        source: &str,
        constants: &[(&str, f64)],
    ) -> ComputePipeline {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(entry),
            source: wgpu::ShaderSource::Wgsl(format!("{BINDINGS}\n{source}").into()),
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(entry),
            bind_group_layouts: &[Some(&self.layout)],
            immediate_size: 0,
        });
        device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry),
            layout: Some(&layout),
            module: &module,
            entry_point: Some(entry),
            // The shader clears its table itself.
            compilation_options: wgpu::PipelineCompilationOptions {
                constants,
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        })
    }
}
