//! Memory that runs reuse.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::EventError;
use super::graph::Class;
use super::output::Results;
use super::plan::{Place, QueryPlan, ROW_CURSOR};
use super::reduce::State;

/// Most lanes of a block. A register of a block is 4 KiB then: few enough for the operands of an operation to stay in the
/// first-level cache, enough to pay for starting it.
pub(super) const WIDTH: usize = 512;
/// Lanes are worked on in multiples of this, where there is room for them.
const PADDING: usize = 16;

/// Buffers that are kept from run to run; one per thread.
#[derive(Debug, Default)]
pub struct Scratch {
    cancel: Option<Arc<AtomicBool>>,
    /// Which plan the buffers were made for.
    pub(super) plan: usize,
    pub(super) queries: Vec<QueryScratch>,
}

impl Scratch {
    /// Buffers for runs that end with [`EventError::Cancelled`] soon after the flag is raised.
    #[must_use]
    pub fn with_cancel(cancel: Arc<AtomicBool>) -> Self {
        Self { cancel: Some(cancel), ..Self::default() }
    }

    pub(super) fn cancel(&self) -> Cancel {
        Cancel(self.cancel.clone())
    }
}

/// The flag that ends a run early.
#[derive(Debug, Clone)]
pub(super) struct Cancel(Option<Arc<AtomicBool>>);

impl Cancel {
    #[inline]
    pub(super) fn check(&self) -> Result<(), EventError> {
        match &self.0 {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(EventError::Cancelled),
            _ => Ok(()),
        }
    }
}

/// Objects of a group: those of the collection that pass the group's tests.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// For every event its first object, and one more: the end.
    pub(super) start: Vec<u32>,
    /// For every event, how many.
    pub(super) count: Vec<u32>,
    /// Their places in the collection; `None`: all objects.
    pub(super) objects: Option<Vec<u32>>,
}

/// Buffers of one query.
#[derive(Debug, Default)]
pub(super) struct QueryScratch {
    pub(super) registers: Registers,
    /// Results of nested queries.
    pub(super) calls: Vec<Results>,
    /// The chunk for which `selections` hold.
    pub(super) chunk: Option<u64>,
    pub(super) selections: Vec<Selection>,
    pub(super) state: State,
    /// Masks of the levels.
    pub(super) masks: Vec<Vec<u8>>,
}

/// Registers, rows, and where the loops stand.
#[derive(Debug, Default)]
pub(super) struct Registers {
    floats: Vec<Vec<f64>>,
    ints: Vec<Vec<i64>>,
    masks: Vec<Vec<u8>>,
    float_rows: Vec<Vec<f64>>,
    int_rows: Vec<Vec<i64>>,
    mask_rows: Vec<Vec<u8>>,
    /// Lanes of a row.
    pub(super) width: usize,
    /// Place of each variable in its group, and of the row being filled.
    pub(super) cursor: [usize; ROW_CURSOR + 1],
}

impl QueryScratch {
    pub(super) fn prepare(&mut self, plan: &QueryPlan) {
        let registers = &mut self.registers;
        registers.floats.resize_with(plan.registers[Class::Float.index()], || vec![0.0; WIDTH]);
        registers.ints.resize_with(plan.registers[Class::Int.index()], || vec![0; WIDTH]);
        registers.masks.resize_with(plan.registers[Class::Mask.index()], || vec![0; WIDTH]);
        registers.float_rows.resize_with(plan.slots[Class::Float.index()].len(), Vec::new);
        registers.int_rows.resize_with(plan.slots[Class::Int.index()].len(), Vec::new);
        registers.mask_rows.resize_with(plan.slots[Class::Mask.index()].len(), Vec::new);
        registers.width = WIDTH;
        self.calls.resize_with(plan.calls.len(), Results::default);
        self.masks.resize_with(plan.levels.len(), || vec![0; WIDTH]);
        self.selections.resize_with(plan.groups.len(), Selection::default);
    }
}

/// Access to the values of one class.
pub(super) trait Lane: Copy + Default + 'static {
    fn registers(registers: &Registers) -> (&[Vec<Self>], &[Vec<Self>]);
    fn registers_mut(registers: &mut Registers) -> (&mut [Vec<Self>], &mut [Vec<Self>]);
}

