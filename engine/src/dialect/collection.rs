//! Collections: those of the event's branches, and those that `CREATE COLLECTION` derives from them.
//!
//! A derived collection is a definition and nothing more: wherever one of its fields is named, the syntax
//! that computes it is put there. Its index list is one kernel, the same wherever it is needed, so the engine
//! computes it once; its fields are taken from the branches through that list, and a field nobody names is
//! never read.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::{
    ast::{
        Expr as SqlExpr, Ident, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, SetOperator,
        SetQuantifier, Spanned, TableFactor,
    },
    tokenizer::Span,
};

use ana_sql_ext::lifted::is_list;

use super::{
    build, event,
    rewrite::{Rewrite, fault},
    scope::Scope,
};
use crate::error::{EngineError, Result, SqlPosition};

/// `CREATE COLLECTION name AS query`.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// What it is called.
    pub(crate) name: Ident,
    /// Its SELECT, or a UNION ALL of several; `None` from where it was dropped.
    pub(crate) query: Option<Query>,
}

impl Definition {
    /// Whether a place is in its text, as far as that is known: what stands around it may be at fault too.
    fn is_around(&self, position: Option<SqlPosition>) -> bool {
        let span = self.query.as_ref().map(Spanned::span).filter(|span| *span != Span::empty());
        let (Some(span), Some(at)) = (span, position) else { return true };
        let at = (at.line, at.column);
        (span.start.line, span.start.column) <= at && at <= (span.end.line, span.end.column)
    }

    /// The last definition of this name among `all`, and its place, unless it was dropped.
    pub(crate) fn last<'a>(all: &'a [Self], name: &str) -> Option<(usize, &'a Self)> {
        let place = all.iter().rposition(|definition| definition.name.value == name)?;
        all[place].query.as_ref().map(|_| (place, &all[place]))
    }

    /// The names that mean something at the end of `all`.
    pub(crate) fn names(all: &[Self]) -> impl Iterator<Item = &str> {
        all.iter().map(|known| known.name.value.as_str()).filter(|name| Self::last(all, name).is_some())
    }
}

/// A collection as seen from one place of a statement.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) name: String,
    pub(super) fields: BTreeMap<String, FieldList>,
    /// The places of the chosen objects in the collection they are chosen from.
    pub(super) index: Option<SqlExpr>,
    /// The SELECTs it is made by, one behind the other; none for a collection of branches.
    pub(super) parts: Vec<Part>,
    /// Which of the things of this name it is: the place of its definition.
    pub(super) place: Option<usize>,
}

impl Resolved {
    pub(super) fn is_derived(&self) -> bool {
        !self.parts.is_empty()
    }
}

/// A field of a collection: how to get the list.
#[derive(Debug, Clone)]
pub(super) struct FieldList {
    /// Type of the elements; [`DataType::Null`] where only computing it tells.
    pub(super) item: DataType,
    source: FieldSource,
}

#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "syntax trees are large; there are few of these and they live briefly"
)]
enum FieldSource {
    /// A branch.
    Column(SqlExpr),
    /// Elements of another list, at the places of an index list.
    Taken { list: Box<FieldList>, index: SqlExpr },
    /// `ARRAY(SELECT …)`, with as many definitions in sight; taken through an index list if there is one.
    Computed { array: SqlExpr, visible: usize, index: Option<SqlExpr> },
    /// A field of a union, put together by a kernel.
    Union { collection: String, field: String, visible: usize },
}

/// One SELECT of a union.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) query: Query,
    /// How many definitions it sees.
    pub(super) visible: usize,
}

impl Part {
    /// The columns of the SELECT list that are not `*`.
    pub(super) fn items(&self) -> Vec<(String, SqlExpr)> {
        select_of(&self.query).map(named_items).unwrap_or_default()
    }

    /// What the SELECT list computes for a field; `None` when the field comes with `*`.
    pub(super) fn item(&self, field: &str) -> Option<SqlExpr> {
        self.items().into_iter().find(|(name, _)| name == field).map(|(_, item)| item)
    }
}

fn select_of(query: &Query) -> Option<&Select> {
    match query.body.as_ref() {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

/// The columns of a SELECT list that are not `*`.
fn named_items(select: &Select) -> Vec<(String, SqlExpr)> {
    let named = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) => Some((event::column_name(expr), expr.clone())),
        SelectItem::ExprWithAlias { expr, alias } => Some((alias.value.clone(), expr.clone())),
        _ => None,
    };
    select.projection.iter().filter_map(named).collect()
}

fn has_star(select: &Select) -> bool {
    select
        .projection
        .iter()
        .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)))
}

