//! The algebra of histograms, exact and finished, and the bytes in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

use ana_hist::exact_sum::{ExactSum, Splitter, join, settle};
use ana_hist::{Axis, ExactHistogram, HistError, Histogram, Transform, Weighted};
use proptest::collection::vec;
use proptest::prelude::*;

fn axes() -> Vec<Axis> {
    vec![
        Axis::regular(6, 0.0, 3.0).unwrap().named("x"),
        Axis::integer(0, 2).unwrap(),
        Axis::category(vec!["a".into(), "b".into()]).unwrap(),
    ]
}

type Fill = (f64, f64, u8, f64);

fn fills() -> impl Strategy<Value = Vec<Fill>> {
    let weight = prop_oneof![
        6 => 0.2..3.0f64,
        2 => -1.0..1.0f64,
        1 => any::<f64>(),
        1 => prop::sample::select(vec![0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e200, 5e-324]),
    ];
    vec((-1.0..4.0f64, -1.0..3.0f64, 0u8..4, weight), 0..80)
}

fn filled(fills: &[Fill], weighted: bool) -> ExactHistogram {
    let mut histogram = ExactHistogram::new(axes(), weighted).unwrap();
    for &(x, y, z, w) in fills {
        histogram.fill_one(&[x, y, f64::from(z)], w);
    }
    histogram
}

fn bits(h: &Histogram) -> (Vec<u64>, Vec<u64>, Vec<u64>) {
    // One pattern for all NaN, whose payload means nothing.
    let bits = |v: Vec<f64>| v.into_iter().map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() }).collect();
    (h.counts.clone(), bits(h.sumws()), bits(h.sumw2s()))
}

fn merged(a: &ExactHistogram, b: &ExactHistogram) -> ExactHistogram {
    let mut sum = a.clone();
    sum.merge(b).unwrap();
    sum
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn merging_commutes_and_associates(a in fills(), b in fills(), c in fills(), weighted in any::<bool>()) {
        let all = filled(&[a.clone(), b.clone(), c.clone()].concat(), weighted);
        let [a, b, c] = [a, b, c].map(|f| filled(&f, weighted));
        let left = merged(&merged(&a, &b), &c);
        prop_assert!(left == merged(&a, &merged(&b, &c)));
        prop_assert!(left == merged(&merged(&c, &b), &a));
        prop_assert!(left == all);
        prop_assert_eq!(bits(&left.finish()), bits(&all.finish()));
        let empty = ExactHistogram::new(axes(), weighted).unwrap();
        prop_assert!(merged(&empty, &all) == all);
        prop_assert!(merged(&all, &empty) == all);
    }

    #[test]
    fn order_and_batches_do_not_matter(fills in fills(), batch in 1usize..40, seed in any::<u64>()) {
        let want = filled(&fills, true);
        let mut shuffled = fills;
        let mut state = seed | 1;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let j = usize::try_from(state >> 33).unwrap() % (i + 1);
            shuffled.swap(i, j);
        }
        let mut parts: Vec<_> = shuffled.chunks(batch).map(|f| filled(f, true)).collect();
        while parts.len() > 1 {
            let last = parts.pop().unwrap();
            let into = usize::try_from(seed % parts.len() as u64).unwrap();
            parts[into].merge_bytes(&last.to_bytes()).unwrap();
        }
        let got = parts.pop().unwrap_or_else(|| filled(&[], true));
        prop_assert_eq!(got.to_bytes(), want.to_bytes());
        prop_assert_eq!(bits(&got.finish()), bits(&want.finish()));
    }

    #[test]
    fn bytes_come_back(fills in fills(), weighted in any::<bool>()) {
        let histogram = filled(&fills, weighted);
        let bytes = histogram.to_bytes();
        let back = ExactHistogram::from_bytes(&bytes).unwrap();
        prop_assert_eq!(back.to_bytes(), bytes);
        prop_assert_eq!(bits(&back.finish()), bits(&histogram.finish()));
        prop_assert_eq!(back.axes(), histogram.axes());
    }

    #[test]
    fn broken_bytes_are_an_error_or_a_histogram(fills in fills(), at in any::<prop::sample::Index>(), flip in 0u8..8, noise in vec(any::<u8>(), 0..60)) {
        let mut histogram = filled(&fills, true);
        let bytes = histogram.to_bytes();
        let cut = at.index(bytes.len());
        let mut flipped = bytes.clone();
        flipped[cut] ^= 1 << flip;
        for broken in [&bytes[..cut], &flipped, &noise, &[&bytes[..9], &noise].concat()] {
            if let Ok(read) = ExactHistogram::from_bytes(broken) {
                let _ = (read.finish(), read.bytes(), histogram.merge(&read));
            }
            let _ = histogram.merge_bytes(broken);
        }
        let _ = histogram.finish();
    }

    #[test]
    fn finished_algebra(a in fills(), b in fills(), weighted in any::<bool>()) {
        let whole = |fills: Vec<Fill>| {
            // Sums of small integers are exact in f64, so equalities can be asked for.
            let fills: Vec<Fill> = fills.into_iter().map(|(x, y, z, w)| (x, y, z, (w * 8.0).clamp(-64.0, 64.0).floor())).collect();
            let fills: Vec<Fill> = fills.into_iter().filter(|f| f.3.is_finite()).collect();
            (filled(&fills, weighted), fills)
        };
        let ((ea, fa), (eb, fb)) = (whole(a), whole(b));
        let (ha, hb) = (ea.finish(), eb.finish());
        let sum = ha.add(&hb).unwrap();
        prop_assert_eq!(&sum, &hb.add(&ha).unwrap());
        prop_assert_eq!(bits(&sum), bits(&filled(&[fa, fb].concat(), weighted).finish()));

        // Fewer axes or coarser bins, then sums: the same as the other way round.
        for axis in 0..3 {
            let line = sum.project(&[axis]).unwrap();
            prop_assert_eq!(line.sum(true), sum.sum(true));
            prop_assert_eq!(&line, &ha.project(&[axis]).unwrap().add(&hb.project(&[axis]).unwrap()).unwrap());
        }
        prop_assert_eq!(&sum.project(&[0, 1, 2]).unwrap(), &sum);
        let turned = sum.project(&[2, 0, 1]).unwrap();
        prop_assert_eq!(&turned.project(&[1, 2, 0]).unwrap(), &sum);
        let coarse = sum.rebin(0, 2).unwrap().rebin(0, 3).unwrap();
        prop_assert_eq!(&coarse, &sum.rebin(0, 6).unwrap());
        prop_assert_eq!(coarse.project(&[1]).unwrap(), sum.project(&[1]).unwrap());
        prop_assert_eq!(sum.rebin(0, 1).unwrap(), sum.clone());

        // h/h is 1 where there is something.
        let ratio = sum.divide(&sum).unwrap();
        for cell in 0..sum.cells() {
            let (r, w) = (ratio.sumw(cell), sum.sumw(cell));
            let right = if w == 0.0 { r.is_nan() } else { r == 1.0 };
            prop_assert!(right);
        }
    }
}

