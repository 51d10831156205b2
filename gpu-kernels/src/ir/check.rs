//! Types and scopes: everything a back end may rely on is checked here, once.

use super::error::IrError;
use super::expr::{BinaryOp, Expr, UnaryOp};
use super::types::{
    Aggregate, AggregateFunction, CollectionId, Input, InputId, Kernel, Query, Reduction, Source, Type, VarId,
};

/// Deepest nesting of expressions and queries accepted.
pub const MAX_DEPTH: usize = 128;
/// Most generators in one query.
pub const MAX_GENERATORS: usize = 8;

/// Type of one output of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OutputType {
    /// Type of the value, or of a list's elements.
    pub ty: Type,
    /// One list per event rather than one value. The list itself is never NULL.
    pub list: bool,
    /// Values (or elements) may be NULL.
    pub nullable: bool,
}

impl Expr {
    /// The type of the expression; fails where its parts do not fit together. Scopes are not looked at, so
    /// that it can be asked while a query is being put together.
    ///
    /// # Errors
    /// A type error, or an input or output that does not exist.
    pub fn ty(&self, inputs: &[Input]) -> Result<Type, IrError> {
        self.typed(inputs, 0)
    }

    fn typed(&self, inputs: &[Input], depth: usize) -> Result<Type, IrError> {
        let depth = deeper(depth)?;
        let column = |id: InputId| Ok(inputs.get(id).ok_or(IrError::NoInput(id))?.ty.value_type());
        match self {
            Self::Const(value) => Ok(value.ty()),
            Self::Scalar(input) | Self::Field { input, .. } => column(*input),
            Self::Index(_) | Self::Length(_) => Ok(Type::I64),
            Self::Element { input, index } => {
                expect("an index", index.typed(inputs, depth)?, Type::is_integer)?;
                column(*input)
            }
            Self::Unary(op, arg) => unary_type(*op, arg.typed(inputs, depth)?),
            Self::Binary(op, left, right) => {
                binary_type(*op, left.typed(inputs, depth)?, right.typed(inputs, depth)?)
            }
            Self::And(args) | Self::Or(args) => {
                for arg in args {
                    expect("AND / OR", arg.typed(inputs, depth)?, |ty| ty == Type::Bool)?;
                }
                Ok(Type::Bool)
            }
            Self::Case { branches, otherwise } => {
                let mut found = None;
                for (condition, value) in branches {
                    expect("CASE WHEN", condition.typed(inputs, depth)?, |ty| ty == Type::Bool)?;
                    same("CASE", &mut found, value.typed(inputs, depth)?)?;
                }
                if let Some(value) = otherwise {
                    same("CASE", &mut found, value.typed(inputs, depth)?)?;
                }
                found.ok_or(IrError::NoArgument("CASE"))
            }
            Self::Cast(to, arg) => arg.typed(inputs, depth).map(|_| *to),
            Self::Subquery { query, output } => {
                let types = query.outputs(inputs, depth)?;
                let wanted = types.get(*output);
                let wanted = wanted.ok_or(IrError::NoOutput { outputs: types.len(), wanted: *output })?;
                if wanted.list { Err(IrError::ListInExpression) } else { Ok(wanted.ty) }
            }
        }
    }
}

impl Query {
    /// Types of the outputs. Scopes and predicates are not looked at.
    fn outputs(&self, inputs: &[Input], depth: usize) -> Result<Vec<OutputType>, IrError> {
        let depth = deeper(depth)?;
        let values = |values: &[Expr], list| {
            let typed =
                |value: &Expr| Ok(OutputType { ty: value.typed(inputs, depth)?, list, nullable: true });
            values.iter().map(typed).collect()
        };
        match &self.reduction {
            Reduction::Exists => Ok(vec![OutputType { ty: Type::Bool, list: false, nullable: false }]),
            Reduction::First { values: exprs, .. } => values(exprs, false),
            Reduction::List { values: exprs, .. } => values(exprs, true),
            Reduction::Aggregates(aggregates) => {
                let typed = |aggregate: &Aggregate| {
                    let ty = aggregate.ty(inputs, depth)?;
                    let nullable = aggregate.function != AggregateFunction::Count;
                    Ok(OutputType { ty, list: false, nullable })
                };
                aggregates.iter().map(typed).collect()
            }
        }
    }
}

