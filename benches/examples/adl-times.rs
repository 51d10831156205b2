//! One JSON line per ADL selection, in the form the peers' scripts print theirs: best wall and CPU time of
//! several warm runs in one process.
//!
//! ```sh
//! adl-times FILE [--threads N] [--repeat N] [--query Q6]
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints its result and stops at the first fault"
)]

use std::time::Instant;

use ana_benches::{events, open, selections};
use cpu_time::ProcessTime;
use serde_json::json;

fn option(arguments: &[String], name: &str, default: usize) -> usize {
    let at = arguments.iter().position(|a| a == name);
    at.map_or(default, |at| arguments[at + 1].parse().expect("a number"))
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let file = arguments.first().expect("usage: adl-times FILE [--threads N] [--repeat N] [--query Q6]");
    let (threads, repeat) = (option(&arguments, "--threads", 2), option(&arguments, "--repeat", 5));
    let (runtime, session) = open(file.as_ref(), threads);
    let events = events(&runtime, &session);
    let only = arguments.iter().position(|a| a == "--query").map(|at| &arguments[at + 1]);
    for (query, sql) in selections().into_iter().filter(|(query, _)| only.is_none_or(|only| only == query)) {
        let (mut wall, mut cpu) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..repeat {
            let (started, cpu_started) = (Instant::now(), ProcessTime::now());
            runtime.block_on(session.run_script(&sql)).unwrap();
            wall = wall.min(started.elapsed().as_secs_f64());
            cpu = cpu.min(cpu_started.elapsed().as_secs_f64());
        }
        println!(
            "{}",
            json!({"peer": "ana-sql", "query": query, "events": events, "workers": threads,
                   "total_s": wall, "cpu_s": cpu, "events_per_s": events as f64 / wall})
        );
    }
}
