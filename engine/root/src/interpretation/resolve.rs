//! From leaves, type codes and C++ names to an [`Interpretation`], or to the reason why there is none.

use super::scalar::Item;
use super::vector::Node;
use super::{Framing, Header, Interpretation, Text};
use crate::layout::Slot;
use crate::streamer::{Element, Streamers, code};
use crate::tree_record::{RawBranch, RawLeaf};

/// A column as it follows from the branch alone.
pub(crate) struct Resolved {
    pub(crate) cpp_type: String,
    pub(crate) interpretation: Result<Interpretation, String>,
}

impl Resolved {
    fn unreadable(cpp_type: impl Into<String>, why: impl Into<String>) -> Self {
        Self { cpp_type: cpp_type.into(), interpretation: Err(why.into()) }
    }
}

/// Type of a branch's only leaf, or of leaf `index` of a leaf list.
pub(crate) fn resolve(
    branch: &RawBranch,
    leaves: &[&RawLeaf],
    index: usize,
    streamers: &Streamers,
) -> Resolved {
    let Some(leaf) = leaves.get(index) else {
        return Resolved::unreadable("unknown", "the branch has no leaf");
    };
    if leaves.len() > 1 {
        return leaf_list(leaves, index);
    }
    match branch.class.as_str() {
        "TBranch" => plain(leaf),
        "TBranchElement" => element(branch, leaf, streamers),
        class => {
            let cpp_type = if branch.class_name.is_empty() { class } else { &branch.class_name };
            Resolved::unreadable(cpp_type, format!("an object of class {cpp_type} in a {class}"))
        }
    }
}

/// The leaf of a TClonesArray or split vector: how many items each entry has.
pub(crate) fn collection_counter() -> Resolved {
    let interpretation = Interpretation::Fixed { item: Item::I32, dims: Vec::new(), offset: 0, stride: 4 };
    Resolved { cpp_type: "int32_t".to_owned(), interpretation: Ok(interpretation) }
}

fn leaf_item(leaf: &RawLeaf) -> Result<(Item, &'static str), String> {
    let unsigned = leaf.numbers.get(Slot::LeafUnsigned) != 0;
    Ok(match (leaf.class.as_str(), unsigned) {
        ("TLeafO", _) => (Item::Bool, "bool"),
        ("TLeafB", false) => (Item::I8, "int8_t"),
        ("TLeafB", true) => (Item::U8, "uint8_t"),
        ("TLeafS", false) => (Item::I16, "int16_t"),
        ("TLeafS", true) => (Item::U16, "uint16_t"),
        ("TLeafI", false) => (Item::I32, "int32_t"),
        ("TLeafI", true) => (Item::U32, "uint32_t"),
        ("TLeafL" | "TLeafG", false) => (Item::I64, "int64_t"),
        ("TLeafL" | "TLeafG", true) => (Item::U64, "uint64_t"),
        ("TLeafF", _) => (Item::F32, "float"),
        ("TLeafD", _) => (Item::F64, "double"),
        ("TLeafF16", _) => (packed(false, &leaf.title), "Float16_t"),
        ("TLeafD32", _) => (packed(true, &leaf.title), "Double32_t"),
        (class, _) => return Err(format!("a leaf of class {class}")),
    })
}

fn plain(leaf: &RawLeaf) -> Resolved {
    if leaf.class == "TLeafC" {
        let interpretation = Ok(Interpretation::Text(Text { header: 0, long: false }));
        return Resolved { cpp_type: "char*".to_owned(), interpretation };
    }
    match leaf_item(leaf) {
        Ok((item, name)) => numeric(leaf, item, name),
        Err(why) => Resolved::unreadable(leaf.class.as_str(), why),
    }
}

/// A number, an array of fixed size, or an array sized by a counter.
fn numeric(leaf: &RawLeaf, item: Item, name: &str) -> Resolved {
    let dims = match dims(leaf) {
        Ok(dims) => dims,
        Err(why) => return Resolved::unreadable(name, why),
    };
    let sizes: String = dims.iter().map(|dim| format!("[{dim}]")).collect();
    if leaf.count.is_some() {
        let interpretation = Ok(Interpretation::Jagged { item, dims, header: Header::None });
        return Resolved { cpp_type: format!("{name}[]{sizes}"), interpretation };
    }
    let cpp_type = format!("{name}{sizes}");
    match stride(item, &dims) {
        Ok(stride) => {
            Resolved { cpp_type, interpretation: Ok(Interpretation::Fixed { item, dims, offset: 0, stride }) }
        }
        Err(why) => Resolved::unreadable(cpp_type, why),
    }
}

fn stride(item: Item, dims: &[usize]) -> Result<usize, String> {
    dims.iter()
        .try_fold(item.width(), |product, dim| product.checked_mul(*dim))
        .filter(|stride| *stride < 1 << 31)
        .ok_or_else(|| format!("an array of dimensions {dims:?}"))
}

