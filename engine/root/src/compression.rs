//! The compressed blocks of ROOT records: a nine-byte header each, at most 16 MiB of content each.

use std::fmt;

use crate::error::{Place, Result, RootError};
use crate::lz4;

const HEADER: usize = 9;
/// A dictionary of 64 MiB (`xz -9`) still fits; what asks for more is refused.
const LZMA_MEMORY: u64 = 66 << 20;
/// Blocks hold at most 16 MiB, so no honest window is larger.
const ZSTD_WINDOW_LOG: u32 = 24;

/// Codec of a compressed block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Codec {
    /// `ZL`: zlib.
    Zlib,
    /// `XZ`: LZMA.
    Lzma,
    /// `L4`: LZ4 with an XXH64 checksum.
    Lz4,
    /// `ZS`: Zstandard.
    Zstd,
    /// `CS`: bare deflate, written by ROOT before 2009.
    OldDeflate,
}

impl Codec {
    fn of(magic: &[u8]) -> Option<Self> {
        match magic {
            b"ZL" => Some(Self::Zlib),
            b"XZ" => Some(Self::Lzma),
            b"L4" => Some(Self::Lz4),
            b"ZS" => Some(Self::Zstd),
            b"CS" => Some(Self::OldDeflate),
            _ => None,
        }
    }

    /// Name as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zlib => "zlib",
            Self::Lzma => "lzma",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::OldDeflate => "deflate",
        }
    }

    fn fault(self, found: impl fmt::Display) -> RootError {
        RootError::Compression {
            place: Box::<Place>::default(),
            codec: self.name(),
            found: found.to_string(),
        }
    }

    /// Codec of the first block of a record's payload, if it is a compressed one.
    pub fn of_payload(payload: &[u8]) -> Option<Self> {
        Self::of(payload.get(..2)?)
    }
}

/// Decompression contexts, made when first wanted and used for every basket.
#[derive(Default)]
pub struct Decompressor {
    deflate: Option<libdeflater::Decompressor>,
    zstd: Option<zstd_safe::DCtx<'static>>,
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decompressor")
    }
}

/// A buffer that is written over again and again: it is zeroed only where it grows.
#[derive(Debug, Default)]
pub struct Scratch {
    bytes: Vec<u8>,
    filled: usize,
}

impl Scratch {
    /// What was decompressed last.
    pub fn filled(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// The next `count` bytes to write.
    fn space(&mut self, count: usize) -> &mut [u8] {
        let end = self.filled.saturating_add(count);
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes.get_mut(self.filled..end).unwrap_or_default()
    }

    pub(crate) fn into_vec(mut self) -> Vec<u8> {
        self.bytes.truncate(self.filled);
        self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.filled = self.bytes.len().min(self.filled + count);
    }

    /// Gives the memory back when much more of it is held than `limit`.
    pub(crate) fn trim(&mut self, limit: usize) {
        if self.bytes.len() > limit && self.filled <= limit {
            self.bytes.truncate(limit);
            self.bytes.shrink_to_fit();
        }
    }
}

struct Block<'a> {
    codec: Codec,
    content: &'a [u8],
    size: usize,
}

