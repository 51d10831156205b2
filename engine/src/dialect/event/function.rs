//! Functions inside event subqueries: which operators of the kernel they are.

use std::ops::ControlFlow;

use ana_kernels::ir::{AggregateFunction, BinaryOp, Const, Expr, Type, UnaryOp, physics};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query as SqlQuery, Spanned,
    Visit, Visitor,
};

use super::{
    binder::Binder,
    types::{Typed, common_type, extreme, name},
};
use crate::{
    dialect::{faults, rewrite::fault},
    error::Result,
};

/// A function's name as SQL compares it.
pub(super) fn lower_name(call: &Function) -> String {
    call.name.to_string().to_lowercase()
}

/// The aggregate that a call is.
pub(super) fn aggregate(expr: &SqlExpr) -> Option<AggregateFunction> {
    let SqlExpr::Function(call) = expr else { return None };
    Some(match lower_name(call).as_str() {
        "count" => AggregateFunction::Count,
        "sum" => AggregateFunction::Sum,
        "min" => AggregateFunction::Min,
        "max" => AggregateFunction::Max,
        "avg" | "mean" => AggregateFunction::Avg,
        "bool_and" | "every" => AggregateFunction::BoolAnd,
        "bool_or" => AggregateFunction::BoolOr,
        _ => return None,
    })
}

/// Functions that take whole objects.
const OBJECT_FUNCTIONS: [&str; 8] =
    ["idx", "mass", "charge", "p4", "deref", "nearest", "invariant_mass", "delta_eta"];

/// Whether a call may name whole objects or collections, so that it belongs inside the loops.
pub(super) fn takes_objects(call: &Function) -> bool {
    let name = lower_name(call);
    matches!(name.as_str(), "deref" | "nearest") || aggregate(&SqlExpr::Function(call.clone())).is_some()
}

/// The arguments of a call; `count(*)` has none.
pub(super) fn arguments(call: &Function) -> Result<Vec<&SqlExpr>> {
    let unsupported =
        |what: &str| fault(call.span(), format!("{what} is not supported in an event subquery"), vec![]);
    let FunctionArguments::List(list) = &call.args else { return Ok(vec![]) };
    if list.duplicate_treatment.is_some() || !list.clauses.is_empty() || call.over.is_some() {
        return Err(unsupported(&format!("this form of {}", call.name)));
    }
    let mut arguments = vec![];
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => arguments.push(expr),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => {}
            other => return Err(unsupported(&other.to_string())),
        }
    }
    Ok(arguments)
}

/// The object in `idx(a)`.
pub(super) fn idx_of(expr: &SqlExpr) -> Option<&str> {
    let SqlExpr::Function(call) = expr else { return None };
    if lower_name(call) != "idx" {
        return None;
    }
    match arguments(call).ok()?.as_slice() {
        [SqlExpr::Identifier(name)] => Some(&name.value),
        _ => None,
    }
}

/// Visits an expression and its parts from above; `visit` tells whether to go on below a part.
pub(super) fn walk(expr: &SqlExpr, visit: &mut dyn FnMut(&SqlExpr) -> bool) {
    struct Walk<'v> {
        visit: &'v mut dyn FnMut(&SqlExpr) -> bool,
        /// Depth below a part that is passed over.
        hidden: usize,
        queries: usize,
    }
    impl Visitor for Walk<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &SqlExpr) -> ControlFlow<()> {
            if self.hidden > 0 || self.queries > 0 || !(self.visit)(expr) {
                self.hidden += 1;
            }
            ControlFlow::Continue(())
        }
        fn post_visit_expr(&mut self, _expr: &SqlExpr) -> ControlFlow<()> {
            self.hidden = self.hidden.saturating_sub(1);
            ControlFlow::Continue(())
        }
        fn pre_visit_query(&mut self, _query: &SqlQuery) -> ControlFlow<()> {
            self.queries += 1;
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _query: &SqlQuery) -> ControlFlow<()> {
            self.queries -= 1;
            ControlFlow::Continue(())
        }
    }
    let _: ControlFlow<()> = expr.visit(&mut Walk { visit, hidden: 0, queries: 0 });
}

/// Functions of one number, computed in f64.
fn unary(name: &str) -> Option<UnaryOp> {
    Some(match name {
        "sqrt" => UnaryOp::Sqrt,
        "cbrt" => UnaryOp::Cbrt,
        "exp" => UnaryOp::Exp,
        "ln" => UnaryOp::Ln,
        "log2" => UnaryOp::Log2,
        "log10" | "log" => UnaryOp::Log10,
        "sin" => UnaryOp::Sin,
        "cos" => UnaryOp::Cos,
        "tan" => UnaryOp::Tan,
        "asin" => UnaryOp::Asin,
        "acos" => UnaryOp::Acos,
        "atan" => UnaryOp::Atan,
        "sinh" => UnaryOp::Sinh,
        "cosh" => UnaryOp::Cosh,
        "tanh" => UnaryOp::Tanh,
        "asinh" => UnaryOp::Asinh,
        "acosh" => UnaryOp::Acosh,
        "atanh" => UnaryOp::Atanh,
        "ceiling" => UnaryOp::Ceil,
        "round" => UnaryOp::Round,
        "trunc" => UnaryOp::Trunc,
        _ => return None,
    })
}

