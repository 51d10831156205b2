//! Event subqueries: SQL over the collections of one event, compiled to kernels.
//!
//! A subquery whose FROM names only collections never reaches the engine's planner: [`compile`] binds it
//! straight from the syntax tree, where every word still has its place, to the kernel IR, and puts a call of
//! the kernel where the subquery stood. Expressions that name no object of the subquery are left as they are
//! and become arguments of the kernel, so that all of SQL can be used in them.

mod binder;
mod call;
mod expression;
mod function;
mod object;
mod order;
mod query;
mod types;

pub use call::EventPlanner;
pub(super) use query::{column_name, is_event_subquery};

use call::kernel_call;

use ana_kernels::ir;
use datafusion::sql::sqlparser::{
    ast::{Expr as SqlExpr, Spanned},
    tokenizer::Span,
};

use self::{binder::Binder, query::Shape};
use super::{rewrite::Rewrite, scope::Scope};
use crate::error::Result;

/// The kernel call for a subquery expression: `(SELECT …)`, `[NOT] EXISTS (…)`, `x [NOT] IN (SELECT …)` or
/// `ARRAY(SELECT …)` over collections.
pub(super) fn compile(rewrite: &mut Rewrite, scope: &Scope, expr: &SqlExpr) -> Result<SqlExpr> {
    let mut binder = Binder::new(rewrite, scope);
    let shape = match expr {
        SqlExpr::Subquery(query) => Some((query.as_ref(), Shape::Row)),
        SqlExpr::Exists { subquery, negated: false } => Some((subquery.as_ref(), Shape::Exists)),
        SqlExpr::Function(_) => query::array_of(expr).map(|query| (query, Shape::List)),
        _ => None,
    };
    let (body, names) = match shape {
        Some((query, shape)) => binder.body(query, shape)?,
        None => {
            let value = binder.expr(expr)?;
            (types::row(vec![value.expr]), vec![String::new()])
        }
    };
    binder.finish(body, &names, &expr.to_string(), expr.span())
}

/// The list that holds `field` for every object of the collection `name`, put together by a kernel.
pub(super) fn field_list(rewrite: &mut Rewrite, scope: &Scope, name: &str, field: &str) -> Result<SqlExpr> {
    let mut binder = Binder::new(rewrite, scope);
    let text = format!("{name}.{field}");
    let place = Span::empty();
    let var = binder.open(name, name, place)?;
    let value = binder.field(var, field, place)?;
    let generators = binder.close(0);
    let body = ir::Query {
        generators,
        predicate: vec![],
        reduction: ir::Reduction::List { values: vec![value.expr], order_by: vec![], offset: 0, limit: None },
    };
    binder.finish(body, &[String::new()], &text, place)
}
