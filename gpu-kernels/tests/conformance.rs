//! Both back ends give the same bits. Without an adapter there is nothing to compare with, which is said, and is a failure
//! where `ANA_REQUIRE_GPU` is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]
#![allow(clippy::print_stderr, reason = "what was not tested is said")]
#![cfg(feature = "gpu")]

use ana_hist::{Axis, ExactHistogram};
use ana_kernels::conformance::Case;
use ana_kernels::{
    Backend, BinPlan, Column, DeviceChoice, FillPlan, PlanBatch, PlanValue, PlannedFill, Selection, Values,
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

/// The same bytes on both, for cases `seeds`; gives the events that the device took.
fn compare(gpu: &Backend, seeds: std::ops::Range<u64>, events: usize) -> u64 {
    let cpu = Backend::default();
    let mut on_device = 0;
    for seed in seeds {
        let case = Case::new(seed, events).unwrap();
        let want = case.fill(&mut case.filler(&cpu).unwrap()).unwrap();
        let mut filler = case.filler(gpu).unwrap();
        let got = case.fill(&mut filler).unwrap();
        assert!(got == want, "case {seed}: {:?}", case.plan());
        on_device += filler.events().0;
    }
    on_device
}

#[test]
fn generated_plans() {
    let Some(gpu) = device() else { return };
    let number: u64 = std::env::var("ANA_CASES").map_or(400, |n| n.parse().unwrap());
    let events = compare(&gpu, 0..number, 2000);
    eprintln!("{number} plans, {events} events on {}", gpu.place());
    assert!(events > 0);
}

/// Batches in pieces, many submissions, and sums read back on the way.
#[test]
fn stages_of_any_size() {
    let Some(gpu) = device() else { return };
    for (words, events, cases) in [(1, 40, 20), (200, 500, 20), (3000, 2000, 40), (40_000, 2000, 40)] {
        gpu.gpu().unwrap().limit_stages(words);
        assert!(compare(&gpu, 1000..1000 + cases, events) > 0);
    }
}

/// More fills than the integers of a cell hold, and windows that change on the way.
#[test]
fn integers_are_emptied_before_they_overflow() {
    let Some(gpu) = device() else { return };
    let axis = Axis::integer(0, 1).unwrap();
    let plan = FillPlan {
        bins: vec![BinPlan { value: 0, axis: axis.clone() }],
        selections: vec![Selection::default()],
        weights: vec![vec![0]],
        fills: vec![PlannedFill { bins: vec![0], selection: 0, weights: Some(0), varied: false }],
        formulas: vec![],
    };
    let empty = ExactHistogram::new(vec![axis], true).unwrap();
    let mut want = empty.clone();
    let mut filler = gpu.filler(plan, vec![empty]).unwrap();
    let rows = 1 << 16;
    for turn in 0..90u32 {
        let size = if turn < 75 { 1.999_999_9 } else { 1e30 };
        let weights = vec![size; rows];
        let values = [PlanValue { column: Column::constant(Values::I8(&[0])), offsets: None, lists: None }];
        let batch = PlanBatch {
            rows,
            groups: None,
            group_count: 1,
            values: &values,
            masks: &[],
            weights: &[Column::events(Values::F64(&weights))],
            active: &[true],
            inputs: &[],
        };
        filler.fill(&batch).unwrap();
        want.fill_weighted(&vec![1; rows], &weights);
    }
    assert_eq!(filler.histograms(0, 1).unwrap()[0].to_bytes(), want.to_bytes());
    // The windows were chosen anew for the large ones, after three batches had gone to the CPU.
    assert_eq!(filler.events(), (87 << 16, 3 << 16));
    let has_clock = gpu.gpu().unwrap().adapter().features.contains(&("timestamps", true));
    assert_eq!(filler.device_time().as_nanos() > 0, has_clock);
}
