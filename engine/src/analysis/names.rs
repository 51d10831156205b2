//! Which names an expression uses.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Ident, LambdaFunction, ObjectName, ObjectNamePart, OneOrManyWithParens, Query, SetExpr,
    TableFactor, TableWithJoins, Visit, Visitor,
};

/// The names in an expression or a query: columns, first parts of dotted names, collections.
pub(super) fn names(of: &impl Visit) -> BTreeSet<String> {
    found(of).names
}

/// The aliases of collections in the subqueries of an expression.
pub(super) fn aliases(of: &impl Visit) -> BTreeSet<String> {
    found(of).aliases
}

/// Words that stand alone: columns, and whole objects such as MET.
pub(super) fn words(of: &impl Visit) -> BTreeSet<String> {
    found(of).words
}

/// Names without a dot in subqueries: a field of their objects, or something of the event.
pub(super) fn bare(of: &impl Visit) -> BTreeSet<String> {
    found(of).bare
}

/// Fields that are named anywhere, as `pt` in `Jet.pt`.
pub(super) fn fields(of: &impl Visit) -> BTreeSet<String> {
    found(of).fields
}

fn found(of: &impl Visit) -> Found {
    let mut found = Found::default();
    let _always_continues = of.visit(&mut found);
    found
}

#[derive(Default)]
struct Found {
    names: BTreeSet<String>,
    words: BTreeSet<String>,
    aliases: BTreeSet<String>,
    bare: BTreeSet<String>,
    fields: BTreeSet<String>,
    bound: Bound,
    /// The `b` of `a[1].b`, which is no name by itself.
    dots: Vec<*const Expr>,
}

impl Visitor for Found {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.bound.enter_query(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.bound.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.dots.contains(&std::ptr::from_ref(expr)) {
            if let Expr::Identifier(field) = expr {
                self.fields.insert(field.value.clone());
            }
            return ControlFlow::Continue(());
        }
        match expr {
            Expr::Lambda(lambda) => self.bound.enter_lambda(lambda),
            Expr::Identifier(name) if self.bound.of(&name.value).is_none() => {
                self.names.insert(name.value.clone());
                self.words.insert(name.value.clone());
                if self.bound.collections().next().is_some() {
                    self.bare.insert(name.value.clone());
                }
            }
            Expr::CompoundIdentifier(parts) => {
                self.fields.extend(parts.iter().skip(1).map(|part| part.value.clone()));
                if let [first, second, ..] = parts.as_slice()
                    && self.bound.of(&first.value).is_none()
                {
                    self.names.insert(first.value.clone());
                    self.names.insert(format!("{}_{}", first.value, second.value));
                }
            }
            Expr::CompoundFieldAccess { access_chain, .. } => self.dots.extend(dots(access_chain)),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Lambda(_)) {
            self.bound.leave();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, .. } = factor {
            if let Some(name) = single(name) {
                self.names.insert(name.value.clone());
            }
            if let Some(alias) = alias {
                self.aliases.insert(alias.name.value.clone());
            }
        }
        ControlFlow::Continue(())
    }
}

/// The fields that an access names.
pub(super) fn dots(chain: &[AccessExpr]) -> impl Iterator<Item = *const Expr> {
    chain.iter().filter_map(|access| match access {
        AccessExpr::Dot(field) => Some(std::ptr::from_ref(field)),
        AccessExpr::Subscript(_) => None,
    })
}

/// What subqueries, collections and lambdas give names to, the innermost last.
#[derive(Debug, Clone, Default)]
pub(super) struct Bound(Vec<BTreeMap<String, Option<String>>>);

impl Bound {
    /// The objects of a query's FROM.
    pub(super) fn enter_query(&mut self, query: &Query) {
        let mut frame = BTreeMap::new();
        objects(&query.body, &mut frame);
        self.0.push(frame);
    }

    pub(super) fn enter_lambda(&mut self, lambda: &LambdaFunction) {
        let names: Vec<&Ident> = match &lambda.params {
            OneOrManyWithParens::One(parameter) => vec![&parameter.name],
            OneOrManyWithParens::Many(parameters) => parameters.iter().map(|p| &p.name).collect(),
        };
        self.0.push(names.into_iter().map(|name| (name.value.clone(), None)).collect());
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// What a name is bound to: the objects of a collection, or the parameter of a lambda (`Some(None)`).
    pub(super) fn of(&self, name: &str) -> Option<Option<&str>> {
        self.0.iter().rev().find_map(|frame| frame.get(name)).map(Option::as_deref)
    }

    /// The collections that are gone through.
    pub(super) fn collections(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|frame| frame.values().flatten()).map(String::as_str)
    }
}

fn objects(body: &SetExpr, frame: &mut BTreeMap<String, Option<String>>) {
    match body {
        SetExpr::Select(select) => {
            let joined = |table: &TableWithJoins| {
                std::iter::once(table.relation.clone())
                    .chain(table.joins.iter().map(|join| join.relation.clone()))
                    .collect::<Vec<_>>()
            };
            for relation in select.from.iter().flat_map(joined) {
                if let TableFactor::Table { name, alias, .. } = relation
                    && let Some(collection) = single(&name)
                {
                    let object = alias.map_or_else(|| collection.value.clone(), |alias| alias.name.value);
                    frame.insert(object, Some(collection.value.clone()));
                }
            }
        }
        SetExpr::SetOperation { left, right, .. } => {
            objects(left, frame);
            objects(right, frame);
        }
        SetExpr::Query(query) => objects(&query.body, frame),
        _ => {}
    }
}

/// A name of one part.
pub(super) fn single(name: &ObjectName) -> Option<&Ident> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => Some(name),
        _ => None,
    }
}

/// Whether `name` is the collection, its number of objects, or one of its fields.
pub(super) fn is_of(collection: &str, name: &str) -> bool {
    let field = || name.strip_prefix(collection).is_some_and(|rest| rest.starts_with('_') && rest.len() > 1);
    name == collection || name.strip_prefix('n') == Some(collection) || field()
}
