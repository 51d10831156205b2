//! Collections and variables in an order in which each comes after what it needs.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::sqlparser::ast::Visit;

use super::Result;
use super::error::AnalysisError;
use super::locate::{Source, Way};
use super::model::{Body, Definition};
use super::names::{is_of, names};

/// Which of the defined names something uses.
pub(super) fn used(of: &impl Visit, defined: &BTreeMap<String, bool>) -> BTreeSet<String> {
    let mentioned = names(of);
    let mut used = BTreeSet::new();
    for name in &mentioned {
        if defined.contains_key(name) {
            used.insert(name.clone());
            continue;
        }
        let owner = defined.iter().filter(|(known, collection)| **collection && is_of(known, name));
        used.extend(owner.max_by_key(|(known, _)| known.len()).map(|(known, _)| known.clone()));
    }
    used
}

fn needs(definition: &Definition, defined: &BTreeMap<String, bool>) -> BTreeSet<String> {
    match &definition.body {
        Body::Collection(query) => used(query, defined),
        Body::Variable(expr) => used(expr, defined),
    }
}

/// Sorts the definitions, keeping the order of the file where it is free, and finds their layers.
pub(super) fn sort(
    mut rest: Vec<Definition>,
    defined: &BTreeMap<String, bool>,
    skim: &BTreeSet<String>,
    source: &Source,
) -> Result<Vec<Definition>> {
    let mut sorted: Vec<Definition> = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let ready = |definition: &Definition| {
            let known = |name: &String| sorted.iter().any(|done| done.name == *name);
            needs(definition, defined).iter().all(known)
        };
        let Some(next) = rest.iter().position(ready) else {
            let names: Vec<String> = rest.into_iter().map(|definition| definition.name).collect();
            let way = names.first().map(|name| {
                let section = if defined.get(name) == Some(&true) { "objects" } else { "variables" };
                Way::default().key(section).key(name)
            });
            return Err(AnalysisError::Circle { place: source.place(&way.unwrap_or_default()), names });
        };
        let mut definition = rest.remove(next);
        let below = needs(&definition, defined);
        let layer =
            |name: &String| sorted.iter().find(|done| done.name == *name).map_or(0, |done| done.layer);
        let deepest = below.iter().map(layer).max().unwrap_or(0);
        definition.layer = deepest + usize::from(matches!(definition.body, Body::Variable(_)));
        sorted.push(definition);
    }
    mark_before_skim(&mut sorted, defined, skim);
    Ok(sorted)
}

/// What the skim needs, with what that needs.
fn mark_before_skim(sorted: &mut [Definition], defined: &BTreeMap<String, bool>, skim: &BTreeSet<String>) {
    let mut wanted = skim.clone();
    for definition in sorted.iter_mut().rev() {
        if wanted.contains(&definition.name) {
            wanted.extend(needs(definition, defined));
            definition.before_skim = true;
        }
    }
}
