//! Which columns of a result are its GROUP BY keys: they name its histograms.

use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// The names of the key columns; `None` where the plan does not end in an aggregate.
pub(crate) fn group_columns(plan: &LogicalPlan) -> Option<Vec<String>> {
    let keys = keys(plan)?;
    let names =
        plan.schema().fields().iter().zip(keys).filter(|(_, key)| *key).map(|(f, _)| f.name().clone());
    Some(names.collect())
}

/// Per column of the plan, whether it is a key.
fn keys(plan: &LogicalPlan) -> Option<Vec<bool>> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let groups = aggregate.schema.fields().len() - aggregate.aggr_expr.len();
            Some((0..aggregate.schema.fields().len()).map(|i| i < groups).collect())
        }
        LogicalPlan::Projection(projection) => {
            let below = keys(&projection.input)?;
            let schema = projection.input.schema();
            let is_key = |column: &Column| {
                schema.maybe_index_of_column(column).and_then(|i| below.get(i)).copied().unwrap_or(false)
            };
            // Whatever is made of keys alone (upper(sample), a constant) is a key.
            let key = |e: &Expr| !has_subquery(e) && e.column_refs().into_iter().all(is_key);
            Some(projection.expr.iter().map(key).collect())
        }
        LogicalPlan::Sort(sort) => keys(&sort.input),
        LogicalPlan::Limit(limit) => keys(&limit.input),
        LogicalPlan::Filter(filter) => keys(&filter.input),
        LogicalPlan::SubqueryAlias(alias) => keys(&alias.input),
        _ => None,
    }
}

fn has_subquery(expression: &Expr) -> bool {
    use datafusion::common::tree_node::TreeNode as _;
    expression
        .exists(|e| Ok(matches!(e, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_))))
        .unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use crate::Session;

    async fn columns(sql: &str) -> Option<Vec<String>> {
        let session = Session::builder().threads(1).build().unwrap();
        session.sql(sql).await.unwrap().group_columns()
    }

    #[tokio::test]
    async fn keys_are_followed_through_the_plan() {
        let from = "FROM (VALUES (1, 'a', 2.0)) AS t(x, s, w)";
        for (select, rest, want) in [
            ("s, count(*) AS n", "GROUP BY s ORDER BY n LIMIT 3", vec!["s"]),
            (
                "sum(w) AS total, upper(s) AS big, x + 1 AS y",
                "GROUP BY s, x HAVING count(*) > 0",
                vec!["big", "y"],
            ),
            ("count(*) AS n", "", vec![]),
            ("'tt' AS process, count(*) AS n", "", vec!["process"]),
        ] {
            let want = want.into_iter().map(str::to_owned).collect();
            assert_eq!(columns(&format!("SELECT {select} {from} {rest}")).await, Some(want), "{select}");
        }
        assert_eq!(columns(&format!("SELECT x, s {from}")).await, None);
    }
}
