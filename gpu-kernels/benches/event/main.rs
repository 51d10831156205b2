//! Time per event of the kernels of ADL queries 5 to 8, on one core, in batches of 8192 events as the engine runs them.
//!
//! `per combination` divides by the pairs (5), trijets (6) or jets (7) of the sample instead.
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run may panic")]

mod kernels;
mod sample;

use std::hint::black_box;
use std::time::Duration;

use ana_kernels::cpu::event::{CpuKernel, Scratch};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};

use sample::Sample;

const BATCH: usize = 8192;
/// Neither all in the first-level cache nor all from memory.
const ROWS: usize = 8 * BATCH;

fn bench(criterion: &mut Criterion) {
    let kernels = [
        ("q5", kernels::q5(), 2),
        ("q6", kernels::q6(), 3),
        ("q7", kernels::q7(), 1),
        ("q8", kernels::q8(), 0),
    ];
    for (name, kernel, size) in kernels {
        let sample = Sample::new(&kernel, ROWS);
        let compiled = CpuKernel::new(&kernel).unwrap();
        let mut scratch = Scratch::default();
        let mut group = criterion.benchmark_group(name);
        group.sampling_mode(SamplingMode::Flat).measurement_time(Duration::from_secs(3));
        let combinations = (size > 0).then(|| ("combination", sample.combinations(size)));
        for (what, elements) in [("event", ROWS as u64)].into_iter().chain(combinations) {
            group.throughput(Throughput::Elements(elements));
            group.bench_function(format!("per {what}"), |bencher| {
                bencher.iter(|| {
                    for from in (0..ROWS).step_by(BATCH) {
                        black_box(compiled.run(BATCH, &sample.slices(from), &mut scratch).unwrap());
                    }
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
