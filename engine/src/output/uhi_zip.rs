//! The UHI serialisation as a ZIP archive: `<name>.json` for each histogram, its arrays beside it as
//! `<name>_storage_values.npy`, `<name>_axis_0_edges.npy`, …, the layout of Python's `uhi.io.zip`.
//!
//! One histogram can be read without the others, arrays need no parsing, and NaN and infinity have a place.

use std::io::{Cursor, Write};
use std::path::Path;

use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::uhi::{self, Numbers, Place};
use super::{Format, NamedHistogram, OutputError, Result};

/// The archive. Its bytes depend on the histograms alone: members carry no time.
///
/// # Errors
/// When a name cannot be a member's name or a count does not fit.
pub fn bytes(histograms: &[NamedHistogram], path: &Path) -> Result<Vec<u8>> {
    let zip_error = |source| OutputError::Zip { path: path.to_owned(), source };
    let io = |source| OutputError::Io { path: path.to_owned(), action: "write", source };
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |member: &str, bytes: &[u8]| {
        let options = SimpleFileOptions::default().large_file(bytes.len() >= 1 << 31);
        archive.start_file(member, options).map_err(zip_error)?;
        archive.write_all(bytes).map_err(io)
    };
    for h in histograms {
        check_name(&h.name)?;
        let mut place = |place: Place, shape: &[usize], numbers: Numbers<'_>| {
            let member = match place {
                Place::Storage(key) => format!("{}_storage_{key}.npy", h.name),
                Place::Edges(axis) => format!("{}_axis_{axis}_edges.npy", h.name),
            };
            add(&member, &npy(&h.name, shape, numbers)?)?;
            Ok(Value::String(member))
        };
        let json = uhi::histogram(h, &mut place)?;
        add(&format!("{}.json", h.name), json.to_string().as_bytes())?;
    }
    Ok(archive.finish().map_err(zip_error)?.into_inner())
}

/// An archive must not write outside of the folder it is unpacked in.
fn check_name(name: &str) -> Result<()> {
    let reason = if name.split(['/', '\\']).any(|level| level == "..") || name.starts_with('/') {
        "a member of an archive must not lead out of it"
    } else if name.contains('\0') {
        "the name holds a NUL character"
    } else {
        return Ok(());
    };
    Err(OutputError::Name { name: name.to_owned(), format: Format::UhiZip, reason })
}

/// NumPy's array file, version 1.0, C order, little endian.
fn npy(name: &str, shape: &[usize], numbers: Numbers<'_>) -> Result<Vec<u8>> {
    let kind = match numbers {
        Numbers::Counts(_) => "<i8",
        Numbers::Floats(_) => "<f8",
    };
    let sizes: String = shape.iter().map(|n| format!("{n},")).collect();
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({sizes}), }}");
    // Magic, version and length are 10 bytes; the data begins at a multiple of 64, after a newline.
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(header.into_bytes());
    match numbers {
        Numbers::Floats(floats) => floats.iter().for_each(|v| bytes.extend(v.to_le_bytes())),
        Numbers::Counts(counts) => {
            for &count in counts {
                let signed = i64::try_from(count).map_err(|_| OutputError::CountTooLarge {
                    name: name.to_owned(),
                    format: Format::UhiZip,
                    count,
                })?;
                bytes.extend(signed.to_le_bytes());
            }
        }
    }
    Ok(bytes)
}
