//! Shaders compiled for a device, each when it is first used.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use wgpu::{
    BindGroupLayout, BindGroupLayoutDescriptor, BindGroupLayoutEntry, BindingType, BufferBindingType,
    BufferSize, ComputePipeline, Device, Limits, ShaderStages,
};

use super::formula::MOST_VECTORS;
use crate::lock::Lock;

const BINDINGS: &str = include_str!("../shaders/bindings.wgsl");
const BINS: &str = include_str!("../shaders/bins.wgsl");
const FILL: &str = include_str!("../shaders/fill.wgsl");
/// What the shaders of formulas are made of.
const INTERVALS: &str = include_str!("../shaders/intervals.wgsl");
const REDUCE: &str = include_str!("../shaders/reduce.wgsl");
const FORMULA: &str = include_str!("../shaders/formula.wgsl");

/// Threads of a workgroup, as the shaders have it.
pub(super) const GROUP: u32 = 256;

/// Bytes of the parameters of one step.
pub(super) const STEP_BYTES: u64 = 16 * MOST_VECTORS as u64;

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
    /// A formula of the plan, by its number.
    Formula(usize),
}

/// The pipelines of a device.
#[derive(Debug)]
pub(super) struct Pipelines {
    pub(super) layout: BindGroupLayout,
    bins: OnceLock<ComputePipeline>,
    fill: OnceLock<ComputePipeline>,
    fill_own: OnceLock<ComputePipeline>,
    /// By their source.
    formulas: Lock<HashMap<String, Arc<ComputePipeline>>>,
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
            formulas: Lock::new(HashMap::new()),
            own_words: limits.max_compute_workgroup_storage_size.min(MOST_OWN_BYTES) / 4,
        }
    }

    /// The pipeline of a kernel. That it was rejected shows as the device's fault.
    pub(super) fn get(&self, device: &Device, kernel: Kernel) -> Option<&ComputePipeline> {
        let own = f64::from(self.own_words);
        Some(match kernel {
            Kernel::Bins => self.bins.get_or_init(|| self.compile(device, "find", BINS, &[])),
            Kernel::Fill => self.fill.get_or_init(|| self.compile(device, "fill", FILL, &[])),
            Kernel::FillOwn => self
                .fill_own
                .get_or_init(|| self.compile(device, "fill", FILL, &[("PRIVATE", 1.0), ("WORDS", own)])),
            Kernel::Formula(_) => return None,
        })
    }

    /// The pipeline of a formula, of which `source` is the entry point.
    pub(super) fn formula(&self, device: &Device, source: &str) -> Arc<ComputePipeline> {
        self.formulas.with(|formulas| {
            if let Some(known) = formulas.get(source) {
                return Arc::clone(known);
            }
            let whole = [BINS, INTERVALS, REDUCE, FORMULA, source].join("\n");
            let compiled = Arc::new(self.compile(device, "formula", &whole, &[]));
            formulas.insert(source.to_owned(), Arc::clone(&compiled));
            compiled
        })
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
