//! The memory of one filler: on the device, and where both sides can reach it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wgpu::{
    BindGroup, BindGroupEntry, BindingResource, Buffer, BufferBinding, BufferSize, BufferUsages,
    ComputePipeline, MapMode,
};

use super::Outcome;
use super::device::Gpu;
use super::pipeline::{Kernel, STEP_BYTES};
use super::program::{Program, ThresholdTables, parts};
use super::stage::Stage;
use super::timing::{BYTES, SLOTS, Timing};
use crate::backend::DeviceFault;

/// Buffers begin with so many bytes and grow by doubling.
const LEAST: u64 = 1 << 16;

/// Host memory that a submission is copied from; used again when the device is done with it.
#[derive(Debug)]
struct Staging {
    buffer: Buffer,
    /// Whether it is the host's (again).
    mapped: Arc<AtomicBool>,
}

/// The buffers of a filler.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    staging: Vec<Option<Staging>>,
    data: Option<Buffer>,
    thresholds: Option<Buffer>,
    /// Words of thresholds that were copied there.
    copied: usize,
    bins: Option<Buffer>,
    tables: Option<Buffer>,
    steps: Option<Buffer>,
    readback: Option<Buffer>,
    /// None before the first submission, and on a device without a clock.
    timing: Option<Timing>,
    /// How long the device has computed, by its clock.
    pub(super) computed: Duration,
}

fn bytes(words: usize) -> u64 {
    u64::try_from(words).unwrap_or(u64::MAX / 4).saturating_mul(4)
}

/// A buffer of at least so many bytes in `place`; whether it is a new one.
fn reach(gpu: &Gpu, place: &mut Option<Buffer>, size: u64, usage: BufferUsages, most: u64) -> Outcome<bool> {
    if place.as_ref().is_some_and(|buffer| buffer.size() >= size) {
        return Ok(false);
    }
    *place = None;
    let size = size.next_power_of_two().max(LEAST).min(most).max(size);
    *place = Some(gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size,
        usage,
        mapped_at_creation: false,
    }));
    gpu.check().map(|()| true)
}

fn there(place: &Option<Buffer>) -> Outcome<&Buffer> {
    place.as_ref().ok_or_else(|| DeviceFault::Refused { reason: "a buffer that was not made".to_owned() })
}

