//! Broken files: cut at every 64th byte, and with every single bit of their metadata flipped. Each gives an error or the
//! right answer, never a panic, and needs no more memory than 64 MiB + 8 × the file.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::explicit_write,
    missing_docs,
    reason = "a test; the allocator that counts has to be unsafe"
)]

use ana_root::{ByteStore, Progress, RootFile, TreeReader};
use arrow::array::ArrayRef;
use bytes::Bytes;
use proptest::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what each thread holds, and the most it held.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn count(more: usize, less: usize) {
    let _ = HELD.try_with(|held| {
        let now = (held.get() + more).saturating_sub(less);
        held.set(now);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now)));
    });
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Columns by tree and path.
type Content = BTreeMap<(String, String), ArrayRef>;

fn ready<T>(
    bytes: &Bytes,
    mut ask: impl FnMut(&ByteStore) -> ana_root::Result<Progress<T>>,
) -> ana_root::Result<T> {
    let mut store = ByteStore::new();
    for _ in 0..200 {
        match ask(&store)? {
            Progress::Ready(answer) => return Ok(answer),
            Progress::Need(ranges) => {
                for Range { start, end } in ranges {
                    assert!(start <= end && end <= bytes.len() as u64, "asks for {start}..{end}");
                    store.insert(start, bytes.slice(start as usize..end as usize));
                }
            }
        }
    }
    panic!("asks for ever");
}

/// Reads everything there is; the columns that can be read, and how many faults there were.
fn everything(bytes: &Bytes) -> (Content, usize) {
    let mut content = Content::new();
    let mut faults = 0;
    let Ok(file) = ready(bytes, |store| RootFile::open("hostile.root", bytes.len() as u64, store)) else {
        return (content, 1);
    };
    let Ok(trees) = ready(bytes, |store| file.trees(store)) else { return (content, 1) };
    for key in trees {
        let name = format!("{};{}", key.path, key.cycle);
        if !key.is_tree() {
            // An RNTuple: listed, and refused by name.
            assert!(ready(bytes, |store| file.tree(&name, store)).is_err());
            continue;
        }
        let tree = match ready(bytes, |store| file.tree(&name, store)) {
            Ok(tree) => Arc::new(tree),
            Err(error) => {
                let _ = error.to_string();
                faults += 1;
                continue;
            }
        };
        let readable: Vec<usize> =
            (0..tree.branches.len()).filter(|column| tree.branches[*column].data_type.is_ok()).collect();
        faults += tree.branches.len() - readable.len();
        let mut reader = TreeReader::new(Arc::clone(&tree), &readable).unwrap();
        for (position, column) in readable.iter().enumerate() {
            let mut store = ByteStore::new();
            for Range { start, end } in reader.needs(&[position], 0..tree.entries) {
                assert!(start <= end && end <= bytes.len() as u64, "needs {start}..{end}");
                store.insert(start, bytes.slice(start as usize..end as usize));
            }
            match reader.read(&[position], 0..tree.entries, &store) {
                Ok(mut arrays) => {
                    content.insert((name.clone(), tree.branches[*column].path.clone()), arrays.remove(0));
                }
                Err(error) => {
                    let _ = error.to_string();
                    faults += 1;
                }
            }
        }
    }
    (content, faults)
}

#[derive(Debug, Default)]
struct Tally {
    cases: AtomicUsize,
    /// Something was refused.
    refused: AtomicUsize,
    /// All as in the sound file.
    equal: AtomicUsize,
    /// Nothing was refused, but names or types of columns are others than in the sound file.
    other_columns: AtomicUsize,
    /// A column of the same name and type has other values.
    wrong: AtomicUsize,
    most_memory: AtomicUsize,
}

/// Runs one case. Values are compared where nothing but a broken checksum could hide a difference.
fn check(case: &str, bytes: &Bytes, sound: &Content, compare: bool, tally: &Tally) {
    let before = HELD.with(Cell::get);
    PEAK.with(|peak| peak.set(before));
    let outcome = catch_unwind(AssertUnwindSafe(|| everything(bytes)));
    let peak = PEAK.with(Cell::get).saturating_sub(before);
    let (content, faults) = outcome.unwrap_or_else(|_| panic!("{case}: a panic"));
    let allowed = (64 << 20) + 8 * bytes.len();
    assert!(peak <= allowed, "{case}: {peak} bytes of memory, {allowed} allowed");
    tally.cases.fetch_add(1, Ordering::Relaxed);
    tally.most_memory.fetch_max(peak, Ordering::Relaxed);
    if compare {
        for (key, array) in &content {
            if let Some(expected) = sound.get(key)
                && expected.data_type() == array.data_type()
                && expected != array
            {
                tally.wrong.fetch_add(1, Ordering::Relaxed);
                writeln!(std::io::stderr(), "{case}: {key:?} differs silently").unwrap();
            }
        }
    }
    let same_columns = content.keys().eq(sound.keys())
        && content.values().zip(sound.values()).all(|(a, b)| a.data_type() == b.data_type());
    let class = match (faults, same_columns) {
        (0, true) => &tally.equal,
        (0, false) => &tally.other_columns,
        _ => &tally.refused,
    };
    class.fetch_add(1, Ordering::Relaxed);
}

