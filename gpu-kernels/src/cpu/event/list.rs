//! Lists of combinations: every one taken, put in order lane by lane when all have been seen.

use super::graph::Class;
use super::output::{LaneColumn, Lanes, Results};
use super::plan::{Place, Value};
use super::scratch::{Lane, Registers};

/// Combinations taken, in the order in which the loops find them.
#[derive(Debug, Default)]
pub(super) struct ListState {
    lane: Vec<u32>,
    values: Vec<LaneColumn>,
    keys: Vec<Vec<i64>>,
}

/// What of the ordered combinations is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) offset: u64,
    pub(super) limit: Option<u64>,
    /// One value per lane, NULL when there is none, rather than a list.
    pub(super) single: bool,
}

impl Lanes {
    pub(super) fn new(class: Class, lanes: usize) -> Self {
        match class {
            Class::Float => Self::Float(vec![0.0; lanes]),
            Class::Int => Self::Int(vec![0; lanes]),
            Class::Mask => Self::Mask(vec![0; lanes]),
        }
    }

    /// The entries with these numbers.
    pub(super) fn pick(&self, numbers: impl Iterator<Item = usize>) -> Self {
        match self {
            Self::Float(from) => Self::Float(numbers.map(|number| from[number]).collect()),
            Self::Int(from) => Self::Int(numbers.map(|number| from[number]).collect()),
            Self::Mask(from) => Self::Mask(numbers.map(|number| from[number]).collect()),
        }
    }
}

fn append<T: Lane>(to: &mut Vec<T>, registers: &Registers, place: Place, taken: &[u32], lanes: usize) {
    let from: &[T] = registers.read(place, lanes);
    to.extend(taken.iter().map(|lane| from[*lane as usize]));
}

impl ListState {
    pub(super) fn new(values: &[Value], keys: &[Place]) -> Self {
        let column = |value: &Value| LaneColumn {
            values: Lanes::new(Class::of(value.ty), 0),
            valid: value.valid.map(|_| Vec::new()),
        };
        let values = values.iter().map(column).collect();
        Self { lane: Vec::new(), values, keys: vec![Vec::new(); keys.len()] }
    }

    pub(super) fn len(&self) -> usize {
        self.lane.len()
    }

    /// Appends the combination for the block's lanes `taken`, whose numbers in the lane set are in `lanes`.
    pub(super) fn step(
        &mut self,
        values: &[Value],
        keys: &[Place],
        registers: &Registers,
        taken: &[u32],
        lanes: &[u32],
    ) {
        self.lane.extend(taken.iter().map(|lane| lanes[*lane as usize]));
        let width = taken.last().map_or(0, |last| *last as usize + 1);
        for (column, value) in self.values.iter_mut().zip(values) {
            match &mut column.values {
                Lanes::Float(to) => append(to, registers, value.place, taken, width),
                Lanes::Int(to) => append(to, registers, value.place, taken, width),
                Lanes::Mask(to) => append(to, registers, value.place, taken, width),
            }
            if let (Some(to), Some(valid)) = (&mut column.valid, value.valid) {
                append(to, registers, valid, taken, width);
            }
        }
        for (to, key) in self.keys.iter_mut().zip(keys) {
            append(to, registers, *key, taken, width);
        }
    }

    /// Appends the values of the first `lanes` lanes, for lists that need no order.
    pub(super) fn append_all(&mut self, values: &[Value], registers: &Registers, lanes: usize) {
        for (column, value) in self.values.iter_mut().zip(values) {
            match &mut column.values {
                Lanes::Float(to) => to.extend_from_slice(registers.read(value.place, lanes)),
                Lanes::Int(to) => to.extend_from_slice(registers.read(value.place, lanes)),
                Lanes::Mask(to) => to.extend_from_slice(registers.read(value.place, lanes)),
            }
            if let (Some(to), Some(valid)) = (&mut column.valid, value.valid) {
                to.extend_from_slice(registers.read(valid, lanes));
            }
        }
    }

    /// The values as they were appended.
    pub(super) fn into_columns(self) -> Vec<LaneColumn> {
        self.values
    }

    /// Numbers of the combinations of every lane, in order and cut.
    fn ordered(&self, lanes: usize, cut: Cut) -> (Vec<u32>, Vec<usize>) {
        let mut ends = vec![0usize; lanes + 1];
        for lane in &self.lane {
            ends[*lane as usize + 1] += 1;
        }
        for lane in 0..lanes {
            ends[lane + 1] += ends[lane];
        }
        let mut next = ends.clone();
        let mut numbers = vec![0u32; self.lane.len()];
        for (number, lane) in (0u32..).zip(&self.lane) {
            numbers[next[*lane as usize]] = number;
            next[*lane as usize] += 1;
        }
        let offset = usize::try_from(cut.offset).unwrap_or(usize::MAX);
        let limit = cut.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let mut offsets = vec![0];
        let mut kept = 0;
        for lane in 0..lanes {
            let list = &mut numbers[ends[lane]..ends[lane + 1]];
            if !self.keys.is_empty() && list.len() > 1 {
                // Stable: combinations with equal keys stay as the loops found them.
                list.sort_by(|a, b| {
                    let keys = self.keys.iter().map(|key| key[*a as usize].cmp(&key[*b as usize]));
                    keys.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
                });
            }
            let from = ends[lane] + offset.min(ends[lane + 1] - ends[lane]);
            let to = from + limit.min(ends[lane + 1] - from);
            numbers.copy_within(from..to, kept);
            kept += to - from;
            offsets.push(kept);
        }
        numbers.truncate(kept);
        (numbers, offsets)
    }

    /// The lists of all lanes, or one value for each.
    pub(super) fn finish(self, lanes: usize, cut: Cut) -> Results {
        let (numbers, offsets) = self.ordered(lanes, cut);
        let lists = |column: LaneColumn| LaneColumn {
            values: column.values.pick(numbers.iter().map(|number| *number as usize)),
            valid: column.valid.map(|valid| numbers.iter().map(|number| valid[*number as usize]).collect()),
        };
        let mut columns: Vec<_> = self.values.into_iter().map(lists).collect();
        if !cut.single {
            return Results { columns, offsets };
        }
        for column in &mut columns {
            let count = offsets.last().copied().unwrap_or(0);
            let valid = column.valid.take().unwrap_or_else(|| vec![1; count]);
            let mut one =
                LaneColumn { values: Lanes::new(column.values.class(), lanes), valid: Some(vec![0; lanes]) };
            for lane in (0..lanes).filter(|lane| offsets[*lane] < offsets[lane + 1]) {
                let from = offsets[lane];
                match (&mut one.values, &column.values) {
                    (Lanes::Float(to), Lanes::Float(values)) => to[lane] = values[from],
                    (Lanes::Int(to), Lanes::Int(values)) => to[lane] = values[from],
                    (Lanes::Mask(to), Lanes::Mask(values)) => to[lane] = values[from],
                    _ => {}
                }
                if let Some(to) = &mut one.valid {
                    to[lane] = valid[from];
                }
            }
            *column = one;
        }
        Results { columns, offsets: Vec::new() }
    }
}

impl Lanes {
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Float(_) => Class::Float,
            Self::Int(_) => Class::Int,
            Self::Mask(_) => Class::Mask,
        }
    }
}
