//! The meaning of expressions, event by event and element by element.

use super::{
    catalog::{Catalog, Event, Objects},
    functions,
    syntax::{E, Fun, Is, Node, alike, common},
    value::{
        Mode, Op, Out, Res, Skip, Ty, V, arithmetic, cast, compare, fit, is_true, logical, missing, negate,
        widen,
    },
};

/// Where an expression is evaluated.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) event: &'a Event,
    /// Loops and the numbers of their objects.
    pub(crate) vars: Vec<(u32, usize)>,
    /// The aggregates of the subquery whose SELECT list is evaluated.
    pub(crate) aggregates: Vec<V>,
}

/// The answer for one event.
pub(crate) fn answer(expr: &E, catalog: &Catalog, event: &Event) -> Res<Out> {
    Place { catalog, event, vars: vec![], aggregates: vec![] }.value(expr)
}

fn answer_of_columns(expr: &E, catalog: &Catalog, event: &Event) -> Option<Res<Out>> {
    (!expr.inside).then(|| answer(expr, catalog, event))
}

fn may_fail(expr: &E) -> bool {
    match expr.node.as_ref() {
        Node::Op(..) | Node::Negative(_) | Node::Call(Fun::Abs, _) => {
            !expr.ty.is_float() && expr.ty != Ty::Bool
        }
        Node::Cast(safe, ..) => !safe && !expr.ty.is_float(),
        Node::Call(Fun::Sqrt, _) => true,
        _ => false,
    }
}

/// Whether column arithmetic anywhere in the expression fails in this event: the engine may compute all of it.
pub(crate) fn fails(expr: &E, catalog: &Catalog, event: &Event) -> bool {
    match answer_of_columns(expr, catalog, event) {
        Some(Err(Skip::Fault)) => return true,
        // Whether it fails is too close to call.
        Some(Err(Skip::Ambiguous)) if may_fail(expr) => return true,
        _ => {}
    }
    let mut parts = expr.node.parts();
    parts.extend(super::syntax::more_parts(&expr.node));
    parts.into_iter().any(|part| fails(part, catalog, event))
}

impl Place<'_> {
    pub(crate) fn one(&self, expr: &E) -> Res<V> {
        match self.value(expr)? {
            Out::One(value) => Ok(value),
            Out::Many(_) => panic!("one value was expected"),
        }
    }

    pub(crate) fn many(&self, expr: &E) -> Res<Vec<V>> {
        match self.value(expr)? {
            Out::Many(values) => Ok(values),
            Out::One(_) => panic!("a list was expected"),
        }
    }

    pub(crate) fn objects(&self, collection: usize) -> Res<&Objects> {
        self.event.collections[collection].as_ref().ok_or(Skip::Ambiguous)
    }

    /// A field of the object at `index`, counted from 0; NULL for none.
    pub(crate) fn element(&self, collection: usize, field: usize, index: V) -> Res<V> {
        let values = &self.objects(collection)?.fields[field];
        Ok(match index {
            V::I(index) => {
                usize::try_from(index).ok().and_then(|at| values.get(at)).copied().unwrap_or(V::Null)
            }
            _ => V::Null,
        })
    }

    pub(crate) fn at(&self, var: u32) -> usize {
        self.vars.iter().rev().find(|(id, _)| *id == var).map(|(_, at)| *at).unwrap()
    }

    pub(crate) fn value(&self, expr: &E) -> Res<Out> {
        let mode = expr.mode();
        let one = |value: V| Ok(Out::One(value));
        match expr.node.as_ref() {
            Node::Lit(value, _) => one(*value),
            Node::Scalar(column) => one(self.event.scalars[*column]),
            Node::List(collection, field) => Ok(Out::Many(self.objects(*collection)?.fields[*field].clone())),
            Node::Counter(collection) => one(V::I(self.objects(*collection)?.count as i64)),
            Node::Field(var, collection, field) => {
                one(self.element(*collection, *field, V::I(self.at(*var) as i64))?)
            }
            Node::Index(var) => one(V::I(self.at(*var) as i64)),
            Node::Aggregate(call, _) => one(self.aggregates[*call]),
            Node::Physics(function, objects) => self.physics(*function, objects).map(Out::One),
            Node::ObjectField(object, field, _) => self.object_field(object, field).map(Out::One),
            Node::Query(sub) => self.query(sub),
            Node::Subscript(list, index) => {
                let place = match self.one(index)? {
                    V::I(place) => V::I(place.saturating_sub(1)),
                    other => other,
                };
                let values = self.many(list)?;
                let at = if let V::I(at) = place { usize::try_from(at).ok() } else { None };
                one(at.and_then(|at| values.get(at)).copied().unwrap_or(V::Null))
            }
            Node::Mask(list, mask) => {
                let kept =
                    self.many(list)?.into_iter().zip(self.many(mask)?).filter(|(_, keep)| is_true(*keep));
                Ok(Out::Many(kept.map(|(value, _)| value).collect()))
            }
            Node::ListCall(fun, arguments) => {
                let arguments = arguments.iter().map(|e| self.value(e)).collect::<Res<Vec<_>>>()?;
                functions::of_lists(*fun, &arguments)
            }
            node => {
                let parts = node.parts();
                let types: Vec<Ty> = parts.iter().map(|part| part.ty).collect();
                let values = parts.iter().map(|part| self.value(part)).collect::<Res<Vec<_>>>()?;
                lifted(&values, |values| element(node, values, &types, expr.ty, mode, expr.list))
            }
        }
    }
}

