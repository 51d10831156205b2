//! The streamer information of the classes in our files: how a reader that has never heard of a class reads it.
//!
//! Names, versions and checksums are ROOT's (6.24 and later), as ROOT writes them itself.

use Kind::{Basic, Counted, Object, ObjectAny, Pointer, Text};

use super::buffer::Buffer;

struct Class {
    name: &'static str,
    version: i32,
    checksum: u32,
    members: &'static [Member],
}

/// Which `TStreamerElement` describes a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Base {
        version: i32,
        checksum: u32,
    },
    Basic,
    Text,
    Object,
    ObjectAny,
    Pointer,
    /// `double*` with its length in another member.
    Counted,
}

struct Member {
    kind: Kind,
    name: &'static str,
    title: &'static str,
    /// ROOT's number of the type.
    code: i32,
    size: i32,
    type_name: &'static str,
}

const fn base(name: &'static str, title: &'static str, code: i32, version: i32, checksum: u32) -> Member {
    Member { kind: Kind::Base { version, checksum }, name, title, code, size: 0, type_name: "BASE" }
}

const fn member(
    kind: Kind,
    name: &'static str,
    title: &'static str,
    code: i32,
    size: i32,
    type_name: &'static str,
) -> Member {
    Member { kind, name, title, code, size, type_name }
}

/// The `TList` of `TStreamerInfo`.
pub(super) fn list() -> Vec<u8> {
    let mut out = Buffer::default();
    out.versioned(5, |b| {
        b.tobject(0, 0);
        b.string("");
        b.size(CLASSES.len());
        for class in CLASSES {
            b.object("TStreamerInfo", |b| info(b, class));
            b.u8(0); // option of the list's link
        }
    });
    out.bytes
}

fn info(out: &mut Buffer, class: &Class) {
    const CANNOT_DELETE: u32 = 1 << 16;
    out.versioned(9, |b| {
        b.tnamed(CANNOT_DELETE, class.name, "");
        b.u32(class.checksum);
        b.i32(class.version);
        b.object("TObjArray", |b| {
            b.versioned(3, |b| {
                b.tobject(0, 0);
                b.string("");
                b.size(class.members.len());
                b.i32(0); // lower bound
                for member in class.members {
                    element(b, class, member);
                }
            });
        });
    });
}

fn element(out: &mut Buffer, class: &Class, member: &Member) {
    let (streamer, version) = match member.kind {
        Kind::Base { .. } => ("TStreamerBase", 3),
        Basic => ("TStreamerBasicType", 2),
        Text => ("TStreamerString", 2),
        Object => ("TStreamerObject", 2),
        ObjectAny => ("TStreamerObjectAny", 2),
        Pointer => ("TStreamerObjectPointer", 2),
        Counted => ("TStreamerBasicPointer", 2),
    };
    out.object(streamer, |b| {
        b.versioned(version, |b| {
            b.versioned(4, |b| {
                b.tnamed(0, member.name, member.title);
                b.i32(member.code);
                b.i32(member.size);
                b.i32(0); // array length
                b.i32(0); // array dimensions
                for i in 0..5 {
                    // A base class keeps its checksum in the second of the unused array bounds.
                    b.u32(match member.kind {
                        Kind::Base { checksum, .. } if i == 1 => checksum,
                        _ => 0,
                    });
                }
                b.string(member.type_name);
            });
            match member.kind {
                Kind::Base { version, .. } => b.i32(version),
                Counted => {
                    // Only `TH1::fBuffer`, whose length the member before it holds.
                    b.i32(class.version);
                    b.string("fBufferSize");
                    b.string(class.name);
                }
                _ => {}
            }
        });
    });
}

