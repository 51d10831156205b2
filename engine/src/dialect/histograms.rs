//! `sum(h)` and `mean(h)`: aggregates by name, functions of a histogram by type.

use ana_sql_ext::planner;
use datafusion::sql::parser::{CopyToSource, Statement};

/// Marks the arguments of `sum` and its like, so that planning can tell histograms from numbers.
pub fn mark_aggregates(statement: &mut Statement) {
    match statement {
        Statement::Statement(statement) => planner::mark_aggregates(statement.as_mut()),
        Statement::Explain(explain) => mark_aggregates(&mut explain.statement),
        Statement::CopyTo(copy) => {
            if let CopyToSource::Query(query) = &mut copy.source {
                planner::mark_aggregates(query.as_mut());
            }
        }
        Statement::CreateExternalTable(_) | Statement::Reset(_) => {}
    }
}
