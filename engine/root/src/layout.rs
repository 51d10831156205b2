//! Which members an object of a known class has, in which order: from built-in tables for the versions ROOT has
//! written, from the file's streamer info for any other.

use crate::streamer::{ClassLayout, Element, Streamers, code};

/// Members the reader wants; all others are stepped over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Slot {
    Skipped,
    Entries,
    FirstEntry,
    TotalBytes,
    ZippedBytes,
    ClusterRanges,
    Compression,
    WriteBasket,
    MaxBaskets,
    EntryOffsetLength,
    Branches,
    Leaves,
    Baskets,
    BasketBytes,
    BasketEntry,
    BasketSeek,
    FileName,
    ClassName,
    CheckSum,
    ClassVersion,
    Id,
    Type,
    StreamerType,
    LeafLength,
    LeafUnsigned,
    LeafCount,
    Count,
}

/// How a member is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    F32,
    F64,
    /// `n` bytes nobody wants.
    Bytes(usize),
    Text,
    /// A C string with four bytes of length.
    LongText,
    Named,
    TObject,
    /// A base class that is read by its own layout.
    Base,
    /// An object in place, with its byte count.
    Object,
    /// A tagged pointer.
    Pointer,
    /// A flag byte, then as many items of `width` bytes as the member `count` says.
    Array {
        count: Slot,
        width: usize,
    },
    /// As `Array`, with items of 8 bytes where the flag is 2, else 4.
    OldSeeks,
    /// What follows is not wanted and ends with the object.
    Rest,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) slot: Slot,
    pub(crate) kind: Kind,
    /// For base classes: which.
    pub(crate) class: String,
}

fn slot_of(name: &str) -> Slot {
    match name {
        "fEntries" => Slot::Entries,
        "fFirstEntry" => Slot::FirstEntry,
        "fTotBytes" => Slot::TotalBytes,
        "fZipBytes" => Slot::ZippedBytes,
        "fNClusterRange" => Slot::ClusterRanges,
        "fCompress" => Slot::Compression,
        "fWriteBasket" => Slot::WriteBasket,
        "fMaxBaskets" => Slot::MaxBaskets,
        "fEntryOffsetLen" => Slot::EntryOffsetLength,
        "fBranches" => Slot::Branches,
        "fLeaves" => Slot::Leaves,
        "fBaskets" => Slot::Baskets,
        "fBasketBytes" => Slot::BasketBytes,
        "fBasketEntry" => Slot::BasketEntry,
        "fBasketSeek" => Slot::BasketSeek,
        "fFileName" => Slot::FileName,
        "fClassName" => Slot::ClassName,
        "fCheckSum" => Slot::CheckSum,
        "fClassVersion" => Slot::ClassVersion,
        "fID" => Slot::Id,
        "fType" => Slot::Type,
        "fStreamerType" => Slot::StreamerType,
        "fLen" => Slot::LeafLength,
        "fIsUnsigned" => Slot::LeafUnsigned,
        "fLeafCount" => Slot::LeafCount,
        _ => Slot::Skipped,
    }
}

