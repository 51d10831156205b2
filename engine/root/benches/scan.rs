//! Reading the columns of the ADL queries: decompression, byte swap, offsets, arrays.

#![allow(clippy::expect_used, clippy::indexing_slicing, missing_docs, reason = "a bench")]

#[allow(dead_code, reason = "each bench uses one of the two ways")]
mod adl;

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn scan(criterion: &mut Criterion) {
    for codec in adl::CODECS {
        let Some(file) = adl::InMemory::load(codec) else { continue };
        let mut group = criterion.benchmark_group(format!("scan/{codec}"));
        group.sample_size(10);
        for (query, columns) in adl::QUERIES {
            group.bench_function(query, |bencher| bencher.iter(|| black_box(file.scan(columns))));
        }
        group.finish();
    }
}

criterion_group!(benches, scan);
criterion_main!(benches);
