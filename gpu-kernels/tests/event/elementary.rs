//! Errors of the elementary functions, in units in the last place.
//!
//! `elementary.txt` holds arguments and exact values as two floats (nearest, and what it lacks), in hexadecimal bits, made
//! with 300 bits of precision.

use std::collections::BTreeMap;
use std::io::Write;

use ana_kernels::cpu::event::math;

use crate::random::Random;

fn compute(name: &str, args: &[f64]) -> f64 {
    match (name, args) {
        ("sin", [x]) => math::sin(*x),
        ("cos", [x]) => math::cos(*x),
        ("exp", [x]) => math::exp(*x),
        ("sinh", [x]) => math::sinh(*x),
        ("cosh", [x]) => math::cosh(*x),
        ("tanh", [x]) => math::tanh(*x),
        ("ln", [x]) => math::ln(*x),
        ("atan2", [y, x]) => math::atan2(*y, *x),
        _ => panic!("{name}"),
    }
}

fn standard(name: &str, args: &[f64]) -> f64 {
    match (name, args) {
        ("sin", [x]) => x.sin(),
        ("cos", [x]) => x.cos(),
        ("exp", [x]) => x.exp(),
        ("sinh", [x]) => x.sinh(),
        ("cosh", [x]) => x.cosh(),
        ("tanh", [x]) => x.tanh(),
        ("ln", [x]) => x.ln(),
        ("atan2", [y, x]) => y.atan2(*x),
        _ => panic!("{name}"),
    }
}

/// Largest error allowed against the exact value.
const BOUNDS: [(&str, f64); 8] = [
    ("sin", 1.0),
    ("cos", 1.0),
    ("exp", 1.0),
    ("ln", 1.0),
    ("sinh", 2.0),
    ("cosh", 2.0),
    ("tanh", 2.0),
    ("atan2", 2.0),
];

/// Distance of neighbouring floats at `x`.
fn last_place(x: f64) -> f64 {
    let x = x.abs().max(f64::MIN_POSITIVE);
    f64::from_bits(x.to_bits() + 1) - x
}

#[test]
fn errors_against_exact_values() {
    // `ANA_ELEMENTARY` names a larger table.
    let table = std::env::var("ANA_ELEMENTARY").map(|path| std::fs::read_to_string(path).unwrap());
    let table = table.unwrap_or_else(|_| include_str!("elementary.txt").to_owned());
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    for line in table.lines() {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let numbers: Vec<f64> =
            words.map(|word| f64::from_bits(u64::from_str_radix(word, 16).unwrap())).collect();
        let (args, exact) = numbers.split_at(numbers.len() - 2);
        let error = ((compute(name, args) - exact[0]) - exact[1]).abs() / last_place(exact[0]);
        let worst = worst.entry(name).or_default();
        *worst = worst.max(error);
    }
    for (name, bound) in BOUNDS {
        assert!(worst[name] <= bound, "{name}: {} ulp", worst[name]);
    }
    writeln!(std::io::stderr(), "largest errors in ulp: {worst:.3?}").unwrap();
}

#[test]
fn near_the_standard_library_everywhere() {
    let mut random = Random(7);
    let odd = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        f64::MAX,
        f64::MIN,
        5e-324,
        1e-310,
        710.0,
        -745.2,
        709.9,
        1e22,
        1024.0,
        -1025.5,
    ];
    let mut argument = |number: usize| match number % 5 {
        0 => odd[(number / 5) % odd.len()],
        1 => f64::from_bits(random.next()),
        2 => (random.next() >> 11) as f64 * 1e-14 - 45.0,
        3 => (random.next() >> 11) as f64 * 1e-15 - 4.5,
        _ => (random.next() >> 11) as f64 * 1.6e-13 - 720.0,
    };
    for number in 0..200_000 {
        let pair = [argument(number), argument(number / 7)];
        for (name, bound) in BOUNDS {
            let args = if name == "atan2" { &pair[..] } else { &pair[..1] };
            let (got, want) = (compute(name, args), standard(name, args));
            // The standard library's own error comes on top.
            let near = (got - want).abs() <= (bound + 1.0) * last_place(want);
            let same = got == want && got.is_sign_negative() == want.is_sign_negative();
            assert!(
                near || same || (got.is_nan() && want.is_nan()),
                "{name}({args:?}) = {got:e}, not {want:e}"
            );
        }
    }
}

#[test]
fn angles_wrap() {
    use std::f64::consts::{PI, TAU};
    for (angle, want) in
        [(0.0, 0.0), (PI, PI), (-PI, -PI), (3.2, 3.2 - TAU), (-3.2, TAU - 3.2), (1.5 * TAU, -PI)]
    {
        assert!((math::wrap_phi(angle) - want).abs() < 1e-12, "{angle}");
    }
    let mut random = Random(8);
    for _ in 0..10_000 {
        let angle = (random.next() >> 11) as f64 * 1e-13 - 450.0;
        let wrapped = math::wrap_phi(angle);
        assert!(
            wrapped.abs() <= PI
                && ((angle - wrapped) / TAU - ((angle - wrapped) / TAU).round()).abs() < 1e-12
        );
        assert_eq!(math::wrap_phi(-angle), -wrapped);
    }
    assert!(math::wrap_phi(f64::INFINITY).is_nan() && math::wrap_phi(f64::NAN).is_nan());
}
