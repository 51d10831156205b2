//! The session as an embedder sees it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "tests may panic")]

use ana_engine::{EngineError, Session, SqlPosition};

fn session() -> Session {
    Session::builder().threads(2).build().unwrap()
}

#[tokio::test]
async fn cut_levels_are_counted_beside_the_result() {
    let sql = "SELECT sum(x) FILTER (WHERE x > 7) AS s FROM generate_series(1, 10) AS t(x) WHERE x > 2";
    let result = session().sql(sql).await.unwrap().collect().await.unwrap();
    assert_eq!(result.schema.fields().len(), 1);
    assert_eq!(result.batches[0].num_columns(), 1);
    assert_eq!(result.report.levels[1].events, 8);
    let category = &result.report.categories[0];
    assert_eq!((category.name.as_str(), category.events), ("x > 7", 3));
}

#[tokio::test]
async fn groups_are_summed_in_the_report() {
    let sql = "SELECT x % 2 AS odd, count(*) FILTER (WHERE x < 5) AS n FROM generate_series(1, 10) AS t(x) GROUP BY x % 2 ORDER BY odd";
    let result = session().sql(sql).await.unwrap().collect().await.unwrap();
    assert_eq!(result.report.levels[1].events, 10);
    assert_eq!(result.report.categories[0].events, 4);
}

#[tokio::test]
async fn an_unknown_column_has_its_place_and_a_near_name() {
    let sql = "SELECT\n  Jet_pl\nFROM (SELECT 1 AS Jet_pt)";
    let Err(EngineError::Sql { position, help, .. }) = session().sql(sql).await else {
        panic!("no SQL error")
    };
    assert_eq!(position, Some(SqlPosition { line: 2, column: 3 }));
    assert!(help.iter().any(|h| h.contains("Jet_pt")), "{help:?}");
}

#[tokio::test]
async fn an_unknown_function_has_its_place() {
    let Err(EngineError::Sql { position, .. }) = session().sql("SELECT 1,\n histogramm(2)").await else {
        panic!("no SQL error")
    };
    assert_eq!(position, Some(SqlPosition { line: 2, column: 2 }));
}

#[tokio::test]
async fn a_cancelled_query_ends() {
    let query = session().sql("SELECT count(*) FROM generate_series(1, 100000000000)").await.unwrap();
    let handle = query.cancel_handle();
    tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        handle.cancel();
    });
    assert!(matches!(query.collect().await, Err(EngineError::Cancelled)));
}

#[tokio::test]
async fn a_trigger_may_be_in_a_file_that_was_not_opened_for_the_columns() {
    let path = |name: &str| format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"));
    let (without, with) =
        (path("tests/data/zmumu.root"), path("configs/examples/samples/DYJetsToLL_2018.root"));
    let session = session();
    let create = format!(
        "CREATE EXTERNAL TABLE events STORED AS ROOT LOCATION '{without},{with}' OPTIONS (missing_triggers 'false', schema 'first')"
    );
    session.sql(&create).await.unwrap().collect().await.unwrap();
    let number = async |sql: &str| {
        let result = session.sql(sql).await.unwrap().collect().await.unwrap();
        arrow::util::display::array_value_to_string(result.batches[0].column(0), 0).unwrap()
    };
    let fired = number(&format!("SELECT count(*) FROM '{with}' WHERE HLT_IsoMu27")).await;
    assert_ne!(fired, "0");
    for sql in [
        "SELECT count(*) FROM events WHERE HLT_IsoMu27",
        "SELECT count(*) FROM events WHERE HLT.IsoMu27 OR HLT_NotThere",
        "SELECT count(*) FROM (SELECT * FROM events) t WHERE t.HLT_IsoMu27 AND NOT HLT_NotThere",
        "WITH cuts AS (SELECT *, HLT_IsoMu27 OR HLT_NotThere AS HLT_trigger FROM events) SELECT count(*) FROM cuts WHERE HLT_trigger",
    ] {
        assert_eq!(number(sql).await, fired, "{sql}");
    }
}
