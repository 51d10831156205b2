//! Expressions and subqueries, typed as they are put together.

use super::{
    catalog::Catalog,
    value::{Mode, Op, Ty, V},
};

/// An expression.
#[derive(Debug, Clone)]
pub(crate) struct E {
    pub(crate) node: Box<Node>,
    pub(crate) ty: Ty,
    pub(crate) list: bool,
    /// Computed in the loops of a subquery: it names an object, an aggregate or another subquery there.
    pub(crate) inside: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Lit(V, Ty),
    /// A column of the event.
    Scalar(usize),
    /// A whole list: collection, field.
    List(usize, usize),
    /// The counter of a collection.
    Counter(usize),
    /// A field of an object: loop, collection, field.
    Field(u32, usize, usize),
    Index(u32),
    /// A call of the aggregates of the subquery whose SELECT list this is in.
    Aggregate(usize, Ty),
    Negative(E),
    Not(E),
    /// IS NULL, IS NOT NULL, IS TRUE, IS NOT TRUE, IS FALSE, IS NOT FALSE.
    Is(E, Is),
    Op(Op, E, E),
    Between(bool, E, E, E),
    In(bool, E, Vec<E>),
    Case(Option<E>, Vec<(E, E)>, Option<E>),
    /// TRY_CAST where true.
    Cast(bool, E, Ty),
    Call(Fun, Vec<E>),
    Subscript(E, E),
    Mask(E, E),
    ListCall(ListFun, Vec<E>),
    Physics(Physics, Vec<Object>),
    ObjectField(Object, &'static str, Ty),
    Query(Box<Sub>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    Null,
    NotNull,
    True,
    NotTrue,
    False,
    NotFalse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fun {
    Sqrt,
    Floor,
    Ceil,
    Round,
    /// `round(x, digits)`, with digits a literal.
    RoundAt,
    Trunc,
    Abs,
    Signum,
    Isnan,
    Coalesce,
    Nullif,
    Greatest,
    Least,
    Exp,
    Ln,
    Sin,
    Cos,
    Sinh,
    Atan,
    Atan2,
    Pow,
    DeltaPhi,
    DeltaR,
    TransverseMass,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListFun {
    Any,
    All,
    ArgMin,
    ArgMax,
    /// Descending where true.
    ArgSort(bool),
    Take,
    Ht,
    NObj,
    NObjMin,
    NObjEq,
    NObjLess,
    Leading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Physics {
    Mass,
    DeltaR,
    DeltaPhi,
    DeltaEta,
    TransverseMass,
    Charge,
    /// The place of an object made by a function.
    Index,
}

#[derive(Debug, Clone)]
pub(crate) enum Object {
    /// A loop's: loop, collection.
    Var(u32, usize),
    Deref(E, usize),
    Nearest(Box<Object>, usize, Option<f64>),
    Sum(Vec<Object>),
}

#[derive(Debug, Clone)]
pub(crate) struct Sub {
    /// Inside another subquery.
    pub(crate) nested: bool,
    /// Loops and their collections.
    pub(crate) from: Vec<(u32, usize)>,
    /// `idx(first) < idx(second)`.
    pub(crate) bounds: Vec<(u32, u32)>,
    pub(crate) conditions: Vec<E>,
    pub(crate) kind: Kind,
    pub(crate) order: Vec<Key>,
    pub(crate) limit: Option<usize>,
    pub(crate) offset: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) expr: E,
    pub(crate) descending: bool,
    pub(crate) nulls_first: Option<bool>,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Aggregates(Vec<Call>, E),
    First(E),
    Array(E),
    /// NOT EXISTS where true.
    Exists(bool),
    /// `value [NOT] IN (SELECT member …)`.
    Member(bool, E, E),
    /// The rows of a derived collection: `*`, and fields of its own.
    Rows(bool, Vec<(String, E)>),
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) value: Option<E>,
    pub(crate) filter: Option<E>,
}

/// What numbers have in common.
pub(crate) fn common(a: Ty, b: Ty, mode: Mode) -> Ty {
    match mode {
        Mode::Kernel if a.is_float() || b.is_float() => Ty::F64,
        Mode::Kernel => Ty::I64,
        Mode::Column => a.max(b),
    }
}

/// What results that are not computed with have in common.
pub(crate) fn alike(types: &[Ty], mode: Mode) -> Ty {
    let first = types[0];
    if types.iter().all(|ty| *ty == first) {
        return first;
    }
    types.iter().copied().reduce(|a, b| common(a, b, mode)).unwrap_or(first)
}

impl Call {
    pub(crate) fn ty(&self) -> Ty {
        match (self.name, &self.value) {
            ("count", _) | (_, None) => Ty::I64,
            ("avg", _) => Ty::F64,
            ("sum", Some(value)) => common(value.ty, value.ty, Mode::Kernel),
            (_, Some(value)) => value.ty,
        }
    }
}

impl E {
    pub(crate) fn new(node: Node, catalog: &Catalog) -> Self {
        let parts = node.parts();
        let inside = match &node {
            Node::Field(..) | Node::Index(_) | Node::Aggregate(..) => true,
            Node::Physics(..) | Node::ObjectField(..) => true,
            Node::Query(sub) => sub.nested,
            _ => parts.iter().any(|part| part.inside),
        };
        let any_list = parts.iter().any(|part| part.list);
        let mode = if inside { Mode::Kernel } else { Mode::Column };
        let (ty, list) = match &node {
            Node::Lit(_, ty) => (*ty, false),
            Node::Scalar(column) => (catalog.scalars[*column].1, false),
            Node::List(collection, field) => (catalog.collections[*collection].fields[*field].1, true),
            Node::Counter(collection) => (catalog.collections[*collection].counter, false),
            Node::Field(_, collection, field) => (catalog.collections[*collection].fields[*field].1, false),
            Node::Index(_) => (Ty::I64, false),
            Node::Aggregate(_, ty) => (*ty, false),
            Node::Negative(part) if inside => (common(part.ty, part.ty, mode), false),
            Node::Negative(part) => (part.ty, part.list),
            Node::Not(_) | Node::Is(..) | Node::Between(..) | Node::In(..) => (Ty::Bool, any_list),
            Node::Op(op, a, b) if op.is_arithmetic() => (common(a.ty, b.ty, mode), any_list),
            Node::Op(..) => (Ty::Bool, any_list),
            Node::Case(_, branches, otherwise) => {
                let results =
                    branches.iter().map(|(_, value)| value.ty).chain(otherwise.iter().map(|e| e.ty));
                (alike(&results.collect::<Vec<_>>(), mode), any_list)
            }
            Node::Cast(_, _, ty) => (*ty, any_list),
            Node::Call(fun, arguments) => (fun.ty(arguments, mode), any_list),
            Node::Subscript(list, _) => (list.ty, false),
            Node::Mask(list, _) => (list.ty, true),
            Node::ListCall(fun, arguments) => fun.ty(arguments),
            Node::Physics(Physics::Charge | Physics::Index, _) => (Ty::I64, false),
            Node::Physics(..) => (Ty::F64, false),
            Node::ObjectField(_, _, ty) => (*ty, false),
            Node::Query(sub) => match &sub.kind {
                Kind::Aggregates(_, item) | Kind::First(item) => (item.ty, false),
                Kind::Array(item) => (item.ty, true),
                Kind::Exists(_) | Kind::Member(..) => (Ty::Bool, false),
                Kind::Rows(..) => panic!("no value"),
            },
        };
        Self { node: Box::new(node), ty, list, inside }
    }

    pub(crate) fn mode(&self) -> Mode {
        if self.inside { Mode::Kernel } else { Mode::Column }
    }
}

impl Fun {
    fn ty(self, arguments: &[E], mode: Mode) -> Ty {
        let types: Vec<Ty> = arguments.iter().map(|e| e.ty).collect();
        match self {
            Self::Isnan => Ty::Bool,
            Self::Abs | Self::Signum => types[0],
            Self::Coalesce | Self::Nullif | Self::Greatest | Self::Least => alike(&types, mode),
            Self::DeltaPhi | Self::DeltaR | Self::TransverseMass => Ty::F64,
            Self::RoundAt if mode == Mode::Column => types[0],
            _ if mode == Mode::Column && types.iter().all(|ty| *ty == Ty::F32) => Ty::F32,
            _ => Ty::F64,
        }
    }
}

impl ListFun {
    fn ty(self, arguments: &[E]) -> (Ty, bool) {
        match self {
            Self::Any | Self::All | Self::NObjMin | Self::NObjEq | Self::NObjLess => (Ty::Bool, false),
            Self::ArgMin | Self::ArgMax | Self::NObj => (Ty::I64, false),
            Self::ArgSort(_) => (Ty::I64, true),
            Self::Take => (arguments[0].ty, true),
            Self::Ht => (Ty::F64, false),
            Self::Leading => (arguments[0].ty, false),
        }
    }
}

impl Node {
    /// The direct parts that are expressions of the same place, not those inside a subquery.
    pub(crate) fn parts(&self) -> Vec<&E> {
        match self {
            Self::Negative(e) | Self::Not(e) | Self::Is(e, _) | Self::Cast(_, e, _) => vec![e],
            Self::Op(_, a, b) | Self::Subscript(a, b) | Self::Mask(a, b) => vec![a, b],
            Self::Between(_, a, b, c) => vec![a, b, c],
            Self::In(_, value, members) => std::iter::once(value).chain(members).collect(),
            Self::Case(operand, branches, otherwise) => {
                let branches = branches.iter().flat_map(|(condition, value)| [condition, value]);
                operand.iter().chain(branches).chain(otherwise).collect()
            }
            Self::Call(_, parts) | Self::ListCall(_, parts) => parts.iter().collect(),
            _ => vec![],
        }
    }

    pub(crate) fn parts_mut(&mut self) -> Vec<&mut E> {
        match self {
            Self::Negative(e) | Self::Not(e) | Self::Is(e, _) | Self::Cast(_, e, _) => vec![e],
            Self::Op(_, a, b) | Self::Subscript(a, b) | Self::Mask(a, b) => vec![a, b],
            Self::Between(_, a, b, c) => vec![a, b, c],
            Self::In(_, value, members) => std::iter::once(value).chain(members).collect(),
            Self::Case(operand, branches, otherwise) => {
                let branches = branches.iter_mut().flat_map(|(condition, value)| [condition, value]);
                operand.iter_mut().chain(branches).chain(otherwise).collect()
            }
            Self::Call(_, parts) | Self::ListCall(_, parts) => parts.iter_mut().collect(),
            _ => vec![],
        }
    }
}

impl Sub {
    /// Every expression of the subquery.
    pub(crate) fn parts(&self) -> Vec<&E> {
        let of_kind: Vec<&E> = match &self.kind {
            Kind::Aggregates(calls, item) => {
                let calls = calls.iter().flat_map(|call| call.value.iter().chain(&call.filter));
                calls.chain([item]).collect()
            }
            Kind::First(item) | Kind::Array(item) => vec![item],
            Kind::Exists(_) => vec![],
            Kind::Member(_, value, member) => vec![value, member],
            Kind::Rows(_, items) => items.iter().map(|(_, item)| item).collect(),
        };
        self.conditions.iter().chain(of_kind).chain(self.order.iter().map(|key| &key.expr)).collect()
    }

    pub(crate) fn parts_mut(&mut self) -> Vec<&mut E> {
        let of_kind: Vec<&mut E> = match &mut self.kind {
            Kind::Aggregates(calls, item) => {
                let calls = calls.iter_mut().flat_map(|call| call.value.iter_mut().chain(&mut call.filter));
                calls.chain([item]).collect()
            }
            Kind::First(item) | Kind::Array(item) => vec![item],
            Kind::Exists(_) => vec![],
            Kind::Member(_, value, member) => vec![value, member],
            Kind::Rows(_, items) => items.iter_mut().map(|(_, item)| item).collect(),
        };
        self.conditions
            .iter_mut()
            .chain(of_kind)
            .chain(self.order.iter_mut().map(|key| &mut key.expr))
            .collect()
    }
}

/// The parts inside a subquery, and the indices that objects are found by.
pub(crate) fn more_parts(node: &Node) -> Vec<&E> {
    fn of_object<'a>(object: &'a Object, parts: &mut Vec<&'a E>) {
        match object {
            Object::Var(..) => {}
            Object::Deref(index, _) => parts.push(index),
            Object::Nearest(of, ..) => of_object(of, parts),
            Object::Sum(all) => all.iter().for_each(|object| of_object(object, parts)),
        }
    }
    let mut parts = vec![];
    match node {
        Node::Query(sub) => parts.extend(sub.parts()),
        Node::Physics(_, objects) => objects.iter().for_each(|object| of_object(object, &mut parts)),
        Node::ObjectField(object, ..) => of_object(object, &mut parts),
        _ => {}
    }
    parts
}
