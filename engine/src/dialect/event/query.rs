//! Subqueries over collections: FROM, WHERE, the SELECT list, ORDER BY and LIMIT.

use ana_kernels::ir::{Aggregate, AggregateFunction, BinaryOp, Expr, Generator, OrderKey, Query, Reduction};
use datafusion::sql::sqlparser::{
    ast::{
        BinaryOperator, Expr as SqlExpr, FunctionArguments, GroupByExpr, Join, JoinConstraint, JoinOperator,
        LimitClause, OrderBy, OrderByKind, Query as SqlQuery, Select, SelectItem, SetExpr, Spanned,
        TableFactor, Value,
    },
    tokenizer::Span,
};

use super::{
    binder::{Binder, Var},
    function,
    types::{Typed, row},
};
use crate::{
    dialect::{
        collection::Part,
        rewrite::{Rewrite, fault},
        scope::Scope,
    },
    error::{EngineError, Result},
};

/// What is wanted of a subquery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One row.
    Row,
    /// Whether there is one.
    Exists,
    /// All rows, as a list.
    List,
}

/// The query in `ARRAY(SELECT …)`.
pub(in crate::dialect) fn array_of(expr: &SqlExpr) -> Option<&SqlQuery> {
    let SqlExpr::Function(function) = expr else { return None };
    let FunctionArguments::Subquery(query) = &function.args else { return None };
    function.name.to_string().eq_ignore_ascii_case("array").then_some(query.as_ref())
}

/// Whether FROM names only collections; an error when it mixes them with tables.
pub(in crate::dialect) fn is_event_subquery(
    rewrite: &mut Rewrite,
    scope: &Scope,
    query: &SqlQuery,
) -> Result<bool> {
    let SetExpr::Select(select) = query.body.as_ref() else { return Ok(false) };
    if query.with.is_some() || select.from.is_empty() {
        return Ok(false);
    }
    let factors = select
        .from
        .iter()
        .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
    let (mut collections, mut tables) = (vec![], vec![]);
    for factor in factors {
        match factor {
            TableFactor::Table { name, args: None, .. } if rewrite.named(name).is_none() => {
                let text = name.to_string();
                if name.0.len() == 1 && rewrite.is_collection(&plain(factor), scope) {
                    collections.push(text);
                } else {
                    tables.push((text, factor.span()));
                }
            }
            TableFactor::Table { name, .. } => tables.push((name.to_string(), factor.span())),
            other => tables.push((other.to_string(), other.span())),
        }
    }
    match (collections.first(), tables.first()) {
        (Some(collection), Some((table, span))) => Err(fault(
            *span,
            format!(
                "{collection} is a collection of the event and {table} is none; a subquery runs inside one event or over tables"
            ),
            vec![],
        )),
        (Some(_), None) => Ok(true),
        _ => Ok(false),
    }
}

