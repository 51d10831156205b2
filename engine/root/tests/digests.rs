//! Every branch of every TTree in the shared data that uproot reads as numbers, booleans, strings or lists of them must
//! have the same values in the same events here. `tests/oracles/root_digests.py` makes the digests in the same run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::explicit_write,
    missing_docs,
    reason = "tests"
)]

use ana_root::{ByteStore, Progress, RootFile, Tree, TreeReader};
use arrow::array::{Array, ArrayRef, AsArray, types as t};
use arrow::datatypes::DataType;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Branches that uproot reads and this reader does not, with the reason. Anything else unread is a failure.
const NOT_READ: &[(&str, &str, &str)] = &[];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Says on the real standard error why a test did not run, or fails where skipping is forbidden.
fn skip(why: &str, forbidden_by: &str) {
    assert!(std::env::var_os(forbidden_by).is_none_or(|value| value != "1"), "{why}, and {forbidden_by}=1");
    writeln!(std::io::stderr(), "SKIPPED digests: {why}").unwrap();
}

fn shared() -> Option<PathBuf> {
    let shared = std::env::var_os("ANA_SHARED").map_or_else(|| workspace().join("../shared"), PathBuf::from);
    shared.join("data").is_dir().then_some(shared)
}

fn files(shared: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["nano", "trees", "bad"] {
        for entry in std::fs::read_dir(shared.join("data").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "root") {
                files.push(path.canonicalize().unwrap());
            }
        }
    }
    files.sort();
    files
}

/// Answers every request from the file in memory.
fn ready<T>(
    bytes: &bytes::Bytes,
    mut ask: impl FnMut(&ByteStore) -> ana_root::Result<Progress<T>>,
) -> ana_root::Result<T> {
    let mut store = ByteStore::new();
    for _ in 0..50 {
        match ask(&store)? {
            Progress::Ready(answer) => return Ok(answer),
            Progress::Need(ranges) => {
                for range in ranges {
                    store.insert(range.start, bytes.slice(range.start as usize..range.end as usize));
                }
            }
        }
    }
    panic!("asks for ever");
}

const EVENT: u64 = 0x9E37_79B9_7F4A_7C15;
const POSITION: u64 = 0xD1B5_4A32_D192_ED03;
const LEVEL: u64 = 0x8CB9_2BA7_2F3D_8DD7;

fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn hashed(events: &[u64], level: u64, bits: impl Iterator<Item = u64>) -> u64 {
    let mut sum = 0_u64;
    let mut position = 0_u64;
    let mut previous = None;
    for (event, bits) in events.iter().zip(bits) {
        position = if previous == Some(*event) { position + 1 } else { 0 };
        previous = Some(*event);
        let place = event
            .wrapping_mul(EVENT)
            .wrapping_add(position.wrapping_mul(POSITION))
            .wrapping_add(level.wrapping_mul(LEVEL));
        sum = sum.wrapping_add(mix(mix(place) ^ bits));
    }
    sum
}

fn repeated(events: &[u64], offsets: &[i32]) -> Vec<u64> {
    let mut out = Vec::new();
    for (event, pair) in events.iter().zip(offsets.windows(2)) {
        out.extend(std::iter::repeat_n(*event, (pair[1] - pair[0]) as usize));
    }
    out
}

fn lengths(offsets: &[i32]) -> impl Iterator<Item = u64> {
    offsets.windows(2).map(|pair| (pair[1] - pair[0]) as u64)
}

