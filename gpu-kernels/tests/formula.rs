//! Formulas on a device: random kernels of event subqueries, on values that are NaN, infinite, subnormal, huge, or right at a cut,
//! give the CPU's histograms. Without an adapter there is nothing to compare with, which is said, and is a failure where
//! `ANA_REQUIRE_GPU` is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]
#![allow(clippy::print_stderr, reason = "what was not tested is said")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "tests make values of all types"
)]
#![allow(dead_code, unreachable_pub, reason = "shared with the tests of the CPU's kernels")]
#![cfg(feature = "gpu")]

#[path = "event/naive.rs"]
mod naive;
#[path = "event/random.rs"]
mod random;
#[path = "event/slices.rs"]
mod slices;

use std::sync::Arc;

use ana_hist::Axis;
use ana_kernels::cpu::event::{CpuKernel, InputSlice};
use ana_kernels::ir::{Kernel, Type};
use ana_kernels::wgpu::{Injection, Planned};
use ana_kernels::{
    Backend, BinPlan, Bitmap, Column, DeviceChoice, FillPlan, Formula, Given, Level, PlanBatch, PlanValue,
    PlannedFill, Selection, Values,
};
use random::Random;

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

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The outputs of a kernel that are one per event, each a histogram or, of a truth, the mask of one.
fn plan(kernel: &Kernel, random: &mut Random) -> FillPlan {
    let compiled = Arc::new(CpuKernel::new(kernel).unwrap());
    let mut plan =
        FillPlan { selections: vec![Selection::default()], weights: vec![vec![0]], ..FillPlan::default() };
    // Events by their number, so that one that passes or not shows.
    plan.bins.push(BinPlan { value: 0, axis: Axis::integer(0, 4000).unwrap() });
    let mut gives = vec![];
    for (output, of) in compiled.outputs().to_vec().into_iter().enumerate().filter(|(_, of)| !of.list) {
        if of.ty == Type::Bool {
            let mask = gives.len();
            gives.push(Given::Mask { output, mask });
            plan.selections.push(Selection { filter: Some(mask), categories: None });
            let selection = plan.selections.len() - 1;
            plan.fills.push(PlannedFill { bins: vec![0], selection, weights: Some(0), varied: false });
            continue;
        }
        let value = gives.len() + 1;
        gives.push(Given::Value { output, value });
        let axes = [
            Axis::regular(100, -3.2, 3.2).unwrap(),
            Axis::integer(-3, 9).unwrap(),
            Axis::variable(vec![-1e300, -7.5, -1.0, 0.0, 1e-310, 0.1, 1.0, 2.0, 3.0, 50.0, 1e30]).unwrap(),
        ];
        for axis in axes {
            plan.bins.push(BinPlan { value, axis });
            let bins =
                if random.chance(50) { vec![plan.bins.len() - 1] } else { vec![plan.bins.len() - 1, 0] };
            // Beside the number of the event there are too many cells on the finer axis.
            let bins = if plan.bins[bins[0]].axis.bins() > 20 { vec![bins[0]] } else { bins };
            let weights = random.chance(50).then_some(0);
            plan.fills.push(PlannedFill { bins, selection: 0, weights, varied: false });
        }
    }
    let inputs = (0..kernel.columns().count()).collect();
    plan.formulas.push(Formula { kernel: compiled, inputs, gives });
    plan
}

fn input<'a>(slice: &InputSlice<'a>) -> PlanValue<'a> {
    let level = if slice.offsets.is_some() { Level::Item } else { Level::Event };
    let column = Column { values: slice.values, validity: slice.validity, level };
    PlanValue { column, offsets: slice.offsets, lists: None }
}

struct Filled {
    histograms: Vec<Vec<u8>>,
    on_device: u64,
    undecided: u64,
    notes: Vec<String>,
}