#[test]
fn mean_and_spread_from_bin_centres() {
    let mut exact = ExactHistogram::new(vec![Axis::regular(4, 0.0, 4.0).unwrap()], true).unwrap();
    for (x, w) in [(0.1, 1.0), (1.9, 2.0), (3.0, 1.0), (-5.0, 100.0), (4.0, 100.0), (f64::NAN, 7.0)] {
        exact.fill_one(&[x], w);
    }
    let h = exact.finish();
    // Centres 0.5, 1.5, 3.5 of weights 1, 2, 1; flow left out.
    assert_eq!(h.mean(0).unwrap(), Some(1.75));
    assert_eq!(h.std(0).unwrap(), Some((4.75f64 / 4.0).sqrt()));
    assert_eq!((h.sum(false).sumw, h.sum(true).sumw, h.sum(true).count), (4.0, 211.0, 6));
    let empty = ExactHistogram::new(vec![Axis::integer(0, 3).unwrap()], false).unwrap().finish();
    assert_eq!((empty.mean(0).unwrap(), empty.std(0).unwrap()), (None, None));
    let mut integers = ExactHistogram::new(vec![Axis::integer(0, 5).unwrap()], false).unwrap();
    [1.0, 2.0, 2.0, 3.0].iter().for_each(|&x| integers.fill_one(&[x], 1.0));
    assert_eq!(integers.finish().mean(0).unwrap(), Some(2.0));
    let labels = ExactHistogram::new(vec![Axis::category(vec!["a".into()]).unwrap()], false).unwrap();
    assert!(matches!(labels.finish().mean(0), Err(HistError::AxisKind { .. })));
}

#[test]
fn rebin_keeps_edges_exactly() {
    let regular =
        |n, lo, hi| ExactHistogram::new(vec![Axis::regular(n, lo, hi).unwrap()], false).unwrap().finish();
    let halved = regular(100, 15.0, 60.0).rebin(0, 2).unwrap();
    assert_eq!(halved.axes[0], Axis::regular(50, 15.0, 60.0).unwrap());
    for (n, lo, hi) in [(48, -2.4, 2.4), (99, 0.1, 0.7), (30, 0.0, 1.0)] {
        let fine = regular(n, lo, hi);
        let joined = fine.rebin(0, 3).unwrap().axes[0].edges();
        let want: Vec<f64> = fine.axes[0].edges().into_iter().step_by(3).collect();
        assert_eq!(joined, want);
    }
    assert_eq!(regular(10, 0.0, 1.0).rebin(0, 3), Err(HistError::NotDivisible { bins: 10, group: 3 }));
    assert!(regular(10, 0.0, 1.0).rebin(0, 0).is_err());
    assert_eq!(regular(10, 0.0, 1.0).rebin(1, 2), Err(HistError::NoSuchAxis { axis: 1, dimensions: 1 }));
    let log = Axis::transformed(4, 1.0, 1e4, Transform::Log).unwrap();
    let log = ExactHistogram::new(vec![log], false).unwrap().finish();
    assert_eq!(log.rebin(0, 2).unwrap().axes[0].bins(), 2);
}

