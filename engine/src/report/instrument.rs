//! Counting events per cut level and category in the query's own pass.
//!
//! A query that ends in one aggregate gets a hidden `count(*)` for the rows that pass WHERE, and one per
//! distinct FILTER. The extra columns are cut off the result again before anybody sees it.

use std::sync::Arc;

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::Int64Type,
};
use datafusion::{
    functions_aggregate::expr_fn::count,
    logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, Projection, lit},
    prelude::Column,
};

use crate::error::Result;

/// Prefix of the hidden columns; no branch starts so.
const HIDDEN: &str = "__ana_count_";

/// Events counted beside the result.
pub(crate) struct Counted {
    pub(crate) selected: u64,
    pub(crate) categories: Vec<(String, u64)>,
}

/// A plan with hidden counts, where its form allows them.
pub(crate) struct Instrumented {
    plan: LogicalPlan,
    /// Columns that the query asked for; the hidden ones come after them.
    columns: usize,
    /// Texts of the categories; `None` where the plan has no counts.
    categories: Option<Vec<String>>,
    /// Sums of the hidden columns over the rows so far.
    sums: Vec<u64>,
}

impl Instrumented {
    pub(crate) fn new(plan: LogicalPlan) -> Result<Self> {
        let columns = plan.schema().fields().len();
        Ok(match add_counts(&plan)? {
            Some((plan, categories)) => {
                let sums = vec![0; categories.len() + 1];
                Self { plan, columns, categories: Some(categories), sums }
            }
            None => Self { plan, columns, categories: None, sums: vec![] },
        })
    }

    pub(crate) fn plan(&self) -> &LogicalPlan {
        &self.plan
    }

    /// Cuts the hidden columns off a batch and adds them to the sums over the groups.
    pub(crate) fn visible(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        if self.categories.is_none() {
            return Ok(batch);
        }
        for (sum, column) in self.sums.iter_mut().zip(batch.columns().iter().skip(self.columns)) {
            let counts = column.as_primitive::<Int64Type>();
            *sum += counts.iter().flatten().map(i64::unsigned_abs).sum::<u64>();
        }
        let indices: Vec<usize> = (0..self.columns).collect();
        Ok(batch.project(&indices).map_err(datafusion::error::DataFusionError::from)?)
    }

    /// The counts, once all rows have come.
    pub(crate) fn counted(self) -> Option<Counted> {
        let categories = self.categories?;
        let mut sums = self.sums.into_iter();
        let selected = sums.next().unwrap_or(0);
        Some(Counted { selected, categories: categories.into_iter().zip(sums).collect() })
    }
}

/// The plan with counts at its one aggregate, reached through operators that keep every row; the hidden
/// columns come last, in the order of the returned texts, after the one for all selected events.
fn add_counts(plan: &LogicalPlan) -> Result<Option<(LogicalPlan, Vec<String>)>> {
    match plan {
        // With several grouping sets every event counts several times.
        LogicalPlan::Aggregate(aggregate)
            if aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_))) =>
        {
            Ok(None)
        }
        LogicalPlan::Aggregate(aggregate) => {
            let filters = distinct_filters(&aggregate.aggr_expr);
            let mut aggregates = aggregate.aggr_expr.clone();
            aggregates.push(count(lit(1_i64)).alias(hidden(0)));
            for (i, filter) in filters.iter().enumerate() {
                let counted = count(lit(1_i64)).filter(filter.clone()).build()?;
                aggregates.push(counted.alias(hidden(i + 1)));
            }
            let texts = filters.iter().map(ana_sql_ext::planner::text).collect();
            let plan = LogicalPlanBuilder::from(Arc::clone(&aggregate.input))
                .aggregate(aggregate.group_expr.clone(), aggregates)?
                .build()?;
            Ok(Some((plan, texts)))
        }
        LogicalPlan::Projection(projection) => {
            let Some((input, texts)) = add_counts(&projection.input)? else { return Ok(None) };
            let mut expressions = projection.expr.clone();
            expressions.extend((0..=texts.len()).map(|i| Expr::Column(Column::new_unqualified(hidden(i)))));
            Ok(Some((LogicalPlan::Projection(Projection::try_new(expressions, Arc::new(input))?), texts)))
        }
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => {
            let Some((input, texts)) = add_counts(&sort.input)? else { return Ok(None) };
            Ok(Some((plan.with_new_exprs(plan.expressions(), vec![input])?, texts)))
        }
        _ => Ok(None),
    }
}

fn hidden(i: usize) -> String {
    format!("{HIDDEN}{i}")
}

fn distinct_filters(aggregates: &[Expr]) -> Vec<Expr> {
    let mut filters: Vec<Expr> = vec![];
    for expression in aggregates {
        let mut inner = expression;
        while let Expr::Alias(alias) = inner {
            inner = &alias.expr;
        }
        if let Expr::AggregateFunction(function) = inner
            && let Some(filter) = &function.params.filter
            && !filters.contains(filter)
        {
            filters.push(filter.as_ref().clone());
        }
    }
    filters
}