fn leaf_list(leaves: &[&RawLeaf], index: usize) -> Resolved {
    let mut offset = 0;
    let mut own = None;
    for (i, leaf) in leaves.iter().enumerate() {
        let (item, name) = match leaf_item(leaf) {
            Ok(found) => found,
            Err(why) => {
                return Resolved::unreadable(leaf.class.as_str(), format!("{why} in a leaf list"));
            }
        };
        if leaf.count.is_some() {
            return Resolved::unreadable(format!("{name}[]"), "an array of variable size in a leaf list");
        }
        let dims = match dims(leaf) {
            Ok(dims) => dims,
            Err(why) => return Resolved::unreadable(name, why),
        };
        let width = match stride(item, &dims) {
            Ok(width) => width,
            Err(why) => return Resolved::unreadable(name, why),
        };
        if i == index {
            own = Some((item, name, dims, offset));
        }
        offset += width;
    }
    let Some((item, name, dims, own_offset)) = own else {
        return Resolved::unreadable("unknown", "the branch has no such leaf");
    };
    let sizes: String = dims.iter().map(|dim| format!("[{dim}]")).collect();
    let interpretation = Ok(Interpretation::Fixed { item, dims, offset: own_offset, stride: offset });
    Resolved { cpp_type: format!("{name}{sizes}"), interpretation }
}

/// Fixed dimensions in the title, `x[nX][2][3]` → 2, 3; the leaf's length must be their product.
fn dims(leaf: &RawLeaf) -> Result<Vec<usize>, String> {
    let length = leaf.numbers.get(Slot::LeafLength);
    let length = usize::try_from(length).ok().filter(|length| *length >= 1 && *length < 1 << 31);
    let length = length.ok_or_else(|| format!("a leaf of length {}", leaf.numbers.get(Slot::LeafLength)))?;
    let mut dims = Vec::new();
    for bracket in leaf.title.split('[').skip(1) {
        if let Some((inside, _)) = bracket.split_once(']')
            && let Ok(dim) = inside.parse::<usize>()
        {
            dims.push(dim);
        }
    }
    let product = dims.iter().try_fold(1_usize, |product, dim| product.checked_mul(*dim));
    Ok(if product == Some(length) {
        dims
    } else if length == 1 {
        Vec::new()
    } else {
        vec![length]
    })
}

/// Item and name of a type code.
fn coded(type_code: i64) -> Option<(Item, &'static str)> {
    Some(match i32::try_from(type_code).ok()? {
        code::CHAR => (Item::I8, "int8_t"),
        code::UCHAR => (Item::U8, "uint8_t"),
        code::SHORT => (Item::I16, "int16_t"),
        code::USHORT => (Item::U16, "uint16_t"),
        code::INT | code::COUNTER => (Item::I32, "int32_t"),
        code::UINT | code::BITS => (Item::U32, "uint32_t"),
        code::LONG | code::LONG64 => (Item::I64, "int64_t"),
        code::ULONG | code::ULONG64 => (Item::U64, "uint64_t"),
        code::FLOAT => (Item::F32, "float"),
        code::DOUBLE => (Item::F64, "double"),
        code::BOOL => (Item::Bool, "bool"),
        _ => return None,
    })
}

