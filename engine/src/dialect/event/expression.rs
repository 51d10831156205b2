//! Expressions of event subqueries.

use ana_kernels::ir::{BinaryOp, Const, Expr, Reduction, Type, UnaryOp};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, CeilFloorKind, DataType as SqlType, DateTimeField, Expr as SqlExpr,
    Ident, Spanned, Subscript, UnaryOperator, Value,
};

use super::{
    binder::Binder,
    function,
    object::Object,
    query::{self, Shape},
    types::{Typed, common_number, common_type, is_null, name, not},
};
use crate::{dialect::rewrite::fault, error::Result};

impl Binder<'_, '_> {
    /// Binds an expression.
    pub(super) fn expr(&mut self, expr: &SqlExpr) -> Result<Typed> {
        if let Some((_, known)) = self.aggregates.iter().rev().find(|(call, _)| call == expr) {
            return Ok(known.clone());
        }
        if !self.is_inside(expr) {
            return match literal(expr) {
                Some(known) => Ok(known),
                None => self.scalar(expr),
            };
        }
        match expr {
            SqlExpr::Nested(inner) => self.expr(inner),
            SqlExpr::Identifier(name) => self.named(name),
            SqlExpr::CompoundIdentifier(parts) => self.dotted(parts, expr),
            SqlExpr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain, expr),
            SqlExpr::BinaryOp { left, op, right } => self.binary(left, op, right, expr),
            SqlExpr::UnaryOp { op, expr: inner } => self.unary(*op, inner, expr),
            SqlExpr::IsNull(inner) => Ok(Typed::boolean(is_null(self.expr(inner)?.expr))),
            SqlExpr::IsNotNull(inner) => Ok(Typed::boolean(not(is_null(self.expr(inner)?.expr)))),
            SqlExpr::IsTrue(inner) => self.is(inner, true, false),
            SqlExpr::IsFalse(inner) => self.is(inner, false, false),
            SqlExpr::IsNotTrue(inner) => self.is(inner, true, true),
            SqlExpr::IsNotFalse(inner) => self.is(inner, false, true),
            SqlExpr::Between { expr: value, negated, low, high } => {
                let (value, low, high) = (self.expr(value)?, self.expr(low)?, self.expr(high)?);
                let above = self.compare(BinaryOp::Ge, value.clone(), low, expr)?;
                let below = self.compare(BinaryOp::Le, value, high, expr)?;
                let between = Expr::And(vec![above.expr, below.expr]);
                Ok(Typed::boolean(if *negated { not(between) } else { between }))
            }
            SqlExpr::InList { expr: value, list, negated } => {
                let value = self.expr(value)?;
                let equal = list.iter().map(|member| {
                    let member = self.expr(member)?;
                    Ok(self.compare(BinaryOp::Eq, value.clone(), member, expr)?.expr)
                });
                let any = Expr::Or(equal.collect::<Result<_>>()?);
                Ok(Typed::boolean(if *negated { not(any) } else { any }))
            }
            SqlExpr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), expr)
            }
            SqlExpr::Cast { expr: value, data_type, .. } => self.cast(value, data_type, expr),
            SqlExpr::Function(call) => self.function(call, expr),
            // The parser has forms of their own for these two.
            SqlExpr::Floor { expr: value, field } if is_of_number(field) => {
                Ok(Typed::f64(self.number(value)?.unary(UnaryOp::Floor)))
            }
            SqlExpr::Ceil { expr: value, field } if is_of_number(field) => {
                Ok(Typed::f64(self.number(value)?.unary(UnaryOp::Ceil)))
            }
            // Of tables, and the same for all objects: a value of the event.
            SqlExpr::Subquery(query) if !query::is_event_subquery(self.rewrite, self.event, query)? => {
                self.scalar(expr)
            }
            SqlExpr::Subquery(query) => {
                let (_, mut outputs, _) = self.subquery(query, Shape::Row)?;
                match (outputs.pop(), outputs.is_empty()) {
                    (Some(output), true) => Ok(output),
                    _ => Err(fault(
                        expr.span(),
                        "a subquery inside another gives one column".to_owned(),
                        vec![],
                    )),
                }
            }
            SqlExpr::Exists { subquery, negated } => {
                let (_, mut outputs, _) = self.subquery(subquery, Shape::Exists)?;
                let exists = outputs.pop().map_or_else(|| Const::Bool(false).into(), |output| output.expr);
                Ok(Typed::boolean(if *negated { not(exists) } else { exists }))
            }
            SqlExpr::InSubquery { expr: value, subquery, negated } => {
                let found = self.in_subquery(value, subquery, expr)?;
                Ok(Typed::boolean(if *negated { not(found) } else { found }))
            }
            other => {
                Err(fault(other.span(), format!("{other} is not supported in an event subquery"), vec![]))
            }
        }
    }

    /// A condition.
    pub(super) fn boolean(&mut self, condition: &SqlExpr) -> Result<Expr> {
        let bound = self.expr(condition)?;
        match bound.ty {
            Some(Type::Bool) | None => Ok(bound.to(Type::Bool)),
            other => Err(fault(
                condition.span(),
                format!("a condition is needed here, {condition} is {}", name(other)),
                vec![],
            )),
        }
    }

    /// A number, in f64.
    pub(super) fn number(&mut self, expr: &SqlExpr) -> Result<Expr> {
        let bound = self.expr(expr)?;
        match bound.ty {
            Some(Type::Bool) => {
                Err(fault(expr.span(), format!("a number is needed here, {expr} is a boolean"), vec![]))
            }
            _ => Ok(bound.to(Type::F64)),
        }
    }

    /// Whether an expression has to be computed inside the loops: it names an object, or has a subquery.
    fn is_inside(&self, expr: &SqlExpr) -> bool {
        let mut inside = false;
        function::walk(expr, &mut |part| {
            if let SqlExpr::CompoundFieldAccess { root, access_chain } = part {
                // What stands after a dot is a field of what stands before, whatever else has that name.
                let of_object = match root.as_ref() {
                    SqlExpr::Identifier(name) => self.place(&name.value).is_some(),
                    other => self.is_inside(other),
                };
                let by_object = access_chain.iter().any(|step| match step {
                    AccessExpr::Subscript(Subscript::Index { index }) => self.is_inside(index),
                    _ => false,
                });
                inside |= of_object || by_object;
                return false;
            }
            inside |= match part {
                SqlExpr::Subquery(_) | SqlExpr::Exists { .. } | SqlExpr::InSubquery { .. } => true,
                SqlExpr::Identifier(name) => {
                    self.place(&name.value).is_some()
                        || self.is_record(&name.value)
                        || (0..self.vars.len()).any(|var| self.has_field(var, &name.value))
                }
                SqlExpr::CompoundIdentifier(parts) => {
                    parts.first().is_some_and(|name| self.place(&name.value).is_some())
                }
                SqlExpr::Function(call) => function::takes_objects(call),
                other => self.aggregates.iter().any(|(call, _)| call == other),
            } || self.aggregates.iter().any(|(call, _)| call == part);
            !inside
        });
        inside
    }

    /// The innermost object of this name.
    pub(super) fn place(&self, alias: &str) -> Option<usize> {
        self.vars.iter().rposition(|var| var.alias == alias)
    }

    fn named(&mut self, name: &Ident) -> Result<Typed> {
        let with_field: Vec<usize> =
            (0..self.vars.len()).filter(|var| self.has_field(*var, &name.value)).collect();
        match with_field.as_slice() {
            [] => {
                let message = format!(
                    "'{}' is a whole object; name one of its fields, e.g. {}.pt",
                    name.value, name.value
                );
                Err(fault(name.span, message, vec![]))
            }
            [one] => self.field(*one, &name.value, name.span),
            [.., other, last] => {
                let (other, last) = (&self.vars[*other].alias, &self.vars[*last].alias);
                let message =
                    format!("'{0}' is a field of {other} and of {last}; write {last}.{0}", name.value);
                Err(fault(name.span, message, vec![]))
            }
        }
    }

    fn dotted(&mut self, parts: &[Ident], expr: &SqlExpr) -> Result<Typed> {
        match parts {
            [alias, field] => match self.place(&alias.value) {
                Some(var) => self.field(var, &field.value, field.span),
                None => self.scalar(expr),
            },
            _ => Err(fault(expr.span(), format!("{expr} is no field of an object"), vec![])),
        }
    }

    /// `p4(a, b).pt`, `deref(i, Jet).pt`, `Jet.pt[i]`.
    fn access(&mut self, root: &SqlExpr, chain: &[AccessExpr], expr: &SqlExpr) -> Result<Typed> {
        match chain {
            [AccessExpr::Dot(SqlExpr::Identifier(field))] => match self.object(root)? {
                Some(object) => self.object_field(&object, &field.value, field),
                None => Err(fault(root.span(), format!("{root} is no object"), vec![])),
            },
            // The parser takes `Jet.pt[i]` and `Jet[i].pt` for two steps from `Jet`.
            [
                AccessExpr::Dot(SqlExpr::Identifier(field)),
                AccessExpr::Subscript(Subscript::Index { index }),
            ]
            | [
                AccessExpr::Subscript(Subscript::Index { index }),
                AccessExpr::Dot(SqlExpr::Identifier(field)),
            ] => {
                let SqlExpr::Identifier(collection) = root else {
                    return Err(fault(root.span(), format!("{root} is no list"), vec![]));
                };
                let place = self.expr(index)?.to(Type::I64);
                let first = Const::I64(1);
                let bound = self.collection(&collection.value, collection.span)?;
                // SQL counts from 1, the kernel from 0.
                self.element(bound, &field.value, place.binary(BinaryOp::Sub, first.into()), field.span)
            }
            _ => Err(fault(expr.span(), format!("{expr} is not supported in an event subquery"), vec![])),
        }
    }

    fn binary(
        &mut self,
        left: &SqlExpr,
        op: &BinaryOperator,
        right: &SqlExpr,
        expr: &SqlExpr,
    ) -> Result<Typed> {
        use BinaryOperator as Sql;
        let logical = |parts| match op {
            Sql::And => Expr::And(parts),
            _ => Expr::Or(parts),
        };
        let ir = match op {
            Sql::And | Sql::Or => {
                // A chain is one operator of many parts, however long.
                let mut parts = vec![self.boolean(right)?];
                let mut rest = left;
                loop {
                    match rest {
                        SqlExpr::BinaryOp { left, op: same, right } if same == op => {
                            parts.push(self.boolean(right)?);
                            rest = left;
                        }
                        first => {
                            parts.push(self.boolean(first)?);
                            break;
                        }
                    }
                }
                parts.reverse();
                return Ok(Typed::boolean(logical(parts)));
            }
            Sql::Plus => BinaryOp::Add,
            Sql::Minus => BinaryOp::Sub,
            Sql::Multiply => BinaryOp::Mul,
            Sql::Divide => BinaryOp::Div,
            Sql::Modulo => BinaryOp::Rem,
            Sql::BitwiseAnd => BinaryOp::BitAnd,
            Sql::BitwiseOr => BinaryOp::BitOr,
            Sql::BitwiseXor | Sql::Xor | Sql::PGBitwiseXor => BinaryOp::BitXor,
            Sql::PGBitwiseShiftLeft => BinaryOp::Shl,
            Sql::PGBitwiseShiftRight => BinaryOp::Shr,
            Sql::Eq => BinaryOp::Eq,
            Sql::NotEq => BinaryOp::Ne,
            Sql::Lt => BinaryOp::Lt,
            Sql::LtEq => BinaryOp::Le,
            Sql::Gt => BinaryOp::Gt,
            Sql::GtEq => BinaryOp::Ge,
            other => {
                return Err(fault(
                    expr.span(),
                    format!("operator {other} is not supported in an event subquery"),
                    vec![],
                ));
            }
        };
        let (left, right) = (self.expr(left)?, self.expr(right)?);
        if ir.is_comparison() {
            self.compare(ir, left, right, expr)
        } else {
            self.arithmetic(ir, left, right, expr)
        }
    }

    pub(super) fn arithmetic(
        &mut self,
        op: BinaryOp,
        left: Typed,
        right: Typed,
        at: &SqlExpr,
    ) -> Result<Typed> {
        let integers = matches!(
            op,
            BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor | BinaryOp::Shl | BinaryOp::Shr
        );
        let refused = |ty: Option<Type>| match ty {
            Some(Type::Bool) => true,
            Some(ty) => integers && ty.is_float(),
            None => false,
        };
        if refused(left.ty) || refused(right.ty) {
            let kind = if integers { "integers" } else { "numbers" };
            let message = format!("{at}: takes {kind}, got {} and {}", name(left.ty), name(right.ty));
            return Err(fault(at.span(), message, vec![]));
        }
        let ty = match (integers, common_number(left.ty, right.ty)) {
            (true, Type::F64) => Type::I64,
            (_, ty) => ty,
        };
        Ok(Typed::new(left.to(ty).binary(op, right.to(ty)), ty))
    }

    pub(super) fn compare(&mut self, op: BinaryOp, left: Typed, right: Typed, at: &SqlExpr) -> Result<Typed> {
        let booleans = [left.ty, right.ty].iter().flatten().filter(|ty| **ty == Type::Bool).count();
        let known = [left.ty, right.ty].iter().flatten().count();
        if booleans != 0 && booleans != known {
            let message = format!("{at}: cannot compare {} with {}", name(left.ty), name(right.ty));
            return Err(fault(at.span(), message, vec![]));
        }
        if booleans != 0 && !matches!(op, BinaryOp::Eq | BinaryOp::Ne) {
            return Err(fault(at.span(), format!("{at}: booleans have no order"), vec![]));
        }
        // Two stored Float32 compare as they are; everything else as f64 or 64-bit integers.
        let ty = match (left.ty, right.ty) {
            (Some(a), Some(b)) if a == b => a,
            _ if booleans != 0 => Type::Bool,
            (a, b) => common_number(a, b),
        };
        Ok(Typed::boolean(left.to(ty).binary(op, right.to(ty))))
    }

    fn unary(&mut self, op: UnaryOperator, inner: &SqlExpr, at: &SqlExpr) -> Result<Typed> {
        match op {
            UnaryOperator::Not => Ok(Typed::boolean(not(self.boolean(inner)?))),
            UnaryOperator::Plus => self.expr(inner),
            UnaryOperator::Minus => {
                let value = self.expr(inner)?;
                if value.ty == Some(Type::Bool) {
                    return Err(fault(at.span(), format!("{at}: a boolean has no sign"), vec![]));
                }
                let ty = common_number(value.ty, Some(value.ty.unwrap_or(Type::F64)));
                let ty = if ty == Type::U64 { Type::I64 } else { ty };
                Ok(Typed::new(value.to(ty).unary(UnaryOp::Neg), ty))
            }
            other => Err(fault(
                at.span(),
                format!("operator {other} is not supported in an event subquery"),
                vec![],
            )),
        }
    }

    /// `IS [NOT] TRUE`, `IS [NOT] FALSE`: never NULL.
    fn is(&mut self, inner: &SqlExpr, wanted: bool, negated: bool) -> Result<Typed> {
        let value = self.boolean(inner)?;
        let value = if wanted { value } else { not(value) };
        let result = |value: bool| -> Expr { Const::Bool(value).into() };
        Ok(Typed::boolean(Expr::Case {
            branches: vec![(value, result(!negated))],
            otherwise: Some(Box::new(result(negated))),
        }))
    }

    fn case(
        &mut self,
        operand: Option<&SqlExpr>,
        conditions: &[CaseWhen],
        otherwise: Option<&SqlExpr>,
        at: &SqlExpr,
    ) -> Result<Typed> {
        let operand = operand.map(|operand| self.expr(operand)).transpose()?;
        let mut tests = vec![];
        let mut values = vec![];
        for CaseWhen { condition, result } in conditions {
            tests.push(match &operand {
                Some(operand) => {
                    let value = self.expr(condition)?;
                    self.compare(BinaryOp::Eq, operand.clone(), value, at)?.expr
                }
                None => self.boolean(condition)?,
            });
            values.push(self.expr(result)?);
        }
        let otherwise = otherwise.map(|value| self.expr(value)).transpose()?;
        let types: Vec<_> = values.iter().chain(&otherwise).map(|value| value.ty).collect();
        let Some(ty) = common_type(&types) else {
            return Err(fault(at.span(), "CASE mixes booleans and numbers".to_owned(), vec![]));
        };
        let values = values.into_iter().map(|value| value.to(ty));
        let branches = tests.into_iter().zip(values).collect();
        Ok(Typed::new(Expr::Case { branches, otherwise: otherwise.map(|value| Box::new(value.to(ty))) }, ty))
    }

    fn cast(&mut self, value: &SqlExpr, to: &SqlType, at: &SqlExpr) -> Result<Typed> {
        let wanted = match to {
            SqlType::Boolean | SqlType::Bool => Type::Bool,
            SqlType::Int(_) | SqlType::Integer(_) => Type::I32,
            SqlType::BigInt(_) => Type::I64,
            SqlType::Float(_) | SqlType::Real => Type::F32,
            SqlType::Double(_) | SqlType::DoublePrecision => Type::F64,
            other => {
                return Err(fault(at.span(), format!("no cast to {other} in an event subquery"), vec![]));
            }
        };
        let value = self.expr(value)?;
        Ok(Typed::new(value.to(wanted), wanted))
    }

    fn in_subquery(
        &mut self,
        value: &SqlExpr,
        query: &datafusion::sql::sqlparser::ast::Query,
        at: &SqlExpr,
    ) -> Result<Expr> {
        let value = self.expr(value)?;
        // As a list, so that several rows are allowed.
        let (bound, mut outputs, _) = self.subquery(query, Shape::List)?;
        let (Some(bound), Some(member)) = (bound, outputs.pop()) else {
            return Err(fault(at.span(), "IN needs a subquery with one column".to_owned(), vec![]));
        };
        if matches!(&bound.reduction, Reduction::List { limit, offset, .. } if limit.is_some() || *offset != 0)
        {
            return Err(fault(at.span(), "IN does not take LIMIT".to_owned(), vec![]));
        }
        let ty = match self.compare(BinaryOp::Eq, value.clone(), member.clone(), at)?.expr {
            // The comparison has checked the types; the operands are converted alike below.
            _ if value.ty == member.ty => value.ty.unwrap_or(Type::F64),
            _ if value.ty == Some(Type::Bool) || member.ty == Some(Type::Bool) => Type::Bool,
            _ => common_number(value.ty, member.ty),
        };
        Ok(query::in_query(bound, value.to(ty), member.to(ty)))
    }

    /// A field of an object made by a function.
    fn object_field(&mut self, object: &Object, field: &str, at: &Ident) -> Result<Typed> {
        match object {
            Object::Var(var) => self.field(*var, field, at.span),
            Object::Element { collection, index } => self.element(*collection, field, index.clone(), at.span),
            Object::Record(name) => self.record_field(name, field),
            Object::Sum(vector) => super::object::component(vector, field).ok_or_else(|| {
                let help = format!("the fields are {}", super::object::COMPONENTS.join(", "));
                fault(at.span, format!("a four-vector has no field '{field}'"), vec![help])
            }),
        }
    }
}

/// `floor(x)`, and not `floor(x TO DAY)` or `floor(x, 2)`.
fn is_of_number(field: &CeilFloorKind) -> bool {
    matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime))
}

/// A literal; also one with a sign.
pub(super) fn literal(expr: &SqlExpr) -> Option<Typed> {
    match expr {
        SqlExpr::Nested(inner) => literal(inner),
        SqlExpr::UnaryOp { op: UnaryOperator::Minus, expr } => match literal(expr)?.expr {
            Expr::Const(Const::I64(value)) => Some(Typed::new(Const::I64(-value).into(), Type::I64)),
            Expr::Const(Const::F64(bits)) => Some(Typed::f64(Const::f64(-f64::from_bits(bits)).into())),
            _ => None,
        },
        SqlExpr::Value(value) => match &value.value {
            Value::Boolean(value) => Some(Typed::boolean(Const::Bool(*value).into())),
            Value::Null => Some(Typed::null()),
            Value::Number(text, _) => match text.parse::<i64>() {
                Ok(whole) => Some(Typed::new(Const::I64(whole).into(), Type::I64)),
                Err(_) => text.parse::<f64>().ok().map(|number| Typed::f64(Const::f64(number).into())),
            },
            _ => None,
        },
        _ => None,
    }
}
