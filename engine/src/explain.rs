//! What EXPLAIN adds to DataFusion's plans: the loop nest of every event subquery, and where histograms are filled.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::{
    common::tree_node::{TreeNode, TreeNodeRecursion},
    error::DataFusionError,
    execution::SessionState,
    logical_expr::{Expr, LogicalPlan},
};

use ana_kernels::Backend;
use ana_sql_ext::{aggregate::Hist, event::EventKernel, operator};

use crate::error::Result;

/// Rows in the manner of EXPLAIN's (plan_type, plan): the loop nests of the event subqueries that will run, and the device
/// that fills histograms; `None` for what is no EXPLAIN and for plans with neither.
pub(crate) fn additions(state: &SessionState, plan: &LogicalPlan) -> Result<Option<RecordBatch>> {
    let explained = match plan {
        LogicalPlan::Explain(explain) => explain.plan.as_ref(),
        LogicalPlan::Analyze(analyze) => analyze.input.as_ref(),
        _ => return Ok(None),
    };
    let mut nests: Vec<String> = vec![];
    let mut formless: Vec<String> = vec![];
    let mut fills = false;
    let mut collect = |expr: &Expr| {
        expr.apply(|part| {
            if let Expr::ScalarFunction(call) = part
                && let Some(kernel) = call.func.inner().downcast_ref::<EventKernel>()
            {
                let nest = format!("{}\n{}", kernel.sql(), kernel.kernel());
                if !nests.contains(&nest) {
                    nests.push(nest);
                    let why_not = Backend::why_not(kernel.kernel());
                    formless.extend(why_not.map(|reason| format!("\n  {}: {reason}", kernel.sql())));
                }
            }
            if let Expr::AggregateFunction(call) = part {
                fills |= call.func.inner().is::<Hist>();
            }
            Ok(TreeNodeRecursion::Continue)
        })
    };
    // What the optimiser drops will not run; a plan it cannot optimise is reported when it is run.
    let optimized = state.optimize(explained)?;
    optimized.apply(|node| node.apply_expressions(&mut collect))?;
    let mut rows: Vec<(&str, String)> = vec![];
    if !nests.is_empty() {
        rows.push(("event_subqueries", nests.join("\n\n")));
    }
    if fills {
        rows.push(("device", device(state, &formless)));
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let (titles, texts): (Vec<&str>, Vec<String>) = rows.into_iter().unzip();
    let schema = Arc::clone(plan.schema().inner());
    let columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(titles)), Arc::new(StringArray::from(texts))];
    Ok(Some(RecordBatch::try_new(schema, columns).map_err(DataFusionError::from)?))
}

/// Where histograms are filled and why, and what is not done there; `formless` are event subqueries that only the CPU can do.
fn device(state: &SessionState, formless: &[String]) -> String {
    match operator::backend(state.config()) {
        Ok(backend) if backend.is_device() => format!(
            "bins and sums of histograms: {}\nevent subqueries that give a number per event to an axis: GPU, between certified \
             bounds; the CPU decides about events too near to an edge\nreading, cuts, weights and other values: CPU{}{}",
            backend.place(),
            if formless.is_empty() { "" } else { "\nevent subqueries that have no form on the GPU:" },
            formless.concat()
        ),
        Ok(backend) => format!("everything: {}", backend.place()),
        // The query will fail with it.
        Err(error) => error.strip_backtrace(),
    }
}
