//! What a table knows of its size before it is read: `count(*)` over opened files reads nothing.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::{Statistics, stats::Precision};

use super::{metadata::FileTree, options::OnBadFile};

/// Exact when every file was opened, scaled up by size when some were.
pub(crate) fn statistics(
    schema: &Schema,
    files: &[(u64, Option<Arc<FileTree>>)],
    on_bad_file: OnBadFile,
) -> Statistics {
    let mut statistics = Statistics::new_unknown(schema);
    let opened = |&(size, ref tree): &(u64, Option<Arc<FileTree>>)| {
        tree.as_ref().map(|tree| (size, tree.tree.entries))
    };
    let (known_bytes, known) = files
        .iter()
        .filter_map(opened)
        .fold((0_u64, 0_u64), |(bytes, events), (b, e)| (bytes + b, events + e));
    let bytes: u64 = files.iter().map(|(size, _)| size).sum();
    let count = |n: u128| usize::try_from(n).unwrap_or(usize::MAX);
    statistics.num_rows = if files.iter().all(|(_, tree)| tree.is_some()) {
        let events = count(known.into());
        // What is in a bad part will be left out.
        if on_bad_file == OnBadFile::Skip { Precision::Inexact(events) } else { Precision::Exact(events) }
    } else if known_bytes > 0 {
        Precision::Inexact(count(u128::from(known) * u128::from(bytes) / u128::from(known_bytes)))
    } else {
        Precision::Absent
    };
    statistics.total_byte_size = Precision::Inexact(count(bytes.into()));
    statistics
}
