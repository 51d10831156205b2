//! Big-endian writing with ROOT's byte counts and strings.

/// Marks a byte count, so that a reader can tell it from a version.
const BYTE_COUNT_MASK: u32 = 0x4000_0000;
/// Stands before a class name in an object record.
const NEW_CLASS_TAG: u32 = 0xffff_ffff;

/// Bytes being put together.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    pub(super) bytes: Vec<u8>,
}

impl Buffer {
    pub(super) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(super) fn i16(&mut self, value: i16) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(super) fn f32(&mut self, value: f32) {
        self.bytes.extend(value.to_be_bytes());
    }

    pub(super) fn f64(&mut self, value: f64) {
        self.bytes.extend(value.to_be_bytes());
    }

    /// A length or position. Files are limited to 2 GB by [`super::container`], so that it always fits.
    pub(super) fn size(&mut self, value: usize) {
        self.u32(u32::try_from(value).unwrap_or(u32::MAX));
    }

    /// A `TString`: one length byte, or 255 and four of them.
    pub(super) fn string(&mut self, text: &str) {
        match u8::try_from(text.len()) {
            Ok(short) if short < 255 => self.u8(short),
            _ => {
                self.u8(255);
                self.size(text.len());
            }
        }
        self.bytes.extend(text.as_bytes());
    }

    /// A `TArrayD`.
    pub(super) fn array(&mut self, values: &[f64]) {
        self.size(values.len());
        for &value in values {
            self.f64(value);
        }
    }

    /// A versioned part: byte count, version, contents.
    pub(super) fn versioned(&mut self, version: u16, contents: impl FnOnce(&mut Self)) {
        self.counted(|b| {
            b.u16(version);
            contents(b);
        });
    }

    /// An object behind a pointer: byte count, class, contents.
    pub(super) fn object(&mut self, class: &str, contents: impl FnOnce(&mut Self)) {
        self.counted(|b| {
            b.u32(NEW_CLASS_TAG);
            b.bytes.extend(class.as_bytes());
            b.u8(0);
            contents(b);
        });
    }

    /// `TObject`: the only class without a byte count.
    pub(super) fn tobject(&mut self, unique_id: u32, bits: u32) {
        const ON_HEAP_AND_NOT_DELETED: u32 = 0x0300_0000;
        self.u16(1);
        self.u32(unique_id);
        self.u32(ON_HEAP_AND_NOT_DELETED | bits);
    }

    /// `TNamed`.
    pub(super) fn tnamed(&mut self, bits: u32, name: &str, title: &str) {
        self.versioned(1, |b| {
            b.tobject(0, bits);
            b.string(name);
            b.string(title);
        });
    }

    fn counted(&mut self, contents: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.u32(0);
        contents(self);
        let length = u32::try_from(self.bytes.len() - start - 4).unwrap_or(u32::MAX);
        self.patch(start, &(length | BYTE_COUNT_MASK).to_be_bytes());
    }

    /// Overwrites bytes written before.
    pub(super) fn patch(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
}
