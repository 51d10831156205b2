//! The command as its users see it: the real binary, in a folder of its own, on the small file that the repository ships.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "tests may panic")]

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const MET: &str = "SELECT hist(MET_pt, regular(10, 0, 50)) AS met FROM events";

/// A folder to run in; files are looked for and written there.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ana-sql"));
        command.current_dir(self.0.path()).env_remove("NO_COLOR").env("XDG_STATE_HOME", self.0.path());
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran(self.command().args(arguments).output().unwrap())
    }

    /// Runs on the shipped file as the table `events`.
    fn events(&self, arguments: &[&str]) -> Ran {
        let table = format!("events={}", zmumu().display());
        Ran(self.command().args(["--table", &table]).args(arguments).output().unwrap())
    }

    /// Names in the folder.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

struct Ran(Output);

impl Ran {
    fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    /// Standard output of a run that must succeed.
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.code(), Some(0), "{}{}", self.out(), self.err());
        self.out()
    }

    /// Standard error of a run that must fail so.
    #[track_caller]
    fn fails(self, code: i32) -> String {
        assert_eq!(self.code(), Some(code), "{}{}", self.out(), self.err());
        self.err()
    }
}

/// The NanoAOD file of the repository.
fn zmumu() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/zmumu.root").canonicalize().unwrap()
}

/// Events in it, by the simplest query.
fn events() -> u64 {
    let scratch = Scratch::new();
    let out = scratch.events(&["--format", "csv", "-c", "SELECT count(*) AS n FROM events"]).ok();
    out.lines().nth(1).unwrap().parse().unwrap()
}

// Arguments

#[test]
fn short_help_is_short_and_long_help_complete() {
    let scratch = Scratch::new();
    let (short, long) = (scratch.run(&["-h"]).ok(), scratch.run(&["--help"]).ok());
    assert!(short.lines().count() < 60, "{short}");
    for option in [
        "--file",
        "--command",
        "--table",
        "--output",
        "--format",
        "--report",
        "--threads",
        "--memory",
        "--device",
    ] {
        assert!(short.contains(option) && long.contains(option), "{option}");
    }
    assert!(long.len() > 2 * short.len() && long.contains("Exit status:"), "{long}");
}

#[test]
fn wrong_usage_is_status_2() {
    let scratch = Scratch::new();
    for wrong in [
        &["--no-such-option"][..],
        &["--threads", "0", "-c", "SELECT 1"],
        &["--table", "events", "-c", "SELECT 1"],
        &["--memory", "much", "-c", "SELECT 1"],
        &["--format", "xml", "-c", "SELECT 1"],
        &["inspect"],
    ] {
        let err = scratch.run(wrong).fails(2);
        assert!(err.starts_with("error:"), "{wrong:?}: {err}");
    }
}

#[test]
fn completions_for_every_shell() {
    let scratch = Scratch::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(scratch.run(&["completions", shell]).ok().contains("on-bad-file"), "{shell}");
    }
}

#[test]
fn a_gpu_that_is_not_there_is_an_error_that_says_so() {
    let scratch = Scratch::new();
    let err = scratch.run(&["--device", "gpu:99", "-c", "SELECT 1"]).fails(1);
    assert!(err.contains("no GPU: no adapter"), "{err}");
    let err = scratch.run(&["--device", "tpu", "-c", "SELECT 1"]).fails(2);
    assert!(err.contains("gpu:N for adapter N"), "{err}");
}

#[test]
fn devices_are_listed_or_it_says_why_there_is_none() {
    let out = Scratch::new().run(&["devices", "--list"]).ok();
    assert!(out.starts_with("gpu:0  ") && out.contains("limits: ") || out.starts_with("no GPU: "), "{out}");
}

// Scripts

#[test]
fn a_file_a_text_and_standard_input() {
    let scratch = Scratch::new();
    scratch.file("a.sql", "-- first\nCREATE VIEW v AS SELECT 41 AS x;\n");
    let out = scratch.run(&["-f", "a.sql", "-c", "SELECT x + 1 AS answer FROM v", "--format", "csv"]).ok();
    assert_eq!(out, "answer\n42\n");

    let mut child = scratch
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .args(["--format", "csv"])
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"SELECT 1 AS a; SELECT 2 AS b;").unwrap();
    let out = Ran(child.wait_with_output().unwrap()).ok();
    assert_eq!(out, "a\n1\nb\n2\n");
}

#[test]
fn a_missing_script_is_named() {
    let err = Scratch::new().run(&["-f", "none.sql"]).fails(1);
    assert!(err.starts_with("error: none.sql: "), "{err}");
}

