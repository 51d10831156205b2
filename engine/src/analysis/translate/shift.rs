//! What is called otherwise under a shift, and what an expression becomes under it.
//!
//! A shift of `Jet.pt` changes that field and what is made from it: cuts on `Jet.eta` stay as they are, a collection that
//! selects by pt has other objects, and with them all of its fields.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Ident, ObjectName, Query, Select, SelectItem, SetExpr, TableFactor, Visit, VisitMut,
    Visitor, VisitorMut,
};

use crate::analysis::names::{Bound, dots, is_of, single};
use crate::analysis::syntax::ident;

/// What a shift changes in a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// The values of these fields.
    Fields(BTreeSet<String>),
    /// Which objects are in it, or their order: all fields, and their number.
    Objects,
}

impl Change {
    fn includes(&self, field: &str) -> bool {
        match self {
            Self::Fields(fields) => fields.contains(field),
            Self::Objects => true,
        }
    }
}

/// What is called otherwise under one shift.
#[derive(Debug, Clone, Default)]
pub(super) struct Shifted {
    /// What is put behind the names: `__JES_TotalUp`.
    pub(super) suffix: String,
    pub(super) collections: BTreeMap<String, Change>,
    pub(super) columns: BTreeSet<String>,
    /// Names of variables, cuts and collections of the file: `Jet_good` is no field of Jet.
    pub(super) defined: BTreeSet<String>,
}

impl Shifted {
    /// Whether an expression has another value under the shift.
    pub(super) fn touches(&self, of: &impl Visit) -> bool {
        self.touches_within(of, &Bound::default())
    }

    fn touches_within(&self, of: &impl Visit, bound: &Bound) -> bool {
        of.visit(&mut Touch { shifted: self, bound: bound.clone(), skipped: vec![] }).is_break()
    }

    /// What the shift changes in a collection that is defined so; `None` for nothing.
    pub(super) fn change(&self, query: &Query) -> Option<Change> {
        let mut bound = Bound::default();
        bound.enter_query(query);
        let around = Query { body: Box::new(SetExpr::Values(empty())), ..query.clone() };
        if self.touches_within(&around, &bound) {
            return Some(Change::Objects);
        }
        self.change_of_set(&query.body, &bound)
    }

    fn change_of_set(&self, body: &SetExpr, bound: &Bound) -> Option<Change> {
        match body {
            SetExpr::Select(select) => self.change_of_select(select, bound),
            SetExpr::Query(query) => self.change(query),
            SetExpr::SetOperation { left, right, .. } => {
                match (self.change_of_set(left, bound), self.change_of_set(right, bound)) {
                    (Some(Change::Fields(left)), Some(Change::Fields(right))) => {
                        Some(Change::Fields(left.union(&right).cloned().collect()))
                    }
                    (Some(Change::Objects), _) | (_, Some(Change::Objects)) => Some(Change::Objects),
                    (left, right) => left.or(right),
                }
            }
            other => self.touches_within(other, bound).then_some(Change::Objects),
        }
    }

