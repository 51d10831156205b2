//! Loads of very many histograms, written as SQL here: how long one takes to plan, and what memory it takes at most.
//!
//! ```sh
//! many-histograms FILE [LOAD] [THREADS] [REPEAT]
//! many-histograms print LOAD > load.sql
//! ```
//!
//! Loads: `thousand` (1,000 `hist` calls with 7 FILTERs), `filled` (100 calls × 100 categories × 15 weights × 100 bins, every
//! cell filled), `sparse` (64,000 bins × 10 categories × 15 weights, of which few are). Without a load each runs in a
//! process of its own. Memory is the peak over what the session took before, as Linux counts it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints its result and stops at the first fault"
)]

use std::time::Instant;

use ana_benches::{events, open};
use cpu_time::ProcessTime;

const LOADS: [&str; 3] = ["thousand", "filled", "sparse"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match given[..] {
        ["print", load] => println!("{};", sql(load)),
        [file] => {
            println!("{HEADER}");
            for load in LOADS {
                let this = std::env::current_exe().unwrap();
                let status = std::process::Command::new(this).args([file, load]).status().unwrap();
                assert!(status.success(), "{load} failed");
            }
        }
        [file, load, ref rest @ ..] => {
            let number = |place: usize, usual: usize| -> usize {
                rest.get(place).map_or(usual, |text| text.parse().expect("a number"))
            };
            measure(file, load, number(0, 1), number(1, 3));
        }
        [] => println!("usage: many-histograms FILE [LOAD] [THREADS] [REPEAT], many-histograms print LOAD"),
    }
}

const HEADER: &str =
    "| load | threads | plan, s | all, CPU s | histograms | as written, MB | peak, MB | ratio |
|---|--:|--:|--:|--:|--:|--:|--:|";

fn measure(file: &str, load: &str, threads: usize, repeat: usize) {
    let (runtime, session) = open(file.as_ref(), threads);
    // What the file says of itself is known from here on.
    assert!(events(&runtime, &session) > 0);
    let sql = sql(load);
    let explain = format!("EXPLAIN {sql}");
    let mut plan = f64::INFINITY;
    for _ in 0..repeat {
        let started = Instant::now();
        runtime.block_on(session.run_script(&explain)).unwrap();
        plan = plan.min(started.elapsed().as_secs_f64());
    }
    let before = memory("VmRSS:");
    // The peak up to now is forgotten.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let started = ProcessTime::now();
    let result = runtime.block_on(session.run_script(&sql)).unwrap().expect("rows");
    let cpu = started.elapsed().as_secs_f64();
    let peak = memory("VmHWM:") - before;
    let histograms = result.histograms().unwrap();
    let written = |h: &ana_hist::Histogram| h.cells() * if h.weighted.is_some() { 24 } else { 8 };
    let written = histograms.iter().map(|(_, h)| written(h)).sum::<usize>() as f64 / 1e6;
    let number: usize = histograms
        .iter()
        .map(|(_, h)| h.axes[..h.axes.len().min(2)].iter().map(labels).product::<usize>())
        .sum();
    println!(
        "| {load} | {threads} | {plan:.3} | {cpu:.2} | {number} | {written:.0} | {peak:.0} | {:.2} |",
        peak / written
    );
}

/// How many histograms an axis of categories or variations makes.
fn labels(axis: &ana_hist::Axis) -> usize {
    match (&axis.kind, axis.name.as_deref()) {
        (ana_hist::AxisKind::Category { labels }, Some("category" | "variation")) => labels.len(),
        _ => 1,
    }
}

/// Megabytes that a line of `/proc/self/status` tells.
fn memory(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let found = status.lines().find_map(|l| l.strip_prefix(line)).expect("a line of memory");
    found.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0 / 1e6
}

/// The statement of a load.
fn sql(load: &str) -> String {
    let list = |n: usize, part: &dyn Fn(usize) -> String| (0..n).map(part).collect::<Vec<_>>().join(",\n  ");
    let weights = list(15, &|i| format!("'w{i}': genWeight * {}", 1.0 + i as f64 / 100.0));
    match load {
        "thousand" => {
            let values = ["MET_pt", "nJet", "MET_phi", "nMuon", "nElectron"];
            let call = |i: usize| {
                let (value, bins, cut) = (values[i % 5], 10 + i % 90, i % 7);
                format!("hist({value}, regular({bins}, 0, 200)) FILTER (WHERE nJet >= {cut}) AS h{i}")
            };
            format!("SELECT {} FROM events", list(1000, &call))
        }
        "filled" => {
            let categories = list(100, &|i| format!("'c{i}': nJet >= 0 OR MET_pt > {i}"));
            let call = |i: usize| {
                format!(
                    "hist((event + {i}) % 102, regular(100, 1, 101), weights => weight, categories => category) AS h{i}"
                )
            };
            format!(
                "SELECT {} FROM (SELECT event, {{{weights}}} AS weight, {{{categories}}} AS category FROM events) AS e",
                list(100, &call)
            )
        }
        "sparse" => {
            let categories = list(10, &|i| format!("'c{i}': MET_pt > {}", 20 * i));
            format!(
                "SELECT hist(MET_pt, regular(40, 0, 2000), MET_sumEt, regular(40, 0, 20000), nJet, integer(0, 39), \
                 weights => weight, categories => category) AS h FROM \
                 (SELECT MET_pt, MET_sumEt, nJet, {{{weights}}} AS weight, {{{categories}}} AS category FROM events) AS e"
            )
        }
        other => format!("-- no load {other}: {LOADS:?}"),
    }
}
