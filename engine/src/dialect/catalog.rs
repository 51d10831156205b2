//! What the dialect's rewrites know: the tables of a statement, and the types of expressions over them.

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::{
    catalog::TableProvider,
    common::{DFSchema, TableReference, config::ConfigOptions, plan_datafusion_err},
    datasource::provider_as_source,
    error::Result,
    execution::SessionState,
    logical_expr::{
        AggregateUDF, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, Volatility, WindowUDF,
        planner::{ContextProvider, ExprPlanner, RelationPlanner, TypePlanner},
    },
    optimizer::{AnalyzerRule, analyzer::type_coercion::TypeCoercion},
    sql::{
        parser::Statement,
        planner::{ParserOptions, PlannerContext, SqlToRel},
        sqlparser::ast::{Expr as SqlExpr, ExprWithAlias, Query, Statement as SqlStatement},
    },
};

use super::elementwise;

use crate::table::RootTable;

/// The tables a statement names, looked up once, so that rewriting needs no waiting.
pub(super) struct Catalog<'a> {
    state: &'a SessionState,
    tables: HashMap<TableReference, Arc<dyn TableProvider>>,
}

impl<'a> Catalog<'a> {
    /// Looks up the tables that `statement` names; names that are none are left out.
    pub(super) async fn new(state: &'a SessionState, statement: &Statement) -> Result<Self> {
        let mut tables = HashMap::new();
        for reference in state.resolve_table_references(statement)? {
            if let Ok(schema) = state.schema_for_ref(reference.clone())
                && let Some(table) = schema.table(reference.table()).await?
            {
                tables.insert(reference, table);
            }
        }
        Ok(Self { state, tables })
    }

    /// Whether a function of this name gives another value each time.
    pub(super) fn is_volatile(&self, function: &str) -> bool {
        let function = self.state.scalar_functions().get(function);
        function.is_some_and(|function| function.signature().volatility == Volatility::Volatile)
    }

    /// Whether trigger bits that no file of the table has did not fire.
    pub(super) fn absent_triggers_are_false(&self, name: &TableReference) -> bool {
        let root = self.tables.get(name).and_then(|table| table.downcast_ref::<RootTable>());
        root.is_some_and(RootTable::absent_triggers_are_false)
    }

    /// The columns of a table.
    pub(super) fn table(&self, name: &TableReference) -> Option<SchemaRef> {
        self.tables.get(name).map(|table| table.schema())
    }

    /// The columns of a query.
    pub(super) fn columns(&self, mut query: Query) -> Result<SchemaRef> {
        ana_sql_ext::planner::mark_aggregates(&mut query);
        let statement = SqlStatement::Query(Box::new(query));
        let plan: LogicalPlan = self.planner().sql_statement_to_plan(statement)?;
        // Types are final only when they are coerced: a CASE has that of its first result before.
        let coerced = TypeCoercion::new().analyze(plan.clone(), self.state.config_options());
        Ok(Arc::clone(coerced.as_ref().unwrap_or(&plan).schema().inner()))
    }

    /// The type of an expression over `schema`.
    pub(super) fn type_of(&self, expr: &SqlExpr, schema: &DFSchema) -> Result<DataType> {
        let expr = ExprWithAlias { expr: expr.clone(), alias: None };
        let planned = self.planner().sql_to_expr_with_alias(expr, schema, &mut PlannerContext::new())?;
        elementwise::type_of(&planned, schema)
    }

    fn planner(&self) -> SqlToRel<'_, Self> {
        let options = &self.state.config_options().sql_parser;
        let options = ParserOptions::from(options);
        SqlToRel::new_with_options(self, options)
    }
}

impl ContextProvider for Catalog<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let table = self.tables.get(&name).cloned();
        table.map(provider_as_source).ok_or_else(|| plan_datafusion_err!("table '{name}' not found"))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        self.state.expr_planners()
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        self.state.relation_planners()
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        None
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.state.scalar_functions().get(name).cloned()
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.aggregate_functions().get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.state.window_functions().get(name).cloned()
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.state.scalar_functions().keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.state.higher_order_functions().keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.state.window_functions().keys().cloned().collect()
    }
}
