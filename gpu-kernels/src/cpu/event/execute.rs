//! Running straight-line programs on lanes.

use super::error::EventError;
use super::graph::{Class, Node, OBJECT, OUTER};
use super::integer;
use super::lanes::{Frame, LaneSet, Own};
use super::load::{self, Index};
use super::output::{Lanes, Results};
use super::plan::{Instruction, Program, QueryPlan};
use super::run::Executor;
use super::scratch::{Lane, Registers};

impl Executor<'_> {
    /// Runs a program for the lanes of a frame.
    pub(super) fn execute(
        &mut self,
        plan: &QueryPlan,
        program: &Program,
        registers: &mut Registers,
        calls: &mut [Results],
        frame: &Frame<'_>,
    ) -> Result<(), EventError> {
        for instruction in &program.code {
            match instruction.node {
                Node::Call(call) if frame.called.is_none() => {
                    let lanes = self.callee_lanes(&plan.calls[call].vars, frame);
                    calls[call] = self.query(&plan.calls[call].plan, &lanes)?;
                }
                Node::Call(_) => {}
                _ => match instruction.class {
                    Class::Float => self.float(instruction, registers, calls, frame),
                    Class::Int => self.int(instruction, registers, calls, frame),
                    Class::Mask => self.mask(instruction, registers, calls, frame),
                },
            }
        }
        Ok(())
    }

    /// The lanes a nested query is evaluated for, when its variables are numbered `vars` here.
    pub(super) fn callee_lanes(&self, vars: &[usize], frame: &Frame<'_>) -> LaneSet {
        let list = |index: Index<'_>| -> Vec<u32> {
            (0..frame.lanes).map(|lane| u32::try_from(index.at(lane)).unwrap_or(u32::MAX)).collect()
        };
        let outer = vars.iter().map(|&var| match (var.checked_sub(OUTER), frame.own) {
            (Some(outer), _) => list(Index::List(&frame.outer[outer]).skip(frame.outer_from)),
            (None, Own::Object(index)) => list(index),
            (None, Own::Best { objects, .. }) => list(Index::List(&objects[var])),
            (None, Own::Current(current)) => current.objects(var),
            (None, Own::None) => Vec::new(),
        });
        LaneSet { event: list(frame.event), every_event: false, outer: outer.collect() }
    }

    /// Which objects the lanes read through a variable.
    fn objects<'f>(var: usize, frame: &Frame<'f>) -> Index<'f> {
        match (var, frame.own) {
            (OBJECT, Own::Object(index)) => index,
            (_, Own::Best { objects, .. }) if var < OUTER => Index::List(&objects[var]),
            _ if (OUTER..OBJECT).contains(&var) => {
                Index::List(&frame.outer[var - OUTER]).skip(frame.outer_from)
            }
            _ => Index::List(&[]),
        }
    }

    fn float(
        &self,
        instruction: &Instruction,
        registers: &mut Registers,
        calls: &[Results],
        frame: &Frame<'_>,
    ) {
        let (lanes, vector) = (registers.padded(frame.lanes), self.vector);
        let args = &instruction.args;
        let n = frame.lanes;
        if let Some(cosine) = instruction.cosine {
            return registers.write_both([instruction.to, cosine], lanes, |r, [sine, cosine]| {
                vector.sine_cosine(sine, cosine, r.read(args[0], lanes));
            });
        }
        registers.write(instruction.to, lanes, |r, to: &mut [f64]| match &instruction.node {
            Node::ConstFloat(bits) => to.fill(f64::from_bits(*bits)),
            Node::Event(input) => load::floats(&mut to[..n], self.chunk.column(*input), frame.event),
            Node::Field { var, input } => {
                load::floats(&mut to[..n], self.chunk.column(*input), Self::objects(*var, frame));
                // What was there before could be out of the range in which functions of it are fast.
                to[n..].fill(0.0);
            }
            Node::Element { input, .. } => {
                let places = self.places(*input, r.read(args[0], n), frame);
                load::floats(&mut to[..n], self.chunk.column(*input), Index::List(&places));
            }
            Node::Result { query, output, .. } => {
                if let Lanes::Float(from) = &calls[*query].columns[*output].values {
                    let first = frame.called.unwrap_or(0);
                    to[..n].copy_from_slice(&from[first..first + n]);
                }
            }
            Node::Hoisted { query, output, .. } => {
                if let Lanes::Float(from) = &self.chunk.hoisted[*query].columns[*output].values {
                    load::gather(&mut to[..n], from, frame.event, |value| value);
                }
            }
            Node::RowAt { slot, var, .. } => row_at(&mut to[..n], r, *slot, *var, frame),
            Node::Float1(op, _) => vector.float1(*op, to, r.read(args[0], lanes)),
            Node::Float2(op, ..) => vector.float2(*op, to, r.read(args[0], lanes), r.read(args[1], lanes)),
            Node::IntToFloat(ty, _) => vector.map(to, r.read(args[0], lanes), |x| integer::to_float(*ty, x)),
            Node::IntToSingle(ty, _) => {
                vector.map(to, r.read(args[0], lanes), |x| integer::to_single(*ty, x))
            }
            Node::Select(..) => select(self, to, r, instruction, lanes),
            Node::MassOfSum(_) => vector.mass_of_sum(to, std::array::from_fn(|at| r.read(args[at], lanes))),
            _ => {}
        });
    }

    fn int(
        &self,
        instruction: &Instruction,
        registers: &mut Registers,
        calls: &[Results],
        frame: &Frame<'_>,
    ) {
        let (lanes, vector) = (registers.padded(frame.lanes), self.vector);
        let args = &instruction.args;
        let n = frame.lanes;
        registers.write(instruction.to, lanes, |r, to: &mut [i64]| match &instruction.node {
            Node::ConstInt(value) => to.fill(*value),
            Node::Event(input) => load::ints(&mut to[..n], self.chunk.column(*input), frame.event),
            Node::Field { var, input } => {
                load::ints(&mut to[..n], self.chunk.column(*input), Self::objects(*var, frame));
            }
            Node::Index { var, collection } => {
                let objects = Self::objects(*var, frame);
                let offsets = &self.chunk.offsets[*collection][..];
                let first = offsets.first().copied().map_or(0, i64::from);
                load::gather(&mut to[..n], offsets, frame.event, |start: i32| first - i64::from(start));
                match objects {
                    Index::From(from) => (0i64..).zip(&mut to[..n]).for_each(|(lane, to)| {
                        *to += i64::try_from(from).unwrap_or(0) + lane;
                    }),
                    Index::List(list) => {
                        to[..n].iter_mut().zip(list).for_each(|(to, object)| *to += i64::from(*object));
                    }
                }
            }
            Node::Length(collection) => {
                for (lane, to) in to[..n].iter_mut().enumerate() {
                    let row = frame.event.at(lane);
                    let (start, end) =
                        (self.chunk.start(*collection, row), self.chunk.start(*collection, row + 1));
                    *to = i64::from(end - start);
                }
            }
            Node::Element { input, .. } => {
                let places = self.places(*input, r.read(args[0], n), frame);
                load::ints(&mut to[..n], self.chunk.column(*input), Index::List(&places));
            }
            Node::Result { query, output, .. } => {
                if let Lanes::Int(from) = &calls[*query].columns[*output].values {
                    let first = frame.called.unwrap_or(0);
                    to[..n].copy_from_slice(&from[first..first + n]);
                }
            }
            Node::Hoisted { query, output, .. } => {
                if let Lanes::Int(from) = &self.chunk.hoisted[*query].columns[*output].values {
                    load::gather(&mut to[..n], from, frame.event, |value| value);
                }
            }
            Node::RowAt { slot, var, .. } => row_at(&mut to[..n], r, *slot, *var, frame),
            Node::Int1(op, ty, _) => vector.int1(*op, *ty, to, r.read(args[0], lanes)),
            Node::Int2(op, ty, ..) => {
                vector.int2(*op, *ty, to, r.read(args[0], lanes), r.read(args[1], lanes))
            }
            Node::FloatToInt(ty, _) => {
                vector.map(to, r.read(args[0], lanes), |x| integer::from_float(*ty, x).unwrap_or(0));
            }
            Node::MaskToInt(_) => vector.map(to, r.read(args[0], lanes), |bit: u8| i64::from(bit)),
            Node::FloatOrder(_) => vector.map(to, r.read(args[0], lanes), integer::float_order),
            Node::UnsignedOrder(_) => vector.map(to, r.read(args[0], lanes), integer::unsigned_order),
            Node::Select(..) => select(self, to, r, instruction, lanes),
            _ => {}
        });
    }

    fn mask(
        &self,
        instruction: &Instruction,
        registers: &mut Registers,
        calls: &[Results],
        frame: &Frame<'_>,
    ) {
        let (lanes, vector) = (registers.padded(frame.lanes), self.vector);
        let args = &instruction.args;
        let n = frame.lanes;
        registers.write(instruction.to, lanes, |r, to: &mut [u8]| match &instruction.node {
            Node::ConstMask(value) => to.fill(u8::from(*value)),
            Node::Event(input) => load::masks(&mut to[..n], self.chunk.column(*input), frame.event),
            Node::EventValid(input) => load::validity(&mut to[..n], self.chunk.column(*input), frame.event),
            Node::Field { var, input } => {
                load::masks(&mut to[..n], self.chunk.column(*input), Self::objects(*var, frame));
            }
            Node::FieldValid { var, input } => {
                load::validity(&mut to[..n], self.chunk.column(*input), Self::objects(*var, frame));
            }
            Node::Element { input, .. } => {
                let places = self.places(*input, r.read(args[0], n), frame);
                load::masks(&mut to[..n], self.chunk.column(*input), Index::List(&places));
            }
            Node::ElementValid { input, .. } => {
                let places = self.places(*input, r.read(args[0], n), frame);
                load::validity(&mut to[..n], self.chunk.column(*input), Index::List(&places));
                for (to, place) in to.iter_mut().zip(&places) {
                    *to &= u8::from(*place != u32::MAX);
                }
            }
            Node::Result { query, output, .. } => {
                if let Lanes::Mask(from) = &calls[*query].columns[*output].values {
                    let first = frame.called.unwrap_or(0);
                    to[..n].copy_from_slice(&from[first..first + n]);
                }
            }
            Node::ResultValid { query, output, .. } => match &calls[*query].columns[*output].valid {
                Some(from) => {
                    let first = frame.called.unwrap_or(0);
                    to[..n].copy_from_slice(&from[first..first + n]);
                }
                None => to.fill(1),
            },
            Node::Hoisted { query, output, .. } => {
                if let Lanes::Mask(from) = &self.chunk.hoisted[*query].columns[*output].values {
                    load::gather(&mut to[..n], from, frame.event, |value| value);
                }
            }
            Node::HoistedValid { query, output } => {
                match &self.chunk.hoisted[*query].columns[*output].valid {
                    Some(from) => load::gather(&mut to[..n], from, frame.event, |value| value),
                    None => to.fill(1),
                }
            }
            Node::RowAt { slot, var, .. } => row_at(&mut to[..n], r, *slot, *var, frame),
            Node::Int1Exists(op, ty, _) => vector.int1_exists(*op, *ty, to, r.read(args[0], lanes)),
            Node::Int2Exists(op, ty, ..) => {
                vector.int2_exists(*op, *ty, to, r.read(args[0], lanes), r.read(args[1], lanes));
            }
            Node::FloatToIntExists(ty, _) => {
                vector.map(to, r.read(args[0], lanes), |x| u8::from(integer::from_float(*ty, x).is_some()));
            }
            Node::IntFits(from, into, _) => {
                vector.map(to, r.read(args[0], lanes), |x| u8::from(integer::fits(*from, *into, x)));
            }
            Node::IsNan(_) => vector.map(to, r.read(args[0], lanes), |x: f64| u8::from(x.is_nan())),
            Node::CompareFloat(op, ..) => {
                vector.compare_float(*op, to, r.read(args[0], lanes), r.read(args[1], lanes));
            }
            Node::CompareInt(op, ..) => {
                vector.compare_int(*op, to, r.read(args[0], lanes), r.read(args[1], lanes))
            }
            Node::And(..) => vector.zip(to, r.read(args[0], lanes), r.read(args[1], lanes), |a: u8, b| a & b),
            Node::Or(..) => vector.zip(to, r.read(args[0], lanes), r.read(args[1], lanes), |a: u8, b| a | b),
            Node::Xor(..) => vector.zip(to, r.read(args[0], lanes), r.read(args[1], lanes), |a: u8, b| a ^ b),
            Node::Not(_) => vector.map(to, r.read(args[0], lanes), |a: u8| a ^ 1),
            Node::Select(..) => select(self, to, r, instruction, lanes),
            _ => {}
        });
    }

    /// Places of list elements in their column; `u32::MAX` where there is no such element.
    fn places(&self, input: usize, index: &[i64], frame: &Frame<'_>) -> Vec<u32> {
        let collection = self.collections[input];
        let place = |(lane, index): (usize, &i64)| {
            let row = frame.event.at(lane);
            let (start, end) = (self.chunk.start(collection, row), self.chunk.start(collection, row + 1));
            let inside = *index >= 0 && *index < i64::from(end - start);
            if inside { start + u32::try_from(*index).unwrap_or(0) } else { u32::MAX }
        };
        index.iter().enumerate().map(place).collect()
    }
}

/// Rows of the combination that was kept.
fn row_at<T: Lane>(to: &mut [T], registers: &Registers, slot: usize, var: usize, frame: &Frame<'_>) {
    let Own::Best { numbers, .. } = frame.own else { return };
    let rows = registers.rows::<T>(slot);
    for ((lane, to), k) in to.iter_mut().enumerate().zip(&numbers[var]) {
        *to = rows[*k as usize * registers.width + lane];
    }
}

fn select<T: Lane>(
    executor: &Executor<'_>,
    to: &mut [T],
    r: &Registers,
    instruction: &Instruction,
    lanes: usize,
) {
    let [mask, yes, no] = instruction.args[..] else { return };
    executor.vector.select(to, r.read(mask, lanes), r.read(yes, lanes), r.read(no, lanes));
}