/// `* EXCLUDE (…)`, `* REPLACE (…)` and the like.
fn refuse_wildcard_options(select: &Select) -> Result<()> {
    for item in &select.projection {
        if let SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) = item
            && *options != Default::default()
        {
            let message = format!("{item} is not supported in a collection");
            let help =
                "a column with the name of a field takes its place: SELECT *, j.pt * 1.1 AS pt".to_owned();
            return Err(fault(item.span(), message, vec![help]));
        }
    }
    Ok(())
}

/// The SELECTs of a UNION ALL, in order; a query that is none is its own only part.
fn union_parts(query: &Query) -> Result<Vec<Query>> {
    fn collect(body: &SetExpr, whole: &Query, parts: &mut Vec<Query>) -> Result<()> {
        match body {
            SetExpr::SetOperation {
                op: SetOperator::Union,
                set_quantifier: SetQuantifier::All,
                left,
                right,
            } => {
                collect(left, whole, parts)?;
                collect(right, whole, parts)
            }
            SetExpr::Select(_) => {
                let mut part = whole.clone();
                part.body = Box::new(body.clone());
                part.order_by = None;
                part.limit_clause = None;
                parts.push(part);
                Ok(())
            }
            SetExpr::Query(query) => {
                parts.push(query.as_ref().clone());
                Ok(())
            }
            other => {
                let message = "a collection is a SELECT, or a UNION ALL of several".to_owned();
                Err(fault(other.span(), message, vec![]))
            }
        }
    }
    let mut parts = vec![];
    match query.body.as_ref() {
        SetExpr::Select(_) => parts.push(query.clone()),
        body if query.order_by.is_some() || query.limit_clause.is_some() => {
            let message = "ORDER BY and LIMIT of a UNION ALL are not supported in a collection".to_owned();
            return Err(fault(
                body.span(),
                message,
                vec!["derive another collection from the union".to_owned()],
            ));
        }
        body => collect(body, query, &mut parts)?,
    }
    Ok(parts)
}

