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
    std::env::var_os("ANA_BENCH_FILE").map_or_else(|| workspace().join("tests/data/nano.root"), PathBuf::from)
}

/// A runtime and a session of `threads`, with `file` as the table `events`.
pub fn open(file: &Path, threads: usize) -> (tokio::runtime::Runtime, Session) {
    ana_engine::allocator::keep_pages();
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
    let number = |name: &str| name.trim_start_matches('q').parse::<u32>().unwrap();
    let mut found: Vec<(u32, String)> =
        scripts("adl").into_iter().map(|(name, sql)| (number(&name), sql)).collect();
    found.sort();
    found.into_iter().map(|(number, sql)| (format!("Q{number}"), sql)).collect()
}

/// The SQL files of a folder in `configs`, by the name before the dot.
fn scripts(folder: &str) -> Vec<(String, String)> {
    std::fs::read_dir(workspace().join("configs").join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "sql"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// What each cut level of ADL query 10 adds: queries of which each does all that those before it do, in the manner of
/// PocketCoffea's table; then the loads in `configs/loads`.
pub fn cut_levels() -> Vec<(String, String)> {
    let q10 = selections().into_iter().find(|(name, _)| name == "Q10").expect("there is Q10").1;
    let (before, selection) = q10.split_once("WITH ").expect("collections, then a query");
    let (ctes, histograms) = selection.split_once(")\nSELECT ").expect("then the histograms");
    let (_, cut) = ctes.split_once("FROM events\n  WHERE ").expect("the preselection");
    let preselection = cut.split_once("\n)").expect("its end").0;
    let skim = preselection.split_once(" AND ").expect("several cuts").0;
    // All columns of the selection, for each of which a value is looked at.
    let columns = [
        "MET_pt",
        "genWeight",
        "Pileup_nTrueInt",
        "HLT_IsoMu24",
        "HLT_Ele32_WPTight_Gsf",
        "Muon_pt",
        "Muon_eta",
        "Muon_phi",
        "Muon_charge",
        "Muon_tightId",
        "Muon_pfRelIso04_all",
        "Electron_pt",
        "Electron_eta",
        "Electron_phi",
        "Electron_charge",
        "Electron_cutBased",
        "Electron_pfRelIso03_all",
        "Jet_pt",
        "Jet_eta",
        "Jet_phi",
        "Jet_btagDeepFlavB",
    ];
    let looked_at = |column: &str| match column.split_once('_') {
        Some(("Muon" | "Electron" | "Jet", _)) => format!("max(n_obj({column}))"),
        _ => format!("count({column})"),
    };
    let counts = columns.map(looked_at).join(", ");
    let one_weight = histograms.replace("weights => weight", "weight.nominal");
    let per_category = ["baseline", "1b", "2b", "3b", "4b"]
        .map(|name| format!("count(*) FILTER (WHERE category['{name}'])"))
        .join(", ");
    // What the selection defines, and the columns behind it; the weights come with the histograms.
    let defined = ["MET_pt", "nGoodJet", "w", "pileup", "trg", "jets.ht", "jet0.pt", "lepton.id"]
        .map(|value| format!("max({value})"))
        .join(", ");
    let mut levels = vec![
        ("read".to_owned(), format!("SELECT {counts} FROM events")),
        ("skim".to_owned(), format!("{before}SELECT {counts} FROM events WHERE {skim}")),
        ("preselection".to_owned(), format!("{before}SELECT {counts} FROM events WHERE {preselection}")),
        (
            "categories".to_owned(),
            format!("{before}WITH {ctes})\nSELECT {per_category}, {defined} FROM weighted"),
        ),
        ("histograms, 1 weight".to_owned(), format!("{before}WITH {ctes})\nSELECT {one_weight}")),
        ("histograms, 15 weights".to_owned(), q10.clone()),
    ];
    let loads = scripts("loads");
    for load in ["small", "medium", "large"] {
        levels.extend(loads.iter().find(|(name, _)| name == load).cloned());
    }
    levels
}
