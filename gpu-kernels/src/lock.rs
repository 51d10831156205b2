//! A mutex that outlives panics of those who held it.

use std::sync::{Mutex, PoisonError};

/// A value that threads take turns with.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    #[cfg(feature = "gpu")]
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Calls `with` alone. What is kept here is whole after every statement, so a panic elsewhere does no harm.
    pub(crate) fn with<R>(&self, with: impl FnOnce(&mut T) -> R) -> R {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
