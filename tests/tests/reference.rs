//! The ADL selections in `configs/adl` give every bin of the reference answers, which other tools made
//! (`$ANA_SHARED/reference`), on real files, generated ones and Parquet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use ana_engine::Session;
use ana_hist::Histogram;
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

/// The answer of another tool, or `None` where it has none.
fn reference_answer(path: &Path) -> Option<Value> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(_) => {
            let packed = std::fs::read(path.with_extension("json.gz")).ok()?;
            // The last four bytes of a gzip file are the size of what is in it.
            let size = u32::from_le_bytes(packed[packed.len() - 4..].try_into().unwrap());
            let mut text = vec![0; size as usize];
            libdeflater::Decompressor::new().gzip_decompress(&packed, &mut text).unwrap();
            text
        }
    };
    Some(serde_json::from_slice(&text).unwrap())
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// The histogram of this name; `HT|1b|btag_up` is the one of the category 1b and the variation btag_up in HT.
fn named(histograms: &BTreeMap<String, Histogram>, name: &str) -> Option<Histogram> {
    let parts: Vec<&str> = name.split('|').collect();
    let [variable, category, variation] = parts.as_slice() else { return histograms.get(name).cloned() };
    let all = histograms.get(*variable)?;
    let [categories, variations, _] = all.axes.as_slice() else { return None };
    let (category, variation) = (categories.label_index(category)?, variations.label_index(variation)?);
    assert!(category < categories.bins() && variation < variations.bins(), "{name}: no such label");
    Some(all.at(1, variation).unwrap().at(0, category).unwrap())
}

/// Sums of weights differ between tools by the order of adding; counts do not.
fn assert_close(found: &[f64], expected: &[f64], what: &str) {
    for (bin, (found, expected)) in found.iter().zip(expected).enumerate() {
        let close = (found - expected).abs() <= 1e-12 * found.abs().max(expected.abs());
        assert!(close, "{what}, bin {bin} (0 is underflow): {found} for {expected}");
    }
}

/// Compares every histogram; those that something was filled into are added to `filled`.
async fn compare(reference: &Path, file: &Path, filled: &mut BTreeMap<String, bool>) {
    let session = Session::builder().threads(2).build().unwrap();
    let format = if file.extension().is_some_and(|e| e == "parquet") { "PARQUET" } else { "ROOT" };
    let tag = reference.file_name().unwrap().to_string_lossy().into_owned();
    // This file has no trigger branches; those that are absent did not fire.
    let options = if tag == "nano_tt_v12" { "OPTIONS (missing_triggers 'false')" } else { "" };
    let table =
        format!("CREATE EXTERNAL TABLE events STORED AS {format} LOCATION '{}' {options}", file.display());
    session.sql(&table).await.unwrap().collect().await.unwrap();
    for (query, sql) in selections() {
        let path = reference.with_file_name(format!("{tag}_{query}.json"));
        let Some(expected) = reference_answer(&path) else { continue };
        // CMS open data of 2012 have another b-tag.
        let sql = if tag == "opendata_run2012b" { sql.replace("btagDeepFlavB", "btag") } else { sql };
        let result = session.run_script(&sql).await.unwrap_or_else(|e| panic!("{tag} {query}: {e}"));
        let histograms: BTreeMap<_, _> = result.expect("rows").histograms().unwrap().into_iter().collect();
        for (name, expected) in expected["hists"].as_object().unwrap() {
            let what = format!("{tag} {query} {name}");
            let got = named(&histograms, name).unwrap_or_else(|| panic!("{what}: no such histogram"));
            let sumw = numbers(&expected["sumw"]);
            let found: Vec<f64> = (0..sumw.len()).map(|cell| got.sumw(cell)).collect();
            assert_eq!(got.counts.len(), sumw.len(), "{what}: number of bins");
            match expected.get("sumw2") {
                Some(sumw2) if !sumw2.is_null() => {
                    assert_close(&found, &sumw, &format!("{what}: sum of weights"));
                    let sumw2 = numbers(sumw2);
                    let found: Vec<f64> = (0..sumw2.len()).map(|cell| got.sumw2(cell)).collect();
                    assert_close(&found, &sumw2, &format!("{what}: sum of squared weights"));
                }
                _ => assert_eq!(found, sumw, "{what}: bins, underflow first"),
            }
            *filled.entry(format!("{query} {name}")).or_default() |= sumw.iter().any(|sum| *sum != 0.0);
        }
    }
}

/// An empty histogram agrees with anything that does nothing.
fn assert_filled(filled: &BTreeMap<String, bool>) {
    let empty: Vec<_> = filled.iter().filter(|(_, filled)| !**filled).map(|(name, _)| name).collect();
    assert!(empty.is_empty(), "filled by no file: {empty:?}");
    assert!(!filled.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_files() {
    let Some(shared) = shared("reference real_files") else { return };
    let mut filled = BTreeMap::new();
    for (tag, file) in REAL {
        compare(&shared.join("reference").join(tag), &shared.join("data").join(file), &mut filled).await;
    }
    assert_filled(&filled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generated_files() {
    let Some(shared) = shared("reference generated_files") else { return };
    let Some(folder) = std::env::var_os("ANA_GENERATED").map(PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none(), "CI must make the generated files");
        skip("reference generated_files", "ANA_GENERATED is not set (see .ci/generate)");
        return;
    };
    let mut filled = BTreeMap::new();
    for (tag, file) in GENERATED {
        compare(&shared.join("reference").join(tag), &folder.join(file), &mut filled).await;
    }
    assert_filled(&filled);
}
