//! The ADL selections in `configs/adl` give every bin of the reference answers, which other tools made
//! (`$ANA_SHARED/reference`), on real files, generated ones and Parquet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use ana_engine::Session;
use ana_tests::{shared, skip, workspace};
use serde_json::Value;

/// Tag of the reference answers and the file they were made from, below `data/`.
const REAL: &[(&str, &str)] = &[
    ("nanov5", "nano/NanoAODv5_sample.root"),
    ("nano_dy", "nano/nano_dy.root"),
    ("nano_tree", "nano/nano_tree.root"),
    ("nano_tt_v12", "nano/nano_tt_v12.root"),
    ("pfnano", "nano/pfnano.root"),
    ("opendata_run2012b", "parquet/Run2012B_SingleMu-1000.parquet"),
];

/// The same for generated files, below `$ANA_GENERATED` (made by `.ci/generate`).
const GENERATED: &[(&str, &str)] =
    &[("gen_70k", "gen_70k.root"), ("gen_1M", "gen_1M_zstd.root"), ("gen_1M", "gen_1M_lz4.root")];

/// The selections there are: number and SQL.
fn selections() -> BTreeMap<String, String> {
    let folder = workspace().join("configs/adl");
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("configs/adl is readable") {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "sql") {
            let name = path.file_stem().unwrap().to_string_lossy().to_uppercase();
            found.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
    assert!(!found.is_empty());
    found
}

async fn compare(reference: &Path, file: &Path) {
    let session = Session::builder().threads(2).build().unwrap();
    let format = if file.extension().is_some_and(|e| e == "parquet") { "PARQUET" } else { "ROOT" };
    let table = format!("CREATE EXTERNAL TABLE events STORED AS {format} LOCATION '{}'", file.display());
    session.sql(&table).await.unwrap().collect().await.unwrap();
    let tag = reference.file_name().unwrap().to_string_lossy().into_owned();
    for (query, sql) in selections() {
        let path = reference.with_file_name(format!("{tag}_{query}.json"));
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let expected: Value = serde_json::from_str(&text).unwrap();
        let result = session.run_script(&sql).await.unwrap_or_else(|e| panic!("{tag} {query}: {e}"));
        let histograms: BTreeMap<_, _> = result.expect("rows").histograms().unwrap().into_iter().collect();
        for (name, expected) in expected["hists"].as_object().unwrap() {
            let got = histograms.get(name).unwrap_or_else(|| panic!("{tag} {query}: no histogram {name}"));
            let sumw: Vec<f64> =
                expected["sumw"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let found: Vec<f64> = (0..sumw.len()).map(|cell| got.sumw(cell)).collect();
            assert_eq!(got.counts.len(), sumw.len(), "{tag} {query} {name}: number of bins");
            assert_eq!(found, sumw, "{tag} {query} {name}: bins, underflow first");
            assert!(sumw.iter().sum::<f64>() > 0.0, "{tag} {query} {name}: nothing was filled");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_files() {
    let Some(shared) = shared("reference real_files") else { return };
    for (tag, file) in REAL {
        compare(&shared.join("reference").join(tag), &shared.join("data").join(file)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generated_files() {
    let Some(shared) = shared("reference generated_files") else { return };
    let Some(folder) = std::env::var_os("ANA_GENERATED").map(PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none(), "CI must make the generated files");
        skip("reference generated_files", "ANA_GENERATED is not set (see .ci/generate)");
        return;
    };
    for (tag, file) in GENERATED {
        compare(&shared.join("reference").join(tag), &folder.join(file)).await;
    }
}
