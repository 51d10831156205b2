//! The bounds that shaders compute hold what the CPU computes: every value of the CPU is made an edge of the axis, and so is the
//! next float above it, so that a bound on the wrong side puts an event into another bin. Without an adapter there is
//! nothing to compare with, which is said, and is a failure where `ANA_REQUIRE_GPU` is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]
#![allow(clippy::print_stderr, reason = "what was not tested is said")]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "test values")]
#![cfg(feature = "gpu")]

use std::f64::consts::PI;
use std::sync::Arc;

use ana_hist::Axis;
use ana_kernels::cpu::event::{CpuKernel, InputSlice, OutputValues, Scratch};
use ana_kernels::ir::physics::{FourVector, delta_r};
use ana_kernels::ir::{
    BinaryOp as B, ColumnType, Expr, Input, Kernel, Query, Reduction, Source, Type, UnaryOp as U,
};
use ana_kernels::{
    Backend, BinPlan, Column, DeviceChoice, FillPlan, Formula, Given, PlanBatch, PlanValue, PlannedFill,
    Selection, Values,
};

fn device() -> Option<Backend> {
    match Backend::open(DeviceChoice::Gpu(None)) {
        Ok(backend) => Some(backend),
        Err(error) if std::env::var_os("ANA_REQUIRE_GPU").is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("not tested: {error}");
            None
        }
    }
}

/// Columns: four of single precision, as ROOT has them, and four of double precision.
const COLUMNS: usize = 8;

fn kernel(value: Expr) -> Kernel {
    let input = |number: usize| {
        let ty = if number < 4 { ColumnType::F32 } else { ColumnType::F64 };
        Input { name: format!("x{number}"), ty, source: Source::Scalar }
    };
    let reduction = Reduction::First { values: vec![value], order_by: vec![], offset: 0 };
    let body = Query { generators: vec![], predicate: vec![], reduction };
    Kernel { inputs: (0..COLUMNS).map(input).collect(), collections: vec![], body }
}

fn x(number: usize) -> Expr {
    let value = Expr::Scalar(number);
    if number < 4 { value.cast(Type::F64) } else { value }
}

/// Expressions with a name, over columns from `first` on.
fn expressions(first: usize) -> Vec<(&'static str, Expr)> {
    let (a, b, c, d) = (x(first), x(first + 1), x(first + 2), x(first + 3));
    let of = |op| a.clone().unary(op);
    let vector = |pt: &Expr, eta: &Expr, phi: &Expr, mass: f64| {
        FourVector::new(pt.clone().unary(U::Abs), eta.clone(), phi.clone(), mass.into())
    };
    let pair = vector(&a, &b, &c, 0.105).plus(vector(&d, &c, &b, 0.105));
    vec![
        ("sin", of(U::Sin)),
        ("cos", of(U::Cos)),
        ("sinh", of(U::Sinh)),
        ("cosh", of(U::Cosh)),
        ("exp", of(U::Exp)),
        ("sqrt", of(U::Sqrt)),
        ("root of the size", of(U::Abs).unary(U::Sqrt)),
        ("wrap_phi", of(U::WrapPhi)),
        ("floor", of(U::Floor)),
        ("ceil", of(U::Ceil)),
        ("trunc", of(U::Trunc)),
        ("sign", of(U::Sign)),
        ("sum", a.clone().binary(B::Add, b.clone())),
        ("difference", a.clone().binary(B::Sub, b.clone())),
        ("product", a.clone().binary(B::Mul, b.clone())),
        ("square", a.clone().binary(B::Mul, a.clone())),
        ("ratio", a.clone().binary(B::Div, b.clone())),
        ("single precision", a.clone().cast(Type::F32).binary(B::Mul, b.clone().cast(Type::F32))),
        ("chain", a.clone().binary(B::Mul, b.clone()).binary(B::Add, c.clone()).unary(U::Sin)),
        ("delta_r", delta_r(a.clone(), b.clone(), c.clone(), d.clone())),
        ("mass", pair.mass()),
        ("pt", pair.pt()),
    ]
}