impl Decompressor {
    /// No contexts yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn deflate(&mut self) -> &mut libdeflater::Decompressor {
        self.deflate.get_or_insert_with(libdeflater::Decompressor::new)
    }

    fn zstd(&mut self) -> &mut zstd_safe::DCtx<'static> {
        self.zstd.get_or_insert_with(|| {
            let mut context = zstd_safe::DCtx::create();
            // Cannot fail for a constant within zstd's bounds; if it did, zstd's own limit (128 MiB) would hold.
            let _ = context.set_parameter(zstd_safe::DParameter::WindowLogMax(ZSTD_WINDOW_LOG));
            context
        })
    }

    /// Decompresses a record's payload, which the record's header says has `size` bytes, into `out` (cleared first).
    ///
    /// Of the content at least the first `wanted` bytes are produced. Stopping early is done only where no
    /// checksum would go unchecked by it. A payload as long as its content is stored uncompressed.
    pub fn decompress(
        &mut self,
        payload: &[u8],
        size: usize,
        wanted: usize,
        out: &mut Scratch,
    ) -> Result<()> {
        out.filled = 0;
        let wanted = wanted.min(size);
        if payload.len() == size {
            let stored = payload.get(..wanted).unwrap_or_default();
            out.space(wanted).copy_from_slice(stored);
            out.advance(wanted);
            return Ok(());
        }
        let mut rest = payload;
        while out.filled < wanted {
            let (block, after) = next_block(rest)?;
            let left = size.saturating_sub(out.filled);
            if block.size > left {
                return Err(RootError::malformed(format!("at most {left} bytes in the block"), block.size));
            }
            // Grown block by block, each after the one before it has proved to be real.
            let produce = block.size.min(wanted - out.filled);
            let done = self.block(&block, produce, out)?;
            if done < produce {
                return Err(block.codec.fault(format!("{done} bytes instead of {}", block.size)));
            }
            out.advance(done);
            rest = after;
        }
        if wanted == size && !rest.is_empty() {
            return Err(RootError::malformed(
                "the record to end with its last block",
                format!("{} bytes more", rest.len()),
            ));
        }
        Ok(())
    }

    /// As [`decompress`](Self::decompress), but hands the first `wanted` bytes out in order, each piece but the last of a
    /// multiple of 8 bytes, while they are in the cache.
    pub(crate) fn decompress_pieces(
        &mut self,
        payload: &[u8],
        size: usize,
        wanted: usize,
        scratch: &mut Scratch,
        emit: &mut dyn FnMut(&[u8]),
    ) -> Result<()> {
        if payload.len() == size {
            emit(payload.get(..wanted).unwrap_or_default());
            return Ok(());
        }
        if let (block, []) = next_block(payload)?
            && block.codec == Codec::Lz4
            && block.size == size
            && wanted <= size
        {
            let data = lz4_content(&block)?;
            scratch.filled = 0;
            return lz4::decode_pieces(data, size, wanted, &mut scratch.bytes, emit)
                .map_err(|fault| Codec::Lz4.fault(fault));
        }
        self.decompress(payload, size, wanted, scratch)?;
        emit(scratch.filled().get(..wanted).unwrap_or_default());
        Ok(())
    }

    fn block(&mut self, block: &Block<'_>, produce: usize, out: &mut Scratch) -> Result<usize> {
        let codec = block.codec;
        match codec {
            Codec::Zlib => {
                let done = self.deflate().zlib_decompress(block.content, out.space(block.size));
                done.map_err(|error| codec.fault(error))
            }
            Codec::OldDeflate => {
                let done = self.deflate().deflate_decompress(block.content, out.space(block.size));
                done.map_err(|error| codec.fault(error))
            }
            Codec::Lz4 => {
                let data = lz4_content(block)?;
                lz4::decode_prefix(data, out.space(block.size), produce).map_err(|fault| codec.fault(fault))
            }
            Codec::Zstd => {
                let target = out.space(produce);
                let done = if produce == block.size {
                    self.zstd().decompress(target, block.content)
                } else {
                    Self::zstd_prefix(self.zstd(), block.content, target)
                };
                done.map_err(|code| codec.fault(zstd_safe::get_error_name(code)))
            }
            Codec::Lzma => lzma(block.content, out.space(block.size)).map_err(|error| codec.fault(error)),
        }
    }

    /// Streams until `target` is full and leaves the rest of the frame alone.
    fn zstd_prefix(
        context: &mut zstd_safe::DCtx<'_>,
        content: &[u8],
        target: &mut [u8],
    ) -> std::result::Result<usize, usize> {
        context.reset(zstd_safe::ResetDirective::SessionOnly)?;
        let wanted = target.len();
        let mut output = zstd_safe::OutBuffer::around(target);
        let mut input = zstd_safe::InBuffer::around(content);
        while output.pos() < wanted {
            let before = (output.pos(), input.pos());
            context.decompress_stream(&mut output, &mut input)?;
            if (output.pos(), input.pos()) == before {
                break;
            }
        }
        let done = output.pos();
        context.reset(zstd_safe::ResetDirective::SessionOnly)?;
        Ok(done)
    }
}

/// The compressed bytes behind their checksum, which must be right.
fn lz4_content<'a>(block: &Block<'a>) -> Result<&'a [u8]> {
    let short = || RootError::truncated(8, block.content.len());
    let (sum, data) = block.content.split_first_chunk::<8>().ok_or_else(short)?;
    let (expected, found) = (u64::from_be_bytes(*sum), xxhash_rust::xxh64::xxh64(data, 0));
    if expected != found {
        return Err(Codec::Lz4.fault(format!("checksum {found:016x} instead of {expected:016x}")));
    }
    Ok(data)
}

fn next_block(bytes: &[u8]) -> Result<(Block<'_>, &[u8])> {
    let short = || RootError::truncated(HEADER, bytes.len());
    let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or_else(short)?;
    let [a, b, _method, c0, c1, c2, u0, u1, u2] = *header;
    let codec = Codec::of(&[a, b]).ok_or_else(|| {
        RootError::malformed(
            "a compressed block (ZL, XZ, L4, ZS or CS)",
            format!("{:?}", [a, b].escape_ascii().to_string()),
        )
    })?;
    let compressed = u32::from_le_bytes([c0, c1, c2, 0]) as usize;
    let size = u32::from_le_bytes([u0, u1, u2, 0]) as usize;
    if size == 0 {
        return Err(RootError::malformed("a block with content", "an empty one"));
    }
    let (content, rest) =
        rest.split_at_checked(compressed).ok_or_else(|| RootError::truncated(compressed, rest.len()))?;
    Ok((Block { codec, content, size }, rest))
}