    fn change_of_select(&self, select: &Select, bound: &Bound) -> Option<Change> {
        let around = Select { projection: vec![], ..select.clone() };
        if self.touches_within(&around, bound) {
            return Some(Change::Objects);
        }
        let mut fields = BTreeSet::new();
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                    for change in bound.collections().filter_map(|name| self.collections.get(name)) {
                        match change {
                            Change::Fields(changed) => fields.extend(changed.iter().cloned()),
                            Change::Objects => return Some(Change::Objects),
                        }
                    }
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    // It stands in the place of the field of that name.
                    if self.touches_within(expr, bound) {
                        fields.insert(alias.value.clone());
                    } else {
                        fields.remove(&alias.value);
                    }
                }
                SelectItem::UnnamedExpr(expr) if self.touches_within(expr, bound) => match expr {
                    Expr::Identifier(name) => drop(fields.insert(name.value.clone())),
                    Expr::CompoundIdentifier(parts) => {
                        fields.extend(parts.last().map(|name| name.value.clone()));
                    }
                    _ => return Some(Change::Objects),
                },
                SelectItem::UnnamedExpr(_) => {}
                other => {
                    if self.touches_within(other, bound) {
                        return Some(Change::Objects);
                    }
                }
            }
        }
        (!fields.is_empty()).then_some(Change::Fields(fields))
    }

    /// The name under the shift.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{name}{}", self.suffix)
    }

    /// The expression under the shift.
    pub(super) fn apply<T: VisitMut + Clone>(&self, of: &T) -> T {
        let mut copy = of.clone();
        let _always_continues =
            copy.visit(&mut Rename { shifted: self, fields: vec![], bound: Bound::default() });
        copy
    }

    /// The collection that a column of the file belongs to: `Jet` of `Jet_pt`.
    fn collection_of(&self, name: &str) -> Option<&str> {
        if self.defined.contains(name) {
            return None;
        }
        // `Jet_good_pt` is a field of Jet_good where there is one.
        let known = self.collections.keys().chain(&self.defined).filter(|known| is_of(known, name));
        let longest = known.max_by_key(|known| known.len())?;
        self.collections.contains_key(longest).then_some(longest)
    }

    fn identifier(&self, name: &str) -> Option<Expr> {
        if self.columns.contains(name) || self.collections.contains_key(name) {
            return Some(Expr::Identifier(ident(&self.named(name))));
        }
        let collection = self.collection_of(name)?;
        if name.strip_prefix('n') == Some(collection) {
            return Some(Expr::Identifier(ident(&self.named(name))));
        }
        let field = name.get(collection.len() + 1..)?;
        Some(Expr::CompoundIdentifier(vec![ident(&self.named(collection)), ident(field)]))
    }

    fn compound(&self, parts: &[Ident]) -> Option<Expr> {
        let [first, second, rest @ ..] = parts else { return None };
        if self.collections.contains_key(&first.value) || self.columns.contains(&first.value) {
            let mut parts = parts.to_vec();
            *parts.first_mut()? = ident(&self.named(&first.value));
            return Some(Expr::CompoundIdentifier(parts));
        }
        // MET.pt is the column MET_pt.
        let flat = format!("{}_{}", first.value, second.value);
        (rest.is_empty() && self.columns.contains(&flat)).then(|| Expr::Identifier(ident(&self.named(&flat))))
    }
}

fn empty() -> datafusion::sql::sqlparser::ast::Values {
    datafusion::sql::sqlparser::ast::Values { explicit_row: false, value_keyword: false, rows: vec![] }
}

/// Breaks where something is named that the shift changes.
struct Touch<'a> {
    shifted: &'a Shifted,
    bound: Bound,
    /// Names that are parts of `a.b[…]` and were looked at with it.
    skipped: Vec<*const Expr>,
}

impl Touch<'_> {
    fn changes(&self, collection: &str, field: Option<&str>) -> bool {
        let change = self.shifted.collections.get(collection);
        // An object as a whole has every field.
        change.is_some_and(|change| field.is_none_or(|field| change.includes(field)))
    }

    fn name(&self, name: &str) -> bool {
        if let Some(bound) = self.bound.of(name) {
            return bound.is_some_and(|collection| self.changes(collection, None));
        }
        let shifted = self.shifted;
        if shifted.columns.contains(name)
            || self.changes(name, None)
            || self.bound.collections().any(|collection| self.changes(collection, Some(name)))
        {
            return true;
        }
        let Some(collection) = shifted.collection_of(name) else { return false };
        match name.strip_prefix('n') {
            Some(counted) if counted == collection => {
                shifted.collections.get(collection) == Some(&Change::Objects)
            }
            _ => self.changes(collection, name.get(collection.len() + 1..)),
        }
    }

    fn dotted(&self, first: &str, second: &str) -> bool {
        if let Some(bound) = self.bound.of(first) {
            return bound.is_some_and(|collection| self.changes(collection, Some(second)));
        }
        self.shifted.columns.contains(first)
            || self.shifted.columns.contains(&format!("{first}_{second}"))
            || self.changes(first, Some(second))
    }
}