/// Ordinary numbers, and the places where functions have their corners.
fn numbers(rows: usize, column: usize) -> Vec<f64> {
    let special = [
        0.0,
        -0.0,
        1e-45,
        -1e-40,
        1.2e-38,
        -2.4e-38,
        1e-310,
        1.0,
        -1.0,
        0.5,
        64.0,
        64.1,
        40.0,
        -40.1,
        700.0,
        1e19,
        -1e20,
        1e30,
        3e38,
        -3e38,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        PI,
        -PI,
        2.0 * PI,
        PI / 2.0,
        -PI / 2.0,
        3.0 * PI,
        1.5 * PI,
        PI.next_up(),
        20.0 * PI,
        0.75,
        16_777_217.0,
    ];
    let mut state = 1 + column as u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..rows)
        .map(|row| match row % 8 {
            0 => special[(row / 8 + column) % special.len()],
            1 => (f64::from((next() * 40.0) as u32) - 20.0) * PI / 2.0,
            2 => next() * 80.0 - 40.0,
            3 => (next() * 40.0 - 20.0).exp(),
            _ => (next() * 2.0 - 1.0) * PI,
        })
        .collect()
}

#[test]
fn bounds_hold_the_value_of_the_cpu() {
    let Some(gpu) = device() else { return };
    let rows = 4000;
    let single: Vec<Vec<f32>> =
        (0..4).map(|column| numbers(rows, column).iter().map(|&x| x as f32).collect()).collect();
    let double: Vec<Vec<f64>> = (4..COLUMNS).map(|column| numbers(rows, column)).collect();
    let values: Vec<Values<'_>> =
        single.iter().map(|v| Values::F32(v)).chain(double.iter().map(|v| Values::F64(v))).collect();
    let slices: Vec<InputSlice<'_>> = values.iter().map(|&values| InputSlice::scalar(values)).collect();
    let inputs: Vec<PlanValue<'_>> = values
        .iter()
        .map(|&values| PlanValue { column: Column::events(values), offsets: None, lists: None })
        .collect();
    let mut worst = vec![];
    for first in [0, 4] {
        for (name, value) in expressions(first) {
            let kernel = Arc::new(CpuKernel::new(&kernel(value)).unwrap());
            let outputs = kernel.run(rows, &slices, &mut Scratch::default()).unwrap();
            let found: Vec<f64> = match &outputs[0].values {
                OutputValues::F64(v) => v.clone(),
                OutputValues::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
                other => panic!("{other:?}"),
            };
            let mut edges: Vec<f64> = found
                .iter()
                .flat_map(|&x| [x.next_down(), x, x.next_up()])
                .filter(|x| x.is_finite())
                .map(|x| if x == 0.0 { 0.0 } else { x })
                .collect();
            edges.sort_by(f64::total_cmp);
            edges.dedup();
            let axes = [Axis::variable(edges).unwrap(), Axis::regular(100, -5.0, 5.0).unwrap()];
            for (which, axis) in axes.into_iter().enumerate() {
                let plan = FillPlan {
                    bins: vec![BinPlan { value: 0, axis: axis.clone() }],
                    selections: vec![Selection::default()],
                    weights: vec![],
                    fills: vec![PlannedFill { bins: vec![0], selection: 0, weights: None, varied: false }],
                    formulas: vec![Formula {
                        kernel: Arc::clone(&kernel),
                        inputs: (0..COLUMNS).collect(),
                        gives: vec![Given::Value { output: 0, value: 0 }],
                    }],
                };
                let fill = |backend: &Backend| {
                    let empty = vec![plan.histogram(&plan.fills[0], None, None).unwrap()];
                    let mut filler = backend.filler(plan.clone(), empty).unwrap();
                    let nothing = Column::constant(Values::U8(&[0]));
                    let batch = PlanBatch {
                        rows,
                        groups: None,
                        group_count: 1,
                        values: &[PlanValue { column: nothing, offsets: None, lists: None }],
                        masks: &[],
                        weights: &[],
                        active: &[true],
                        inputs: &inputs,
                    };
                    filler.fill(&batch).unwrap();
                    let bytes = filler.histograms(0, 1).unwrap()[0].to_bytes();
                    (bytes, filler.undecided(), filler.events().0)
                };
                let (got, undecided, on_device) = fill(&gpu);
                assert_eq!(on_device, rows as u64, "{name}");
                assert!(got == fill(&Backend::default()).0, "{name} from column {first}, axis {which}");
                if which == 1 {
                    worst.push((undecided, name));
                }
            }
        }
    }
    worst.sort_unstable();
    eprintln!("left to the CPU of {rows} on 100 bins: {worst:?}");
    // A quarter of the numbers are those that no bound can hold.
    assert!(worst.last().unwrap().0 < rows as u64 / 2, "{worst:?}");
}
