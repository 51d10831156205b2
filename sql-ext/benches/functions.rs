//! One line per public function: events per second on one batch of jagged events in memory. `cargo test` runs each
//! once, and fails where a function has no line.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a bench fails by panicking, and knows the sizes of its numbers"
)]
#![allow(missing_docs, reason = "criterion's macros make the items")]

use std::f32::consts::{PI, TAU};
use std::hint::black_box;
use std::sync::Arc;

use ana_hist::{Axis, ExactHistogram};
use ana_sql_ext::histogram::histogram_array;
use ana_sql_ext::{all_aggregate_functions, all_scalar_functions};
use arrow::array::{
    Array, ArrayRef, BooleanArray, Float32Array, Int16Array, ListArray, StringArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use datafusion_common::ScalarValue;
use datafusion_common::config::ConfigOptions;
use datafusion_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::aggregate::AggregateExprBuilder;
use datafusion_physical_expr::expressions::{Column, Literal};

const EVENTS: usize = 8192;

/// Deterministic numbers in [0, 1).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// The columns the calls name.
struct Events(Vec<(&'static str, ArrayRef)>);

impl Events {
    /// Events with 0 to 11 jets, stored as a reader gives them: shared offsets, f32.
    fn new() -> Self {
        let mut numbers = Numbers(1);
        let lengths: Vec<usize> = (0..EVENTS).map(|_| (numbers.next() * 12.0) as usize).collect();
        let offsets = OffsetBuffer::<i32>::from_lengths(lengths.iter().copied());
        let jets = offsets[EVENTS] as usize;
        let mut list = |scale: f32, shift: f32| -> ArrayRef {
            let values = Float32Array::from_iter_values((0..jets).map(|_| numbers.next() * scale + shift));
            let item = Arc::new(Field::new_list_field(DataType::Float32, true));
            Arc::new(ListArray::new(item, offsets.clone(), Arc::new(values), None))
        };
        let objects = |values: ArrayRef| -> ArrayRef {
            let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
            Arc::new(ListArray::new(item, offsets.clone(), values, None))
        };
        // As an index branch: -1 for none, now and then one that does not exist.
        let places = objects(Arc::new(Int16Array::from_iter_values((-1i16..8).cycle().take(jets))));
        let hard = objects(Arc::new((0..jets).map(|jet| Some(jet % 3 == 0)).collect::<BooleanArray>()));
        let (pt, eta, phi, mass) = (list(100.0, 15.0), list(5.0, -2.5), list(TAU, -PI), list(20.0, 0.0));
        let mut events = |scale: f32, shift: f32| -> ArrayRef {
            Arc::new(Float32Array::from_iter_values((0..EVENTS).map(|_| numbers.next() * scale + shift)))
        };
        let (met, met_phi, weight) = (events(200.0, 0.0), events(TAU, -PI), events(2.0, -0.5));
        let count: ArrayRef = Arc::new(UInt32Array::from_iter_values(lengths.iter().map(|&n| n as u32)));
        let run: ArrayRef =
            Arc::new(UInt32Array::from_iter_values((0..EVENTS).map(|i| 273_000 + (i / 1000) as u32)));
        let cut = |every: usize| -> ArrayRef {
            Arc::new((0..EVENTS).map(|i| Some(i % every != 0)).collect::<BooleanArray>())
        };
        let samples = ["ttbar", "DY", "WW"];
        let sample: ArrayRef = Arc::new(StringArray::from_iter_values((0..EVENTS).map(|i| samples[i % 3])));
        let mut histogram = ExactHistogram::new(vec![Axis::regular(100, 0.0, 200.0).unwrap()], true).unwrap();
        histogram.fill_one(&[50.0], 2.0);
        let histogram = histogram.finish();
        let h: ArrayRef = Arc::new(histogram_array(vec![Some(histogram)]).unwrap());
        let categories = Axis::category(vec!["all".to_owned(), "1b".to_owned()]).unwrap();
        let axes = vec![categories, Axis::regular(100, 0.0, 200.0).unwrap()];
        let by_category = ExactHistogram::new(axes, true).unwrap().finish();
        let by_category: ArrayRef = Arc::new(histogram_array(vec![Some(by_category)]).unwrap());
        Self(vec![
            ("places", places),
            ("hard", hard),
            ("by_category", by_category),
            ("pt", pt),
            ("eta", eta),
            ("phi", phi),
            ("mass", mass),
            ("MET_pt", met),
            ("MET_phi", met_phi),
            ("w", weight),
            ("nJet", count),
            ("run", run),
            ("cut3", cut(3)),
            ("cut5", cut(5)),
            ("sample", sample),
            ("h", h),
        ])
    }

    fn column(&self, name: &str) -> Option<&ArrayRef> {
        self.0.iter().find(|(column, _)| *column == name).map(|(_, array)| array)
    }
}

/// A call: names of columns, or literals.
fn calls(golden: &str) -> Vec<(&'static str, Vec<Argument>)> {
    let columns =
        |names: &[&'static str]| names.iter().map(|name| Argument::Column(name)).collect::<Vec<_>>();
    let number = |x: f64| Argument::Literal(ScalarValue::from(x));
    let whole = |n: i64| Argument::Literal(ScalarValue::from(n));
    let with = |mut arguments: Vec<Argument>, more: Argument| {
        arguments.push(more);
        arguments
    };
    let list = |values: &[f64]| {
        let values: Vec<ScalarValue> = values.iter().map(|&x| ScalarValue::from(x)).collect();
        Argument::Literal(ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Float64)))
    };
    let texts = |values: &[&str]| {
        let values: Vec<ScalarValue> = values.iter().map(|&x| ScalarValue::from(x)).collect();
        Argument::Literal(ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Utf8)))
    };
    let axis = |axis: Axis| {
        let axis = ana_sql_ext::axis::axis_array(&[Some(axis)]).unwrap();
        Argument::Literal(ScalarValue::Struct(Arc::new(axis)))
    };
    vec![
        ("all", columns(&["hard"])),
        ("any", columns(&["hard"])),
        ("argmax", columns(&["pt"])),
        ("argmin", columns(&["pt"])),
        ("argsort", columns(&["pt"])),
        ("at", with(with(columns(&["by_category"]), whole(1)), Argument::Literal(ScalarValue::from("1b")))),
        ("bins", columns(&["h"])),
        ("bins_nd", columns(&["h"])),
        ("boolean", vec![]),
        ("category", vec![texts(&["a", "b"])]),
        ("count_nonzero", columns(&["hard"])),
        ("cutflow", columns(&["cut3", "cut5", "w"])),
        ("delta_phi", columns(&["phi", "MET_phi"])),
        ("delta_r", columns(&["eta", "phi", "MET_pt", "MET_phi"])),
        ("divide", columns(&["h", "h"])),
        ("drop", columns(&["pt", "places"])),
        ("fill_none", with(columns(&["pt"]), number(-999.0))),
        ("first", columns(&["pt"])),
        ("golden_json", with(columns(&["run", "nJet"]), Argument::Literal(ScalarValue::from(golden)))),
        ("hist", with(columns(&["pt"]), axis(Axis::regular(100, 15.0, 60.0).unwrap()))),
        ("hist_add", columns(&["h", "h"])),
        ("hist_mean", columns(&["h"])),
        ("hist_std", columns(&["h"])),
        ("hist_sum", columns(&["h"])),
        ("ht", columns(&["pt"])),
        ("integer", vec![whole(0), whole(10)]),
        ("invariant_mass", columns(&["pt", "eta", "phi", "mass"])),
        ("last", columns(&["pt"])),
        ("leading", columns(&["mass", "pt"])),
        ("list_std", columns(&["pt"])),
        ("list_var", columns(&["pt"])),
        ("local_index", columns(&["pt"])),
        ("mask", columns(&["pt", "hard"])),
        ("n_minus", columns(&["nJet", "hard"])),
        ("n_obj", with(columns(&["pt"]), number(30.0))),
        ("n_obj_eq", with(with(columns(&["pt"]), whole(4)), number(30.0))),
        ("n_obj_less", with(columns(&["nJet"]), whole(4))),
        ("n_obj_min", with(with(columns(&["pt"]), whole(4)), number(30.0))),
        ("named_axis", vec![axis(Axis::boolean()), Argument::Literal(ScalarValue::from("x"))]),
        ("nminusone", columns(&["cut3", "cut5", "w"])),
        ("nth", with(columns(&["pt"]), whole(1))),
        ("project", with(columns(&["h"]), whole(1))),
        ("rebin", with(columns(&["h"]), whole(10))),
        ("regular", vec![whole(100), number(0.0), number(200.0)]),
        ("take", columns(&["pt", "places"])),
        ("transverse_mass", columns(&["pt", "phi", "MET_pt", "MET_phi"])),
        ("variable", vec![list(&[0.0, 1.0, 2.0])]),
    ]
}

