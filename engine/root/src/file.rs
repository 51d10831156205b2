//! TFile: header, directories, keys. Nothing is read here, only asked for.

use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;

use crate::compression::{Decompressor, Scratch};
use crate::cursor::Cursor;
use crate::error::{Result, RootError, nearest};
use crate::store::{ByteStore, Progress};
use crate::streamer::Streamers;
use crate::tree::Tree;

/// What is asked for first: enough for header, root directory and, in small files, everything.
const HEAD: u64 = 64 << 10;
/// Keys, streamer info and (often) the tree record are at the end of the file.
const TAIL: u64 = 256 << 10;
/// From this version on, a record's seeks have eight bytes.
const LARGE_FILE: u32 = 1_000_000;
const LARGE_RECORD: i16 = 1000;
const DEEPEST_DIRECTORY: usize = 32;

/// An opened file: its header, streamer info and root directory.
#[derive(Debug, Clone)]
pub struct RootFile {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    size: u64,
    version: u32,
    compression: u32,
    uuid: [u8; 16],
    streamers: Streamers,
    keys: Vec<Key>,
}

/// A tree-like object in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeKey {
    /// Directory and name: `Events`, `dir/Events`.
    pub path: String,
    /// Cycle; the highest one is what a name without a cycle means.
    pub cycle: u16,
    /// Class: `TTree`, `TNtuple`, `ROOT::RNTuple`, …
    pub class: String,
    /// Title.
    pub title: String,
}

impl TreeKey {
    /// Whether this is a TTree (or TNtuple, TNtupleD), as opposed to an RNTuple.
    pub fn is_tree(&self) -> bool {
        is_tree_class(&self.class)
    }
}

fn is_tree_class(class: &str) -> bool {
    matches!(class, "TTree" | "TNtuple" | "TNtupleD" | "TChain")
}

fn is_listed_class(class: &str) -> bool {
    is_tree_class(class) || class.ends_with("RNTuple")
}

fn is_directory_class(class: &str) -> bool {
    matches!(class, "TDirectory" | "TDirectoryFile")
}

/// Header of a record.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) record_length: u64,
    pub(crate) object_length: usize,
    pub(crate) key_length: u16,
    pub(crate) cycle: u16,
    pub(crate) seek: u64,
    pub(crate) class: String,
    pub(crate) name: String,
    pub(crate) title: String,
}

impl Key {
    /// Reads the header of a record at the cursor.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self> {
        let start = cursor.position();
        let record_length = cursor.i32()?;
        let record_length = u64::try_from(record_length)
            .map_err(|_| RootError::malformed("a record", "a deleted one").at(start as u64))?;
        let version = cursor.i16()?;
        let object_length = cursor.i32()?;
        let object_length = usize::try_from(object_length)
            .map_err(|_| RootError::malformed("an object length", object_length).at(start as u64))?;
        cursor.skip(4)?;
        let key_length = cursor.u16()?;
        let cycle = cursor.u16()?;
        let large = version > LARGE_RECORD;
        let seek = if large { cursor.u64()? } else { u64::from(cursor.u32()?) };
        cursor.skip(if large { 8 } else { 4 })?;
        let class = cursor.string()?;
        let name = cursor.string()?;
        let title = cursor.string()?;
        if u64::from(key_length) > record_length || cursor.position() - start > usize::from(key_length) {
            return Err(RootError::malformed(
                format!("a record of at least its header's {key_length} bytes"),
                format!("{record_length}, {} of them read", cursor.position() - start),
            )
            .at(start as u64));
        }
        Ok(Self { record_length, object_length, key_length, cycle, seek, class, name, title })
    }

    fn range(&self) -> Range<u64> {
        self.seek..self.seek.saturating_add(self.record_length)
    }
}

struct Header {
    version: u32,
    begin: u64,
    end: u64,
    compression: u32,
    name_length: u64,
    seek_info: u64,
    info_length: u64,
    uuid: [u8; 16],
}