/// A function of values on lists: element by element, other values repeated beside them.
fn lifted(arguments: &[Out], mut function: impl FnMut(&[V]) -> Res<V>) -> Res<Out> {
    let length = arguments.iter().find_map(|argument| match argument {
        Out::Many(values) => Some(values.len()),
        Out::One(_) => None,
    });
    let at = |place: usize| -> Vec<V> {
        let value = |argument: &Out| match argument {
            Out::One(value) => *value,
            Out::Many(values) => {
                assert_eq!(Some(values.len()), length, "lists of one collection");
                values[place]
            }
        };
        arguments.iter().map(value).collect()
    };
    match length {
        None => function(&at(0)).map(Out::One),
        Some(length) => Ok(Out::Many((0..length).map(|place| function(&at(place))).collect::<Res<_>>()?)),
    }
}

/// Every operator that is made of values alone.
fn element(node: &Node, values: &[V], types: &[Ty], ty: Ty, mode: Mode, list: bool) -> Res<V> {
    let together = |places: &[usize]| {
        let types: Vec<Ty> = places.iter().map(|place| types[*place]).collect();
        match mode {
            Mode::Column => types.iter().copied().reduce(|a, b| common(a, b, mode)).unwrap_or(ty),
            Mode::Kernel => alike(&types, mode),
        }
    };
    let compared = |op: Op, a: usize, b: usize, ty: Ty| {
        let is_nan = |value: V| matches!(value, V::F(x, _) if x.is_nan());
        // The engine's own scalars compare a NaN with its sign, and the sign of a computed one is the processor's.
        if mode == Mode::Column && !list && (is_nan(values[a]) || is_nan(values[b])) {
            return Err(Skip::Ambiguous);
        }
        compare(op, widen(values[a], ty), widen(values[b], ty))
    };
    match node {
        Node::Negative(_) => match widen(values[0], ty) {
            V::I(i) if i128::from(i) == -i128::from(i) && i != 0 => missing(mode),
            V::I(i) => fit(-i128::from(i), ty, mode),
            V::F(x, error) => Ok(V::F(-x, error)),
            other => Ok(other),
        },
        Node::Not(_) => Ok(negate(values[0])),
        Node::Is(_, is) => Ok(V::B(match (is, values[0]) {
            (Is::Null, value) => matches!(value, V::Null),
            (Is::NotNull, value) => !matches!(value, V::Null),
            (Is::True, value) => is_true(value),
            (Is::NotTrue, value) => !is_true(value),
            (Is::False, value) => is_true(negate(value)),
            (Is::NotFalse, value) => !is_true(negate(value)),
        })),
        Node::Op(Op::And, ..) => Ok(logical(values, false)),
        Node::Op(Op::Or, ..) => Ok(logical(values, true)),
        Node::Op(op, ..) if op.is_arithmetic() => {
            arithmetic(*op, widen(values[0], ty), widen(values[1], ty), ty, mode)
        }
        Node::Op(op, ..) => compared(*op, 0, 1, together(&[0, 1])),
        Node::Between(negated, ..) => {
            let (low, high) = match mode {
                Mode::Column => (together(&[0, 1, 2]), together(&[0, 1, 2])),
                Mode::Kernel => (together(&[0, 1]), together(&[0, 2])),
            };
            let between = logical(&[compared(Op::Ge, 0, 1, low)?, compared(Op::Le, 0, 2, high)?], false);
            Ok(if *negated { negate(between) } else { between })
        }
        Node::In(negated, ..) => {
            let all: Vec<usize> = (0..values.len()).collect();
            let equal = (1..values.len()).map(|member| {
                let ty = if mode == Mode::Column { together(&all) } else { together(&[0, member]) };
                compared(Op::Eq, 0, member, ty)
            });
            let found = logical(&equal.collect::<Res<Vec<_>>>()?, true);
            Ok(if *negated { negate(found) } else { found })
        }
        Node::Case(operand, branches, otherwise) => {
            let first = usize::from(operand.is_some());
            for branch in 0..branches.len() {
                let (condition, result) = (first + 2 * branch, first + 2 * branch + 1);
                let taken = match operand {
                    None => values[condition],
                    Some(_) => {
                        let all: Vec<usize> = (0..branches.len()).map(|b| first + 2 * b).chain([0]).collect();
                        let ty =
                            if mode == Mode::Column { together(&all) } else { together(&[0, condition]) };
                        compared(Op::Eq, 0, condition, ty)?
                    }
                };
                if is_true(taken) {
                    return Ok(widen(values[result], ty));
                }
            }
            let last = values.last().filter(|_| otherwise.is_some());
            Ok(last.map_or(V::Null, |value| widen(*value, ty)))
        }
        Node::Cast(safe, _, to) => cast(values[0], *to, if *safe { Mode::Kernel } else { mode }),
        Node::Call(fun @ (Fun::Coalesce | Fun::Nullif | Fun::Greatest | Fun::Least), _) => {
            let values: Vec<V> = values.iter().map(|value| widen(*value, ty)).collect();
            let is_nan = |value: &V| matches!(value, V::F(x, _) if x.is_nan());
            if mode == Mode::Column && !list && *fun != Fun::Coalesce && values.iter().any(is_nan) {
                return Err(Skip::Ambiguous);
            }
            functions::choice(*fun, &values)
        }
        Node::Call(fun, _) => functions::of_numbers(*fun, values, types, ty, mode),
        other => panic!("not made of values: {other:?}"),
    }
}