/// Layouts as text, so that they can be read beside ROOT's headers: one letter of kind, then the member.
/// b i8, h i16, i i32, u u32, q i64, d f64, s string, N TNamed, B base, O object, P pointer, 4/8 array, S old seeks, . rest.
fn built_in(class: &str, version: u16) -> Option<&'static str> {
    Some(match (class, version) {
        ("TTree", 16) => {
            "N B:TAttLine B:TAttFill B:TAttMarker q:fEntries q:fTotBytes q:fZipBytes q: d: i: i: i: q: q: q: q: q: O:fBranches ."
        }
        ("TTree", 17) => {
            "N B:TAttLine B:TAttFill B:TAttMarker q:fEntries q:fTotBytes q:fZipBytes q: d: i: i: i: i: q: q: q: q: q: O:fBranches ."
        }
        ("TTree", 18) => {
            "N B:TAttLine B:TAttFill B:TAttMarker q:fEntries q:fTotBytes q:fZipBytes q: q: d: i: i: i: i: q: q: q: q: q: q: O:fBranches ."
        }
        ("TTree", 19) => {
            "N B:TAttLine B:TAttFill B:TAttMarker q:fEntries q:fTotBytes q:fZipBytes q: q: d: i: i: i: i: i:fNClusterRange q: q: q: q: q: q: 8:fNClusterRange 8:fNClusterRange O:fBranches ."
        }
        ("TTree", 20) => {
            "N B:TAttLine B:TAttFill B:TAttMarker q:fEntries q:fTotBytes q:fZipBytes q: q: d: i: i: i: i: i:fNClusterRange q: q: q: q: q: q: 8:fNClusterRange 8:fNClusterRange O:fIOFeatures O:fBranches ."
        }
        ("TNtuple" | "TNtupleD" | "TChain", _) => "B:TTree .",
        // Versions 6 to 9 were streamed by hand, with counts as doubles and 4-byte entry numbers.
        ("TBranch", 6) => {
            "N i:fCompress i: i:fEntryOffsetLen i:fWriteBasket i: i: i:fMaxBaskets d:fEntries d:fTotBytes d:fZipBytes O:fBranches O:fLeaves O:fBaskets 4:fBasketBytes 4:fBasketEntry S:fBasketSeek s:fFileName"
        }
        ("TBranch", 7) => {
            "N i:fCompress i: i:fEntryOffsetLen i:fWriteBasket i: i: i:fMaxBaskets i: d:fEntries d:fTotBytes d:fZipBytes O:fBranches O:fLeaves O:fBaskets 4:fBasketBytes 4:fBasketEntry S:fBasketSeek s:fFileName"
        }
        ("TBranch", 8 | 9) => {
            "N B:TAttFill i:fCompress i: i:fEntryOffsetLen i:fWriteBasket i: i: i:fMaxBaskets i: d:fEntries d:fTotBytes d:fZipBytes O:fBranches O:fLeaves O:fBaskets 4:fBasketBytes 4:fBasketEntry S:fBasketSeek s:fFileName"
        }
        ("TBranch", 10) => {
            "N B:TAttFill i:fCompress i: i:fEntryOffsetLen i:fWriteBasket q: i: i:fMaxBaskets i: q:fEntries q:fTotBytes q:fZipBytes O:fBranches O:fLeaves O:fBaskets 4:fBasketBytes 8:fBasketEntry 8:fBasketSeek s:fFileName"
        }
        ("TBranch", 11 | 12) => {
            "N B:TAttFill i:fCompress i: i:fEntryOffsetLen i:fWriteBasket q: i: i:fMaxBaskets i: q:fEntries q:fFirstEntry q:fTotBytes q:fZipBytes O:fBranches O:fLeaves O:fBaskets 4:fBasketBytes 8:fBasketEntry 8:fBasketSeek s:fFileName"
        }
        ("TBranch", 13) => {
            "N B:TAttFill i:fCompress i: i:fEntryOffsetLen i:fWriteBasket q: O:fIOFeatures i: i:fMaxBaskets i: q:fEntries q:fFirstEntry q:fTotBytes q:fZipBytes O:fBranches O:fLeaves O:fBaskets 4:fBasketBytes 8:fBasketEntry 8:fBasketSeek s:fFileName"
        }
        ("TBranchElement", 8 | 9) => {
            "B:TBranch s:fClassName s: s: u:fCheckSum i:fClassVersion i:fID i:fType i:fStreamerType i: P: P:"
        }
        ("TBranchElement", 10) => {
            "B:TBranch s:fClassName s: s: u:fCheckSum h:fClassVersion i:fID i:fType i:fStreamerType i: P: P:"
        }
        ("TBranchObject", 1) => "B:TBranch s:fClassName",
        ("TBranchClones" | "TBranchSTL" | "TBranchRef", _) => "B:TBranch .",
        ("TLeaf", 2) => "N i:fLen i: i: b: b:fIsUnsigned P:fLeafCount",
        ("TLeafElement", 1) => "B:TLeaf i:fID i:fType",
        (
            "TLeafB" | "TLeafS" | "TLeafI" | "TLeafL" | "TLeafG" | "TLeafF" | "TLeafD" | "TLeafO" | "TLeafC"
            | "TLeafF16" | "TLeafD32" | "TLeafObject",
            _,
        ) => "B:TLeaf .",
        _ => return None,
    })
}

