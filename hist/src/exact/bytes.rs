//! Exact histograms as bytes: what partial aggregates send.
//!
//! Version 1: `"anahist"`, the version, 1 if weighted else 0, the axes; then per cell that is not empty, in order: the number
//! of empty cells passed over, its count, and if weighted both sums; then the end. Integers are LEB128. A sum is a header (its
//! number of magnitude bytes ·16 + flags ·2 + sign), the position of its lowest byte, and those bytes, lowest first. What
//! was filled decides the bytes: equal histograms have equal bytes.

use super::ExactHistogram;
use crate::axis::{self, Axis, AxisKind, Transform};
use crate::error::{HistError, Result};
use crate::exact_sum::{ExactSum, Part, WeightSums};
use crate::storage;

const MAGIC: &[u8; 7] = b"anahist";
const VERSION: u8 = 1;

/// Bytes of the largest sum: the range of f64 and of its squares is one, with 64 bits for the number of terms.
const MAX_SUM_BYTES: u64 = (2098 + 64) / 8 + 1;

impl ExactSum {
    /// What [`ExactSum::merge_bytes`] adds: a sum as in a histogram's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.part(|part| put_part(&mut out, &part));
        out
    }

    /// Adds a sum from its bytes.
    ///
    /// # Errors
    /// Bytes that [`ExactSum::to_bytes`] did not write.
    pub fn merge_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let mut input = Input { bytes, at: 0 };
        input.read_part(|part| self.add_part(part))?;
        if input.at < bytes.len() {
            return Err(input.error("bytes after the sum"));
        }
        Ok(())
    }
}

impl ExactHistogram {
    /// The state as bytes. Short where most cells are empty: those take no space.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 4 * self.cells().min(1 << 20));
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        out.push(u8::from(self.weighted));
        put(&mut out, self.axes.len() as u64);
        self.axes.iter().for_each(|axis| put_axis(&mut out, axis));
        let mut next = 0;
        let mut scratch = Vec::new();
        for (first, page) in self.used() {
            for place in 0..page.counts.len() {
                let count = page.count(place);
                let empty =
                    count == 0 && page.sums.as_ref().is_none_or(|sums| !sums.touched(place, &mut scratch));
                if empty {
                    continue;
                }
                put(&mut out, (first + place - next) as u64);
                put(&mut out, count);
                if let Some(sums) = &page.sums {
                    sums.parts(place, &mut scratch, |part| put_part(&mut out, &part));
                }
                next = first + place + 1;
            }
        }
        out
    }

    /// A histogram from the bytes of [`to_bytes`](Self::to_bytes). The memory it takes is bounded by
    /// [`MAX_CELLS`](crate::MAX_CELLS); to merge states of known axes, [`merge_bytes`](Self::merge_bytes) is safer and faster.
    ///
    /// # Errors
    /// Anything but whole bytes of a version this code knows.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut input = Input { bytes, at: 0 };
        let (axes, weighted) = input.header()?;
        let mut histogram = Self::new(axes, weighted)?;
        histogram.add_cells(&mut input)?;
        Ok(histogram)
    }

    /// Adds the histogram that `bytes` hold, without making it: memory does not grow by what the bytes say.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes) and [`merge`](Self::merge). On bytes found broken half-way, cells before
    /// that place have been added.
    pub fn merge_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let mut input = Input { bytes, at: 0 };
        let (axes, weighted) = input.header()?;
        axis::check_same(&self.axes, &axes)?;
        if weighted != self.is_weighted() {
            return Err(HistError::StorageDiffers);
        }
        self.add_cells(&mut input)
    }

    fn add_cells(&mut self, input: &mut Input<'_>) -> Result<()> {
        let mut cell = 0usize;
        while input.at < input.bytes.len() {
            let passed = input.number()?;
            cell = usize::try_from(passed)
                .ok()
                .and_then(|passed| cell.checked_add(passed))
                .filter(|&cell| cell < self.cells())
                .ok_or_else(|| input.error("a cell beyond the axes"))?;
            let count = input.number()?;
            let (page, place) = self.paging.place(cell);
            let page = self.page(page);
            page.counts[place] = page.counts[place].saturating_add(count);
            if let Some(sums) = &mut page.sums {
                input.part(sums, place, false)?;
                input.part(sums, place, true)?;
            }
            cell += 1;
        }
        Ok(())
    }
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put_axis(out: &mut Vec<u8>, axis: &Axis) {
    match &axis.name {
        None => out.push(0),
        Some(name) => {
            out.push(1);
            put_text(out, name);
        }
    }
    match &axis.kind {
        AxisKind::Regular { n, lo, hi, transform } => {
            out.push(match transform {
                Transform::None => 0,
                Transform::Log => 1,
                Transform::Sqrt => 2,
            });
            put(out, *n as u64);
            out.extend_from_slice(&lo.to_le_bytes());
            out.extend_from_slice(&hi.to_le_bytes());
        }
        AxisKind::Variable { edges } => {
            out.push(3);
            put(out, edges.len() as u64);
            edges.iter().for_each(|e| out.extend_from_slice(&e.to_le_bytes()));
        }
        AxisKind::Integer { lo, hi } => {
            out.push(4);
            out.extend_from_slice(&lo.to_le_bytes());
            out.extend_from_slice(&hi.to_le_bytes());
        }
        AxisKind::Category { labels } => {
            out.push(5);
            put(out, labels.len() as u64);
            labels.iter().for_each(|label| put_text(out, label));
        }
        AxisKind::Boolean => out.push(6),
    }
}

