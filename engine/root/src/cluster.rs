//! Clusters: runs of entries after which every branch began a new basket.

use std::ops::Range;

use crate::branch::Branch;

/// Entry numbers at which all of these columns' baskets begin or end, without 0 and with the tree's end.
///
/// Taken from the baskets, not from the cluster table of the tree: they are what is read, and they cannot disagree
/// with themselves.
pub(crate) fn boundaries<'a>(branches: impl Iterator<Item = &'a Branch> + Clone, entries: u64) -> Vec<u64> {
    let with_baskets = branches.filter(|branch| !branch.baskets.is_empty());
    let Some(fewest) = with_baskets.clone().min_by_key(|branch| branch.baskets.len()) else {
        return if entries == 0 { Vec::new() } else { vec![entries] };
    };
    let mut common: Vec<u64> = fewest.baskets.iter().map(|basket| basket.entries.end).collect();
    let mut last_source = fewest.source;
    for branch in with_baskets {
        if branch.source != last_source && common.len() > 1 {
            let ends = &branch.baskets;
            common.retain(|end| ends.binary_search_by_key(end, |basket| basket.entries.end).is_ok());
        }
        last_source = branch.source;
    }
    if common.last() != Some(&entries) {
        common.push(entries);
    }
    common
}

/// The same as ranges.
pub(crate) fn clusters(branches: &[Branch], entries: u64) -> Vec<Range<u64>> {
    let mut start = 0;
    boundaries(branches.iter(), entries)
        .into_iter()
        .map(|end| {
            let range = start..end;
            start = end;
            range
        })
        .collect()
}
