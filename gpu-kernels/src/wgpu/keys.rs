//! Sort keys: integers in the order of the values they stand for, so that a device that compares integers decides as
//! the CPU does. −0 is 0, NaN is above everything. `shaders/bins.wgsl` makes the same keys of the values.

use ana_hist::{Axis, AxisKind, Bins};

use crate::fill::Values;

/// Axes with more thresholds stay on the CPU.
pub(super) const MOST_THRESHOLDS: usize = 1 << 20;

/// How values are staged; the numbers are those of `shaders/bins.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Numbers of bins.
    Codes = 0,
    U32 = 1,
    I32 = 2,
    F32 = 3,
    F64 = 4,
    I64 = 5,
    /// Of inputs of formulas only.
    U64 = 6,
}

impl Kind {
    /// How values go to the device for an axis, which takes values of their type. 64-bit integers are rounded to f64
    /// where the CPU does so.
    pub(super) fn of(values: &Values<'_>, axis: &Axis) -> Self {
        match values {
            _ if !axis.is_numeric() => Self::Codes,
            Values::Codes(_) => Self::Codes,
            Values::F64(_) => Self::F64,
            Values::F32(_) => Self::F32,
            Values::I8(_) | Values::I16(_) | Values::I32(_) => Self::I32,
            Values::U8(_) | Values::U16(_) | Values::U32(_) | Values::Bool(_) => Self::U32,
            Values::I64(_) | Values::U64(_) if matches!(axis.kind, AxisKind::Integer { .. }) => Self::I64,
            Values::I64(_) | Values::U64(_) => Self::F64,
        }
    }

    /// How an input of a formula goes to the device.
    pub(super) fn of_input(values: &Values<'_>) -> Self {
        match values {
            Values::F64(_) => Self::F64,
            Values::F32(_) => Self::F32,
            Values::I8(_) | Values::I16(_) | Values::I32(_) => Self::I32,
            Values::I64(_) => Self::I64,
            Values::U64(_) => Self::U64,
            Values::U8(_) | Values::U16(_) | Values::U32(_) | Values::Codes(_) | Values::Bool(_) => Self::U32,
        }
    }

    /// Words of a value.
    pub(super) fn words(self) -> usize {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 2,
            _ => 1,
        }
    }
}

/// The key of a staged value.
pub(super) fn key(kind: Kind, words: &[u32]) -> u64 {
    const SIGN: u32 = 1 << 31;
    match (kind, words) {
        (Kind::F32, &[word]) => u64::from(match f32::from_bits(word) {
            x if x.is_nan() => u32::MAX,
            0.0 => SIGN,
            x if x < 0.0 => !word,
            _ => word | SIGN,
        }),
        (Kind::F64, &[lower, upper]) => {
            let bits = u64::from(upper) << 32 | u64::from(lower);
            match f64::from_bits(bits) {
                x if x.is_nan() => u64::MAX,
                0.0 => 1 << 63,
                x if x < 0.0 => !bits,
                _ => bits | 1 << 63,
            }
        }
        (Kind::I64, &[lower, upper]) => u64::from(upper ^ SIGN) << 32 | u64::from(lower),
        (Kind::I32, &[word]) => u64::from(word ^ SIGN),
        (_, words) => words.first().map_or(0, |&word| u64::from(word)),
    }
}

/// The thresholds of an axis for values of a kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Thresholds {
    /// Keys of the smallest value of every storage index from 1 on; none for codes.
    pub(super) keys: Vec<u64>,
    /// How many there are; for codes the largest number of a bin.
    pub(super) number: u32,
}

impl Thresholds {
    pub(super) fn new(axis: &Axis, kind: Kind) -> Self {
        let edges = || axis.edges();
        let keys: Vec<u64> = match kind {
            Kind::Codes => {
                let number = u32::try_from(axis.extent() - 1).unwrap_or(u32::MAX);
                return Self { keys: vec![], number };
            }
            Kind::F32 => {
                Bins::<f32>::new(&edges()).thresholds().iter().map(|t| key(kind, &[t.to_bits()])).collect()
            }
            Kind::F64 => edges().iter().map(|&edge| key(kind, &words_of(edge.to_bits()))).collect(),
            Kind::I32 => integers(&edges(), i32::MIN.into(), i32::MAX.into())
                .map(|edge| (edge - i64::from(i32::MIN)).unsigned_abs())
                .collect(),
            Kind::U32 => integers(&edges(), 0, u32::MAX.into()).map(i64::unsigned_abs).collect(),
            Kind::I64 | Kind::U64 => {
                integers(&edges(), i64::MIN, i64::MAX).map(|edge| edge.cast_unsigned() ^ 1 << 63).collect()
            }
        };
        let number = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        Self { keys, number }
    }

