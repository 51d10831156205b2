//! ROOT files → Arrow arrays, without IO.
//!
//! The decoder never reads: it names the byte ranges it wants, the caller puts them into a [`ByteStore`] and asks
//! again. [`RootFile::open`] and [`RootFile::tree`] give the metadata, a [`TreeReader`] the arrays.
//!
//! ```no_run
//! use ana_root::{ByteStore, Progress, RootFile, TreeReader};
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bytes = bytes::Bytes::from(std::fs::read("events.root")?);
//! let mut store = ByteStore::new();
//! store.insert(0, bytes.clone());
//! let Progress::Ready(file) = RootFile::open("events.root", bytes.len() as u64, &store)? else { return Ok(()) };
//! let Progress::Ready(tree) = file.tree("Events", &store)? else { return Ok(()) };
//! let column = tree.branch_index("Jet_pt")?;
//! let entries = 0..tree.entries;
//! let mut reader = TreeReader::new(Arc::new(tree), &[column])?;
//! let arrays = reader.read(&[0], entries, &store)?;
//! # Ok(())
//! # }
//! ```
//!
//! Nothing in a file is trusted: every count is checked against the bytes that are there before anything is allocated,
//! and no input makes the crate panic.

#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )
)]

mod basket;
mod branch;
mod cluster;
mod compression;
mod cursor;
mod error;
mod file;
mod interpretation;
mod layout;
mod lz4;
mod object;
mod reader;
mod schema;
mod store;
mod streamer;
mod tree;
mod tree_record;

pub use basket::{Basket, DecodeMetrics};
pub use branch::Branch;
pub use compression::{Codec, Decompressor, Scratch};
pub use error::{Place, Result, RootError};
pub use file::{RootFile, TreeKey};
pub use reader::TreeReader;
pub use store::{ByteStore, Progress};
pub use tree::Tree;