fn lzma(content: &[u8], target: &mut [u8]) -> std::result::Result<usize, liblzma::stream::Error> {
    use liblzma::stream::{Action, Status, Stream};
    let mut stream = Stream::new_stream_decoder(LZMA_MEMORY, 0)?;
    loop {
        let (read, written) = (stream.total_in(), stream.total_out());
        let input = usize::try_from(read).ok().and_then(|read| content.get(read..)).unwrap_or_default();
        let output =
            usize::try_from(written).ok().and_then(|written| target.get_mut(written..)).unwrap_or_default();
        let status = stream.process(input, output, Action::Finish)?;
        let stuck = (stream.total_in(), stream.total_out()) == (read, written);
        if matches!(status, Status::StreamEnd) {
            return Ok(usize::try_from(stream.total_out()).unwrap_or(usize::MAX));
        }
        if stuck {
            return Err(liblzma::stream::Error::Data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn block(magic: &[u8; 2], content: &[u8], size: usize) -> Vec<u8> {
        let mut block = magic.to_vec();
        block.push(8);
        block.extend_from_slice(&u32::try_from(content.len()).unwrap().to_le_bytes()[..3]);
        block.extend_from_slice(&u32::try_from(size).unwrap().to_le_bytes()[..3]);
        block.extend_from_slice(content);
        block
    }

    fn compressed(codec: Codec, data: &[u8]) -> Vec<u8> {
        let level = libdeflater::CompressionLvl::new(6).unwrap();
        match codec {
            Codec::Zlib => {
                let mut compressor = libdeflater::Compressor::new(level);
                let mut out = vec![0; compressor.zlib_compress_bound(data.len())];
                let length = compressor.zlib_compress(data, &mut out).unwrap();
                block(b"ZL", &out[..length], data.len())
            }
            Codec::OldDeflate => {
                let mut compressor = libdeflater::Compressor::new(level);
                let mut out = vec![0; compressor.deflate_compress_bound(data.len())];
                let length = compressor.deflate_compress(data, &mut out).unwrap();
                block(b"CS", &out[..length], data.len())
            }
            Codec::Lz4 => {
                let packed = lz4_flex::block::compress(data);
                let mut content = xxhash_rust::xxh64::xxh64(&packed, 0).to_be_bytes().to_vec();
                content.extend(packed);
                block(b"L4", &content, data.len())
            }
            Codec::Zstd => {
                let mut out = vec![0; zstd_safe::compress_bound(data.len())];
                let length = zstd_safe::compress(&mut out[..], data, 5).unwrap();
                block(b"ZS", &out[..length], data.len())
            }
            Codec::Lzma => {
                use liblzma::stream::{Action, Check, Stream};
                let mut stream = Stream::new_easy_encoder(6, Check::Crc32).unwrap();
                let mut out = Vec::with_capacity(data.len() + 1000);
                stream.process_vec(data, &mut out, Action::Finish).unwrap();
                block(b"XZ", &out, data.len())
            }
        }
    }

    fn numbers(count: u32) -> Vec<u8> {
        (0..count).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> (i % 23)).to_be_bytes()).collect()
    }

    #[rstest]
    fn every_codec_and_every_prefix(
        #[values(Codec::Zlib, Codec::OldDeflate, Codec::Lz4, Codec::Zstd, Codec::Lzma)] codec: Codec,
    ) {
        let data = numbers(50_000);
        // Two blocks, as for content of more than 16 MiB.
        let mut payload = compressed(codec, &data[..120_000]);
        payload.extend(compressed(codec, &data[120_000..]));
        let (mut decompressor, mut scratch) = (Decompressor::new(), Scratch::default());
        for wanted in [data.len(), 0, 1, 119_999, 120_000, 120_001, 65_536, data.len() - 1, data.len()] {
            decompressor.decompress(&payload, data.len(), wanted, &mut scratch).unwrap();
            assert_eq!(&scratch.filled()[..wanted], &data[..wanted], "{wanted} bytes");
        }
        // The record's header and the blocks must agree about the size.
        assert!(decompressor.decompress(&payload, data.len() + 1, data.len() + 1, &mut scratch).is_err());
        assert!(decompressor.decompress(&payload, data.len() - 1, data.len() - 1, &mut scratch).is_err());
        payload.push(0);
        assert!(decompressor.decompress(&payload, data.len(), data.len(), &mut scratch).is_err());
    }

    #[rstest]
    fn a_flipped_bit_is_noticed_where_there_is_a_checksum(
        #[values(Codec::Zlib, Codec::Lz4, Codec::Lzma)] codec: Codec,
    ) {
        let data = numbers(3000);
        let payload = compressed(codec, &data);
        let (mut decompressor, mut scratch) = (Decompressor::new(), Scratch::default());
        for at in (HEADER..payload.len()).step_by(7) {
            let mut broken = payload.clone();
            broken[at] ^= 1 << (at % 8);
            // Less than all is wanted: the checksum still counts.
            let done = decompressor.decompress(&broken, data.len(), data.len() / 2, &mut scratch);
            assert!(done.is_err() || scratch.filled().starts_with(&data[..data.len() / 2]), "byte {at}");
        }
    }

    #[test]
    fn stored_as_it_is() {
        let (mut decompressor, mut scratch) = (Decompressor::new(), Scratch::default());
        decompressor.decompress(b"12345678", 8, 5, &mut scratch).unwrap();
        assert_eq!(scratch.filled(), b"12345");
    }
}
