//! What is read is right, whatever the number of partitions, the size of batches and the place of the cut.

use super::*;

/// The file that the repository ships: 5000 events in four clusters.
fn zmumu() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/zmumu.root");
    path.canonicalize().unwrap().to_string_lossy().into_owned()
}

#[tokio::test]
async fn first_select() {
    let (context, progress) = session(2);
    create(&context, "events", &zmumu(), "").await;
    let text =
        rows(&context, "SELECT count(*) AS n, count(MET_pt) AS met, max(nMuon) > 1 AS two FROM events").await;
    assert!(text.contains("| 5000 | 5000 | true |"), "{text}");
    let read = progress.snapshot();
    assert_eq!((read.events_read, read.events_total, read.files_done, read.files_total), (5000, 5000, 1, 1));
    assert!(read.events_total_exact && read.bytes_read > 0);
}

#[tokio::test]
async fn any_partitions_and_batches_give_the_same() {
    let Some(directory) = shared(".") else { return };
    for (file, events, sql) in [
        // One basket per branch.
        (
            "nano/open-data-example.root",
            100_000,
            "SELECT count(*) AS n, sum(cardinality(Muon_pt)) AS muons,
            min(Muon_pt[1]) AS pt, sum(nMuon) AS same FROM events WHERE nMuon >= 2 AND Muon_charge[1] > 0",
        ),
        // A hundred clusters.
        (
            "trees/uproot-issue412.root",
            1_000_000,
            "SELECT count(*) AS n, sum(b1) AS sum, min(b1) AS min, max(b1) AS max
            FROM events WHERE b2 AND b1 % 3 = 0",
        ),
        // Baskets of different branches that do not end together.
        (
            "trees/uproot-issue79.root",
            1_000_000,
            "SELECT count(*) AS n, min(pt) AS min, max(pt) AS max,
            sum(arrow_cast(pt, 'Decimal128(30, 10)')) AS sum FROM events WHERE pt > 20",
        ),
    ] {
        let mut first = None;
        for (partitions, batch_size) in [(1, 8192), (2, 8192), (7, 1000), (3, 100_000)] {
            let (context, progress) = session(partitions);
            run(&context, &format!("SET datafusion.execution.batch_size = {batch_size}")).await.unwrap();
            create(&context, "events", &directory.join(file).to_string_lossy(), "").await;
            let text = rows(&context, sql).await;
            assert_eq!(
                first.get_or_insert_with(|| text.clone()),
                &text,
                "{partitions} partitions of {batch_size}"
            );
            let read = progress.snapshot();
            assert_eq!((read.events_read, read.events_total, read.files_done), (events, events, 1), "{file}");
        }
    }
}

#[tokio::test]
async fn a_cut_in_the_scan_keeps_what_a_filter_keeps() {
    let Some(directory) = shared("nano") else { return };
    for (file, cut) in [
        ("NanoAODv5_sample.root", "nJet >= 6 AND MET_pt > 30"),
        ("NanoAODv5_sample.root", "MET_pt > 1e9"),
        ("nano_tt_v12.root", "nMuon = 1 OR nElectron = 1"),
        ("pfnano.root", "nJet > 4"),
    ] {
        let (context, _) = session(2);
        create(&context, "events", &directory.join(file).to_string_lossy(), "").await;
        let sums = "count(*), sum(event), sum(MET_pt * 1e6)::bigint / 1000, sum(nJet)";
        let counted: String = sums.split(", ").map(|sum| format!("{sum}, ")).collect();
        let scanned = rows(&context, &format!("SELECT {}1 AS one FROM events WHERE {cut}", counted)).await;
        // A FILTER of an aggregate is never pushed into the scan.
        let filtered: String = sums
            .split(", ")
            .map(|sum| sum.replacen(')', &format!(") FILTER (WHERE {cut})"), 1) + ", ")
            .collect();
        let filtered = rows(&context, &format!("SELECT {filtered}1 AS one FROM events")).await;
        let values = |text: &str| {
            text.lines().nth(3).unwrap().split('|').map(|v| v.trim().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(values(&scanned), values(&filtered), "{file} {cut}");
    }
}

/// Lambda variables are numbered behind the columns; the cut sees other columns than the plan did.
#[tokio::test]
async fn lambdas_in_cuts_and_projections() {
    let Some(file) = shared("nano/NanoAODv5_sample.root") else { return };
    let (context, _) = session(2);
    run(&context, "SET datafusion.sql_parser.dialect = 'duckdb'").await.unwrap();
    create(&context, "events", &file.to_string_lossy(), "").await;
    let cut = "cardinality(array_filter(Jet_pt, x -> x > MET_pt)) >= 2 AND nMuon >= 0";
    let scanned = rows(&context, &format!("SELECT count(*), sum(event) FROM events WHERE {cut}")).await;
    let counted = rows(
        &context,
        &format!("SELECT count(*) FILTER (WHERE {cut}), sum(event) FILTER (WHERE {cut}) FROM events"),
    )
    .await;
    let values =
        |text: &str| text.lines().nth(3).unwrap().split('|').map(|v| v.trim().to_owned()).collect::<Vec<_>>();
    assert_eq!(values(&scanned), values(&counted));
    // Over a computed list, which merges with what is below it.
    let merged = "SELECT count(*), sum(event) FROM (SELECT array_concat(Jet_pt, Electron_pt) AS pts, event, MET_pt, nMuon
        FROM events) WHERE cardinality(array_filter(pts, x -> x > MET_pt)) >= 2";
    let apart = "SELECT count(*) FILTER (WHERE big), sum(event) FILTER (WHERE big) FROM (SELECT event,
        cardinality(array_filter(array_concat(Jet_pt, Electron_pt), x -> x > MET_pt)) >= 2 AS big FROM events)";
    assert_eq!(values(&rows(&context, merged).await), values(&rows(&context, apart).await));
}

