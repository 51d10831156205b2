//! Columns of a tree: one for each leaf that holds data.

use arrow::datatypes::DataType;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::basket::{Basket, Placement};
use crate::interpretation::Interpretation;
use crate::interpretation::resolve::{Resolved, collection_counter, resolve};
use crate::layout::Slot;
use crate::streamer::Streamers;
use crate::tree_record::{RawBranch, RawLeaf, RawTree};

/// One column of a tree.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Name that is unique in the tree: the branch's own where that is, else its [`path`](Self::path).
    ///
    /// A branch with several leaves gives a column for each, `branch.leaf`. A split collection gives one for the
    /// number of its items, named as ROOT names that leaf: `Tracks_`.
    pub name: String,
    /// Names of the branch and those it is in, joined by `/`.
    pub path: String,
    /// Title of the branch.
    pub title: String,
    /// C++ type, in the spelling `float[]`, `uint8_t[4]`, `vector<vector<int> >`.
    pub cpp_type: String,
    /// Arrow type, or why the branch cannot be read.
    pub data_type: Result<DataType, String>,
    /// The column in the same tree that counts this one's items.
    pub counter: Option<usize>,
    /// Bytes in the file.
    pub compressed_bytes: u64,
    /// Bytes after decompression.
    pub uncompressed_bytes: u64,
    /// Compression setting, algorithm × 100 + level.
    pub compression: i64,
    /// Baskets in the order of their entries; shared by the columns of one leaf list.
    pub baskets: Arc<[Basket]>,
    pub(crate) interpretation: Option<Interpretation>,
    /// Columns with the same number are in the same baskets.
    pub(crate) source: usize,
    /// Name of the ROOT branch, as baskets repeat it.
    pub(crate) own_name: String,
}

struct Builder<'a> {
    raw: &'a RawTree,
    record: &'a Bytes,
    streamers: &'a Streamers,
    entries: u64,
    file_size: u64,
    columns: Vec<Branch>,
    /// For each column: its leaf, and the leaf that counts its items.
    leaves: Vec<(usize, Option<u32>)>,
    visited: HashSet<usize>,
}

/// The columns of a tree, depth first in the order of the file.
pub(crate) fn columns(
    raw: &RawTree,
    record: &Bytes,
    streamers: &Streamers,
    entries: u64,
    file_size: u64,
) -> Vec<Branch> {
    let visited = HashSet::with_capacity(raw.branches.len());
    let mut builder = Builder {
        raw,
        record,
        streamers,
        entries,
        file_size,
        columns: Vec::new(),
        leaves: Vec::new(),
        visited,
    };
    for top in &raw.top {
        builder.add(*top, "");
    }
    let Builder { mut columns, leaves, .. } = builder;
    connect_counters(raw, &mut columns, &leaves);
    name(&mut columns);
    columns
}

