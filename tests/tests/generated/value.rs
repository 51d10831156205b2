//! Values, and what single operators make of them: in columns as the engine types them, in kernels as the IR says.

use std::cmp::Ordering;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ty {
    Bool,
    I32,
    I64,
    F32,
    F64,
}

impl Ty {
    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum V {
    Null,
    B(bool),
    I(i64),
    /// A number, and how far the engine's may be from it: not at all where only `+ − × ÷ √` made it, some ulp
    /// where a transcendental function had a part.
    F(f64, f64),
}

#[derive(Debug, Clone)]
pub(crate) enum Out {
    One(V),
    Many(Vec<V>),
}

/// Why there is no answer to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skip {
    /// A decision hangs on the last digits of a transcendental function.
    Ambiguous,
    /// Column arithmetic fails: overflow, division by zero.
    Fault,
}

pub(crate) type Res<T> = Result<T, Skip>;

/// Whose rules hold: those of columns and lists, or those of objects in a subquery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Column,
    Kernel,
}

pub(crate) const EPS: f64 = f64::EPSILON;

pub(crate) fn exact(x: f64) -> V {
    V::F(x, 0.0)
}

/// A number with its uncertainty; infinities and NaN have none.
pub(crate) fn float(x: f64, error: f64) -> V {
    if !x.is_finite() {
        return exact(x);
    }
    V::F(x, if error.is_nan() { f64::INFINITY } else { error })
}

/// A null, or an error where there is none in columns.
pub(crate) fn missing(mode: Mode) -> Res<V> {
    if mode == Mode::Kernel { Ok(V::Null) } else { Err(Skip::Fault) }
}

pub(crate) fn fit(value: i128, ty: Ty, mode: Mode) -> Res<V> {
    let fits = match ty {
        Ty::I32 => i32::try_from(value).is_ok(),
        _ => i64::try_from(value).is_ok(),
    };
    if fits { Ok(V::I(value as i64)) } else { missing(mode) }
}

/// A value brought to the type two operands have in common.
pub(crate) fn widen(value: V, ty: Ty) -> V {
    match (value, ty) {
        (V::I(i), Ty::F64) => exact(i as f64),
        (V::I(i), Ty::F32) => exact(f64::from(i as f32)),
        (V::F(x, error), Ty::F32) => narrowed(x, error),
        _ => value,
    }
}

fn narrowed(x: f64, error: f64) -> V {
    let rounding = if error > 0.0 { x.abs() * f64::from(f32::EPSILON) } else { 0.0 };
    float(f64::from(x as f32), error + rounding)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    BitAnd,
    BitOr,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
}

impl Op {
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Rem => "%",
            Self::BitAnd => "&",
            Self::BitOr => "|",
            Self::Eq => "=",
            Self::Ne => "<>",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::And => "AND",
            Self::Or => "OR",
        }
    }
}

impl Op {
    /// Whether numbers make a number.
    pub(crate) fn is_arithmetic(self) -> bool {
        matches!(self, Self::Add | Self::Sub | Self::Mul | Self::Div | Self::Rem | Self::BitAnd | Self::BitOr)
    }
}

