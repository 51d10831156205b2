//! Trees of files: opened once, kept while they fit, shared by the tables and queries of a session.

use std::{collections::HashMap, sync::Arc};

use ana_root::{ByteStore, Progress, RootError, RootFile, Tree};
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::{ObjectMeta, path::Path};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::fetch::FileAccess;
use crate::error::{EngineError, Result};

/// What the parsed metadata of all files may take: about two hundred NanoAOD files.
const CACHE_BYTES: usize = 256 * 1024 * 1024;

/// One tree of one file, parsed.
#[derive(Debug)]
pub(crate) struct FileTree {
    /// The file, for messages.
    pub(crate) file: String,
    pub(crate) tree: Arc<Tree>,
    uuid: String,
    by_name: HashMap<String, usize>,
}

impl FileTree {
    fn new(file: &str, uuid: String, tree: Tree) -> Self {
        // Of two branches with one name the first is meant, as uproot does it.
        let mut by_name = HashMap::with_capacity(tree.branches.len());
        for (index, branch) in tree.branches.iter().enumerate() {
            by_name.entry(branch.name.clone()).or_insert(index);
        }
        Self { file: file.to_owned(), tree: Arc::new(tree), uuid, by_name }
    }

    pub(crate) fn branch(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    fn size_in_memory(&self) -> usize {
        let baskets: usize = self.tree.branches.iter().map(|branch| branch.baskets.len()).sum();
        self.tree.branches.len() * 512 + baskets * 64
    }
}

/// A file at a moment, and the tree wanted of it: a file written anew is another file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TreeKey {
    store: ObjectStoreUrl,
    location: Path,
    size: u64,
    modified: i64,
    e_tag: Option<String>,
    tree: Option<String>,
}

impl TreeKey {
    pub(crate) fn new(store: &ObjectStoreUrl, meta: &ObjectMeta, tree: Option<&str>) -> Self {
        Self {
            store: store.clone(),
            location: meta.location.clone(),
            size: meta.size,
            modified: meta.last_modified.timestamp_nanos_opt().unwrap_or(0),
            e_tag: meta.e_tag.clone(),
            tree: tree.map(str::to_owned),
        }
    }
}

/// What tells a file from others, and how much of it there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// In hexadecimal.
    pub(crate) uuid: String,
    /// Entries of the tree.
    pub(crate) entries: u64,
}

type Cell = Arc<OnceCell<Arc<FileTree>>>;

/// Parsed trees of a session. Put one into the `SessionConfig` as an extension, so that a second query, and a second
/// table on the same files, parse nothing again.
#[derive(Debug, Default)]
pub struct MetadataCache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    cells: HashMap<TreeKey, (Cell, u64)>,
    /// Of every tree that was opened, also of those let go.
    identities: HashMap<TreeKey, Identity>,
    bytes: usize,
    clock: u64,
}

impl MetadataCache {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree, if it was opened before.
    pub(crate) fn known(&self, key: &TreeKey) -> Option<Arc<FileTree>> {
        self.kept.lock().cells.get(key).and_then(|(cell, _)| cell.get().cloned())
    }

    /// What is known of a tree that was opened before.
    pub(crate) fn identity(&self, key: &TreeKey) -> Option<Identity> {
        self.kept.lock().identities.get(key).cloned()
    }

    /// The tree, opened now if it was not before. Two who ask at once open it once.
    pub(crate) async fn open(&self, key: &TreeKey, access: &FileAccess) -> Result<Arc<FileTree>> {
        let cell = {
            let mut kept = self.kept.lock();
            kept.clock += 1;
            let now = kept.clock;
            let (cell, used) = kept.cells.entry(key.clone()).or_default();
            *used = now;
            Arc::clone(cell)
        };
        let mut fresh = false;
        let opened = cell
            .get_or_try_init(|| async {
                fresh = true;
                open_tree(access, key.tree.as_deref()).await.map(Arc::new)
            })
            .await;
        match opened {
            Ok(tree) => {
                let tree = Arc::clone(tree);
                if fresh {
                    let mut kept = self.kept.lock();
                    let identity = Identity { uuid: tree.uuid.clone(), entries: tree.tree.entries };
                    kept.identities.insert(key.clone(), identity);
                    kept.account(tree.size_in_memory());
                }
                Ok(tree)
            }
            Err(error) => {
                self.kept.lock().cells.retain(|other, (cell, _)| other != key || cell.initialized());
                Err(error)
            }
        }
    }
}

impl Kept {
    /// Counts a new tree and lets go of those not used for longest. Queries that hold one keep it alive.
    fn account(&mut self, bytes: usize) {
        self.bytes += bytes;
        while self.bytes > CACHE_BYTES && self.cells.len() > 1 {
            let oldest = self
                .cells
                .iter()
                .filter(|(_, (cell, _))| cell.initialized())
                .min_by_key(|(_, (_, used))| *used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else { break };
            let Some((cell, _)) = self.cells.remove(&key) else { break };
            self.bytes -= cell.get().map_or(0, |tree| tree.size_in_memory()).min(self.bytes);
        }
    }
}

/// Asks again and again, each time with the bytes that were wanted, until there is an answer.
pub(crate) async fn drive<T>(
    access: &FileAccess,
    bytes: &mut ByteStore,
    mut ask: impl FnMut(&ByteStore) -> Result<Progress<T>, RootError>,
) -> Result<T> {
    loop {
        match ask(bytes)? {
            Progress::Ready(answer) => return Ok(answer),
            Progress::Need(ranges) => access.fetch(ranges, bytes).await?,
        }
    }
}

async fn open_tree(access: &FileAccess, wanted: Option<&str>) -> Result<FileTree> {
    let mut bytes = ByteStore::new();
    let file = drive(access, &mut bytes, |bytes| RootFile::open(access.name(), access.size(), bytes)).await?;
    let keys = drive(access, &mut bytes, |bytes| file.trees(bytes)).await?;
    let chosen = choose(access.name(), &keys, wanted)?;
    let tree = drive(access, &mut bytes, |bytes| file.tree(&chosen, bytes)).await?;
    let uuid = file.uuid().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(FileTree::new(access.name(), uuid, tree))
}

/// The path of the tree to read: the one asked for, `Events`, or the only one.
fn choose(file: &str, keys: &[ana_root::TreeKey], wanted: Option<&str>) -> Result<String> {
    let mut names: Vec<String> = keys.iter().map(|key| key.path.clone()).collect();
    names.sort();
    names.dedup();
    let problem =
        |problem: String| EngineError::Tree { file: file.to_owned(), problem, trees: names.clone() };
    let name = match wanted {
        Some(name) => {
            let (path, _cycle) = name.split_once(';').unwrap_or((name, ""));
            if !names.iter().any(|n| n == path) {
                return Err(problem(format!("no tree '{name}'")));
            }
            name
        }
        None if names.iter().any(|name| name == "Events") => "Events",
        None => match names.as_slice() {
            [] => return Err(problem("no tree".to_owned())),
            [only] => only,
            _ => {
                return Err(problem(
                    "no tree 'Events', and several others: name one with OPTIONS (tree '…')".to_owned(),
                ));
            }
        },
    };
    let path = name.split_once(';').map_or(name, |(path, _)| path);
    if keys.iter().any(|key| key.path == path && key.class.contains("RNTuple")) {
        return Err(EngineError::RNTuple { file: file.to_owned(), tree: name.to_owned() });
    }
    Ok(name.to_owned())
}
