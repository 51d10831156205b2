//! Expressions.

use std::collections::HashMap;

use super::constant::{class, literal};
use super::writer::{Class, Value};
use super::{Form, Writer, is_unsigned, leaders, no_form};
use crate::ir::{
    BinaryOp, Collection, CollectionId, Expr, InputId, Kernel, Query, Reduction, Source, Type, UnaryOp, VarId,
};

/// A loop variable: which object it stands at, of which collection.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) collection: CollectionId,
    /// An `i32`.
    pub(super) index: String,
    pub(super) depth: usize,
}

/// A subquery that is written: for the objects at these indices, with its outputs.
pub(super) type Written = (Query, Vec<(VarId, String)>, Vec<Value>);

/// A kernel on its way to WGSL.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) writer: Writer,
    leaders: Vec<Option<usize>>,
    pub(super) places: Vec<(VarId, Place)>,
    /// Fields and conditions of derived collections that are written already, by collection, index and field.
    derived: HashMap<(CollectionId, String, Option<usize>), Value>,
    /// Subqueries that are written already.
    pub(super) queries: Vec<Written>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(kernel: &'a Kernel) -> Self {
        Self {
            kernel,
            writer: Writer::new(),
            leaders: leaders(kernel),
            places: vec![],
            derived: HashMap::new(),
            queries: vec![],
        }
    }

    pub(super) fn place(&self, var: VarId) -> Form<Place> {
        match self.places.iter().rev().find(|(bound, _)| *bound == var) {
            Some((_, place)) => Ok(place.clone()),
            None => no_form("a variable that is not bound"),
        }
    }

    fn collection(&self, id: CollectionId) -> Form<&'a Collection> {
        match self.kernel.collections.get(id) {
            Some(collection) => Ok(collection),
            None => no_form("a collection that is not there"),
        }
    }

    pub(super) fn ty(&self, expr: &Expr) -> Form<Type> {
        expr.ty(&self.kernel.inputs).or_else(|error| no_form(error.to_string()))
    }

    /// A function of values.
    pub(super) fn call(&mut self, class: Class, function: &str, arguments: &[&Value]) -> Value {
        let names: Vec<&str> = arguments.iter().map(|argument| argument.name.as_str()).collect();
        let text = format!("{function}({})", names.join(", "));
        self.writer.value(class, text, arguments.iter().map(|argument| argument.depth))
    }

    /// The word where the objects of an event begin.
    fn start(&mut self, collection: CollectionId) -> Form<Value> {
        let Some(leader) = self.leaders.get(collection).copied().flatten() else {
            return no_form("a collection without columns");
        };
        let place = super::BEFORE_INPUTS + leader;
        Ok(self.writer.value(Class::Integer, format!("data[step.at[{place}].z + event]"), []))
    }

    /// How many objects an event has, an `i32`; of a derived collection, those that its conditions leave out included.
    pub(super) fn length(&mut self, collection: CollectionId) -> Form<Value> {
        let parts = &self.collection(collection)?.parts;
        if parts.is_empty() {
            let start = self.start(collection)?.name;
            let Some(leader) = self.leaders[collection] else {
                return no_form("a collection without columns");
            };
            let place = super::BEFORE_INPUTS + leader;
            let text = format!("i32(data[step.at[{place}].z + event + 1u] - {start})");
            return Ok(self.writer.value(Class::Integer, text, []));
        }
        let mut lengths = vec![];
        for part in parts {
            lengths.push(self.length(plain_part(part, self.collection(collection)?)?.0)?.name);
        }
        Ok(self.writer.value(Class::Integer, lengths.join(" + "), []))
    }

    /// Whether an object of a derived collection is there at all; `None` for a collection of columns.
    pub(super) fn is_there(&mut self, place: &Place) -> Form<Option<Value>> {
        if self.collection(place.collection)?.parts.is_empty() {
            return Ok(None);
        }
        self.of_parts(place, None).map(Some)
    }

    /// A field of an object.
    fn field(&mut self, place: &Place, input: InputId) -> Form<Value> {
        let Some(of) = self.kernel.inputs.get(input) else { return no_form("a column that is not there") };
        match of.source {
            Source::Derived { value, .. } => self.of_parts(place, Some(value)),
            Source::Scalar => no_form("a field of an event"),
            Source::List(collection) => {
                let start = self.start(collection)?.name;
                let text = format!("load{input}({start} + u32({}))", place.index);
                Ok(self.writer.value(class(of.ty.value_type()), text, [place.depth]))
            }
        }
    }

    /// A value (or with `None` the condition) of an object of a derived collection: that of the part it is of.
    fn of_parts(&mut self, place: &Place, value: Option<usize>) -> Form<Value> {
        let key = (place.collection, place.index.clone(), value);
        if let Some(known) = self.derived.get(&key) {
            return Ok(known.clone());
        }
        let collection = self.collection(place.collection)?;
        let left = self.writer.leave(place.depth);
        let name = self.writer.fresh("d");
        let mut of_class = Class::Bool;
        let mut before = "0".to_owned();
        let outside = std::mem::take(&mut self.places);
        for (number, part) in collection.parts.iter().enumerate() {
            let (own, generator) = plain_part(part, collection)?;
            let values = match &part.reduction {
                Reduction::List { values, .. } => values,
                _ => return no_form("a part that is no list"),
            };
            let length = self.length(own)?.name;
            let end = self.writer.value(Class::Integer, format!("{before} + {length}"), []).name;
            if let (0, Some(value)) = (number, value) {
                let Some(first) = values.get(value) else { return no_form("a field that is not there") };
                of_class = class(self.ty(first)?);
            }
            if number == 0 {
                let ty = if of_class == Class::Bool { "u32" } else { "N" };
                self.writer.line(&format!("var {name}: {ty};"));
            }
            let index = &place.index;
            let depth = self.writer.open(&format!("if {index} >= {before} && {index} < {end}"));
            let inner = self.writer.fresh("i");
            self.writer.line(&format!("let {inner} = {index} - {before};"));
            let of = Place { collection: own, index: inner, depth };
            let there = self.is_there(&of)?;
            self.places.push((generator, of));
            let found = match value {
                Some(value) => match values.get(value) {
                    Some(expr) => self.expr(expr)?,
                    None => return no_form("a field that is not there"),
                },
                None => {
                    let conditions = self.all(&part.predicate, false)?;
                    match there {
                        Some(there) => self.call(Class::Bool, "and_truth", &[&there, &conditions]),
                        None => conditions,
                    }
                }
            };
            self.writer.line(&format!("{name} = {};", found.name));
            self.writer.close_to(depth - 1);
            self.places.clear();
            before = end;
        }
        self.places = outside;
        let value = Value { name, class: of_class, depth: place.depth };
        self.writer.resume(left);
        self.derived.insert(key, value.clone());
        Ok(value)
    }

    /// AND or OR of conditions.
    fn all(&mut self, conditions: &[Expr], or: bool) -> Form<Value> {
        let (function, neutral) = if or { ("or_truth", "FALSE") } else { ("and_truth", "TRUE") };
        let mut all: Option<Value> = None;
        for condition in conditions {
            let condition = self.expr(condition)?;
            all = Some(match all {
                Some(all) => self.call(Class::Bool, function, &[&all, &condition]),
                None => condition,
            });
        }
        Ok(match all {
            Some(all) => all,
            None => self.writer.value(Class::Bool, neutral.to_owned(), []),
        })
    }

    pub(super) fn expr(&mut self, expr: &Expr) -> Form<Value> {
        match expr {
            Expr::Const(value) => Ok(self.writer.value(class(value.ty()), literal(*value), [])),
            Expr::Scalar(input) => {
                let ty = self.ty(expr)?;
                Ok(self.writer.value(class(ty), format!("load{input}(event)"), []))
            }
            Expr::Field { var, input } => {
                let place = self.place(*var)?;
                self.field(&place, *input)
            }
            Expr::Index(var) => {
                let place = self.place(*var)?;
                let collection = self.collection(place.collection)?;
                if !collection.parts.is_empty() {
                    return no_form(format!("idx in the derived collection {}", collection.name));
                }
                let text = format!("point({})", place.index);
                Ok(self.writer.value(Class::Integer, text, [place.depth]))
            }
            Expr::Length(id) => {
                let collection = self.collection(*id)?;
                if !collection.parts.is_empty() {
                    return no_form(format!("the length of the derived collection {}", collection.name));
                }
                let length = self.length(*id)?;
                Ok(self.call(Class::Integer, "short", &[&length]))
            }
            Expr::Element { input, index } => self.element(*input, index),
            Expr::Unary(op, argument) => self.unary(*op, argument),
            Expr::Binary(op, left, right) => self.binary(*op, left, right),
            Expr::And(conditions) => self.all(conditions, false),
            Expr::Or(conditions) => self.all(conditions, true),
            Expr::Case { branches, otherwise } => self.case(expr, branches, otherwise.as_deref()),
            Expr::Cast(to, argument) => self.cast(*to, argument),
            Expr::Subquery { query, output } => match self.subquery(query)?.get(*output) {
                Some(value) => Ok(value.clone()),
                None => no_form("an output that is not there"),
            },
        }
    }

    fn element(&mut self, input: InputId, index: &Expr) -> Form<Value> {
        let Some(of) = self.kernel.inputs.get(input) else { return no_form("a column that is not there") };
        let Source::List(collection) = of.source else {
            return no_form(format!("an element of the derived field {}", of.name));
        };
        let class = class(of.ty.value_type());
        let index = self.expr(index)?;
        let (start, length) = (self.start(collection)?.name, self.length(collection)?.name);
        let left = self.writer.leave(index.depth);
        let (name, at) = (self.writer.fresh("e"), &index.name);
        let (ty, null, any) = match class {
            Class::Bool => ("u32", "UNKNOWN", "TRUE | FALSE | UNKNOWN"),
            Class::Integer => ("N", "N(0, 0, ABSENT)", "any_integer(ABSENT)"),
            Class::Float => ("N", "N(0, 0, ABSENT)", "any_float(ABSENT)"),
        };
        self.writer.line(&format!("var {name}: {ty} = {any};"));
        self.writer.line(&format!("if ({at}.may & NUMBER) == 0u || {at}.hi < 0 || {at}.lo >= {length} {{"));
        self.writer.line(&format!("{name} = {null};"));
        self.writer.line(&format!("}} else if {at}.may == NUMBER && {at}.lo == {at}.hi {{"));
        self.writer.line(&format!("{name} = load{input}({start} + u32({at}.lo));\n}}"));
        self.writer.resume(left);
        Ok(Value { name, class, depth: index.depth })
    }

    fn unary(&mut self, op: UnaryOp, argument: &Expr) -> Form<Value> {
        use UnaryOp as Op;
        let ty = self.ty(argument)?;
        let value = self.expr(argument)?;
        let function = match (op, value.class) {
            (Op::Not, _) => "not_truth",
            (Op::IsNull, Class::Bool) => "is_null_truth",
            (Op::IsNull, _) => "is_null",
            (Op::IsNan, _) => "is_nan",
            (Op::Neg, Class::Integer) => "i_neg",
            (Op::Abs, Class::Integer) => "i_abs",
            (Op::Sign, Class::Integer) => "i_sign",
            (Op::Neg, _) => "f_neg",
            (Op::Abs, _) => "f_abs",
            (Op::Sign, _) => "f_sign",
            (Op::Sqrt, _) => "f_sqrt",
            (Op::Floor, _) => "f_floor",
            (Op::Ceil, _) => "f_ceil",
            (Op::Trunc, _) => "f_trunc",
            (Op::Sin, _) => "f_sin",
            (Op::Cos, _) => "f_cos",
            (Op::Exp, _) => "f_exp",
            (Op::Sinh, _) => "f_sinh",
            (Op::Cosh, _) => "f_cosh",
            (Op::WrapPhi, _) => "f_wrap_phi",
            (op, _) => return no_form(format!("the function {}", op.name())),
        };
        let class = if matches!(op, Op::Not | Op::IsNull | Op::IsNan) { Class::Bool } else { value.class };
        let found = self.call(class, function, &[&value]);
        Ok(self.fitting(ty, found))
    }

    /// NULL where a type without sign does not hold the integer.
    fn fitting(&mut self, ty: Type, value: Value) -> Value {
        if is_unsigned(ty) && value.class == Class::Integer {
            return self.call(Class::Integer, "unsigned", &[&value]);
        }
        value
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Form<Value> {
        use BinaryOp as Op;
        let ty = self.ty(left)?;
        let (mut a, mut b) = (self.expr(left)?, self.expr(right)?);
        if op.is_comparison() {
            for side in [&mut a, &mut b] {
                if side.class == Class::Bool {
                    *side = self.call(Class::Integer, "truth_number", &[side]);
                }
            }
            let takes = match op {
                Op::Lt => "1u",
                Op::Eq => "2u",
                Op::Le => "3u",
                Op::Gt => "4u",
                Op::Ne => "5u",
                _ => "6u",
            };
            let text = format!("compare({}, {}, {takes})", a.name, b.name);
            return Ok(self.writer.value(Class::Bool, text, [a.depth, b.depth]));
        }
        let function = match (op, a.class) {
            (Op::Least, _) => "least",
            (Op::Greatest, _) => "greatest",
            (Op::Add, Class::Float) => "f_add",
            (Op::Sub, Class::Float) => "f_sub",
            (Op::Mul, Class::Float) if a == b => {
                return Ok(self.call(Class::Float, "f_square", &[&a]));
            }
            (Op::Mul, Class::Float) => "f_mul",
            (Op::Div, Class::Float) => "f_div",
            (Op::Add, Class::Integer) => "i_add",
            (Op::Sub, Class::Integer) => "i_sub",
            (Op::Mul, Class::Integer) => "i_mul",
            (Op::Div, Class::Integer) => "i_div",
            (Op::Rem, Class::Integer) => "i_rem",
            (Op::BitAnd, Class::Integer) => "i_and",
            (Op::BitOr, Class::Integer) => "i_or",
            (Op::BitXor, Class::Integer) => "i_xor",
            (Op::Shr, Class::Integer) => "i_shr",
            (op, _) => return no_form(format!("the operator {}", op.name())),
        };
        let found = self.call(a.class, function, &[&a, &b]);
        Ok(self.fitting(ty, found))
    }

    fn case(&mut self, whole: &Expr, branches: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Form<Value> {
        let ty = self.ty(whole)?;
        let mut found = match otherwise {
            Some(value) => self.expr(value)?,
            None => self.writer.value(class(ty), literal(crate::ir::Const::Null(ty)), []),
        };
        for (condition, value) in branches.iter().rev() {
            let (condition, value) = (self.expr(condition)?, self.expr(value)?);
            let function = if value.class == Class::Bool { "choose_truth" } else { "choose" };
            found = self.call(value.class, function, &[&condition, &value, &found]);
        }
        Ok(found)
    }

    fn cast(&mut self, to: Type, argument: &Expr) -> Form<Value> {
        let from = self.ty(argument)?;
        let value = self.expr(argument)?;
        let found = match (value.class, class(to)) {
            (Class::Bool, Class::Bool) | (Class::Float, Class::Float) => value,
            (Class::Bool, Class::Integer) => self.call(Class::Integer, "truth_number", &[&value]),
            (Class::Bool, Class::Float) => {
                let number = self.call(Class::Integer, "truth_number", &[&value]);
                self.call(Class::Float, "float_of", &[&number])
            }
            (_, Class::Bool) => {
                let text = format!("compare({}, point(0), 5u)", value.name);
                self.writer.value(Class::Bool, text, [value.depth])
            }
            (Class::Integer, Class::Float) => self.call(Class::Float, "float_of", &[&value]),
            (Class::Float, Class::Integer) => self.call(Class::Integer, "integer_of", &[&value]),
            (Class::Integer, Class::Integer) if from == to => value,
            (Class::Integer, Class::Integer) => self.call(Class::Integer, "i_cast", &[&value]),
        };
        Ok(self.fitting(to, found))
    }
}

/// The collection and the variable of a part that is one loop, whose objects come in its order.
fn plain_part(part: &Query, of: &Collection) -> Form<(CollectionId, VarId)> {
    let sorted = match &part.reduction {
        Reduction::List { order_by, offset: 0, limit: None, .. } => !order_by.is_empty(),
        _ => true,
    };
    match &part.generators[..] {
        [one] if !sorted => Ok((one.collection, one.var)),
        [_] => no_form(format!("the derived collection {} with ORDER BY or LIMIT", of.name)),
        _ => no_form(format!("the derived collection {} of several loops", of.name)),
    }
}
