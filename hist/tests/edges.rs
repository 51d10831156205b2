//! The bin rule, at the places where it could go wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

use ana_hist::{Axis, Bins, Transform};
use proptest::collection::vec;
use proptest::prelude::*;

/// The axes of the ADL queries and of the reference histograms beside them.
const ADL: [(usize, f64, f64); 12] = [
    (100, 0.0, 200.0),
    (100, 15.0, 60.0),
    (100, 15.0, 40.0),
    (100, 0.0, 1.0),
    (100, 15.0, 200.0),
    (100, 0.0, 1000.0),
    (12, 4.0, 16.0),
    (80, 0.0, 2000.0),
    (50, 0.0, 500.0),
    (48, -2.4, 2.4),
    (40, -2.4, 2.4),
    (64, -3.2, 3.2),
];

/// The definition, written once more and without cleverness.
fn by_definition(edges: &[f64], x: f64) -> usize {
    if x.is_nan() { edges.len() } else { edges.iter().filter(|&&e| e <= x).count() }
}

#[allow(clippy::cast_possible_truncation, reason = "rounding to f32 is wanted")]
fn narrow(x: f64) -> f32 {
    x as f32
}

/// Every value by the one-value rule and by both tables, against the definition.
fn check(axis: &Axis, edges: &[f64], values: &[f64]) {
    let (wide, slim) = (Bins::<f64>::new(edges), Bins::<f32>::new(edges));
    let values32: Vec<f32> = values.iter().map(|&x| narrow(x)).collect();
    let (mut got, mut got32) = (Vec::new(), Vec::new());
    wide.visit(values, |indices| got.extend_from_slice(indices));
    slim.visit(&values32, |indices| got32.extend_from_slice(indices));
    for (i, (&x, &x32)) in values.iter().zip(&values32).enumerate() {
        let want = by_definition(edges, x);
        assert_eq!(axis.index(x), want, "{axis} {x:e}");
        assert_eq!(wide.index(x), want, "{axis} {x:e}");
        assert_eq!(got[i] as usize, want, "{axis} {x:e} in {wide:?}");
        let want = by_definition(edges, f64::from(x32));
        assert_eq!(slim.index(x32), want, "{axis} {x32:e}");
        assert_eq!(got32[i] as usize, want, "{axis} {x32:e} as f32 in {slim:?}");
    }
}

/// Edges and their neighbours in both widths, and what else there is.
fn hard_values(edges: &[f64]) -> Vec<f64> {
    let around = |&e: &f64| {
        let near = narrow(e);
        [
            e,
            e.next_up(),
            e.next_down(),
            f64::from(near),
            f64::from(near.next_up()),
            f64::from(near.next_down()),
        ]
    };
    let special = [
        f64::NAN,
        -f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        f64::MAX,
        f64::MIN,
        5e-324,
        -5e-324,
        f64::from(f32::MAX),
        f64::from(f32::MIN),
    ];
    edges.iter().flat_map(around).chain(special).collect()
}

#[test]
fn every_edge_of_the_adl_axes_and_one_ulp_beside_it() {
    for (n, lo, hi) in ADL {
        let axis = Axis::regular(n, lo, hi).unwrap();
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        let mut edges: Vec<f64> = (0..=n).map(|i| lo + i as f64 * ((hi - lo) / n as f64)).collect();
        edges[n] = hi;
        assert_eq!(axis.edges(), edges);
        check(&axis, &edges, &hard_values(&edges));
        for (i, &edge) in edges.iter().enumerate() {
            assert_eq!(axis.index(edge), i + 1, "{axis} {edge}");
            assert_eq!(axis.index(edge.next_down()), i, "{axis} below {edge}");
        }
    }
}

