//! From the dialect's names and forms to SQL that DataFusion plans: dotted names, forms on lists.
//!
//! The statement is walked query by query, with the columns in scope at hand, so that a fault has the place
//! of the word that is wrong. What is rewritten keeps its place in the text.

use std::{collections::HashMap, ops::ControlFlow, sync::Arc};

use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::{
    common::TableReference,
    error::DataFusionError,
    execution::SessionState,
    sql::{
        parser::{ExplainStatement, Statement},
        sqlparser::{
            ast::helpers::attached_token::AttachedToken,
            ast::{
                AccessExpr, Cte, Distinct, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
                GroupByExpr, Ident, JoinConstraint, JoinOperator, NamedWindowDefinition, NamedWindowExpr,
                ObjectName, OneOrManyWithParens, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr,
                Spanned, Statement as SqlStatement, Subscript, TableAlias, TableFactor, TableWithJoins,
                UnaryOperator, Value, Values, Visit, VisitMut, Visitor, VisitorMut, With,
            },
            tokenizer::Span,
        },
    },
};

use ana_sql_ext::lifted::is_list;

use super::{
    build,
    catalog::Catalog,
    collection::{Definition, Resolved},
    elementwise, event, faults, hist,
    scope::{Relation, Scope},
    wildcard,
};
use crate::error::{EngineError, Result, SqlPosition};

/// Rewrites `statement` in place.
///
/// # Errors
/// [`EngineError::Sql`] for names that no table in scope explains.
pub(crate) async fn rewrite(
    state: &SessionState,
    definitions: &[Definition],
    statement: &mut Statement,
) -> Result<()> {
    let catalog = Catalog::new(state, statement).await?;
    let visible = definitions.len();
    Rewrite {
        catalog: &catalog,
        ctes: vec![],
        definitions,
        visible,
        unplanned: None,
        resolved: HashMap::new(),
    }
    .statement(statement)
}

/// A fault of the text at `span`.
pub(crate) fn fault(span: Span, message: String, help: Vec<String>) -> EngineError {
    let known = span.start.line > 0;
    let position = known.then_some(SqlPosition { line: span.start.line, column: span.start.column });
    EngineError::Sql { message, position, help }
}

/// One walk over a statement.
pub(super) struct Rewrite<'a> {
    pub(super) catalog: &'a Catalog<'a>,
    /// Common table expressions in scope, rewritten, with their columns.
    ctes: Vec<(Cte, Option<SchemaRef>)>,
    /// Derived collections of the session.
    pub(super) definitions: &'a [Definition],
    /// How many of them names may mean.
    pub(super) visible: usize,
    /// Why the columns of a query are not known.
    unplanned: Option<DataFusionError>,
    /// Derived collections already resolved, by their place and that of the scope.
    pub(super) resolved: HashMap<(usize, usize), Resolved>,
}

