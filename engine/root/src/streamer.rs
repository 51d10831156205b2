//! Streamer info: what the file itself says about the layout of its classes, kept as data.
//!
//! Nothing is instantiated by a name found in a file; the tables only steer readers that exist.

use std::collections::HashMap;

use crate::error::{Result, RootError};
use crate::object::{ObjectReader, Tagged};

/// Type codes of `TVirtualStreamerInfo::EReadWrite` that the reader tells apart.
pub(crate) mod code {
    pub(crate) const BASE: i32 = 0;
    pub(crate) const CHAR: i32 = 1;
    pub(crate) const SHORT: i32 = 2;
    pub(crate) const INT: i32 = 3;
    pub(crate) const LONG: i32 = 4;
    pub(crate) const FLOAT: i32 = 5;
    pub(crate) const COUNTER: i32 = 6;
    pub(crate) const CHAR_STAR: i32 = 7;
    pub(crate) const DOUBLE: i32 = 8;
    pub(crate) const DOUBLE32: i32 = 9;
    pub(crate) const UCHAR: i32 = 11;
    pub(crate) const USHORT: i32 = 12;
    pub(crate) const UINT: i32 = 13;
    pub(crate) const ULONG: i32 = 14;
    pub(crate) const BITS: i32 = 15;
    pub(crate) const LONG64: i32 = 16;
    pub(crate) const ULONG64: i32 = 17;
    pub(crate) const BOOL: i32 = 18;
    pub(crate) const FLOAT16: i32 = 19;
    /// Added for a fixed-size array.
    pub(crate) const OFFSET_L: i32 = 20;
    /// Added for an array whose length is another member.
    pub(crate) const OFFSET_P: i32 = 40;
    pub(crate) const OBJECT: i32 = 61;
    pub(crate) const ANY: i32 = 62;
    pub(crate) const OBJECT_P: i32 = 63;
    pub(crate) const OBJECT_PTR: i32 = 64;
    pub(crate) const TSTRING: i32 = 65;
    pub(crate) const TOBJECT: i32 = 66;
    pub(crate) const TNAMED: i32 = 67;
    pub(crate) const STL: i32 = 300;
    pub(crate) const STL_STRING: i32 = 365;
    /// As which containers are stored, strings included.
    pub(crate) const STREAMER: i32 = 500;
}

/// One member of a class.
#[derive(Debug, Clone, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) code: i32,
    pub(crate) array_length: i32,
    pub(crate) type_name: String,
    /// For arrays sized by a member: that member.
    pub(crate) count_name: String,
}

/// Members of one version of a class.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClassLayout {
    pub(crate) version: i32,
    pub(crate) checksum: u32,
    pub(crate) elements: Vec<Element>,
}

/// All layouts of a file, by class name without spaces.
#[derive(Debug, Clone, Default)]
pub(crate) struct Streamers {
    classes: HashMap<String, Vec<ClassLayout>>,
    /// Why the file's list could not be read to its end.
    pub(crate) fault: Option<RootError>,
}

/// ROOT writes `vector<float>` and `vector<vector<int> >`; compared without blanks.
fn squeezed(class: &str) -> String {
    class.chars().filter(|c| *c != ' ').collect()
}

impl Streamers {
    /// Reads a TList of TStreamerInfo. What cannot be read is remembered and matters only when it is needed.
    pub(crate) fn read(content: &[u8], key_length: u16) -> Self {
        let mut streamers = Self::default();
        if let Err(fault) = streamers.read_list(content, key_length) {
            streamers.fault = Some(fault);
        }
        streamers
    }

    pub(crate) fn broken(fault: RootError) -> Self {
        Self { classes: HashMap::new(), fault: Some(fault) }
    }

    fn read_list(&mut self, content: &[u8], key_length: u16) -> Result<()> {
        let mut reader = ObjectReader::new(content, key_length);
        reader.cursor.object_header()?;
        reader.cursor.skip_tobject()?;
        reader.cursor.string_bytes()?;
        // An item is at least a tag and an option.
        let count = reader.cursor.count(5)?;
        for _ in 0..count {
            if let Tagged::New { class, end, .. } = reader.tagged()? {
                if class == "TStreamerInfo" {
                    let (name, layout) = read_info(&mut reader)?;
                    self.classes.entry(squeezed(&name)).or_default().push(layout);
                }
                reader.leave(class, end)?;
            }
            reader.cursor.string_bytes()?;
        }
        Ok(())
    }

    /// The layout of a class in the version with this checksum, or else of this version.
    pub(crate) fn layout(&self, class: &str, version: i32, checksum: u32) -> Option<&ClassLayout> {
        let layouts = self.classes.get(&squeezed(class))?;
        let by_checksum = layouts.iter().find(|layout| checksum != 0 && layout.checksum == checksum);
        by_checksum.or_else(|| layouts.iter().find(|layout| layout.version == version))
    }

    /// The newest layout of a class.
    pub(crate) fn newest(&self, class: &str) -> Option<&ClassLayout> {
        self.classes.get(&squeezed(class))?.iter().max_by_key(|layout| layout.version)
    }
}

fn read_info(reader: &mut ObjectReader<'_>) -> Result<(String, ClassLayout)> {
    reader.cursor.object_header()?;
    let (name, _) = reader.cursor.named()?;
    let checksum = reader.cursor.u32()?;
    let version = reader.cursor.i32()?;
    let mut layout = ClassLayout { version, checksum, elements: Vec::new() };
    if let Tagged::New { class, end, .. } = reader.tagged()? {
        reader.cursor.object_header()?;
        reader.cursor.skip_tobject()?;
        reader.cursor.string_bytes()?;
        let count = reader.cursor.count(4)?;
        reader.cursor.skip(4)?;
        for _ in 0..count {
            if let Tagged::New { class, end, .. } = reader.tagged()? {
                layout.elements.push(read_element(reader, class)?);
                reader.leave(class, end)?;
            }
        }
        reader.leave(class, end)?;
    }
    Ok((name, layout))
}

fn read_element(reader: &mut ObjectReader<'_>, class: &str) -> Result<Element> {
    let cursor = &mut reader.cursor;
    cursor.object_header()?;
    if class == "TStreamerSTLstring" {
        // Derived from TStreamerSTL, which is derived from TStreamerElement.
        cursor.object_header()?;
    }
    let base = cursor.object_header()?;
    let (name, title) = cursor.named()?;
    let code = cursor.i32()?;
    cursor.skip(4)?;
    let array_length = cursor.i32()?;
    cursor.skip(4)?;
    if base.version == 1 {
        let dims = cursor.count(4)?;
        cursor.skip(dims * 4)?;
    } else {
        cursor.skip(20)?;
    }
    let type_name = cursor.string()?;
    if let Some(end) = base.end {
        cursor.seek(end)?;
    }
    let mut element = Element { name, title, code, array_length, type_name, count_name: String::new() };
    if matches!(class, "TStreamerBasicPointer" | "TStreamerLoop") {
        cursor.skip(4)?;
        element.count_name = cursor.string()?;
    }
    Ok(element)
}