/// Functions of two numbers, computed in f64.
fn binary(name: &str) -> Option<BinaryOp> {
    Some(match name {
        "pow" | "power" => BinaryOp::Pow,
        "atan2" => BinaryOp::Atan2,
        _ => return None,
    })
}

/// Joins the values in order, two neighbours at a time: where joining repeats its operands, a chain of them would grow
/// exponentially.
fn balanced(mut values: Vec<Expr>, join: &impl Fn(Expr, Expr) -> Expr) -> Option<Expr> {
    if values.len() < 2 {
        return values.pop();
    }
    let right = values.split_off(values.len() / 2);
    Some(join(balanced(values, join)?, balanced(right, join)?))
}

const OTHERS: [&str; 14] = [
    "abs",
    "signum",
    "isnan",
    "greatest",
    "least",
    "coalesce",
    "nullif",
    "delta_r",
    "delta_phi",
    "transverse_mass",
    "sqrt",
    "pow",
    "atan2",
    "log10",
];

impl Binder<'_, '_> {
    /// A call.
    pub(super) fn function(&mut self, call: &Function, at: &SqlExpr) -> Result<Typed> {
        let function = lower_name(call);
        if matches!(function.as_str(), "round" | "trunc")
            && let [value, digits] = arguments(call)?.as_slice()
        {
            return self.at_digits(&function, value, digits);
        }
        if let Some(op) = unary(&function) {
            let [value] = self.numbers(call, at)?;
            return Ok(Typed::f64(value.unary(op)));
        }
        if let Some(op) = binary(&function) {
            let [left, right] = self.numbers(call, at)?;
            return Ok(Typed::f64(left.binary(op, right)));
        }
        match function.as_str() {
            "idx" => self.index(call, at),
            "charge" => self.charge(call, at),
            "mass" | "invariant_mass" => Ok(Typed::f64(self.mass(call, at)?)),
            "delta_r" | "deltar" => self.delta_r(call, at),
            "delta_phi" | "deltaphi" => {
                let [phi1, phi2] = self.components(call, "phi", at)?;
                Ok(Typed::f64(physics::delta_phi(phi1, phi2)))
            }
            "delta_eta" => {
                let [eta1, eta2] = self.components(call, "eta", at)?;
                Ok(Typed::f64(eta1.binary(BinaryOp::Sub, eta2)))
            }
            "transverse_mass" => self.transverse_mass(call, at),
            "abs" | "signum" => {
                let value = self.expr(self.one(call, at)?)?;
                if value.ty == Some(Type::Bool) {
                    return Err(fault(
                        at.span(),
                        format!("{function} takes a number, not a boolean"),
                        vec![],
                    ));
                }
                // A stored value keeps its type; it is exact in either.
                let ty = value.ty.unwrap_or(Type::F64);
                let op = if function == "abs" { UnaryOp::Abs } else { UnaryOp::Sign };
                Ok(Typed::new(value.to(ty).unary(op), ty))
            }
            "isnan" => {
                let [value] = self.numbers(call, at)?;
                Ok(Typed::boolean(value.unary(UnaryOp::IsNan)))
            }
            "greatest" | "least" => {
                let op = if function == "greatest" { BinaryOp::Greatest } else { BinaryOp::Least };
                let (values, ty) = self.alike(call, at)?;
                let all = balanced(values, &|left, right| extreme(op, left, right));
                all.map(|all| Typed::new(all, ty)).ok_or_else(|| self.count_fault(call, at))
            }
            "coalesce" | "ifnull" | "nvl" => {
                let (values, ty) = self.alike(call, at)?;
                let first = values.into_iter().rev().reduce(|rest, value| value.or_else(rest));
                first.map(|first| Typed::new(first, ty)).ok_or_else(|| self.count_fault(call, at))
            }
            "nullif" => {
                let (values, ty) = self.alike(call, at)?;
                let Ok([value, other]) = <[Expr; 2]>::try_from(values) else {
                    return Err(self.count_fault(call, at));
                };
                let equal = value.clone().binary(BinaryOp::Eq, other);
                let null = ana_kernels::ir::Const::Null(ty).into();
                Ok(Typed::new(
                    Expr::Case { branches: vec![(equal, null)], otherwise: Some(Box::new(value)) },
                    ty,
                ))
            }
            "p4" => Err(fault(
                at.span(),
                "p4(…) is a four-vector; take one of its fields, e.g. p4(a, b).pt".to_owned(),
                vec![],
            )),
            "deref" | "nearest" => Err(fault(
                at.span(),
                format!("{function}(…) is a whole object; take one of its fields, e.g. .pt"),
                vec![],
            )),
            _ if aggregate(at).is_some() => Err(fault(
                at.span(),
                format!("{function} is an aggregate: it belongs in the SELECT list of a subquery"),
                vec![],
            )),
            _ => {
                let near = faults::nearest(&function, OBJECT_FUNCTIONS.into_iter().chain(OTHERS), 3);
                let help =
                    if near.is_empty() { vec![] } else { vec![format!("did you mean {}?", near.join(", "))] };
                Err(fault(
                    at.span(),
                    format!("function {function} cannot be used on objects in an event subquery"),
                    help,
                ))
            }
        }
    }

