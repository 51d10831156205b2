//! Thousands of random kernels agree with the naive interpreter, to the bit.

use std::io::Write;

use ana_kernels::cpu::event::{CpuKernel, Output, OutputValues, Scratch};
use ana_kernels::ir::physics::FourVector;
use ana_kernels::ir::{
    BinaryOp, Collection, ColumnType, Expr, Generator, Input, Kernel, OrderKey, Query, Reduction, Source,
    Type, UnaryOp, VarId,
};

use crate::naive::{self, Answer, Column, Event, V, Value};
use crate::random::{self, Random};
use crate::slices::Columns;

/// Bits, with all NaNs alike, so that results compare.
fn bits(value: Value) -> Option<u64> {
    value.map(|value| match value {
        V::Bool(value) => value.into(),
        V::I32(value) => value as u64,
        V::I64(value) => value as u64,
        V::U32(value) => value.into(),
        V::U64(value) => value,
        V::F32(value) if value.is_nan() => 0xdead,
        V::F64(value) if value.is_nan() => 0xdead,
        V::F32(value) => value.to_bits().into(),
        V::F64(value) => value.to_bits(),
    })
}

fn entry(output: &Output, at: usize) -> Value {
    if output.validity.as_ref().is_some_and(|validity| !validity[at]) {
        return None;
    }
    Some(match &output.values {
        OutputValues::Bool(v) => V::Bool(v[at]),
        OutputValues::I32(v) => V::I32(v[at]),
        OutputValues::I64(v) => V::I64(v[at]),
        OutputValues::U32(v) => V::U32(v[at]),
        OutputValues::U64(v) => V::U64(v[at]),
        OutputValues::F32(v) => V::F32(v[at]),
        OutputValues::F64(v) => V::F64(v[at]),
    })
}

fn assert_same(outputs: &[Output], kernel: &Kernel, events: &[Event], what: &str) {
    for (row, event) in events.iter().enumerate() {
        for (number, want) in naive::evaluate(kernel, event).into_iter().enumerate() {
            let output = &outputs[number];
            let (got, want): (Vec<_>, Vec<_>) = match (&output.offsets, want) {
                (None, Answer::One(want)) => (vec![bits(entry(output, row))], vec![bits(want)]),
                (Some(offsets), Answer::Many(want)) => {
                    let list = offsets[row] as usize..offsets[row + 1] as usize;
                    (list.map(|at| bits(entry(output, at))).collect(), want.into_iter().map(bits).collect())
                }
                (_, want) => panic!("{what}: {want:?}"),
            };
            assert!(
                got == want,
                "{what}, row {row}, output {number}\n got {got:x?}\nwant {want:x?}\n{event:?}\n{kernel}\n{}",
                kernel.to_text()
            );
        }
    }
}

fn run(kernel: &Kernel, events: &[Event], shift: usize) -> Vec<Output> {
    let compiled = CpuKernel::new(kernel).unwrap();
    let columns = Columns::new(kernel, events, shift);
    compiled.run(events.len(), &columns.slices(), &mut Scratch::default()).unwrap()
}

/// `ANA_SEED` and `ANA_KERNELS` choose others, and how many.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn random_kernels_agree_with_the_naive_interpreter() {
    let (seed, kernels) = (setting("ANA_SEED", 1), setting("ANA_KERNELS", 3000));
    writeln!(std::io::stderr(), "{kernels} random kernels from seed {seed}").unwrap();
    for number in 0..kernels {
        let mut random = Random(seed << 32 | number);
        let kernel = random::kernel(&mut random);
        let what = format!("seed {seed}, kernel {number}");
        kernel.check().unwrap_or_else(|error| panic!("{what}: {error}\n{kernel}"));
        assert_eq!(Kernel::from_text(&kernel.to_text()).as_ref(), Ok(&kernel), "{what}");
        let count = random.pick(&[0, 1, 7, 20, 20, 40]);
        let events = random::events(&mut random, &kernel, count);
        assert_same(&run(&kernel, &events, 2), &kernel, &events, &what);
    }
}

/// `SELECT idx(…) … ORDER BY abs(mass(…) - target) LIMIT 1` over one collection or two, with conditions or without.
fn nearest(random: &mut Random) -> Kernel {
    let mut inputs = Vec::new();
    for collection in 0..2 {
        let field = |at| Input {
            name: format!("field_{collection}_{at}"),
            ty: ColumnType::F32,
            source: Source::List(collection),
        };
        inputs.extend((0..4).map(field));
    }
    let collections = ["A", "B"].map(|name| Collection { name: name.to_owned(), parts: Vec::new() });
    let field = |var: VarId, input: usize| Expr::Field { var, input }.cast(Type::F64);
    let mut generators: Vec<Generator> = Vec::new();
    for var in 0..random.pick(&[2u32, 3, 3, 4]) {
        let collection = if random.chance(20) { 1 } else { 0 };
        let earlier = generators.iter().rev().find(|earlier| earlier.collection == collection);
        let after = earlier.map(|earlier| earlier.var).filter(|_| random.chance(80));
        generators.push(Generator { var, name: format!("o{var}"), collection, after });
    }
    let p4 = |generator: &Generator| {
        let at = |at| field(generator.var, 4 * generator.collection + at);
        FourVector::new(at(0), at(1), at(2), at(3))
    };
    let sum = generators.iter().map(p4).reduce(FourVector::plus).unwrap();
    let target = random.pick(&[0.0, 1.5, 91.2, -2.0]);
    let expr = sum.mass().binary(BinaryOp::Sub, target.into()).unary(UnaryOp::Abs);
    let mut predicate = Vec::new();
    for generator in &generators {
        if random.chance(20) {
            let (var, first) = (generator.var, 4 * generator.collection);
            predicate.push(field(var, first).binary(random.pick(&[BinaryOp::Gt, BinaryOp::Le]), 0.5.into()));
        }
    }
    let mut values: Vec<Expr> = generators.iter().map(|generator| Expr::Index(generator.var)).collect();
    values.extend([sum.mass(), sum.pt()]);
    let order_by = vec![OrderKey { expr, descending: false, nulls_first: false }];
    let body = Query { generators, predicate, reduction: Reduction::First { values, order_by, offset: 0 } };
    Kernel { inputs, collections: collections.into(), body }
}

#[test]
fn the_nearest_mass_agrees_with_the_naive_interpreter() {
    for number in 0..600 {
        let mut random = Random(setting("ANA_SEED", 1) << 40 | number);
        let kernel = nearest(&mut random);
        let mut events = random::events(&mut random, &kernel, random_count(number));
        if number % 3 != 0 {
            // Without NULLs, the usual case.
            for list in events.iter_mut().flatten() {
                if let Column::List(values) = list {
                    values.iter_mut().for_each(|value| *value = value.or(Some(V::F32(1.25))));
                }
            }
        }
        assert_same(&run(&kernel, &events, 2), &kernel, &events, &format!("kernel {number}"));
    }
}

fn random_count(number: u64) -> usize {
    // Now and then several blocks.
    if number % 50 == 7 { 1200 } else { [1, 5, 13, 40][number as usize % 4] }
}