/// A branch made for a member of a class, or for a whole object.
fn element(branch: &RawBranch, leaf: &RawLeaf, streamers: &Streamers) -> Resolved {
    let in_collection = matches!(branch.numbers.get(Slot::Type), 31 | 41);
    let streamer_type = branch.numbers.get(Slot::StreamerType);
    let described = described(branch, streamers);
    let leaf_code = leaf.numbers.get(Slot::Type);
    let (base, array) = match leaf_code {
        n if (21..40).contains(&n) => (n - 20, Array::Fixed),
        n if (41..60).contains(&n) => (n - 40, Array::Pointer),
        n => (n, Array::None),
    };
    let title = described.as_ref().map_or("", |element| element.title.as_str());
    let number = match i32::try_from(base) {
        Ok(code::FLOAT16) => Some((packed(false, title), "Float16_t")),
        Ok(code::DOUBLE32) => Some((packed(true, title), "Double32_t")),
        _ => coded(base),
    };
    if let Some((item, name)) = number
        && streamer_type != i64::from(code::CHAR_STAR)
    {
        if array == Array::Pointer {
            let interpretation = Interpretation::Jagged { item, dims: Vec::new(), header: Header::Flag };
            let cpp_type = format!("{name}*");
            return if in_collection {
                Resolved::unreadable(cpp_type, "an array of variable size in a split collection")
            } else {
                Resolved { cpp_type, interpretation: Ok(interpretation) }
            };
        }
        if in_collection && leaf.count.is_none() {
            return Resolved::unreadable(name, "a member of a collection without a counter");
        }
        return numeric(leaf, item, name);
    }
    // A whole object names its own class, a member is described by the class it is in.
    let whole = branch.numbers.get(Slot::Id) < 0;
    let cpp_type = match &described {
        Some(element) if !whole => element.type_name.clone(),
        _ => branch.class_name.clone(),
    };
    let dims = dims(leaf).unwrap_or_default();
    let interpretation = if !whole && described.is_none() {
        let why = streamers.fault.as_ref().map_or_else(String::new, |fault| format!(": {fault}"));
        Err(format!("a member of {}, which the file does not describe{why}", branch.class_name))
    } else if !dims.is_empty() {
        Err(format!("an array of {cpp_type}"))
    } else if in_collection {
        collection_member(&cpp_type, streamer_type)
    } else {
        object(&cpp_type, streamer_type, whole)
    };
    Resolved { cpp_type, interpretation }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Array {
    None,
    Fixed,
    Pointer,
}

/// The member's description, found by its number and, where that fails, by its name.
fn described(branch: &RawBranch, streamers: &Streamers) -> Option<Element> {
    let version = i32::try_from(branch.numbers.get(Slot::ClassVersion)).ok()?;
    let checksum = u32::try_from(branch.numbers.get(Slot::CheckSum)).unwrap_or(0);
    let layout = streamers
        .layout(&branch.class_name, version, checksum)
        .or_else(|| streamers.newest(&branch.class_name))?;
    let name = branch.name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let name = name.split('[').next().unwrap_or_default();
    let by_number = usize::try_from(branch.numbers.get(Slot::Id)).ok().and_then(|id| layout.elements.get(id));
    by_number
        .filter(|element| element.name == name)
        .or_else(|| layout.elements.iter().find(|element| element.name == name))
        .cloned()
}

/// An unsplit object that is a string or a container of what can be read.
fn object(cpp_type: &str, streamer_type: i64, whole: bool) -> Result<Interpretation, String> {
    if streamer_type == i64::from(code::TSTRING) {
        return Ok(Interpretation::Text(Text { header: 0, long: false }));
    }
    if streamer_type == i64::from(code::CHAR_STAR) {
        return Ok(Interpretation::Text(Text { header: 0, long: true }));
    }
    match parse(cpp_type)? {
        // A string that is a member comes with byte count and version, a whole one without.
        Node::Text if cpp_type.contains("TString") => {
            Ok(Interpretation::Text(Text { header: 0, long: false }))
        }
        Node::Text => Ok(Interpretation::Text(Text { header: if whole { 0 } else { 6 }, long: false })),
        Node::List(inner) => Ok(match *inner {
            Node::Item(item) => Interpretation::Jagged { item, dims: Vec::new(), header: Header::Container },
            inner => Interpretation::Nested { framing: Framing::Counted, node: Node::List(Box::new(inner)) },
        }),
        Node::Item(_) => Err(format!("a single {cpp_type} as an object")),
    }
}

/// A string or container that is a member of a split collection: all of an entry's come behind one header.
fn collection_member(cpp_type: &str, streamer_type: i64) -> Result<Interpretation, String> {
    let container = [code::STL, code::STL_STRING, code::STREAMER].map(i64::from).contains(&streamer_type);
    match parse(cpp_type)? {
        Node::Item(_) => Err(format!("a {cpp_type} in a split collection")),
        _ if !container => Err(format!("a {cpp_type} in a split collection")),
        node => Ok(Interpretation::Nested { framing: Framing::UntilEnd, node: Node::List(Box::new(node)) }),
    }
}

/// Parses a C++ type made of numbers, strings and sequences.
pub(crate) fn parse(cpp_type: &str) -> Result<Node, String> {
    parse_nested(cpp_type, 0)
}

fn parse_nested(cpp_type: &str, depth: usize) -> Result<Node, String> {
    let name = cpp_type.trim();
    let name = name.strip_prefix("const ").unwrap_or(name).trim();
    let name = name.strip_prefix("std::").unwrap_or(name);
    let name = name.strip_prefix("__cxx11::").unwrap_or(name);
    let refused = || format!("an object of class {}", cpp_type.trim());
    if depth > 16 {
        return Err(refused());
    }
    if let Some((container, arguments)) = name.strip_suffix('>').and_then(|name| name.split_once('<')) {
        return match container.trim() {
            "vector" | "list" | "deque" | "forward_list" | "set" | "multiset" | "unordered_set"
            | "unordered_multiset" | "RVec" | "ROOT::VecOps::RVec" | "ROOT::RVec" => {
                let inner = parse_nested(first_argument(arguments), depth + 1)
                    .map_err(|why| if why.starts_with("a map") { why } else { refused() })?;
                Ok(Node::List(Box::new(inner)))
            }
            "map" | "multimap" | "unordered_map" | "unordered_multimap" => {
                Err(format!("a map ({})", cpp_type.trim()))
            }
            "basic_string" => Ok(Node::Text),
            _ => Err(refused()),
        };
    }
    Ok(Node::Item(match name {
        "string" | "TString" => return Ok(Node::Text),
        "bool" | "Bool_t" => Item::Bool,
        "char" | "signed char" | "Char_t" | "int8_t" | "Byte_t" => Item::I8,
        "unsigned char" | "UChar_t" | "uint8_t" => Item::U8,
        "short" | "Short_t" | "int16_t" => Item::I16,
        "unsigned short" | "UShort_t" | "uint16_t" => Item::U16,
        "int" | "Int_t" | "int32_t" => Item::I32,
        "unsigned int" | "unsigned" | "UInt_t" | "uint32_t" => Item::U32,
        "long" | "Long_t" | "Long64_t" | "long long" | "int64_t" => Item::I64,
        "unsigned long" | "ULong_t" | "ULong64_t" | "unsigned long long" | "uint64_t" | "size_t" => Item::U64,
        "float" | "Float_t" => Item::F32,
        "double" | "Double_t" => Item::F64,
        // In containers a range cannot be given and four bytes are stored.
        "Double32_t" => Item::F32As64,
        _ => return Err(refused()),
    }))
}

/// What stands before the first comma that is not inside brackets.
fn first_argument(arguments: &str) -> &str {
    let mut depth = 0_usize;
    for (at, letter) in arguments.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => return arguments.get(..at).unwrap_or_default(),
            _ => {}
        }
    }
    arguments
}