/// The name in FROM, without its quotes.
fn plain(factor: &TableFactor) -> String {
    match factor {
        TableFactor::Table { name, .. } => name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .map(|ident| ident.value.clone())
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// A subquery bound to loops, with what its clauses refer to still in scope.
struct Loops {
    first: usize,
    predicate: Vec<Expr>,
}

/// One SELECT of a union, bound; its fields are bound as they are asked for.
#[derive(Debug)]
pub(super) struct BoundPart {
    part: Part,
    vars: Vec<Var>,
    predicate: Vec<Expr>,
    order_by: Vec<OrderKey>,
    limit: Option<u64>,
    offset: u64,
    pub(super) values: Vec<Expr>,
}

impl BoundPart {
    pub(super) fn into_query(self) -> Query {
        let generators = self.vars.into_iter().map(generator).collect();
        let reduction = Reduction::List {
            values: self.values,
            order_by: self.order_by,
            offset: self.offset,
            limit: self.limit,
        };
        Query { generators, predicate: self.predicate, reduction }
    }
}

fn generator(var: Var) -> Generator {
    Generator { var: var.id, name: var.alias, collection: var.collection, after: var.after }
}

fn unsupported(span: Span, what: &str) -> EngineError {
    fault(span, format!("{what} is not supported in an event subquery"), vec![])
}

impl Binder<'_, '_> {
    /// The whole kernel for one subquery, and the names of its outputs.
    pub(super) fn body(&mut self, query: &SqlQuery, shape: Shape) -> Result<(Query, Vec<String>)> {
        let (direct, outputs, names) = self.subquery(query, shape)?;
        let plain = outputs.iter().enumerate().all(|(place, output)| {
            matches!(&output.expr, Expr::Subquery { query, output } if *output == place && Some(query.as_ref()) == direct.as_ref())
        });
        match direct {
            Some(direct) if plain || shape == Shape::List => Ok((direct, names)),
            _ => Ok((row(outputs.into_iter().map(|output| output.expr).collect()), names)),
        }
    }

    /// Binds a subquery: the query itself, its outputs as expressions around it, and their names.
    pub(super) fn subquery(
        &mut self,
        query: &SqlQuery,
        shape: Shape,
    ) -> Result<(Option<Query>, Vec<Typed>, Vec<String>)> {
        let select = self.plain_select(query)?;
        let loops = self.loops(select)?;
        let items = items(select)?;
        let names: Vec<String> = items.iter().map(|(name, _)| name.clone()).collect();
        let calls = aggregate_calls(&items);
        let order_by = order_exprs(query, &items)?;
        let (limit, offset) = limits(query)?;
        let unbounded = limit.is_none() && offset == 0;
        if !unbounded && (shape == Shape::Exists || !calls.is_empty()) {
            let what = if shape == Shape::Exists {
                "LIMIT or OFFSET in EXISTS"
            } else {
                "LIMIT or OFFSET beside an aggregate"
            };
            return Err(unsupported(query.span(), what));
        }
        if shape == Shape::Exists && !calls.is_empty() {
            return Err(unsupported(query.span(), "an aggregate in EXISTS, which always gives a row,"));
        }
        let outputs = match shape {
            Shape::Exists => {
                self.check_used(&loops)?;
                let query = self.close_query(loops, Reduction::Exists);
                let output = Typed::boolean(Expr::Subquery { query: Box::new(query.clone()), output: 0 });
                return Ok((Some(query), vec![output], vec![String::new()]));
            }
            Shape::Row if !calls.is_empty() => return self.aggregates(loops, &items, calls, names),
            Shape::List if !calls.is_empty() => {
                return Err(unsupported(query.span(), "an aggregate in ARRAY(SELECT …)"));
            }
            _ if items.is_empty() => {
                let message = "* is no value; name a field of an object".to_owned();
                return Err(fault(query.span(), message, vec![]));
            }
            _ => items.iter().map(|(_, item)| self.expr(item)).collect::<Result<Vec<_>>>()?,
        };
        let keys = order_by.into_iter().map(|key| self.order_key(key)).collect::<Result<Vec<_>>>()?;
        self.check_used(&loops)?;
        let values: Vec<Expr> = outputs.iter().map(|output| output.expr.clone()).collect();
        if shape == Shape::List {
            if values.len() != 1 {
                return Err(fault(
                    query.span(),
                    format!("ARRAY takes one column, got {}", values.len()),
                    vec![],
                ));
            }
            let reduction = Reduction::List { values, order_by: keys, offset, limit };
            let query = self.close_query(loops, reduction);
            return Ok((Some(query), outputs, names));
        }
        if limit != Some(1) {
            let help = "aggregate (count, sum, min, max, …), or pick one with ORDER BY … LIMIT 1, or make a list with ARRAY(SELECT …)";
            let message = "this subquery gives a row per object where one value is needed".to_owned();
            return Err(fault(query.span(), message, vec![help.to_owned()]));
        }
        let query = self.close_query(loops, Reduction::First { values, order_by: keys, offset });
        let place = |(output, typed): (usize, Typed)| Typed {
            expr: Expr::Subquery { query: Box::new(query.clone()), output },
            ty: typed.ty,
        };
        let outputs = outputs.into_iter().enumerate().map(place).collect();
        Ok((Some(query), outputs, names))
    }

    /// `SELECT` of aggregates and of expressions over them.
    fn aggregates(
        &mut self,
        loops: Loops,
        items: &[(String, SqlExpr)],
        calls: Vec<SqlExpr>,
        names: Vec<String>,
    ) -> Result<(Option<Query>, Vec<Typed>, Vec<String>)> {
        let bound = calls.iter().map(|call| self.aggregate(call)).collect::<Result<Vec<_>>>()?;
        self.check_used(&loops)?;
        let (aggregates, types): (Vec<Aggregate>, Vec<_>) = bound.into_iter().unzip();
        let query = self.close_query(loops, Reduction::Aggregates(aggregates));
        let around = self.aggregates.len();
        for (output, (call, ty)) in calls.into_iter().zip(types).enumerate() {
            let expr = Expr::Subquery { query: Box::new(query.clone()), output };
            self.aggregates.push((call, Typed { expr, ty }));
        }
        let outputs = items.iter().map(|(_, item)| self.expr(item)).collect::<Result<Vec<_>>>();
        self.aggregates.truncate(around);
        Ok((Some(query), outputs?, names))
    }

    fn aggregate(&mut self, call: &SqlExpr) -> Result<(Aggregate, Option<ana_kernels::ir::Type>)> {
        use ana_kernels::ir::Type;
        let SqlExpr::Function(function) = call else {
            return Err(unsupported(call.span(), "this aggregate"));
        };
        let Some(aggregate) = function::aggregate(call) else {
            return Err(unsupported(call.span(), "this aggregate"));
        };
        let filter = function.filter.as_ref().map(|filter| self.boolean(filter)).transpose()?;
        let arguments = function::arguments(function)?;
        let value = match arguments.as_slice() {
            [] if aggregate == AggregateFunction::Count => None,
            [value] => Some(self.expr(value)?),
            _ => return Err(fault(call.span(), format!("{} takes one argument", function.name), vec![])),
        };
        let found = value.as_ref().and_then(|value| value.ty);
        let wanted = match aggregate {
            AggregateFunction::Count => found.unwrap_or(Type::I64),
            AggregateFunction::BoolAnd | AggregateFunction::BoolOr => Type::Bool,
            AggregateFunction::Avg => Type::F64,
            AggregateFunction::Sum => super::types::common_number(found, found),
            AggregateFunction::Min | AggregateFunction::Max => found.unwrap_or(Type::F64),
        };
        let boolean = found == Some(Type::Bool);
        if aggregate != AggregateFunction::Count && boolean != (wanted == Type::Bool) {
            let message = format!("{} does not take {}", function.name, super::types::name(found));
            return Err(fault(call.span(), message, vec![]));
        }
        let value = value.map(|value| value.to(wanted));
        let ty = if aggregate == AggregateFunction::Count { Type::I64 } else { wanted };
        Ok((Aggregate { function: aggregate, value, filter }, Some(ty)))
    }

    fn plain_select<'q>(&self, query: &'q SqlQuery) -> Result<&'q Select> {
        let SetExpr::Select(select) = query.body.as_ref() else {
            return Err(unsupported(query.span(), "UNION"));
        };
        let refused = [
            (query.with.is_some(), "WITH"),
            (query.fetch.is_some(), "FETCH"),
            (select.distinct.is_some(), "DISTINCT"),
            (select.having.is_some(), "HAVING"),
            (select.qualify.is_some(), "QUALIFY"),
            (select.top.is_some(), "TOP"),
            (select.into.is_some(), "INTO"),
            (select.exclude.is_some(), "EXCLUDE"),
            (select.prewhere.is_some(), "PREWHERE"),
            (select.value_table_mode.is_some(), "AS STRUCT or VALUE"),
            (!select.lateral_views.is_empty(), "LATERAL VIEW"),
            (!select.connect_by.is_empty(), "CONNECT BY"),
            (!select.cluster_by.is_empty(), "CLUSTER BY"),
            (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
            (!select.sort_by.is_empty(), "SORT BY"),
            (!select.named_window.is_empty(), "WINDOW"),
            (!query.locks.is_empty() || query.for_clause.is_some(), "FOR"),
            (query.settings.is_some() || query.format_clause.is_some(), "SETTINGS or FORMAT"),
            (!query.pipe_operators.is_empty(), "a pipe operator"),
            (!matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty()), "GROUP BY"),
        ];
        match refused.into_iter().find(|(found, _)| *found) {
            Some((_, clause)) => Err(unsupported(query.span(), clause)),
            None => Ok(select),
        }
    }

    /// FROM and WHERE.
    fn loops(&mut self, select: &Select) -> Result<Loops> {
        let first = self.vars.len();
        let mut conditions = vec![];
        for from in &select.from {
            self.from(&from.relation, first)?;
            for Join { relation, join_operator, .. } in &from.joins {
                self.from(relation, first)?;
                match join_operator {
                    JoinOperator::CrossJoin(_) => {}
                    JoinOperator::Join(JoinConstraint::On(on))
                    | JoinOperator::Inner(JoinConstraint::On(on)) => {
                        conjuncts(on, &mut conditions);
                    }
                    _ => return Err(unsupported(relation.span(), "this kind of join")),
                }
            }
        }
        if let Some(condition) = &select.selection {
            conjuncts(condition, &mut conditions);
        }
        let mut predicate = vec![];
        for condition in conditions {
            if !self.is_bound(condition, first) {
                predicate.push(self.boolean(condition)?);
            }
        }
        Ok(Loops { first, predicate })
    }

    fn from(&mut self, factor: &TableFactor, first: usize) -> Result<()> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return Err(unsupported(factor.span(), "anything but collections in FROM"));
        };
        if let TableFactor::Table {
            sample,
            index_hints,
            partitions,
            json_path,
            version,
            with_hints,
            with_ordinality,
            ..
        } = factor
            && (sample.is_some()
                || !index_hints.is_empty()
                || !partitions.is_empty()
                || json_path.is_some()
                || version.is_some()
                || !with_hints.is_empty()
                || *with_ordinality
                || alias.as_ref().is_some_and(|alias| !alias.columns.is_empty()))
        {
            return Err(unsupported(factor.span(), &format!("{factor} in FROM")));
        }
        let collection = plain(factor);
        let alias = alias.as_ref().map_or(collection.as_str(), |alias| alias.name.value.as_str());
        if self.vars[first..].iter().any(|var| var.alias == alias) {
            return Err(fault(
                factor.span(),
                format!("'{alias}' names two objects; give them aliases"),
                vec![],
            ));
        }
        self.open(&collection, alias, name.span()).map(drop)
    }

    /// Takes `idx(a) < idx(b)` for the bound of b's loop, where it can be one.
    fn is_bound(&mut self, condition: &SqlExpr, first: usize) -> bool {
        let SqlExpr::BinaryOp { left, op, right } = condition else { return false };
        let (low, high) = match op {
            BinaryOperator::Lt => (left, right),
            BinaryOperator::Gt => (right, left),
            _ => return false,
        };
        let (Some(low), Some(high)) = (function::idx_of(low), function::idx_of(high)) else { return false };
        let place = |vars: &[Var], name: &str| vars.iter().rposition(|var| var.alias == name);
        let (Some(low), Some(high)) = (place(&self.vars, low), place(&self.vars, high)) else { return false };
        let fits = first <= low
            && low < high
            && self.vars[low].collection == self.vars[high].collection
            && self.vars[high].after.is_none();
        if fits {
            self.vars[high].after = Some(self.vars[low].id);
            self.vars[low].used = true;
            self.vars[high].used = true;
        }
        fits
    }

    /// With several objects in FROM, one that nothing names only multiplies the others.
    fn check_used(&self, loops: &Loops) -> Result<()> {
        let own = &self.vars[loops.first..];
        match own.iter().find(|var| !var.used) {
            Some(unused) if own.len() > 1 => {
                let message = format!(
                    "'{}' is never used: every combination of the others would be taken once per {}",
                    unused.alias,
                    self.collection_name(unused.collection)
                );
                Err(fault(unused.at, message, vec!["remove it from FROM".to_owned()]))
            }
            _ => Ok(()),
        }
    }

    fn close_query(&mut self, loops: Loops, reduction: Reduction) -> Query {
        Query { generators: self.close(loops.first), predicate: loops.predicate, reduction }
    }

    fn order_key(&mut self, key: (SqlExpr, bool, bool)) -> Result<OrderKey> {
        let (expr, descending, nulls_first) = key;
        Ok(OrderKey { expr: self.expr(&expr)?.expr, descending, nulls_first })
    }

    /// Binds one SELECT of a union.
    pub(super) fn part(&mut self, part: &Part) -> Result<BoundPart> {
        let visible = self.rewrite.see_definitions(part.visible);
        // A definition does not see the objects of the place where it is used.
        let (vars, aggregates) = (std::mem::take(&mut self.vars), std::mem::take(&mut self.aggregates));
        let bound = self.part_loops(part);
        (self.vars, self.aggregates) = (vars, aggregates);
        self.rewrite.see_definitions(visible);
        bound
    }

    fn part_loops(&mut self, part: &Part) -> Result<BoundPart> {
        let select = self.plain_select(&part.query)?;
        let loops = self.loops(select)?;
        let order_by = order_exprs(&part.query, &part.items())?;
        let order_by = order_by.into_iter().map(|key| self.order_key(key)).collect::<Result<Vec<_>>>()?;
        let (limit, offset) = limits(&part.query)?;
        let vars = self.vars.split_off(loops.first);
        Ok(BoundPart {
            part: part.clone(),
            vars,
            predicate: loops.predicate,
            order_by,
            limit,
            offset,
            values: vec![],
        })
    }

    /// A field of one SELECT of a union.
    pub(super) fn part_field(&mut self, part: &mut BoundPart, field: &str, at: Span) -> Result<Typed> {
        let visible = self.rewrite.see_definitions(part.part.visible);
        let around = std::mem::replace(&mut self.vars, std::mem::take(&mut part.vars));
        let value = match part.part.item(field) {
            Some(item) => self.expr(&item),
            None => self.field(0, field, at),
        };
        part.vars = std::mem::replace(&mut self.vars, around);
        self.rewrite.see_definitions(visible);
        value
    }
}