impl Rewrite<'_> {
    fn statement(&mut self, statement: &mut Statement) -> Result<()> {
        match statement {
            Statement::Statement(statement) => self.sql_statement(statement),
            Statement::Explain(ExplainStatement { statement, .. }) => self.statement(statement),
            _ => Ok(()),
        }
    }

    fn sql_statement(&mut self, statement: &mut SqlStatement) -> Result<()> {
        match statement {
            SqlStatement::Query(query) => {
                self.query(query, None)?;
                wildcard::narrow(query, self.catalog);
                Ok(())
            }
            SqlStatement::CreateView(view) => self.query(&mut view.query, None).map(drop),
            SqlStatement::CreateTable(table) => match &mut table.query {
                Some(query) => self.query(query, None).map(drop),
                None => Ok(()),
            },
            SqlStatement::Insert(insert) => match &mut insert.source {
                Some(query) => self.query(query, None).map(drop),
                None => Ok(()),
            },
            SqlStatement::Explain { statement, .. } | SqlStatement::Prepare { statement, .. } => {
                self.sql_statement(statement)
            }
            _ => Ok(()),
        }
    }

    /// Rewrites a query; gives its columns where they can be told without planning it.
    pub(super) fn query(&mut self, query: &mut Query, outer: Option<&Scope>) -> Result<Option<SchemaRef>> {
        let known = self.ctes.len();
        if let Some(with) = &mut query.with {
            for cte in &mut with.cte_tables {
                let schema = self.query(&mut cte.query, outer)?;
                let schema = self.seen_through(schema, &cte.query, Some(&cte.alias));
                self.ctes.push((cte.clone(), schema));
            }
        }
        let result = self.body(&mut query.body, &mut query.order_by, outer);
        self.ctes.truncate(known);
        result
    }

    fn body(
        &mut self,
        body: &mut SetExpr,
        order_by: &mut Option<OrderBy>,
        outer: Option<&Scope>,
    ) -> Result<Option<SchemaRef>> {
        match body {
            SetExpr::Select(select) => self.select(select, order_by, outer),
            SetExpr::Query(query) => self.query(query, outer),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left, &mut None, outer)?;
                self.body(right, &mut None, outer)?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn select(
        &mut self,
        select: &mut Select,
        order_by: &mut Option<OrderBy>,
        outer: Option<&Scope>,
    ) -> Result<Option<SchemaRef>> {
        // What is resolved is kept by the place of its scope, which is another one's afterwards.
        self.resolved.clear();
        let result = self.select_in_scope(select, order_by, outer);
        self.resolved.clear();
        result
    }

    fn select_in_scope(
        &mut self,
        select: &mut Select,
        order_by: &mut Option<OrderBy>,
        outer: Option<&Scope>,
    ) -> Result<Option<SchemaRef>> {
        refuse_set_quantifier(select)?;
        let mut scope = Scope { relations: vec![], outer };
        for from in &mut select.from {
            self.table_with_joins(from, &mut scope)?;
        }
        for item in &mut select.projection {
            self.item(item, &scope)?;
        }
        let clauses = [&mut select.prewhere, &mut select.selection, &mut select.having, &mut select.qualify];
        for clause in clauses.into_iter().flatten() {
            let written = clause.clone();
            self.expr(clause, &scope)?;
            self.decides_about_events(&written, clause, &scope)?;
        }
        if let Some(Distinct::On(keys)) = &mut select.distinct {
            for key in keys {
                self.expr(key, &scope)?;
            }
        }
        for NamedWindowDefinition(_, window) in &mut select.named_window {
            if let NamedWindowExpr::WindowSpec(window) = window {
                for key in
                    window.partition_by.iter_mut().chain(window.order_by.iter_mut().map(|key| &mut key.expr))
                {
                    self.expr(key, &scope)?;
                }
            }
        }
        if let GroupByExpr::Expressions(keys, _) = &mut select.group_by {
            for key in keys {
                self.expr(key, &scope)?;
            }
        }
        if let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = order_by {
            for key in keys {
                self.expr(&mut key.expr, &scope)?;
            }
        }
        Ok(self.select_columns(select, &scope))
    }

    /// The columns of a rewritten SELECT from one relation, told from those of the relation and the types of what is
    /// computed; `None` where planning has to tell. With `*` of a NanoAOD file planning takes a while.
    fn select_columns(&self, select: &Select, scope: &Scope) -> Option<SchemaRef> {
        let [relation] = scope.relations.as_slice() else { return None };
        let star = |item: &SelectItem| matches!(item, SelectItem::Wildcard(options) if *options == Default::default());
        if !select.projection.iter().any(star) {
            return None;
        }
        let mut fields: Vec<FieldRef> = vec![];
        for item in &select.projection {
            let (name, expr) = match item {
                item if star(item) => {
                    fields.extend(relation.schema.as_ref()?.fields().iter().cloned());
                    continue;
                }
                SelectItem::UnnamedExpr(expr @ Expr::Identifier(name)) => (name, expr),
                SelectItem::ExprWithAlias { expr, alias } => (alias, expr),
                _ => return None,
            };
            fields.push(Arc::new(Field::new(&name.value, self.type_of(expr, scope).ok()?, true)));
        }
        Some(Arc::new(Schema::new(fields)))
    }

    /// A list of booleans is no condition: it does not say whether one object or all must fulfil it.
    fn decides_about_events(&mut self, written: &Expr, rewritten: &Expr, scope: &Scope) -> Result<()> {
        if names_a_list(rewritten, scope) && self.type_of(rewritten, scope).is_ok_and(|found| is_list(&found))
        {
            let message =
                format!("{written} has a value for every object, and a condition decides about the event");
            let help = format!(
                "list_any({written}), list_all({written}), or count: (SELECT count(*) FROM Jet j WHERE …) >= 1"
            );
            return Err(fault(written.span(), message, vec![help]));
        }
        Ok(())
    }

    /// A column without a name of its own keeps the one it was written with.
    fn item(&mut self, item: &mut SelectItem, scope: &Scope) -> Result<()> {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let written = match &*expr {
                    Expr::CompoundIdentifier(parts) => {
                        parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join("_")
                    }
                    other => other.to_string(),
                };
                let renamed = self.expr(expr, scope)?;
                if renamed && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
                    let expr = std::mem::replace(expr, build::null());
                    *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', written) };
                }
                Ok(())
            }
            SelectItem::ExprWithAlias { expr, .. } | SelectItem::ExprWithAliases { expr, .. } => {
                self.expr(expr, scope).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn table_with_joins(&mut self, from: &mut TableWithJoins, scope: &mut Scope) -> Result<()> {
        self.table(&mut from.relation, scope)?;
        for join in &mut from.joins {
            self.table(&mut join.relation, scope)?;
            if let Some(condition) = join_condition(&mut join.join_operator) {
                self.expr(condition, scope)?;
            }
        }
        Ok(())
    }

    fn table(&mut self, factor: &mut TableFactor, scope: &mut Scope) -> Result<()> {
        let relation = match factor {
            TableFactor::Table { sample: Some(_), .. } => {
                let message = "TABLESAMPLE is not supported".to_owned();
                return Err(fault(
                    factor.span(),
                    message,
                    vec!["WHERE random() < 0.1 takes a tenth".to_owned()],
                ));
            }
            TableFactor::Table { name, alias, args: None, .. } => {
                let schema = self.named(name);
                if schema.is_none() {
                    self.refuse_collection(name, scope)?;
                }
                let alias = alias.as_ref().map(|alias| alias.name.value.clone());
                let absent_triggers_are_false = self.has_no_absent_triggers(name);
                let is_cte = name.0.len() == 1
                    && last_part(name)
                        .is_some_and(|name| self.ctes.iter().any(|(cte, _)| cte.alias.name.value == name));
                Relation {
                    schema,
                    alias: alias.or_else(|| last_part(name)),
                    is_query: is_cte,
                    absent_triggers_are_false,
                }
            }
            TableFactor::Derived { subquery, alias, lateral, .. } => {
                let schema = self.query(subquery, if *lateral { Some(&*scope) } else { scope.outer })?;
                Relation {
                    schema: self.seen_through(schema, subquery, alias.as_ref()),
                    alias: alias.as_ref().map(|alias| alias.name.value.clone()),
                    is_query: true,
                    absent_triggers_are_false: self.passes_triggers(subquery),
                }
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                return self.table_with_joins(table_with_joins, scope);
            }
            _ => Relation { alias: None, schema: None, is_query: false, absent_triggers_are_false: false },
        };
        scope.relations.push(relation);
        Ok(())
    }

    /// Whether a trigger bit that this table or query does not have did not fire.
    fn has_no_absent_triggers(&self, name: &ObjectName) -> bool {
        let last = (name.0.len() == 1).then(|| last_part(name)).flatten();
        let cte = last.and_then(|name| self.ctes.iter().rev().find(|(cte, _)| cte.alias.name.value == name));
        match cte {
            Some((cte, _)) => self.passes_triggers(&cte.query),
            None => reference(name).is_some_and(|name| self.catalog.absent_triggers_are_false(&name)),
        }
    }

    /// The same of a query: it hands on every column of one table, and with them those that are absent.
    fn passes_triggers(&self, query: &Query) -> bool {
        let SetExpr::Select(select) = query.body.as_ref() else { return false };
        let star = |item: &SelectItem| matches!(item, SelectItem::Wildcard(options) if *options == Default::default());
        let [from] = select.from.as_slice() else { return false };
        if !from.joins.is_empty() || !select.projection.iter().any(star) {
            return false;
        }
        match &from.relation {
            TableFactor::Table { name, args: None, .. } => self.has_no_absent_triggers(name),
            TableFactor::Derived { subquery, .. } => self.passes_triggers(subquery),
            _ => false,
        }
    }

    /// A collection stands in FROM only where the whole query runs inside one event.
    fn refuse_collection(&self, name: &ObjectName, scope: &Scope) -> Result<()> {
        let Some(last) = last_part(name) else { return Ok(()) };
        if !self.is_collection(&last, scope) {
            let names = self.collection_names(scope);
            let near = faults::nearest(&last, names.iter().map(String::as_str), 3);
            if scope.outer.is_none() || name.0.len() > 1 || near.is_empty() || !scope.is_complete() {
                return Ok(());
            }
            let help = format!("did you mean {}?", near.join(", "));
            return Err(fault(name.span(), format!("no table or collection named '{last}'"), vec![help]));
        }
        let qualified = name.0.len() > 1;
        let message = if qualified {
            format!("{name}: a collection is named without its table")
        } else {
            format!("{last} is a collection of the event, not a table")
        };
        let help = format!(
            "it belongs in a subquery of collections alone, (SELECT … FROM {last} x WHERE …); a union or a selection of objects is a collection of its own: CREATE COLLECTION"
        );
        Err(fault(name.span(), message, vec![help]))
    }

    /// The columns of a common table expression or of a table.
    pub(super) fn named(&self, name: &ObjectName) -> Option<SchemaRef> {
        let parts: Vec<&str> =
            name.0.iter().map(|part| part.as_ident().map_or("", |ident| ident.value.as_str())).collect();
        if let [single] = parts.as_slice()
            && let Some((_, schema)) = self.ctes.iter().rev().find(|(cte, _)| cte.alias.name.value == *single)
        {
            return schema.clone();
        }
        self.catalog.table(&reference(name)?)
    }

    /// The columns of a rewritten query, seen through its alias; `known` are its own, if they are known.
    fn seen_through(
        &mut self,
        known: Option<SchemaRef>,
        query: &Query,
        alias: Option<&TableAlias>,
    ) -> Option<SchemaRef> {
        if alias.is_some_and(|alias| !alias.columns.is_empty()) {
            return None;
        }
        if known.is_some() {
            return known;
        }
        let mut query = query.clone();
        let mut cte_tables: Vec<Cte> = self.ctes.iter().map(|(cte, _)| cte.clone()).collect();
        let recursive = query.with.as_ref().is_some_and(|with| with.recursive);
        cte_tables.extend(query.with.into_iter().flat_map(|with| with.cte_tables));
        query.with = (!cte_tables.is_empty()).then(|| With {
            with_token: AttachedToken::empty(),
            recursive,
            cte_tables,
        });
        match self.catalog.columns(query) {
            Ok(schema) => Some(schema),
            // Told when the statement is planned, or where the columns would have been needed.
            Err(error) => {
                self.unplanned.get_or_insert(error);
                None
            }
        }
    }

    /// Why the columns of some query in scope are not known.
    pub(super) fn unplanned(&mut self, scope: &Scope) -> Option<EngineError> {
        if scope.is_complete() {
            return None;
        }
        self.unplanned.take().map(|error| faults::explain(error, ""))
    }

    /// Rewrites an expression; tells whether a dotted name or an event subquery was in it.
    pub(super) fn expr(&mut self, expr: &mut Expr, scope: &Scope) -> Result<bool> {
        let mut walk = Walk { rewrite: self, scope, ordinary: vec![], renamed: false, parameters: vec![] };
        match expr.visit(&mut walk) {
            ControlFlow::Continue(()) => Ok(walk.renamed),
            ControlFlow::Break(error) => Err(error),
        }
    }

    /// The column a dotted name stands for, if it stands for one.
    fn dotted(&mut self, parts: &[Ident], scope: &Scope) -> Result<Option<Expr>> {
        let span = Span::union_iter(parts.iter().map(|part| part.span));
        let [first, second, rest @ ..] = parts else { return Ok(None) };
        if scope.relation(&first.value).is_some() {
            // t.Jet.pt
            if let [field] = rest {
                let joined = format!("{}_{}", second.value, field.value);
                if scope.relation(&first.value).is_some_and(|relation| has(relation, &joined)) {
                    let name = build::identifier(&joined, span);
                    return Ok(Some(Expr::CompoundIdentifier(vec![first.clone(), name])));
                }
            }
            return Ok(None);
        }
        if scope.column(&first.value).is_some() || !rest.is_empty() {
            return Ok(None);
        }
        let joined = format!("{}_{}", first.value, second.value);
        if let Some(found) = scope.column(&joined) {
            if !found.unique {
                let message = format!(
                    "{}.{} is in several tables; write t.{}.{1}",
                    first.value, second.value, first.value
                );
                return Err(fault(span, message, vec![]));
            }
            if scope.stores(&first.value) {
                // Refused there: the name would mean two things.
                self.derived_collection(&first.value, scope)?;
            }
            let name = build::identifier(&joined, span);
            return Ok(Some(Expr::Identifier(name)));
        }
        if let Some(resolved) = self.derived_collection(&first.value, scope)? {
            return match resolved.fields.get(&second.value) {
                Some(field) => self.list(field, scope).map(Some),
                None => {
                    let near = faults::nearest(&second.value, resolved.fields.keys().map(String::as_str), 3);
                    let help = if near.is_empty() {
                        vec![]
                    } else {
                        vec![format!("did you mean {}?", near.join(", "))]
                    };
                    Err(fault(second.span, format!("{} has no field '{}'", first.value, second.value), help))
                }
            };
        }
        if let Some((_, fields)) = scope.fields(&first.value) {
            let near = faults::nearest(&second.value, fields.keys().map(String::as_str), 3);
            let message = format!("{} has no field '{}'", first.value, second.value);
            let help = near.is_empty().then(Vec::new).unwrap_or_else(|| {
                let names: Vec<String> =
                    near.iter().map(|field| format!("{}.{field}", first.value)).collect();
                vec![format!("did you mean {}?", names.join(", "))]
            });
            return Err(fault(second.span, message, help));
        }
        if scope.relations.is_empty() || !scope.is_complete() {
            return Ok(None);
        }
        let mut names = self.collection_names(scope);
        names.extend(scope.prefixes());
        let near = faults::nearest(&first.value, names.iter().map(String::as_str), 3);
        let message = format!("no table or collection named '{}'", first.value);
        let help = if near.is_empty() { vec![] } else { vec![format!("did you mean {}?", near.join(", "))] };
        Err(fault(first.span, message, help))
    }
}

