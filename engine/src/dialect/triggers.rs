//! Trigger paths that no opened file has. Of many files few are opened before a query runs; the menu of another may have
//! the path, so it becomes a column, which is false in the files that lack it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Select, SelectItem, VisitMut, VisitorMut};

use super::{collection::Definition, script};
use crate::error::{Result, is_trigger};
use crate::table::RootTable;

/// Gives the tables of a statement the columns of triggers that it names, where their options ask for that.
///
/// # Errors
/// Tables that cannot be looked up.
pub(crate) async fn declare(
    context: &SessionContext,
    definitions: &[Definition],
    statement: &mut Statement,
) -> Result<()> {
    let mut named = Named::default();
    let _always_continues = script::visit(statement, &mut named);
    for definition in definitions {
        let _always_continues = definition.query.clone().visit(&mut named);
    }
    let Named { mut triggers, made } = named;
    triggers.retain(|name| !made.contains(name));
    if triggers.is_empty() {
        return Ok(());
    }
    for reference in context.state().resolve_table_references(statement)? {
        if !context.table_exist(reference.clone())? {
            continue;
        }
        let table = context.table_provider(reference.clone()).await?;
        let declared = table.downcast_ref::<RootTable>().and_then(|table| table.with_triggers(&triggers));
        if let Some(declared) = declared {
            context.deregister_table(reference.clone())?;
            context.register_table(reference, Arc::new(declared))?;
        }
    }
    Ok(())
}

/// Names that are those of triggers, and names that the statement gives to columns of its own.
#[derive(Default)]
struct Named {
    triggers: BTreeSet<String>,
    made: BTreeSet<String>,
}

impl VisitorMut for Named {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.made.insert(alias.value.clone());
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) if is_trigger(&name.value) => {
                self.triggers.insert(name.value.clone());
            }
            Expr::CompoundIdentifier(parts) => {
                // `HLT.IsoMu24` and `events.HLT_IsoMu24`.
                let names: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
                let last = names.last().copied().unwrap_or_default().to_owned();
                self.triggers.extend([names.join("_"), last].into_iter().filter(|name| is_trigger(name)));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
