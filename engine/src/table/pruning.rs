//! Files that a filter on metadata rules out before they are opened.

use std::{collections::HashSet, sync::Arc};

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::{Field, Schema},
};
use datafusion::{
    catalog::Session,
    common::{
        DFSchema, Result, exec_datafusion_err,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, utils::conjunction},
    scalar::ScalarValue,
};

/// True for filters that name metadata columns only and give the same answer each time: they are decided per file, so
/// nothing of them is left for the events.
pub(crate) fn decides_by_file(filter: &Expr, metadata: &HashSet<&str>) -> bool {
    let mut decides = !filter.is_volatile() && !filter.column_refs().is_empty();
    let walked = filter.apply(|expr| {
        decides &= match expr {
            Expr::Column(column) => metadata.contains(column.name()),
            Expr::OuterReferenceColumn(..) | Expr::Placeholder(_) => false,
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::AggregateFunction(_) => {
                false
            }
            _ => true,
        };
        Ok(if decides { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    walked.is_ok() && decides
}

/// For each file whether it may hold events that pass.
pub(crate) fn keep(
    state: &dyn Session,
    filters: &[Expr],
    fields: &[Field],
    files: &[&[ScalarValue]],
) -> Result<Vec<bool>> {
    let Some(filter) = conjunction(filters.iter().cloned()) else {
        return Ok(vec![true; files.len()]);
    };
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let columns = (0..fields.len()).map(|column| {
        ScalarValue::iter_to_array(files.iter().filter_map(|values| values.get(column).cloned()))
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_>>()?)?;
    let expr = state.create_physical_expr(unqualified(filter)?, &DFSchema::try_from(schema)?)?;
    let passed = expr.evaluate(&batch)?.into_array(files.len())?;
    let passed = passed.as_boolean_opt().ok_or_else(|| exec_datafusion_err!("a filter is not boolean"))?;
    Ok(passed.iter().map(|passed| passed == Some(true)).collect())
}

/// Without the table's name: the metadata stand alone here.
fn unqualified(filter: Expr) -> Result<Expr> {
    use datafusion::common::{
        Column,
        tree_node::{Transformed, TransformedResult},
    };
    filter
        .transform(|expr| {
            Ok(match expr {
                Expr::Column(column) => Transformed::yes(Expr::Column(Column::new_unqualified(column.name))),
                other => Transformed::no(other),
            })
        })
        .data()
}
