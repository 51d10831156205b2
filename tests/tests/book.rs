//! The book cannot rot: every SQL block of its chapters and of the README runs, and in `docs/from-awkward.md` gives
//! what the Python block above it gives.
//!
//! Behind ```` ```sql ```` may stand `,ignore` for a block that needs files nobody has, `,true` for one whose every
//! value is true, and `,error` for one that fails with the message in the block after it. `events` and `'nano.root'` are
//! `tests/data/nano.root`, made by `make_nanoaod.py --events 1000 --seed 3 --compression zstd:9 --basket-events 400`.
//! The blocks of a page share a session, so a collection made by one is there for the next.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use ana_engine::{QueryResult, RootOptions, Session};
use ana_tests::{sql_database::ShownError, workspace};
use arrow::{
    array::{Array, AsArray},
    compute::cast,
    datatypes::{DataType, Float64Type, Int64Type},
};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

/// A fenced block of a page.
struct Block {
    /// Where its fence opens.
    line: usize,
    /// What is behind the fence.
    info: String,
    code: String,
    /// Whether it stands under "Example:".
    example: bool,
}

fn blocks(page: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(page).expect("the page is readable");
    let mut found: Vec<Block> = vec![];
    let (mut open, mut before) = (false, "");
    for (number, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(info) => {
                open = true;
                let (info, example) = (info.trim().to_owned(), before == "Example:");
                found.push(Block { line: number + 1, info, code: String::new(), example });
            }
            None if open => found.last_mut().unwrap().code += &format!("{line}\n"),
            None if line.is_empty() => {}
            None => before = line,
        }
    }
    found
}

/// The chapters of the book and the README.
fn pages() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(workspace().join("docs")).expect("docs is readable");
    let mut pages: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    pages.push(workspace().join("README.md"));
    pages.sort();
    pages
}

