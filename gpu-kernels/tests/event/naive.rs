//! The meaning of the IR, as plainly as it can be written.

use std::cmp::Ordering;

use ana_kernels::cpu::event::math;
use ana_kernels::ir::{
    Aggregate, AggregateFunction, BinaryOp, Const, Expr, Kernel, OrderKey, Query, Reduction, Source, Type,
    UnaryOp, VarId,
};

/// A value that is not NULL.
#[derive(Debug, Clone, Copy)]
pub(crate) enum V {
    Bool(bool),
    I32(i32),
    I64(i64),
    U32(u32),
    U64(u64),
    F32(f32),
    F64(f64),
}

pub(crate) type Value = Option<V>;

/// One event: a value, or a list, for every input that is a column.
#[derive(Debug, Clone)]
pub(crate) enum Column {
    Scalar(Value),
    List(Vec<Value>),
}

pub(crate) type Event = Vec<Column>;

/// One output of one event.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    One(Value),
    Many(Vec<Value>),
}

pub(crate) fn evaluate(kernel: &Kernel, event: &Event) -> Vec<Answer> {
    let mut run = Run { kernel, columns: Vec::new(), vars: Vec::new() };
    let mut given = event.iter();
    for input in &kernel.inputs {
        let derived = matches!(input.source, Source::Derived { .. });
        run.columns.push(if derived { Column::List(Vec::new()) } else { given.next().unwrap().clone() });
    }
    for (id, collection) in kernel.collections.iter().enumerate() {
        let parts: Vec<_> = collection.parts.iter().map(|part| run.query(part)).collect();
        for (input, column) in kernel.inputs.iter().zip(&mut run.columns) {
            if let Source::Derived { collection, value } = input.source
                && collection == id
            {
                let lists = parts.iter().flat_map(|part| match &part[value] {
                    Answer::Many(list) => list.clone(),
                    Answer::One(_) => panic!("a part is a list"),
                });
                *column = Column::List(lists.collect());
            }
        }
    }
    run.query(&kernel.body)
}

struct Run<'a> {
    kernel: &'a Kernel,
    columns: Vec<Column>,
    /// Variables in scope and the numbers of their objects.
    vars: Vec<(VarId, usize)>,
}

/// A combination taken: where the variables stand.
type Combination = Vec<(VarId, usize)>;