fn fill(backend: &Backend, plan: &FillPlan, rows: usize, slices: &[&[InputSlice<'_>]]) -> Filled {
    let empty = plan.fills.iter().map(|fill| plan.histogram(fill, None, None).unwrap()).collect();
    let mut filler = backend.filler(plan.clone(), empty).unwrap();
    let numbers: Vec<i32> = (0..rows as i32).collect();
    let ones = vec![0xff; rows.div_ceil(8)];
    let weights: Vec<f64> = (0..rows).map(|row| 0.5 + row as f64 * 0.37).collect();
    let values = |given: &Given| matches!(given, Given::Value { .. });
    let number = plan.formulas[0].gives.len();
    for slices in slices {
        let inputs: Vec<PlanValue<'_>> = slices.iter().map(input).collect();
        let nothing = PlanValue { column: Column::constant(Values::U8(&[0])), offsets: None, lists: None };
        let mut given = vec![nothing; number + 1];
        given[0].column = Column::events(Values::I32(&numbers));
        let masks = vec![Bitmap::new(&ones, 0, rows).unwrap(); number];
        let batch = PlanBatch {
            rows,
            groups: None,
            group_count: 1,
            values: &given,
            masks: &masks,
            weights: &[Column::events(Values::F64(&weights))],
            active: &vec![true; plan.fills.len()],
            inputs: &inputs,
        };
        filler.fill(&batch).unwrap();
    }
    let _any = plan.formulas[0].gives.iter().any(values);
    let histograms =
        (0..plan.fills.len()).map(|fill| filler.histograms(fill, 1).unwrap()[0].to_bytes()).collect();
    let (on_device, undecided) = (filler.events().0, filler.undecided());
    Filled { histograms, on_device, undecided, notes: filler.notes().to_vec() }
}

#[test]
fn random_kernels_give_the_same_histograms() {
    let Some(gpu) = device() else { return };
    let cpu = Backend::default();
    let (seed, kernels) = (setting("ANA_SEED", 1), setting("ANA_KERNELS", 400));
    let (mut done, mut on_device, mut undecided) = (0, 0, 0);
    let mut refused = std::collections::BTreeMap::<String, u64>::new();
    for number in 0..kernels {
        let mut random = Random(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let kernel = random::kernel(&mut random);
        let plan = plan(&kernel, &mut random);
        if plan.fills.is_empty() {
            continue;
        }
        let rows = 1 + random.below(60);
        let events = random::events(&mut random, &kernel, rows);
        let columns = slices::Columns::new(&kernel, &events, 3);
        let given = columns.slices();
        let batches = [&given[..], &given[..]];
        let got = fill(&gpu, &plan, rows, &batches);
        if got.on_device == 0 {
            *refused.entry(got.notes.join("; ")).or_default() += 1;
            continue;
        }
        let want = fill(&cpu, &plan, rows, &batches);
        assert!(
            got.histograms == want.histograms,
            "seed {seed}, kernel {number}, {:?}\n{kernel}\n{events:?}\n{}",
            got.notes,
            kernel.to_text()
        );
        done += 1;
        on_device += got.on_device;
        undecided += got.undecided;
    }
    eprintln!(
        "{done} kernels, {on_device} events, {undecided} left to the CPU; without a form: {refused:#?}"
    );
    assert!(gpu.gpu().is_some() && done > kernels / 20);
}

/// A device that fails at any submission of formulas: the CPU does all of it again.
#[test]
fn faults_leave_the_same_histograms() {
    let Some(_) = device() else { return };
    let mut tried = 0;
    for number in 0..60 {
        let mut random = Random(number);
        let kernel = random::kernel(&mut random);
        let plan = plan(&kernel, &mut random);
        let events = random::events(&mut random, &kernel, 40);
        let columns = slices::Columns::new(&kernel, &events, 1);
        let given = columns.slices();
        let batches = [&given[..]; 7];
        let backend = device().unwrap();
        if plan.fills.is_empty() || fill(&backend, &plan, 40, &batches).on_device == 0 {
            continue;
        }
        let want = fill(&Backend::default(), &plan, 40, &batches);
        for submission in [0, 1, 5] {
            for fault in Injection::ALL {
                let backend = device().unwrap().forgiving();
                let gpu = backend.gpu().unwrap();
                gpu.limit_stages(900);
                gpu.inject(Planned { fault, submission });
                let got = fill(&backend, &plan, 40, &batches);
                assert!(got.histograms == want.histograms, "{fault:?} at {submission} of kernel {number}");
                tried += usize::from(gpu.injected().is_none());
            }
        }
        if tried >= 30 {
            break;
        }
    }
    assert!(tried >= 30, "{tried}");
}