enum Argument {
    Column(&'static str),
    Literal(ScalarValue),
}

fn functions(criterion: &mut Criterion) {
    let events = Events::new();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/golden.json");
    let calls = calls(golden);
    let mut group = criterion.benchmark_group("functions");
    let scalars = all_scalar_functions();
    let aggregates = all_aggregate_functions();
    for name in scalars.iter().map(|f| f.name()).chain(aggregates.iter().map(|f| f.name())) {
        assert!(calls.iter().any(|(called, _)| *called == name), "{name} has no line in this bench");
    }
    for (name, arguments) in &calls {
        let given: Vec<ColumnarValue> = arguments
            .iter()
            .map(|argument| match argument {
                Argument::Column(name) => {
                    ColumnarValue::Array(Arc::clone(events.column(name).expect("a column")))
                }
                Argument::Literal(value) => ColumnarValue::Scalar(value.clone()),
            })
            .collect();
        let rows = given.iter().find_map(|value| match value {
            ColumnarValue::Array(array) => Some(array.len()),
            ColumnarValue::Scalar(_) => None,
        });
        let rows = rows.unwrap_or(1);
        group.throughput(Throughput::Elements(rows as u64));
        if let Some(function) = scalars.iter().find(|f| f.name() == *name) {
            let arg_fields: Vec<FieldRef> = given
                .iter()
                .map(|value| Arc::new(Field::new("x", value.data_type(), true)) as FieldRef)
                .collect();
            let literals: Vec<Option<&ScalarValue>> = given
                .iter()
                .map(|value| if let ColumnarValue::Scalar(value) = value { Some(value) } else { None })
                .collect();
            let plan = ReturnFieldArgs { arg_fields: &arg_fields, scalar_arguments: &literals };
            let return_field = function.return_field_from_args(plan).unwrap();
            let call = ScalarFunctionArgs {
                args: given.clone(),
                arg_fields,
                number_rows: rows,
                return_field,
                config_options: Arc::new(ConfigOptions::default()),
            };
            group.bench_function(*name, |bencher| {
                bencher.iter(|| function.invoke_with_args(black_box(call.clone())).unwrap());
            });
        } else {
            let schema: Vec<Field> = events
                .0
                .iter()
                .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
                .collect();
            let schema = Arc::new(Schema::new(schema));
            let expressions: Vec<Arc<dyn PhysicalExpr>> = arguments
                .iter()
                .map(|argument| match argument {
                    Argument::Column(name) => {
                        Arc::new(Column::new_with_schema(name, &schema).unwrap()) as Arc<dyn PhysicalExpr>
                    }
                    Argument::Literal(value) => Arc::new(Literal::new(value.clone())),
                })
                .collect();
            let function = aggregates.iter().find(|f| f.name() == *name).expect("a function");
            let aggregate = AggregateExprBuilder::new(Arc::clone(function), expressions);
            let aggregate = aggregate.schema(schema).alias(*name).build().unwrap();
            let mut accumulator = aggregate.create_accumulator().unwrap();
            let arrays: Vec<ArrayRef> = given.iter().map(|value| value.to_array(rows).unwrap()).collect();
            group.bench_function(*name, |bencher| {
                bencher.iter(|| accumulator.update_batch(black_box(&arrays)).unwrap())
            });
        }
    }
    group.finish();
}

criterion_group!(benches, functions);
criterion_main!(benches);
