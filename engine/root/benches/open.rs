//! Opening a file and reading the metadata of a tree of some 1500 branches: `$ANA_SHARED/data/nano/*.root`.

#![allow(missing_docs, reason = "a bench")]

use ana_root::{ByteStore, Progress, RootFile};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;

fn open(criterion: &mut Criterion) {
    let shared =
        std::env::var_os("ANA_SHARED").map_or_else(|| PathBuf::from("../../../shared"), PathBuf::from);
    for name in ["NanoAODv5_sample.root", "pfnano.root", "open-data-example.root"] {
        let path = shared.join("data/nano").join(name);
        let Ok(bytes) = std::fs::read(&path) else {
            let _ = writeln!(std::io::stderr(), "skipped: no {} (set ANA_SHARED)", path.display());
            continue;
        };
        let size = bytes.len() as u64;
        let mut store = ByteStore::new();
        store.insert(0, bytes::Bytes::from(bytes));
        criterion.bench_function(&format!("open/{name}"), |bencher| {
            bencher.iter(|| {
                let Ok(Progress::Ready(file)) = RootFile::open(name, size, &store) else { return };
                let _ = black_box(file.tree("Events", &store));
            });
        });
    }
}

criterion_group!(benches, open);
criterion_main!(benches);