fn digest(array: &ArrayRef, events: &[u64], level: u64) -> (String, u64) {
    macro_rules! numbers {
        ($type:ty, $name:literal, $bits:expr) => {{
            let values = array.as_primitive::<$type>();
            ($name.to_owned(), hashed(events, level, values.values().iter().map($bits)))
        }};
    }
    match array.data_type() {
        DataType::Boolean => {
            ("bool".to_owned(), hashed(events, level, array.as_boolean().values().iter().map(u64::from)))
        }
        DataType::Int8 => numbers!(t::Int8Type, "i1", |v| u64::from(*v as u8)),
        DataType::Int16 => numbers!(t::Int16Type, "i2", |v| u64::from(*v as u16)),
        DataType::Int32 => numbers!(t::Int32Type, "i4", |v| u64::from(*v as u32)),
        DataType::Int64 => numbers!(t::Int64Type, "i8", |v| *v as u64),
        DataType::UInt8 => numbers!(t::UInt8Type, "u1", |v| u64::from(*v)),
        DataType::UInt16 => numbers!(t::UInt16Type, "u2", |v| u64::from(*v)),
        DataType::UInt32 => numbers!(t::UInt32Type, "u4", |v| u64::from(*v)),
        DataType::UInt64 => numbers!(t::UInt64Type, "u8", |v| *v),
        DataType::Float32 => numbers!(t::Float32Type, "f4", |v| u64::from(v.to_bits())),
        DataType::Float64 => numbers!(t::Float64Type, "f8", |v| v.to_bits()),
        DataType::Utf8 => {
            let text = array.as_string::<i32>();
            let offsets = text.value_offsets();
            let (first, last) = (offsets[0] as usize, *offsets.last().unwrap() as usize);
            let bytes = text.value_data()[first..last].iter().map(|byte| u64::from(*byte));
            let own = hashed(events, level, lengths(offsets));
            ("str".to_owned(), own.wrapping_add(hashed(&repeated(events, offsets), level + 1, bytes)))
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let offsets = list.value_offsets();
            let (first, last) = (offsets[0] as usize, *offsets.last().unwrap() as usize);
            let own = hashed(events, level, lengths(offsets));
            let values = list.values().slice(first, last - first);
            let (inner, digest) = digest(&values, &repeated(events, offsets), level + 1);
            (format!("list({inner})"), own.wrapping_add(digest))
        }
        DataType::FixedSizeList(_, size) => {
            let list = array.as_fixed_size_list();
            let events: Vec<u64> =
                events.iter().flat_map(|event| std::iter::repeat_n(*event, *size as usize)).collect();
            let (inner, digest) = digest(list.values(), &events, level);
            let at = inner.find('[').unwrap_or(inner.len());
            (format!("{}[{size}]{}", &inner[..at], &inner[at..]), digest)
        }
        other => panic!("{other} is not expected"),
    }
}

/// Reads a column whole, and again in pieces that end within baskets; both must be equal.
fn read(tree: &Arc<Tree>, column: usize, bytes: &bytes::Bytes) -> ana_root::Result<ArrayRef> {
    let mut store = ByteStore::new();
    store.insert(0, bytes.clone());
    let mut whole = TreeReader::new(Arc::clone(tree), &[column])?;
    let array = whole.read(&[0], 0..tree.entries, &store)?.remove(0);
    assert_eq!(array.len() as u64, tree.entries);

    let mut pieces = TreeReader::new(Arc::clone(tree), &[column])?;
    let mut from = 0;
    for step in
        [1, 2, 0, 5, tree.entries / 3, tree.entries / 7, 3, 11, tree.entries].into_iter().cycle().take(40)
    {
        let to = (from + step).min(tree.entries);
        // Only what is asked for is supplied.
        let mut store = ByteStore::new();
        for range in pieces.needs(&[0], from..to) {
            store.insert(range.start, bytes.slice(range.start as usize..range.end as usize));
        }
        let piece = pieces.read(&[0], from..to, &store)?.remove(0);
        let expected = array.slice(from as usize, (to - from) as usize);
        assert_eq!(&piece, &expected, "{} entries {from}..{to}", tree.branches[column].path);
        from = if to == tree.entries { from / 2 + from / 3 } else { to };
    }
    Ok(array)
}

