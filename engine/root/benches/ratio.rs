//! CPU time of `scan` over that of `floor`, for each query and codec: `cargo bench -p ana-root --bench ratio`.
//!
//! The least of several runs of each, taken in turns; the time is the thread's own, so that other work on the machine
//! does not count. With `--json`, one line for each query and codec instead of the table.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench"
)]

mod adl;

use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 9;

/// Seconds for one run: CPU time of this thread, over enough runs that starting and stopping does not count.
fn timed(runs: u32, work: impl Fn() -> usize) -> f64 {
    let began = cpu_time::ThreadTime::now();
    for _ in 0..runs {
        black_box(work());
    }
    began.elapsed().as_secs_f64() / f64::from(runs)
}

/// Runs that take some 150 ms.
fn enough_runs(work: impl Fn() -> usize) -> u32 {
    let began = Instant::now();
    black_box(work());
    let wanted = 0.15 / began.elapsed().as_secs_f64().max(1e-4);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 1500")]
    let runs = wanted.clamp(1.0, 1500.0) as u32;
    runs
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    // Names of codecs and queries limit what is run.
    let chosen = |name: &str, all: &[&str]| {
        !arguments.iter().any(|argument| all.contains(&argument.as_str()))
            || arguments.iter().any(|argument| argument == name)
    };
    let queries: Vec<&str> = adl::QUERIES.iter().map(|(query, _)| *query).collect();
    for codec in adl::CODECS.into_iter().filter(|codec| chosen(codec, &adl::CODECS)) {
        let Some(file) = adl::InMemory::load(codec) else { continue };
        for (query, columns) in adl::QUERIES.into_iter().filter(|(query, _)| chosen(query, &queries)) {
            let runs = enough_runs(|| file.floor(columns));
            let (mut scan, mut floor) = (f64::INFINITY, f64::INFINITY);
            for _ in 0..ROUNDS {
                scan = scan.min(timed(runs, || file.scan(columns)));
                floor = floor.min(timed(runs, || file.floor(columns)));
            }
            let ratio = scan / floor;
            if json {
                println!(
                    "{{\"codec\":\"{codec}\",\"query\":\"{query}\",\"scan_cpu_s\":{scan},\"floor_cpu_s\":{floor}}}"
                );
            } else {
                println!(
                    "{codec:5} {query}  scan {:8.2} ms  floor {:8.2} ms  ratio {ratio:5.2}",
                    scan * 1e3,
                    floor * 1e3
                );
            }
        }
    }
}
