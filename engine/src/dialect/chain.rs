//! Chains of operators, `a + b + c + …`, are bounded: each operator is a level of the syntax tree, and of every walk over it.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Query, SetExpr, Values, VisitMut, VisitorMut};

use super::{build, script};

/// How many operators may follow one another. Generated selections have hundreds of `AND`s.
pub(crate) const LONGEST: usize = 1_000;

/// Whether all chains are short enough; a longer one is taken apart, since even dropping it takes a stack frame per level.
pub(crate) fn all_are_short(of: &mut impl VisitMut) -> bool {
    of.visit(&mut Measure).is_continue()
}

/// The same of a statement.
pub(crate) fn all_are_short_in(statement: &mut Statement) -> bool {
    script::visit(statement, &mut Measure).is_continue()
}

struct Measure;

impl VisitorMut for Measure {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let mut length = 0;
        let mut at = &mut *expr;
        while let Some(left) = first(at) {
            length += 1;
            at = left;
        }
        if length <= LONGEST {
            return ControlFlow::Continue(());
        }
        let mut rest = std::mem::replace(expr, build::null());
        while let Some(left) = first(&mut rest) {
            let left = std::mem::replace(left, build::null());
            rest = left;
        }
        ControlFlow::Break(())
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let mut length = 0;
        let mut at = &*query.body;
        while let SetExpr::SetOperation { left, .. } = at {
            length += 1;
            at = left;
        }
        if length <= LONGEST {
            return ControlFlow::Continue(());
        }
        let empty = || SetExpr::Values(Values { explicit_row: false, value_keyword: false, rows: vec![] });
        let mut rest = std::mem::replace(&mut *query.body, empty());
        while let SetExpr::SetOperation { left, .. } = rest {
            rest = *left;
        }
        ControlFlow::Break(())
    }
}

/// What stands first in an expression that can be written behind itself again and again.
fn first(expr: &mut Expr) -> Option<&mut Expr> {
    match expr {
        Expr::BinaryOp { left, .. } => Some(left),
        Expr::IsNull(of)
        | Expr::IsNotNull(of)
        | Expr::IsTrue(of)
        | Expr::IsNotTrue(of)
        | Expr::IsFalse(of)
        | Expr::IsNotFalse(of)
        | Expr::IsUnknown(of)
        | Expr::IsNotUnknown(of)
        | Expr::IsDistinctFrom(of, _)
        | Expr::IsNotDistinctFrom(of, _)
        | Expr::Cast { expr: of, .. }
        | Expr::InList { expr: of, .. }
        | Expr::Between { expr: of, .. }
        | Expr::Like { expr: of, .. }
        | Expr::ILike { expr: of, .. }
        | Expr::Collate { expr: of, .. }
        | Expr::AtTimeZone { timestamp: of, .. }
        | Expr::CompoundFieldAccess { root: of, .. } => Some(of),
        _ => None,
    }
}
