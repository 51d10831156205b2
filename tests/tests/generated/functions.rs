//! Functions of numbers and of lists.

use std::{
    cmp::Ordering,
    f64::consts::{PI, TAU},
};

use super::{
    syntax::{Fun, ListFun},
    value::{
        EPS, Mode, Op, Out, Res, Skip, Ty, V, arithmetic, compare, exact, fit, float, is_true, logical,
        order, widen,
    },
};

/// `coalesce`, `nullif`, `greatest`, `least`, of values of one type. NULL is passed over, NaN the greatest.
pub(crate) fn choice(fun: Fun, values: &[V]) -> Res<V> {
    let mut known = values.iter().copied().filter(|value| !matches!(value, V::Null));
    match fun {
        Fun::Coalesce => Ok(known.next().unwrap_or(V::Null)),
        Fun::Nullif => {
            let equal = is_true(compare(Op::Eq, values[0], values[1])?);
            Ok(if equal { V::Null } else { values[0] })
        }
        _ => {
            let Some(mut best) = known.next() else { return Ok(V::Null) };
            let wanted = if fun == Fun::Greatest { Ordering::Greater } else { Ordering::Less };
            for value in known {
                let found = order(value, best)?;
                if let (V::F(a, _), V::F(b, _)) = (value, best)
                    && found.is_eq()
                    && a.is_sign_negative() != b.is_sign_negative()
                    && !a.is_nan()
                {
                    // Which of two zeros is nothing SQL says.
                    return Err(Skip::Ambiguous);
                }
                if found == wanted {
                    best = value;
                }
            }
            Ok(best)
        }
    }
}