/// `Float16_t` or `Double32_t` with the range in a title: `[low,high]`, `[low,high,bits]`, after TStreamerElement::GetRange.
fn packed(wide: bool, title: &str) -> Item {
    let default = if wide { Item::F32As64 } else { Item::Truncated { bits: 12, wide } };
    let mut range =
        title.split('[').skip(1).filter_map(|part| part.split_once(']')).map(|(inside, _)| inside);
    let Some(range) = range.find(|inside| inside.contains(',')) else {
        return default;
    };
    let mut parts = range.split(',');
    let (Some(low), Some(high)) = (parts.next().and_then(number), parts.next().and_then(number)) else {
        return default;
    };
    let bits =
        parts.next().and_then(|bits| bits.trim().parse::<u32>().ok()).filter(|bits| (2..=32).contains(bits));
    let bits = bits.unwrap_or(32);
    if low < high {
        Item::Ranged { low, high, bits, wide }
    } else if bits < 15 {
        Item::Truncated { bits, wide }
    } else {
        default
    }
}

/// A number, `pi`, `twopi`, and products and quotients of these: `-2*pi/3`.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(plain) = text.parse::<f64>() {
        return plain.is_finite().then_some(plain);
    }
    if let Some(rest) = text.strip_prefix('-') {
        return number(rest).map(|value| -value);
    }
    if let Some((left, right)) = text.rsplit_once(['*', '/']) {
        let (left, right_value) = (number(left)?, number(right)?);
        let divided = text.chars().rev().nth(right.chars().count()) == Some('/');
        return Some(if divided { left / right_value } else { left * right_value });
    }
    match text.to_ascii_lowercase().as_str() {
        "pi" | "tmath::pi()" => Some(std::f64::consts::PI),
        "twopi" | "tmath::twopi()" => Some(std::f64::consts::TAU),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        let list = |node| Node::List(Box::new(node));
        assert_eq!(parse("vector<float>"), Ok(list(Node::Item(Item::F32))));
        assert_eq!(
            parse("std::vector<std::vector<int, std::allocator<int> > >"),
            Ok(list(list(Node::Item(Item::I32))))
        );
        assert_eq!(parse("set<string>"), Ok(list(Node::Text)));
        assert_eq!(
            parse("vector<TLorentzVector>"),
            Err("an object of class vector<TLorentzVector>".to_owned())
        );
        assert!(parse("map<int,float>").is_err());
        assert!(parse(&"vector<".repeat(1000)).is_err());
    }

    #[test]
    fn ranges() {
        let pi = std::f64::consts::PI;
        assert_eq!(
            packed(true, "[-pi,2*pi,16]"),
            Item::Ranged { low: -pi, high: 2.0 * pi, bits: 16, wide: true }
        );
        assert_eq!(packed(true, "x[3][0,10]"), Item::Ranged { low: 0.0, high: 10.0, bits: 32, wide: true });
        assert_eq!(packed(false, "[0,0,10]"), Item::Truncated { bits: 10, wide: false });
        assert_eq!(packed(true, "energy"), Item::F32As64);
        assert_eq!(packed(false, "x"), Item::Truncated { bits: 12, wide: false });
    }
}
