//! The ADL selections, in process and warm: events per second on `$ANA_BENCH_FILE`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot go on has failed")]

use ana_benches::{bench_file, events, open, selections};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn adl(c: &mut Criterion) {
    let mut group = c.benchmark_group("adl");
    group.sample_size(10);
    for threads in [1, 2] {
        let (runtime, session) = open(&bench_file(), threads);
        group.throughput(Throughput::Elements(events(&runtime, &session)));
        for (name, sql) in selections() {
            group.bench_function(format!("{name}/{threads} threads"), |b| {
                b.iter(|| runtime.block_on(session.run_script(&sql)).unwrap());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, adl);
criterion_main!(benches);