fn parse(table: &'static str) -> Vec<Member> {
    table
        .split(' ')
        .map(|word| {
            let (letter, name) = word.split_once(':').unwrap_or((word, ""));
            let slot = slot_of(name);
            let kind = match letter {
                "N" => Kind::Named,
                "B" => Kind::Base,
                "O" => Kind::Object,
                "P" => Kind::Pointer,
                "b" => Kind::I8,
                "h" => Kind::I16,
                "i" => Kind::I32,
                "u" => Kind::U32,
                "q" => Kind::I64,
                "d" => Kind::F64,
                "s" => Kind::Text,
                "4" | "8" => {
                    let count = if slot == Slot::ClusterRanges { slot } else { Slot::MaxBaskets };
                    Kind::Array { count, width: if letter == "4" { 4 } else { 8 } }
                }
                "S" => Kind::OldSeeks,
                _ => Kind::Rest,
            };
            let slot = if slot == Slot::ClusterRanges && matches!(kind, Kind::Array { .. }) {
                Slot::Skipped
            } else {
                slot
            };
            Member { slot, kind, class: if kind == Kind::Base { name.to_owned() } else { String::new() } }
        })
        .collect()
}

/// Bytes and kind of a basic type.
fn basic(type_code: i32) -> Option<(Kind, usize)> {
    Some(match type_code {
        code::CHAR => (Kind::I8, 1),
        code::UCHAR | code::BOOL => (Kind::U8, 1),
        code::SHORT => (Kind::I16, 2),
        code::USHORT => (Kind::U16, 2),
        code::INT | code::COUNTER => (Kind::I32, 4),
        code::UINT | code::BITS => (Kind::U32, 4),
        code::LONG | code::LONG64 | code::ULONG | code::ULONG64 => (Kind::I64, 8),
        code::FLOAT => (Kind::F32, 4),
        code::DOUBLE => (Kind::F64, 8),
        _ => return None,
    })
}

fn member_of(element: &Element) -> Option<Member> {
    let slot = slot_of(&element.name);
    let mut class = String::new();
    let kind = match element.code {
        code::BASE => {
            class.clone_from(&element.name);
            Kind::Base
        }
        code::TNAMED => Kind::Named,
        code::TOBJECT => Kind::TObject,
        code::TSTRING => Kind::Text,
        code::CHAR_STAR => Kind::LongText,
        code::ANY if element.type_name.starts_with("TArray") => return None,
        code::OBJECT | code::ANY | code::OBJECT_P | code::STL | code::STL_STRING | code::STREAMER => {
            Kind::Object
        }
        code::OBJECT_PTR | 69 => Kind::Pointer,
        n if (code::OFFSET_L + 1..code::OFFSET_P).contains(&n) => {
            let (_, width) = basic(n - code::OFFSET_L)?;
            Kind::Bytes(width.checked_mul(usize::try_from(element.array_length).ok()?)?)
        }
        n if (code::OFFSET_P + 1..code::OFFSET_P + 20).contains(&n) => {
            let (_, width) = basic(n - code::OFFSET_P)?;
            match slot_of(&element.count_name) {
                Slot::Skipped => return None,
                count => Kind::Array { count, width },
            }
        }
        n => basic(n)?.0,
    };
    Some(Member { slot, kind, class })
}

/// Members from streamer info, up to the first that cannot even be stepped over.
fn from_streamer(layout: &ClassLayout) -> Vec<Member> {
    let mut members = Vec::new();
    for element in &layout.elements {
        match member_of(element) {
            Some(member) => members.push(member),
            None => {
                members.push(Member { slot: Slot::Skipped, kind: Kind::Rest, class: String::new() });
                break;
            }
        }
    }
    members
}

/// The members of a class in a version, if they are known.
pub(crate) fn members(class: &str, version: u16, streamers: &Streamers) -> Option<Vec<Member>> {
    if let Some(table) = built_in(class, version) {
        return Some(parse(table));
    }
    streamers.layout(class, i32::from(version), 0).map(from_streamer)
}

/// Base classes that hold nothing the reader wants.
pub(crate) fn is_decoration(class: &str) -> bool {
    class.starts_with("TAtt")
}