fn put_part(out: &mut Vec<u8>, part: &Part<'_>) {
    let bytes = part.magnitude.iter().flat_map(|limb| limb.to_le_bytes());
    let zeros = bytes.clone().take_while(|&b| b == 0).count();
    let end = 8 * part.magnitude.iter().rposition(|&l| l != 0).map_or(0, |top| top + 1);
    let above =
        end - bytes.clone().take(end).collect::<Vec<_>>().iter().rev().take_while(|b| **b == 0).count();
    let length = above.saturating_sub(zeros);
    let sign = u64::from(part.negative && length > 0);
    put(out, length as u64 * 16 + u64::from(part.special) * 2 + sign);
    if length > 0 {
        put(out, (part.position / 8 + zeros) as u64);
        out.extend(bytes.skip(zeros).take(length));
    }
}

/// Bytes being read.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn error(&self, reason: &'static str) -> HistError {
        HistError::Bytes { reason, offset: self.at }
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(n).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or_else(|| self.error("the bytes end too early"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn eight(&mut self) -> Result<[u8; 8]> {
        let mut eight = [0; 8];
        eight.copy_from_slice(self.take(8)?);
        Ok(eight)
    }

    fn number(&mut self) -> Result<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            number |= part << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.error("a number beyond 64 bits"))
    }

    /// A number of things that take at least `least` bytes each, so that there cannot be more than fit.
    fn length(&mut self, least: usize) -> Result<usize> {
        let length = self.number()?;
        let left = self.bytes.len() - self.at;
        usize::try_from(length)
            .ok()
            .filter(|n| n.checked_mul(least).is_some_and(|bytes| bytes <= left))
            .ok_or_else(|| self.error("a length beyond the bytes"))
    }

    fn text(&mut self) -> Result<String> {
        let length = self.length(1)?;
        let bytes = self.take(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| self.error("a name that is not UTF-8"))
    }

    fn header(&mut self) -> Result<(Vec<Axis>, bool)> {
        if self.take(MAGIC.len())? != MAGIC {
            return Err(self.error("the first bytes are not those of a histogram"));
        }
        if self.byte()? != VERSION {
            return Err(self.error("a version this program does not know"));
        }
        let weighted = match self.byte()? {
            0 => false,
            1 => true,
            _ => return Err(self.error("an unknown storage")),
        };
        let dimensions = self.length(2)?;
        let axes = (0..dimensions).map(|_| self.axis()).collect::<Result<Vec<_>>>()?;
        storage::cell_count(&axes)?;
        Ok((axes, weighted))
    }

    fn axis(&mut self) -> Result<Axis> {
        let name = match self.byte()? {
            0 => None,
            1 => Some(self.text()?),
            _ => return Err(self.error("an unknown mark")),
        };
        let kind = match self.byte()? {
            tag @ 0..=2 => {
                let transform = match tag {
                    0 => Transform::None,
                    1 => Transform::Log,
                    _ => Transform::Sqrt,
                };
                let n = self.number()?;
                let n = usize::try_from(n).map_err(|_| self.error("a length beyond memory"))?;
                let lo = f64::from_le_bytes(self.eight()?);
                AxisKind::Regular { n, lo, hi: f64::from_le_bytes(self.eight()?), transform }
            }
            3 => {
                let n = self.length(8)?;
                let edges = (0..n).map(|_| Ok(f64::from_le_bytes(self.eight()?))).collect::<Result<_>>()?;
                AxisKind::Variable { edges }
            }
            4 => {
                let lo = i64::from_le_bytes(self.eight()?);
                AxisKind::Integer { lo, hi: i64::from_le_bytes(self.eight()?) }
            }
            5 => {
                let n = self.length(1)?;
                AxisKind::Category { labels: (0..n).map(|_| self.text()).collect::<Result<_>>()? }
            }
            6 => AxisKind::Boolean,
            _ => return Err(self.error("an unknown kind of axis")),
        };
        Ok(Axis { name, kind })
    }

    /// Reads one sum and adds it.
    fn part(&mut self, sums: &mut WeightSums, cell: usize, square: bool) -> Result<()> {
        self.read_part(|part| sums.add_part(cell, square, part))
    }

    fn read_part(&mut self, add: impl FnOnce(&Part<'_>)) -> Result<()> {
        let header = self.number()?;
        let length = header / 16;
        let special = u8::try_from(header / 2 % 8).unwrap_or(0);
        let mut limbs = Vec::new();
        let mut position = 0;
        if length > 0 {
            let at = self.number()?;
            if at.saturating_add(length) > MAX_SUM_BYTES {
                return Err(self.error("a sum beyond the range of f64"));
            }
            let at = usize::try_from(at).unwrap_or(0);
            let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
            position = at / 8 * 64;
            limbs = vec![0u64; (at % 8 + bytes.len()).div_ceil(8)];
            for (k, &byte) in bytes.iter().enumerate() {
                let k = at % 8 + k;
                limbs[k / 8] |= u64::from(byte) << (8 * (k % 8));
            }
        }
        add(&Part { special, negative: header & 1 == 1, position, magnitude: &limbs });
        Ok(())
    }
}
