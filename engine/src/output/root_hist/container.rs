//! The file around the objects: header, directories, keys, key lists, free list.
//!
//! Layout: header (100 bytes), the root directory's record, then directory by directory its objects, its
//! subdirectories and its key list; at the end the streamer information and the list of free segments.

use std::collections::BTreeMap;

use super::buffer::Buffer;
use super::streamers;

/// Where the first record begins.
const BEGIN: usize = 100;
/// The format is the one of ROOT 6.24; nothing in it has changed since.
const ROOT_VERSION: i32 = 62_400;
/// 1995-01-01 00:00:00, the first moment a ROOT date can name: the bytes must not depend on the clock.
const DATE: u32 = (1 << 22) | (1 << 17);
/// A directory's record: version, two dates, two lengths, three positions, UUID, and the room ROOT keeps for longer positions.
const DIRECTORY_RECORD: usize = 60;
/// Positions are 32-bit in this layout.
const LIMIT: usize = 2_000_000_000;

/// A file being put together.
#[derive(Debug)]
pub(super) struct Container {
    file_name: String,
    root: Directory,
}

#[derive(Debug, Default)]
struct Directory {
    objects: BTreeMap<String, Object>,
    directories: BTreeMap<String, Directory>,
    /// Names in the order they came.
    order: Vec<String>,
}

#[derive(Debug)]
struct Object {
    class: &'static str,
    bytes: Vec<u8>,
}

impl Container {
    pub(super) fn new(file_name: &str) -> Self {
        Self { file_name: file_name.to_owned(), root: Directory::default() }
    }

    /// Adds an object; `serialize` puts its bytes into a buffer. On a clash of names the reason is returned.
    pub(super) fn add(
        &mut self,
        directories: &[&str],
        name: &str,
        class: &'static str,
        serialize: impl FnOnce(&mut Buffer),
    ) -> Result<(), &'static str> {
        const CLASH: &str = "a histogram and a directory would have one name";
        let mut directory = &mut self.root;
        for &level in directories {
            if directory.objects.contains_key(level) {
                return Err(CLASH);
            }
            if !directory.directories.contains_key(level) {
                directory.order.push(level.to_owned());
            }
            directory = directory.directories.entry(level.to_owned()).or_default();
        }
        if directory.directories.contains_key(name) {
            return Err(CLASH);
        }
        let mut buffer = Buffer::default();
        serialize(&mut buffer);
        let object = Object { class, bytes: buffer.bytes };
        if directory.objects.insert(name.to_owned(), object).is_some() {
            return Err("two histograms would have one name");
        }
        directory.order.push(name.to_owned());
        Ok(())
    }

    /// The whole file; `None` when it would be longer than 32-bit positions reach.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        let uuid = self.root.uuid();
        let mut out = Buffer { bytes: vec![0; BEGIN] };

        let mut titled = Buffer::default();
        titled.string(&self.file_name);
        titled.string("");
        let root_key =
            Key::new("TFile", &self.file_name, "", titled.bytes.len() + DIRECTORY_RECORD, BEGIN, 0)?;
        root_key.write(&mut out);
        out.bytes.extend(&titled.bytes);
        let place = Place { position: BEGIN, parent: 0, name_bytes: root_key.length() + titled.bytes.len() };
        self.root.write(&mut out, &place, &uuid, "TFile", &self.file_name)?;

        let info_at = out.bytes.len();
        let info = streamers::list();
        let info_key = Key::new("TList", "StreamerInfo", "Doubly linked list", info.len(), info_at, BEGIN)?;
        info_key.write(&mut out);
        out.bytes.extend(info);

        let free_at = out.bytes.len();
        let free_key = Key::new("TFile", &self.file_name, "", 10, free_at, BEGIN)?;
        free_key.write(&mut out);
        let end = out.bytes.len() + 10;
        out.u16(1);
        out.size(end);
        out.i32(2_000_000_000);
        if end > LIMIT {
            return None;
        }

        let mut header = Buffer { bytes: b"root".to_vec() };
        header.i32(ROOT_VERSION);
        header.size(BEGIN);
        header.size(end);
        header.size(free_at);
        header.size(end - free_at);
        header.i32(1); // free segments
        header.size(place.name_bytes);
        header.u8(4); // bytes of a position
        header.i32(0); // compression
        header.size(info_at);
        header.size(free_at - info_at);
        header.u16(1);
        header.bytes.extend(uuid);
        out.patch(0, &header.bytes);
        Some(out.bytes)
    }
}