impl Run<'_> {
    fn length(&self, collection: usize) -> usize {
        let of = self.kernel.inputs.iter().position(|input| input.collection() == Some(collection));
        match &self.columns[of.expect("a collection has a list")] {
            Column::List(list) => list.len(),
            Column::Scalar(_) => panic!("not a list"),
        }
    }

    fn combinations(&mut self, query: &Query, level: usize, taken: &mut Vec<Combination>) {
        let Some(generator) = query.generators.get(level) else {
            if query.predicate.iter().all(|conjunct| is_true(self.expr(conjunct))) {
                taken.push(self.vars.clone());
            }
            return;
        };
        let first = generator.after.map_or(0, |after| self.place(after) + 1);
        for number in first..self.length(generator.collection) {
            self.vars.push((generator.var, number));
            self.combinations(query, level + 1, taken);
            self.vars.pop();
        }
    }

    fn at<T>(&mut self, combination: &Combination, what: impl FnOnce(&mut Self) -> T) -> T {
        let outside = std::mem::replace(&mut self.vars, combination.clone());
        let value = what(self);
        self.vars = outside;
        value
    }

    fn query(&mut self, query: &Query) -> Vec<Answer> {
        let mut taken = Vec::new();
        self.combinations(query, 0, &mut taken);
        match &query.reduction {
            Reduction::Exists => vec![Answer::One(Some(V::Bool(!taken.is_empty())))],
            Reduction::Aggregates(aggregates) => {
                aggregates.iter().map(|aggregate| Answer::One(self.aggregate(aggregate, &taken))).collect()
            }
            Reduction::First { values, order_by, offset } => {
                self.sort(&mut taken, order_by);
                let one = taken.get(*offset as usize).cloned();
                let value =
                    |value| Answer::One(one.as_ref().and_then(|one| self.at(one, |run| run.expr(value))));
                values.iter().map(value).collect()
            }
            Reduction::List { values, order_by, offset, limit } => {
                self.sort(&mut taken, order_by);
                let limit = limit.unwrap_or(u64::MAX) as usize;
                let kept: Vec<_> = taken.into_iter().skip(*offset as usize).take(limit).collect();
                let list = |value| {
                    Answer::Many(kept.iter().map(|one| self.at(one, |run| run.expr(value))).collect())
                };
                values.iter().map(list).collect()
            }
        }
    }

    fn sort(&mut self, taken: &mut Vec<Combination>, order_by: &[OrderKey]) {
        let mut keyed: Vec<(Vec<Value>, Combination)> = taken
            .drain(..)
            .map(|one| (order_by.iter().map(|key| self.at(&one, |run| run.expr(&key.expr))).collect(), one))
            .collect();
        keyed.sort_by(|(a, _), (b, _)| {
            let keys = order_by.iter().zip(a.iter().zip(b));
            keys.map(|(key, (a, b))| match (a, b) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) if key.nulls_first => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) if key.nulls_first => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(a), Some(b)) if key.descending => order(*b, *a),
                (Some(a), Some(b)) => order(*a, *b),
            })
            .fold(Ordering::Equal, Ordering::then)
        });
        taken.extend(keyed.into_iter().map(|(_, one)| one));
    }

    fn aggregate(&mut self, aggregate: &Aggregate, taken: &[Combination]) -> Value {
        let mut values = Vec::new();
        for one in taken {
            let filter = aggregate.filter.as_ref();
            if filter.is_some_and(|filter| !is_true(self.at(one, |run| run.expr(filter)))) {
                continue;
            }
            match &aggregate.value {
                Some(value) => values.extend(self.at(one, |run| run.expr(value))),
                None => values.push(V::Bool(true)),
            }
        }
        let extreme = |wanted| {
            values.iter().copied().reduce(|best, next| if order(next, best) == wanted { next } else { best })
        };
        match aggregate.function {
            AggregateFunction::Count => Some(V::I64(values.len() as i64)),
            AggregateFunction::Min => extreme(Ordering::Less),
            AggregateFunction::Max => extreme(Ordering::Greater),
            AggregateFunction::BoolAnd => {
                values.first().map(|_| V::Bool(values.iter().all(|value| is_true(Some(*value)))))
            }
            AggregateFunction::BoolOr => {
                values.first().map(|_| V::Bool(values.iter().any(|value| is_true(Some(*value)))))
            }
            AggregateFunction::Sum | AggregateFunction::Avg => {
                let sum = match values.first()? {
                    V::F64(_) => V::F64(values.iter().fold(0.0, |sum, value| sum + float(*value))),
                    V::I64(_) => V::I64(values.iter().try_fold(0i64, |sum, value| match value {
                        V::I64(value) => sum.checked_add(*value),
                        _ => panic!("mixed sum"),
                    })?),
                    V::U64(_) => V::U64(values.iter().try_fold(0u64, |sum, value| match value {
                        V::U64(value) => sum.checked_add(*value),
                        _ => panic!("mixed sum"),
                    })?),
                    other => panic!("sum of {other:?}"),
                };
                match (aggregate.function, sum) {
                    (AggregateFunction::Avg, V::F64(sum)) => Some(V::F64(sum / values.len() as f64)),
                    _ => Some(sum),
                }
            }
        }
    }

    fn place(&self, var: VarId) -> usize {
        self.vars.iter().rev().find(|(bound, _)| *bound == var).expect("checked").1
    }

    fn expr(&mut self, expr: &Expr) -> Value {
        match expr {
            Expr::Const(value) => match value {
                Const::Null(_) => None,
                Const::Bool(value) => Some(V::Bool(*value)),
                Const::I32(value) => Some(V::I32(*value)),
                Const::I64(value) => Some(V::I64(*value)),
                Const::U32(value) => Some(V::U32(*value)),
                Const::U64(value) => Some(V::U64(*value)),
                Const::F32(bits) => Some(V::F32(f32::from_bits(*bits))),
                Const::F64(bits) => Some(V::F64(f64::from_bits(*bits))),
            },
            Expr::Scalar(input) => match &self.columns[*input] {
                Column::Scalar(value) => *value,
                Column::List(_) => panic!("not a scalar"),
            },
            Expr::Field { var, input } => {
                let place = self.place(*var);
                self.element(*input, place as i128)
            }
            Expr::Index(var) => Some(V::I64(self.place(*var) as i64)),
            Expr::Length(collection) => Some(V::I64(self.length(*collection) as i64)),
            Expr::Element { input, index } => {
                let index = integer(self.expr(index)?);
                self.element(*input, index)
            }
            Expr::Unary(UnaryOp::IsNull, arg) => Some(V::Bool(self.expr(arg).is_none())),
            Expr::Unary(op, arg) => unary(*op, self.expr(arg)?),
            Expr::Binary(op, left, right) => {
                let (left, right) = (self.expr(left), self.expr(right));
                binary(*op, left?, right?)
            }
            Expr::And(args) => self.fold(args, false),
            Expr::Or(args) => self.fold(args, true),
            Expr::Case { branches, otherwise } => {
                for (condition, value) in branches {
                    if is_true(self.expr(condition)) {
                        return self.expr(value);
                    }
                }
                otherwise.as_ref().and_then(|value| self.expr(value))
            }
            Expr::Cast(to, arg) => cast(*to, self.expr(arg)?),
            Expr::Subquery { query, output } => match &self.query(query)[*output] {
                Answer::One(value) => *value,
                Answer::Many(_) => panic!("a list"),
            },
        }
    }

    fn fold(&mut self, args: &[Expr], deciding: bool) -> Value {
        let values: Vec<_> = args.iter().map(|arg| self.expr(arg)).collect();
        let decides = |value: &Value| matches!(value, Some(V::Bool(value)) if *value == deciding);
        if values.iter().any(decides) {
            Some(V::Bool(deciding))
        } else if values.iter().any(Option::is_none) {
            None
        } else {
            Some(V::Bool(!deciding))
        }
    }

    fn element(&self, input: usize, place: i128) -> Value {
        match &self.columns[input] {
            Column::List(list) => {
                usize::try_from(place).ok().and_then(|place| list.get(place)).copied().flatten()
            }
            Column::Scalar(_) => panic!("not a list"),
        }
    }
}

