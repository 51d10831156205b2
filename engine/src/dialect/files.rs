//! `FROM 'nano.root'`: a file is a table.

use std::sync::Arc;

use datafusion::{
    catalog::TableProvider,
    common::TableReference,
    prelude::SessionContext,
    sql::{parser::Statement, sqlparser::ast::Statement as SqlStatement},
};

use super::faults;
use crate::{
    error::{EngineError, Result},
    table::{RootOptions, RootTable, split_tree},
};

/// Files that a statement names as tables, registered while it is planned. They are forgotten again when this is dropped:
/// the next statement looks at them anew, for they may have changed.
pub(crate) struct NamedFiles<'a> {
    context: &'a SessionContext,
    names: Vec<TableReference>,
}

impl Drop for NamedFiles<'_> {
    fn drop(&mut self) {
        for name in self.names.drain(..) {
            // A name that is gone already is what is wanted.
            let _ = self.context.deregister_table(name);
        }
    }
}

impl<'a> NamedFiles<'a> {
    /// Registers every file that `statement` names where a table may stand.
    ///
    /// # Errors
    /// What opening a file may bring.
    pub(crate) async fn register(
        context: &'a SessionContext,
        statement: &Statement,
        options: &RootOptions,
    ) -> Result<Self> {
        let mut named = Self { context, names: vec![] };
        for reference in context.state().resolve_table_references(statement)? {
            let is_function = context.state().table_functions().contains_key(reference.table());
            if is_function || context.table_exist(reference.clone())? {
                continue;
            }
            if let Some(table) = open(context, reference.table(), options).await? {
                context.register_table(reference.clone(), table)?;
                named.names.push(reference);
            }
        }
        Ok(named)
    }
}

/// Refuses a name that is neither a table nor a file. What else a name may be (a table function, a table to be
/// created, one of the information schema) is the planner's to judge, but for the plain case it can say less than
/// we.
///
/// # Errors
/// The first such name, with near ones.
pub(crate) fn check_tables(context: &SessionContext, statement: &Statement, sql: &str) -> Result<()> {
    let only_reads = match statement {
        Statement::Statement(statement) => matches!(statement.as_ref(), SqlStatement::Query(_)),
        Statement::Explain(_) | Statement::CopyTo(_) => true,
        _ => false,
    };
    for reference in context.state().resolve_table_references(statement)? {
        let known = context.table_exist(reference.clone())?
            || context.state().table_functions().contains_key(reference.table());
        if only_reads && !known && matches!(reference, TableReference::Bare { .. }) {
            return Err(no_table(context, reference.table(), sql));
        }
    }
    Ok(())
}

/// The table in a file, if the name is that of a file by its ending.
async fn open(
    context: &SessionContext,
    name: &str,
    options: &RootOptions,
) -> Result<Option<Arc<dyn TableProvider>>> {
    let (path, _) = split_tree(name);
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    Ok(match ending {
        "root" => {
            let locations = [name.to_owned()];
            Some(Arc::new(RootTable::open(&context.state(), &locations, options.clone()).await?))
        }
        "parquet" => Some(context.read_parquet(name, Default::default()).await?.into_view()),
        "csv" => Some(context.read_csv(name, Default::default()).await?.into_view()),
        _ => None,
    })
}

fn no_table(context: &SessionContext, name: &str, sql: &str) -> EngineError {
    let state = context.state();
    let tables: Vec<String> = state
        .catalog_list()
        .catalog_names()
        .into_iter()
        .filter_map(|catalog| state.catalog_list().catalog(&catalog))
        .flat_map(|catalog| catalog.schema_names().into_iter().filter_map(move |s| catalog.schema(&s)))
        .flat_map(|schema| schema.table_names())
        .collect();
    let near = faults::nearest(name, tables.iter().map(String::as_str), 3);
    let help = if near.is_empty() {
        format!(
            "bind it with --table {name}=FILE or CREATE EXTERNAL TABLE {name} STORED AS ROOT LOCATION 'FILE'"
        )
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    EngineError::Sql {
        message: format!("no table named {name}"),
        position: faults::locate(name, sql),
        help: vec![help],
    }
}
