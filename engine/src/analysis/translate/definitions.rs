//! What exists under each shift: everything whose names lead to a shifted field, once more under another name.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::sqlparser::ast::SetExpr;

use super::shift::{Change, Shifted};
use crate::analysis::model::{Analysis, Body, Definition, Shape};
use crate::analysis::print::Statement;
use crate::analysis::{Result, order, syntax};
use crate::dialect::build;

/// What is called otherwise under each shift.
pub(super) fn shifts(analysis: &Analysis) -> Vec<Shifted> {
    let active: BTreeSet<&String> = analysis
        .treatments
        .iter()
        .flat_map(|t| t.scopes.iter().flatten().flat_map(|scope| &scope.shapes))
        .collect();
    let mut shifts = Vec::new();
    for shape in &analysis.shapes {
        let mut shifted = Shifted { suffix: format!("__{}", shape.name), ..Shifted::default() };
        shifted.defined = analysis.definitions.iter().map(|definition| definition.name.clone()).collect();
        shifted.defined.extend(analysis.cuts.iter().map(|cut| cut.name.clone()));
        if !active.contains(&shape.of) {
            shifts.push(shifted);
            continue;
        }
        for (collection, fields) in &shape.shifts {
            let names = fields.iter().map(|(field, _)| field.clone());
            match collection {
                Some(collection) => {
                    let change = Change::Fields(names.collect());
                    shifted.collections.insert(collection.clone(), change);
                }
                None => shifted.columns.extend(names),
            }
        }
        let directly = directly(shape);
        for definition in &analysis.definitions {
            let name = &definition.name;
            if directly.contains(name.as_str()) {
                continue; // shifted itself, from its nominal objects
            }
            match &definition.body {
                Body::Collection(query) => {
                    if let Some(change) = shifted.change(query) {
                        shifted.collections.insert(name.clone(), change);
                    }
                }
                Body::Variable(expr) => {
                    if shifted.touches(expr) {
                        shifted.columns.insert(name.clone());
                    }
                }
            }
        }
        for cut in &analysis.cuts {
            if shifted.touches(&cut.expr) {
                shifted.columns.insert(cut.name.clone());
            }
        }
        shifts.push(shifted);
    }
    shifts
}

/// Collections and columns that a shift names itself.
fn directly(shape: &Shape) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for (collection, fields) in &shape.shifts {
        match collection {
            Some(collection) => drop(names.insert(collection.as_str())),
            None => names.extend(fields.iter().map(|(field, _)| field.as_str())),
        }
    }
    names
}

/// The definitions of the file, the shifted branches, and the shifted copies of what depends on them.
pub(super) fn all_definitions(analysis: &Analysis, shifts: &[Shifted]) -> Result<Vec<Definition>> {
    let mut all = analysis.definitions.clone();
    let new = |name: String, body: Body| Definition { name, body, layer: 0, before_skim: false };
    for (shape, shifted) in analysis.shapes.iter().zip(shifts) {
        if shifted.collections.is_empty() && shifted.columns.is_empty() {
            continue;
        }
        for (collection, fields) in &shape.shifts {
            match collection {
                Some(name) => {
                    let mut projection = vec![syntax::star()];
                    projection
                        .extend(fields.iter().map(|(field, expr)| syntax::aliased(expr.clone(), field)));
                    let select = syntax::select(projection, syntax::table(name), None, vec![]);
                    let body = SetExpr::Select(Box::new(select));
                    all.push(new(shifted.named(name), Body::Collection(build::query(body))));
                }
                None => all.extend(
                    fields
                        .iter()
                        .map(|(field, expr)| new(shifted.named(field), Body::Variable(expr.clone()))),
                ),
            }
        }
        let directly = directly(shape);
        for definition in &analysis.definitions {
            let name = definition.name.as_str();
            if directly.contains(name) {
                continue;
            }
            match &definition.body {
                Body::Collection(query) if shifted.collections.contains_key(name) => {
                    all.push(new(shifted.named(name), Body::Collection(shifted.apply(query))));
                }
                Body::Variable(expr) if shifted.columns.contains(name) => {
                    all.push(new(shifted.named(name), Body::Variable(shifted.apply(expr))));
                }
                _ => {}
            }
        }
    }
    let defined: BTreeMap<String, bool> =
        all.iter().map(|d| (d.name.clone(), matches!(d.body, Body::Collection(_)))).collect();
    let skim: BTreeSet<String> =
        analysis.skim.iter().flat_map(|cut| order::used(&cut.expr, &defined)).collect();
    order::sort(all, &defined, &skim, &analysis.source)
}

pub(super) fn collection(definition: &Definition) -> Option<Statement> {
    let Body::Collection(query) = &definition.body else { return None };
    let comment = match definition.name.split_once("__") {
        Some((name, shape)) => format!("{name} under {shape}"),
        None => format!("objects.{}", definition.name),
    };
    Some(Statement::Collection {
        comment: Some(comment),
        name: definition.name.clone(),
        query: query.clone(),
    })
}
