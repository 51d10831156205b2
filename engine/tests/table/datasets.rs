//! Tables of datasets files.

use super::*;

/// Two datasets of the shared files, as PocketCoffea writes them.
fn fileset(directory: &std::path::Path, nano: &std::path::Path, is_mc: &str) -> String {
    let path = directory.join("datasets.json");
    let file = |name: &str| nano.join(name).to_string_lossy().into_owned();
    let json = serde_json::json!({
        "DY_2018": {"metadata": {"sample": "DY", "year": "2018", "isMC": is_mc, "xsec": "6077.22", "nevents": "40",
                                 "sum_genweights": "1.5e6"}, "files": [file("nano_dy.root")]},
        "TT_2022": {"metadata": {"sample": "TT", "year": "2022", "isMC": "True", "xsec": 88.5, "part": "ext"},
                    "files": [file("nano_tt_v12.root")]},
        "DATA_2018": {"metadata": {"sample": "DATA", "year": "2018", "isMC": "False", "era": "A"},
                      "files": [file("nano_tree.root")]},
    });
    std::fs::write(&path, json.to_string()).unwrap();
    path.to_string_lossy().into_owned()
}

#[tokio::test]
async fn metadata_are_columns() {
    let Some(nano) = shared("nano") else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = fileset(directory.path(), &nano, "True");
    let (context, progress) = session(2);
    run(&context, &format!("CREATE EXTERNAL TABLE mc STORED AS DATASETS LOCATION '{path}'")).await.unwrap();
    let text = rows(
        &context,
        "SELECT dataset, sample, year, era, part, is_mc, xsec, sum_genweights, nevents, count(*) AS n
         FROM mc GROUP BY ALL ORDER BY dataset",
    )
    .await;
    for line in [
        "| DATA_2018 | DATA   | 2018 | A   |      | false |         |                |         | 10  |",
        "| DY_2018   | DY     | 2018 |     |      | true  | 6077.22 | 1500000.0      | 40      | 40  |",
        "| TT_2022   | TT     | 2022 |     | ext  | true  | 88.5    |                |         | 200 |",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    // Only the branch count was needed, of files that had been opened for their columns.
    assert_eq!(progress.snapshot().bytes_read, 0);
}

#[tokio::test]
async fn filters_on_metadata_choose_files() {
    let Some(nano) = shared("nano") else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = fileset(directory.path(), &nano, "True");
    let (context, progress) = session(2);
    run(&context, &format!("CREATE EXTERNAL TABLE mc STORED AS DATASETS LOCATION '{path}'")).await.unwrap();
    // genWeight is in no data file: chosen so, it is not missed.
    let text = rows(
        &context,
        "SELECT count(genWeight) AS n FROM mc WHERE is_mc AND year IN ('2018') AND xsec > 1000",
    )
    .await;
    assert!(text.contains("| 40 |"), "{text}");
    assert_eq!(progress.snapshot().files_total, 1);
    let plan = rows(&context, "EXPLAIN SELECT count(MET_pt) FROM mc WHERE sample = 'none'").await;
    assert!(plan.contains("EmptyExec") || plan.contains("PlaceholderRowExec"), "{plan}");
    // A cut on both is decided by event.
    let text = rows(
        &context,
        "SELECT count(MET_pt) AS n FROM mc WHERE (is_mc AND nJet >= 0) OR (NOT is_mc AND nJet < 0)",
    )
    .await;
    assert!(text.contains("| 240 |"), "{text}");
    let text = rows(
        &context,
        "SELECT count(*) AS n, min(file) AS f FROM mc WHERE file LIKE '%nano_dy.root' AND nJet >= 0",
    )
    .await;
    assert!(text.contains("| 40 ") && text.contains("nano_dy.root"), "{text}");
}

#[tokio::test]
async fn is_mc_is_strict() {
    let directory = tempfile::tempdir().unwrap();
    let path = fileset(directory.path(), std::path::Path::new("/nowhere"), "true");
    let (context, _) = session(2);
    let message =
        fault(&context, &format!("CREATE EXTERNAL TABLE mc STORED AS DATASETS LOCATION '{path}'")).await;
    assert!(message.contains("dataset 'DY_2018': isMC is \"true\""), "{message}");
}
