//! That everything named in `common` and `bysample`, `inclusive` and `bycategory`, exists.

use std::collections::BTreeSet;

use super::Result;
use super::config::{self, Ordered};
use super::error::AnalysisError;
use super::locate::Way;
use super::model::Analysis;
use super::treatment::BUILT_IN;
use crate::dialect::faults::nearest;

/// The scopes of a section by sample, whose names exist.
pub(super) fn check_scopes(analysis: &Analysis, scopes: &Ordered<config::Scope>, way: &Way) -> Result<()> {
    for (name, _) in scopes.iter() {
        let (sample, part) = match name.split_once("__") {
            Some((sample, part)) => (sample, Some(part)),
            None => (name, None),
        };
        let is_sample = analysis.samples.contains(sample);
        let is_part = part.is_none_or(|part| {
            analysis.subsamples.get(sample).is_some_and(|parts| parts.iter().any(|known| known.name == part))
        });
        if !is_sample || !is_part {
            let samples = analysis.samples.iter().cloned();
            let parts = analysis
                .subsamples
                .iter()
                .flat_map(|(sample, parts)| parts.iter().map(move |part| format!("{sample}__{}", part.name)));
            let known: BTreeSet<String> = samples.chain(parts).collect();
            return Err(AnalysisError::Unknown {
                place: analysis.source.place(&way.key(name)),
                what: "sample or subsample",
                name: name.to_owned(),
                near: nearest(name, known.iter().map(String::as_str), 2),
            });
        }
    }
    Ok(())
}

/// That everything named in scopes exists.
pub(super) fn check_names(analysis: &Analysis, raw: &config::Raw) -> Result<()> {
    let top = Way::default();
    let weights: Vec<&str> = analysis.weights.keys().map(String::as_str).chain(BUILT_IN).collect();
    let shapes: Vec<&str> = raw.variations.shape.define.keys().collect();
    let sections = [
        (top.key("weights"), &raw.weights.common, &raw.weights.bysample, "weight", &weights),
        (
            top.key("variations").key("weights"),
            &raw.variations.weights.common,
            &raw.variations.weights.bysample,
            "weight",
            &weights,
        ),
        (
            top.key("variations").key("shape"),
            &raw.variations.shape.common,
            &raw.variations.shape.bysample,
            "shape variation",
            &shapes,
        ),
    ];
    for (way, common, bysample, what, known) in sections {
        let own = bysample.iter().map(|(sample, scope)| (way.key("bysample").key(sample), scope));
        for (way, scope) in std::iter::once((way.key("common"), common)).chain(own) {
            check_scope(analysis, scope, &way, what, known)?;
        }
    }
    for (name, histogram) in raw.histograms.iter() {
        for (i, asked) in histogram.only_variations.iter().flatten().enumerate() {
            let of_weights = analysis.weights.iter().flat_map(|(name, weight)| {
                weight.variations.iter().map(|(variation, _)| variation).chain([name])
            });
            let of_shapes = analysis.shapes.iter().flat_map(|shape| [&shape.name, &shape.of]);
            let known: Vec<&str> = of_weights.chain(of_shapes).map(String::as_str).collect();
            if asked != "nominal" && !known.contains(&asked.as_str()) {
                let way = top.key("histograms").key(name).key("only_variations").index(i);
                return Err(AnalysisError::Unknown {
                    place: analysis.source.place(&way),
                    what: "variation",
                    name: asked.clone(),
                    near: nearest(asked, known.into_iter(), 2),
                });
            }
        }
    }
    let way = top.key("columns");
    let own = raw.columns.bysample.iter().map(|(sample, scope)| (way.key("bysample").key(sample), scope));
    for (way, scope) in std::iter::once((way.key("common"), &raw.columns.common)).chain(own) {
        for (category, _) in scope.bycategory.iter() {
            check_category(analysis, category, &way.key("bycategory").key(category))?;
        }
    }
    for (sample, _) in raw.columns.bysample.iter() {
        if !analysis.samples.contains(sample) {
            let samples = analysis.samples.iter().map(String::as_str);
            return Err(AnalysisError::Unknown {
                place: analysis.source.place(&way.key("bysample").key(sample)),
                what: "sample",
                name: sample.to_owned(),
                near: nearest(sample, samples, 1),
            });
        }
    }
    Ok(())
}

fn check_scope(
    analysis: &Analysis,
    scope: &config::Scope,
    way: &Way,
    what: &'static str,
    known: &[&str],
) -> Result<()> {
    let check = |list: &[String], way: Way| {
        for (i, name) in list.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(AnalysisError::Unknown {
                    place: analysis.source.place(&way.index(i)),
                    what,
                    name: name.clone(),
                    near: nearest(name, known.iter().copied(), 2),
                });
            }
        }
        Ok(())
    };
    check(&scope.inclusive, way.key("inclusive"))?;
    for (category, list) in scope.bycategory.iter() {
        check_category(analysis, category, &way.key("bycategory").key(category))?;
        if let Some(twice) = list.iter().find(|name| scope.inclusive.contains(name)) {
            let problem = format!("{what} '{twice}' is inclusive already, for every category");
            let place = analysis.source.place(&way.key("bycategory").key(category));
            return Err(AnalysisError::Value { place, problem });
        }
        check(list, way.key("bycategory").key(category))?;
    }
    Ok(())
}

fn check_category(analysis: &Analysis, category: &str, way: &Way) -> Result<()> {
    let known = analysis.categories.iter().map(|known| known.name.as_str());
    if known.clone().any(|name| name == category) {
        return Ok(());
    }
    let near = nearest(category, known, 2);
    Err(AnalysisError::Unknown {
        place: analysis.source.place(way),
        what: "category",
        name: category.to_owned(),
        near,
    })
}