impl Rewrite<'_> {
    /// Whether a collection of this name is in sight.
    pub(super) fn is_collection(&self, name: &str, scope: &Scope) -> bool {
        self.definition(name).is_some() || base(name, scope).is_some()
    }

    /// The last definition of this name in sight, and its place.
    pub(super) fn definition(&self, name: &str) -> Option<(usize, Definition)> {
        let (place, definition) = Definition::last(&self.definitions[..self.visible], name)?;
        Some((place, definition.clone()))
    }

    /// Lets names mean what they meant to the first `count` definitions; gives the count so far.
    pub(super) fn see_definitions(&mut self, count: usize) -> usize {
        std::mem::replace(&mut self.visible, count)
    }

    /// The names of all collections in sight.
    pub(super) fn collection_names(&self, scope: &Scope) -> Vec<String> {
        let derived = Definition::names(&self.definitions[..self.visible]).map(str::to_owned);
        derived.chain(scope.prefixes().into_iter().filter(|name| base(name, scope).is_some())).collect()
    }

    /// The collection of this name.
    pub(super) fn collection(&mut self, name: &str, scope: &Scope) -> Result<Option<Resolved>> {
        match self.definition(name) {
            Some((place, definition)) => {
                if scope.stores(name) {
                    let message =
                        format!("'{name}' is both a derived collection and one of the event's branches");
                    let help = "derive the collection under another name".to_owned();
                    return Err(fault(Span::empty(), message, vec![help]));
                }
                let key = (place, std::ptr::from_ref(scope).addr());
                if let Some(known) = self.resolved.get(&key) {
                    return Ok(Some(known.clone()));
                }
                let around = self.see_definitions(place);
                let resolved = self.derived(&definition, scope);
                self.see_definitions(around);
                let mut resolved = resolved.map_err(|error| within(&definition, error))?;
                resolved.place = Some(place);
                self.resolved.insert(key, resolved.clone());
                Ok(Some(resolved))
            }
            None => {
                let innermost = scope.chain().find(|scope| scope.has_fields(name));
                if innermost.is_some_and(|scope| scope.with_fields(name) > 1) {
                    let message = format!("'{name}' is a collection of several tables in FROM");
                    let help = "select from one of them in a subquery, then join".to_owned();
                    return Err(fault(Span::empty(), message, vec![help]));
                }
                Ok(base(name, scope))
            }
        }
    }

    fn derived(&mut self, definition: &Definition, scope: &Scope) -> Result<Resolved> {
        // What was dropped is never found by name.
        let parts = definition.query.as_ref().map(union_parts).transpose()?.unwrap_or_default();
        match parts.as_slice() {
            [one] => self.selection(&definition.name.value, one, scope),
            _ => self.union(&definition.name.value, parts, scope),
        }
    }

    /// A collection made by one SELECT.
    fn selection(&mut self, name: &str, query: &Query, scope: &Scope) -> Result<Resolved> {
        let Some(select) = select_of(query) else {
            return Err(fault(
                query.span(),
                "a collection is a SELECT, or a UNION ALL of several".to_owned(),
                vec![],
            ));
        };
        refuse_wildcard_options(select)?;
        let query = &sorted_by_items(query, &named_items(select));
        let mut fields = BTreeMap::new();
        let mut index = None;
        let source = single_source(select);
        if let Some((source, alias)) = &source {
            let whole = array(query, select, build::call("idx", vec![SqlExpr::Identifier(alias.clone())]));
            let places = event::compile(self, scope, &whole)?;
            let Some(from) = self.collection(&source.value, scope)? else {
                return Err(fault(source.span, format!("no collection named '{}'", source.value), vec![]));
            };
            if has_star(select) {
                for (field, list) in &from.fields {
                    let taken = FieldSource::Taken { list: Box::new(list.clone()), index: places.clone() };
                    fields.insert(field.clone(), FieldList { item: list.item.clone(), source: taken });
                }
            }
            index = Some(places);
        } else if has_star(select) {
            let message =
                "* is of one collection; name the fields of a collection of combinations".to_owned();
            return Err(fault(query.span(), message, vec![]));
        }
        let visible = self.visible;
        for (field, item) in named_items(select) {
            let array = match &index {
                // Computed for all objects, then taken: the selection is made once.
                Some(_) => array_of_all(select, item),
                None => array(query, select, item),
            };
            let source = FieldSource::Computed { array, visible, index: index.clone() };
            fields.insert(field, FieldList { item: DataType::Null, source });
        }
        if fields.is_empty() {
            return Err(fault(
                query.span(),
                "a collection needs fields: SELECT * or a list".to_owned(),
                vec![],
            ));
        }
        // Inside a subquery it is made in the kernel, with no list written in between.
        let parts = vec![Part { query: query.clone(), visible }];
        Ok(Resolved { name: name.to_owned(), fields, index, parts, place: None })
    }

    /// A collection of the objects of several, one after the other, with the fields all have.
    fn union(&mut self, name: &str, queries: Vec<Query>, scope: &Scope) -> Result<Resolved> {
        let visible = self.visible;
        let mut common: Option<Vec<String>> = None;
        for query in &queries {
            let own = self.part_fields(query, scope)?;
            common = Some(match common {
                Some(common) => common.into_iter().filter(|field| own.contains(field)).collect(),
                None => own,
            });
        }
        let fields = common.unwrap_or_default();
        if fields.is_empty() {
            let message = format!("the parts of {name} have no field in common");
            return Err(fault(queries.first().map_or_else(Span::empty, Spanned::span), message, vec![]));
        }
        let list = |field: &String| {
            let source = FieldSource::Union {
                collection: name.to_owned(),
                field: field.clone(),
                visible: visible + 1,
            };
            (field.clone(), FieldList { item: DataType::Null, source })
        };
        let fields = fields.iter().map(list).collect();
        let parts = queries.into_iter().map(|query| Part { query, visible }).collect();
        Ok(Resolved { name: name.to_owned(), fields, index: None, parts, place: None })
    }

    fn part_fields(&mut self, query: &Query, scope: &Scope) -> Result<Vec<String>> {
        let select = select_of(query);
        let Some((select, (source, _))) = select.and_then(|select| Some((select, single_source(select)?)))
        else {
            let message = "each part of a union is a SELECT from one collection".to_owned();
            return Err(fault(query.span(), message, vec![]));
        };
        refuse_wildcard_options(select)?;
        let Some(from) = self.collection(&source.value, scope)? else {
            return Err(fault(source.span, format!("no collection named '{}'", source.value), vec![]));
        };
        let mut fields: Vec<String> = named_items(select).into_iter().map(|(name, _)| name).collect();
        if has_star(select) {
            let others: Vec<_> = from.fields.into_keys().filter(|field| !fields.contains(field)).collect();
            fields.extend(others);
        }
        Ok(fields)
    }

    /// The list of a field, as an expression over the event's columns.
    pub(super) fn list(&mut self, field: &FieldList, scope: &Scope) -> Result<SqlExpr> {
        match &field.source {
            FieldSource::Column(column) => Ok(column.clone()),
            FieldSource::Taken { list, index } => {
                Ok(build::call("take", vec![self.list(list, scope)?, index.clone()]))
            }
            FieldSource::Computed { array, visible, index } => {
                let around = self.see_definitions(*visible);
                let list = event::compile(self, scope, array);
                self.see_definitions(around);
                Ok(match index {
                    Some(index) => build::call("take", vec![list?, index.clone()]),
                    None => list?,
                })
            }
            FieldSource::Union { collection, field, visible } => {
                let around = self.see_definitions((*visible).min(self.definitions.len()));
                let list = event::field_list(self, scope, collection, field);
                self.see_definitions(around);
                list
            }
        }
    }

    /// The type of the elements of a field's list.
    pub(super) fn item_type(&mut self, field: &FieldList, scope: &Scope) -> Result<DataType> {
        if field.item != DataType::Null {
            return Ok(field.item.clone());
        }
        let list = self.list(field, scope)?;
        match self.type_of(&list, scope)? {
            DataType::List(item) => Ok(item.data_type().clone()),
            other => Ok(other),
        }
    }

    /// How many objects a collection has, for every event.
    pub(super) fn count(&mut self, resolved: &Resolved, scope: &Scope) -> Result<SqlExpr> {
        let list = match (&resolved.index, resolved.fields.values().next()) {
            (Some(index), _) => index.clone(),
            (None, Some(field)) => self.list(&field.clone(), scope)?,
            (None, None) => return Ok(build::null()),
        };
        Ok(build::call("n_obj", vec![list]))
    }
}

