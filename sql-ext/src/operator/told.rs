//! What an operator says of where it filled.

use std::collections::BTreeSet;

use ana_kernels::PlanExecutor;
use parking_lot::Mutex;

/// Gathered over the partitions of an operator.
#[derive(Debug, Default)]
pub struct Told(Mutex<(BTreeSet<String>, BTreeSet<String>)>);

impl Told {
    pub(super) fn note(&self, notes: &[String]) {
        self.0.lock().1.extend(notes.iter().cloned());
    }

    pub(super) fn add(&self, executor: &PlanExecutor) {
        let mut told = self.0.lock();
        told.0.extend(executor.fault());
        told.1.extend(executor.notes().iter().cloned());
    }

    /// How the device failed; the CPU did what it had not finished.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        self.0.lock().0.iter().cloned().collect()
    }

    /// What the device does not take, and the CPU did.
    #[must_use]
    pub fn by_cpu(&self) -> Vec<String> {
        self.0.lock().1.iter().cloned().collect()
    }
}
