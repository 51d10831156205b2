//! Which names an expression uses.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart, TableFactor, Visit, Visitor};

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
