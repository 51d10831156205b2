//! IR expressions → graph nodes.

use std::collections::HashMap;

use crate::ir::{BinaryOp, Const, Expr, OrderKey, Query, Type, UnaryOp, VarId};

use super::compile::Compiler;
use super::graph::{Class, Compare, Float1, Float2, Graph, Int1, Int2, Node, NodeId, OUTER, OUTER_DEP};
use super::plan::{Call, QueryPlan};

/// An expression's value, and where it is not NULL (`None`: everywhere).
#[derive(Debug, Clone, Copy)]
pub(super) struct Val {
    pub(super) node: NodeId,
    pub(super) valid: Option<NodeId>,
    pub(super) ty: Type,
}

/// Builds the graph of one query.
pub(super) struct Lowerer<'a, 'k> {
    pub(super) compiler: &'a mut Compiler<'k>,
    pub(super) graph: Graph,
    /// The query's own variables, in generator order.
    pub(super) own: Vec<VarId>,
    /// Variables of queries around this one, in order of first use.
    pub(super) outer: Vec<VarId>,
    pub(super) calls: Vec<Call>,
    known_calls: HashMap<Query, Nested>,
}

/// Where the results of a nested query are found.
#[derive(Debug, Clone, Copy)]
enum Nested {
    Call(NodeId, usize),
    Hoisted(usize),
}

impl<'a, 'k> Lowerer<'a, 'k> {
    pub(super) fn new(compiler: &'a mut Compiler<'k>, own: Vec<VarId>) -> Self {
        let (graph, outer, calls) = (Graph::default(), Vec::new(), Vec::new());
        Self { compiler, graph, own, outer, calls, known_calls: HashMap::new() }
    }

    /// Number of a variable: own ones from 0, outer ones from `OUTER`.
    fn var(&mut self, var: VarId) -> usize {
        if let Some(own) = self.own.iter().position(|own| *own == var) {
            return own;
        }
        let known = self.outer.iter().position(|outer| *outer == var);
        OUTER
            + known.unwrap_or_else(|| {
                self.outer.push(var);
                self.outer.len() - 1
            })
    }

    fn float1(&mut self, op: Float1, arg: NodeId) -> NodeId {
        if op == Float1::Sqrt
            && let Some(fused) = self.mass_of_sum(arg)
        {
            return self.graph.add(Node::MassOfSum(fused));
        }
        self.graph.add(Node::Float1(op, arg))
    }

    fn float2(&mut self, op: Float2, left: NodeId, right: NodeId) -> NodeId {
        self.graph.add(Node::Float2(op, left, right))
    }

    fn and(&mut self, left: NodeId, right: NodeId) -> NodeId {
        match (&self.graph.nodes[left], &self.graph.nodes[right]) {
            (Node::ConstMask(true), _) => right,
            (_, Node::ConstMask(true)) => left,
            _ if left == right => left,
            _ => self.graph.add(Node::And(left, right)),
        }
    }

    pub(super) fn both(&mut self, left: Option<NodeId>, right: Option<NodeId>) -> Option<NodeId> {
        match (left, right) {
            (Some(left), Some(right)) => Some(self.and(left, right)),
            (one, other) => one.or(other),
        }
    }

    fn not(&mut self, arg: NodeId) -> NodeId {
        match self.graph.nodes[arg] {
            Node::Not(inner) => inner,
            Node::ConstMask(value) => self.mask(!value),
            _ => self.graph.add(Node::Not(arg)),
        }
    }

    fn mask(&mut self, value: bool) -> NodeId {
        self.graph.add(Node::ConstMask(value))
    }

    /// Where the expression is TRUE.
    pub(super) fn truth(&mut self, expr: &Expr) -> NodeId {
        let value = self.expr(expr);
        self.is_true(value)
    }

    fn is_true(&mut self, value: Val) -> NodeId {
        match value.valid {
            Some(valid) => self.and(value.node, valid),
            None => value.node,
        }
    }

