//! Event kernels on the CPU: vectorised loop nests over the objects of many events at once.
//!
//! A kernel ([`crate::ir`]) is compiled to straight-line programs of vector operations on **lanes**. The lanes of a
//! query are events; those of a nested query are the events, or objects, that the query around it asks for. Lanes with
//! equal numbers of objects are put together in **blocks**. The loops over objects then run for a whole block at a
//! time: combination (i, j, k) of all lanes at once, which are a prefix of the block, with every operand contiguous.
//! Values are computed at the outermost place where they are known: for the lane, for one object (once, as a **row** of
//! the block), or at the loop whose variable is the last one needed.
//!
//! Results never depend on how rows are split into runs, chunks and blocks, nor on the machine: every lane does the
//! same IEEE operations in the same order, sums run in object order, and ties go to the first combination.

mod aggregate;
mod best;
mod chunk;
mod compile;
mod error;
mod execute;
mod flat;
mod fuse;
mod graph;
mod input;
mod integer;
mod lanes;
mod list;
mod load;
mod lower;
pub mod math;
mod nearest;
mod nest;
mod output;
mod plan;
mod reduce;
mod registers;
mod run;
mod schedule;
mod scratch;
mod select;
mod vector;

use std::sync::{Arc, Mutex, PoisonError};

use crate::ir::{Kernel, OutputType};

pub use error::EventError;
pub use input::InputSlice;
pub use output::{Output, OutputValues};
pub use scratch::Scratch;

use plan::Plan;

/// Plans kept for different sets of columns with NULLs.
const MOST_PLANS: usize = 8;

/// A plan, and for which inputs it expects NULLs.
type Variant = (Vec<bool>, Arc<Plan>);

/// An event kernel, compiled for the CPU. It can be shared between threads; each brings its own [`Scratch`].
#[derive(Debug)]
pub struct CpuKernel {
    kernel: Kernel,
    outputs: Vec<OutputType>,
    plans: Mutex<Vec<Variant>>,
}

impl CpuKernel {
    /// Checks and compiles a kernel.
    ///
    /// # Errors
    /// What [`Kernel::check`] finds.
    pub fn new(kernel: &Kernel) -> Result<Self, EventError> {
        let outputs = kernel.check()?;
        Ok(Self { kernel: kernel.clone(), outputs, plans: Mutex::default() })
    }

    /// The kernel it was made from.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Types of the outputs.
    #[must_use]
    pub fn outputs(&self) -> &[OutputType] {
        &self.outputs
    }

    /// Evaluates the kernel for `rows` events. `inputs` are the slices of [`Kernel::columns`], in that order.
    ///
    /// # Errors
    /// Slices that do not fit the kernel or each other, and a raised cancel flag.
    pub fn run(
        &self,
        rows: usize,
        inputs: &[InputSlice<'_>],
        scratch: &mut Scratch,
    ) -> Result<Vec<Output>, EventError> {
        input::check(&self.kernel, rows, inputs)?;
        let plan = self.plan(inputs);
        run::run(&self.kernel, &plan, rows, inputs, scratch)
    }

    /// Whether slices fit the kernel and each other.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self, rows: usize, inputs: &[InputSlice<'_>]) -> Result<(), EventError> {
        input::check(&self.kernel, rows, inputs)
    }

    /// The plan for inputs of which these bring a validity bitmap.
    fn plan(&self, inputs: &[InputSlice<'_>]) -> Arc<Plan> {
        let mut nullable = vec![false; self.kernel.inputs.len()];
        for ((id, _), slice) in self.kernel.columns().zip(inputs) {
            nullable[id] = slice.validity.is_some();
        }
        // A poisoned lock only means that another thread was stopped while it added a plan.
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, plan)) = plans.iter().find(|(known, _)| *known == nullable) {
            return Arc::clone(plan);
        }
        if plans.len() >= MOST_PLANS {
            // A plan that expects NULLs everywhere serves for all.
            nullable.fill(true);
            if let Some((_, plan)) = plans.iter().find(|(known, _)| *known == nullable) {
                return Arc::clone(plan);
            }
        }
        let plan = Arc::new(compile::compile(&self.kernel, &nullable));
        plans.push((nullable, Arc::clone(&plan)));
        plan
    }
}
