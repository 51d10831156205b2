//! Trees of real files as tables. Without the shared data the tests of real files report that they were skipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod bad_files;
mod datasets;
mod differing_files;
mod plans;
mod reading;
mod remote;

use std::{io::Write, path::PathBuf, sync::Arc};

use ana_engine::table::{DatasetsTableFactory, MetadataCache, RootTableFactory, ScanProgress};
use datafusion::{
    arrow::{array::RecordBatch, util::pretty::pretty_format_batches},
    error::DataFusionError,
    execution::SessionStateBuilder,
    prelude::{SessionConfig, SessionContext},
};

/// A folder of the shared data; None, reported, where there is none.
fn shared(path: &str) -> Option<PathBuf> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = std::env::var_os("ANA_SHARED").map_or_else(|| workspace.join("../shared"), PathBuf::from);
    let path = root.join("data").join(path);
    if path.exists() {
        return Some(path.canonicalize().unwrap());
    }
    assert!(std::env::var_os("ANA_REQUIRE_SHARED").is_none(), "{} is not there", path.display());
    // Not `eprintln!`: the test harness would keep it for itself.
    let mut terminal = std::io::stderr().lock();
    writeln!(terminal, "skipped: {} is not there", path.display()).unwrap();
    None
}

/// A session with so many partitions, and what its scans read.
fn session(partitions: usize) -> (SessionContext, Arc<ScanProgress>) {
    let progress = Arc::new(ScanProgress::new());
    let mut config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_extension(Arc::new(MetadataCache::new()))
        .with_extension(Arc::clone(&progress));
    config.options_mut().sql_parser.enable_ident_normalization = false;
    let mut state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    state.table_factories_mut().insert("ROOT".to_owned(), Arc::new(RootTableFactory));
    state.table_factories_mut().insert("DATASETS".to_owned(), Arc::new(DatasetsTableFactory));
    (SessionContext::new_with_state(state), progress)
}

async fn run(context: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>, DataFusionError> {
    context.sql(sql).await?.collect().await
}

/// Runs a query that must succeed; its rows as text.
async fn rows(context: &SessionContext, sql: &str) -> String {
    let batches = run(context, sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    pretty_format_batches(&batches).unwrap().to_string()
}

/// Runs a query that must fail; the message.
async fn fault(context: &SessionContext, sql: &str) -> String {
    match run(context, sql).await {
        Ok(batches) => panic!("{sql} gave {}", pretty_format_batches(&batches).unwrap()),
        Err(error) => error.strip_backtrace(),
    }
}

/// Makes a table of ROOT files.
async fn create(context: &SessionContext, name: &str, location: &str, options: &str) {
    let sql = format!("CREATE EXTERNAL TABLE {name} STORED AS ROOT LOCATION '{location}' {options}");
    run(context, &sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
}
