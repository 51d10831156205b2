//! What the benches share: a session on a file, and the ADL selections.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that cannot go on has failed"
)]

use std::path::{Path, PathBuf};

use ana_engine::{RootOptions, Session};

/// The allocator of the shipped command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The root of the repository.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

/// The file to bench on: `$ANA_BENCH_FILE`, else the small one the repository ships.
pub fn bench_file() -> PathBuf {
    std::env::var_os("ANA_BENCH_FILE")
        .map_or_else(|| workspace().join("tests/data/zmumu.root"), PathBuf::from)
}

/// A runtime and a session of `threads`, with `file` as the table `events`.
pub fn open(file: &Path, threads: usize) -> (tokio::runtime::Runtime, Session) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap();
    let session = Session::builder().threads(threads).build().unwrap();
    let location = file.display().to_string();
    if file.extension().is_some_and(|e| e == "parquet") {
        let create = format!("CREATE EXTERNAL TABLE events STORED AS PARQUET LOCATION '{location}'");
        runtime.block_on(session.run_script(&create)).unwrap();
    } else {
        runtime.block_on(session.register_root("events", &[&location], RootOptions::default())).unwrap();
    }
    (runtime, session)
}

/// Events of the table `events`.
pub fn events(runtime: &tokio::runtime::Runtime, session: &Session) -> u64 {
    let report = runtime.block_on(async {
        session.sql("SELECT count(*) AS n FROM events").await.unwrap().collect().await.unwrap().report
    });
    report.levels[1].events
}

/// The selections in `configs/adl`, by name (`Q1` …) in numeric order.
pub fn selections() -> Vec<(String, String)> {
    let mut found: Vec<(u32, String)> = std::fs::read_dir(workspace().join("configs/adl"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "sql"))
        .map(|path| {
            let number = path.file_stem().unwrap().to_string_lossy().trim_start_matches('q').parse().unwrap();
            (number, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    found.sort();
    found.into_iter().map(|(number, sql)| (format!("Q{number}"), sql)).collect()
}
