//! Time per fill, on one core. `benches/fill.sh` puts it beside boost-histogram on the same values.
//!
//! Values: exponential of mean 40 (a falling spectrum), as f64 and f32, and `f32, 10 bits` with the mantissa cut to 10 bits
//! as NanoAOD does, so that many lie on edges. Weights: Gaussian of mean 1 and width 0.1. 2¹⁷ of each, filled in
//! batches of 8192 as the engine does: neither all in the first-level cache nor all from memory.
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run may panic")]

use std::hint::black_box;
use std::time::Duration;

use ana_hist::{Axis, ExactHistogram};
use ana_kernels::{Column, Fill, Filler, Values};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};

const VALUES: usize = 1 << 17;
const BATCH: usize = 8192;

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

    fn gaussian(&mut self, mean: f64, width: f64) -> f64 {
        let (radius, angle) = ((-2.0 * self.uniform().ln()).sqrt(), std::f64::consts::TAU * self.uniform());
        mean + width * radius * angle.cos()
    }
}

/// `n + 1` edges growing by one factor from 1 to 200.
fn geometric_edges(n: i32) -> Vec<f64> {
    (0..=n).map(|i| 200f64.powf(f64::from(i) / f64::from(n))).collect()
}

/// One batch of a float column.
fn batch(values: Values<'_>, start: usize) -> Values<'_> {
    match values {
        Values::F64(v) => Values::F64(&v[start..start + BATCH]),
        Values::F32(v) => Values::F32(&v[start..start + BATCH]),
        other => other,
    }
}

#[allow(clippy::cast_possible_truncation, reason = "rounding to f32 is the point")]
fn bench(criterion: &mut Criterion) {
    let mut random = Random(1);
    let wide: Vec<f64> = (0..VALUES).map(|_| random.exponential(40.0)).collect();
    let other: Vec<f64> = (0..VALUES).map(|_| random.gaussian(0.0, 1.2)).collect();
    let weights: Vec<f64> = (0..VALUES).map(|_| random.gaussian(1.0, 0.1)).collect();
    let narrow: Vec<f32> = wide.iter().map(|&x| x as f32).collect();
    let other_narrow: Vec<f32> = other.iter().map(|&x| x as f32).collect();
    let cut: Vec<f32> = narrow.iter().map(|x| f32::from_bits(x.to_bits() & 0xffff_e000)).collect();
    let event: Vec<f64> = weights[..VALUES / 4].to_vec();
    let offsets: Vec<i32> = {
        let mut at = 0;
        let mut offsets = vec![0];
        while at < VALUES {
            at = (at + (random.exponential(3.2) as usize)).min(VALUES);
            offsets.push(i32::try_from(at).unwrap());
        }
        offsets
    };

    let regular = || vec![Axis::regular(100, 0.0, 200.0).unwrap()];
    let variable = || vec![Axis::variable(geometric_edges(99)).unwrap()];
    let uneven = || {
        // Bins from 0.01 to 50 wide: no table of equal cells separates these edges.
        let fine = (0..50).map(|i| 20.0 + 0.01 * f64::from(i));
        let edges = (0..20).map(f64::from).chain(fine).chain((1..31).map(|i| 20.5 + 50.0 * f64::from(i)));
        vec![Axis::variable(edges.collect()).unwrap()]
    };
    let plane = || vec![Axis::regular(40, 0.0, 200.0).unwrap(), Axis::regular(40, -2.4, 2.4).unwrap()];

    let mut group = criterion.benchmark_group("fill");
    group.throughput(Throughput::Elements(VALUES as u64));
    group.sample_size(200);
    // Short samples: the least of them is undisturbed even on a busy machine.
    group.sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(100));
    group.measurement_time(Duration::from_millis(100));
    let (f64s, f32s, cuts) = (Values::F64(&wide), Values::F32(&narrow), Values::F32(&cut));
    let (plane64, plane32) = ([f64s, Values::F64(&other)], [f32s, Values::F32(&other_narrow)]);
    let w = Some(&weights[..]);
    for (name, axes, values, weights) in [
        ("regular counts f64", regular(), &[f64s][..], None),
        ("regular counts f32", regular(), &[f32s], None),
        ("regular counts f32, 10 bits", regular(), &[cuts], None),
        ("regular weighted f64", regular(), &[f64s], w),
        ("regular weighted f32", regular(), &[f32s], w),
        ("variable counts f64", variable(), &[f64s], None),
        ("variable counts f32", variable(), &[f32s], None),
        ("variable weighted f64", variable(), &[f64s], w),
        ("uneven variable counts f64", uneven(), &[f64s], None),
        ("2-D counts f64", plane(), &plane64, None),
        ("2-D weighted f64", plane(), &plane64, w),
        ("2-D weighted f32", plane(), &plane32, w),
    ] {
        let mut filler = Filler::new(&axes).unwrap();
        let mut histogram = ExactHistogram::new(axes, weights.is_some()).unwrap();
        group.bench_function(name, |b| {
            b.iter(|| {
                for start in (0..VALUES).step_by(BATCH) {
                    let columns: Vec<Column<'_>> =
                        values.iter().map(|v| Column::events(batch(*v, start))).collect();
                    let weight = weights.map(|w| Column::events(Values::F64(&w[start..start + BATCH])));
                    let fill =
                        Fill { rows: BATCH, offsets: None, columns: &columns, weight, selection: None };
                    filler.fill(&mut histogram, black_box(&fill)).unwrap();
                }
            });
        });
    }

    // Lists of 3.2 on average: items against the events' weights.
    let axes = regular();
    let mut filler = Filler::new(&axes).unwrap();
    let mut histogram = ExactHistogram::new(axes, true).unwrap();
    group.bench_function("list weighted by event f32", |b| {
        b.iter(|| {
            for rows in (0..offsets.len() - 1).step_by(BATCH) {
                let end = (rows + BATCH).min(offsets.len() - 1);
                let columns = [Column::items(Values::F32(&narrow))];
                let fill = Fill {
                    rows: end - rows,
                    offsets: Some(&offsets[rows..=end]),
                    columns: &columns,
                    weight: Some(Column::events(Values::F64(&event[rows % 1000..]))),
                    selection: None,
                };
                filler.fill(&mut histogram, black_box(&fill)).unwrap();
            }
        });
    });

    // What plain f64 sums would cost, with the bins already known: the yardstick for the exact sums.
    let cells: Vec<u32> = wide.iter().map(|&x| (x / 2.0) as u32 % 102).collect();
    let mut plain = vec![(0u64, 0.0, 0.0); 102];
    group.bench_function("sums only, plain f64", |b| {
        b.iter(|| {
            for (&cell, &w) in cells.iter().zip(&weights) {
                let sums = &mut plain[cell as usize];
                *sums = (sums.0 + 1, sums.1 + w, sums.2 + w * w);
            }
            black_box(&plain);
        });
    });
    let mut exact = ExactHistogram::new(regular(), true).unwrap();
    group.bench_function("sums only, exact", |b| {
        b.iter(|| exact.fill_weighted(black_box(&cells), black_box(&weights)));
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
