//! How long the device computes, by its own clock.

use std::time::Duration;

use wgpu::{
    Buffer, BufferUsages, CommandEncoder, ComputePassTimestampWrites, Features, QuerySet, QuerySetDescriptor,
    QueryType,
};

use super::device::Gpu;

/// Submissions between two read-backs, at most.
pub(super) const SLOTS: usize = 4;

/// A begin and an end for each.
const QUERIES: u32 = 8;

/// Bytes of all times.
pub(super) const BYTES: u64 = 8 * 8;

/// The times of the submissions since the last read-back.
#[derive(Debug)]
pub(super) struct Timing {
    queries: QuerySet,
    resolved: Buffer,
    period: f64,
}

impl Timing {
    /// None on a device without a clock.
    pub(super) fn new(gpu: &Gpu) -> Option<Self> {
        gpu.device.features().contains(Features::TIMESTAMP_QUERY).then(|| Self {
            queries: gpu.device.create_query_set(&QuerySetDescriptor {
                label: None,
                ty: QueryType::Timestamp,
                count: QUERIES,
            }),
            resolved: gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: BYTES,
                usage: BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            }),
            period: f64::from(gpu.queue.get_timestamp_period()),
        })
    }

    /// Where the pass of a slot writes when it begins and ends.
    pub(super) fn of_pass(&self, slot: usize) -> ComputePassTimestampWrites<'_> {
        let first = 2 * u32::try_from(slot).unwrap_or(0);
        ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        }
    }

    /// Copies the times of the first slots to where they can be read.
    pub(super) fn copy(&self, encoder: &mut CommandEncoder, slots: usize, to: &Buffer, at: u64) {
        let number = 2 * u32::try_from(slots).unwrap_or(0).min(QUERIES / 2);
        encoder.resolve_query_set(&self.queries, 0..number, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, to, at, 8 * u64::from(number));
    }

    /// The time between begins and ends.
    pub(super) fn sum(&self, times: &[u64]) -> Duration {
        let ticks: u64 = times.chunks_exact(2).map(|pair| pair[1].saturating_sub(pair[0])).sum();
        #[allow(clippy::cast_precision_loss, reason = "for display")]
        Duration::try_from_secs_f64(ticks as f64 * self.period * 1e-9).unwrap_or_default()
    }
}
