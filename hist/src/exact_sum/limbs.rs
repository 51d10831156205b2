//! Rows of two's-complement fixed-point numbers, all of one range.
//!
//! Bit 0 is 2⁻¹⁰⁷⁴, the smallest f64. A row is `width` limbs of 64 bits from limb `first` on. The topmost limb is
//! headroom: it is grown before sums could reach its upper half.

/// One row per cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limbs {
    rows: usize,
    first: usize,
    width: usize,
    data: Vec<u64>,
}

impl Limbs {
    pub(crate) fn new(rows: usize) -> Self {
        Self { rows, ..Self::default() }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.data.capacity() * size_of::<u64>()
    }

    /// Adds rows of value 0.
    pub(crate) fn resize(&mut self, rows: usize) {
        self.rows = rows;
        self.data.resize(rows * self.width, 0);
    }

    /// Position of the lowest bit, and the limbs, of a row. No limbs: zero.
    pub(crate) fn row(&self, row: usize) -> (usize, &[u64]) {
        (self.first * 64, &self.data[row * self.width..(row + 1) * self.width])
    }

    /// Makes the rows cover limbs `first .. end`.
    fn reserve(&mut self, first: usize, end: usize) {
        let (old_first, old_width) = (self.first, self.width);
        if old_width > 0 && first >= old_first && end <= old_first + old_width {
            return;
        }
        let (first, end) = if old_width == 0 {
            (first, end)
        } else {
            (first.min(old_first), end.max(old_first + old_width))
        };
        let width = end - first;
        let mut data = vec![0u64; self.rows * width];
        if old_width > 0 {
            let below = old_first - first;
            for (new, old) in data.chunks_exact_mut(width).zip(self.data.chunks_exact(old_width)) {
                new[below..below + old_width].copy_from_slice(old);
                new[below + old_width..].fill(sign_extension(old));
            }
        }
        (self.first, self.width, self.data) = (first, width, data);
    }

    /// Adds v·2^(position − 1074) to a row.
    pub(crate) fn add(&mut self, row: usize, v: i128, position: usize) {
        if v == 0 {
            return;
        }
        let bits = 128 - v.unsigned_abs().leading_zeros() as usize;
        let limb = position / 64;
        // One limb above the topmost bit: room for 2⁶³ such terms, more than can be counted.
        self.reserve(limb, (position + bits) / 64 + 2);
        let shift = u32::try_from(position % 64).unwrap_or(0);
        let (low, high) = (low_limb(v), low_limb(v >> 64));
        let extension = low_limb(v >> 127);
        let spill = |limb: u64| if shift == 0 { 0 } else { limb >> (64 - shift) };
        let parts = [low << shift, (high << shift) | spill(low), (extension << shift) | spill(high)];
        let start = row * self.width + (limb - self.first);
        add_limbs(&mut self.data[start..(row + 1) * self.width], &parts, extension);
    }

    /// Adds all rows of another of the same number of rows.
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.width == 0 {
            return;
        }
        self.reserve(other.first, other.first + other.width);
        for row in 0..self.rows {
            let (_, limbs) = other.row(row);
            let start = row * self.width + (other.first - self.first);
            add_limbs(&mut self.data[start..(row + 1) * self.width], limbs, sign_extension(limbs));
        }
        self.keep_headroom();
    }

    /// Adds limbs from `limb` on, in two's complement, to a row.
    pub(crate) fn add_row(&mut self, row: usize, limb: usize, limbs: &[u64]) {
        self.reserve(limb, limb + limbs.len() + 1);
        let start = row * self.width + (limb - self.first);
        let end = (row + 1) * self.width;
        add_limbs(&mut self.data[start..end], limbs, sign_extension(limbs));
        if is_filling(&self.data[end - 1]) {
            self.reserve(self.first, self.first + self.width + 1);
        }
    }

    /// Grows by a limb when some top limb is filling.
    fn keep_headroom(&mut self) {
        let mut tops = self.data.iter().skip(self.width.saturating_sub(1)).step_by(self.width.max(1));
        if tops.any(is_filling) {
            self.reserve(self.first, self.first + self.width + 1);
        }
    }
}

/// Whether a top limb holds more than a quarter of what it can.
fn is_filling(top: &u64) -> bool {
    top.cast_signed().unsigned_abs() > 1 << 61
}