impl Header {
    fn read(bytes: &[u8], size: u64) -> Result<Self> {
        let mut cursor = Cursor::new(bytes);
        let magic = cursor.take(4)?;
        if magic != b"root" {
            return Err(RootError::malformed(
                "a ROOT file (\"root\")",
                format!("{:?}", magic.escape_ascii().to_string()),
            )
            .at(0));
        }
        let version = cursor.u32()?;
        let begin = u64::from(cursor.u32()?);
        let large = version >= LARGE_FILE;
        let seek = |cursor: &mut Cursor<'_>| {
            if large { cursor.u64() } else { cursor.u32().map(u64::from) }
        };
        let end = seek(&mut cursor)?;
        seek(&mut cursor)?; // free list
        cursor.skip(8)?;
        let name_length = u64::from(cursor.u32()?);
        cursor.skip(1)?;
        let compression = cursor.u32()?;
        let seek_info = seek(&mut cursor)?;
        let info_length = u64::from(cursor.u32()?);
        cursor.skip(2)?;
        let uuid = cursor.take(16)?.first_chunk::<16>().copied().unwrap_or_default();
        if end > size {
            return Err(
                RootError::malformed(format!("{end} bytes in the file, as its header says"), size).at(12)
            );
        }
        if begin < 12 || begin >= end || name_length > end - begin {
            return Err(RootError::malformed("the first record inside the file", begin).at(8));
        }
        Ok(Self { version, begin, end, compression, name_length, seek_info, info_length, uuid })
    }

    fn check(&self, range: Range<u64>, what: &str) -> Result<Range<u64>> {
        if range.start < self.begin || range.end > self.end || range.start > range.end {
            let found = format!("bytes {}..{}", range.start, range.end);
            return Err(RootError::malformed(format!("{what} within the file's {} bytes", self.end), found));
        }
        Ok(range)
    }
}

/// Where a directory's keys are.
struct Directory {
    keys: Range<u64>,
}

impl Directory {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self> {
        let version = cursor.i16()?;
        cursor.skip(8)?;
        let length = cursor.u32()?;
        cursor.skip(4)?;
        let seek = if version > LARGE_RECORD {
            cursor.skip(16)?;
            cursor.u64()?
        } else {
            cursor.skip(8)?;
            u64::from(cursor.u32()?)
        };
        Ok(Self { keys: seek..seek.saturating_add(u64::from(length)) })
    }
}

/// `Need` for the ranges that are not in the store, if any.
fn missing<T>(store: &ByteStore, ranges: &[Range<u64>]) -> Option<Progress<T>> {
    let missing: Vec<Range<u64>> =
        ranges.iter().filter(|range| store.get((*range).clone()).is_none()).cloned().collect();
    if missing.is_empty() { None } else { Some(Progress::Need(missing)) }
}

impl RootFile {
    /// Reads header, streamer info and the root directory's keys.
    ///
    /// `name` is used in messages; `size` is the size of the file in bytes.
    pub fn open(name: &str, size: u64, store: &ByteStore) -> Result<Progress<Self>> {
        Self::open_inner(name, size, store).map_err(|error| error.in_file(name))
    }

    fn open_inner(name: &str, size: u64, store: &ByteStore) -> Result<Progress<Self>> {
        let head = 0..size.min(HEAD);
        let ends = if size <= HEAD + TAIL {
            std::iter::once(0..size).collect()
        } else {
            vec![head.clone(), size - TAIL..size]
        };
        if let Some(need) = missing(store, &ends) {
            return Ok(need);
        }
        let head_bytes = store.expect(head)?;
        let header = Header::read(&head_bytes, size)?;

        let start = header.begin + header.name_length;
        // Version, two dates, two lengths, three seeks of eight bytes.
        let record = header.check(start..(start + 42).min(header.end), "the root directory")?;
        if let Some(need) = missing(store, std::slice::from_ref(&record)) {
            return Ok(need);
        }
        let directory = Directory::read(&mut Cursor::new(&store.expect(record)?))?;
        if directory.keys.is_empty() {
            return Err(RootError::malformed(
                "a list of keys",
                "none: the file was not closed when it was written",
            )
            .at(start));
        }
        let keys = header.check(directory.keys, "the list of keys")?;
        let mut ranges = vec![keys.clone()];
        let info = if header.seek_info == 0 || header.info_length == 0 {
            None
        } else {
            Some(header.check(
                header.seek_info..header.seek_info.saturating_add(header.info_length),
                "the streamer info",
            )?)
        };
        ranges.extend(info.clone());
        if let Some(need) = missing(store, &ranges) {
            return Ok(need);
        }
        let keys = read_keys(&store.expect(keys.clone())?, keys.start, header.end)?;
        let streamers = match info {
            Some(range) => {
                let bytes = store.expect(range.clone())?;
                match read_record(&bytes) {
                    Ok((key, content)) => Streamers::read(&content, key.key_length),
                    Err(fault) => Streamers::broken(fault.at(range.start)),
                }
            }
            None => Streamers::default(),
        };
        let inner = Inner {
            name: name.to_owned(),
            size,
            version: header.version % LARGE_FILE,
            compression: header.compression,
            uuid: header.uuid,
            streamers,
            keys,
        };
        Ok(Progress::Ready(Self { inner: Arc::new(inner) }))
    }