fn shown(page: &Path, block: &Block) -> String {
    format!("{}:{}", page.strip_prefix(workspace()).unwrap().display(), block.line)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn data(name: &str) -> String {
    workspace().join("tests/data").join(name).display().to_string()
}

/// One thread: rows come in the order of the file.
async fn session() -> Session {
    let session = Session::builder().threads(1).build().unwrap();
    session.register_root("events", &[data("nano.root")], RootOptions::default()).await.unwrap();
    session
}

async fn run(session: &Session, sql: &str) -> Result<Option<QueryResult>, ShownError> {
    let sql = sql
        .replace("'nano.root", &format!("'{}", data("nano.root")))
        .replace("Cert_Collisions2022_golden.json", &data("golden.json"));
    Ok(session.run_script(&sql).await?)
}

#[test]
fn every_sql_block_runs() {
    let (mut faults, mut count) = (vec![], 0);
    runtime().block_on(async {
        for page in pages() {
            let session = session().await;
            let all = blocks(&page);
            for (at, block) in all.iter().enumerate() {
                let fault = match block.info.strip_prefix("sql") {
                    Some("") => run(&session, &block.code).await.err().map(|error| error.to_string()),
                    Some(",true") => all_true(&session, &block.code).await,
                    Some(",error") => {
                        let told = all.get(at + 1).expect("the message stands in the next block");
                        fails_with(&session, &block.code, &told.code).await
                    }
                    Some(",ignore") | None => continue,
                    Some(other) => Some(format!("what is sql{other}?")),
                };
                count += 1;
                faults.extend(fault.map(|fault| format!("{}: {fault}", shown(&page, block))));
            }
        }
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 30, "found {count} blocks");
}

async fn all_true(session: &Session, sql: &str) -> Option<String> {
    let result = match run(session, sql).await {
        Ok(result) => result.expect("it has a result"),
        Err(error) => return Some(error.to_string()),
    };
    let found: Vec<Value> = result.batches.iter().flat_map(|b| b.columns().iter().flat_map(values)).collect();
    let all = !found.is_empty() && found.iter().all(|value| *value == Value::Bool(true));
    (!all).then(|| format!("should be true, is {}", Value::Array(found)))
}

async fn fails_with(session: &Session, sql: &str, message: &str) -> Option<String> {
    // An error is told on several lines to users, on one here.
    let message = message.trim_end().replace('\n', "; ");
    match run(session, sql).await {
        Ok(_) => Some("should fail, runs".to_owned()),
        Err(error) if error.to_string().contains(&message) => None,
        Err(error) => Some(format!("should fail with {message:?}, but: {error}")),
    }
}

#[test]
fn every_example_of_the_reference_runs() {
    let page = workspace().join("docs/reference/functions.md");
    let mut faults = vec![];
    let mut count = 0;
    runtime().block_on(async {
        let session = session().await;
        // Tables that the examples name.
        let tables = "CREATE VIEW mc AS SELECT *, 'ttbar' AS sample FROM events;
            CREATE VIEW totals AS SELECT hist(MET_pt, 10, 0, 100) FILTER (WHERE nJet > 2) AS passed,
              hist(MET_pt, 10, 0, 100) AS total, hist(MET_pt, 10, 0, 100) AS h1, hist(MET_pt, 10, 0, 100) AS h2 FROM events";
        run(&session, tables).await.unwrap();
        for block in blocks(&page).iter().filter(|block| block.example) {
            count += 1;
            if let Err(error) = run(&session, &block.code).await {
                faults.push(format!("{}: {error}", shown(&page, block)));
            }
        }
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 30, "found {count} examples");
}

#[test]
fn python_and_sql_agree() {
    let modules = ["awkward", "hist", "uproot", "vector"];
    let Some(python) = ana_tests::python("book", &modules) else { return };
    let page = workspace().join("docs/from-awkward.md");
    let all = blocks(&page);
    let answers = python_answers(&python, &page, &all);
    let (mut faults, mut pairs) = (vec![], 0);
    runtime().block_on(async {
        let session = session().await;
        let mut answers = answers.into_iter();
        let mut wanted = Value::Null;
        for block in &all {
            match block.info.as_str() {
                "python" => wanted = answers.next().expect("one answer per block"),
                "sql" => {
                    let place = shown(&page, block);
                    let wanted = std::mem::take(&mut wanted);
                    assert!(says_something(&wanted), "{place}: the Python block above has no answer");
                    pairs += 1;
                    match run(&session, &block.code).await {
                        Ok(Some(result)) => {
                            let got = answer(&result, &wanted);
                            faults.extend(difference(&wanted, &got).map(|fault| format!("{place}: {fault}")));
                        }
                        Ok(None) => faults.push(format!("{place}: no result")),
                        Err(error) => faults.push(format!("{place}: {error}")),
                    }
                }
                _ => {}
            }
        }
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(pairs >= 20, "found {pairs} pairs");
}

/// What the Python blocks of a page call `answer`, one per block.
fn python_answers(python: &Path, page: &Path, all: &[Block]) -> Vec<Value> {
    let blocks: Vec<Value> = all
        .iter()
        .filter(|block| block.info == "python")
        .map(|block| json!({ "line": block.line, "code": block.code }))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let given = folder.path().join("blocks.json");
    std::fs::write(&given, json!({ "file": page, "blocks": blocks }).to_string()).unwrap();
    let script = workspace().join("tests/oracles/book.py");
    let run =
        Command::new(python).arg(script).arg(given).current_dir(workspace().join("tests/data")).output();
    let run = run.unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    serde_json::from_slice(&run.stdout).unwrap()
}

/// Whether there is a value in it that is not NULL.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(parts) => parts.iter().any(says_something),
        Value::Object(parts) => parts.values().any(says_something),
        _ => true,
    }
}

/// A result in the form in which Python gives it: the rows of one column, one value, or histograms.
fn answer(result: &QueryResult, like: &Value) -> Value {
    let mut histograms: Vec<(String, Value)> = result
        .histograms()
        .unwrap()
        .into_iter()
        .map(|(name, h)| (name, json!({ "values": h.sumws(), "variances": h.sumw2s() })))
        .collect();
    match histograms.len() {
        0 => {}
        1 => return histograms.remove(0).1,
        _ => return Value::Object(histograms.into_iter().collect()),
    }
    let columns = result.batches.iter().map(|batch| {
        assert_eq!(batch.num_columns(), 1, "one column is compared");
        batch.column(0)
    });
    let mut rows: Vec<Value> = columns.flat_map(values).collect();
    if like.is_array() || rows.len() != 1 { Value::Array(rows) } else { rows.remove(0) }
}

fn values(array: impl AsRef<dyn Array>) -> Vec<Value> {
    let array = array.as_ref();
    (0..array.len()).map(|row| if array.is_null(row) { Value::Null } else { value(array, row) }).collect()
}

/// One value, not NULL. A 32-bit float is the 64-bit float it equals.
fn value(array: &dyn Array, row: usize) -> Value {
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        t if t.is_integer() => {
            let wide = cast(&array.slice(row, 1), &DataType::Int64).unwrap();
            wide.as_primitive::<Int64Type>().value(0).into()
        }
        t if t.is_floating() => {
            let wide = cast(&array.slice(row, 1), &DataType::Float64).unwrap();
            let wide = wide.as_primitive::<Float64Type>().value(0);
            if wide.is_finite() { wide.into() } else { wide.to_string().to_lowercase().into() }
        }
        DataType::List(_) => Value::Array(values(array.as_list::<i32>().value(row))),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let named = fields.iter().zip(columns);
            let named =
                named.map(|(field, column)| (field.name().clone(), values(column.slice(row, 1)).remove(0)));
            Value::Object(named.collect::<Map<_, _>>())
        }
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        other => panic!("{other} is not compared"),
    }
}

/// Floats may differ in the last digits: both sides compute in double precision, but `vector` writes the same
/// formulas in another order (m² = E² − p² against τ² and so on), and numpy's sums are not exact.
const TOLERANCE: f64 = 1e-9;

fn difference(python: &Value, sql: &Value) -> Option<String> {
    match (python, sql) {
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                return Some(format!("Python gives {} values, SQL {}", a.len(), b.len()));
            }
            let mut parts = a.iter().zip(b).enumerate();
            parts.find_map(|(i, (a, b))| difference(a, b).map(|fault| format!("[{i}] {fault}")))
        }
        (Value::Object(a), Value::Object(b)) => {
            if !a.keys().eq(b.keys()) {
                return Some(format!("Python names {:?}, SQL {:?}", a.keys(), b.keys()));
            }
            let mut parts = a.iter();
            parts.find_map(|(name, a)| difference(a, &b[name]).map(|fault| format!("{name} {fault}")))
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            let close = a == b || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
            (!close).then(|| format!("Python gives {a}, SQL {b}"))
        }
        _ => (python != sql).then(|| format!("Python gives {python}, SQL {sql}")),
    }
}