#[test]
fn one_bin_of_an_axis_has_its_cells() {
    let h = filled(&[(0.2, 0.0, 0, 0.1), (0.2, 1.0, 1, 0.2), (9.0, 5.0, 3, 0.3), (1.2, 1.0, 1, 0.4)], true)
        .finish();
    for axis in 0..3 {
        for index in 0..h.axes[axis].extent() {
            let at = h.at(axis, index).unwrap();
            for cell in 0..at.cells() {
                let mut indices = at.indices(cell);
                indices.insert(axis, index);
                let from = h.cell(&indices).unwrap();
                assert_eq!((at.counts[cell], at.sumw(cell)), (h.counts[from], h.sumw(from)));
                assert_eq!(at.sumw2(cell), h.sumw2(from));
            }
        }
        assert!(matches!(h.at(axis, h.axes[axis].extent()), Err(HistError::NoSuchIndex { .. })));
    }
    assert_eq!(h.at(3, 0), Err(HistError::NoSuchAxis { axis: 3, dimensions: 3 }));
    assert_eq!(h.at(0, 0).unwrap().at(0, 0).unwrap().at(0, 0), Err(HistError::NoAxes));
}

#[test]
fn the_error_of_a_ratio() {
    let one = |w: &[f64]| {
        let mut h = ExactHistogram::new(vec![Axis::boolean()], true).unwrap();
        w.iter().for_each(|&w| h.fill_one(&[1.0], w));
        h.finish()
    };
    let ratio = one(&[1.0, 2.0]).divide(&one(&[4.0])).unwrap();
    assert_eq!(ratio.sumw(1), 0.75);
    // (5·16 + 16·9)/256
    assert_eq!(ratio.sumw2(1), 0.875);
    assert!(ratio.sumw(0).is_nan() && ratio.sumw2(0).is_nan());
}

#[test]
fn what_does_not_fit_is_refused() {
    let new = |axes, weighted| ExactHistogram::new(axes, weighted).unwrap();
    let mut a = new(vec![Axis::regular(6, 0.0, 3.0).unwrap()], true);
    let b = new(vec![Axis::regular(6, 0.0, 4.0).unwrap()], true);
    let unweighted = new(vec![Axis::regular(6, 0.0, 3.0).unwrap()], false);
    let renamed = new(vec![Axis::regular(6, 0.0, 3.0).unwrap().named("pt")], true);
    assert!(matches!(a.merge(&b), Err(HistError::AxesDiffer { .. })));
    assert!(matches!(a.merge_bytes(&b.to_bytes()), Err(HistError::AxesDiffer { .. })));
    assert_eq!(a.merge(&unweighted), Err(HistError::StorageDiffers));
    assert_eq!(a.merge(&renamed), Ok(()));
    assert!(a.finish().add(&b.finish()).is_err());
    assert!(a.finish().divide(&b.finish()).is_err());
    assert_eq!(ExactHistogram::new(vec![], false).err(), Some(HistError::NoAxes));
    let wide = Axis::integer(0, 100_000).unwrap();
    assert!(matches!(
        ExactHistogram::new(vec![wide.clone(), wide], false),
        Err(HistError::TooManyCells { .. })
    ));
    assert!(Histogram::new(axes(), vec![0; 3], None).is_err());
}

/// A claim of many cells in few bytes: refused, or served from untouched zero pages.
#[test]
fn bytes_that_claim_too_much() {
    let h = ExactHistogram::new(vec![Axis::regular(10, 0.0, 1.0).unwrap()], true).unwrap();
    let bytes = h.to_bytes();
    // The number of bins is the byte after magic, version, storage, dimensions, name and kind.
    let mut huge = bytes[..12].to_vec();
    huge.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    huge.extend(&bytes[13..]);
    assert!(ExactHistogram::from_bytes(&huge).is_err());
    assert!(ExactHistogram::from_bytes(&[]).is_err());
    let mut version = bytes.clone();
    version[7] = 9;
    assert!(matches!(ExactHistogram::from_bytes(&version), Err(HistError::Bytes { offset: 8, .. })));
}

