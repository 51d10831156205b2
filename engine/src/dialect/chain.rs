//! Chains of operators, `a + b + c + …`, are bounded: each operator is a level of the syntax tree, and of every walk over it.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, VisitMut, VisitorMut};

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
        let mut at = &*expr;
        while let Expr::BinaryOp { left, .. } = at {
            length += 1;
            at = left;
        }
        if length <= LONGEST {
            return ControlFlow::Continue(());
        }
        let mut rest = std::mem::replace(expr, build::null());
        while let Expr::BinaryOp { left, .. } = rest {
            rest = *left;
        }
        ControlFlow::Break(())
    }
}
