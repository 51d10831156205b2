//! Event kernels against a naive interpreter, one event and one combination at a time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "tests"
)]

#[path = "event/elementary.rs"]
mod elementary;
#[path = "event/naive.rs"]
mod naive;
#[path = "event/properties.rs"]
mod properties;
#[path = "event/random.rs"]
mod random;
#[path = "event/slices.rs"]
mod slices;