#[test]
fn sparse_histograms_have_few_bytes() {
    let axes = vec![Axis::regular(1000, 0.0, 1.0).unwrap(), Axis::regular(100, 0.0, 1.0).unwrap()];
    let mut h = ExactHistogram::new(axes, true).unwrap();
    assert!(h.to_bytes().len() < 100);
    h.fill_one(&[0.5, 0.5], 1.25);
    assert!(h.to_bytes().len() < 120);
    let filled = h.bytes();
    assert!(filled < h.cells(), "{filled}");
    for y in 0..80 {
        h.fill_one(&[0.5, f64::from(y) / 100.0 + 0.005], 1.0);
    }
    assert!(h.bytes() > filled);
}

/// Whose cells are dealt to pages: as one sum per cell.
#[test]
fn large_histograms() {
    let axes = || vec![Axis::regular(300, 0.0, 300.0).unwrap(), Axis::regular(100, 0.0, 100.0).unwrap()];
    let mixed = |i: u32| i.wrapping_mul(2_654_435_761) >> 8;
    let number = |i: u32| f64::from(mixed(i)) / f64::from(1 << 24);
    let fills: Vec<(u32, f64)> = (0..20_000)
        .map(|i| {
            let cell = mixed(i) % 40 * 700 + mixed(i + 77) % 20;
            let size = if i % 500 == 0 { 1e40 } else { 1.0 };
            (cell, size * (number(i + 9) - 0.3))
        })
        .collect();
    for weighted in [false, true] {
        let mut parts = vec![ExactHistogram::new(axes(), weighted).unwrap(); 3];
        let mut counts = vec![0; parts[0].cells()];
        let mut sums = std::collections::BTreeMap::<u32, [ExactSum; 2]>::new();
        for (i, fills) in fills.chunks(37).enumerate() {
            let (cells, weights): (Vec<u32>, Vec<f64>) = fills.iter().copied().unzip();
            parts[i % 3].fill_weighted(&cells, &weights);
            for (cell, w) in fills {
                counts[*cell as usize] += 1;
                let [sumw, sumw2] = sums.entry(*cell).or_default();
                sumw.add(*w);
                sumw2.add(w * w);
            }
        }
        let mut all = parts[0].clone();
        all.merge(&parts[1]).unwrap();
        all.merge(&parts[2]).unwrap();
        let mut absorbed = ExactHistogram::new(axes(), weighted).unwrap();
        parts.into_iter().for_each(|part| absorbed.absorb(part).unwrap());
        assert!(absorbed == all);
        assert!(ExactHistogram::from_bytes(&all.to_bytes()).unwrap() == all);
        let finished = all.finish();
        assert_eq!(finished.counts, counts);
        if weighted {
            let value = |i: usize| {
                (0..).take(counts.len()).map(|cell| sums.get(&cell).map_or(0.0, |of| of[i].value())).collect()
            };
            assert_eq!(finished.weighted, Some(Weighted { sumw: value(0), sumw2: value(1) }));
        }
    }
}

/// Sums of cuts that were made elsewhere, added or only read together with what is there.
#[test]
fn sums_of_cuts() {
    let weights: Vec<f64> = (1..2000).map(|i| f64::from(i).sqrt() - 20.0).collect();
    let splitter = Splitter::for_weights(&weights);
    let mut cuts = vec![[0; 4]; weights.len()];
    assert!(splitter.split(&weights, &mut cuts));
    let axes = vec![Axis::integer(0, 1).unwrap()];
    let mut want = ExactHistogram::new(axes, true).unwrap();
    let mut got = want.clone();
    let odd = [1e-300, 3.5e60, -7.0];
    for (cell, turns) in [(1u32, 40), (2, 1)] {
        let mut sum = [0i64; 4];
        for (cut, &weight) in cuts.iter().zip(&weights) {
            sum.iter_mut().zip(cut).for_each(|(sum, part)| *sum += part);
            want.fill_weighted(&[cell], &[weight]);
        }
        if cell == 1 {
            want.fill_weighted(&[1; 3], &odd);
            got.fill_weighted(&[1; 3], &odd);
        }
        let (count, sumw, sumw2) = got.rounded_with(cell as usize, &splitter, join(&sum));
        let known = want.finish();
        assert_eq!(count, if cell == 1 { 3 } else { 0 });
        assert_eq!((sumw, sumw2), (known.sumw(cell as usize), known.sumw2(cell as usize)));
        let before = join(&sum);
        assert!(settle(&mut sum));
        assert_eq!(join(&sum), before);
        got.add_cut(cell, weights.len() as u64, &splitter, &sum);
        // What an integer cannot hold any more moves on.
        let large = [1i64 << 62, 5, -(1i64 << 62), -5];
        for _ in 0..turns {
            got.add_cut(cell, 0, &splitter, &large);
            got.add_cut(cell, 0, &splitter, &large.map(|part| -part));
        }
    }
    assert!(got == want);
}
