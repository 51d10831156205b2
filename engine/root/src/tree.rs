//! A tree: its columns and how its entries are cut into clusters.

use bytes::Bytes;
use std::ops::Range;

use crate::branch::{Branch, columns};
use crate::cluster;
use crate::error::{Place, Result, RootError, nearest};
use crate::file::Key;
use crate::layout::Slot;
use crate::streamer::Streamers;
use crate::tree_record;

/// The metadata of a TTree.
#[derive(Debug, Clone)]
pub struct Tree {
    /// File it is in, as it was named when opened.
    pub file: String,
    /// Name.
    pub name: String,
    /// Title.
    pub title: String,
    /// Directory and name.
    pub path: String,
    /// Cycle.
    pub cycle: u16,
    /// Class: `TTree`, `TNtuple`, …
    pub class: String,
    /// Number of entries.
    pub entries: u64,
    /// Columns, depth first in the order of the file.
    pub branches: Vec<Branch>,
    /// Runs of entries after which all columns began new baskets.
    pub clusters: Vec<Range<u64>>,
    /// Bytes of all branches in the file, as the tree says.
    pub compressed_bytes: u64,
    /// Bytes of all branches after decompression, as the tree says.
    pub uncompressed_bytes: u64,
}

impl Tree {
    pub(crate) fn read(
        file: &str,
        file_size: u64,
        path: &str,
        cycle: u16,
        key: &Key,
        content: Bytes,
        streamers: &Streamers,
    ) -> Result<Self> {
        let raw = tree_record::read(&key.class, &content, key.key_length, streamers)?;
        let entries = raw.numbers.get(Slot::Entries);
        let entries =
            u64::try_from(entries).map_err(|_| RootError::malformed("a number of entries", entries))?;
        let branches = columns(&raw, &content, streamers, entries, file_size);
        let clusters = cluster::clusters(&branches, entries);
        Ok(Self {
            file: file.to_owned(),
            name: raw.name,
            title: raw.title,
            path: path.to_owned(),
            cycle,
            class: key.class.clone(),
            entries,
            branches,
            clusters,
            compressed_bytes: u64::try_from(raw.numbers.get(Slot::ZippedBytes)).unwrap_or(0),
            uncompressed_bytes: u64::try_from(raw.numbers.get(Slot::TotalBytes)).unwrap_or(0),
        })
    }

    /// The column of a name, or of a path.
    pub fn branch_index(&self, name: &str) -> Result<usize> {
        let found = self.branches.iter().position(|branch| branch.name == name);
        found.or_else(|| self.branches.iter().position(|branch| branch.path == name)).ok_or_else(|| {
            RootError::BranchNotFound {
                place: Box::new(Place::default()),
                name: name.to_owned(),
                nearest: nearest(name, self.branches.iter().map(|branch| branch.name.as_str())),
            }
            .in_tree(&self.path)
            .in_file(&self.file)
        })
    }
}
