//! The memory of the tables that are filled, in the session's pool.

use std::sync::atomic::{AtomicBool, Ordering};

use ana_kernels::Room;
use datafusion_common::{DataFusionError, Result};
use datafusion_execution::memory_pool::MemoryReservation;
use parking_lot::Mutex;

/// What the tables of a partition hold.
#[derive(Debug)]
pub(super) struct Hold {
    reservation: MemoryReservation,
    /// Whether a batch that needs more than there is may be finished: with GROUP BY what is held goes elsewhere then.
    lenient: bool,
    full: AtomicBool,
    refusal: Mutex<Option<DataFusionError>>,
}

impl Hold {
    pub(super) fn new(reservation: MemoryReservation, lenient: bool) -> Self {
        Self { reservation, lenient, full: AtomicBool::new(false), refusal: Mutex::new(None) }
    }

    /// Whether more was needed than there is.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// The error that says who holds the memory; `error` if it was another one.
    pub(super) fn refusal(&self, error: DataFusionError) -> DataFusionError {
        self.refusal.lock().take().unwrap_or(error)
    }

    /// From now on holds so much.
    pub(super) fn resize(&self, bytes: usize) -> Result<()> {
        self.reservation.try_resize(bytes)
    }

    pub(super) fn shrink(&self, bytes: usize) {
        self.reservation.shrink(bytes.min(self.reservation.size()));
    }
}

impl Room for Hold {
    fn take(&self, bytes: usize) -> bool {
        let Err(error) = self.reservation.try_grow(bytes) else { return true };
        *self.refusal.lock() = Some(error);
        if self.lenient {
            self.reservation.grow(bytes);
            self.full.store(true, Ordering::Relaxed);
        }
        self.lenient
    }
}