impl Visitor for Touch<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.bound.enter_query(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.bound.leave();
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Lambda(_)) {
            self.bound.leave();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.skipped.contains(&std::ptr::from_ref(expr)) {
            return ControlFlow::Continue(());
        }
        let touched = match expr {
            Expr::Identifier(name) => self.name(&name.value),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [first, second, ..] => self.dotted(&first.value, &second.value),
                _ => false,
            },
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.skipped.extend(dots(access_chain));
                match (&**root, access_chain.first()) {
                    (Expr::Identifier(first), Some(AccessExpr::Dot(Expr::Identifier(field)))) => {
                        self.skipped.push(std::ptr::from_ref(&**root));
                        self.dotted(&first.value, &field.value)
                    }
                    _ => false,
                }
            }
            Expr::Lambda(lambda) => {
                self.bound.enter_lambda(lambda);
                false
            }
            _ => false,
        };
        if touched { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, .. } => {
                let change = single(name).and_then(|name| self.shifted.collections.get(&name.value));
                if change == Some(&Change::Objects) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let takes_all =
            |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
        let changed = || self.bound.collections().any(|name| self.shifted.collections.contains_key(name));
        if select.projection.iter().any(takes_all) && changed() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

struct Rename<'a> {
    shifted: &'a Shifted,
    /// The `b` of `a.b[…]`, which is no name by itself.
    fields: Vec<*const Expr>,
    bound: Bound,
}

impl Rename<'_> {
    /// Whether a name is bound to something that keeps its name: all but a collection without another name in FROM.
    fn stays(&self, name: &str) -> bool {
        self.bound.of(name).is_some_and(|collection| collection != Some(name))
    }
}