impl Rewrite<'_> {
    fn derived_collection(&mut self, name: &str, scope: &Scope) -> Result<Option<Resolved>> {
        if self.definition(name).is_none() { Ok(None) } else { self.collection(name, scope) }
    }

    /// What `nJetGood` and `JetGood_pt` stand for, if they are no columns.
    fn derived_name(&mut self, name: &Ident, scope: &Scope) -> Result<Option<Expr>> {
        if self.visible == 0 {
            return Ok(None);
        }
        if scope.column(&name.value).is_some() {
            // Refused there: the counter of a stored collection beside a derived one of its name.
            if let Some(collection) = name.value.strip_prefix('n')
                && scope.stores(collection)
            {
                self.derived_collection(collection, scope)?;
            }
            return Ok(None);
        }
        if let Some(collection) = name.value.strip_prefix('n')
            && let Some(resolved) = self.derived_collection(collection, scope)?
        {
            return self.count(&resolved, scope).map(Some);
        }
        for (end, _) in name.value.match_indices('_') {
            let (collection, field) = (&name.value[..end], &name.value[end + 1..]);
            if let Some(resolved) = self.derived_collection(collection, scope)?
                && let Some(field) = resolved.fields.get(field)
            {
                return self.list(field, scope).map(Some);
            }
        }
        Ok(None)
    }

    /// The type of a rewritten expression over the columns in scope.
    pub(super) fn type_of(&self, expr: &Expr, scope: &Scope) -> Result<arrow::datatypes::DataType> {
        if let Expr::Identifier(name) = expr
            && let Some(found) = scope.column(&name.value)
        {
            return Ok(found.data_type);
        }
        let known = scope.schema().and_then(|schema| self.catalog.type_of(expr, &schema));
        known.map_err(|error| {
            let explained = faults::explain(error, "");
            match explained {
                EngineError::Sql { message, position: None, help } => fault(expr.span(), message, help),
                other => other,
            }
        })
    }
}