fn is_true(value: Value) -> bool {
    matches!(value, Some(V::Bool(true)))
}

fn float(value: V) -> f64 {
    match value {
        V::F32(value) => f64::from(value),
        V::F64(value) => value,
        other => panic!("{other:?} is no float"),
    }
}

fn integer(value: V) -> i128 {
    match value {
        V::I32(value) => value.into(),
        V::I64(value) => value.into(),
        V::U32(value) => value.into(),
        V::U64(value) => value.into(),
        other => panic!("{other:?} is no integer"),
    }
}

/// NaN is the greatest float; zeros are equal.
fn order(a: V, b: V) -> Ordering {
    match (a, b) {
        (V::Bool(a), V::Bool(b)) => a.cmp(&b),
        (V::F32(_) | V::F64(_), _) => {
            let (a, b) = (float(a), float(b));
            a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
        }
        _ => integer(a).cmp(&integer(b)),
    }
}

fn fit(like: V, value: i128) -> Value {
    Some(match like {
        V::I32(_) => V::I32(value.try_into().ok()?),
        V::I64(_) => V::I64(value.try_into().ok()?),
        V::U32(_) => V::U32(value.try_into().ok()?),
        V::U64(_) => V::U64(value.try_into().ok()?),
        other => panic!("{other:?} is no integer"),
    })
}

fn unary(op: UnaryOp, arg: V) -> Value {
    use UnaryOp as Op;
    match (op, arg) {
        (Op::Not, V::Bool(value)) => return Some(V::Bool(!value)),
        (Op::IsNan, _) => return Some(V::Bool(float(arg).is_nan())),
        (Op::BitNot, V::I32(value)) => return Some(V::I32(!value)),
        (Op::BitNot, V::I64(value)) => return Some(V::I64(!value)),
        (Op::BitNot, V::U32(value)) => return Some(V::U32(!value)),
        (Op::BitNot, V::U64(value)) => return Some(V::U64(!value)),
        (Op::Neg, V::I32(_) | V::I64(_) | V::U32(_) | V::U64(_)) => return fit(arg, -integer(arg)),
        (Op::Abs, V::I32(_) | V::I64(_) | V::U32(_) | V::U64(_)) => return fit(arg, integer(arg).abs()),
        (Op::Sign, V::I32(_) | V::I64(_) | V::U32(_) | V::U64(_)) => return fit(arg, integer(arg).signum()),
        _ => {}
    }
    if let V::F32(x) = arg {
        return Some(V::F32(match op {
            Op::Neg => -x,
            Op::Abs => x.abs(),
            Op::Sign if x == 0.0 || x.is_nan() => x,
            Op::Sign => x.signum(),
            Op::Sqrt => x.sqrt(),
            Op::Floor => x.floor(),
            Op::Ceil => x.ceil(),
            Op::Round => x.round(),
            Op::Trunc => x.trunc(),
            other => panic!("{other:?} of f32"),
        }));
    }
    let x = float(arg);
    Some(V::F64(match op {
        Op::Neg => -x,
        Op::Abs => x.abs(),
        Op::Sign if x == 0.0 || x.is_nan() => x,
        Op::Sign => x.signum(),
        Op::Sqrt => x.sqrt(),
        Op::Floor => x.floor(),
        Op::Ceil => x.ceil(),
        Op::Round => x.round(),
        Op::Trunc => x.trunc(),
        Op::Cbrt => x.cbrt(),
        Op::Exp => math::exp(x),
        Op::Exp2 => x.exp2(),
        Op::ExpM1 => x.exp_m1(),
        Op::Ln => math::ln(x),
        Op::Log2 => x.log2(),
        Op::Log10 => x.log10(),
        Op::Ln1p => x.ln_1p(),
        Op::Sin => math::sin(x),
        Op::Cos => math::cos(x),
        Op::Tan => x.tan(),
        Op::Asin => x.asin(),
        Op::Acos => x.acos(),
        Op::Atan => x.atan(),
        Op::Sinh => math::sinh(x),
        Op::Cosh => math::cosh(x),
        Op::Tanh => math::tanh(x),
        Op::Asinh => x.asinh(),
        Op::Acosh => x.acosh(),
        Op::Atanh => x.atanh(),
        Op::WrapPhi => math::wrap_phi(x),
        other => panic!("{other:?} of f64"),
    }))
}

