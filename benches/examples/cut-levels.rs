//! The table PocketCoffea prints, for ADL query 10 and the loads in `configs/loads`: events per second on one core after
//! each cut level, and what a weighted fill takes.
//!
//! ```sh
//! cut-levels FILE [REPEAT]
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints its result and stops at the first fault"
)]

use ana_benches::{cut_levels, events, open};
use cpu_time::ProcessTime;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let file = arguments.first().expect("usage: cut-levels FILE [REPEAT]");
    let repeat = arguments.get(1).map_or(5, |number| number.parse().expect("a number"));
    let (runtime, session) = open(file.as_ref(), 1);
    let events = events(&runtime, &session) as f64;
    println!("| level | events/s | ns per event | fills | ns per fill beyond the categories |");
    println!("|---|--:|--:|--:|--:|");
    let mut categories = 0.0;
    for (name, sql) in cut_levels() {
        let (mut cpu, mut fills) = (f64::INFINITY, 0);
        for _ in 0..repeat {
            let started = ProcessTime::now();
            let result = runtime.block_on(session.run_script(&sql)).unwrap().expect("rows");
            cpu = cpu.min(started.elapsed().as_secs_f64());
            let histograms = result.histograms().unwrap_or_default();
            fills = histograms.iter().flat_map(|(_, histogram)| &histogram.counts).sum::<u64>();
        }
        if name == "categories" {
            categories = cpu;
        }
        let beyond = match fills {
            0 => "–".to_owned(),
            fills => format!("{:.2}", (cpu - categories) / fills as f64 * 1e9),
        };
        println!("| {name} | {:.2}M | {:.1} | {fills} | {beyond} |", events / cpu / 1e6, cpu / events * 1e9);
    }
}
