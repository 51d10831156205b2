//! Two thousand generated expressions and event subqueries agree with a naive interpreter, event by event.
//!
//! The interpreter is of SQL as `generated/syntax.rs` has it, not of the kernels: what is tested is the way from the
//! text to the answer. A failing expression is made smaller until nothing can be taken away, and shown with its seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "conversions of SQL, and random numbers"
)]
#![allow(clippy::print_stderr, reason = "how much was compared is worth knowing")]

#[path = "generated/catalog.rs"]
mod catalog;
#[path = "generated/compare.rs"]
mod compare;
#[path = "generated/functions.rs"]
mod functions;
#[path = "generated/generate.rs"]
mod generate;
#[path = "generated/interpret.rs"]
mod interpret;
#[path = "generated/random.rs"]
mod random;
#[path = "generated/render.rs"]
mod render;
#[path = "generated/run.rs"]
mod run;
#[path = "generated/shrink.rs"]
mod shrink;
#[path = "generated/subqueries.rs"]
mod subqueries;
#[path = "generated/subquery.rs"]
mod subquery;
#[path = "generated/syntax.rs"]
mod syntax;
#[path = "generated/value.rs"]
mod value;

/// Tables, each with collections derived from its own.
const TABLES: usize = 8;
/// Expressions over each of them.
const EXPRESSIONS: usize = 250;
const EVENTS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expressions_agree_with_a_naive_interpreter() {
    let number =
        |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a whole number"));
    let first = number("GENERATED_SEED").unwrap_or(1);
    let mut tally = run::Tally::default();
    for seed in first..first + number("GENERATED_TABLES").unwrap_or(TABLES as u64) {
        run::table(seed, EVENTS, EXPRESSIONS, &mut tally).await;
    }
    eprintln!("{tally:?}");
    assert!(tally.failures.is_empty(), "\n{}", tally.failures.join("\n\n"));
    assert!(tally.undecided * 8 < tally.compared, "too much is too close to call: {tally:?}");
}
