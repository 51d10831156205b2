//! What is in a ROOT file, as data: trees, branches, types, sizes.

use std::collections::BTreeMap;
use std::ops::Range;

use ana_root::{Branch, ByteStore, RootFile, Tree, TreeKey};
use serde::Serialize;

use crate::error::{EngineError, Result};
use crate::session::Session;
use crate::table::{drive, fetch::FileAccess, location, metrics::IoMetrics};

/// A file and its trees.
#[derive(Debug, Clone, Serialize)]
pub struct FileSummary {
    /// Its path or URL.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The version of ROOT that wrote it, `6.32.02`.
    pub root_version: String,
    /// What tells it from every other file, in hexadecimal.
    pub uuid: String,
    /// Its trees, in the order of the file; of several cycles only the highest.
    pub trees: Vec<TreeSummary>,
}

/// One tree.
#[derive(Debug, Clone, Serialize)]
pub struct TreeSummary {
    /// Name with the directory.
    pub path: String,
    /// Its highest cycle.
    pub cycle: u16,
    /// Its class: `TTree`, `TNtuple`, `ROOT::RNTuple`, …
    pub class: String,
    /// Its title.
    pub title: String,
    /// Why it cannot be read; the rest is empty then.
    pub unreadable: Option<String>,
    /// Number of entries.
    pub entries: u64,
    /// Bytes of its baskets in the file.
    pub compressed_bytes: u64,
    /// Bytes of its baskets after decompression.
    pub uncompressed_bytes: u64,
    /// How its branches are compressed, most of them first: `zlib-9`.
    pub compression: Vec<String>,
    /// Entries of each cluster, first and one past the last.
    pub clusters: Vec<Range<u64>>,
    /// Its branches.
    pub branches: Vec<BranchSummary>,
}

/// One branch.
#[derive(Debug, Clone, Serialize)]
pub struct BranchSummary {
    /// Name in SQL.
    pub name: String,
    /// Title, which NanoAOD uses for documentation.
    pub title: String,
    /// C++ type.
    pub cpp_type: String,
    /// Arrow type.
    pub arrow_type: Option<String>,
    /// Why it cannot be read.
    pub unreadable: Option<String>,
    /// The branch that counts its items.
    pub counter: Option<String>,
    /// Number of baskets.
    pub baskets: usize,
    /// Bytes in the file.
    pub compressed_bytes: u64,
    /// Bytes after decompression.
    pub uncompressed_bytes: u64,
    /// How it is compressed: `zstd-5`.
    pub compression: String,
}

/// Looks into a file; reads its metadata only. `file.root:Events` is about one of its trees.
///
/// # Errors
/// A location that is not one file, a file that is not a ROOT file. A tree that cannot be read is told in its summary.
pub async fn inspect(session: &Session, location: &str) -> Result<FileSummary> {
    let runtime = session.context().runtime_env();
    let (files, wanted) = location::resolve(&runtime, &[location.to_owned()]).await?;
    let [found] = files.as_slice() else {
        let reason = format!("{} files; inspect looks into one", files.len());
        return Err(EngineError::Location { location: location.to_owned(), reason });
    };
    let store = runtime.object_store(&found.store)?;
    let access = FileAccess::new(&found.store, &store, &found.meta, IoMetrics::unobserved());
    let mut bytes = ByteStore::new();
    let file =
        drive(&access, &mut bytes, |bytes| RootFile::open(access.name(), access.size(), bytes)).await?;
    let mut trees = Vec::new();
    for key in highest_cycles(drive(&access, &mut bytes, |bytes| file.trees(bytes)).await?) {
        if wanted.as_ref().is_some_and(|wanted| *wanted != key.path) {
            continue;
        }
        let path = format!("{};{}", key.path, key.cycle);
        let tree = if key.is_tree() {
            drive(&access, &mut bytes, |bytes| file.tree(&path, bytes)).await
        } else {
            Err(EngineError::RNTuple { file: access.name().to_owned(), tree: key.path.clone() })
        };
        trees.push(match tree {
            Ok(tree) => tree_summary(&tree),
            Err(error) => unreadable(key, &error),
        });
    }
    if let (Some(wanted), true) = (&wanted, trees.is_empty()) {
        let names = drive(&access, &mut bytes, |bytes| file.trees(bytes)).await?;
        return Err(EngineError::Tree {
            file: access.name().to_owned(),
            problem: format!("no tree '{wanted}'"),
            trees: names.into_iter().map(|key| key.path).collect(),
        });
    }
    let root_version = version(file.version());
    let uuid = file.uuid().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(FileSummary { name: access.name().to_owned(), bytes: access.size(), root_version, uuid, trees })
}

