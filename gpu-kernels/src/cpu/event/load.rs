//! From columns into registers.

use super::input::{Bits, ChunkColumn, Data};

/// Which entries of a column the lanes read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Index<'a> {
    /// One after the other from here.
    From(usize),
    /// These.
    List(&'a [u32]),
}

impl<'a> Index<'a> {
    /// The lanes from `start` on.
    pub(super) fn skip(self, start: usize) -> Self {
        match self {
            Self::From(first) => Self::From(first + start),
            Self::List(list) => Self::List(list.get(start..).unwrap_or_default()),
        }
    }

    #[inline]
    pub(super) fn at(self, lane: usize) -> usize {
        match self {
            Self::From(first) => first + lane,
            Self::List(list) => list.get(lane).map_or(0, |at| *at as usize),
        }
    }
}

/// Entries that do not exist (of lanes that are not active) are `T::default()`.
#[inline(always)]
pub(super) fn gather<T: Copy + Default, U>(
    to: &mut [U],
    from: &[T],
    index: Index<'_>,
    convert: impl Fn(T) -> U,
) {
    match index {
        Index::From(first) => {
            for (to, value) in to.iter_mut().zip(from.get(first..).unwrap_or_default()) {
                *to = convert(*value);
            }
        }
        Index::List(list) => {
            for (to, at) in to.iter_mut().zip(list) {
                *to = convert(from.get(*at as usize).copied().unwrap_or_default());
            }
        }
    }
}

/// Floats of a column.
pub(super) fn floats(to: &mut [f64], column: &ChunkColumn<'_>, index: Index<'_>) {
    match (&column.data, index) {
        (Data::F32(values), Index::From(first)) => {
            pulp::Arch::new().dispatch(Widen { to, from: values.get(first..).unwrap_or_default() });
        }
        (data, _) => gathered_floats(to, data, index),
    }
}

/// The loop of [`floats`] that most columns take, compiled for each instruction set.
struct Widen<'a> {
    to: &'a mut [f64],
    from: &'a [f32],
}

impl pulp::NullaryFnOnce for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { to, from } = self;
        let n = to.len().min(from.len());
        let (to, from) = (&mut to[..n], &from[..n]);
        for lane in 0..n {
            to[lane] = f64::from(from[lane]);
        }
    }
}

fn gathered_floats(to: &mut [f64], data: &Data<'_>, index: Index<'_>) {
    match data {
        Data::F32(values) => gather(to, values, index, f64::from),
        Data::F64(values) => gather(to, values, index, |value| value),
        _ => to.fill(0.0),
    }
}

/// Integers of a column.
pub(super) fn ints(to: &mut [i64], column: &ChunkColumn<'_>, index: Index<'_>) {
    match &column.data {
        Data::I8(values) => gather(to, values, index, i64::from),
        Data::I16(values) => gather(to, values, index, i64::from),
        Data::I32(values) => gather(to, values, index, i64::from),
        Data::I64(values) => gather(to, values, index, |value| value),
        Data::U8(values) => gather(to, values, index, i64::from),
        Data::U16(values) => gather(to, values, index, i64::from),
        Data::U32(values) => gather(to, values, index, i64::from),
        Data::U64(values) => gather(to, values, index, u64::cast_signed),
        _ => to.fill(0),
    }
}

/// Bools of a column.
pub(super) fn masks(to: &mut [u8], column: &ChunkColumn<'_>, index: Index<'_>) {
    match &column.data {
        Data::Bool(bits) => gather_bits(to, bits, index),
        _ => to.fill(0),
    }
}

/// Where the column is not NULL.
pub(super) fn validity(to: &mut [u8], column: &ChunkColumn<'_>, index: Index<'_>) {
    match &column.valid {
        Some(bits) => gather_bits(to, bits, index),
        None => to.fill(1),
    }
}

fn gather_bits(to: &mut [u8], bits: &Bits<'_>, index: Index<'_>) {
    for (lane, to) in to.iter_mut().enumerate() {
        *to = bits.get(index.at(lane));
    }
}