impl Buffers {
    /// Copies a stage to slot `slot` and runs its steps.
    #[allow(clippy::too_many_arguments, reason = "all that a submission is made of")]
    pub(super) fn run(
        &mut self,
        gpu: &Gpu,
        slot: usize,
        stage: &Stage,
        program: &Program,
        thresholds: &ThresholdTables,
        formulas: &[Arc<ComputePipeline>],
        table_words: usize,
    ) -> Outcome<()> {
        gpu.check()?;
        let most = gpu.limits.max_storage_buffer_binding_size & !3;
        let storage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        let size = bytes(program.words()).max(4);
        reach(gpu, &mut self.data, size, storage, most)?;
        reach(gpu, &mut self.bins, bytes(program.bins), storage, most)?;
        let new = reach(gpu, &mut self.thresholds, bytes(thresholds.words.len()), storage, most)?;
        if new || self.copied < thresholds.words.len() {
            gpu.queue.write_buffer(there(&self.thresholds)?, 0, bytemuck::cast_slice(&thresholds.words));
            self.copied = thresholds.words.len();
        }
        // Only grown while the tables on the device are empty; wgpu clears what is new.
        reach(gpu, &mut self.tables, bytes(table_words), storage | BufferUsages::COPY_SRC, most)?;
        let stride = u64::from(gpu.limits.min_uniform_buffer_offset_alignment).max(1);
        let stride = STEP_BYTES.div_ceil(stride) * stride;
        let number = u64::try_from(program.steps.len()).unwrap_or(u64::MAX);
        let uniform = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        reach(gpu, &mut self.steps, stride.saturating_mul(number), uniform, gpu.limits.max_buffer_size)?;
        let mut parameters = vec![0u8; usize::try_from(stride.saturating_mul(number)).unwrap_or(0)];
        let places = parameters.chunks_mut(usize::try_from(stride).unwrap_or(usize::MAX));
        for (step, place) in program.steps.iter().zip(places) {
            let words: &[u8] = bytemuck::cast_slice(&step.parameters);
            place[..words.len()].copy_from_slice(words);
        }
        gpu.queue.write_buffer(there(&self.steps)?, 0, &parameters);

        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mapped = self.stage(gpu, slot, stage, size)?;
        if self.timing.is_none() {
            self.timing = Timing::new(gpu);
        }
        let staging = self.staging.get(slot).and_then(Option::as_ref).map(|staging| &staging.buffer);
        if let Some(staging) = staging {
            staging.unmap();
            encoder.copy_buffer_to_buffer(staging, 0, there(&self.data)?, 0, size);
        }
        let group = self.bind(gpu)?;
        {
            let timestamp_writes = self.timing.as_ref().map(|timing| timing.of_pass(slot));
            let mut pass =
                encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes });
            for (step, at) in program.steps.iter().zip((0u64..).map(|i| i * stride)) {
                match (step.kernel, gpu.pipelines.get(&gpu.device, step.kernel)) {
                    (_, Some(pipeline)) => pass.set_pipeline(pipeline),
                    (Kernel::Formula(number), _) => match formulas.get(number) {
                        Some(pipeline) => pass.set_pipeline(pipeline),
                        None => continue,
                    },
                    _ => continue,
                }
                pass.set_bind_group(0, &group, &[u32::try_from(at).unwrap_or(u32::MAX)]);
                pass.dispatch_workgroups(step.grid.0, step.grid.1, 1);
            }
        }
        gpu.check()?;
        gpu.submit(encoder)?;
        if let Some(staging) = staging {
            staging
                .map_async(MapMode::Write, .., move |result| mapped.store(result.is_ok(), Ordering::Release));
        }
        gpu.check()
    }

    /// Copies a stage to host memory that the device can read.
    fn stage(&mut self, gpu: &Gpu, slot: usize, stage: &Stage, size: u64) -> Outcome<Arc<AtomicBool>> {
        while self.staging.len() <= slot {
            self.staging.push(None);
        }
        let place = &mut self.staging[slot];
        let fits =
            |staging: &Staging| staging.buffer.size() >= size && staging.mapped.load(Ordering::Acquire);
        if !place.as_ref().is_some_and(fits) {
            *place = None;
            let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: size.next_power_of_two().max(LEAST).min(gpu.limits.max_buffer_size & !3).max(size),
                usage: BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC,
                mapped_at_creation: true,
            });
            gpu.check()?;
            *place = Some(Staging { buffer, mapped: Arc::new(AtomicBool::new(true)) });
        }
        let Some(staging) = place else { return Err(DeviceFault::OutOfMemory) };
        let view = staging.buffer.get_mapped_range_mut(..);
        let mut view = view.map_err(|error| gpu.fail(DeviceFault::Refused { reason: error.to_string() }))?;
        let mut at = 0;
        for part in parts(stage) {
            let part: &[u8] = bytemuck::cast_slice(part);
            view.slice(at..at + part.len()).copy_from_slice(part);
            at += part.len();
        }
        drop(view);
        staging.mapped.store(false, Ordering::Release);
        Ok(Arc::clone(&staging.mapped))
    }

    fn bind(&self, gpu: &Gpu) -> Outcome<BindGroup> {
        let whole =
            |binding, place| Ok(BindGroupEntry { binding, resource: there(place)?.as_entire_binding() });
        let step =
            BufferBinding { buffer: there(&self.steps)?, offset: 0, size: BufferSize::new(STEP_BYTES) };
        let entries = [
            whole(0, &self.data)?,
            whole(1, &self.thresholds)?,
            whole(2, &self.bins)?,
            whole(3, &self.tables)?,
            BindGroupEntry { binding: 4, resource: BindingResource::Buffer(step) },
        ];
        let layout = &gpu.pipelines.layout;
        let group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout,
            entries: &entries,
        });
        gpu.check().map(|()| group)
    }

    /// Waits for all that was submitted, to so many slots, and takes the tables from the device, which are empty there
    /// afterwards.
    pub(super) fn read_back(&mut self, gpu: &Gpu, words: usize, slots: usize) -> Outcome<Vec<u32>> {
        let size = bytes(words);
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        reach(gpu, &mut self.readback, size + BYTES, usage, gpu.limits.max_buffer_size & !3)?;
        let (tables, readback) = (there(&self.tables)?, there(&self.readback)?);
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(tables, 0, readback, 0, size);
        encoder.clear_buffer(tables, 0, Some(size));
        if let Some(timing) = &self.timing {
            timing.copy(&mut encoder, slots, readback, size);
        }
        gpu.submit(encoder)?;
        let mapped = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&mapped);
        readback.map_async(MapMode::Read, 0..size + BYTES, move |result| {
            done.store(result.is_ok(), Ordering::Release)
        });
        gpu.wait()?;
        if !mapped.load(Ordering::Acquire) {
            return Err(gpu.fail(DeviceFault::Lost { reason: "memory cannot be read back".to_owned() }));
        }
        let view = readback.get_mapped_range(0..size + BYTES);
        let view = view.map_err(|error| gpu.fail(DeviceFault::Refused { reason: error.to_string() }))?;
        let (sums, times) = view.split_at(words * size_of::<u32>());
        let words = bytemuck::pod_collect_to_vec(sums);
        if let Some(timing) = &self.timing {
            let times: Vec<u64> = bytemuck::pod_collect_to_vec(times);
            self.computed += timing.sum(&times[..2 * slots.min(SLOTS)]);
        }
        drop(view);
        readback.unmap();
        Ok(words)
    }
}