/// `SELECT all(x)` is `SELECT ALL (x)` to SQL: every row, and not the function.
fn refuse_set_quantifier(select: &Select) -> Result<()> {
    match select.projection.first() {
        Some(first) if select.distinct == Some(Distinct::All) && first.to_string().starts_with('(') => {
            let message = "'SELECT all(…)' is read as 'SELECT ALL (…)', which keeps all rows".to_owned();
            Err(fault(
                select.select_token.0.span,
                message,
                vec!["write list_all(…) for the function".to_owned()],
            ))
        }
        _ => Ok(()),
    }
}

/// `Jet_pt[0]` would be NULL in every event.
fn refuse_place_zero(chain: &[AccessExpr]) -> Result<()> {
    let zero = chain.iter().find_map(|step| match step {
        AccessExpr::Subscript(Subscript::Index { index: Expr::Value(value) }) => match &value.value {
            Value::Number(text, _) if text.parse() == Ok(0) => Some(value.span),
            _ => None,
        },
        _ => None,
    });
    match zero {
        Some(span) => {
            let help = "the first is [1], the last [-1]".to_owned();
            Err(fault(span, "places in a list count from 1".to_owned(), vec![help]))
        }
        None => Ok(()),
    }
}

fn has(relation: &Relation, column: &str) -> bool {
    relation.schema.as_ref().is_some_and(|schema| schema.field_with_name(column).is_ok())
}