/// Values that boost-histogram puts one bin lower, and ROOT before 6.40 one bin off.
#[test]
fn values_on_edges_that_others_misplace() {
    let met = Axis::regular(100, 0.0, 200.0).unwrap();
    assert_eq!([58.0, 114.0, 116.0].map(|x| met.index(x)), [30, 58, 59]);
    let eta = Axis::regular(48, -2.4, 2.4).unwrap();
    let at = eta.edges().iter().position(|&e| e >= -1.0).unwrap();
    assert_eq!(eta.index(-1.0), by_definition(&eta.edges(), -1.0));
    assert!(at == 14 || at == 15);
}

#[test]
fn axes_without_an_easy_formula() {
    let geometric: Vec<f64> = (0..=99).map(|i| 200f64.powf(f64::from(i) / 99.0)).collect();
    let uneven: Vec<f64> = (0..20)
        .map(f64::from)
        .chain((0..50).map(|i| 20.0 + 1e-9 * f64::from(i)))
        .chain((1..30).map(|i| 1e3 * f64::from(i)))
        .collect();
    // One crowd, and crowds of several widths far from each other: cells of two sizes.
    let crowd: Vec<f64> = (0..20)
        .map(f64::from)
        .chain((0..50).map(|i| 20.0 + 0.01 * f64::from(i)))
        .chain((1..31).map(|i| 20.5 + 50.0 * f64::from(i)))
        .collect();
    let crowds: Vec<f64> = [(-5e3, 1e-3), (-1.0, 0.1), (91.0, 1e-2), (4e4, 7.0)]
        .iter()
        .flat_map(|&(start, step)| (0..30).map(move |i| start + step * f64::from(i)))
        .collect();
    let signed: Vec<f64> = geometric.iter().rev().map(|e| -e).chain(geometric.iter().copied()).collect();
    // Neighbouring doubles, which are all one f32.
    let dense: Vec<f64> = std::iter::successors(Some(1.0f64), |x| Some(x.next_up())).take(40).collect();
    let ends = vec![f64::MIN, -1.0, 1.0, f64::MAX];
    let tiny = vec![-5e-324, 0.0, 5e-324, 1e-310];
    for edges in
        [geometric, uneven, crowd, crowds, signed, dense, ends, tiny, vec![1.0, 2.0], vec![1e-300, 1e300]]
    {
        let axis = Axis::variable(edges.clone()).unwrap();
        check(&axis, &edges, &hard_values(&edges));
    }
    for axis in [
        Axis::transformed(50, 0.1, 1e4, Transform::Log).unwrap(),
        Axis::transformed(50, 1e-300, 1e300, Transform::Log).unwrap(),
        Axis::transformed(50, 0.0, 900.0, Transform::Sqrt).unwrap(),
        Axis::integer(-7, 30).unwrap(),
        Axis::integer((1 << 53) - 4, 1 << 53).unwrap(),
        Axis::regular(3, 1e16, 1e16 + 8.0).unwrap(),
        Axis::regular(1, -1e308, 7e307).unwrap(),
        Axis::regular(10, 1e-320, 1e-318).unwrap(),
        Axis::regular(3000, 0.0, 0.7).unwrap(),
    ] {
        check(&axis, &axis.edges(), &hard_values(&axis.edges()));
    }
}

#[test]
fn a_log_axis_has_the_ends_it_was_given() {
    let axis = Axis::transformed(3, 1.0, 1000.0, Transform::Log).unwrap();
    let edges = axis.edges();
    assert_eq!((edges[0], edges[3]), (1.0, 1000.0));
    assert!((edges[1] - 10.0).abs() < 1e-12 && (edges[2] - 100.0).abs() < 1e-12);
    let axis = Axis::transformed(2, 0.0, 16.0, Transform::Sqrt).unwrap();
    assert_eq!(axis.edges(), [0.0, 4.0, 16.0]);
}

#[test]
fn floats_on_an_integer_axis_go_to_the_integer_below() {
    let axis = Axis::integer(-1, 3).unwrap();
    let index = |x| axis.index(x);
    assert_eq!([-1.5, -1.0, -0.5, 0.0, 2.7, 2.999, 3.0].map(index), [0, 1, 1, 2, 4, 4, 5]);
    assert_eq!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(index), [5, 5, 0]);
}

