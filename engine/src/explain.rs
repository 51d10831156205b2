//! What EXPLAIN adds to DataFusion's plans: the loop nest of every event subquery.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::{
    common::tree_node::{TreeNode, TreeNodeRecursion},
    error::DataFusionError,
    execution::SessionState,
    logical_expr::{Expr, LogicalPlan},
};

use ana_sql_ext::event::EventKernel;

use crate::error::Result;

/// One row in the manner of EXPLAIN's (plan_type, plan) with the loop nests of the event subqueries that will run;
/// `None` for what is no EXPLAIN and for plans without event subqueries.
pub(crate) fn loop_nests(state: &SessionState, plan: &LogicalPlan) -> Result<Option<RecordBatch>> {
    let explained = match plan {
        LogicalPlan::Explain(explain) => explain.plan.as_ref(),
        LogicalPlan::Analyze(analyze) => analyze.input.as_ref(),
        _ => return Ok(None),
    };
    let mut nests: Vec<String> = vec![];
    let mut collect = |expr: &Expr| {
        expr.apply(|part| {
            if let Expr::ScalarFunction(call) = part
                && let Some(kernel) = call.func.inner().downcast_ref::<EventKernel>()
            {
                let nest = format!("{}\n{}", kernel.sql(), kernel.kernel());
                if !nests.contains(&nest) {
                    nests.push(nest);
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })
    };
    // What the optimiser drops will not run; a plan it cannot optimise is reported when it is run.
    let optimized = state.optimize(explained)?;
    optimized.apply(|node| node.apply_expressions(&mut collect))?;
    if nests.is_empty() {
        return Ok(None);
    }
    let column = |text: String| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
    let schema = Arc::clone(plan.schema().inner());
    let columns = vec![column("event_subqueries".to_owned()), column(nests.join("\n\n"))];
    Ok(Some(RecordBatch::try_new(schema, columns).map_err(DataFusionError::from)?))
}