fn highest_cycles(keys: Vec<TreeKey>) -> Vec<TreeKey> {
    let mut highest: Vec<TreeKey> = Vec::new();
    for key in keys {
        match highest.iter_mut().find(|known| known.path == key.path) {
            Some(known) if known.cycle < key.cycle => *known = key,
            Some(_) => {}
            None => highest.push(key),
        }
    }
    highest
}

fn unreadable(key: TreeKey, error: &EngineError) -> TreeSummary {
    TreeSummary {
        path: key.path,
        cycle: key.cycle,
        class: key.class,
        title: key.title,
        unreadable: Some(error.to_string()),
        entries: 0,
        compressed_bytes: 0,
        uncompressed_bytes: 0,
        compression: Vec::new(),
        clusters: Vec::new(),
        branches: Vec::new(),
    }
}

fn tree_summary(tree: &Tree) -> TreeSummary {
    let mut codecs: BTreeMap<String, usize> = BTreeMap::new();
    for branch in tree.branches.iter().filter(|b| !b.baskets.is_empty()) {
        *codecs.entry(branch_compression(branch)).or_default() += 1;
    }
    let mut codecs: Vec<(String, usize)> = codecs.into_iter().collect();
    codecs.sort_by_key(|(_, branches)| std::cmp::Reverse(*branches));
    TreeSummary {
        path: tree.path.clone(),
        cycle: tree.cycle,
        class: tree.class.clone(),
        title: tree.title.clone(),
        unreadable: None,
        entries: tree.entries,
        compressed_bytes: tree.compressed_bytes,
        uncompressed_bytes: tree.uncompressed_bytes,
        compression: codecs.into_iter().map(|(name, _)| name).collect(),
        clusters: tree.clusters.clone(),
        branches: tree.branches.iter().map(|branch| branch_summary(branch, tree)).collect(),
    }
}

fn branch_summary(branch: &Branch, tree: &Tree) -> BranchSummary {
    let counter = branch.counter.and_then(|i| tree.branches.get(i)).map(|b| b.name.clone());
    BranchSummary {
        name: branch.name.clone(),
        title: branch.title.clone(),
        cpp_type: branch.cpp_type.clone(),
        arrow_type: branch.data_type.as_ref().ok().map(ToString::to_string),
        unreadable: branch.data_type.as_ref().err().cloned(),
        counter,
        baskets: branch.baskets.len(),
        compressed_bytes: branch.compressed_bytes,
        uncompressed_bytes: branch.uncompressed_bytes,
        compression: branch_compression(branch),
    }
}

/// The setting of a branch. Some writers leave it at "none" and compress all the same.
fn branch_compression(branch: &Branch) -> String {
    match compression(branch.compression) {
        none if none == "none" && branch.compressed_bytes < branch.uncompressed_bytes => {
            "compressed, setting not stored".to_owned()
        }
        stored => stored,
    }
}

/// ROOT's setting, algorithm × 100 + level, in words. Files older than that have a level alone, which is zlib.
fn compression(setting: i64) -> String {
    let (algorithm, level) = (setting / 100, setting % 100);
    let name = match algorithm {
        0 | 1 => "zlib",
        2 => "lzma",
        3 => "deflate",
        4 => "lz4",
        5 => "zstd",
        _ => return format!("unknown ({setting})"),
    };
    if level == 0 { "none".to_owned() } else { format!("{name}-{level}") }
}

/// 63202 is 6.32.02; files beyond 2 GB add a million.
fn version(number: u32) -> String {
    let number = number % 1_000_000;
    format!("{}.{:02}.{:02}", number / 10_000, number / 100 % 100, number % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_in_words() {
        for (setting, words) in
            [(505, "zstd-5"), (404, "lz4-4"), (101, "zlib-1"), (9, "zlib-9"), (0, "none"), (500, "none")]
        {
            assert_eq!(compression(setting), words);
        }
        assert_eq!(version(63_202), "6.32.02");
        assert_eq!(version(1_061_800), "6.18.00");
    }
}