/// Runs cases on two threads.
fn in_parallel(cases: usize, run: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= cases {
                        return;
                    }
                    run(case);
                }
            });
        }
    });
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// A shared file, or a report that it is not there (a failure where skipping is forbidden).
fn shared(name: &str) -> Option<Bytes> {
    let shared = std::env::var_os("ANA_SHARED").map_or_else(|| workspace().join("../shared"), PathBuf::from);
    match std::fs::read(shared.join("data").join(name)) {
        Ok(bytes) => Some(Bytes::from(bytes)),
        Err(error) => {
            let required = std::env::var_os("ANA_REQUIRE_SHARED").is_some_and(|value| value == "1");
            assert!(!required, "{name}: {error}, and ANA_REQUIRE_SHARED=1");
            writeln!(std::io::stderr(), "SKIPPED hostile: {name}: {error} ($ANA_SHARED)").unwrap();
            None
        }
    }
}

/// The record of a key list, streamer info or tree, and everything else that is not a basket's payload.
fn metadata(bytes: &Bytes) -> Vec<usize> {
    let file = ready(bytes, |store| RootFile::open("sound.root", bytes.len() as u64, store)).unwrap();
    let mut payload = vec![false; bytes.len()];
    for key in ready(bytes, |store| file.trees(store)).unwrap().into_iter().filter(ana_root::TreeKey::is_tree)
    {
        let tree = ready(bytes, |store| file.tree(&format!("{};{}", key.path, key.cycle), store)).unwrap();
        for branch in &tree.branches {
            for range in branch.baskets.iter().filter_map(ana_root::Basket::byte_range) {
                let start = range.start as usize;
                let key_length = u16::from_be_bytes([bytes[start + 14], bytes[start + 15]]) as usize;
                payload[start + key_length..range.end as usize].fill(true);
            }
        }
    }
    (0..bytes.len()).filter(|at| !payload[*at]).collect()
}

fn flipped(bytes: &Bytes, at: usize, bit: usize) -> Bytes {
    let mut copy = bytes.to_vec();
    copy[at] ^= 1 << bit;
    Bytes::from(copy)
}

fn report(what: &str, tally: &Tally) {
    writeln!(std::io::stderr(), "{what}: {tally:?}").unwrap();
}

const SMALL: [&str; 3] = [
    "trees/tree_with_int_array_zstd.root",
    "trees/tree_with_jagged_array.root",
    "trees/uproot-vectorVectorDouble.root",
];

#[test]
fn truncated_at_every_64th_byte() {
    for name in
        SMALL.iter().chain(&["trees/tree_basictypes.root", "trees/uproot-sample-6.20.04-uncompressed.root"])
    {
        let Some(bytes) = shared(name) else { continue };
        let (sound, _) = everything(&bytes);
        assert!(!sound.is_empty());
        let tally = Tally::default();
        in_parallel(bytes.len() / 64, |case| {
            check(&format!("{name} cut at {}", case * 64), &bytes.slice(..case * 64), &sound, true, &tally);
        });
        report(&format!("{name} truncated"), &tally);
        assert_eq!(
            tally.refused.into_inner(),
            tally.cases.into_inner(),
            "{name}: a cut file is taken for a whole one"
        );
        assert_eq!(tally.wrong.into_inner(), 0);
    }
}

#[test]
fn every_bit_of_the_metadata() {
    for name in SMALL {
        let Some(bytes) = shared(name) else { continue };
        let (sound, _) = everything(&bytes);
        let places = metadata(&bytes);
        let tally = Tally::default();
        in_parallel(places.len() * 8, |case| {
            let (at, bit) = (places[case / 8], case % 8);
            check(&format!("{name} byte {at} bit {bit}"), &flipped(&bytes, at, bit), &sound, true, &tally);
        });
        report(&format!("{name} {} bytes of metadata flipped", places.len()), &tally);
        assert_eq!(tally.wrong.into_inner(), 0, "{name}: wrong values without an error");
    }
}

