//! Fill plans on a device and on one core, in turns: nanoseconds per event from host memory, and whether all bits agree.
//!
//! `device-rates [gpu:N]`; the first that is not software without a number.
#![allow(clippy::print_stdout, reason = "a table for a person")]
#![allow(clippy::cast_precision_loss, reason = "small numbers")]

use std::time::Instant;

use ana_hist::{Axis, ExactHistogram};
use ana_kernels::{
    Backend, BinPlan, Bitmap, Column, DeviceChoice, FillPlan, KernelError, PlanBatch, PlanValue, PlannedFill,
    Selection, Values,
};

const EVENTS: usize = 1 << 21;
const BATCH: usize = 1 << 16;
const TURNS: usize = 3;

/// Histograms, weights and categories.
struct Load {
    name: &'static str,
    histograms: usize,
    weights: usize,
    categories: usize,
}

const LOADS: [Load; 5] = [
    Load { name: "counts, 100 bins", histograms: 1, weights: 0, categories: 0 },
    Load { name: "1 weight, 100 bins", histograms: 1, weights: 1, categories: 0 },
    Load { name: "16 weights", histograms: 1, weights: 16, categories: 0 },
    Load { name: "5 histograms x 15 weights", histograms: 5, weights: 15, categories: 0 },
    Load { name: "5 histograms x 50 weights x 10 categories", histograms: 5, weights: 50, categories: 10 },
];

fn labels(n: usize) -> Result<Axis, KernelError> {
    Ok(Axis::category((0..n).map(|i| i.to_string()).collect())?)
}

/// Nanoseconds per event, and the histograms as bytes.
fn run(load: &Load, backend: &Backend) -> Result<(f64, Vec<Vec<u8>>), KernelError> {
    let axis = Axis::regular(100, 0.0, 1.0)?;
    let plan = FillPlan {
        bins: (0..load.histograms).map(|value| BinPlan { value, axis: axis.clone() }).collect(),
        selections: vec![Selection {
            filter: None,
            categories: (load.categories > 0).then(|| (0..load.categories).collect()),
        }],
        weights: if load.weights > 0 { vec![(0..load.weights).collect()] } else { vec![] },
        formulas: vec![],
        fills: (0..load.histograms)
            .map(|bin| PlannedFill {
                bins: vec![bin],
                selection: 0,
                weights: (load.weights > 0).then_some(0),
                varied: load.weights > 0,
            })
            .collect(),
    };
    let empty = |fill: &PlannedFill| -> Result<ExactHistogram, KernelError> {
        let categories = (load.categories > 0).then(|| labels(load.categories)).transpose()?;
        let variations = (load.weights > 0).then(|| labels(load.weights)).transpose()?;
        plan.histogram(fill, categories, variations)
    };
    let empty = plan.fills.iter().map(empty).collect::<Result<Vec<_>, _>>()?;
    let values: Vec<Vec<f32>> = (0..load.histograms)
        .map(|k| (0..BATCH).map(|i| (i * (7919 + 2 * k) % BATCH) as f32 / BATCH as f32).collect())
        .collect();
    let weights: Vec<Vec<f64>> = (0..load.weights)
        .map(|k| (0..BATCH).map(|i| 0.5 + ((i * (31 + 2 * k)) % 997) as f64 / 997.0).collect())
        .collect();
    // An event is in two categories.
    let masks: Vec<Vec<u8>> = (0..load.categories)
        .map(|k| {
            (0..BATCH / 8).map(|i| if i % load.categories == k || i % 2 == k { 0xff } else { 0 }).collect()
        })
        .collect();
    let column =
        |values| PlanValue { column: Column::events(Values::F32(values)), offsets: None, lists: None };
    let values: Vec<PlanValue<'_>> = values.iter().map(|values| column(values)).collect();
    let weights: Vec<Column<'_>> = weights.iter().map(|w| Column::events(Values::F64(w))).collect();
    let masks = masks.iter().map(|mask| Bitmap::new(mask, 0, BATCH)).collect::<Result<Vec<_>, _>>()?;
    let active = vec![true; load.histograms];
    let batch = PlanBatch {
        rows: BATCH,
        groups: None,
        group_count: 1,
        values: &values,
        masks: &masks,
        weights: &weights,
        active: &active,
        inputs: &[],
    };
    let mut filler = backend.filler(plan.clone(), empty)?;
    let started = Instant::now();
    for _ in 0..EVENTS / BATCH {
        filler.fill(&batch)?;
    }
    let mut bytes = vec![];
    for fill in 0..load.histograms {
        bytes.extend(filler.histograms(fill, 1)?.iter().map(ExactHistogram::to_bytes));
    }
    Ok((started.elapsed().as_secs_f64() * 1e9 / EVENTS as f64, bytes))
}

fn main() -> Result<(), KernelError> {
    let choice = std::env::args().nth(1).map_or(Ok(DeviceChoice::Gpu(None)), |name| name.parse())?;
    let (device, cpu) = (Backend::open(choice)?, Backend::default());
    println!("{}; one core; ns per event from host memory, least of {TURNS}", device.place());
    println!("| load | one core | device | core / device | bits |\n|---|--:|--:|--:|---|");
    for load in &LOADS {
        let (mut least, mut same) = ([f64::INFINITY; 2], true);
        for _ in 0..TURNS {
            let (on_cpu, on_device) = (run(load, &cpu)?, run(load, &device)?);
            least = [least[0].min(on_cpu.0), least[1].min(on_device.0)];
            same &= on_cpu.1 == on_device.1;
        }
        let bits = if same { "equal" } else { "DIFFERENT" };
        println!(
            "| {} | {:.1} | {:.1} | {:.2} | {bits} |",
            load.name,
            least[0],
            least[1],
            least[0] / least[1]
        );
    }
    Ok(())
}