/// The conditions joined by AND.
fn conjuncts<'q>(condition: &'q SqlExpr, all: &mut Vec<&'q SqlExpr>) {
    match condition {
        SqlExpr::BinaryOp { left, op: BinaryOperator::And, right } => {
            conjuncts(left, all);
            conjuncts(right, all);
        }
        SqlExpr::Nested(inner) => conjuncts(inner, all),
        other => all.push(other),
    }
}

/// The SELECT list with the names of its columns.
fn items(select: &Select) -> Result<Vec<(String, SqlExpr)>> {
    let item = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) => Ok((column_name(expr), expr.clone())),
        SelectItem::ExprWithAlias { expr, alias } => Ok((alias.value.clone(), expr.clone())),
        other => Err(unsupported(other.span(), "* as a value")),
    };
    // EXISTS (SELECT * …) is the one place where * means nothing.
    if matches!(select.projection.as_slice(), [SelectItem::Wildcard(_)]) {
        return Ok(vec![]);
    }
    select.projection.iter().map(item).collect()
}

/// What a column without AS is called.
pub(in crate::dialect) fn column_name(expr: &SqlExpr) -> String {
    match expr {
        SqlExpr::Identifier(name) => name.value.clone(),
        SqlExpr::CompoundIdentifier(parts) => parts.last().map(|name| name.value.clone()).unwrap_or_default(),
        SqlExpr::Nested(inner) => column_name(inner),
        other => other.to_string(),
    }
}

