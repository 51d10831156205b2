//! Analysis files: the examples run, Q10 gives the reference answers, the script is the whole of the run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::path::{Path, PathBuf};

use ana_engine::Session;
use ana_engine::analysis::{self, Assembled};
use ana_hist::Histogram;
use ana_tests::{shared, skip, workspace};
use serde_json::{Value, json};

/// Runs the script of an analysis file as a user of the library would.
async fn run(file: &Path) -> Assembled {
    let analysis = analysis::load(file).unwrap_or_else(|e| panic!("{e}"));
    let translation = analysis::translate(&analysis).unwrap();
    let session = Session::builder().threads(2).build().unwrap();
    let result =
        session.run_script(&translation.sql).await.unwrap_or_else(|e| panic!("{e}\n{}", translation.sql));
    analysis::assemble(&translation.plan, &result.expect("rows").batches, &[]).unwrap()
}

/// An example, with a datasets file of its own beside it.
fn example(folder: &Path, name: &str, datasets: &str, json: &Value) -> PathBuf {
    let text = std::fs::read_to_string(workspace().join("configs/examples").join(name)).unwrap();
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    std::fs::write(folder.join(datasets), json.to_string()).unwrap();
    file
}

fn reference_answer(path: &Path) -> Value {
    let packed = std::fs::read(path).unwrap();
    // The last four bytes of a gzip file are the size of what is in it.
    let size = u32::from_le_bytes(packed[packed.len() - 4..].try_into().unwrap());
    let mut text = vec![0; size as usize];
    libdeflater::Decompressor::new().gzip_decompress(&packed, &mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// `HT|1b|btag_up` of the reference is the category 1b and the variation btagUp.
fn named(assembled: &Assembled, name: &str) -> Histogram {
    let parts: Vec<&str> = name.split('|').collect();
    let [variable, category, variation] = parts.as_slice() else { panic!("{name}") };
    let variation = variation.replace("_up", "Up").replace("_down", "Down");
    let all = &assembled.histograms.iter().find(|h| h.alias == *variable).expect(name).histogram;
    let (category, variation) =
        (all.axes[0].label_index(category).unwrap(), all.axes[1].label_index(&variation).unwrap());
    assert!(category < all.axes[0].bins() && variation < all.axes[1].bins(), "{name}");
    all.at(1, variation).unwrap().at(0, category).unwrap()
}

async fn compare_q10(reference: &Path, data: &Path) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let json =
        json!({"all": {"metadata": {"sample": "all", "year": "2018", "isMC": "True"}, "files": [data]}});
    let file = example(folder.path(), "q10.yaml", "q10_datasets.json", &json);
    let assembled = run(&file).await;
    let mut filled = false;
    let answer = reference_answer(reference);
    let expected = answer["hists"].as_object().unwrap();
    assert_eq!(expected.len(), 375);
    for (name, expected) in expected {
        let got = named(&assembled, name);
        for (what, expected, found) in
            [("sumw", &expected["sumw"], got.sumws()), ("sumw2", &expected["sumw2"], got.sumw2s())]
        {
            let expected = numbers(expected);
            assert_eq!(found.len(), expected.len(), "{name}");
            for (bin, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let close = (found - expected).abs() <= 1e-12 * found.abs().max(expected.abs());
                assert!(close, "{name} {what}, bin {bin}: {found} for {expected}");
                filled |= *expected != 0.0;
            }
        }
    }
    filled
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q10_gives_the_reference_answers() {
    let Some(shared) = shared("analysis q10") else { return };
    let reference = |tag: &str| shared.join("reference").join(format!("{tag}_Q10.json.gz"));
    for (tag, file) in [
        ("nanov5", "nano/NanoAODv5_sample.root"),
        ("nano_dy", "nano/nano_dy.root"),
        ("nano_tree", "nano/nano_tree.root"),
        ("nano_tt_v12", "nano/nano_tt_v12.root"),
        ("pfnano", "nano/pfnano.root"),
    ] {
        compare_q10(&reference(tag), &shared.join("data").join(file)).await;
    }
    let Some(folder) = std::env::var_os("ANA_GENERATED").map(PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none(), "CI must make the generated files");
        skip("analysis q10", "ANA_GENERATED is not set (see .ci/generate)");
        return;
    };
    assert!(compare_q10(&reference("gen_70k"), &folder.join("gen_70k.root")).await);
    assert!(compare_q10(&reference("gen_1M"), &folder.join("gen_1M_zstd.root")).await);
}

#[test]
fn the_schema_is_the_one_in_the_repository() {
    let path = workspace().join("configs/schema/analysis.schema.json");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(
        analysis::json_schema() == kept,
        "it differs: cargo run --bin ana-sql -- schema > configs/schema/analysis.schema.json"
    );
}