    pub(super) fn expr(&mut self, expr: &Expr) -> Val {
        match expr {
            Expr::Const(value) => self.constant(*value),
            Expr::Scalar(input) => {
                let (ty, nullable) = self.compiler.column(*input);
                let node = self.graph.add_leaf(Node::Event(*input), Class::of(ty));
                let valid = nullable.then(|| self.graph.add(Node::EventValid(*input)));
                Val { node, valid, ty }
            }
            Expr::Field { var, input } => {
                let (var, input) = (self.var(*var), *input);
                let (ty, nullable) = self.compiler.column(input);
                let node = self.graph.add_leaf(Node::Field { var, input }, Class::of(ty));
                let valid = nullable.then(|| self.graph.add(Node::FieldValid { var, input }));
                Val { node, valid, ty }
            }
            Expr::Index(var) => {
                let collection = self.compiler.collection(*var);
                let var = self.var(*var);
                Val { node: self.graph.add(Node::Index { var, collection }), valid: None, ty: Type::I64 }
            }
            Expr::Length(collection) => {
                Val { node: self.graph.add(Node::Length(*collection)), valid: None, ty: Type::I64 }
            }
            Expr::Element { input, index } => {
                let place = self.expr(index);
                let (input, index) = (*input, place.node);
                let (ty, _) = self.compiler.column(input);
                let node = self.graph.add_leaf(Node::Element { input, index }, Class::of(ty));
                let there = self.graph.add(Node::ElementValid { input, index });
                Val { node, valid: self.both(place.valid, Some(there)), ty }
            }
            Expr::Unary(op, arg) => {
                let arg = self.expr(arg);
                self.unary(*op, arg)
            }
            Expr::Binary(op, left, right) => {
                let (left, right) = (self.expr(left), self.expr(right));
                self.binary(*op, left, right)
            }
            Expr::And(args) => self.fold(args, true),
            Expr::Or(args) => self.fold(args, false),
            Expr::Case { branches, otherwise } => self.case(branches, otherwise.as_deref()),
            Expr::Cast(to, arg) => {
                let arg = self.expr(arg);
                self.cast(*to, arg)
            }
            Expr::Subquery { query, output } => self.subquery(query, *output),
        }
    }

    fn constant(&mut self, value: Const) -> Val {
        let node = match value {
            Const::Bool(value) => Node::ConstMask(value),
            Const::I32(value) => Node::ConstInt(value.into()),
            Const::I64(value) => Node::ConstInt(value),
            Const::U32(value) => Node::ConstInt(value.into()),
            Const::U64(value) => Node::ConstInt(value.cast_signed()),
            Const::F32(bits) => Node::ConstFloat(f64::from(f32::from_bits(bits)).to_bits()),
            Const::F64(bits) => Node::ConstFloat(bits),
            Const::Null(ty) => match Class::of(ty) {
                Class::Float => Node::ConstFloat(0),
                Class::Int => Node::ConstInt(0),
                Class::Mask => Node::ConstMask(false),
            },
        };
        let null = matches!(value, Const::Null(_));
        let node = self.graph.add(node);
        Val { node, valid: null.then(|| self.mask(false)), ty: value.ty() }
    }

    /// Three-valued AND (`all`) or OR: the deciding value wins over NULL.
    fn fold(&mut self, args: &[Expr], all: bool) -> Val {
        let mut result = Val { node: self.mask(all), valid: None, ty: Type::Bool };
        for arg in args {
            let arg = self.expr(arg);
            let node = if all { self.and(result.node, arg.node) } else { self.or(result.node, arg.node) };
            let valid = match (result.valid, arg.valid) {
                (None, None) => None,
                _ => {
                    // Decided where a valid side has the deciding value; else both sides must be valid.
                    let mut decided = self.mask(false);
                    for side in [result, arg] {
                        let deciding = if all { self.not(side.node) } else { side.node };
                        let deciding = side.valid.map_or(deciding, |valid| self.and(deciding, valid));
                        decided = self.or(decided, deciding);
                    }
                    let both = self.both(result.valid, arg.valid);
                    both.map(|both| self.or(both, decided))
                }
            };
            // A NULL side must not hide the deciding value of the other, whatever its own bits are.
            let node = if valid.is_some() { self.decided(result, arg, all) } else { node };
            result = Val { node, valid, ty: Type::Bool };
        }
        result
    }

    /// The value of AND / OR where it is valid.
    fn decided(&mut self, left: Val, right: Val, all: bool) -> NodeId {
        let [left, right] = [left, right].map(|side| {
            let Some(valid) = side.valid else { return side.node };
            if all {
                let null = self.not(valid);
                self.or(side.node, null)
            } else {
                self.and(side.node, valid)
            }
        });
        if all { self.and(left, right) } else { self.or(left, right) }
    }

