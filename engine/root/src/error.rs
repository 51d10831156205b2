//! One error type for everything that can go wrong between bytes and arrays.

use std::fmt;
use std::ops::Range;

/// Result of every fallible function of this crate.
pub type Result<T, E = RootError> = std::result::Result<T, E>;

/// Where in the data something happened; what is not known is left out of the message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// File, as it was named when opened.
    pub file: Option<String>,
    /// Tree, with its directory.
    pub tree: Option<String>,
    /// Branch, by its full path.
    pub branch: Option<String>,
    /// Number of the basket in its branch.
    pub basket: Option<usize>,
    /// Byte offset in the file, or in the decompressed record when the file offset makes no sense.
    pub offset: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut part = |f: &mut fmt::Formatter<'_>, label: &str, value: Option<String>| match value {
            Some(value) => {
                write!(f, "{separator}{label} {value}")?;
                separator = ", ";
                Ok(())
            }
            None => Ok(()),
        };
        part(f, "file", self.file.clone())?;
        part(f, "tree", self.tree.clone())?;
        part(f, "branch", self.branch.clone())?;
        part(f, "basket", self.basket.map(|n| n.to_string()))?;
        part(f, "byte", self.offset.map(|n| n.to_string()))?;
        if separator.is_empty() { f.write_str("ROOT data") } else { Ok(()) }
    }
}

/// What went wrong, where, and what was expected there.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// The bytes are not what the format says they must be.
    #[error("{place}: expected {expected}, found {found}")]
    Malformed {
        /// Where.
        place: Box<Place>,
        /// What the format asks for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A record ends before its content does.
    #[error("{place}: cut short: {expected} more bytes expected, {found} left")]
    Truncated {
        /// Where.
        place: Box<Place>,
        /// Bytes needed.
        expected: u64,
        /// Bytes there.
        found: u64,
    },
    /// A compressed block cannot be decompressed, or its checksum differs.
    #[error("{place}: {codec} data do not decompress: {found}")]
    Compression {
        /// Where.
        place: Box<Place>,
        /// Name of the codec.
        codec: &'static str,
        /// What the codec said.
        found: String,
    },
    /// There is no such tree.
    #[error("{place}: no tree {name:?}{}", did_you_mean(.nearest))]
    TreeNotFound {
        /// Where.
        place: Box<Place>,
        /// The name asked for.
        name: String,
        /// Up to three names that exist and look alike.
        nearest: Vec<String>,
    },
    /// There is no such branch.
    #[error("{place}: no branch {name:?}{}", did_you_mean(.nearest))]
    BranchNotFound {
        /// Where.
        place: Box<Place>,
        /// The name asked for.
        name: String,
        /// Up to three names that exist and look alike.
        nearest: Vec<String>,
    },
    /// A correct file holds something this reader does not read.
    #[error("{place}: not supported: {what}")]
    Unsupported {
        /// Where.
        place: Box<Place>,
        /// What it is.
        what: String,
    },
    /// The caller has not supplied bytes that [`TreeReader::needs`](crate::TreeReader::needs) names.
    #[error("{place}: bytes {}..{} were not supplied", .range.start, .range.end)]
    NotSupplied {
        /// Where.
        place: Box<Place>,
        /// The bytes.
        range: Range<u64>,
    },
    /// More is asked for than the tree has, or than one Arrow array can hold.
    #[error("{place}: {what}: at most {expected}, found {found}")]
    OutOfRange {
        /// Where.
        place: Box<Place>,
        /// What is out of range.
        what: &'static str,
        /// The limit.
        expected: u64,
        /// The value.
        found: u64,
    },
}

fn did_you_mean(nearest: &[String]) -> String {
    if nearest.is_empty() {
        return String::new();
    }
    let names: Vec<String> = nearest.iter().map(|name| format!("{name:?}")).collect();
    format!("; nearest: {}", names.join(", "))
}

impl RootError {
    pub(crate) fn malformed(expected: impl Into<String>, found: impl fmt::Display) -> Self {
        Self::Malformed { place: Box::default(), expected: expected.into(), found: found.to_string() }
    }

    pub(crate) fn truncated(expected: usize, found: usize) -> Self {
        Self::Truncated { place: Box::default(), expected: expected as u64, found: found as u64 }
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { place: Box::default(), what: what.into() }
    }

    /// Where it happened.
    pub fn place(&self) -> &Place {
        match self {
            Self::Malformed { place, .. }
            | Self::Truncated { place, .. }
            | Self::Compression { place, .. }
            | Self::TreeNotFound { place, .. }
            | Self::BranchNotFound { place, .. }
            | Self::Unsupported { place, .. }
            | Self::NotSupplied { place, .. }
            | Self::OutOfRange { place, .. } => place,
        }
    }

    fn place_mut(&mut self) -> &mut Place {
        match self {
            Self::Malformed { place, .. }
            | Self::Truncated { place, .. }
            | Self::Compression { place, .. }
            | Self::TreeNotFound { place, .. }
            | Self::BranchNotFound { place, .. }
            | Self::Unsupported { place, .. }
            | Self::NotSupplied { place, .. }
            | Self::OutOfRange { place, .. } => place,
        }
    }

    /// The inner place wins: it was nearer to the fault.
    pub(crate) fn at(mut self, offset: u64) -> Self {
        self.place_mut().offset.get_or_insert(offset);
        self
    }

    pub(crate) fn in_file(mut self, file: &str) -> Self {
        self.place_mut().file.get_or_insert_with(|| file.to_owned());
        self
    }

    pub(crate) fn in_tree(mut self, tree: &str) -> Self {
        self.place_mut().tree.get_or_insert_with(|| tree.to_owned());
        self
    }

    pub(crate) fn in_branch(mut self, branch: &str) -> Self {
        self.place_mut().branch.get_or_insert_with(|| branch.to_owned());
        self
    }

    pub(crate) fn in_basket(mut self, basket: usize) -> Self {
        self.place_mut().basket.get_or_insert(basket);
        self
    }
}

/// The up to three names nearest to `wanted` by edit distance, case ignored, that are near at all.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted: Vec<char> = wanted.to_lowercase().chars().take(200).collect();
    let mut scored: Vec<(usize, &str)> = names
        .map(|name| {
            let name_chars: Vec<char> = name.to_lowercase().chars().take(200).collect();
            (edit_distance(&wanted, &name_chars), name)
        })
        .filter(|(distance, _)| *distance <= wanted.len().max(6) / 2)
        .collect();
    scored.sort();
    scored.dedup();
    scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut left = i + 1;
        let mut corner = i;
        for (cb, slot) in b.iter().zip(row.iter_mut().skip(1)) {
            let substituted = corner + usize::from(ca != cb);
            corner = *slot;
            left = substituted.min(left + 1).min(*slot + 1);
            *slot = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_three() {
        let names = ["Jet_pt", "Jet_eta", "Muon_pt", "MET_pt", "HLT_IsoMu24"];
        assert_eq!(nearest("jet_Pt", names.into_iter()), ["Jet_pt", "MET_pt", "Jet_eta"]);
        assert!(nearest("zzzzzz", names.into_iter()).is_empty());
    }

    #[test]
    fn message_names_the_place() {
        let error = RootError::malformed("a basket", "a gap")
            .at(7)
            .in_basket(3)
            .in_branch("x")
            .in_file("f.root")
            .at(9);
        assert_eq!(
            error.to_string(),
            "file f.root, branch x, basket 3, byte 7: expected a basket, found a gap"
        );
    }
}
