//! `SELECT *` in derived tables, of what the statement names only.
//!
//! A NanoAOD file has 1,500 branches and more. The planner makes an expression of each for every `*`, and carries them
//! through all its rules before it finds that most are never used.

use std::{collections::HashSet, ops::ControlFlow};

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, Query, Select, SelectItem, SetExpr, TableFactor, Visit, Visitor,
};

use super::{catalog::Catalog, rewrite::reference};

/// Puts the columns that are named anywhere in the place of `*` in derived tables and common table expressions of a
/// rewritten query. Where `*` reaches the result, or columns count by place, everything stays.
pub(super) fn narrow(query: &mut Query, catalog: &Catalog) {
    let mut names = Names { all: HashSet::new() };
    if !only_named(query, true) || query.visit(&mut names).is_break() {
        return;
    }
    Narrow { catalog, used: names.all, ctes: vec![] }.query(query);
}

/// Whether every column is reached by its name.
fn only_named(query: &Query, outermost: bool) -> bool {
    let of_with = query.with.iter().flat_map(|with| &with.cte_tables);
    let mut of_with = of_with.map(|cte| cte.alias.columns.is_empty() && only_named(&cte.query, false));
    let all_named = of_with.all(|named| named);
    all_named && body_named(&query.body, outermost)
}

/// The same of what a query selects. The sides of a UNION meet column by column: none of them may be a `*`.
fn body_named(body: &SetExpr, outermost: bool) -> bool {
    let select = match body {
        SetExpr::Select(select) => select,
        SetExpr::SetOperation { left, right, .. } => {
            return body_named(left, true) && body_named(right, true);
        }
        _ => return false,
    };
    let stars = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) | SelectItem::ExprWithAliases { .. }
        )
    };
    let plain =
        |item: &SelectItem| matches!(item, SelectItem::Wildcard(options) if *options == Default::default());
    let allowed = |item: &SelectItem| !stars(item) || !outermost && plain(item) && select.distinct.is_none();
    // GROUP BY ALL groups by what `*` brings.
    let groups_by_place =
        matches!(&select.group_by, GroupByExpr::All(_)) && select.projection.iter().any(stars);
    !groups_by_place
        && select.projection.iter().all(allowed)
        && select.from.iter().all(|from| from.joins.is_empty())
        && select.from.iter().all(|from| match &from.relation {
            TableFactor::Table { args, .. } => args.is_none(),
            TableFactor::Derived { subquery, alias, .. } => {
                alias.as_ref().is_none_or(|alias| alias.columns.is_empty()) && only_named(subquery, false)
            }
            _ => false,
        })
}

/// Every identifier in an expression.
struct Names {
    all: HashSet<String>,
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => {
                self.all.insert(name.value.clone());
            }
            Expr::CompoundIdentifier(parts) => {
                self.all.extend(parts.iter().map(|part| part.value.clone()));
            }
            // `(t).*` and the like.
            Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => return ControlFlow::Break(()),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

struct Narrow<'a> {
    catalog: &'a Catalog<'a>,
    used: HashSet<String>,
    /// The columns of common table expressions in scope, where all have names.
    ctes: Vec<(String, Option<Vec<String>>)>,
}

impl Narrow<'_> {
    /// The names of the query's columns; `None` where one has none of its own.
    fn query(&mut self, query: &mut Query) -> Option<Vec<String>> {
        let known = self.ctes.len();
        for cte in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            let columns = self.query(&mut cte.query);
            self.ctes.push((cte.alias.name.value.clone(), columns));
        }
        let columns = self.body(&mut query.body);
        self.ctes.truncate(known);
        columns
    }

    fn body(&mut self, body: &mut SetExpr) -> Option<Vec<String>> {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left);
                self.body(right);
                None
            }
            _ => None,
        }
    }

    fn select(&mut self, select: &mut Select) -> Option<Vec<String>> {
        let relations: Vec<_> =
            select.from.iter_mut().map(|from| self.relation(&mut from.relation)).collect();
        let is_star = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_));
        if let [Some(columns)] = relations.as_slice()
            && select.projection.iter().any(is_star)
        {
            let column = |name: &String| SelectItem::UnnamedExpr(Expr::Identifier(Ident::new(name)));
            let mut named: Vec<SelectItem> =
                columns.iter().filter(|name| self.used.contains(*name)).map(column).collect();
            if named.is_empty() {
                // Rows count also without columns.
                named.extend(columns.first().map(column));
            }
            let items = std::mem::take(&mut select.projection);
            select.projection = items
                .into_iter()
                .flat_map(|item| if is_star(&item) { named.clone() } else { vec![item] })
                .collect();
        }
        let name = |item: &SelectItem| match item {
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.value.clone()),
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
            _ => None,
        };
        select.projection.iter().map(name).collect()
    }

    fn relation(&mut self, factor: &mut TableFactor) -> Option<Vec<String>> {
        match factor {
            TableFactor::Table { name, .. } => {
                if let [part] = name.0.as_slice()
                    && let Some(name) = part.as_ident()
                    && let Some((_, columns)) = self.ctes.iter().rev().find(|(cte, _)| *cte == name.value)
                {
                    return columns.clone();
                }
                let schema = self.catalog.table(&reference(name)?)?;
                Some(schema.fields().iter().map(|field| field.name().clone()).collect())
            }
            TableFactor::Derived { subquery, .. } => self.query(subquery),
            _ => None,
        }
    }
}
