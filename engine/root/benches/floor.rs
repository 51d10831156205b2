//! What reading cannot do without: decompressing the baskets that the bench `scan` reads, and nothing else.

#![allow(clippy::expect_used, clippy::indexing_slicing, missing_docs, reason = "a bench")]

#[allow(dead_code, reason = "each bench uses one of the two ways")]
mod adl;

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn floor(criterion: &mut Criterion) {
    for codec in adl::CODECS {
        let Some(file) = adl::InMemory::load(codec) else { continue };
        let mut group = criterion.benchmark_group(format!("floor/{codec}"));
        group.sample_size(10);
        for (query, columns) in adl::QUERIES {
            group.bench_function(query, |bencher| bencher.iter(|| black_box(file.floor(columns))));
        }
        group.finish();
    }
}

criterion_group!(benches, floor);
criterion_main!(benches);