#[test]
fn nothing_runs_if_a_later_statement_is_no_sql() {
    let scratch = Scratch::new();
    let ran = scratch.run(&["-c", "SELECT 1 AS a;\nSELEC 2"]);
    assert_eq!(ran.out(), "");
    let err = ran.fails(1);
    assert!(err.contains("-c:2:1") && err.contains("2 | SELEC 2") && err.contains("  | ^^^^^"), "{err}");
}

#[test]
fn a_misspelt_branch_has_its_place_and_near_names() {
    let scratch = Scratch::new();
    scratch.file("cuts.sql", "SELECT count(*)\nFROM events\nWHERE Muon_pl IS NULL\n");
    let err = scratch.events(&["-f", "cuts.sql"]).fails(1);
    assert!(err.contains("Muon_pl") && err.contains("cuts.sql:3:7"), "{err}");
    assert!(err.contains("3 | WHERE Muon_pl IS NULL\n  |       ^^^^^^^"), "{err}");
    assert!(err.contains("Muon_pt"), "{err}");
}

#[test]
fn a_missing_file_is_named() {
    let scratch = Scratch::new();
    let err = scratch.run(&["--table", "events=none/*.root", "-c", "SELECT 1"]).fails(1);
    assert!(err.contains("events") && err.contains("none/*.root"), "{err}");
    let err = scratch.run(&["-c", "SELECT 1 FROM 'none.root'"]).fails(1);
    assert!(err.contains("none.root"), "{err}");
}

#[test]
fn a_table_of_the_command_line_wins_over_the_scripts() {
    let scratch = Scratch::new();
    scratch.file("a.sql", "CREATE EXTERNAL TABLE events STORED AS ROOT LOCATION 'elsewhere.root';\nSELECT count(*) AS n FROM events;");
    let out = scratch.events(&["-f", "a.sql", "--format", "csv"]).ok();
    assert_eq!(out, format!("n\n{}\n", events()));
}

#[test]
fn the_same_table_given_twice_has_the_files_of_both() {
    let scratch = Scratch::new();
    let copy = scratch.path("copy.root");
    std::fs::copy(zmumu(), &copy).unwrap();
    let second = format!("events={}", copy.display());
    let out = scratch
        .events(&["--table", &second, "--format", "csv", "-c", "SELECT count(*) AS n FROM events"])
        .ok();
    assert_eq!(out, format!("n\n{}\n", 2 * events()));
}

// Standard output

#[test]
fn a_histogram_in_a_pipe_is_a_row_per_bin() {
    let scratch = Scratch::new();
    let out = scratch.events(&["-c", MET, "--format", "csv"]).ok();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "histogram,lo,hi,label,count,sumw,sumw2");
    assert_eq!(lines.len(), 13);
    assert!(lines[1].starts_with("met,-inf,0.0,,") && lines[12].starts_with("met,50.0,inf,,"), "{out}");
    let total: u64 = lines[1..].iter().map(|l| l.split(',').nth(4).unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(total, events());

    let table = scratch.events(&["-c", MET]).ok();
    assert!(!table.contains('\x1b') && table.lines().count() == 14, "{table}");
    let json: serde_json::Value =
        serde_json::from_str(&scratch.events(&["-c", MET, "--format", "json"]).ok()).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 12);
    assert_eq!(json[0]["lo"], "-Infinity");
    assert_eq!(json[1]["hi"], 5.0);
}