macro_rules! lane {
    ($type:ty, $registers:ident, $rows:ident) => {
        impl Lane for $type {
            fn registers(registers: &Registers) -> (&[Vec<Self>], &[Vec<Self>]) {
                (&registers.$registers, &registers.$rows)
            }

            fn registers_mut(registers: &mut Registers) -> (&mut [Vec<Self>], &mut [Vec<Self>]) {
                (&mut registers.$registers, &mut registers.$rows)
            }
        }
    };
}

lane!(f64, floats, float_rows);
lane!(i64, ints, int_rows);
lane!(u8, masks, mask_rows);

impl Registers {
    /// Rows for blocks of `width` lanes with `rows` objects in each group.
    pub(super) fn shape(&mut self, slots: &[Vec<usize>; 3], width: usize, rows: &[usize]) {
        fn grow<T: Copy + Default>(slots: &mut [Vec<T>], groups: &[usize], width: usize, rows: &[usize]) {
            for (slot, group) in slots.iter_mut().zip(groups) {
                let needed = rows.get(*group).map_or(0, |rows| rows * width);
                if slot.len() < needed {
                    slot.resize(needed, T::default());
                }
            }
        }
        self.width = width;
        grow(&mut self.float_rows, &slots[0], width, rows);
        grow(&mut self.int_rows, &slots[1], width, rows);
        grow(&mut self.mask_rows, &slots[2], width, rows);
    }

    /// Gives back what a rare, huge event needed.
    pub(super) fn shrink(&mut self, most: usize) {
        fn cut<T>(slots: &mut [Vec<T>], most: usize) {
            for slot in slots.iter_mut().filter(|slot| slot.len() > most) {
                slot.truncate(most);
                slot.shrink_to_fit();
            }
        }
        cut(&mut self.float_rows, most);
        cut(&mut self.int_rows, most);
        cut(&mut self.mask_rows, most);
    }

    /// How many lanes to work on so that `lanes` are done and loops need no remainder.
    #[inline]
    pub(super) fn padded(&self, lanes: usize) -> usize {
        lanes.next_multiple_of(PADDING).min(self.width).min(WIDTH)
    }

    #[inline]
    pub(super) fn read<T: Lane>(&self, place: Place, lanes: usize) -> &[T] {
        let (registers, rows) = T::registers(self);
        match place {
            Place::Register(register) => &registers[register][..lanes],
            Place::Row { slot, cursor } => {
                let start = self.cursor[cursor] * self.width;
                &rows[slot][start..start + lanes]
            }
        }
    }

    /// A row of any object.
    #[inline]
    pub(super) fn rows<T: Lane>(&self, slot: usize) -> &[T] {
        &T::registers(self).1[slot]
    }

    /// Computes a value: its lanes are filled by `compute`, which may read all other registers and rows.
    #[inline(always)]
    pub(super) fn write<T: Lane>(
        &mut self,
        place: Place,
        lanes: usize,
        compute: impl FnOnce(&Self, &mut [T]),
    ) {
        let (start, mut values) = self.detach::<T>(place);
        compute(self, &mut values[start..start + lanes]);
        *self.slot(place) = values;
    }

    /// Computes two values.
    pub(super) fn write_both<T: Lane>(
        &mut self,
        places: [Place; 2],
        lanes: usize,
        compute: impl FnOnce(&Self, [&mut [T]; 2]),
    ) {
        let [mut one, mut two] = places.map(|place| self.detach::<T>(place));
        compute(self, [&mut one.1[one.0..one.0 + lanes], &mut two.1[two.0..two.0 + lanes]]);
        *self.slot(places[0]) = one.1;
        *self.slot(places[1]) = two.1;
    }

    /// The values of a place, taken out, and where they begin.
    #[inline(always)]
    fn detach<T: Lane>(&mut self, place: Place) -> (usize, Vec<T>) {
        let start = match place {
            Place::Register(_) => 0,
            Place::Row { cursor, .. } => self.cursor[cursor] * self.width,
        };
        (start, std::mem::take(self.slot(place)))
    }

    #[inline(always)]
    fn slot<T: Lane>(&mut self, place: Place) -> &mut Vec<T> {
        let (registers, rows) = T::registers_mut(self);
        match place {
            Place::Register(register) => &mut registers[register],
            Place::Row { slot, .. } => &mut rows[slot],
        }
    }
}
