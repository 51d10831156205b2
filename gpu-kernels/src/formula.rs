//! Values and masks that the back end computes by itself, from columns of the batch.

use std::sync::Arc;

use crate::cpu::event::{CpuKernel, EventError, InputSlice, Output, OutputValues, Scratch};
use crate::error::{KernelError, Result};
use crate::fill::{Bitmap, Column, Level, Values};
use crate::ir::{OutputType, Type};
use crate::plan::{PlanBatch, PlanValue};

/// A kernel of the plan. Where a batch has the values that it gives, there is only a place for them.
#[derive(Debug, Clone)]
pub struct Formula {
    /// What is computed.
    pub kernel: Arc<CpuKernel>,
    /// Numbers of the batch's inputs, one for each of the kernel's columns.
    pub inputs: Vec<usize>,
    /// What becomes of its outputs.
    pub gives: Vec<Given>,
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.kernel.kernel() == other.kernel.kernel()
            && self.inputs == other.inputs
            && self.gives == other.gives
    }
}

/// What an output of a formula is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Given {
    /// A value of the plan, one number per event.
    Value {
        /// Number of the output.
        output: usize,
        /// Number of the value.
        value: usize,
    },
    /// A further condition of a mask: an event passes where the batch's bit is 1 and the output is true.
    Mask {
        /// Number of the output.
        output: usize,
        /// Number of the mask.
        mask: usize,
    },
}

impl Given {
    /// Number of the output.
    #[must_use]
    pub fn output(&self) -> usize {
        match self {
            Self::Value { output, .. } | Self::Mask { output, .. } => *output,
        }
    }
}

impl Formula {
    /// Whether outputs are there and of types that can be what they are to be.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |what| Err(KernelError::Plan { what });
        if self.inputs.len() != self.kernel.kernel().columns().count() {
            return wrong("a formula with another number of inputs");
        }
        for given in &self.gives {
            let Some(OutputType { ty, list: false, .. }) = self.kernel.outputs().get(given.output()) else {
                return wrong("a formula that gives no such value");
            };
            if matches!(given, Given::Mask { .. }) != (*ty == Type::Bool) {
                return wrong("a formula that gives another type");
            }
        }
        Ok(())
    }

    /// The columns of a batch.
    pub(crate) fn slices<'a>(&self, batch: &PlanBatch<'a>) -> Result<Vec<InputSlice<'a>>> {
        let slice = |&input: &usize| {
            let found = batch.inputs.len();
            let expected = input + 1;
            let value = batch.inputs.get(input);
            let value = value.ok_or(KernelError::Length { what: "inputs", expected, found })?;
            if value.column.level == Level::Constant || value.lists.is_some() {
                return Err(KernelError::Plan { what: "an input of a formula that is no plain column" });
            }
            let slice = match value.offsets {
                Some(offsets) => InputSlice::list(value.column.values, offsets),
                None => InputSlice::scalar(value.column.values),
            };
            Ok(slice.with_validity(value.column.validity))
        };
        self.inputs.iter().map(slice).collect()
    }

    /// Whether a batch has the columns.
    pub(crate) fn check_batch(&self, batch: &PlanBatch<'_>) -> Result<()> {
        let slices = self.slices(batch)?;
        self.kernel.check(batch.rows, &slices).map_err(fault)
    }
}

pub(crate) fn fault(error: EventError) -> KernelError {
    KernelError::Formula { what: error.to_string() }
}

/// An output, to be lent.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    output: Output,
    valid: Option<Vec<u8>>,
    /// Booleans as bits.
    truth: Vec<u8>,
}

impl Made {
    pub(crate) fn new(output: Output) -> Self {
        let truth = match &output.values {
            OutputValues::Bool(values) => bits(values.iter().copied()),
            _ => vec![],
        };
        Self { valid: output.validity.as_ref().map(|valid| bits(valid.iter().copied())), truth, output }
    }

    pub(crate) fn value(&self) -> Result<PlanValue<'_>> {
        let rows = self.output.values.len();
        let values = match &self.output.values {
            OutputValues::Bool(_) => Values::Bool(Bitmap::new(&self.truth, 0, rows)?),
            OutputValues::I32(v) => Values::I32(v),
            OutputValues::I64(v) => Values::I64(v),
            OutputValues::U32(v) => Values::U32(v),
            OutputValues::U64(v) => Values::U64(v),
            OutputValues::F32(v) => Values::F32(v),
            OutputValues::F64(v) => Values::F64(v),
        };
        let validity = self.valid.as_ref().map(|bytes| Bitmap::new(bytes, 0, rows)).transpose()?;
        Ok(PlanValue { column: Column { values, validity, level: Level::Event }, offsets: None, lists: None })
    }

    /// Whether an entry is true.
    pub(crate) fn is_true(&self, at: usize) -> bool {
        let valid = self.output.validity.as_ref().is_none_or(|valid| valid.get(at) == Some(&true));
        valid && matches!(&self.output.values, OutputValues::Bool(values) if values.get(at) == Some(&true))
    }
}

fn bits(of: impl ExactSizeIterator<Item = bool>) -> Vec<u8> {
    let mut bytes = vec![0; of.len().div_ceil(8)];
    of.enumerate().for_each(|(at, bit)| bytes[at / 8] |= u8::from(bit) << (at % 8));
    bytes
}

/// Calls `with` with the batch as it is once the formulas in it are computed.
pub(crate) fn made<R>(
    formulas: &[Formula],
    batch: &PlanBatch<'_>,
    with: impl FnOnce(&PlanBatch<'_>) -> Result<R>,
) -> Result<R> {
    let mut scratch = Scratch::default();
    let (mut of_value, mut of_mask) = (vec![], vec![]);
    for formula in formulas {
        let outputs = formula.kernel.run(batch.rows, &formula.slices(batch)?, &mut scratch);
        let outputs: Vec<Made> = outputs.map_err(fault)?.into_iter().map(Made::new).collect();
        for given in &formula.gives {
            let made = &outputs[given.output()];
            match *given {
                Given::Value { value, .. } => of_value.push((value, made.clone())),
                Given::Mask { mask, .. } => {
                    let given = batch.masks[mask];
                    let passed = (0..batch.rows).map(|row| given.get(row) && made.is_true(row));
                    of_mask.push((mask, bits(passed)));
                }
            }
        }
    }
    let mut values = batch.values.to_vec();
    for (value, made) in &of_value {
        values[*value] = made.value()?;
    }
    let mut masks = batch.masks.to_vec();
    for (mask, bytes) in &of_mask {
        masks[*mask] = Bitmap::new(bytes, 0, batch.rows)?;
    }
    with(&PlanBatch { values: &values, masks: &masks, ..*batch })
}
