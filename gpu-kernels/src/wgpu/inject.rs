//! Faults made on purpose, for tests.

use crate::backend::DeviceFault;

/// Which fault comes, and before which submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// What goes wrong.
    pub fault: Injection,
    /// Number of the submission, counted from now.
    pub submission: u64,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Injection {
    /// The device is destroyed: everything after it fails by itself.
    Destroy,
    /// The driver says that the device is lost.
    Lost,
    /// There is no memory.
    OutOfMemory,
    /// The shader is not taken.
    Shader,
    /// The submission is made, but is not done in time.
    Timeout,
}

impl Injection {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Destroy, Self::Lost, Self::OutOfMemory, Self::Shader, Self::Timeout];

    pub(super) fn fault(self) -> DeviceFault {
        let reason = "injected".to_owned();
        match self {
            Self::Destroy | Self::Lost => DeviceFault::Lost { reason },
            Self::OutOfMemory => DeviceFault::OutOfMemory,
            Self::Shader => DeviceFault::Shader { reason },
            Self::Timeout => DeviceFault::Timeout { seconds: 0 },
        }
    }
}