    /// Name given on opening.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Size given on opening.
    pub fn size(&self) -> u64 {
        self.inner.size
    }

    /// ROOT version that wrote the file: 62406 is 6.24/06.
    pub fn version(&self) -> u32 {
        self.inner.version
    }

    /// Compression setting of the file, algorithm × 100 + level; single branches and baskets may differ.
    pub fn compression(&self) -> u32 {
        self.inner.compression
    }

    /// The file's UUID.
    pub fn uuid(&self) -> [u8; 16] {
        self.inner.uuid
    }

    /// Every TTree, TNtuple and RNTuple of the file, subdirectories included, in the order of the file.
    pub fn trees(&self, store: &ByteStore) -> Result<Progress<Vec<TreeKey>>> {
        let mut trees = Vec::new();
        let mut need = Vec::new();
        let mut visited = Vec::new();
        self.walk("", &self.inner.keys, store, 0, &mut visited, &mut trees, &mut need)
            .map_err(|error| error.in_file(self.name()))?;
        Ok(if need.is_empty() { Progress::Ready(trees) } else { Progress::Need(need) })
    }

    #[expect(clippy::too_many_arguments, reason = "the state of one recursive walk")]
    fn walk(
        &self,
        prefix: &str,
        keys: &[Key],
        store: &ByteStore,
        depth: usize,
        visited: &mut Vec<u64>,
        trees: &mut Vec<TreeKey>,
        need: &mut Vec<Range<u64>>,
    ) -> Result<()> {
        for key in keys {
            let path = format!("{prefix}{}", key.name);
            if is_listed_class(&key.class) {
                trees.push(TreeKey {
                    path,
                    cycle: key.cycle,
                    class: key.class.clone(),
                    title: key.title.clone(),
                });
            } else if is_directory_class(&key.class) && !visited.contains(&key.seek) {
                visited.push(key.seek);
                if depth >= DEEPEST_DIRECTORY {
                    return Err(RootError::unsupported("directories nested more than 32 deep"));
                }
                match self.directory(key, store)? {
                    Progress::Ready(inner) => {
                        self.walk(&format!("{path}/"), &inner, store, depth + 1, visited, trees, need)?;
                    }
                    Progress::Need(ranges) => need.extend(ranges),
                }
            }
        }
        Ok(())
    }

    fn check(&self, range: Range<u64>) -> Result<Range<u64>> {
        if range.end > self.inner.size || range.start > range.end {
            return Err(RootError::malformed(
                format!("a record within the file's {} bytes", self.inner.size),
                range.end,
            )
            .at(range.start));
        }
        Ok(range)
    }

    fn directory(&self, key: &Key, store: &ByteStore) -> Result<Progress<Vec<Key>>> {
        let record = self.check(key.range())?;
        if let Some(need) = missing(store, std::slice::from_ref(&record)) {
            return Ok(need);
        }
        let bytes = store.expect(record.clone())?;
        let (_, content) = read_record(&bytes).map_err(|error| error.at(record.start))?;
        let directory =
            Directory::read(&mut Cursor::new(&content)).map_err(|error| error.at(record.start))?;
        if directory.keys.is_empty() {
            return Ok(Progress::Ready(Vec::new()));
        }
        let keys = self.check(directory.keys)?;
        if let Some(need) = missing(store, std::slice::from_ref(&keys)) {
            return Ok(need);
        }
        Ok(Progress::Ready(read_keys(&store.expect(keys.clone())?, keys.start, self.inner.size)?))
    }

    /// The tree at `path`: `Events`, `dir/Events`, `Events;1`. Without a cycle the highest one is taken.
    pub fn tree(&self, path: &str, store: &ByteStore) -> Result<Progress<Tree>> {
        self.tree_inner(path, store).map_err(|error| error.in_tree(path).in_file(self.name()))
    }

