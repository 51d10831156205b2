//! What a session knows: functions with their documentation, tables with their columns.

use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::Documentation;

use crate::session::Session;

/// Where a function comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Made here, for events and histograms.
    Events,
    /// From the SQL engine.
    Engine,
}

/// A function and what its author wrote about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionDoc {
    /// Name in SQL.
    pub name: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// Who made it.
    pub origin: Origin,
    /// What it belongs to: `Kinematics`, `Math Functions`.
    pub section: String,
    /// What it does.
    pub description: String,
    /// How it is called: `delta_r(eta1, phi1, eta2, phi2)`.
    pub syntax: String,
    /// Names and meanings of the arguments.
    pub arguments: Vec<(String, String)>,
    /// An example, in Markdown.
    pub example: Option<String>,
}

/// A table.
#[derive(Debug, Clone)]
pub struct TableDoc {
    /// Name in SQL.
    pub name: String,
    /// Columns.
    pub schema: SchemaRef,
}

/// The reference of the functions made here, as Markdown, by section.
#[must_use]
pub fn reference() -> String {
    ana_sql_ext::reference::markdown()
}

/// All functions a query of the session can call, sorted by name.
pub fn functions(session: &Session) -> Vec<FunctionDoc> {
    let ours: Vec<String> = ana_sql_ext::all_scalar_functions()
        .iter()
        .map(|f| f.name().to_owned())
        .chain(ana_sql_ext::all_aggregate_functions().iter().map(|f| f.name().to_owned()))
        .collect();
    let state = session.context().state();
    let scalars = state.scalar_functions().values().map(|f| (f.name(), f.aliases(), f.documentation()));
    let aggregates = state.aggregate_functions().values().map(|f| (f.name(), f.aliases(), f.documentation()));
    let windows = state.window_functions().values().map(|f| (f.name(), f.aliases(), f.documentation()));
    let mut found: Vec<FunctionDoc> = scalars
        .chain(aggregates)
        .chain(windows)
        .map(|(name, aliases, documentation)| describe(name, aliases, documentation, &ours))
        .collect();
    // The state has a function once under each of its names.
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.name == b.name);
    found
}

fn describe(
    name: &str,
    aliases: &[String],
    documentation: Option<&Documentation>,
    ours: &[String],
) -> FunctionDoc {
    let origin = if ours.iter().any(|n| n == name) { Origin::Events } else { Origin::Engine };
    let empty = FunctionDoc {
        name: name.to_owned(),
        aliases: aliases.to_vec(),
        origin,
        section: "Other functions".to_owned(),
        description: String::new(),
        syntax: format!("{name}(…)"),
        arguments: Vec::new(),
        example: None,
    };
    let Some(documentation) = documentation else { return empty };
    FunctionDoc {
        section: documentation.doc_section.label.to_owned(),
        description: documentation.description.trim().to_owned(),
        syntax: documentation.syntax_example.clone(),
        arguments: documentation.arguments.clone().unwrap_or_default(),
        example: documentation.sql_example.clone(),
        ..empty
    }
}

/// The tables of the session, sorted by name.
pub async fn tables(session: &Session) -> Vec<TableDoc> {
    let mut tables = Vec::new();
    let catalogs = session.context().catalog_names();
    for catalog in catalogs.iter().filter_map(|name| session.context().catalog(name)) {
        for schema in catalog.schema_names().iter().filter(|name| *name != "information_schema") {
            let Some(schema) = catalog.schema(schema) else { continue };
            for name in schema.table_names() {
                if let Ok(Some(table)) = schema.table(&name).await {
                    tables.push(TableDoc { name, schema: table.schema() });
                }
            }
        }
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    tables
}
