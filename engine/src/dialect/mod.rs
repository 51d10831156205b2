//! The SQL dialect: what text means before DataFusion plans it.
//!
//! [`script`] cuts a text into statements and keeps their places for error messages; [`syntax`] is the
//! grammar; `files` opens the files a statement names as tables; `rewrite` gives dotted names and forms on lists
//! their meaning, [`elementwise`] plans what comes of them; [`histograms`] makes `sum(h)` and `mean(h)` of a
//! histogram functions, not aggregates; [`faults`] turns the planner's errors into positions and advice.

pub(crate) mod build;
mod catalog;
pub(crate) mod chain;
pub(crate) mod collection;
pub(crate) mod definition;
pub mod elementwise;
pub mod event;
pub mod faults;
pub(crate) mod files;
mod hist;
pub mod histograms;
pub(crate) mod pairing;
pub(crate) mod rewrite;
mod scope;
pub mod script;
pub mod syntax;
pub(crate) mod triggers;
mod wildcard;
