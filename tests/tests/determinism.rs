//! The same bits, whatever the number of partitions and the size of the batches.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use ana_engine::Session;
use ana_tests::workspace;
use arrow::array::RecordBatch;

/// Weighted by a generator weight of both signs, so that the order of a plain sum would show.
const QUERY: &str = "
SELECT hist(MET_pt, regular(50, 0, 60), genWeight)                                          AS met,
       hist(Jet_pt, variable([15, 20, 30, 50, 80, 200]), Jet_eta, regular(12, -2.4, 2.4), genWeight) AS jets,
       hist(nMuon, integer(0, 4), genWeight * 1e-9) FILTER (WHERE HLT_IsoMu24)              AS muons,
       cutflow(MET_pt > 10, n_obj_min(Jet_pt, 2, 20), genWeight)                            AS flow
FROM events WHERE PV_npvsGood > 15";

async fn run(threads: usize, batch_size: usize) -> Vec<RecordBatch> {
    let session = Session::builder().threads(threads).batch_size(batch_size).build().unwrap();
    let file = workspace().join("tests/data/zmumu.root");
    let table = format!("CREATE EXTERNAL TABLE events STORED AS ROOT LOCATION '{}'", file.display());
    session.sql(&table).await.unwrap().collect().await.unwrap();
    session.sql(QUERY).await.unwrap().collect().await.unwrap().batches
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_and_batches_do_not_show() {
    let one = run(1, 8192).await;
    assert_eq!(one.len(), 1);
    for threads in [1, 2, 7] {
        for batch_size in [1, 1000, 8192] {
            // Float64 arrays compare by value; the sums are never NaN here, and -0 would be a bug to see.
            assert_eq!(run(threads, batch_size).await, one, "{threads} partitions, batches of {batch_size}");
        }
    }
}

/// Nothing is looked for at start: a query that does not ask for a GPU loads no driver, so there is nothing to wait for.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_on_the_cpu_loads_no_driver() {
    let session = Session::builder().threads(2).build().unwrap();
    let file = workspace().join("tests/data/zmumu.root");
    let sql = format!("SELECT hist(MET_pt, regular(50, 0, 60)) AS met FROM '{}'", file.display());
    session.sql(&sql).await.unwrap().collect().await.unwrap();
    let explained = session.sql(&format!("EXPLAIN {sql}")).await.unwrap().collect().await.unwrap();
    let explained = format!("{:?}", explained.batches);
    let libraries = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(libraries.contains("libc"), "{libraries}");
    // A machine that was calibrated may know a GPU that pays.
    if explained.contains("everything: CPU") {
        assert!(!libraries.contains("libvulkan"), "a driver was loaded");
    }
}