/// Bases before the classes that need them.
#[rustfmt::skip]
const CLASSES: &[Class] = &[
    Class { name: "TCollection", version: 3, checksum: 0x57e3cb9c, members: &[
        base("TObject", "Basic ROOT object", 66, 1, 0x901bc02d),
        member(Text, "fName", "name of the collection", 65, 24, "TString"),
        member(Basic, "fSize", "number of elements in collection", 3, 4, "int"),
    ] },
    Class { name: "TSeqCollection", version: 0, checksum: 0xfc6c3bc6, members: &[
        base("TCollection", "Collection abstract base class", 0, 3, 0x57e3cb9c),
    ] },
    Class { name: "TList", version: 5, checksum: 0x69c5c3bb, members: &[
        base("TSeqCollection", "Sequenceable collection ABC", 0, 0, 0xfc6c3bc6),
    ] },
    Class { name: "THashList", version: 0, checksum: 0xcc7e49c1, members: &[
        base("TList", "Doubly linked list", 0, 5, 0x69c5c3bb),
    ] },
    Class { name: "TAttAxis", version: 4, checksum: 0x5c6fff3e, members: &[
        member(Basic, "fNdivisions", "Number of divisions(10000*n3 + 100*n2 + n1)", 3, 4, "int"),
        member(Basic, "fAxisColor", "Color of the line axis", 2, 2, "short"),
        member(Basic, "fLabelColor", "Color of labels", 2, 2, "short"),
        member(Basic, "fLabelFont", "Font for labels", 2, 2, "short"),
        member(Basic, "fLabelOffset", "Offset of labels", 5, 4, "float"),
        member(Basic, "fLabelSize", "Size of labels", 5, 4, "float"),
        member(Basic, "fTickLength", "Length of tick marks", 5, 4, "float"),
        member(Basic, "fTitleOffset", "Offset of axis title", 5, 4, "float"),
        member(Basic, "fTitleSize", "Size of axis title", 5, 4, "float"),
        member(Basic, "fTitleColor", "Color of axis title", 2, 2, "short"),
        member(Basic, "fTitleFont", "Font for axis title", 2, 2, "short"),
    ] },
    Class { name: "TAxis", version: 10, checksum: 0x5a496e70, members: &[
        base("TNamed", "The basis for a named object (name, title)", 67, 1, 0xdfb74a3c),
        base("TAttAxis", "Axis attributes", 0, 4, 0x5c6fff3e),
        member(Basic, "fNbins", "Number of bins", 3, 4, "int"),
        member(Basic, "fXmin", "low edge of first bin", 8, 8, "double"),
        member(Basic, "fXmax", "upper edge of last bin", 8, 8, "double"),
        member(ObjectAny, "fXbins", "Bin edges array in X", 62, 24, "TArrayD"),
        member(Basic, "fFirst", "first bin to display", 3, 4, "int"),
        member(Basic, "fLast", "last bin to display", 3, 4, "int"),
        member(Basic, "fBits2", "second bit status word", 12, 2, "unsigned short"),
        member(Basic, "fTimeDisplay", "on/off displaying time values instead of numerics", 18, 1, "bool"),
        member(Text, "fTimeFormat", "Date&time format, ex: 09/12/99 12:34:00", 65, 24, "TString"),
        member(Pointer, "fLabels", "List of labels", 64, 8, "THashList*"),
        member(Pointer, "fModLabs", "List of modified labels", 64, 8, "TList*"),
    ] },
    Class { name: "TAttMarker", version: 2, checksum: 0x291d8bec, members: &[
        member(Basic, "fMarkerColor", "Marker color", 2, 2, "short"),
        member(Basic, "fMarkerStyle", "Marker style", 2, 2, "short"),
        member(Basic, "fMarkerSize", "Marker size", 5, 4, "float"),
    ] },
    Class { name: "TAttFill", version: 2, checksum: 0xffd92a92, members: &[
        member(Basic, "fFillColor", "Fill area color", 2, 2, "short"),
        member(Basic, "fFillStyle", "Fill area style", 2, 2, "short"),
    ] },
    Class { name: "TAttLine", version: 2, checksum: 0x94074549, members: &[
        member(Basic, "fLineColor", "Line color", 2, 2, "short"),
        member(Basic, "fLineStyle", "Line style", 2, 2, "short"),
        member(Basic, "fLineWidth", "Line width", 2, 2, "short"),
    ] },
    Class { name: "TObject", version: 1, checksum: 0x901bc02d, members: &[
        member(Basic, "fUniqueID", "object unique identifier", 13, 4, "unsigned int"),
        member(Basic, "fBits", "bit field status word", 15, 4, "unsigned int"),
    ] },
    Class { name: "TNamed", version: 1, checksum: 0xdfb74a3c, members: &[
        base("TObject", "Basic ROOT object", 66, 1, 0x901bc02d),
        member(Text, "fName", "object identifier", 65, 24, "TString"),
        member(Text, "fTitle", "object title", 65, 24, "TString"),
    ] },
    Class { name: "TH1", version: 8, checksum: 0x1c3740c4, members: &[
        base("TNamed", "The basis for a named object (name, title)", 67, 1, 0xdfb74a3c),
        base("TAttLine", "Line attributes", 0, 2, 0x94074549),
        base("TAttFill", "Fill area attributes", 0, 2, 0xffd92a92),
        base("TAttMarker", "Marker attributes", 0, 2, 0x291d8bec),
        member(Basic, "fNcells", "number of bins(1D), cells (2D) +U/Overflows", 3, 4, "int"),
        member(Object, "fXaxis", "X axis descriptor", 61, 216, "TAxis"),
        member(Object, "fYaxis", "Y axis descriptor", 61, 216, "TAxis"),
        member(Object, "fZaxis", "Z axis descriptor", 61, 216, "TAxis"),
        member(Basic, "fBarOffset", "(1000*offset) for bar charts or legos", 2, 2, "short"),
        member(Basic, "fBarWidth", "(1000*width) for bar charts or legos", 2, 2, "short"),
        member(Basic, "fEntries", "Number of entries", 8, 8, "double"),
        member(Basic, "fTsumw", "Total Sum of weights", 8, 8, "double"),
        member(Basic, "fTsumw2", "Total Sum of squares of weights", 8, 8, "double"),
        member(Basic, "fTsumwx", "Total Sum of weight*X", 8, 8, "double"),
        member(Basic, "fTsumwx2", "Total Sum of weight*X*X", 8, 8, "double"),
        member(Basic, "fMaximum", "Maximum value for plotting", 8, 8, "double"),
        member(Basic, "fMinimum", "Minimum value for plotting", 8, 8, "double"),
        member(Basic, "fNormFactor", "Normalization factor", 8, 8, "double"),
        member(ObjectAny, "fContour", "Array to display contour levels", 62, 24, "TArrayD"),
        member(ObjectAny, "fSumw2", "Array of sum of squares of weights", 62, 24, "TArrayD"),
        member(Text, "fOption", "histogram options", 65, 24, "TString"),
        member(Pointer, "fFunctions", "->Pointer to list of functions (fits and user)", 63, 8, "TList*"),
        member(Basic, "fBufferSize", "fBuffer size", 6, 4, "int"),
        member(Counted, "fBuffer", "[fBufferSize] entry buffer", 48, 8, "double*"),
        member(Basic, "fBinStatErrOpt", "option for bin statistical errors", 3, 4, "TH1::EBinErrorOpt"),
        member(Basic, "fStatOverflows", "per object flag to use under/overflows in statistics", 3, 4, "TH1::EStatOverflows"),
    ] },
    Class { name: "TH1D", version: 3, checksum: 0xf9b1569f, members: &[
        base("TH1", "1-Dim histogram base class", 0, 8, 0x1c3740c4),
        base("TArrayD", "Array of doubles", 0, 1, 0x7139ef34),
    ] },
    Class { name: "TH2", version: 5, checksum: 0x0182347f, members: &[
        base("TH1", "1-Dim histogram base class", 0, 8, 0x1c3740c4),
        member(Basic, "fScalefactor", "Scale factor", 8, 8, "double"),
        member(Basic, "fTsumwy", "Total Sum of weight*Y", 8, 8, "double"),
        member(Basic, "fTsumwy2", "Total Sum of weight*Y*Y", 8, 8, "double"),
        member(Basic, "fTsumwxy", "Total Sum of weight*X*Y", 8, 8, "double"),
    ] },
    Class { name: "TH2D", version: 4, checksum: 0x7fba82f0, members: &[
        base("TH2", "2-Dim histogram base class", 0, 5, 0x0182347f),
        base("TArrayD", "Array of doubles", 0, 1, 0x7139ef34),
    ] },
    Class { name: "TAtt3D", version: 1, checksum: 0x0000757a, members: &[
    ] },
    Class { name: "TH3", version: 6, checksum: 0x42d2445f, members: &[
        base("TH1", "1-Dim histogram base class", 0, 8, 0x1c3740c4),
        base("TAtt3D", "3D attributes", 0, 1, 0x0000757a),
        member(Basic, "fTsumwy", "Total Sum of weight*Y", 8, 8, "double"),
        member(Basic, "fTsumwy2", "Total Sum of weight*Y*Y", 8, 8, "double"),
        member(Basic, "fTsumwxy", "Total Sum of weight*X*Y", 8, 8, "double"),
        member(Basic, "fTsumwz", "Total Sum of weight*Z", 8, 8, "double"),
        member(Basic, "fTsumwz2", "Total Sum of weight*Z*Z", 8, 8, "double"),
        member(Basic, "fTsumwxz", "Total Sum of weight*X*Z", 8, 8, "double"),
        member(Basic, "fTsumwyz", "Total Sum of weight*Y*Z", 8, 8, "double"),
    ] },
    Class { name: "TH3D", version: 4, checksum: 0x64b9ff86, members: &[
        base("TH3", "3-Dim histogram base class", 0, 6, 0x42d2445f),
        base("TArrayD", "Array of doubles", 0, 1, 0x7139ef34),
    ] },
    Class { name: "TObjString", version: 1, checksum: 0x9c8e4800, members: &[
        base("TObject", "Basic ROOT object", 66, 1, 0x901bc02d),
        member(Text, "fString", "wrapped TString", 65, 24, "TString"),
    ] },
];
