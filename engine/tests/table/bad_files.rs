//! Files that cannot be read: an error that names them, or a report of what was left out.

use super::*;
use std::path::Path;

/// A healthy file, and the same with something wrong.
fn beside(broken: &[u8]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(shipped(), directory.path().join("good.root")).unwrap();
    std::fs::write(directory.path().join("broken.root"), broken).unwrap();
    directory
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/zmumu.root")
}

fn all(directory: &tempfile::TempDir) -> String {
    directory.path().join("*.root").to_string_lossy().into_owned()
}

/// Byte range of one basket of a branch of the shipped file.
fn basket(branch: &str, number: usize) -> std::ops::Range<usize> {
    let bytes = bytes::Bytes::from(std::fs::read(shipped()).unwrap());
    let mut store = ana_root::ByteStore::new();
    store.insert(0, bytes.clone());
    let ready = |progress| match progress {
        ana_root::Progress::Ready(ready) => ready,
        ana_root::Progress::Need(ranges) => panic!("{ranges:?} of a whole file"),
    };
    let file: ana_root::RootFile =
        match ana_root::RootFile::open("shipped", bytes.len() as u64, &store).unwrap() {
            ana_root::Progress::Ready(file) => file,
            ana_root::Progress::Need(ranges) => panic!("{ranges:?} of a whole file"),
        };
    let tree: ana_root::Tree = ready(file.tree("Events", &store).unwrap());
    let branch = &tree.branches[tree.branch_index(branch).unwrap()];
    let range = branch.baskets[number].byte_range().unwrap();
    usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()
}

#[tokio::test]
async fn a_cut_off_file_is_named() {
    let whole = std::fs::read(shipped()).unwrap();
    let directory = beside(&whole[..whole.len() / 2]);
    let (context, _) = session(2);
    let sql = format!("CREATE EXTERNAL TABLE events STORED AS ROOT LOCATION '{}'", all(&directory));
    let message = fault(&context, &sql).await;
    assert!(message.contains("broken.root"), "{message}");
}

#[tokio::test]
async fn a_cut_off_file_is_left_out_when_asked() {
    let whole = std::fs::read(shipped()).unwrap();
    for broken in [&whole[..whole.len() / 2], b"not a ROOT file at all", b""] {
        let directory = beside(broken);
        let (context, progress) = session(2);
        create(&context, "events", &all(&directory), "OPTIONS (on_bad_file 'skip')").await;
        for sql in ["SELECT count(MET_pt) AS n FROM events", "SELECT count(*) AS n FROM events"] {
            assert!(rows(&context, sql).await.contains("| 5000 |"));
        }
        let skipped = progress.skipped();
        assert_eq!(skipped.len(), 1, "{skipped:?}");
        assert!(skipped[0].file.ends_with("broken.root") && skipped[0].entries.is_none(), "{skipped:?}");
    }
}

#[tokio::test]
async fn a_broken_basket_loses_its_unit() {
    let mut bytes = std::fs::read(shipped()).unwrap();
    let range = basket("MET_pt", 2);
    let middle = range.start + (range.end - range.start) / 2;
    bytes[middle..range.end].fill(0xAB);
    let directory = beside(&bytes);
    let (context, _) = session(2);
    create(&context, "events", &all(&directory), "").await;
    let message = fault(&context, "SELECT sum(MET_pt) FROM events").await;
    assert!(message.contains("broken.root") && message.contains("MET_pt"), "{message}");
    // Nobody else is harmed.
    assert!(
        rows(&context, "SELECT count(nMuon) AS n FROM events WHERE nMuon >= 0").await.contains("| 10000 |")
    );

    let mut left = None;
    for partitions in [1, 2, 5] {
        let (context, progress) = session(partitions);
        create(&context, "events", &all(&directory), "OPTIONS (on_bad_file 'skip')").await;
        let text = rows(&context, "SELECT count(MET_pt) AS n FROM events WHERE MET_pt >= 0").await;
        let skipped = progress.skipped();
        let lost: u64 = skipped.iter().filter_map(ana_engine::table::Skipped::events).sum();
        assert!(lost > 0 && text.contains(&format!("| {} |", 10_000 - lost)), "{text} {skipped:?}");
        assert_eq!(*left.get_or_insert(lost), lost);
    }
}