#[test]
fn rows_as_table_json_and_csv() {
    let scratch = Scratch::new();
    let sql = "SELECT 1 AS a, 'x,y' AS b, [1.5, NULL] AS c";
    assert_eq!(scratch.run(&["-c", sql]).ok(), "a  b    c\n─  ───  ───────────\n1  x,y  [1.5, NULL]\n");
    assert_eq!(scratch.run(&["-c", sql, "--format", "csv"]).ok(), "a,b,c\n1,\"x,y\",\"[1.5,null]\"\n");
    assert_eq!(
        scratch.run(&["-c", sql, "--format", "json"]).ok(),
        "[{\"a\":1,\"b\":\"x,y\",\"c\":[1.5,null]}]\n"
    );
    assert_eq!(scratch.run(&["-c", "SELECT 1 AS a WHERE false", "--format", "json"]).ok(), "[]\n");
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_a_normal_end() {
    let scratch = Scratch::new();
    let sql = "SELECT value FROM generate_series(1, 100000000)";
    let mut child =
        scratch.command().stdout(Stdio::piped()).stderr(Stdio::piped()).args(["-c", sql]).spawn().unwrap();
    let mut some = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap(); // and close it
    let started = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(started.elapsed() < Duration::from_secs(20));
}

// Files

#[test]
fn every_format_is_written_whole() {
    let scratch = Scratch::new();
    for ending in ["json", "zip", "root", "svg", "png", "parquet", "csv"] {
        let name = format!("out.{ending}");
        let ran = scratch.events(&["-c", MET, "-o", &name]);
        assert_eq!(ran.out(), "", "the result is in the file");
        let err = ran.err();
        ran.ok();
        assert!(err.contains(&name), "{err}");
        let bytes = std::fs::read(scratch.path(&name)).unwrap();
        let begins: &[u8] = match ending {
            "json" => b"{\"met\":{\"uhi_schema\":1",
            "zip" => b"PK",
            "root" => b"root",
            "svg" => b"<svg",
            "png" => b"\x89PNG",
            "parquet" => b"PAR1",
            _ => b"histogram,lo",
        };
        assert!(bytes.starts_with(begins), "{name}");
    }
    assert_eq!(scratch.names().len(), 7, "{:?}", scratch.names());
}

#[test]
fn copy_to_writes_too() {
    let scratch = Scratch::new();
    let out = scratch
        .events(&["-c", &format!("COPY ({MET}) TO 'a.hist' STORED AS UHI; COPY ({MET}) TO 'b.root'")])
        .ok();
    assert_eq!(out, "");
    assert_eq!(scratch.names(), ["a.hist", "b.root"]);
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(scratch.path("a.hist")).unwrap()).unwrap();
    assert_eq!(json["met"]["storage"]["values"].as_array().unwrap().len(), 12);
}

#[test]
fn group_by_keys_name_the_histograms() {
    let scratch = Scratch::new();
    let sql = "SELECT nMuon % 2 AS odd, hist(MET_pt, regular(4, 0, 40)) AS met FROM events GROUP BY 1";
    scratch.events(&["-c", sql, "-o", "out.json"]).ok();
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(scratch.path("out.json")).unwrap()).unwrap();
    assert!(json.as_object().unwrap().keys().all(|k| k == "met/0" || k == "met/1"), "{json}");
}

#[test]
fn what_does_not_fit_is_told_before_anything_runs() {
    let scratch = Scratch::new();
    let sql = "SELECT hist(MET_pt, regular(4, 0, 40)) AS met, count(*) AS n FROM events";
    let err = scratch.events(&["-c", sql, "-o", "out.json"]).fails(1);
    assert!(err.contains("n (Int64)"), "{err}");
    let err = scratch.events(&["-c", "SELECT 1 AS a", "-o", "out.root"]).fails(1);
    assert!(err.contains("no") && err.contains("histogram"), "{err}");
    let err = scratch.events(&["-c", MET, "-o", "out.hdf5"]).fails(1);
    assert!(err.contains(".hdf5") && err.contains(".parquet"), "{err}");
    let err = scratch.events(&["-c", MET, "-o", "no/such/out.json"]).fails(1);
    assert!(err.contains("no/such/out.json"), "{err}");
    assert!(scratch.names().is_empty());
}

