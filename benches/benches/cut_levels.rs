//! Events per second after each cut level of ADL query 10: what reading costs, and what every further step adds; and of
//! the loads in `configs/loads`. The example `cut-levels` prints them as a table.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot go on has failed")]

use ana_benches::{bench_file, cut_levels, events, open};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn levels(c: &mut Criterion) {
    let (runtime, session) = open(&bench_file(), 1);
    let mut group = c.benchmark_group("cut_levels");
    group.sample_size(10);
    group.throughput(Throughput::Elements(events(&runtime, &session)));
    for (name, sql) in cut_levels() {
        group.bench_function(name, |b| b.iter(|| runtime.block_on(session.run_script(&sql)).unwrap()));
    }
    group.finish();
}

criterion_group!(benches, levels);
criterion_main!(benches);