/// `+ − × ÷ % & |` of two values of type `ty`.
pub(crate) fn arithmetic(op: Op, a: V, b: V, ty: Ty, mode: Mode) -> Res<V> {
    match (a, b) {
        (V::I(a), V::I(b)) => {
            let (a, b) = (i128::from(a), i128::from(b));
            let value = match op {
                Op::Add => a.checked_add(b),
                Op::Sub => a.checked_sub(b),
                Op::Mul => a.checked_mul(b),
                Op::Div => a.checked_div(b),
                Op::BitAnd => Some(a & b),
                Op::BitOr => Some(a | b),
                _ => a.checked_rem(b),
            };
            value.map_or_else(|| missing(mode), |value| fit(value, ty, mode))
        }
        (V::F(a, ea), V::F(b, eb)) if ea == 0.0 && eb == 0.0 => Ok(exact(if ty == Ty::F32 {
            let (a, b) = (a as f32, b as f32);
            f64::from(match op {
                Op::Add => a + b,
                Op::Sub => a - b,
                Op::Mul => a * b,
                Op::Div => a / b,
                _ => a % b,
            })
        } else {
            match op {
                Op::Add => a + b,
                Op::Sub => a - b,
                Op::Mul => a * b,
                Op::Div => a / b,
                _ => a % b,
            }
        })),
        (V::F(a, ea), V::F(b, eb)) => {
            let (value, error) = match op {
                Op::Add => (a + b, ea + eb),
                Op::Sub => (a - b, ea + eb),
                Op::Mul => (a * b, a.abs() * eb + b.abs() * ea + ea * eb),
                Op::Div if b.abs() > eb => (a / b, (ea + (a / b).abs() * eb) / (b.abs() - eb)),
                _ => return Err(Skip::Ambiguous),
            };
            let ulp = if ty == Ty::F32 { f64::from(f32::EPSILON) } else { EPS };
            let value = if ty == Ty::F32 { f64::from(value as f32) } else { value };
            Ok(float(value, error + value.abs() * ulp))
        }
        _ => Ok(V::Null),
    }
}

/// The order of two values of one type: every NaN is one value and the greatest, zeros are equal.
pub(crate) fn order(a: V, b: V) -> Res<Ordering> {
    match (a, b) {
        (V::B(a), V::B(b)) => Ok(a.cmp(&b)),
        (V::I(a), V::I(b)) => Ok(a.cmp(&b)),
        (V::F(a, ea), V::F(b, eb)) => {
            if ea + eb > 0.0 && ((a - b).abs() <= ea + eb || (a - b).is_nan()) && !a.is_nan() && !b.is_nan() {
                return Err(Skip::Ambiguous);
            }
            Ok(a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())))
        }
        _ => panic!("no order between {a:?} and {b:?}"),
    }
}

/// A comparison of two values of one type.
pub(crate) fn compare(op: Op, a: V, b: V) -> Res<V> {
    if matches!(a, V::Null) || matches!(b, V::Null) {
        return Ok(V::Null);
    }
    let order = order(a, b)?;
    Ok(V::B(match op {
        Op::Eq => order.is_eq(),
        Op::Ne => order.is_ne(),
        Op::Lt => order.is_lt(),
        Op::Le => order.is_le(),
        Op::Gt => order.is_gt(),
        _ => order.is_ge(),
    }))
}

/// Three-valued AND (`deciding` false) and OR (`deciding` true).
pub(crate) fn logical(values: &[V], deciding: bool) -> V {
    if values.iter().any(|value| matches!(value, V::B(value) if *value == deciding)) {
        V::B(deciding)
    } else if values.iter().any(|value| matches!(value, V::Null)) {
        V::Null
    } else {
        V::B(!deciding)
    }
}

pub(crate) fn negate(value: V) -> V {
    match value {
        V::B(value) => V::B(!value),
        other => other,
    }
}

pub(crate) fn is_true(value: V) -> bool {
    matches!(value, V::B(true))
}

/// CAST. What does not fit is NULL in kernels and for TRY_CAST, an error in columns.
pub(crate) fn cast(value: V, to: Ty, mode: Mode) -> Res<V> {
    match (value, to) {
        (V::Null, _) | (V::B(_), Ty::Bool) => Ok(value),
        (V::B(value), _) => {
            Ok(if to.is_float() { exact(f64::from(u8::from(value))) } else { V::I(value.into()) })
        }
        (V::I(value), Ty::Bool) => Ok(V::B(value != 0)),
        (V::I(value), Ty::I32 | Ty::I64) => fit(value.into(), to, mode),
        (V::F(x, error), Ty::I32 | Ty::I64) => {
            if error > 0.0 {
                return Err(Skip::Ambiguous);
            }
            let whole = x.trunc();
            if whole.is_nan() || whole.abs() > 1e30 { missing(mode) } else { fit(whole as i128, to, mode) }
        }
        (V::F(..), Ty::Bool) => Err(Skip::Ambiguous),
        _ => Ok(widen(value, to)),
    }
}
