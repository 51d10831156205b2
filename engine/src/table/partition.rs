//! How work is split: units inside a file, ranges of a file, groups of ranges.
//!
//! A *unit* is what is fetched and decoded at a time: the entries between two places where the baskets of all columns
//! that are read end together, small ones merged. Units depend on the tree and the columns only, never on the
//! number of partitions.
//!
//! A *range* says which units of a file belong to a piece of work. It is given in bytes of the file, because a file is
//! planned before it is opened: a unit that starts at entry e of N counts as lying at byte ⌊e·size/N⌋, and belongs to the
//! range that holds this byte. Ranges that tile 0..size therefore read each unit exactly once, wherever they are cut, in
//! whatever process; a cut at the byte of a unit's start cuts between units.

use std::ops::Range;

use datafusion::datasource::{listing::PartitionedFile, physical_plan::FileGroup};

use super::metadata::FileTree;

/// Baskets of fewer events are read together: it is the batch size, below which per-unit costs show.
const UNIT_EVENTS: u64 = 8192;
/// Units hold at most about so much when decompressed, whatever the size of the clusters.
const UNIT_BYTES: u64 = 64 * 1024 * 1024;
/// Pieces of work per partition, so that the last ones to finish wait little.
const PIECES_PER_PARTITION: u64 = 4;
/// Files are not cut into smaller pieces.
const SMALLEST_PIECE: u64 = 256 * 1024;

/// Units of a tree whose columns hold `bytes` decompressed, from the entry numbers where their baskets end together.
pub(crate) fn units(entries: u64, bytes: u64, boundaries: &[u64]) -> Vec<Range<u64>> {
    let largest = u128::from(entries) * u128::from(UNIT_BYTES) / u128::from(bytes.max(1));
    let largest = u64::try_from(largest).unwrap_or(u64::MAX).max(UNIT_EVENTS);
    let mut units = Vec::new();
    let mut start = 0;
    for end in boundaries.iter().copied().filter(|&end| end < entries).chain([entries]) {
        if end >= start + UNIT_EVENTS || (end == entries && end > start) {
            cut_evenly(start..end, largest, &mut units);
            start = end;
        }
    }
    units
}

/// Where baskets end together too rarely, the reader keeps the ones that straddle a cut.
fn cut_evenly(unit: Range<u64>, largest: u64, units: &mut Vec<Range<u64>>) {
    let events = unit.end - unit.start;
    let pieces = events.div_ceil(largest);
    units.extend(
        (0..pieces).map(|i| unit.start + events * i / pieces..unit.start + events * (i + 1) / pieces),
    );
}

/// Where an entry counts as lying in its file.
fn position(entry: u64, entries: u64, size: u64) -> u64 {
    let position = u128::from(entry) * u128::from(size) / u128::from(entries.max(1));
    u64::try_from(position).unwrap_or(u64::MAX)
}

/// True when a unit that starts at `entry` belongs to the byte range of a file.
pub(crate) fn in_range(entry: u64, entries: u64, size: u64, range: &Range<u64>) -> bool {
    range.contains(&position(entry, entries, size))
}

/// Cuts the files into pieces and deals them out to partitions, in order and about equal in bytes. `known` gives the
/// tree of a file where it was opened before, so that it is cut at its clusters.
pub(crate) fn split<'a>(
    files: Vec<PartitionedFile>,
    partitions: usize,
    known: impl Fn(&PartitionedFile) -> Option<&'a FileTree>,
) -> Vec<FileGroup> {
    let partitions = partitions.max(1) as u64;
    let total: u64 = files.iter().map(PartitionedFile::effective_size).sum();
    let piece = (total / (partitions * PIECES_PER_PARTITION)).max(SMALLEST_PIECE);
    let mut pieces = Vec::with_capacity(files.len());
    for file in files {
        let size = file.object_meta.size;
        let wanted = if partitions == 1 { 1 } else { size / piece };
        if wanted <= 1 {
            pieces.push(file);
            continue;
        }
        let cuts = match known(&file) {
            Some(known) => cluster_cuts(known, size, wanted),
            None => (1..wanted).map(|i| size / wanted * i).collect(),
        };
        let mut start = 0;
        for end in cuts.into_iter().chain([size]) {
            if end > start
                && let (Ok(from), Ok(to)) = (i64::try_from(start), i64::try_from(end))
            {
                pieces.push(file.clone().with_range(from, to));
                start = end;
            }
        }
    }
    deal(pieces, partitions, total)
}