/// Every aggregate call in the SELECT list, once, but not those of subqueries inside.
fn aggregate_calls(items: &[(String, SqlExpr)]) -> Vec<SqlExpr> {
    let mut calls = vec![];
    for (_, item) in items {
        function::walk(item, &mut |expr| {
            if matches!(expr, SqlExpr::Subquery(_) | SqlExpr::Exists { .. } | SqlExpr::InSubquery { .. }) {
                return false;
            }
            let found = function::aggregate(expr).is_some();
            if found && !calls.contains(expr) {
                calls.push(expr.clone());
            }
            !found
        });
    }
    calls
}

/// ORDER BY: expression, descending, NULLs first. Names and numbers of the SELECT list are looked up there.
fn order_exprs(query: &SqlQuery, items: &[(String, SqlExpr)]) -> Result<Vec<(SqlExpr, bool, bool)>> {
    let keys = match &query.order_by {
        None => return Ok(vec![]),
        Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) => keys,
        Some(_) => return Err(unsupported(query.span(), "ORDER BY ALL")),
    };
    let key = |key: &datafusion::sql::sqlparser::ast::OrderByExpr| {
        let named = match &key.expr {
            SqlExpr::Identifier(name) => items.iter().find(|(item, _)| *item == name.value),
            SqlExpr::Value(value) => match &value.value {
                Value::Number(text, _) => {
                    text.parse::<usize>().ok().and_then(|place| items.get(place.checked_sub(1)?))
                }
                _ => None,
            },
            _ => None,
        };
        let expr = named.map_or_else(|| key.expr.clone(), |(_, item)| item.clone());
        let descending = key.options.asc == Some(false);
        // NULL is the greatest, as everywhere in the engine.
        (expr, descending, key.options.nulls_first.unwrap_or(descending))
    };
    Ok(keys.iter().map(key).collect())
}