    /// The bin of a staged value.
    pub(super) fn bin(&self, kind: Kind, words: &[u32]) -> u32 {
        let key = key(kind, words);
        if kind == Kind::Codes {
            return u32::try_from(key).unwrap_or(u32::MAX).min(self.number);
        }
        u32::try_from(self.keys.partition_point(|&threshold| threshold <= key)).unwrap_or(u32::MAX)
    }

    /// The keys as the device has them.
    pub(super) fn words(&self, kind: Kind) -> Vec<u32> {
        let words = kind.words();
        self.keys.iter().flat_map(|&key| words_of(key).into_iter().take(words)).collect()
    }
}

/// Lower and upper word.
#[allow(clippy::cast_possible_truncation, reason = "the two halves")]
pub(super) fn words_of(bits: u64) -> [u32; 2] {
    [bits as u32, (bits >> 32) as u32]
}

/// The smallest integer not below each edge, those that no value of the type reaches left out (they come last).
fn integers(edges: &[f64], least: i64, most: i64) -> impl Iterator<Item = i64> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "saturates, and what it saturates at is cut off or clamped"
    )]
    #[allow(
        clippy::cast_precision_loss,
        reason = "2^63 and 2^32 - 1 as limits: rounding up is no harm, see below"
    )]
    let kept = move |edge: &&f64| {
        // i64::MAX as f64 is 2^63, which no i64 reaches.
        let up = edge.ceil();
        if most == i64::MAX { up < most as f64 } else { up <= most as f64 }
    };
    #[allow(clippy::cast_possible_truncation, reason = "within i64 by now, or saturated at its lower end")]
    let integer = move |edge: &f64| (edge.ceil() as i64).max(least);
    let kept: Vec<i64> = edges.iter().filter(kept).map(integer).collect();
    kept.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of all kinds around every edge are in the bin that the plain rule says.
    #[test]
    fn bins_are_those_of_the_rule() {
        let axes = [
            Axis::regular(7, -1.0, 2.5).unwrap(),
            Axis::variable(vec![-1e300, -3e9, -2.5, 0.0, 1e-320, 5e9, 1e300]).unwrap(),
            Axis::integer(-3, 9).unwrap(),
        ];
        for axis in axes {
            let mut values = vec![f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 5e-324];
            for edge in axis.edges() {
                values.extend([edge, edge.next_down(), edge.next_up(), edge.ceil(), edge.floor()]);
            }
            let bin = |kind, words: &[u32]| Thresholds::new(&axis, kind).bin(kind, words) as usize;
            for x in values {
                assert_eq!(bin(Kind::F64, &words_of(x.to_bits())), axis.index(x), "{x} on {axis}");
                #[allow(clippy::cast_possible_truncation, reason = "rounded to a test value")]
                let (narrow, i, u, long) = (x as f32, x as i32, x as u32, x as i64);
                assert_eq!(bin(Kind::F32, &[narrow.to_bits()]), axis.index(f64::from(narrow)), "{narrow}");
                assert_eq!(bin(Kind::I32, &[i.cast_unsigned()]), axis.index(f64::from(i)), "{i}");
                assert_eq!(bin(Kind::U32, &[u]), axis.index(f64::from(u)), "{u}");
                if matches!(axis.kind, AxisKind::Integer { .. }) {
                    let words = words_of(long.cast_unsigned());
                    #[allow(clippy::cast_precision_loss, reason = "far from the edges where it rounds")]
                    let want = axis.index(long as f64);
                    assert_eq!(bin(Kind::I64, &words), want, "{long}");
                }
            }
        }
    }
}
