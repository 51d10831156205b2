//! The two widths of values.

/// f32 or f64: the two widths values come in. Sealed.
pub trait Real: sealed::Real {}
impl Real for f32 {}
impl Real for f64 {}

pub(super) mod sealed {
    use std::ops::{Add, Mul, Sub};

    /// What the guess needs of a float.
    pub trait Real:
        Copy
        + PartialOrd
        + Add<Output = Self>
        + Sub<Output = Self>
        + Mul<Output = Self>
        + Send
        + Sync
        + 'static
        + std::fmt::Debug
    {
        const ZERO: Self;
        /// Largest index the rounding trick can carry.
        const MAX_INDEX: usize;
        /// The same value as f64.
        fn widen(self) -> f64;
        /// Nearest value of this width.
        fn near(x: f64) -> Self;
        /// Smallest value of this width not below x.
        fn up(x: f64) -> Self;
        fn next_down(self) -> Self;
        /// Nearest integer of a value in 0 ..= MAX_INDEX, without the cost of a checked conversion: adding
        /// 1.5·2^(mantissa bits) leaves the integer in the low bits.
        fn round_index(self) -> u32;
        /// The integer that [`round_index`](Self::round_index) gives, as a float.
        fn rounded(self) -> Self;
        /// Bits as a signed number: monotone for values above 0, negative for negative ones.
        fn key(self) -> i64;
    }

    /// 1.5·2^52 and 1.5·2^23.
    const MAGIC_64: f64 = 6_755_399_441_055_744.0;
    const MAGIC_32: f32 = 12_582_912.0;

    impl Real for f64 {
        const ZERO: Self = 0.0;
        const MAX_INDEX: usize = 1 << 31;
        #[inline(always)]
        fn widen(self) -> f64 {
            self
        }
        fn near(x: f64) -> Self {
            x
        }
        fn up(x: f64) -> Self {
            x
        }
        fn next_down(self) -> Self {
            f64::next_down(self)
        }
        #[inline(always)]
        fn round_index(self) -> u32 {
            ((self + MAGIC_64).to_bits() & 0xffff_ffff) as u32
        }
        #[inline(always)]
        fn rounded(self) -> Self {
            (self + MAGIC_64) - MAGIC_64
        }
        #[inline(always)]
        fn key(self) -> i64 {
            self.to_bits().cast_signed()
        }
    }

    impl Real for f32 {
        const ZERO: Self = 0.0;
        const MAX_INDEX: usize = 1 << 21;
        #[inline(always)]
        fn widen(self) -> f64 {
            f64::from(self)
        }
        #[allow(clippy::cast_possible_truncation, reason = "rounding to the nearest f32 is what is wanted")]
        fn near(x: f64) -> Self {
            x as f32
        }
        fn up(x: f64) -> Self {
            let near = Self::near(x);
            if f64::from(near) < x { near.next_up() } else { near }
        }
        fn next_down(self) -> Self {
            f32::next_down(self)
        }
        #[inline(always)]
        fn round_index(self) -> u32 {
            (self + MAGIC_32).to_bits() & 0x3f_ffff
        }
        #[inline(always)]
        fn rounded(self) -> Self {
            (self + MAGIC_32) - MAGIC_32
        }
        #[inline(always)]
        fn key(self) -> i64 {
            i64::from(self.to_bits().cast_signed())
        }
    }
}