/// Functions of numbers that are NULL of NULL.
pub(crate) fn of_numbers(fun: Fun, values: &[V], types: &[Ty], ty: Ty, mode: Mode) -> Res<V> {
    if values.iter().any(|value| matches!(value, V::Null)) {
        return Ok(V::Null);
    }
    if let (Fun::Abs | Fun::Signum, V::I(i)) = (fun, values[0]) {
        return if fun == Fun::Abs { fit(i128::from(i).abs(), types[0], mode) } else { Ok(V::I(i.signum())) };
    }
    let computed = if ty == Ty::F32 { Ty::F32 } else { Ty::F64 };
    let arguments: Vec<(f64, f64)> = values
        .iter()
        .map(|value| match widen(*value, computed) {
            V::F(x, error) => (x, error),
            other => panic!("no number: {other:?}"),
        })
        .collect();
    let (x, error) = arguments[0];
    // Of these the result has to be the same to the bit.
    let step = match fun {
        Fun::Floor => Some(x.floor()),
        Fun::Ceil => Some(x.ceil()),
        Fun::Round => Some(x.round()),
        // Columns lose the sign of a zero here.
        Fun::Trunc | Fun::Signum if x == 0.0 && mode == Mode::Column => Some(0.0),
        Fun::RoundAt => {
            let scale = 10f64.powf(arguments[1].0);
            Some(match ty {
                Ty::F32 => f64::from((x as f32 * scale as f32).round() / scale as f32),
                _ => (x * scale).round() / scale,
            })
        }
        Fun::Trunc => Some(x.trunc()),
        Fun::Signum if x == 0.0 || x.is_nan() => Some(x),
        Fun::Signum => Some(x.signum()),
        _ => None,
    };
    if let Some(step) = step {
        return if error > 0.0 { Err(Skip::Ambiguous) } else { Ok(exact(step)) };
    }
    let single = ty == Ty::F32;
    let ulp = if single { f64::from(f32::EPSILON) } else { EPS };
    let smooth = |wide: f64, slope: f64| {
        let wide = if single { f64::from(wide as f32) } else { wide };
        let smallest = if single { 1e-44 } else { 5e-323 };
        Ok(float(wide, slope * error + 8.0 * ulp * wide.abs() + smallest))
    };
    match fun {
        Fun::Isnan => Ok(V::B(x.is_nan())),
        Fun::Abs => Ok(V::F(x.abs(), error)),
        Fun::Sqrt if mode == Mode::Column && x < 0.0 => Err(Skip::Fault),
        Fun::Sqrt if mode == Mode::Column && x <= error && error > 0.0 => Err(Skip::Fault),
        Fun::Sqrt if error == 0.0 => Ok(exact(if single { f64::from((x as f32).sqrt()) } else { x.sqrt() })),
        Fun::Sqrt => Ok(root(x, error)),
        Fun::Exp | Fun::Sinh if error > 1e-3 && x.is_finite() => Err(Skip::Ambiguous),
        Fun::Exp => smooth(x.exp(), x.exp()),
        Fun::Ln if x.abs() <= 2.0 * error && error > 0.0 => Err(Skip::Ambiguous),
        Fun::Ln => smooth(x.ln(), 2.0 / x.abs()),
        // Where neighbouring arguments are turns apart, libraries differ in nothing but that.
        Fun::Sin | Fun::Cos if x.is_finite() && (error > 1e-3 || (single && x.abs() > 1e30)) => {
            Err(Skip::Ambiguous)
        }
        Fun::Pow if error > 1e-3 * x.abs() => Err(Skip::Ambiguous),
        Fun::Pow => smooth(x.powf(arguments[1].0), 4.0 * arguments[1].0 * x.abs().powf(arguments[1].0 - 1.0)),
        Fun::Sin => smooth(x.sin(), 1.0),
        Fun::Cos => smooth(x.cos(), 1.0),
        Fun::Sinh => smooth(x.sinh(), x.cosh()),
        Fun::Atan => smooth(x.atan(), 1.0),
        Fun::Atan2 => {
            let (y, ey) = (x, error);
            let (x, ex) = arguments[1];
            match atan2(y, ey, x, ex)? {
                V::F(angle, error) if single => {
                    Ok(float(f64::from(angle as f32), error + 8.0 * ulp * angle.abs()))
                }
                other => Ok(other),
            }
        }
        Fun::DeltaPhi => delta_phi(widen(values[0], Ty::F64), widen(values[1], Ty::F64)),
        Fun::DeltaR => {
            let [eta1, phi1, eta2, phi2] = [0, 1, 2, 3].map(|place| widen(values[place], Ty::F64));
            delta_r(eta1, phi1, eta2, phi2)
        }
        Fun::TransverseMass => {
            let [pt1, phi1, pt2, phi2] = [0, 1, 2, 3].map(|place| widen(values[place], Ty::F64));
            transverse_mass(pt1, phi1, pt2, phi2)
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) fn root(x: f64, error: f64) -> V {
    if x > 2.0 * error {
        float(x.sqrt(), error / x.sqrt() + EPS * x.sqrt())
    } else if error > 0.0 && x >= -2.0 * error {
        // Somewhere near zero, if it is a number at all.
        float(x.max(0.0).sqrt(), if x < 0.0 { f64::INFINITY } else { 2.0 * (x.abs() + error).sqrt() })
    } else {
        exact(x.sqrt())
    }
}

pub(crate) fn wide(op: Op, a: V, b: V) -> Res<V> {
    arithmetic(op, a, b, Ty::F64, Mode::Kernel)
}

pub(crate) fn atan2(y: f64, ey: f64, x: f64, ex: f64) -> Res<V> {
    let error = (ey * x.abs() + ex * y.abs()) / (x * x + y * y);
    // Too far from exact for slopes to tell anything.
    let unknown = 2.0 * (ey + ex) >= y.hypot(x);
    if ey + ex > 0.0
        && (unknown || (error.is_nan() || error >= 1e-3) || (x < 0.0 && y.abs() <= ey))
        && !x.is_nan()
        && !y.is_nan()
    {
        return Err(Skip::Ambiguous);
    }
    let angle = y.atan2(x);
    Ok(float(angle, if ey + ex > 0.0 { 2.0 * error } else { 0.0 } + 8.0 * EPS * angle.abs() + 5e-323))
}

/// φ₁ − φ₂ in [−π, π].
pub(crate) fn delta_phi(first: V, second: V) -> Res<V> {
    let V::F(difference, error) = wide(Op::Sub, first, second)? else { return Ok(V::Null) };
    if difference.abs() + error <= PI {
        return Ok(V::F(difference, error));
    }
    let wrapped = difference - TAU * (difference / TAU).round();
    let error = error + 4.0 * EPS * difference.abs();
    if wrapped.abs() + error + 1e-9 >= PI && !difference.is_nan() {
        return Err(Skip::Ambiguous);
    }
    Ok(float(wrapped, error))
}

/// √(Δη² + Δφ²)
pub(crate) fn delta_r(eta1: V, phi1: V, eta2: V, phi2: V) -> Res<V> {
    let (eta, phi) = (wide(Op::Sub, eta1, eta2)?, delta_phi(phi1, phi2)?);
    let square = wide(Op::Add, wide(Op::Mul, eta, eta)?, wide(Op::Mul, phi, phi)?)?;
    Ok(match square {
        V::F(square, error) => root(square, error),
        other => other,
    })
}

/// √(2 pt₁ pt₂ (1 − cos Δφ))
pub(crate) fn transverse_mass(pt1: V, phi1: V, pt2: V, phi2: V) -> Res<V> {
    let V::F(angle, error) = delta_phi(phi1, phi2)? else { return Ok(V::Null) };
    let one_minus = wide(Op::Sub, exact(1.0), float(angle.cos(), error + 8.0 * EPS))?;
    let pts = wide(Op::Mul, wide(Op::Mul, exact(2.0), pt1)?, pt2)?;
    Ok(match wide(Op::Mul, pts, one_minus)? {
        V::F(square, error) => root(square, error),
        other => other,
    })
}

/// Functions of whole lists.
pub(crate) fn of_lists(fun: ListFun, arguments: &[Out]) -> Res<Out> {
    let list = match &arguments[0] {
        Out::Many(list) => list,
        // A counter stands for its list.
        Out::One(count) => return of_count(fun, *count, arguments).map(Out::One),
    };
    let scalar = |place: usize| match &arguments[place] {
        Out::One(value) => *value,
        Out::Many(_) => panic!("a list as argument {place}"),
    };
    let known = |list: &[V]| -> Vec<(i64, V)> {
        (0..).zip(list.iter().copied()).filter(|(_, value)| !matches!(value, V::Null)).collect()
    };
    let number = |value: V| widen(value, Ty::F64);
    if matches!(fun, ListFun::ArgMin | ListFun::ArgMax | ListFun::ArgSort(_) | ListFun::Leading) {
        let known = known(list);
        for (place, (_, a)) in known.iter().enumerate() {
            known[..place].iter().try_for_each(|(_, b)| order(*a, *b).map(drop))?;
        }
    }
    Ok(Out::One(match fun {
        ListFun::Any => logical(list, true),
        ListFun::All => logical(list, false),
        ListFun::ArgMin | ListFun::ArgMax => {
            let wanted = if fun == ListFun::ArgMin { Ordering::Less } else { Ordering::Greater };
            let mut best: Option<(i64, V)> = None;
            for (place, value) in known(list) {
                if best.is_none_or(|(_, other)| order(number(value), number(other)) == Ok(wanted)) {
                    best = Some((place, value));
                }
            }
            best.map_or(V::Null, |(place, _)| V::I(place))
        }
        ListFun::ArgSort(descending) => {
            let mut places = known(list);
            places.sort_by(|(_, a), (_, b)| {
                let order = order(number(*a), number(*b)).unwrap_or(Ordering::Equal);
                if descending { order.reverse() } else { order }
            });
            let nulls = (0..).zip(list).filter(|(_, value)| matches!(value, V::Null)).map(|(place, _)| place);
            return Ok(Out::Many(
                places.into_iter().map(|(place, _)| place).chain(nulls).map(V::I).collect(),
            ));
        }
        ListFun::Take => {
            let Out::Many(places) = &arguments[1] else { panic!("no list of places") };
            let at = |place: &V| match place {
                V::I(place) => usize::try_from(*place).ok().and_then(|at| list.get(at)).copied(),
                _ => None,
            };
            return Ok(Out::Many(places.iter().map(|place| at(place).unwrap_or(V::Null)).collect()));
        }
        ListFun::Ht => {
            let mut sum = exact(0.0);
            for (_, value) in known(list) {
                sum = wide(Op::Add, sum, number(value))?;
            }
            sum
        }
        ListFun::Leading => {
            let mut numbers = known(list);
            let is_nan = |value: &V| matches!(value, V::F(x, _) if x.is_nan());
            numbers.retain(|(_, value)| !is_nan(value));
            numbers.sort_by(|(_, a), (_, b)| order(*b, *a).unwrap_or(Ordering::Equal));
            let V::I(n) = scalar(1) else { panic!("no place") };
            let rest = list.iter().filter(|value| is_nan(value) || matches!(value, V::Null));
            let all: Vec<V> = numbers.into_iter().map(|(_, value)| value).chain(rest.copied()).collect();
            usize::try_from(n - 1).ok().and_then(|at| all.get(at)).copied().unwrap_or(V::Null)
        }
        ListFun::NObj | ListFun::NObjMin | ListFun::NObjEq | ListFun::NObjLess => {
            let threshold = if fun == ListFun::NObj { 1 } else { 2 };
            let mut count = list.len() as i64;
            if arguments.len() > threshold {
                let above = number(scalar(threshold));
                count = 0;
                for (_, value) in known(list) {
                    let V::F(x, _) = number(value) else { continue };
                    count += i64::from(is_true(compare(Op::Ge, number(value), above)?) && !x.is_nan());
                }
            }
            return of_count(fun, V::I(count), arguments).map(Out::One);
        }
    }))
}

fn of_count(fun: ListFun, count: V, arguments: &[Out]) -> Res<V> {
    let Some(Out::One(wanted)) = arguments.get(1) else { return Ok(count) };
    match fun {
        ListFun::NObjMin => compare(Op::Ge, count, *wanted),
        ListFun::NObjEq => compare(Op::Eq, count, *wanted),
        ListFun::NObjLess => compare(Op::Lt, count, *wanted),
        _ => Ok(count),
    }
}