/// Where a directory's record is.
struct Place {
    position: usize,
    parent: usize,
    /// From the beginning of the key to the record.
    name_bytes: usize,
}

impl Directory {
    /// Writes record, contents and key list of a directory whose key has just been written.
    fn write(&self, out: &mut Buffer, place: &Place, uuid: &[u8; 16], class: &str, name: &str) -> Option<()> {
        let record_at = out.bytes.len();
        out.bytes.resize(record_at + DIRECTORY_RECORD, 0);
        let mut keys = Vec::new();
        for child in &self.order {
            let position = out.bytes.len();
            if let Some(object) = self.objects.get(child) {
                let key = Key::new(object.class, child, "", object.bytes.len(), position, place.position)?;
                key.write(out);
                out.bytes.extend(&object.bytes);
                keys.push(key);
            } else if let Some(directory) = self.directories.get(child) {
                let key = Key::new("TDirectory", child, child, DIRECTORY_RECORD, position, place.position)?;
                key.write(out);
                let inner = Place { position, parent: place.position, name_bytes: key.length() };
                directory.write(out, &inner, uuid, "TDirectory", child)?;
                keys.push(key);
            }
        }

        let list_at = out.bytes.len();
        let list_bytes = 4 + keys.iter().map(Key::length).sum::<usize>();
        let title = if class == "TFile" { "" } else { name };
        Key::new(class, name, title, list_bytes, list_at, place.position)?.write(out);
        out.size(keys.len());
        for key in &keys {
            key.write(out);
        }

        let mut record = Buffer::default();
        record.u16(5);
        record.u32(DATE);
        record.u32(DATE);
        record.size(out.bytes.len() - list_at);
        record.size(place.name_bytes);
        record.size(place.position);
        record.size(place.parent);
        record.size(list_at);
        record.u16(1);
        record.bytes.extend(uuid);
        out.patch(record_at, &record.bytes);
        Some(())
    }

    /// FNV-1a over names and contents, 128 bits, marked as a UUID of version 8 (made by a rule of its own).
    fn uuid(&self) -> [u8; 16] {
        let mut state = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
        self.digest(&mut state);
        let mut bytes = state.to_be_bytes();
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        bytes
    }

    fn digest(&self, state: &mut u128) {
        for (name, object) in &self.objects {
            mix(state, name.as_bytes());
            mix(state, &object.bytes);
        }
        for (name, directory) in &self.directories {
            mix(state, name.as_bytes());
            mix(state, b"/");
            directory.digest(state);
        }
    }
}

fn mix(state: &mut u128, bytes: &[u8]) {
    for &byte in bytes {
        *state = (*state ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
    }
}

/// The header that stands before every object and in its directory's key list.
#[derive(Debug)]
struct Key {
    class: String,
    name: String,
    title: String,
    object_bytes: usize,
    position: usize,
    directory: usize,
}

impl Key {
    /// `None` when a position or a length passes what 32 (or, for the header itself, 16) bits hold.
    fn new(
        class: &str,
        name: &str,
        title: &str,
        object_bytes: usize,
        position: usize,
        directory: usize,
    ) -> Option<Self> {
        let (class, name, title) = (class.to_owned(), name.to_owned(), title.to_owned());
        let key = Self { class, name, title, object_bytes, position, directory };
        let fits = i16::try_from(key.length()).is_ok() && position + key.length() + object_bytes < LIMIT;
        fits.then_some(key)
    }

    fn length(&self) -> usize {
        let string = |text: &str| text.len() + if text.len() < 255 { 1 } else { 5 };
        26 + string(&self.class) + string(&self.name) + string(&self.title)
    }

    fn write(&self, out: &mut Buffer) {
        let length = self.length();
        out.size(length + self.object_bytes);
        out.u16(4); // version of the key
        out.size(self.object_bytes);
        out.u32(DATE);
        out.u16(u16::try_from(length).unwrap_or(u16::MAX));
        out.u16(1); // cycle
        out.size(self.position);
        out.size(self.directory);
        out.string(&self.class);
        out.string(&self.name);
        out.string(&self.title);
    }
}