/// The lowest 64 bits.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the low bits are what is wanted")]
fn low_limb(v: i128) -> u64 {
    v as u64
}

/// What the limbs above a two's-complement number are.
fn sign_extension(limbs: &[u64]) -> u64 {
    if limbs.last().is_some_and(|top| top >> 63 == 1) { u64::MAX } else { 0 }
}

/// target += parts, sign-extended to the target's length; modulo its range.
#[inline]
fn add_limbs(target: &mut [u64], parts: &[u64], extension: u64) {
    let mut carry = false;
    for (k, limb) in target.iter_mut().enumerate() {
        let part = parts.get(k).copied().unwrap_or(extension);
        if k >= parts.len() && part == if carry { u64::MAX } else { 0 } {
            break;
        }
        let (sum, over) = limb.overflowing_add(part);
        let (sum, again) = sum.overflowing_add(u64::from(carry));
        *limb = sum;
        carry = over | again;
    }
}

/// Magnitude and sign of a two's-complement number, in place.
pub(crate) fn take_sign(limbs: &mut [u64]) -> bool {
    let negative = sign_extension(limbs) != 0;
    if negative {
        let mut carry = true;
        for limb in limbs {
            let (sum, over) = (!*limb).overflowing_add(u64::from(carry));
            *limb = sum;
            carry = over;
        }
    }
    negative
}

/// The f64 nearest to v·2^(position − 1074); ties to even, beyond the largest f64: ±∞.
pub(crate) fn round_fixed(v: i128, position: usize) -> f64 {
    if v == 0 {
        return 0.0;
    }
    // The conversion rounds as it should; what is left is to add to the exponent, if that stays one of a normal number.
    #[allow(clippy::cast_precision_loss, reason = "rounding is what it is for")]
    let bits = (v as f64).to_bits();
    let exponent = usize::try_from(bits >> 52 & 0x7ff).unwrap_or(0) + position;
    if (1075..=1074 + 2046).contains(&exponent) {
        return f64::from_bits(bits & !(0x7ff << 52) | ((exponent - 1074) as u64) << 52);
    }
    let magnitude = v.unsigned_abs();
    let limbs = [low_limb(magnitude.cast_signed()), low_limb((magnitude >> 64).cast_signed()), 0];
    let mut shifted = [0; 3];
    let shift = position % 64;
    for (i, limb) in limbs.iter().enumerate() {
        shifted[i] |= limb << shift;
        if shift > 0 && i < 2 {
            shifted[i + 1] |= limb >> (64 - shift);
        }
    }
    let rounded = round(&shifted, position - shift);
    if v < 0 { -rounded } else { rounded }
}

/// The f64 nearest to a magnitude whose bit 0 is at `position`; ties to even, beyond the largest f64: ∞.
pub(crate) fn round(magnitude: &[u64], position: usize) -> f64 {
    let Some(top) = magnitude.iter().rposition(|&limb| limb != 0) else {
        return 0.0;
    };
    let high = top * 64 + 63 - magnitude[top].leading_zeros() as usize;
    // The lowest bit that is kept: 52 below the highest, but not below bit 0 of the row, under which there is nothing.
    let low = high.saturating_sub(52);
    let (limb, shift) = (low / 64, low % 64);
    let mut mantissa = magnitude[limb] >> shift;
    if shift > 0 && limb < top {
        mantissa |= magnitude[limb + 1] << (64 - shift);
    }
    let mut exponent = low + position;
    if low > 0 {
        let half = magnitude[(low - 1) / 64] >> ((low - 1) % 64) & 1 == 1;
        let (limb, bit) = ((low - 1) / 64, (low - 1) % 64);
        let rest = magnitude[..limb].iter().any(|&l| l != 0) || magnitude[limb] & ((1 << bit) - 1) != 0;
        mantissa += u64::from(half && (rest || mantissa & 1 == 1));
    }
    // Down to the subnormal grid, bit 0 of the encoding, with the implicit bit at 52.
    while exponent > 0 && mantissa < 1 << 52 {
        mantissa <<= 1;
        exponent -= 1;
    }
    // A mantissa with the implicit bit adds 1 to the exponent field; a carry out of rounding adds one more.
    match u64::try_from(exponent) {
        Ok(exponent) if exponent <= 2045 => f64::from_bits((exponent << 52) + mantissa),
        _ => f64::INFINITY,
    }
}