    fn tree_inner(&self, path: &str, store: &ByteStore) -> Result<Progress<Tree>> {
        let trimmed = path.trim_matches('/');
        let (plain, cycle) = match trimmed.rsplit_once(';') {
            Some((plain, cycle)) => match cycle.parse::<u16>() {
                Ok(cycle) => (plain, Some(cycle)),
                Err(_) => (trimmed, None),
            },
            None => (trimmed, None),
        };
        let mut parts: Vec<&str> = plain.split('/').filter(|part| !part.is_empty()).collect();
        let last = parts.pop().unwrap_or_default();
        let mut keys = self.inner.keys.clone();
        for part in parts.into_iter().take(DEEPEST_DIRECTORY) {
            let Some(key) = highest(&keys, part, None, is_directory_class) else {
                return self.not_found(path, store);
            };
            match self.directory(key, store)? {
                Progress::Ready(inner) => keys = inner,
                Progress::Need(ranges) => return Ok(Progress::Need(ranges)),
            }
        }
        let Some(key) = highest(&keys, last, cycle, is_listed_class) else {
            return self.not_found(path, store);
        };
        if !is_tree_class(&key.class) {
            return Err(RootError::unsupported(format!(
                "{} (class {}); only TTree is read",
                path, key.class
            )));
        }
        let record = self.check(key.range())?;
        if let Some(need) = missing(store, std::slice::from_ref(&record)) {
            return Ok(need);
        }
        let bytes = store.expect(record.clone())?;
        let (header, content) = read_record(&bytes).map_err(|error| error.at(record.start))?;
        if header.name != key.name || !is_tree_class(&header.class) {
            return Err(RootError::malformed(
                format!("the record of tree {:?}", key.name),
                format!("{} {:?}", header.class, header.name),
            )
            .at(record.start));
        }
        let name = format!("{plain};{}", key.cycle);
        let tree = Tree::read(
            &self.inner.name,
            self.inner.size,
            plain,
            key.cycle,
            &header,
            content,
            &self.inner.streamers,
        )
        .map_err(|error| error.in_tree(&name))?;
        Ok(Progress::Ready(tree))
    }

    fn not_found(&self, path: &str, store: &ByteStore) -> Result<Progress<Tree>> {
        let trees = match self.trees(store)? {
            Progress::Ready(trees) => trees,
            Progress::Need(ranges) => return Ok(Progress::Need(ranges)),
        };
        Err(RootError::TreeNotFound {
            place: Box::default(),
            name: path.to_owned(),
            nearest: nearest_trees(path, &trees),
        })
    }
}

/// Near names first; where none is near, the first that exist, since files rarely have more than a few.
fn nearest_trees(path: &str, trees: &[TreeKey]) -> Vec<String> {
    let near = nearest(path, trees.iter().map(|tree| tree.path.as_str()));
    if near.is_empty() { trees.iter().take(3).map(|tree| tree.path.clone()).collect() } else { near }
}

fn highest<'a>(
    keys: &'a [Key],
    name: &str,
    cycle: Option<u16>,
    class: impl Fn(&str) -> bool,
) -> Option<&'a Key> {
    keys.iter()
        .filter(|key| key.name == name && class(&key.class) && cycle.is_none_or(|cycle| cycle == key.cycle))
        .max_by_key(|key| key.cycle)
}

/// A directory's list of keys: a record whose payload is a count and that many key headers.
fn read_keys(bytes: &[u8], offset: u64, end: u64) -> Result<Vec<Key>> {
    let read = || -> Result<Vec<Key>> {
        let mut cursor = Cursor::new(bytes);
        let header = Key::read(&mut cursor)?;
        cursor.seek(usize::from(header.key_length))?;
        // A key header takes at least 29 bytes.
        let count = cursor.count(29)?;
        let mut keys = Vec::with_capacity(count);
        for _ in 0..count {
            let key = Key::read(&mut cursor)?;
            if key.range().end > end {
                return Err(RootError::malformed(
                    format!("the record of {:?} within {end} bytes", key.name),
                    key.range().end,
                ));
            }
            keys.push(key);
        }
        Ok(keys)
    };
    read().map_err(|error| error.at(offset))
}

/// Header and decompressed content of a record.
pub(crate) fn read_record(bytes: &Bytes) -> Result<(Key, Bytes)> {
    let mut cursor = Cursor::new(bytes);
    let key = Key::read(&mut cursor)?;
    if key.record_length != bytes.len() as u64 {
        return Err(RootError::malformed(format!("a record of {} bytes", bytes.len()), key.record_length));
    }
    let start = usize::from(key.key_length);
    let payload = bytes.slice(start.min(bytes.len())..);
    if payload.len() == key.object_length {
        return Ok((key, payload));
    }
    let mut scratch = Scratch::default();
    Decompressor::new().decompress(&payload, key.object_length, key.object_length, &mut scratch)?;
    Ok((key, Bytes::from(scratch.into_vec())))
}
