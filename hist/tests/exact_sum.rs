//! Exact sums against integers of any size.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

use ana_hist::exact_sum::{ExactSum, WeightSums};
use num_bigint::{BigInt, Sign};
use proptest::collection::vec;
use proptest::prelude::*;

/// The f64 nearest to a sum of finite terms: the sum as an integer in units of 2⁻¹⁰⁷⁴, printed and read back by the
/// standard library, whose parser rounds correctly.
fn reference(terms: &[f64]) -> f64 {
    let mut sum = BigInt::ZERO;
    for &x in terms {
        let bits = x.to_bits();
        let field = bits >> 52 & 0x7ff;
        let fraction = bits & ((1 << 52) - 1);
        let magnitude =
            if field == 0 { BigInt::from(fraction) } else { BigInt::from(fraction | 1 << 52) << (field - 1) };
        sum += if x < 0.0 { -magnitude } else { magnitude };
    }
    if sum.sign() == Sign::NoSign {
        return 0.0;
    }
    // n·2⁻¹⁰⁷⁴ = n·5¹⁰⁷⁴·10⁻¹⁰⁷⁴
    format!("{}e-1074", sum * BigInt::from(5).pow(1074)).parse().unwrap()
}

fn any_finite() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |x| x.is_finite())
}

/// Weights as they come: near 1, of few bits, over many orders, and hard ones.
fn weight() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => 0.2..5.0f64,
        4 => (-3.0..3.0f32).prop_map(f64::from),
        2 => prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, 0.1, 1e-310, 5e-324, -5e-324, 1e154, 1.4e154, 1e-160, f64::MAX, -f64::MAX]),
        2 => (-1.0..1.0f64, -60i32..60).prop_map(|(x, e)| x * 2f64.powi(e)),
        1 => any_finite(),
    ]
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn any_terms(terms in vec(any_finite(), 0..40)) {
        let sum: ExactSum = terms.iter().copied().collect();
        prop_assert!(same(sum.value(), reference(&terms)));
    }

    #[test]
    fn cancelling_terms(terms in vec(any_finite(), 1..20), extra in any_finite(), order in any::<prop::sample::Index>()) {
        let mut all: Vec<f64> = terms.iter().flat_map(|&x| [x, -x]).collect();
        all.insert(order.index(all.len()), extra);
        let sum: ExactSum = all.iter().copied().collect();
        prop_assert!(sum.value() == extra);
    }

    #[test]
    fn halfway_cases(base in any_finite(), up in any::<bool>(), nudge in prop::option::of(any::<bool>())) {
        prop_assume!(base.abs() > 1e-300 && base.abs() < 1e300);
        let ulp = base.next_up() - base;
        let mut terms = vec![base, if up { ulp / 2.0 } else { -ulp / 2.0 }];
        if let Some(positive) = nudge {
            terms.push(if positive { 5e-324 } else { -5e-324 });
        }
        let sum: ExactSum = terms.iter().copied().collect();
        prop_assert!(same(sum.value(), reference(&terms)));
    }

    /// However the fills are dealt to partial sums, whatever their order and the order of merging.
    #[test]
    fn weights(
        fills in vec((0u32..3, weight()), 0..600),
        parts in 1usize..6,
        batch in 1usize..300,
        seed in any::<u64>(),
    ) {
        let mut partial = vec![WeightSums::new(3); parts];
        for (i, chunk) in fills.chunks(batch).enumerate() {
            let (cells, weights): (Vec<u32>, Vec<f64>) = chunk.iter().copied().unzip();
            partial[i % parts].add(&cells, &weights);
        }
        let mut total = WeightSums::new(3);
        while !partial.is_empty() {
            let next = usize::try_from(seed % partial.len() as u64).unwrap();
            total.merge(&partial.swap_remove(next));
        }
        let (sumw, sumw2) = total.finish();
        for cell in 0..3u32 {
            let own: Vec<f64> = fills.iter().filter(|f| f.0 == cell).map(|f| f.1).collect();
            let squares: Vec<f64> = own.iter().map(|w| w * w).collect();
            prop_assert!(same(sumw[cell as usize], reference(&own)));
            let want = if squares.contains(&f64::INFINITY) { f64::INFINITY } else { reference(&squares) };
            prop_assert!(same(sumw2[cell as usize], want), "{} {want}", sumw2[cell as usize]);
        }
    }
}

#[test]
fn more_fills_than_the_integers_hold() {
    let mut sums = WeightSums::new(1);
    let w = f64::from_bits(0x3ff5_5555_5555_5555);
    let (cells, weights) = (vec![0u32; 1 << 16], vec![w; 1 << 16]);
    for _ in 0..200 {
        sums.add(&cells, &weights);
    }
    let (sumw, sumw2) = sums.finish();
    let times = BigInt::from(200u32 << 16);
    let exact = |x: f64| {
        // x = m·2⁻⁵² with m an integer: x is between 1 and 2.
        let m = BigInt::from(x.to_bits() & ((1 << 52) - 1) | 1 << 52);
        let scaled = m * &times * BigInt::from(5).pow(52);
        format!("{scaled}e-52").parse::<f64>().unwrap()
    };
    assert!(same(sumw[0], exact(w)));
    assert!(same(sumw2[0], exact(w * w)));
}

#[test]
fn infinities_and_nan_in_any_order() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let cases: [(&[f64], f64); 6] = [
        (&[1.0, inf, -5.0], inf),
        (&[1.0, -inf, inf], nan),
        (&[nan, inf], nan),
        (&[-inf, 3.0, -inf], -inf),
        (&[f64::MAX, f64::MAX], inf),
        (&[f64::MAX, f64::MAX, -f64::MAX], f64::MAX),
    ];
    for (terms, want) in cases {
        let mut terms = terms.to_vec();
        for _ in 0..terms.len() {
            terms.rotate_left(1);
            let sum: ExactSum = terms.iter().copied().collect();
            assert!(same(sum.value(), want), "{terms:?}");
            let mut weights = WeightSums::new(1);
            terms.iter().for_each(|&w| weights.add_one(0, w));
            let (sumw, sumw2) = weights.finish();
            assert!(same(sumw[0], want), "{terms:?}");
            assert!(same(sumw2[0], if terms.iter().any(|w| w.is_nan()) { nan } else { inf }));
        }
    }
}

#[test]
fn zeros_are_positive() {
    for terms in [&[][..], &[-0.0], &[-0.0, -0.0], &[1.5, -1.5]] {
        let sum: ExactSum = terms.iter().copied().collect();
        assert_eq!(sum.value().to_bits(), 0);
    }
}
