//! The GPU back end: fill plans in compute shaders, through wgpu.
//!
//! Per batch the CPU lists the chosen events, cuts the weights into integers ([`ana_hist::exact_sum::Splitter`]) and
//! copies the columns as they are ([`stage`]). A full stage is one submission ([`program`]): bins of every column by
//! exact thresholds, then every histogram. Shaders do integer arithmetic only, so their sums are the CPU's.
//!
//! Sums stay on the device. They are read back at the end, and now and then before: when integers could overflow,
//! when tables have to grow, and when as many stages were submitted as are kept. Stages are kept on the host until
//! their sums have arrived, so that the CPU can do them again ([`redo`]) if the device fails.

mod buffers;
mod columns;
mod cuts;
mod device;
mod filler;
mod formula;
mod gather;
mod inject;
mod keys;
mod layout;
mod pipeline;
mod program;
mod redo;
mod refuse;
mod stage;
mod timing;

pub use device::{Gpu, adapters};
pub use filler::DeviceFiller;
pub(crate) use formula::why_not;
pub use inject::{Injection, Planned};

use crate::backend::DeviceFault;

/// Result of an operation on the device.
type Outcome<T> = std::result::Result<T, DeviceFault>;