#[test]
fn every_branch_equals_uproot() {
    let Some(shared) = shared() else {
        return skip("no shared data ($ANA_SHARED)", "ANA_REQUIRE_SHARED");
    };
    let python = std::env::var("ANA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_uproot = Command::new(&python).args(["-c", "import uproot, awkward"]).output();
    if !has_uproot.is_ok_and(|output| output.status.success()) {
        return skip("no Python with uproot ($ANA_PYTHON)", "ANA_REQUIRE_PYTHON");
    }
    let files = files(&shared);
    let oracle = Command::new(&python)
        .arg(workspace().join("tests/oracles/root_digests.py"))
        .args(&files)
        .stderr(std::process::Stdio::inherit())
        .output()
        .unwrap();
    assert!(oracle.status.success(), "the oracle failed");
    let expected: BTreeMap<String, Value> = serde_json::from_slice(&oracle.stdout).unwrap();

    let mut faults = Vec::new();
    let mut compared = 0;
    let mut compared_trees = 0;
    let mut switched_off = 0;
    for path in &files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = bytes::Bytes::from(std::fs::read(path).unwrap());
        let theirs = expected[path.to_str().unwrap()].as_object().unwrap();
        let file = match ready(&bytes, |store| RootFile::open(&name, bytes.len() as u64, store)) {
            Ok(file) => file,
            // A file that was never closed has no list of keys; uproot shows it as empty.
            Err(error) if theirs.contains_key("error") || theirs.is_empty() => {
                writeln!(std::io::stderr(), "refused by both: {error}").unwrap();
                continue;
            }
            Err(error) => {
                faults.push(format!("{name}: uproot opens it: {error}"));
                continue;
            }
        };
        let listed = ready(&bytes, |store| file.trees(store)).unwrap();
        for (key, theirs) in theirs {
            let tree = match ready(&bytes, |store| file.tree(key, store)) {
                Ok(tree) => Arc::new(tree),
                Err(error) => {
                    faults.push(format!("{name} {key}: {error}"));
                    continue;
                }
            };
            assert!(
                listed.iter().any(|listed| format!("{};{}", listed.path, listed.cycle) == *key),
                "{key} is listed"
            );
            assert_eq!(tree.entries, theirs["entries"].as_u64().unwrap(), "{name} {key}");
            compared_trees += 1;
            let events: Vec<u64> = (0..tree.entries).collect();
            for (path, theirs) in theirs["branches"].as_object().unwrap() {
                let Some(digest_of_uproot) = theirs.get("digest") else {
                    continue;
                };
                // A branch that was switched off while the tree was filled has no values to compare.
                let missing = theirs["entries"] != tree.entries;
                let listed = NOT_READ.iter().find(|(file, branch, _)| *file == name && *branch == path);
                let column = tree.branches.iter().position(|branch| branch.path == *path);
                let Some(column) = column else {
                    faults.push(format!("{name} {key} {path}: not listed"));
                    continue;
                };
                match read(&tree, column, &bytes) {
                    Ok(array) => {
                        let (kind, digest) = digest(&array, &events, 0);
                        let (kind, digest) = (kind, format!("{digest:016x}"));
                        let their_kind = theirs["type"].as_str().unwrap();
                        // Of an empty list awkward does not know the type.
                        // Members that count others are `int` in C++; uproot shows them as unsigned.
                        let counts = kind == "i4" && their_kind == "u4" && path == "evt/N";
                        if digest != *digest_of_uproot
                            || (kind != their_kind && !their_kind.contains('?') && !counts)
                        {
                            let cpp_type = &tree.branches[column].cpp_type;
                            faults.push(format!(
                                "{name} {key} {path} ({cpp_type}): {kind} {digest}, uproot {theirs}"
                            ));
                        }
                        assert!(!missing, "{name} {key} {path}: has fewer entries than the tree");
                        compared += 1;
                    }
                    Err(error) if missing && error.to_string().contains("of the tree's") => switched_off += 1,
                    Err(error) => match listed {
                        Some((_, _, why)) => {
                            writeln!(std::io::stderr(), "not read: {name} {path}: {why}").unwrap()
                        }
                        None => faults.push(format!("{name} {key} {path}: {error}; uproot {theirs}")),
                    },
                }
            }
        }
    }
    let shown = faults.iter().take(80).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(faults.is_empty(), "{} of {compared} branches differ:\n{shown}", faults.len());
    assert!(
        compared > 9000 && compared_trees > 60,
        "only {compared} branches of {compared_trees} trees compared"
    );
    writeln!(std::io::stderr(), "{compared} branches of {compared_trees} trees equal uproot's, {switched_off} are refused as incomplete").unwrap();
}