#[tokio::test]
async fn survivors_keep_their_lists() {
    let (context, _) = session(1);
    create(&context, "events", &zmumu(), "").await;
    let all = run(&context, "SELECT event, Muon_pt, MET_pt FROM events").await.unwrap();
    let some = run(&context, "SELECT event, Muon_pt, MET_pt FROM events WHERE MET_pt > 40 AND nMuon >= 1")
        .await
        .unwrap();
    let text = |batches: &[RecordBatch]| pretty_format_batches(batches).unwrap().to_string();
    let (all, some) = (text(&all), text(&some));
    let lines: std::collections::HashSet<&str> = all.lines().map(str::trim).collect();
    assert!(some.lines().count() > 20);
    let cells = |line: &str| line.split('|').map(str::trim).collect::<Vec<_>>().join("|");
    let lines: std::collections::HashSet<String> = lines.into_iter().map(cells).collect();
    for line in some.lines().skip(3).filter(|line| line.starts_with('|')) {
        assert!(lines.contains(&cells(line)), "{line}");
    }
}

#[tokio::test]
async fn other_trees_and_named_files() {
    let Some(file) = shared("nano/nano_dy.root") else { return };
    let file = file.to_string_lossy();
    let (context, _) = session(2);
    create(&context, "runs", &file, "OPTIONS (tree 'Runs')").await;
    create(&context, "same", &format!("{file}:Runs"), "").await;
    let a = rows(&context, "SELECT * EXCEPT (LHEScaleSumw_, LHEPdfSumw_) FROM runs").await;
    let b = rows(&context, "SELECT * EXCEPT (LHEScaleSumw_, LHEPdfSumw_) FROM same").await;
    assert_eq!(a, b);
    let sql = format!("CREATE EXTERNAL TABLE x STORED AS ROOT LOCATION '{file}' OPTIONS (tree 'Event')");
    let message = fault(&context, &sql).await;
    assert!(message.contains("no tree 'Event'; its trees: Events, Runs"), "{message}");
    let sql = format!("CREATE EXTERNAL TABLE x STORED AS ROOT LOCATION '{file}' OPTIONS (tre 'Event')");
    let message = fault(&context, &sql).await;
    assert!(message.contains("unknown option 'tre'; the options are: tree, missing_branch"), "{message}");
}

#[tokio::test]
async fn lists_patterns_and_directories() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a.root", "b.root", "c,d.root"] {
        std::fs::copy(zmumu(), directory.path().join(name)).unwrap();
    }
    let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
    let list = format!("{},{}", path("a.root"), path("b.root"));
    for (location, events) in
        [(path("*.root"), 15_000), (path(""), 15_000), (list.clone(), 10_000), (path("c,d.root"), 5000)]
    {
        let (context, progress) = session(2);
        create(&context, "events", &location, "").await;
        let text = rows(&context, "SELECT count(MET_pt) AS n FROM events WHERE run > 0 OR run = 0").await;
        assert!(text.contains(&format!("| {events} |")), "{location}: {text}");
        assert_eq!(progress.snapshot().files_done, events / 5000);
    }
    let (context, _) = session(2);
    let twice = format!("CREATE EXTERNAL TABLE x STORED AS ROOT LOCATION '{list},{}'", path("a.root"));
    let message = fault(&context, &twice).await;
    assert!(message.contains("listed twice"), "{message}");
    let message =
        fault(&context, "CREATE EXTERNAL TABLE x STORED AS ROOT LOCATION 'root://host//a.root'").await;
    assert!(message.contains("XRootD is not supported yet"), "{message}");
}

#[tokio::test]
async fn rntuples_are_refused_by_name() {
    let Some(file) = shared("nano/nano_dy_rntuple.root") else { return };
    let (context, _) = session(1);
    let message =
        fault(&context, &format!("CREATE EXTERNAL TABLE x STORED AS ROOT LOCATION '{}'", file.display()))
            .await;
    assert!(message.contains("'Events' is an RNTuple, which is not supported yet"), "{message}");
}

#[tokio::test]
async fn empty_trees_have_no_events() {
    let Some(file) = shared("nano/nano_dy_empty.root") else { return };
    let (context, _) = session(2);
    create(&context, "events", &file.to_string_lossy(), "").await;
    assert!(rows(&context, "SELECT count(*) AS n, sum(MET_pt) AS s FROM events").await.contains("| 0 |"));
}