impl VisitorMut for Rename<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.bound.enter_query(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.bound.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::CompoundFieldAccess { access_chain, .. } => self.fields.extend(dots(access_chain)),
            Expr::Lambda(lambda) => self.bound.enter_lambda(lambda),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if matches!(expr, Expr::Lambda(_)) {
            self.bound.leave();
        }
        if self.fields.contains(&std::ptr::from_ref::<Expr>(expr)) {
            return ControlFlow::Continue(());
        }
        let renamed = match expr {
            Expr::Identifier(name) if !self.stays(&name.value) => self.shifted.identifier(&name.value),
            Expr::CompoundIdentifier(parts) => match parts.first() {
                Some(first) if !self.stays(&first.value) => self.shifted.compound(parts),
                _ => None,
            },
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
            && self.shifted.collections.contains_key(&collection)
        {
            *name = ObjectName::from(vec![ident(&self.shifted.named(&collection))]);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::syntax::AnaDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    /// Jet.pt and MET_pt are shifted, and with them the jets in GoodJet.
    fn shifted() -> Shifted {
        Shifted {
            suffix: "__Up".to_owned(),
            collections: BTreeMap::from([
                ("Jet".to_owned(), Change::Fields(BTreeSet::from(["pt".to_owned()]))),
                ("GoodJet".to_owned(), Change::Objects),
            ]),
            columns: BTreeSet::from(["MET_pt".to_owned(), "pt".to_owned()]),
            defined: BTreeSet::from(["GoodJet".to_owned(), "Jet_flag".to_owned(), "pt".to_owned()]),
        }
    }

    fn parsed<T>(sql: &str, of: impl FnOnce(&mut Parser<'_>) -> T) -> T {
        let dialect = AnaDialect::default();
        of(&mut Parser::new(&dialect).try_with_sql(sql).unwrap())
    }

    #[test]
    fn what_a_shift_touches() {
        for (sql, touched) in [
            ("Jet.pt > 30", true),
            ("Jet_pt > 30", true),
            ("Jet.eta > 2", false),
            ("Jet_eta > 2", false),
            ("Jet.eta[1]", false),
            ("Jet.pt[1]", true),
            ("nJet > 2", false),
            ("nGoodJet > 2", true),
            ("GoodJet.eta", true),
            ("Jet_flag", false),
            ("mass(Jet)", true),
            ("MET.pt + MET_phi", true),
            ("MET_phi", false),
            ("EXISTS (SELECT 1 FROM Jet j WHERE j.eta > 2)", false),
            ("EXISTS (SELECT 1 FROM Jet j WHERE j.pt > 2)", true),
            ("EXISTS (SELECT 1 FROM Jet WHERE Jet.eta > 2)", false),
            ("EXISTS (SELECT 1 FROM Jet j, Muon m WHERE delta_r(j, m) < 0.4)", true),
            ("EXISTS (SELECT 1 FROM GoodJet j WHERE j.eta > 2)", true),
            ("(SELECT count(*) FROM Jet j)", false),
            ("(SELECT max(m.pt) FROM Muon m)", false),
            ("(SELECT max(MET.pt) FROM Muon MET)", false),
            ("(SELECT max(m.pt) FROM Muon m WHERE m.pt > pt)", true),
            ("array_filter(Muon.pt, pt -> pt > 60)", false),
        ] {
            assert_eq!(
                shifted().touches(&parsed(sql, |parser| parser.parse_expr()).unwrap()),
                touched,
                "{sql}"
            );
        }
    }

    #[test]
    fn what_a_shift_changes_in_a_collection() {
        let fields =
            |names: &[&str]| Some(Change::Fields(names.iter().map(|&name| name.to_owned()).collect()));
        for (sql, change) in [
            ("SELECT * FROM Jet j WHERE j.eta > 2", fields(&["pt"])),
            ("SELECT * FROM Jet j WHERE j.pt > 2", Some(Change::Objects)),
            ("SELECT * FROM Jet j ORDER BY j.pt DESC", Some(Change::Objects)),
            ("SELECT *, j.pt * j.eta AS scaled FROM Jet j", fields(&["pt", "scaled"])),
            ("SELECT *, j.eta AS pt FROM Jet j", None),
            ("SELECT j.eta, j.pt FROM Jet j", fields(&["pt"])),
            ("SELECT j.eta FROM Jet j", None),
            ("SELECT * FROM Muon UNION ALL SELECT * FROM Jet", fields(&["pt"])),
            ("SELECT * FROM GoodJet", Some(Change::Objects)),
            ("SELECT * FROM Muon m WHERE MET_pt > 2", Some(Change::Objects)),
            ("SELECT * FROM Muon m WHERE MET_phi > 2", None),
        ] {
            assert_eq!(
                shifted().change(&parsed(sql, |parser| parser.parse_query()).unwrap()),
                change,
                "{sql}"
            );
        }
    }

    #[test]
    fn names_under_a_shift() {
        for (sql, under) in [
            ("Jet.pt[1]", "Jet__Up.pt[1]"),
            ("Jet_pt + nJet", "Jet__Up.pt + nJet__Up"),
            ("Jet_flag", "Jet_flag"),
            ("MET.pt + pt", "MET_pt__Up + pt__Up"),
            ("(SELECT max(j.pt) FROM Jet j)", "(SELECT max(j.pt) FROM Jet__Up j)"),
            ("(SELECT max(Jet.pt) FROM Jet)", "(SELECT max(Jet__Up.pt) FROM Jet__Up)"),
            // `MET` and `pt` are other things inside.
            ("(SELECT max(MET.pt) FROM Muon MET)", "(SELECT max(MET.pt) FROM Muon MET)"),
            ("array_filter(Jet.pt, pt -> pt > 60)", "array_filter(Jet__Up.pt, pt -> pt > 60)"),
            (
                "(SELECT max(j.pt) FROM Jet j WHERE j.pt > pt)",
                "(SELECT max(j.pt) FROM Jet__Up j WHERE j.pt > pt__Up)",
            ),
        ] {
            assert_eq!(
                shifted().apply(&parsed(sql, |parser| parser.parse_expr()).unwrap()).to_string(),
                under
            );
        }
    }
}