#[test]
fn a_failing_query_leaves_the_old_file() {
    let scratch = Scratch::new();
    scratch.file("out.csv", "old");
    let sql = "SELECT 1 / (value - 50000) AS x FROM generate_series(1, 100000)";
    scratch.run(&["-c", sql, "-o", "out.csv"]).fails(1);
    assert_eq!(std::fs::read_to_string(scratch.path("out.csv")).unwrap(), "old");
    assert_eq!(scratch.names(), ["out.csv"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_at_once_and_leaves_nothing() {
    let scratch = Scratch::new();
    let sql = "SELECT value, value * 2 AS twice FROM generate_series(1, 100000000000)";
    for output in ["out.csv", "out.parquet"] {
        let mut child = scratch.command().args(["-c", sql, "-o", output, "--quiet"]).spawn().unwrap();
        let started = Instant::now();
        while scratch.names().is_empty() {
            assert!(started.elapsed() < Duration::from_secs(30), "the file is never begun");
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(300));
        let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(interrupt.success());
        let asked = Instant::now();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{output}");
        assert!(asked.elapsed() < Duration::from_secs(5), "{output}: {:?}", asked.elapsed());
        assert_eq!(scratch.names(), Vec::<String>::new(), "{output}");
    }
}

// The report

#[test]
fn the_report_counts_cuts_and_categories() {
    let scratch = Scratch::new();
    let sql =
        "SELECT hist(MET_pt, regular(4, 0, 40)) FILTER (WHERE nMuon = 2) AS two FROM events WHERE nMuon >= 1";
    let ran = scratch.events(&["-c", sql, "-o", "out.json", "--report", "run.json"]);
    let err = ran.err();
    ran.ok();
    assert!(err.contains("all events") && err.contains("selected") && err.contains("nMuon = 2"), "{err}");
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(scratch.path("run.json")).unwrap()).unwrap();
    let query = &report["queries"][0];
    assert_eq!(query["output"], "out.json");
    let levels = query["levels"].as_array().unwrap();
    assert_eq!(levels[0]["events"].as_u64(), Some(events()));
    let count = |sql: &str| {
        let out = scratch.events(&["-c", sql, "--format", "csv", "-q"]).ok();
        out.lines().nth(1).unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(
        levels[1]["events"].as_u64(),
        Some(count("SELECT count(*) AS n FROM events WHERE nMuon >= 1"))
    );
    let category = query["categories"][0]["events"].as_u64();
    assert_eq!(category, Some(count("SELECT count(*) AS n FROM events WHERE nMuon = 2")));
    assert!(levels[0]["events_per_second"].as_f64().unwrap() > 0.0);
}

#[test]
fn quiet_is_quiet() {
    let ran = Scratch::new().events(&["-c", MET, "-q"]);
    assert_eq!(ran.err(), "");
    ran.ok();
}

#[test]
fn skipped_files_are_listed_and_make_the_run_fail_unless_allowed() {
    let scratch = Scratch::new();
    scratch.file("broken.root", "this is no ROOT file");
    let broken = format!("events={}", scratch.path("broken.root").display());
    let sql = ["-c", "SELECT count(*) AS n FROM events", "--format", "csv", "--table", &broken];
    let err = scratch.events(&sql).fails(1);
    assert!(err.contains("broken.root"), "{err}");
    let ran = scratch.events(&[&sql[..], &["--on-bad-file", "skip"]].concat());
    assert_eq!(ran.out(), format!("n\n{}\n", events()));
    let err = ran.fails(1);
    assert!(err.contains("skipped:") && err.contains("broken.root"), "{err}");
    let ran = scratch.events(&[&sql[..], &["--on-bad-file", "skip-ok", "-q"]].concat());
    assert!(ran.err().contains("broken.root"), "even a quiet run says so");
    ran.ok();
}

// The other commands

#[test]
fn inspect_shows_trees_branches_and_types() {
    let scratch = Scratch::new();
    let file = zmumu();
    let text = scratch.run(&["inspect", file.to_str().unwrap()]).ok();
    for part in ["Events;", "Muon_pt", "float[]", "List(Float32", "basket", "cluster"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = scratch.run(&["inspect", "--json", file.to_str().unwrap()]).ok();
    let summary: serde_json::Value = serde_json::from_str(&json).unwrap();
    let tree = summary["trees"].as_array().unwrap().iter().find(|t| t["path"] == "Events").unwrap();
    assert_eq!(tree["entries"].as_u64(), Some(events()));
    let branches = tree["branches"].as_array().unwrap();
    let pt = branches.iter().find(|b| b["name"] == "Muon_pt").unwrap();
    assert_eq!(pt["counter"], "nMuon");
    assert!(pt["compressed_bytes"].as_u64().unwrap() > 0);
    let err = scratch.run(&["inspect", &format!("{}:Evnts", file.display())]).fails(1);
    assert!(err.contains("Evnts") && err.contains("Events"), "{err}");
}

#[test]
fn functions_are_listed_and_shown() {
    let scratch = Scratch::new();
    let list = scratch.run(&["functions"]).ok();
    assert!(list.contains("delta_r") && list.contains("ht") && list.contains("hist"), "{list}");
    assert!(!list.contains("array_agg") && scratch.run(&["functions", "--all"]).ok().contains("array_agg"));
    let page = scratch.run(&["functions", "deltaR"]).ok();
    assert!(page.starts_with("delta_r(") && page.contains("Example") && page.contains("deltaR"), "{page}");
    let err = scratch.run(&["functions", "delta_e"]).fails(1);
    assert!(err.contains("delta_r"), "{err}");
}

#[test]
fn explain_shows_what_will_be_read() {
    let text =
        Scratch::new().run(&["explain", "-c", MET, "--table", &format!("events={}", zmumu().display())]).ok();
    assert!(
        text.contains("-- physical_plan") && text.contains("MET_pt") && !text.contains("Muon_pt"),
        "{text}"
    );
}
