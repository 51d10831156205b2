//! Synthetic events with the multiplicities of a CMS open data sample.

use ana_kernels::Values;
use ana_kernels::cpu::event::InputSlice;
use ana_kernels::ir::{ColumnType, Kernel, Source};

/// SplitMix64: the same values on every machine, without a dependency.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        #[allow(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let x = (z >> 11) as f64;
        (x + 0.5) / 9_007_199_254_740_992.0
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.uniform().ln()
    }

    fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.uniform()
    }

    /// Poisson with a mean that itself has a gamma distribution of shape 16: as broad as jet multiplicities are.
    fn count(&mut self, mean: f64) -> i32 {
        let mean: f64 = (0..16).map(|_| self.exponential(mean / 16.0)).sum();
        let (mut count, mut left) = (0, mean - self.exponential(1.0));
        while left > 0.0 {
            count += 1;
            left -= self.exponential(1.0);
        }
        count
    }
}

enum Owned {
    F32(Vec<f32>),
    I32(Vec<i32>),
}

/// The columns of a kernel.
pub(crate) struct Sample {
    /// Offsets of the collections that are read.
    offsets: Vec<Vec<i32>>,
    columns: Vec<(Owned, Option<usize>)>,
}

impl Sample {
    /// `rows` events; multiplicities depend on the names of the collections alone.
    pub(crate) fn new(kernel: &Kernel, rows: usize) -> Self {
        let offsets = kernel.collections.iter().map(|collection| {
            let mean = match collection.name.as_str() {
                "Jet" => 4.72,
                "Muon" => 0.9,
                _ => 0.5,
            };
            let mut random = Random(collection.name.bytes().map(u64::from).sum());
            let mut end = 0;
            let ends = (0..rows).map(|_| {
                end += random.count(mean);
                end
            });
            [0].into_iter().chain(ends).collect::<Vec<_>>()
        });
        let offsets: Vec<Vec<i32>> = offsets.collect();
        let columns = kernel.columns().map(|(id, input)| {
            let mut random = Random(1000 + id as u64);
            let collection = match input.source {
                Source::List(collection) => Some(collection),
                _ => None,
            };
            let count =
                collection.map_or(rows, |collection| offsets[collection][rows].unsigned_abs() as usize);
            let mut value = || match input.name.rsplit('_').next() {
                Some("pt") => 15.0 + random.exponential(30.0),
                Some("eta") => random.between(-2.5, 2.5),
                Some("phi") => random.between(-3.2, 3.2),
                Some("mass") => random.exponential(8.0),
                Some("charge") => random.uniform().round() * 2.0 - 1.0,
                _ => random.uniform(),
            };
            #[allow(clippy::cast_possible_truncation, reason = "rounding is the point")]
            let values = match input.ty {
                ColumnType::I32 => Owned::I32((0..count).map(|_| value() as i32).collect()),
                _ => Owned::F32((0..count).map(|_| value() as f32).collect()),
            };
            (values, collection)
        });
        let columns = columns.collect();
        Self { offsets, columns }
    }

    /// Slices of the events from `from` on.
    pub(crate) fn slices(&self, from: usize) -> Vec<InputSlice<'_>> {
        self.columns.iter().map(|(values, collection)| self.slice(values, *collection, from)).collect()
    }

    fn slice<'a>(&'a self, values: &'a Owned, collection: Option<usize>, from: usize) -> InputSlice<'a> {
        let first = if collection.is_some() { 0 } else { from };
        let values = match values {
            Owned::F32(values) => Values::F32(&values[first..]),
            Owned::I32(values) => Values::I32(&values[first..]),
        };
        match collection {
            Some(collection) => InputSlice::list(values, &self.offsets[collection][from..]),
            None => InputSlice::scalar(values),
        }
    }

    /// Combinations of `size` objects of the first collection.
    pub(crate) fn combinations(&self, size: i64) -> u64 {
        let choose = |n: i64| (0..size).fold(1, |product, k| product * (n - k).max(0) / (k + 1));
        let counts = self.offsets[0].windows(2).map(|ends| choose(i64::from(ends[1] - ends[0])));
        counts.sum::<i64>().unsigned_abs()
    }
}