fn binary(op: BinaryOp, a: V, b: V) -> Value {
    use BinaryOp as Op;
    if op.is_comparison() {
        let order = order(a, b);
        return Some(V::Bool(match op {
            Op::Eq => order.is_eq(),
            Op::Ne => order.is_ne(),
            Op::Lt => order.is_lt(),
            Op::Le => order.is_le(),
            Op::Gt => order.is_gt(),
            _ => order.is_ge(),
        }));
    }
    match op {
        Op::Least => return Some(if order(b, a) == Ordering::Less { b } else { a }),
        Op::Greatest => return Some(if order(b, a) == Ordering::Greater { b } else { a }),
        _ => {}
    }
    match (a, b) {
        (V::F32(x), V::F32(y)) => Some(V::F32(match op {
            Op::Add => x + y,
            Op::Sub => x - y,
            Op::Mul => x * y,
            Op::Div => x / y,
            Op::Rem => x % y,
            other => panic!("{other:?} of f32"),
        })),
        (V::F64(x), V::F64(y)) => Some(V::F64(match op {
            Op::Add => x + y,
            Op::Sub => x - y,
            Op::Mul => x * y,
            Op::Div => x / y,
            Op::Rem => x % y,
            Op::Pow => x.powf(y),
            Op::Atan2 => math::atan2(x, y),
            Op::Hypot => x.hypot(y),
            other => panic!("{other:?} of f64"),
        })),
        _ => {
            let (x, y) = (integer(a), integer(b));
            let bits = if matches!(a, V::I32(_) | V::U32(_)) { 32 } else { 64 };
            match op {
                Op::Add => fit(a, x + y),
                Op::Sub => fit(a, x - y),
                Op::Mul => fit(a, x.checked_mul(y)?),
                Op::Div => fit(a, x.checked_div(y)?),
                Op::Rem => fit(a, x.checked_rem(y)?),
                Op::BitAnd => fit(a, x & y),
                Op::BitOr => fit(a, x | y),
                Op::BitXor => fit(a, x ^ y),
                Op::Shl | Op::Shr if !(0..bits).contains(&y) => None,
                Op::Shr => fit(a, x >> y),
                Op::Shl => Some(match a {
                    V::I32(x) => V::I32(x.wrapping_shl(y as u32)),
                    V::I64(x) => V::I64(x.wrapping_shl(y as u32)),
                    V::U32(x) => V::U32(x.wrapping_shl(y as u32)),
                    V::U64(x) => V::U64(x.wrapping_shl(y as u32)),
                    other => panic!("{other:?} is no integer"),
                }),
                other => panic!("{other:?} of integers"),
            }
        }
    }
}

fn cast(to: Type, arg: V) -> Value {
    let like = match to {
        Type::I32 => V::I32(0),
        Type::I64 => V::I64(0),
        Type::U32 => V::U32(0),
        Type::U64 => V::U64(0),
        Type::Bool => V::Bool(false),
        Type::F32 => V::F32(0.0),
        Type::F64 => V::F64(0.0),
    };
    match (arg, like) {
        (V::Bool(_), V::Bool(_)) => Some(arg),
        (V::Bool(value), V::F32(_)) => Some(V::F32(f32::from(u8::from(value)))),
        (V::Bool(value), V::F64(_)) => Some(V::F64(f64::from(u8::from(value)))),
        (V::Bool(value), _) => fit(like, i128::from(value)),
        (V::F32(_) | V::F64(_), V::Bool(_)) => Some(V::Bool(float(arg) != 0.0)),
        (_, V::Bool(_)) => Some(V::Bool(integer(arg) != 0)),
        (V::F32(value), V::F64(_)) => Some(V::F64(f64::from(value))),
        (V::F64(value), V::F32(_)) => Some(V::F32(value as f32)),
        (V::F32(_), V::F32(_)) | (V::F64(_), V::F64(_)) => Some(arg),
        (V::F32(_) | V::F64(_), _) => {
            let whole = float(arg).trunc();
            if whole.is_nan() || whole.abs() > 1e30 { None } else { fit(like, whole as i128) }
        }
        (_, V::F32(_)) => Some(V::F32(match arg {
            V::U64(value) => value as f32,
            _ => integer(arg) as i64 as f32,
        })),
        (_, V::F64(_)) => Some(V::F64(integer(arg) as f64)),
        _ => fit(like, integer(arg)),
    }
}