impl Builder<'_> {
    fn add(&mut self, index: usize, prefix: &str) {
        // A file may claim that a branch contains itself.
        if !self.visited.insert(index) {
            return;
        }
        let raw = self.raw;
        let Some(branch) = raw.branches.get(index) else {
            return;
        };
        let path = format!("{prefix}{}", branch.name);
        let leaves: Vec<(usize, &RawLeaf)> =
            branch.leaves.iter().filter_map(|leaf| Some((*leaf, raw.leaves.get(*leaf)?))).collect();
        let is_collection =
            matches!(branch.numbers.get(Slot::Type), 3 | 4) && branch.class == "TBranchElement";
        if branch.children.is_empty() {
            self.add_leaves(index, branch, &path, &leaves);
        } else if let (true, [(leaf, _)]) = (is_collection, leaves.as_slice()) {
            let counter = format!("{}_", path.trim_end_matches('.'));
            self.add_column(index, branch, &counter, (*leaf, None), collection_counter());
        }
        for child in &branch.children {
            self.add(*child, &format!("{path}/"));
        }
    }

    fn add_leaves(&mut self, index: usize, branch: &RawBranch, path: &str, leaves: &[(usize, &RawLeaf)]) {
        let only: Vec<&RawLeaf> = leaves.iter().map(|(_, leaf)| *leaf).collect();
        for (i, (leaf_index, leaf)) in leaves.iter().enumerate() {
            let resolved = resolve(branch, &only, i, self.streamers);
            let path = if leaves.len() > 1 { format!("{path}.{}", leaf.name) } else { path.to_owned() };
            self.add_column(index, branch, &path, (*leaf_index, leaf.count), resolved);
        }
        if leaves.is_empty() {
            let resolved = resolve(branch, &only, 0, self.streamers);
            self.add_column(index, branch, path, (usize::MAX, None), resolved);
        }
    }

    fn add_column(
        &mut self,
        source: usize,
        branch: &RawBranch,
        path: &str,
        leaf: (usize, Option<u32>),
        resolved: Resolved,
    ) {
        let previous = self.columns.last().filter(|previous| previous.source == source);
        let (baskets, fault) = match previous {
            Some(previous) => (Ok(Arc::clone(&previous.baskets)), None),
            None => match self.baskets(branch) {
                Ok(baskets) => (Ok(Arc::from(baskets)), None),
                Err(why) => (Err(()), Some(why)),
            },
        };
        let interpretation = match fault {
            Some(why) => Err(why),
            None => resolved.interpretation,
        };
        let data_type = match &interpretation {
            Ok(interpretation) => interpretation.data_type(),
            Err(why) => Err(why.clone()),
        };
        let own = |slot| u64::try_from(branch.numbers.get(slot)).unwrap_or(0);
        self.columns.push(Branch {
            name: String::new(),
            path: path.to_owned(),
            title: branch.title.clone(),
            cpp_type: resolved.cpp_type,
            data_type,
            counter: None,
            compressed_bytes: own(Slot::ZippedBytes),
            uncompressed_bytes: own(Slot::TotalBytes),
            compression: branch.numbers.get(Slot::Compression),
            baskets: baskets.unwrap_or_else(|()| Arc::from(Vec::new())),
            interpretation: interpretation.ok(),
            source,
            own_name: branch.name.clone(),
        });
        self.leaves.push(leaf);
    }

    /// The branch's baskets: those on disk, then those embedded; together they must hold the tree's entries.
    fn baskets(&self, branch: &RawBranch) -> Result<Vec<Basket>, String> {
        if !branch.file_name.is_empty() {
            return Err(format!("its baskets are in another file, {:?}", branch.file_name));
        }
        let own = u64::try_from(branch.numbers.get(Slot::Entries)).unwrap_or(u64::MAX);
        if own != self.entries {
            return Err(format!(
                "it has {} of the tree's {} entries",
                branch.numbers.get(Slot::Entries),
                self.entries
            ));
        }
        if own == 0 {
            return Ok(Vec::new());
        }
        let written = usize::try_from(branch.numbers.get(Slot::WriteBasket)).unwrap_or(0);
        let mut baskets = Vec::with_capacity(written.min(branch.basket_seek.len()) + branch.embedded.len());
        let mut next = 0_u64;
        let starts = branch.basket_entry.iter().map(|entry| u64::try_from(*entry).unwrap_or(u64::MAX));
        let starts: Vec<u64> = starts.collect();
        let on_disk = branch.basket_seek.iter().zip(&branch.basket_bytes).take(written);
        for (i, (seek, bytes)) in on_disk.enumerate() {
            let (Ok(seek), Ok(bytes)) = (u64::try_from(*seek), u64::try_from(*bytes)) else {
                return Err(format!("basket {i} is said to be at byte {seek}"));
            };
            if seek == 0 {
                break;
            }
            let end = starts.get(i + 1).copied().unwrap_or(own);
            if starts.get(i) != Some(&next) || end < next || end > own {
                return Err(format!("basket {i} does not start at entry {next}"));
            }
            match seek.checked_add(bytes) {
                Some(stop) if stop <= self.file_size && bytes > 0 => {
                    if end > next {
                        baskets.push(Basket { entries: next..end, place: Placement::Disk(seek..stop) });
                    }
                }
                _ => {
                    return Err(format!("basket {i} of {bytes} bytes at byte {seek} is not in the file"));
                }
            }
            next = end;
        }
        if next == own {
            return Ok(baskets);
        }
        for (i, embedded) in &branch.embedded {
            if embedded.entries == 0 {
                continue;
            }
            let end = next.saturating_add(embedded.entries as u64);
            if starts.get(*i).is_some_and(|start| *start != next) || end > own {
                return Err(format!("embedded basket {i} does not start at entry {next}"));
            }
            let stored = Box::new(embedded.stored(self.record));
            baskets.push(Basket { entries: next..end, place: Placement::Embedded(stored) });
            next = end;
        }
        if next == own { Ok(baskets) } else { Err(format!("its baskets hold {next} of {own} entries")) }
    }
}

/// Finds the columns that count others: a leaf's counter is a leaf of another branch.
fn connect_counters(raw: &RawTree, columns: &mut [Branch], leaves: &[(usize, Option<u32>)]) {
    let column_of: HashMap<usize, usize> =
        leaves.iter().enumerate().map(|(column, (leaf, _))| (*leaf, column)).collect();
    let is_count = |branch: &Branch| {
        let whole = branch.data_type.as_ref().is_ok_and(DataType::is_integer);
        whole
            && matches!(branch.interpretation, Some(Interpretation::Fixed { ref dims, .. }) if dims.is_empty())
    };
    let counters: Vec<Option<usize>> = leaves
        .iter()
        .enumerate()
        .map(|(own, (_, count))| {
            let column = *column_of.get(raw.leaf_ids.get(&(*count)?)?)?;
            let usable = column != own && columns.get(column).is_some_and(is_count);
            usable.then_some(column)
        })
        .collect();
    for (column, counter) in columns.iter_mut().zip(counters) {
        if matches!(column.interpretation, Some(Interpretation::Jagged { .. })) {
            column.counter = counter;
        }
    }
}

/// Gives every column a unique name.
fn name(columns: &mut [Branch]) {
    let short = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let mut names: Vec<String> = columns.iter().map(|column| short(&column.path)).collect();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for name in &names {
        *seen.entry(name.clone()).or_default() += 1;
    }
    for (name, column) in names.iter_mut().zip(columns.iter()) {
        if seen.get(name.as_str()).is_some_and(|count| *count > 1) {
            name.clone_from(&column.path);
        }
    }
    // Two branches of one path exist in files made by hand: later ones get a number.
    let mut used: HashMap<String, usize> = HashMap::new();
    for (name, column) in names.into_iter().zip(columns) {
        let times = used.entry(name.clone()).or_default();
        *times += 1;
        column.name = if *times > 1 { format!("{name}#{times}") } else { name };
    }
}