/// The collection and alias of a SELECT from one collection.
fn single_source(select: &Select) -> Option<(Ident, Ident)> {
    let [from] = select.from.as_slice() else { return None };
    let TableFactor::Table { name, alias, args: None, .. } = &from.relation else { return None };
    let [source] = name.0.as_slice() else { return None };
    let source = source.as_ident()?.clone();
    let alias = alias.as_ref().map_or_else(|| source.clone(), |alias| alias.name.clone());
    from.joins.is_empty().then_some((source, alias))
}

/// `ARRAY(SELECT item FROM … WHERE … ORDER BY … LIMIT …)`.
fn array(query: &Query, select: &Select, item: SqlExpr) -> SqlExpr {
    let mut select = select.clone();
    select.projection = vec![SelectItem::UnnamedExpr(item)];
    let mut query = query.clone();
    query.body = Box::new(SetExpr::Select(Box::new(select)));
    build::array(query)
}

/// The query with what its SELECT list computes in the place of the names in ORDER BY.
fn sorted_by_items(query: &Query, items: &[(String, SqlExpr)]) -> Query {
    let mut query = query.clone();
    if let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = &mut query.order_by {
        for key in keys {
            if let SqlExpr::Identifier(name) = &key.expr
                && let Some((_, item)) = items.iter().find(|(item, _)| *item == name.value)
            {
                key.expr = build::nested(item.clone());
            }
        }
    }
    query
}

/// `ARRAY(SELECT item FROM …)`, of all objects.
fn array_of_all(select: &Select, item: SqlExpr) -> SqlExpr {
    let mut select = select.clone();
    select.projection = vec![SelectItem::UnnamedExpr(item)];
    select.selection = None;
    build::array(build::query(SetExpr::Select(Box::new(select))))
}

/// The collection formed by branches: the lists `name_…`, or the list `name` itself, whose field is `value`.
fn base(name: &str, scope: &Scope) -> Option<Resolved> {
    let mut fields = BTreeMap::new();
    if let Some((relation, found)) = scope.fields(name) {
        for (field, data_type) in found.into_iter().filter(|(_, data_type)| is_list(data_type)) {
            let column = column(scope, &format!("{name}_{field}"), relation.alias.as_deref());
            fields.insert(field, column_field(column, &data_type));
        }
    }
    if fields.is_empty()
        && let Some(found) = scope.column(name)
        && is_list(&found.data_type)
    {
        let column = column(scope, name, found.relation.alias.as_deref());
        fields.insert("value".to_owned(), column_field(column, &found.data_type));
    }
    (!fields.is_empty()).then(|| Resolved {
        name: name.to_owned(),
        fields,
        index: None,
        parts: vec![],
        place: None,
    })
}

fn column_field(column: SqlExpr, data_type: &DataType) -> FieldList {
    let item = match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => item.data_type().clone(),
        other => other.clone(),
    };
    FieldList { item, source: FieldSource::Column(column) }
}

/// A column by name, qualified where the name alone is not enough.
fn column(scope: &Scope, name: &str, alias: Option<&str>) -> SqlExpr {
    let name = Ident::new(name);
    match (alias, scope.column(&name.value)) {
        (Some(alias), Some(found)) if !found.unique => {
            SqlExpr::CompoundIdentifier(vec![Ident::new(alias), name])
        }
        _ => SqlExpr::Identifier(name),
    }
}

/// An error in a definition, told where the collection is used.
fn within(definition: &Definition, error: EngineError) -> EngineError {
    match error {
        EngineError::Sql { message, position, help }
            if !message.starts_with("in the collection ") && definition.is_around(position) =>
        {
            let message = format!("in the collection {}: {message}", definition.name.value);
            EngineError::Sql { message, position, help }
        }
        other => other,
    }
}