/// LIMIT and OFFSET.
fn limits(query: &SqlQuery) -> Result<(Option<u64>, u64)> {
    let (limit, offset) = match &query.limit_clause {
        None => (None, None),
        Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
            (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
        }
        Some(_) => return Err(unsupported(query.span(), "this form of LIMIT")),
    };
    let number = |expr: &SqlExpr| match expr {
        SqlExpr::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse::<u64>().ok(),
            _ => None,
        },
        _ => None,
    };
    let whole = |expr: &SqlExpr| {
        number(expr)
            .ok_or_else(|| fault(expr.span(), "LIMIT and OFFSET take a whole number here".to_owned(), vec![]))
    };
    Ok((limit.map(whole).transpose()?, offset.map(whole).transpose()?.unwrap_or(0)))
}

/// `value IN (SELECT …)` with SQL's three values: NULL when no row is equal, but one comparison is NULL.
pub(super) fn in_query(query: Query, value: Expr, member: Expr) -> Expr {
    let equal = value.binary(BinaryOp::Eq, member);
    let exists = |condition: Expr| {
        let mut query = query.clone();
        query.predicate.push(condition);
        query.reduction = Reduction::Exists;
        Expr::Subquery { query: Box::new(query), output: 0 }
    };
    Expr::Case {
        branches: vec![
            (exists(equal.clone()), ana_kernels::ir::Const::Bool(true).into()),
            (
                exists(super::types::is_null(equal)),
                ana_kernels::ir::Const::Null(ana_kernels::ir::Type::Bool).into(),
            ),
        ],
        otherwise: Some(Box::new(ana_kernels::ir::Const::Bool(false).into())),
    }
}