impl Aggregate {
    fn ty(&self, inputs: &[Input], depth: usize) -> Result<Type, IrError> {
        let value = self.value.as_ref().map(|value| value.typed(inputs, depth)).transpose()?;
        let (name, takes, gives): (_, fn(Type) -> bool, _) = match self.function {
            AggregateFunction::Count => return Ok(Type::I64),
            AggregateFunction::Sum => ("sum", |ty| matches!(ty, Type::F64 | Type::I64 | Type::U64), None),
            AggregateFunction::Min => ("min", Type::is_numeric, None),
            AggregateFunction::Max => ("max", Type::is_numeric, None),
            AggregateFunction::Avg => ("avg", |ty| ty == Type::F64, None),
            AggregateFunction::BoolAnd => ("bool_and", |ty| ty == Type::Bool, Some(Type::Bool)),
            AggregateFunction::BoolOr => ("bool_or", |ty| ty == Type::Bool, Some(Type::Bool)),
        };
        let value = value.ok_or(IrError::NoArgument(name))?;
        expect(name, value, takes)?;
        Ok(gives.unwrap_or(value))
    }
}

impl Kernel {
    /// Checks scopes and types of the whole kernel and gives the types of its outputs.
    ///
    /// # Errors
    /// The first fault found.
    pub fn check(&self) -> Result<Vec<OutputType>, IrError> {
        for (id, collection) in self.collections.iter().enumerate() {
            self.check_parts(id, &collection.parts)?;
        }
        for input in &self.inputs {
            self.check_input(input)?;
        }
        let mut scope = Scope { kernel: self, collections: self.collections.len(), vars: Vec::new() };
        scope.query(&self.body, true, 0)?;
        self.body.outputs(&self.inputs, 0)
    }

    fn check_input(&self, input: &Input) -> Result<(), IrError> {
        let misused = |used_as| IrError::Misused { input: input.name.clone(), used_as };
        let Some(id) = input.collection() else { return Ok(()) };
        let collection = self.collections.get(id).ok_or(IrError::NoCollection(id))?;
        match (input.source, collection.parts.first()) {
            (Source::Derived { value, .. }, Some(part)) => {
                let types = part.outputs(&self.inputs, 0)?;
                let ty =
                    types.get(value).ok_or(IrError::NoOutput { outputs: types.len(), wanted: value })?.ty;
                let plain = !matches!(input.ty.value_type(), found if found != ty);
                if plain { Ok(()) } else { Err(misused("a derived field of another type")) }
            }
            (Source::Derived { .. }, None) => Err(misused("a derived field of a collection of columns")),
            (_, Some(_)) => Err(misused("a column of a derived collection")),
            (_, None) => Ok(()),
        }
    }

    fn check_parts(&self, id: CollectionId, parts: &[Query]) -> Result<(), IrError> {
        let mut fields: Option<Vec<Type>> = None;
        for (position, part) in parts.iter().enumerate() {
            let mut scope = Scope { kernel: self, collections: id, vars: Vec::new() };
            scope.query(part, true, 0)?;
            let types: Vec<Type> =
                part.outputs(&self.inputs, 0)?.into_iter().map(|output| output.ty).collect();
            let list = matches!(part.reduction, Reduction::List { .. });
            if !list || fields.as_ref().is_some_and(|fields| *fields != types) {
                let collection = self.collections.get(id).map(|c| c.name.clone()).unwrap_or_default();
                return Err(IrError::BadPart { collection, part: position });
            }
            fields = Some(types);
        }
        Ok(())
    }
}

/// The variables in scope, and how many collections may be used.
struct Scope<'a> {
    kernel: &'a Kernel,
    collections: usize,
    vars: Vec<(VarId, CollectionId)>,
}

