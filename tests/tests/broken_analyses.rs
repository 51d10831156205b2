//! Analysis files with one mistake each: what people are told (`tests/data/broken_analyses.txt`, snapshots beside it).
//!
//! `ANA_UPDATE=1 cargo test --workspace --test broken_analyses` writes the messages anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::fmt::Write as _;
use std::path::Path;

use ana_engine::analysis;
use ana_tests::workspace;

/// What a case does not say itself.
const REST: &[(&str, &str)] = &[
    ("name", "name: broken\n"),
    ("datasets", "datasets: {jsons: [datasets.json]}\n"),
    ("parameters", "parameters: {files: [parameters.yaml]}\n"),
    ("objects", "objects:\n  JetGood: {from: Jet, where: Jet.pt > 30}\n"),
    ("variables", "variables:\n  ht: (SELECT sum(j.pt) FROM JetGood j)\n"),
    ("preselections", "preselections: [nJetGood >= 2]\n"),
    ("categories", "categories:\n  baseline: [passthrough]\n  2b: [{get_nBtagMin: {N: 2, coll: JetGood}}]\n"),
    (
        "weights",
        "weights:\n  define:\n    sf: {nominal: \"1\", up: \"1.1\", down: \"0.9\"}\n  common: {inclusive: [genWeight, sf]}\n",
    ),
    ("variations", "variations: {weights: {common: {inclusive: [sf]}}}\n"),
    ("histograms", "histograms:\n  ht: {axes: [{field: ht, bins: 10, start: 0, stop: 500}]}\n"),
];

fn whole(case: &str) -> String {
    let mut text = case.to_owned();
    for (section, rest) in REST {
        let given = case.lines().any(|line| line.starts_with(&format!("{section}:")));
        let without = case.lines().any(|line| line == format!("# no {section}"));
        if !given && !without {
            text.push_str(rest);
        }
    }
    text
}

fn message(folder: &Path, case: &str) -> String {
    let file = folder.join("analysis.yaml");
    std::fs::write(&file, whole(case)).unwrap();
    let told = match analysis::load(&file) {
        Ok(analysis) => match analysis::translate(&analysis) {
            Ok(_) => "no error".to_owned(),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    told.replace(&format!("{}/", folder.display()), "")
}

#[test]
fn every_mistake_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["datasets.json", "parameters.yaml", "golden.json"] {
        std::fs::copy(workspace().join("configs/examples").join(name), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("no_json.json"), "{\"a\": ").unwrap();
    std::fs::write(
        folder.path().join("odd.json"),
        r#"{"a": {"files": ["a.root"], "metadata": {"sample": "a", "isMC": "yes"}}}"#,
    )
    .unwrap();
    std::fs::write(
        folder.path().join("bare.json"),
        r#"{"a": {"files": ["a.root"], "metadata": {"sample": "a"}}}"#,
    )
    .unwrap();
    std::fs::write(folder.path().join("missing.yaml"), "cut: ???\nloop: ${loop}\n").unwrap();
    let cases = std::fs::read_to_string(workspace().join("tests/data/broken_analyses.txt")).unwrap();
    let mut found = String::new();
    let mut number = 0;
    for case in cases.split("\n### ").map(|case| case.trim_start_matches("### ")) {
        let (title, text) = case.split_once('\n').unwrap_or((case, ""));
        let told = message(folder.path(), &format!("{}\n", text.trim_end()));
        assert_ne!(told, "no error", "{title}:\n{text}");
        let _infallible = writeln!(found, "### {title}\n{told}\n");
        number += 1;
    }
    assert!(number >= 50, "{number} cases");
    let path = workspace().join("tests/data/broken_analyses.messages.txt");
    if std::env::var_os("ANA_UPDATE").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (found, expected) in found.split("### ").zip(expected.split("### ")) {
        assert_eq!(found, expected, "ANA_UPDATE=1 writes the messages anew");
    }
    assert_eq!(found.len(), expected.len());
}