#[test]
fn categories_and_booleans() {
    let axis = Axis::category(vec!["a".into(), "b".into()]).unwrap();
    assert_eq!(["a", "b", "c", ""].map(|l| axis.label_index(l).unwrap()), [0, 1, 2, 2]);
    assert_eq!((axis.extent(), axis.bins(), axis.label(2)), (3, 2, None));
    assert_eq!(Axis::boolean().extent(), 2);
    assert_eq!(Axis::boolean().label(1), Some("true"));
}

#[test]
fn axes_that_cannot_be() {
    for (n, lo, hi) in [
        (0, 0.0, 1.0),
        (3, 1.0, 1.0),
        (3, 2.0, 1.0),
        (3, f64::NAN, 1.0),
        (3, 0.0, f64::INFINITY),
        (3, -1e308, 1e308),
        (10, 1e16, 1e16 + 8.0),
        (usize::MAX, 0.0, 1.0),
    ] {
        assert!(Axis::regular(n, lo, hi).is_err(), "{n} {lo} {hi}");
    }
    assert!(Axis::transformed(3, 0.0, 1.0, Transform::Log).is_err());
    assert!(Axis::transformed(3, -1.0, 1.0, Transform::Sqrt).is_err());
    for edges in
        [vec![], vec![1.0], vec![1.0, 1.0], vec![2.0, 1.0], vec![0.0, f64::NAN], vec![0.0, f64::INFINITY]]
    {
        assert!(Axis::variable(edges).is_err());
    }
    assert!(Axis::integer(3, 3).is_err());
    assert!(Axis::integer(i64::MIN, i64::MAX).is_err());
    assert!(Axis::category(vec![]).is_err());
    assert!(Axis::category(vec!["a".into(), "a".into()]).is_err());
}

fn any_edges() -> impl Strategy<Value = Vec<f64>> {
    let scattered = vec(prop_oneof![any::<f64>(), -1e3..1e3f64, any::<f32>().prop_map(f64::from)], 2..60);
    // Many edges within few units in the last place, which is where guesses fail.
    let crowded = (any::<f64>(), vec(0u32..200, 2..60)).prop_map(|(base, steps)| {
        steps.iter().map(|&s| f64::from_bits(base.to_bits().wrapping_add(u64::from(s)))).collect()
    });
    // Crowds of one width each.
    let crowds = vec((-1e4..1e4f64, -12i32..4, 1u32..20), 1..6).prop_map(|crowds| {
        let edges = |(start, exponent, n): (f64, i32, u32)| {
            (0..=n).map(move |i| start + f64::from(i) * 2f64.powi(exponent))
        };
        crowds.into_iter().flat_map(edges).collect()
    });
    prop_oneof![scattered, crowded, crowds].prop_filter_map("two edges", |mut edges: Vec<f64>| {
        edges.retain(|e| e.is_finite());
        edges.sort_by(f64::total_cmp);
        edges.dedup_by(|b, a| a >= b);
        (edges.len() >= 2).then_some(edges)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn any_edges_any_values(edges in any_edges(), values in vec(any::<f64>(), 0..50)) {
        let axis = Axis::variable(edges.clone()).unwrap();
        let mut values = values;
        values.extend(hard_values(&edges));
        check(&axis, &edges, &values);
    }

    #[test]
    fn any_regular_axis(n in 1usize..300, lo in -1e3..1e3f64, exponent in -40i32..40, width in 0.5..1.0f64, inside in vec(-0.1..1.1f64, 0..50)) {
        let hi = lo + width * 2f64.powi(exponent);
        let Ok(axis) = Axis::regular(n, lo, hi) else { return Ok(()) };
        let edges = axis.edges();
        let mut values = hard_values(&edges);
        values.extend(inside.iter().map(|f| lo + f * (hi - lo)));
        check(&axis, &edges, &values);
    }
}
