//! Functions that take several lists go through them element by element: the lists must be of one collection.

use datafusion::{
    common::{
        Result,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, ExprSchemable, LogicalPlan},
};

use ana_sql_ext::lifted::is_list;

use super::elementwise::one_collection;

/// The functions of this library that pair the elements of their lists.
const PAIRING: [&str; 8] =
    ["delta_phi", "delta_r", "hist", "invariant_mass", "leading", "mask", "n_minus", "transverse_mass"];

/// Refuses calls that would pair objects of different collections.
///
/// # Errors
/// A plan error that names the lists.
pub(crate) fn check(plan: &LogicalPlan) -> Result<()> {
    plan.apply(|node| {
        let inputs = node.inputs();
        let [input] = inputs.as_slice() else { return Ok(TreeNodeRecursion::Continue) };
        let schema = input.schema();
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                let (name, arguments) = match part {
                    Expr::ScalarFunction(call) => (call.func.name(), &call.args),
                    Expr::AggregateFunction(call) => (call.func.name(), &call.params.args),
                    _ => return Ok(TreeNodeRecursion::Continue),
                };
                if PAIRING.contains(&name) {
                    let list =
                        |argument: &&Expr| argument.get_type(schema).is_ok_and(|found| is_list(&found));
                    let lists: Vec<&Expr> = arguments.iter().filter(list).collect();
                    one_collection(name, &lists, schema)?;
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map(drop)
}