impl Scope<'_> {
    fn query(&mut self, query: &Query, list_allowed: bool, depth: usize) -> Result<(), IrError> {
        let depth = deeper(depth)?;
        if query.generators.len() > MAX_GENERATORS {
            return Err(IrError::TooDeep);
        }
        let outside = self.vars.len();
        for generator in &query.generators {
            self.collection(generator.collection)?;
            if self.lookup(generator.var).is_some() {
                return Err(IrError::Rebound(generator.var));
            }
            if let Some(after) = generator.after {
                let own = self.vars.get(outside..).unwrap_or_default();
                if !own.contains(&(after, generator.collection)) {
                    return Err(IrError::BadBound { var: generator.var, after });
                }
            }
            self.vars.push((generator.var, generator.collection));
        }
        for conjunct in &query.predicate {
            self.boolean("WHERE", conjunct, depth)?;
        }
        match &query.reduction {
            Reduction::Exists => {}
            Reduction::Aggregates(aggregates) => {
                for aggregate in aggregates {
                    aggregate.ty(&self.kernel.inputs, depth)?;
                    aggregate.value.iter().try_for_each(|value| self.expr(value, depth))?;
                    aggregate.filter.iter().try_for_each(|filter| self.boolean("FILTER", filter, depth))?;
                }
            }
            Reduction::First { values, order_by, .. } | Reduction::List { values, order_by, .. } => {
                if matches!(query.reduction, Reduction::List { .. }) && !list_allowed {
                    return Err(IrError::ListInExpression);
                }
                for expr in values.iter().chain(order_by.iter().map(|key| &key.expr)) {
                    expr.typed(&self.kernel.inputs, depth)?;
                    self.expr(expr, depth)?;
                }
            }
        }
        self.vars.truncate(outside);
        Ok(())
    }

    fn boolean(&mut self, what: &str, expr: &Expr, depth: usize) -> Result<(), IrError> {
        expect(what, expr.typed(&self.kernel.inputs, depth)?, |ty| ty == Type::Bool)?;
        self.expr(expr, depth)
    }

    fn expr(&mut self, expr: &Expr, depth: usize) -> Result<(), IrError> {
        let depth = deeper(depth)?;
        match expr {
            Expr::Scalar(input) => self.input(*input, "an event value", |id| id.is_none())?,
            Expr::Field { var, input } => {
                let collection = self.lookup(*var).ok_or(IrError::Unbound(*var))?;
                self.input(*input, "a field of this variable", |id| id == Some(collection))?;
            }
            Expr::Index(var) => {
                self.lookup(*var).ok_or(IrError::Unbound(*var))?;
            }
            Expr::Length(collection) => self.collection(*collection)?,
            Expr::Element { input, .. } => self.input(*input, "a list", |id| id.is_some())?,
            Expr::Subquery { query, .. } => self.query(query, false, depth)?,
            _ => {}
        }
        expr.children().into_iter().try_for_each(|child| self.expr(child, depth))
    }

    fn input(
        &self,
        id: InputId,
        used_as: &'static str,
        fits: impl Fn(Option<CollectionId>) -> bool,
    ) -> Result<(), IrError> {
        let input = self.kernel.inputs.get(id).ok_or(IrError::NoInput(id))?;
        if let Some(collection) = input.collection() {
            self.collection(collection)?;
        }
        if fits(input.collection()) {
            Ok(())
        } else {
            Err(IrError::Misused { input: input.name.clone(), used_as })
        }
    }

    fn collection(&self, id: CollectionId) -> Result<(), IrError> {
        if id < self.collections { Ok(()) } else { Err(IrError::NoCollection(id)) }
    }

    fn lookup(&self, var: VarId) -> Option<CollectionId> {
        self.vars.iter().find(|(bound, _)| *bound == var).map(|(_, collection)| *collection)
    }
}

fn deeper(depth: usize) -> Result<usize, IrError> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(IrError::TooDeep) }
}

fn expect(what: &str, found: Type, takes: impl Fn(Type) -> bool) -> Result<(), IrError> {
    if takes(found) { Ok(()) } else { Err(IrError::WrongType { what: what.to_owned(), found }) }
}

fn same(what: &str, all: &mut Option<Type>, found: Type) -> Result<(), IrError> {
    match *all {
        Some(left) if left != found => Err(IrError::Mixed { what: what.to_owned(), left, right: found }),
        _ => {
            *all = Some(found);
            Ok(())
        }
    }
}

fn unary_type(op: UnaryOp, arg: Type) -> Result<Type, IrError> {
    use UnaryOp as Op;
    let (takes, gives): (fn(Type) -> bool, _) = match op {
        Op::Not => (|ty| ty == Type::Bool, Type::Bool),
        Op::IsNull => (|_| true, Type::Bool),
        Op::IsNan => (Type::is_float, Type::Bool),
        Op::BitNot => (Type::is_integer, arg),
        Op::Neg | Op::Abs | Op::Sign => (Type::is_numeric, arg),
        Op::Sqrt | Op::Floor | Op::Ceil | Op::Round | Op::Trunc => (Type::is_float, arg),
        _ => (|ty| ty == Type::F64, Type::F64),
    };
    expect(op.name(), arg, takes)?;
    Ok(gives)
}

fn binary_type(op: BinaryOp, left: Type, right: Type) -> Result<Type, IrError> {
    use BinaryOp as Op;
    if left != right {
        return Err(IrError::Mixed { what: op.name().to_owned(), left, right });
    }
    let takes: fn(Type) -> bool = match op {
        Op::Eq | Op::Ne => |_| true,
        Op::BitAnd | Op::BitOr | Op::BitXor | Op::Shl | Op::Shr => Type::is_integer,
        Op::Pow | Op::Atan2 | Op::Hypot => |ty| ty == Type::F64,
        _ => Type::is_numeric,
    };
    expect(op.name(), left, takes)?;
    Ok(if op.is_comparison() { Type::Bool } else { left })
}
