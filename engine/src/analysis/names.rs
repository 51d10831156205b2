//! Which names an expression uses, and what they become when something is shifted.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, TableFactor, Visit, VisitMut, Visitor, VisitorMut,
};

use super::syntax::ident;

/// The names in an expression or a query: columns, first parts of dotted names, collections.
pub(super) fn names(of: &impl Visit) -> BTreeSet<String> {
    let mut found = Found::default();
    let _always_continues = of.visit(&mut found);
    found.names
}

/// The aliases of collections in the subqueries of an expression.
pub(super) fn aliases(of: &impl Visit) -> BTreeSet<String> {
    let mut found = Found::default();
    let _always_continues = of.visit(&mut found);
    found.aliases
}

/// Words that stand alone: columns, and whole objects such as MET.
pub(super) fn words(of: &impl Visit) -> BTreeSet<String> {
    let mut found = Found::default();
    let _always_continues = of.visit(&mut found);
    found.words
}

#[derive(Default)]
struct Found {
    names: BTreeSet<String>,
    words: BTreeSet<String>,
    aliases: BTreeSet<String>,
}

impl Visitor for Found {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => {
                self.names.insert(name.value.clone());
                self.words.insert(name.value.clone());
            }
            Expr::CompoundIdentifier(parts) => {
                if let [first, second, ..] = parts.as_slice() {
                    self.names.insert(first.value.clone());
                    self.names.insert(format!("{}_{}", first.value, second.value));
                }
            }
            _ => {}
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

fn single(name: &ObjectName) -> Option<&Ident> {
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

/// What is called otherwise under one shift.
#[derive(Debug, Clone, Default)]
pub(super) struct Shifted {
    /// What is put behind the names: `__JES_TotalUp`.
    pub(super) suffix: String,
    pub(super) collections: BTreeSet<String>,
    pub(super) columns: BTreeSet<String>,
    /// Names of variables, cuts and collections of the file: `Jet_good` is no field of Jet.
    pub(super) defined: BTreeSet<String>,
}

impl Shifted {
    /// Whether any of the names is shifted.
    pub(super) fn touches(&self, names: &BTreeSet<String>) -> bool {
        names.iter().any(|name| {
            let field_of = |collection: &String| is_of(collection, name) && !self.is_other(collection, name);
            self.columns.contains(name) || self.collections.iter().any(field_of)
        })
    }

    fn is_other(&self, collection: &str, name: &str) -> bool {
        name != collection && self.defined.contains(name)
    }

    /// The name under the shift.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{name}{}", self.suffix)
    }

    /// The expression under the shift.
    pub(super) fn apply<T: VisitMut + Clone>(&self, of: &T) -> T {
        let mut copy = of.clone();
        let _always_continues = copy.visit(&mut Rename(self));
        copy
    }

    fn identifier(&self, name: &str) -> Option<Expr> {
        if self.columns.contains(name) || self.collections.contains(name) {
            return Some(Expr::Identifier(ident(&self.named(name))));
        }
        if self.defined.contains(name) {
            return None;
        }
        if let Some(counted) = name.strip_prefix('n')
            && self.collections.contains(counted)
        {
            return Some(Expr::Identifier(ident(&self.named(name))));
        }
        let collection =
            self.collections.iter().filter(|known| is_of(known, name)).max_by_key(|c| c.len())?;
        let field = name.get(collection.len() + 1..)?;
        Some(Expr::CompoundIdentifier(vec![ident(&self.named(collection)), ident(field)]))
    }

    fn compound(&self, parts: &[Ident]) -> Option<Expr> {
        let [first, second, rest @ ..] = parts else { return None };
        if self.collections.contains(&first.value) || self.columns.contains(&first.value) {
            let mut parts = parts.to_vec();
            *parts.first_mut()? = ident(&self.named(&first.value));
            return Some(Expr::CompoundIdentifier(parts));
        }
        // MET.pt is the column MET_pt.
        let flat = format!("{}_{}", first.value, second.value);
        (rest.is_empty() && self.columns.contains(&flat)).then(|| Expr::Identifier(ident(&self.named(&flat))))
    }
}

struct Rename<'a>(&'a Shifted);

impl VisitorMut for Rename<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let renamed = match expr {
            Expr::Identifier(name) => self.0.identifier(&name.value),
            Expr::CompoundIdentifier(parts) => self.0.compound(parts),
            _ => None,
        };
        if let Some(renamed) = renamed {
            *expr = renamed;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, .. } = factor
            && let Some(collection) = single(name).map(|name| name.value.clone())
            && self.0.collections.contains(&collection)
        {
            *name = ObjectName::from(vec![ident(&self.0.named(&collection))]);
        }
        ControlFlow::Continue(())
    }
}
