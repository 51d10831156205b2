//! What the bytes of a branch mean: decided once per branch, from its leaves, its C++ type and streamer info.

pub(crate) mod boolean;
pub(crate) mod fixed;
pub(crate) mod jagged;
pub(crate) mod resolve;
pub(crate) mod scalar;
pub(crate) mod string;
pub(crate) mod vector;

use scalar::Item;
use vector::Node;

/// How one column's entries lie in a basket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Interpretation {
    /// The same number of bytes for every entry; a column of a leaf list takes some of them.
    Fixed { item: Item, dims: Vec<usize>, offset: usize, stride: usize },
    /// Items up to the end of the entry, behind `header` bytes that are skipped.
    Jagged { item: Item, dims: Vec<usize>, header: Header },
    /// One string for each entry.
    Text(Text),
    /// Anything made of lists and strings.
    Nested { framing: Framing, node: Node },
}

/// What precedes the items of a jagged entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// Nothing: an array sized by a counter branch.
    None,
    /// One byte: whether the pointer was set.
    Flag,
    /// Byte count, version and number of items of a standard container.
    Container,
}

impl Header {
    pub(crate) fn length(self) -> usize {
        match self {
            Self::None => 0,
            Self::Flag => 1,
            Self::Container => 10,
        }
    }
}

/// How a string is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    /// Bytes to skip first.
    pub(crate) header: usize,
    /// Whether the length has four bytes, rather than one (or 255 and four).
    pub(crate) long: bool,
}

/// What surrounds the items of a nested entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Byte count, version, then the number of items.
    Counted,
    /// Byte count and version, then items up to the end of the entry.
    UntilEnd,
}
