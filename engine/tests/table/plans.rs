//! What a query reads, and how it says so.

use super::*;

/// A million events of one branch, so that what is read can be told from what is there.
async fn million(context: &SessionContext) -> Option<()> {
    let file = shared("trees/uproot-issue412.root")?;
    create(context, "events", &file.to_string_lossy(), "").await;
    Some(())
}

#[tokio::test]
async fn counting_reads_no_basket() {
    let (context, progress) = session(2);
    if million(&context).await.is_none() {
        return;
    }
    assert!(rows(&context, "SELECT count(*) AS n FROM events").await.contains("| 1000000 |"));
    assert_eq!(progress.snapshot().bytes_read, 0);
}

#[tokio::test]
async fn a_limit_reads_little() {
    let Some(file) = shared("nano/open-data-example.root") else { return };
    let (context, progress) = session(2);
    create(&context, "events", &file.to_string_lossy(), "").await;
    let batches = run(&context, "SELECT Muon_pt FROM events LIMIT 10").await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 10);
    assert_eq!(progress.snapshot().events_read, 10);
}

#[tokio::test]
async fn the_cut_is_part_of_the_scan() {
    let Some(file) = shared("nano/NanoAODv5_sample.root") else { return };
    let (context, progress) = session(2);
    create(&context, "events", &file.to_string_lossy(), "").await;
    let sql = "SELECT sum(MET_pt) FROM events WHERE nJet >= 60";
    let plan = rows(&context, &format!("EXPLAIN {sql}")).await;
    assert!(plan.contains("DataSourceExec"), "{plan}");
    assert!(plan.contains("file_type=root") && plan.contains("cut=nJet@"), "{plan}");
    assert!(plan.contains("branches=2, baskets=2") && plan.contains("opened=1 of 1 files"), "{plan}");
    let physical = plan.split("physical_plan").nth(1).unwrap();
    assert!(!physical.contains("FilterExec"), "{plan}");
    let before = progress.snapshot().bytes_read;
    assert_eq!(before, 0);
    rows(&context, sql).await;
    let of_cut = progress.snapshot().bytes_read;
    rows(&context, "SELECT sum(MET_pt) FROM events WHERE nJet >= 0").await;
    // No event has sixty jets: the other branch is never fetched.
    assert!(progress.snapshot().bytes_read - of_cut > of_cut);
    let analysed = rows(&context, &format!("EXPLAIN ANALYZE {sql}")).await;
    for metric in
        ["bytes_read=", "baskets=", "time_io=", "time_decompression=", "time_decoding=", "events_read="]
    {
        assert!(analysed.contains(metric), "{metric} in {analysed}");
    }
}

#[tokio::test]
async fn a_second_table_parses_nothing_again() {
    let Some(file) = shared("nano/NanoAODv5_sample.root") else { return };
    let (context, _) = session(2);
    create(&context, "events", &file.to_string_lossy(), "").await;
    create(&context, "again", &file.to_string_lossy(), "").await;
    let plan = rows(&context, "EXPLAIN SELECT sum(MET_pt) FROM again").await;
    assert!(plan.contains("opened=1 of 1 files"), "{plan}");
}

#[tokio::test]
async fn partitions_share_one_large_file() {
    let (context, _) = session(2);
    if million(&context).await.is_none() {
        return;
    }
    let plan = rows(&context, "EXPLAIN SELECT sum(b1) FROM events").await;
    assert!(plan.contains("file_groups={2 groups"), "{plan}");
    assert!(plan.contains("branches=1, baskets=100"), "{plan}");
}

#[tokio::test]
async fn unreadable_and_unknown_branches_are_told_apart() {
    let Some(file) = shared("trees/uproot-HZZ-objects.root") else { return };
    let (context, _) = session(1);
    let table = ana_engine::table::RootTable::open(
        &context.state(),
        &[file.to_string_lossy().into_owned()],
        ana_engine::table::RootOptions::default(),
    )
    .await
    .unwrap();
    let message = table.why_no_column("events", "MET_pt").to_string();
    assert!(message.contains("no branch 'MET_pt' in table 'events'"), "{message}");
    let message = table.why_no_column("events", "MET").to_string();
    assert!(message.contains("C++ type 'TVector2'"), "{message}");
}