pub(super) fn reference(name: &ObjectName) -> Option<TableReference> {
    let parts: Vec<&str> =
        name.0.iter().map(|part| part.as_ident().map_or("", |ident| ident.value.as_str())).collect();
    Some(match parts.as_slice() {
        [table] => TableReference::bare(*table),
        [schema, table] => TableReference::partial(*schema, *table),
        [catalog, schema, table] => TableReference::full(*catalog, *schema, *table),
        _ => return None,
    })
}

fn last_part(name: &ObjectName) -> Option<String> {
    Some(name.0.last()?.as_ident()?.value.clone())
}

fn join_condition(operator: &mut JoinOperator) -> Option<&mut Expr> {
    let constraint = match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint) => constraint,
        _ => return None,
    };
    match constraint {
        JoinConstraint::On(condition) => Some(condition),
        _ => None,
    }
}

/// The walk over one expression. Subqueries that are not of one event have scopes of their own: they are
/// rewritten on the way down and set aside until the walk has passed.
struct Walk<'a, 'b> {
    rewrite: &'a mut Rewrite<'b>,
    scope: &'a Scope<'a>,
    ordinary: Vec<Query>,
    renamed: bool,
    /// Parameters of the lambdas around.
    parameters: Vec<String>,
}

impl Walk<'_, '_> {
    fn on_the_way_down(&mut self, expr: &mut Expr) -> Result<()> {
        match expr {
            Expr::Lambda(lambda) => {
                let parameters = match &mut lambda.params {
                    OneOrManyWithParens::One(one) => std::slice::from_mut(one),
                    OneOrManyWithParens::Many(several) => several.as_mut_slice(),
                };
                for parameter in parameters {
                    // Kept as it is written.
                    parameter.name.quote_style = Some('"');
                    self.parameters.push(parameter.name.value.clone());
                }
                return Ok(());
            }
            Expr::Identifier(name) if self.parameters.contains(&name.value) => {
                name.quote_style = Some('"');
                return Ok(());
            }
            _ => {}
        }
        if let Expr::Exists { subquery, negated } = expr
            && *negated
            && event::is_event_subquery(self.rewrite, self.scope, subquery)?
        {
            *negated = false;
            let exists = std::mem::replace(expr, build::null());
            *expr = Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(exists) };
            return Ok(());
        }
        if let Some(subquery) = subquery(expr)
            && event::is_event_subquery(self.rewrite, self.scope, subquery)?
        {
            self.renamed = true;
            *expr = event::compile(self.rewrite, self.scope, expr)?;
            return Ok(());
        }
        if let Some(subquery) = subquery(expr) {
            self.rewrite.query(subquery, Some(self.scope))?;
            self.ordinary.push(std::mem::replace(subquery.as_mut(), empty_query()));
            return Ok(());
        }
        if let Expr::CompoundFieldAccess { root, access_chain } = expr {
            refuse_place_zero(access_chain)?;
            self.dotted_root(root, access_chain)?;
            for step in access_chain.iter_mut() {
                // The planner knows the fields of a struct as subscripts only.
                if let AccessExpr::Dot(Expr::Identifier(field)) = step {
                    let index = build::string(&field.value);
                    *step = AccessExpr::Subscript(Subscript::Index { index });
                }
            }
            if access_chain.is_empty() {
                *expr = std::mem::replace(root, build::null());
            }
            return Ok(());
        }
        if let Expr::CompoundIdentifier(parts) = expr
            && let Some(column) = self.rewrite.dotted(parts, self.scope)?
        {
            self.renamed = true;
            *expr = column;
        } else if let Expr::Identifier(name) = expr
            && let Some(derived) = self.rewrite.derived_name(name, self.scope)?
        {
            self.renamed = true;
            *expr = derived;
        } else if let Expr::Identifier(name) = expr
            && self.scope.did_not_fire(&name.value)
        {
            self.renamed = true;
            *expr = Expr::Value(Value::Boolean(false).with_span(name.span));
        }
        Ok(())
    }

    /// `Jet.pt[1]` is parsed as two steps from `Jet`; the dotted ones at its start may name a column.
    fn dotted_root(&mut self, root: &mut Expr, chain: &mut Vec<AccessExpr>) -> Result<()> {
        let Expr::Identifier(first) = &*root else { return Ok(()) };
        if let [AccessExpr::Subscript(_), rest @ ..] = chain.as_slice()
            && self.scope.column(&first.value).is_none()
            && self.rewrite.is_collection(&first.value, self.scope)
        {
            // Jet[1].pt is Jet.pt[1].
            let [AccessExpr::Dot(Expr::Identifier(field)), ..] = rest else {
                let message =
                    format!("{0}[…] is a whole object; take one of its fields, e.g. {0}[1].pt", first.value);
                return Err(fault(first.span, message, vec![]));
            };
            if let Some(column) = self.rewrite.dotted(&[first.clone(), field.clone()], self.scope)? {
                self.renamed = true;
                *root = column;
                chain.remove(1);
            }
            return Ok(());
        }
        let dots = chain.iter().map_while(|step| match step {
            AccessExpr::Dot(Expr::Identifier(name)) => Some(name.clone()),
            _ => None,
        });
        let parts: Vec<Ident> = std::iter::once(first.clone()).chain(dots).collect();
        if let [relation, column, ..] = parts.as_slice()
            && self.scope.column(&relation.value).is_none()
            && self.scope.relation(&relation.value).is_some_and(|found| has(found, &column.value))
        {
            *root = Expr::CompoundIdentifier(vec![relation.clone(), column.clone()]);
            chain.remove(0);
            return Ok(());
        }
        for taken in (2..=parts.len().min(3)).rev() {
            if let Some(column) = self.rewrite.dotted(&parts[..taken], self.scope)? {
                self.renamed = true;
                *root = column;
                chain.drain(..taken - 1);
                return Ok(());
            }
        }
        Ok(())
    }

    fn on_the_way_up(&mut self, expr: &mut Expr) -> Result<()> {
        if let Expr::Lambda(lambda) = expr {
            self.parameters.truncate(self.parameters.len().saturating_sub(lambda.params.iter().count()));
        }
        hist::name_to_place(expr)?;
        self.refuse_aggregate_of_lists(expr)?;
        if let Some(place) = subquery(expr) {
            if let Some(rewritten) = self.ordinary.pop() {
                **place = rewritten;
            }
        } else if elementwise::is_carried_form(expr) && names_a_list(expr, self.scope) {
            elementwise::carry(expr);
        }
        Ok(())
    }

    /// `sum(Jet.pt)`: aggregates run over events, and of a list it is not clear what is meant.
    fn refuse_aggregate_of_lists(&mut self, expr: &Expr) -> Result<()> {
        let Expr::Function(call) = expr else { return Ok(()) };
        if let Some(filter) = &call.filter {
            self.rewrite.decides_about_events(filter, filter, self.scope)?;
        }
        let name = call.name.to_string().to_lowercase();
        if !matches!(name.as_str(), "sum" | "avg" | "mean" | "min" | "max" | "count" | "median" | "stddev") {
            return Ok(());
        }
        let FunctionArguments::List(list) = &call.args else { return Ok(()) };
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = list.args.as_slice() else {
            return Ok(());
        };
        if names_a_list(argument, self.scope)
            && self.rewrite.type_of(argument, self.scope).is_ok_and(|found| is_list(&found))
        {
            let message = format!("{expr}: an aggregate runs over events, and {argument} is a list in each");
            let help =
                format!("of one event: (SELECT {name}(j.pt) FROM Jet j); of all events: {name} of that");
            return Err(fault(expr.span(), message, vec![help]));
        }
        Ok(())
    }
}