    fn or(&mut self, left: NodeId, right: NodeId) -> NodeId {
        match (&self.graph.nodes[left], &self.graph.nodes[right]) {
            (Node::ConstMask(false), _) => right,
            (_, Node::ConstMask(false)) => left,
            _ if left == right => left,
            _ => self.graph.add(Node::Or(left, right)),
        }
    }

    fn case(&mut self, branches: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Val {
        let arms: Vec<_> =
            branches.iter().map(|(condition, value)| (self.truth(condition), self.expr(value))).collect();
        let ty = arms.first().map_or(Type::Bool, |(_, value)| value.ty);
        let mut result = match otherwise {
            Some(value) => self.expr(value),
            None => self.constant(Const::Null(ty)),
        };
        for (condition, value) in arms.into_iter().rev() {
            let node = self.graph.add(Node::Select(condition, value.node, result.node));
            let valid = match (value.valid, result.valid) {
                (None, None) => None,
                (value, rest) => {
                    let value = value.unwrap_or_else(|| self.mask(true));
                    let rest = rest.unwrap_or_else(|| self.mask(true));
                    Some(self.graph.add(Node::Select(condition, value, rest)))
                }
            };
            result = Val { node, valid, ty };
        }
        result
    }

    fn unary(&mut self, op: UnaryOp, arg: Val) -> Val {
        let Val { node, valid, ty } = arg;
        match op {
            UnaryOp::Not => Val { node: self.not(node), ..arg },
            UnaryOp::IsNull => {
                let valid = valid.unwrap_or_else(|| self.mask(true));
                Val { node: self.not(valid), valid: None, ty: Type::Bool }
            }
            UnaryOp::IsNan => Val { node: self.graph.add(Node::IsNan(node)), valid, ty: Type::Bool },
            UnaryOp::Neg | UnaryOp::Abs | UnaryOp::Sign | UnaryOp::BitNot if ty.is_integer() => {
                let op = match op {
                    UnaryOp::Neg => Int1::Neg,
                    UnaryOp::Abs => Int1::Abs,
                    UnaryOp::Sign => Int1::Sign,
                    _ => Int1::BitNot,
                };
                let exists = matches!(op, Int1::Neg | Int1::Abs);
                let exists = exists.then(|| self.graph.add(Node::Int1Exists(op, ty, node)));
                let node = self.graph.add(Node::Int1(op, ty, node));
                Val { node, valid: self.both(valid, exists), ty }
            }
            _ => {
                let op = float1(op);
                let node = self.float1(op, node);
                let round = ty == Type::F32 && op == Float1::Sqrt;
                let node = if round { self.float1(Float1::Single, node) } else { node };
                Val { node, valid, ty }
            }
        }
    }

    fn binary(&mut self, op: BinaryOp, left: Val, right: Val) -> Val {
        let valid = self.both(left.valid, right.valid);
        let ty = left.ty;
        if let Some(compare) = comparison(op) {
            return Val { node: self.compare(compare, left, right), valid, ty: Type::Bool };
        }
        if ty.is_integer() {
            let op = int2(op);
            let exists =
                !matches!(op, Int2::Least | Int2::Greatest | Int2::BitAnd | Int2::BitOr | Int2::BitXor);
            let exists = exists.then(|| self.graph.add(Node::Int2Exists(op, ty, left.node, right.node)));
            let node = self.graph.add(Node::Int2(op, ty, left.node, right.node));
            return Val { node, valid: self.both(valid, exists), ty };
        }
        let op = float2(op);
        let node = self.float2(op, left.node, right.node);
        let exact = matches!(op, Float2::Least | Float2::Greatest);
        let node = if ty == Type::F32 && !exact { self.float1(Float1::Single, node) } else { node };
        Val { node, valid, ty }
    }

    fn compare(&mut self, op: Compare, left: Val, right: Val) -> NodeId {
        match left.ty {
            Type::Bool => {
                let differ = self.graph.add(Node::Xor(left.node, right.node));
                if op == Compare::Ne { differ } else { self.not(differ) }
            }
            Type::F32 | Type::F64 => self.graph.add(Node::CompareFloat(op, left.node, right.node)),
            Type::U64 if !matches!(op, Compare::Eq | Compare::Ne) => {
                let [left, right] = [left, right].map(|side| self.graph.add(Node::UnsignedOrder(side.node)));
                self.graph.add(Node::CompareInt(op, left, right))
            }
            _ => self.graph.add(Node::CompareInt(op, left.node, right.node)),
        }
    }

    fn cast(&mut self, to: Type, arg: Val) -> Val {
        let Val { node, valid, ty: from } = arg;
        if from == to {
            return arg;
        }
        let mut exists = None;
        let node = match (from, to) {
            (Type::Bool, _) => {
                let int = self.graph.add(Node::MaskToInt(node));
                if to.is_float() { self.graph.add(Node::IntToFloat(Type::I64, int)) } else { int }
            }
            (Type::F32 | Type::F64, Type::Bool) => {
                let zero = self.graph.add(Node::ConstFloat(0));
                self.graph.add(Node::CompareFloat(Compare::Ne, node, zero))
            }
            (_, Type::Bool) => {
                let zero = self.graph.add(Node::ConstInt(0));
                self.graph.add(Node::CompareInt(Compare::Ne, node, zero))
            }
            (Type::F32, Type::F64) => node,
            (Type::F64, Type::F32) => self.float1(Float1::Single, node),
            (Type::F32 | Type::F64, _) => {
                exists = Some(self.graph.add(Node::FloatToIntExists(to, node)));
                self.graph.add(Node::FloatToInt(to, node))
            }
            (_, Type::F64) => self.graph.add(Node::IntToFloat(from, node)),
            (_, Type::F32) => self.graph.add(Node::IntToSingle(from, node)),
            _ => {
                let fits = matches!((from, to), (Type::I32, Type::I64) | (Type::U32, Type::I64 | Type::U64));
                exists = (!fits).then(|| self.graph.add(Node::IntFits(from, to, node)));
                node
            }
        };
        Val { node, valid: self.both(valid, exists), ty: to }
    }

    fn subquery(&mut self, query: &Query, output: usize) -> Val {
        let nested = match self.known_calls.get(query) {
            Some(&nested) => nested,
            None => {
                let nested = self.nested(query);
                self.known_calls.insert(query.clone(), nested);
                nested
            }
        };
        match nested {
            Nested::Call(call, query) => {
                let column = self.calls[query].plan.outputs[output];
                let node = self.graph.add(Node::Result { call, query, output, class: Class::of(column.ty) });
                let valid =
                    column.nullable.then(|| self.graph.add(Node::ResultValid { call, query, output }));
                Val { node, valid, ty: column.ty }
            }
            Nested::Hoisted(query) => {
                let column = self.compiler.hoisted(query).outputs[output];
                let node = self.graph.add(Node::Hoisted { query, output, class: Class::of(column.ty) });
                let valid = column.nullable.then(|| self.graph.add(Node::HoistedValid { query, output }));
                Val { node, valid, ty: column.ty }
            }
        }
    }

    fn nested(&mut self, query: &Query) -> Nested {
        let plan: QueryPlan = self.compiler.query(query);
        if plan.outer.is_empty() {
            return Nested::Hoisted(self.compiler.hoist(plan));
        }
        let vars: Vec<usize> = plan.outer.iter().map(|var| self.var(*var)).collect();
        let deps = vars.iter().fold(0, |deps, &var| deps | if var < OUTER { 1 << var } else { OUTER_DEP });
        let index = self.calls.len();
        self.calls.push(Call { plan, vars });
        Nested::Call(self.graph.add_with(Node::Call(index), deps), index)
    }

    /// Integers by which combinations are ordered, most significant first.
    pub(super) fn order(&mut self, keys: &[OrderKey]) -> Vec<NodeId> {
        let mut order = Vec::new();
        for key in keys {
            let value = self.expr(&key.expr);
            let mut code = match value.ty {
                Type::F32 | Type::F64 => self.graph.add(Node::FloatOrder(value.node)),
                Type::U64 => self.graph.add(Node::UnsignedOrder(value.node)),
                Type::Bool => self.graph.add(Node::MaskToInt(value.node)),
                _ => value.node,
            };
            if key.descending {
                code = self.graph.add(Node::Int1(Int1::BitNot, Type::I64, code));
            }
            if let Some(valid) = value.valid {
                let last = if key.nulls_first { valid } else { self.not(valid) };
                order.push(self.graph.add(Node::MaskToInt(last)));
                let zero = self.graph.add(Node::ConstInt(0));
                code = self.graph.add(Node::Select(valid, code, zero));
            }
            order.push(code);
        }
        order
    }

    /// Recognises max(e² − x² − y² − z², 0) of sums.
    fn mass_of_sum(&self, arg: NodeId) -> Option<[NodeId; 8]> {
        let Node::Float2(Float2::Greatest, square, zero) = self.graph.nodes[arg] else { return None };
        if self.graph.nodes[zero] != Node::ConstFloat(0) {
            return None;
        }
        let minus = |node: NodeId| match self.graph.nodes[node] {
            Node::Float2(Float2::Sub, left, right) => Some((left, right)),
            _ => None,
        };
        let sum = |node: NodeId| match self.graph.nodes[node] {
            Node::Float2(Float2::Mul, left, right) if left == right => match self.graph.nodes[left] {
                Node::Float2(Float2::Add, first, second) => Some([first, second]),
                _ => None,
            },
            _ => None,
        };
        let (rest, z) = minus(square)?;
        let (rest, y) = minus(rest)?;
        let (e, x) = minus(rest)?;
        let ([e1, e2], [x1, x2], [y1, y2], [z1, z2]) = (sum(e)?, sum(x)?, sum(y)?, sum(z)?);
        Some([e1, e2, x1, x2, y1, y2, z1, z2])
    }
}

fn comparison(op: BinaryOp) -> Option<Compare> {
    Some(match op {
        BinaryOp::Eq => Compare::Eq,
        BinaryOp::Ne => Compare::Ne,
        BinaryOp::Lt => Compare::Lt,
        BinaryOp::Le => Compare::Le,
        BinaryOp::Gt => Compare::Gt,
        BinaryOp::Ge => Compare::Ge,
        _ => return None,
    })
}

fn int2(op: BinaryOp) -> Int2 {
    match op {
        BinaryOp::Add => Int2::Add,
        BinaryOp::Sub => Int2::Sub,
        BinaryOp::Mul => Int2::Mul,
        BinaryOp::Div => Int2::Div,
        BinaryOp::Rem => Int2::Rem,
        BinaryOp::Least => Int2::Least,
        BinaryOp::Greatest => Int2::Greatest,
        BinaryOp::BitAnd => Int2::BitAnd,
        BinaryOp::BitOr => Int2::BitOr,
        BinaryOp::BitXor => Int2::BitXor,
        BinaryOp::Shl => Int2::Shl,
        // `check` leaves nothing else for integers.
        _ => Int2::Shr,
    }
}

fn float2(op: BinaryOp) -> Float2 {
    match op {
        BinaryOp::Add => Float2::Add,
        BinaryOp::Sub => Float2::Sub,
        BinaryOp::Mul => Float2::Mul,
        BinaryOp::Div => Float2::Div,
        BinaryOp::Rem => Float2::Rem,
        BinaryOp::Least => Float2::Least,
        BinaryOp::Greatest => Float2::Greatest,
        BinaryOp::Pow => Float2::Pow,
        BinaryOp::Atan2 => Float2::Atan2,
        // `check` leaves nothing else for floats.
        _ => Float2::Hypot,
    }
}

fn float1(op: UnaryOp) -> Float1 {
    use Float1 as F;
    match op {
        UnaryOp::Neg => F::Neg,
        UnaryOp::Abs => F::Abs,
        UnaryOp::Sign => F::Sign,
        UnaryOp::Sqrt => F::Sqrt,
        UnaryOp::Floor => F::Floor,
        UnaryOp::Ceil => F::Ceil,
        UnaryOp::Round => F::Round,
        UnaryOp::Trunc => F::Trunc,
        UnaryOp::Cbrt => F::Cbrt,
        UnaryOp::Exp => F::Exp,
        UnaryOp::Exp2 => F::Exp2,
        UnaryOp::ExpM1 => F::ExpM1,
        UnaryOp::Ln => F::Ln,
        UnaryOp::Log2 => F::Log2,
        UnaryOp::Log10 => F::Log10,
        UnaryOp::Ln1p => F::Ln1p,
        UnaryOp::Sin => F::Sin,
        UnaryOp::Cos => F::Cos,
        UnaryOp::Tan => F::Tan,
        UnaryOp::Asin => F::Asin,
        UnaryOp::Acos => F::Acos,
        UnaryOp::Atan => F::Atan,
        UnaryOp::Sinh => F::Sinh,
        UnaryOp::Cosh => F::Cosh,
        UnaryOp::Tanh => F::Tanh,
        UnaryOp::Asinh => F::Asinh,
        UnaryOp::Acosh => F::Acosh,
        UnaryOp::Atanh => F::Atanh,
        // The others are no float operators.
        UnaryOp::WrapPhi | UnaryOp::Not | UnaryOp::IsNull | UnaryOp::IsNan | UnaryOp::BitNot => F::WrapPhi,
    }
}
