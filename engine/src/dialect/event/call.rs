//! How a compiled kernel travels through the engine's planner: as an operator that only this dialect makes.

use std::sync::Arc;

use ana_kernels::ir::Kernel;
use datafusion::{
    common::{DFSchema, Result, ScalarValue, plan_err},
    logical_expr::{
        Expr, ScalarUDF,
        expr::ScalarFunction,
        planner::{ExprPlanner, PlannerResult, RawBinaryExpr},
    },
    sql::sqlparser::ast::{BinaryOperator, Expr as SqlExpr},
};

use ana_sql_ext::event::EventKernel;

use crate::dialect::build;

const CARRIER: &str = "event kernel ";

/// The call of `kernel` with the columns it reads; `sql` is how the query says it.
pub(in crate::dialect) fn kernel_call(
    kernel: &Kernel,
    names: &[String],
    sql: &str,
    arguments: Vec<SqlExpr>,
) -> SqlExpr {
    let mut rest: Vec<SqlExpr> = names.iter().map(|name| build::string(name)).collect();
    rest.extend(arguments);
    let name = format!("{CARRIER}{} {sql}", names.len());
    build::nested(build::carrier(&name, build::string(&kernel.to_text()), rest))
}

/// Turns kernel calls into functions that carry their kernel.
#[derive(Debug)]
pub struct EventPlanner;

impl ExprPlanner for EventPlanner {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        _schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let BinaryOperator::Custom(name) = &expr.op else { return Ok(PlannerResult::Original(expr)) };
        let Some((outputs, sql)) = name.strip_prefix(CARRIER).and_then(|rest| rest.split_once(' ')) else {
            return Ok(PlannerResult::Original(expr));
        };
        let (Ok(outputs), Some(text)) = (outputs.parse::<usize>(), literal(&expr.left)) else {
            return plan_err!("an event kernel without text");
        };
        let mut arguments = build::carried(expr.right.clone());
        let columns = arguments.split_off(outputs.min(arguments.len()));
        let names: Vec<String> = arguments.iter().filter_map(literal).map(str::to_owned).collect();
        let function = ScalarUDF::from(EventKernel::new(text, names, sql)?);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), columns))))
    }
}

fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => Some(text),
        _ => None,
    }
}