impl VisitorMut for Walk<'_, '_> {
    type Break = EngineError;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<EngineError> {
        match self.on_the_way_down(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<EngineError> {
        match self.on_the_way_up(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// Whether a column that is a list is named anywhere inside.
fn names_a_list(expr: &Expr, scope: &Scope) -> bool {
    struct Search<'a>(&'a Scope<'a>);
    impl Visitor for Search<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let name = match expr {
                Expr::Identifier(name) => name,
                Expr::CompoundIdentifier(parts) => match parts.last() {
                    Some(name) => name,
                    None => return ControlFlow::Continue(()),
                },
                _ => return ControlFlow::Continue(()),
            };
            match self.0.column(&name.value) {
                Some(found) if is_list(&found.data_type) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Search(scope)).is_break()
}

/// The query inside an expression that is a subquery.
pub(super) fn subquery(expr: &mut Expr) -> Option<&mut Box<Query>> {
    match expr {
        Expr::Subquery(query)
        | Expr::Exists { subquery: query, .. }
        | Expr::InSubquery { subquery: query, .. } => Some(query),
        Expr::Function(function) => match &mut function.args {
            FunctionArguments::Subquery(query) => Some(query),
            _ => None,
        },
        _ => None,
    }
}

/// What stands where a query was set aside.
fn empty_query() -> Query {
    build::query(SetExpr::Values(Values { explicit_row: false, value_keyword: false, rows: vec![] }))
}