/// The file the repository ships, so that a clone without the shared data is tested too.
#[test]
fn the_shipped_file() {
    let path = workspace().join("tests/data/zmumu.root");
    let bytes = Bytes::from(std::fs::read(&path).unwrap());
    let (sound, faults) = everything(&bytes);
    assert!(sound.len() > 10 && faults == 0, "{} columns, {faults} faults", sound.len());
    let cut = Tally::default();
    in_parallel(bytes.len() / 64, |case| {
        check(&format!("cut at {}", case * 64), &bytes.slice(..case * 64), &sound, true, &cut);
    });
    report("zmumu.root truncated", &cut);
    assert_eq!(cut.refused.into_inner(), cut.cases.into_inner());
    assert_eq!(cut.wrong.into_inner(), 0);
    let places = metadata(&bytes);
    let flips = Tally::default();
    in_parallel(1000, |case| {
        let at = places[case * 7919 % places.len()];
        check(&format!("byte {at}"), &flipped(&bytes, at, case % 8), &sound, true, &flips);
    });
    report("zmumu.root metadata flipped", &flips);
    assert_eq!(flips.wrong.into_inner(), 0);
}

/// Flips in records that are stored as they are, so that nothing but the reader's own checks can notice.
#[test]
fn bits_of_uncompressed_trees() {
    // Of the first every bit, of the second, with 35 branches, one bit of every byte.
    for (name, title, bits) in [
        ("trees/issue87_uncompressed_a.root", &b"TTree\x06Events"[..], 8),
        ("trees/uproot-sample-6.20.04-uncompressed.root", &b"TTree\x06sample"[..], 1),
    ] {
        let Some(bytes) = shared(name) else { continue };
        let (sound, _) = everything(&bytes);
        let class = bytes.windows(title.len()).position(|window| window == title).unwrap();
        // In front of the class name: lengths, dates and seeks of a small file's key, and the name's length.
        let start = class - 27;
        let length = u32::from_be_bytes(*bytes[start..].first_chunk::<4>().unwrap()) as usize;
        let tally = Tally::default();
        in_parallel(length * bits, |case| {
            let (at, bit) = (start + case / bits, if bits == 8 { case % 8 } else { case * 5 % 8 });
            check(&format!("{name} byte {at} bit {bit}"), &flipped(&bytes, at, bit), &sound, true, &tally);
        });
        report(&format!("{name} {length} bytes of the tree's record flipped"), &tally);
        assert_eq!(tally.wrong.into_inner(), 0, "{name}: wrong values without an error");
    }
}

/// Where the content of compressed baskets is.
fn compressed_payload(bytes: &Bytes) -> Vec<usize> {
    let metadata = metadata(bytes);
    let mut is_payload = vec![true; bytes.len()];
    metadata.iter().for_each(|at| is_payload[*at] = false);
    let mut places = Vec::new();
    let mut inside = false;
    for at in 0..bytes.len() {
        if is_payload[at] && (at == 0 || !is_payload[at - 1]) {
            inside = ana_root::Codec::of_payload(&bytes[at..]).is_some();
        }
        if is_payload[at] && inside {
            places.push(at);
        }
    }
    places
}

#[test]
fn sampled_bits_of_the_payload() {
    // Where the codec has a checksum a changed payload must be noticed.
    let files = [
        ("trees/uproot-HZZ-zlib.root", true),
        ("trees/uproot-HZZ-lz4.root", true),
        ("trees/uproot-Zmumu-lzma.root", true),
        ("trees/uproot-Zmumu-zstd.root", false),
    ];
    for (name, has_checksum) in files {
        let Some(bytes) = shared(name) else { continue };
        let (sound, _) = everything(&bytes);
        let places = compressed_payload(&bytes);
        let tally = Tally::default();
        in_parallel(100, |case| {
            let at = places[case * 7919 * 31 % places.len()];
            check(&format!("{name} byte {at}"), &flipped(&bytes, at, case % 8), &sound, has_checksum, &tally);
        });
        report(&format!("{name} payload flipped"), &tally);
        assert_eq!(tally.wrong.into_inner(), 0, "{name}: wrong values without an error");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Several bytes overwritten anywhere, absurd numbers among them.
    #[test]
    fn overwritten_bytes(
        file in 0..SMALL.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![
            any::<[u8; 4]>(),
            Just([0xFF; 4]), Just([0x7F, 0xFF, 0xFF, 0xFF]), Just([0x80, 0, 0, 0]), Just([0; 4]), Just([0x40, 0, 0xFF, 0xFF]),
        ]), 1..6),
    ) {
        if let Some(bytes) = shared(SMALL[file]) {
            let mut copy = bytes.to_vec();
            for (place, with) in &changes {
                let at = place.index(copy.len() - 4);
                copy[at..at + 4].copy_from_slice(with);
            }
            check("overwritten", &Bytes::from(copy), &Content::new(), false, &Tally::default());
        }
    }

    /// No file at all.
    #[test]
    fn arbitrary_bytes(tail in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut bytes = b"root\0\0\xF3\xC8\0\0\0\x64".to_vec();
        bytes.extend(tail);
        check("arbitrary", &Bytes::from(bytes), &Content::new(), false, &Tally::default());
    }
}