    /// `round(x, digits)`, `trunc(x, digits)`: of x · 10^digits, as the engine does it.
    fn at_digits(&mut self, function: &str, value: &SqlExpr, digits: &SqlExpr) -> Result<Typed> {
        let value = self.number(value)?;
        let Some(Expr::Const(Const::I64(places))) =
            super::expression::literal(digits).map(|known| known.expr)
        else {
            let message = format!("the digits of {function} are a whole number, got {digits}");
            return Err(fault(digits.span(), message, vec![]));
        };
        let scale = Expr::from(10f64.powi(i32::try_from(places).unwrap_or(i32::MAX)));
        let op = if function == "round" { UnaryOp::Round } else { UnaryOp::Trunc };
        Ok(Typed::f64(value.binary(BinaryOp::Mul, scale.clone()).unary(op).binary(BinaryOp::Div, scale)))
    }

    fn one<'q>(&self, call: &'q Function, at: &SqlExpr) -> Result<&'q SqlExpr> {
        match arguments(call)?.as_slice() {
            [one] => Ok(*one),
            _ => Err(self.count_fault(call, at)),
        }
    }

    fn count_fault(&self, call: &Function, at: &SqlExpr) -> crate::EngineError {
        fault(at.span(), format!("wrong number of arguments for {}", call.name), vec![])
    }

    fn numbers<const N: usize>(&mut self, call: &Function, at: &SqlExpr) -> Result<[Expr; N]> {
        let arguments = arguments(call)?;
        let numbers =
            arguments.into_iter().map(|argument| self.number(argument)).collect::<Result<Vec<_>>>()?;
        numbers.try_into().map_err(|_| self.count_fault(call, at))
    }

    /// Arguments brought to one type.
    fn alike(&mut self, call: &Function, at: &SqlExpr) -> Result<(Vec<Expr>, Type)> {
        let values =
            arguments(call)?.into_iter().map(|value| self.expr(value)).collect::<Result<Vec<_>>>()?;
        let types: Vec<_> = values.iter().map(|value| value.ty).collect();
        let Some(ty) = common_type(&types) else {
            let found: Vec<_> = types.into_iter().map(name).collect();
            return Err(fault(
                at.span(),
                format!("{} cannot mix {}", call.name, found.join(" and ")),
                vec![],
            ));
        };
        let ordered = matches!(lower_name(call).as_str(), "greatest" | "least");
        if ordered && ty == Type::Bool {
            return Err(fault(at.span(), format!("{} takes numbers", call.name), vec![]));
        }
        Ok((values.into_iter().map(|value| value.to(ty)).collect(), ty))
    }

    /// `delta_r(a, b)` or `delta_r(eta1, phi1, eta2, phi2)`.
    fn delta_r(&mut self, call: &Function, at: &SqlExpr) -> Result<Typed> {
        let count = arguments(call)?.len();
        if count == 4 {
            let [eta1, phi1, eta2, phi2] = self.numbers(call, at)?;
            return Ok(Typed::f64(physics::delta_r(eta1, phi1, eta2, phi2)));
        }
        match self.objects(call, at)?.as_slice() {
            [first, second] => Ok(Typed::f64(self.distance(first, second, at)?)),
            _ => Err(self.count_fault(call, at)),
        }
    }

    /// m_T = √(2 pt₁ pt₂ (1 − cos Δφ)), of two objects or of pt1, phi1, pt2, phi2.
    fn transverse_mass(&mut self, call: &Function, at: &SqlExpr) -> Result<Typed> {
        let [pt1, phi1, pt2, phi2] = match arguments(call)?.as_slice() {
            [_, _] => {
                let ([pt1, pt2], [phi1, phi2]) =
                    (self.components(call, "pt", at)?, self.components(call, "phi", at)?);
                [pt1, phi1, pt2, phi2]
            }
            _ => self.numbers(call, at)?,
        };
        let one_minus_cos =
            Expr::from(1.0).binary(BinaryOp::Sub, physics::delta_phi(phi1, phi2).unary(UnaryOp::Cos));
        let square = Expr::from(2.0)
            .binary(BinaryOp::Mul, pt1)
            .binary(BinaryOp::Mul, pt2)
            .binary(BinaryOp::Mul, one_minus_cos);
        Ok(Typed::f64(square.unary(UnaryOp::Sqrt)))
    }

    /// One component of each argument: of an object its field, a number as it is.
    fn components<const N: usize>(
        &mut self,
        call: &Function,
        field: &str,
        at: &SqlExpr,
    ) -> Result<[Expr; N]> {
        let mut all = vec![];
        for argument in arguments(call)? {
            all.push(match self.object(argument)? {
                Some(object) => self.component_of(&object, field, at)?,
                None => self.number(argument)?,
            });
        }
        all.try_into().map_err(|_| self.count_fault(call, at))
    }
}