/// Bytes to cut at so that `wanted` pieces hold whole clusters.
fn cluster_cuts(known: &FileTree, size: u64, wanted: u64) -> Vec<u64> {
    let tree = &known.tree;
    let mut cuts = Vec::new();
    let mut next = 1;
    for cluster in tree.clusters.iter().skip(1) {
        let at = position(cluster.start, tree.entries, size);
        if at >= size / wanted * next {
            cuts.push(at);
            next = at / (size / wanted).max(1) + 1;
        }
    }
    cuts
}

fn deal(pieces: Vec<PartitionedFile>, partitions: u64, total: u64) -> Vec<FileGroup> {
    let share = total.div_ceil(partitions).max(1);
    let mut groups: Vec<Vec<PartitionedFile>> = Vec::new();
    let mut filled = share;
    for piece in pieces {
        if filled >= share {
            groups.push(Vec::new());
            filled = 0;
        }
        filled += piece.effective_size();
        if let Some(group) = groups.last_mut() {
            group.push(piece);
        }
    }
    groups.into_iter().map(FileGroup::new).collect()
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "lists that hold one range")]
mod tests {
    use super::*;

    #[test]
    fn small_baskets_are_read_together() {
        assert_eq!(
            units(30_000, 0, &[0, 5000, 10_000, 15_000, 20_000, 30_000]),
            [0..10_000, 10_000..20_000, 20_000..30_000]
        );
        assert_eq!(units(10, 0, &[]), [0..10]);
        assert_eq!(units(0, 0, &[0]), Vec::<Range<u64>>::new());
    }

    #[test]
    fn large_clusters_are_read_in_pieces() {
        assert_eq!(units(40_000, 2 * UNIT_BYTES, &[0, 40_000]), [0..20_000, 20_000..40_000]);
        assert_eq!(units(9_000, 2 * UNIT_BYTES, &[]).len(), 2);
    }

    #[test]
    fn ranges_read_every_unit_once() {
        // More entries than bytes: units share a byte, and still belong to one range each.
        for (entries, size) in [(1_000_000, 70_000), (1000, 3_000_000), (7, 7)] {
            let starts: Vec<u64> = (0..entries).step_by(usize::try_from(entries / 7).unwrap_or(1)).collect();
            for pieces in 1..20 {
                let ranges: Vec<Range<u64>> =
                    (0..pieces).map(|i| size * i / pieces..size * (i + 1) / pieces).collect();
                for &start in &starts {
                    assert_eq!(
                        ranges.iter().filter(|range| in_range(start, entries, size, range)).count(),
                        1
                    );
                }
            }
        }
    }

    #[test]
    fn one_large_file_is_cut_many_small_ones_are_dealt() {
        let large = split(vec![PartitionedFile::new("large.root", 100 << 20)], 2, |_| None);
        assert_eq!(large.iter().map(FileGroup::len).collect::<Vec<_>>(), [4, 4]);
        let small = (0..100).map(|i| PartitionedFile::new(format!("{i}.root"), 1 << 20)).collect();
        assert_eq!(split(small, 2, |_| None).iter().map(FileGroup::len).collect::<Vec<_>>(), [50, 50]);
        let one = split(vec![PartitionedFile::new("small.root", 1000)], 2, |_| None);
        assert_eq!(one.len(), 1);
    }
}
