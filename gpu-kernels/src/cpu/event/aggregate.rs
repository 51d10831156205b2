//! Aggregates: one state per lane, updated combination by combination.

use crate::ir::{AggregateFunction as Function, Type};

use super::graph::Class;
use super::integer;
use super::output::{LaneColumn, Lanes};
use super::plan::AggregatePlan;
use super::scratch::{Registers, WIDTH};
use super::vector::Vector;

/// State of one aggregate for the lanes of a block.
#[derive(Debug, Default)]
pub(super) struct AggregateState {
    floats: Vec<f64>,
    /// Counts, integer states, and for `Avg` how many values.
    ints: Vec<i64>,
    bools: Vec<u8>,
    /// Lanes that have seen a value.
    seen: Vec<u8>,
    /// Lanes whose integer sum overflowed.
    overflow: Vec<u8>,
}

pub(super) fn reset<T: Copy>(values: &mut Vec<T>, value: T) {
    values.clear();
    values.resize(WIDTH, value);
}

impl AggregateState {
    pub(super) fn reset(&mut self, aggregate: &AggregatePlan) {
        let (float, int) = match aggregate.function {
            // The least so far; NaN, which every number beats, before the first.
            Function::Min => (f64::NAN, i64::MAX),
            Function::Max => (f64::NEG_INFINITY, i64::MIN),
            _ => (0.0, 0),
        };
        // `U64` is compared in signed order.
        reset(&mut self.floats, float);
        reset(&mut self.ints, int);
        reset(&mut self.bools, u8::from(aggregate.function == Function::BoolAnd));
        reset(&mut self.seen, 0);
        reset(&mut self.overflow, 0);
    }

    /// Takes one combination of the lanes in `take` (`None`: of all).
    pub(super) fn step(
        &mut self,
        vector: Vector,
        aggregate: &AggregatePlan,
        registers: &Registers,
        take: Option<&[u8]>,
        lanes: usize,
    ) {
        if matches!(aggregate.function, Function::Count | Function::Avg) {
            match take {
                Some(take) => vector.update(
                    &mut self.ints[..lanes],
                    take,
                    #[inline(always)]
                    |n, bit: u8| *n += i64::from(bit),
                ),
                None => self.ints[..lanes].iter_mut().for_each(|n| *n += 1),
            }
        }
        let Some(value) = aggregate.value else { return };
        match Class::of(aggregate.ty) {
            Class::Float => {
                let value = registers.read(value, lanes);
                let state = &mut self.floats[..lanes];
                match aggregate.function {
                    Function::Min => vector.fold(
                        state,
                        value,
                        take,
                        #[inline(always)]
                        |s: f64, v: f64| {
                            if (v < s) | s.is_nan() { v } else { s }
                        },
                    ),
                    Function::Max => vector.fold(
                        state,
                        value,
                        take,
                        #[inline(always)]
                        |s: f64, v: f64| {
                            if (v > s) | v.is_nan() { v } else { s }
                        },
                    ),
                    _ => vector.fold(
                        state,
                        value,
                        take,
                        #[inline(always)]
                        |s: f64, v: f64| s + v,
                    ),
                }
            }
            Class::Int => self.int(vector, aggregate, registers.read(value, lanes), take),
            Class::Mask => {
                let value = registers.read(value, lanes);
                let state = &mut self.bools[..lanes];
                match aggregate.function {
                    Function::BoolAnd => vector.fold(
                        state,
                        value,
                        take,
                        #[inline(always)]
                        |s: u8, v: u8| s & v,
                    ),
                    _ => vector.fold(
                        state,
                        value,
                        take,
                        #[inline(always)]
                        |s: u8, v: u8| s | v,
                    ),
                }
            }
        }
        match take {
            Some(take) => vector.update(
                &mut self.seen[..lanes],
                take,
                #[inline(always)]
                |seen, bit: u8| *seen |= bit,
            ),
            None => self.seen[..lanes].fill(1),
        }
    }

    fn int(&mut self, vector: Vector, aggregate: &AggregatePlan, value: &[i64], take: Option<&[u8]>) {
        let state = &mut self.ints[..value.len()];
        let order =
            |value: i64| if aggregate.ty == Type::U64 { integer::unsigned_order(value) } else { value };
        match aggregate.function {
            Function::Min => vector.fold(state, value, take, |s: i64, v: i64| s.min(order(v))),
            Function::Max => vector.fold(state, value, take, |s: i64, v: i64| s.max(order(v))),
            _ => {
                let one = |lane: usize| take.is_none_or(|take| take[lane] != 0);
                for (lane, (state, value)) in
                    state.iter_mut().zip(value).enumerate().filter(|(lane, _)| one(*lane))
                {
                    match integer::sum(aggregate.ty, *state, *value) {
                        Some(sum) => *state = sum,
                        None => self.overflow[lane] = 1,
                    }
                }
            }
        }
    }

    /// Writes the results of a block's lanes, whose numbers in the lane set are given.
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    pub(super) fn finish(&self, aggregate: &AggregatePlan, column: &mut LaneColumn, lanes: &[u32]) {
        if let Some(valid) = &mut column.valid {
            for (lane, (seen, overflow)) in lanes.iter().zip(self.seen.iter().zip(&self.overflow)) {
                valid[*lane as usize] = *seen & !*overflow;
            }
        }
        match &mut column.values {
            Lanes::Float(to) => {
                for (lane, (value, count)) in lanes.iter().zip(self.floats.iter().zip(&self.ints)) {
                    let average = aggregate.function == Function::Avg;
                    to[*lane as usize] = if average { value / *count as f64 } else { *value };
                }
            }
            Lanes::Int(to) => {
                let extreme = matches!(aggregate.function, Function::Min | Function::Max);
                let ordered = extreme && aggregate.ty == Type::U64;
                for (lane, value) in lanes.iter().zip(&self.ints) {
                    to[*lane as usize] = if ordered { integer::unsigned_order(*value) } else { *value };
                }
            }
            Lanes::Mask(to) => {
                for (lane, value) in lanes.iter().zip(&self.bools) {
                    to[*lane as usize] = *value;
                }
            }
        }
    }
}
