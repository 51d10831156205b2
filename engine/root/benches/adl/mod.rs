//! The columns of the ADL queries Q1–Q10 in a file of make_nanoaod.py, and the two ways to go through them.

use ana_root::{ByteStore, Decompressor, Progress, RootFile, Scratch, Tree, TreeReader};
use bytes::Bytes;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// glibc gives memory back to the system whenever a cluster's arrays are dropped and faults it in again for the next:
/// a third of the time on lz4. Who embeds the reader wants an allocator that does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub(crate) const CODECS: [&str; 4] = ["zstd", "lz4", "zlib", "lzma"];

pub(crate) const QUERIES: [(&str, &[&str]); 10] = [
    ("Q1", &["MET_pt"]),
    ("Q2", &["Jet_pt"]),
    ("Q3", &["Jet_pt", "Jet_eta"]),
    ("Q4", &["MET_pt", "Jet_pt"]),
    ("Q5", &["MET_pt", "Muon_pt", "Muon_eta", "Muon_phi", "Muon_mass", "Muon_charge"]),
    ("Q6", &["Jet_pt", "Jet_eta", "Jet_phi", "Jet_mass", "Jet_btagDeepFlavB"]),
    (
        "Q7",
        &[
            "Jet_pt",
            "Jet_eta",
            "Jet_phi",
            "Muon_pt",
            "Muon_eta",
            "Muon_phi",
            "Electron_pt",
            "Electron_eta",
            "Electron_phi",
        ],
    ),
    (
        "Q8",
        &[
            "MET_pt",
            "MET_phi",
            "Muon_pt",
            "Muon_eta",
            "Muon_phi",
            "Muon_mass",
            "Muon_charge",
            "Electron_pt",
            "Electron_eta",
            "Electron_phi",
            "Electron_mass",
            "Electron_charge",
        ],
    ),
    ("Q9", &["Jet_pt"]),
    (
        "Q10",
        &[
            "MET_pt",
            "genWeight",
            "Pileup_nTrueInt",
            "HLT_IsoMu24",
            "HLT_Ele32_WPTight_Gsf",
            "Muon_pt",
            "Muon_eta",
            "Muon_phi",
            "Muon_tightId",
            "Muon_pfRelIso04_all",
            "Electron_pt",
            "Electron_eta",
            "Electron_phi",
            "Electron_cutBased",
            "Electron_pfRelIso03_all",
            "Jet_pt",
            "Jet_eta",
            "Jet_phi",
            "Jet_btagDeepFlavB",
        ],
    ),
];

/// A tree with the whole file in memory.
pub(crate) struct InMemory {
    store: ByteStore,
    bytes: Bytes,
    tree: Arc<Tree>,
}

impl InMemory {
    /// `$ANA_BENCH_DATA/gen_1M_<codec>.root`; says what is missing and returns `None` when it is not there.
    pub(crate) fn load(codec: &str) -> Option<Self> {
        let folder = std::env::var_os("ANA_BENCH_DATA").map(PathBuf::from);
        let path = folder.unwrap_or_default().join(format!("gen_1M_{codec}.root"));
        let Ok(bytes) = std::fs::read(&path) else {
            let _ = writeln!(std::io::stderr(), "skipped: no {} (set ANA_BENCH_DATA)", path.display());
            return None;
        };
        let bytes = Bytes::from(bytes);
        let mut store = ByteStore::new();
        store.insert(0, bytes.clone());
        let Ok(Progress::Ready(file)) = RootFile::open(codec, bytes.len() as u64, &store) else {
            return None;
        };
        let Ok(Progress::Ready(tree)) = file.tree("Events", &store) else { return None };
        Some(Self { store, bytes, tree: Arc::new(tree) })
    }

    fn columns(&self, names: &[&str]) -> Vec<usize> {
        names.iter().filter_map(|name| self.tree.branch_index(name).ok()).collect()
    }

    /// Reads the columns cluster by cluster; returns the number of values, so that nothing is optimised away.
    pub(crate) fn scan(&self, names: &[&str]) -> usize {
        let columns = self.columns(names);
        let all: Vec<usize> = (0..columns.len()).collect();
        let Ok(mut reader) = TreeReader::new(Arc::clone(&self.tree), &columns) else { return 0 };
        let mut values = 0;
        for cluster in &self.tree.clusters {
            let arrays = reader.read(&all, cluster.clone(), &self.store).expect("a sound file");
            values += arrays.iter().map(|array| array.get_buffer_memory_size()).sum::<usize>();
        }
        values
    }

    /// Only decompresses the baskets that `scan` reads: the columns' and their counters'.
    pub(crate) fn floor(&self, names: &[&str]) -> usize {
        let mut columns = self.columns(names);
        let counters = columns.iter().filter_map(|column| self.tree.branches.get(*column)?.counter);
        columns.extend(counters.collect::<Vec<_>>());
        columns.sort_unstable();
        columns.dedup();
        let mut decompressor = Decompressor::new();
        let mut scratch = Scratch::default();
        let mut values = 0;
        for branch in columns.iter().filter_map(|column| self.tree.branches.get(*column)) {
            for range in branch.baskets.iter().filter_map(ana_root::Basket::byte_range) {
                let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else {
                    continue;
                };
                let record = self.bytes.slice(start..end);
                // Of the record's header: the object's length at byte 6, the header's own at byte 14.
                let size = u32::from_be_bytes([record[6], record[7], record[8], record[9]]) as usize;
                let payload = record.slice(usize::from(u16::from_be_bytes([record[14], record[15]]))..);
                if decompressor.decompress(&payload, size, size, &mut scratch).is_ok() {
                    values += scratch.filled().len();
                }
            }
        }
        values
    }
}
