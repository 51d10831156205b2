//! Which weights, variations and histograms every sample has; samples that are treated alike share a SELECT.

use std::collections::BTreeSet;

use super::Result;
use super::config::{self, Collection, Ordered};
use super::error::AnalysisError;
use super::locate::Way;
use super::model::{Analysis, Normalisation, Scope, Treatment};
use super::scope::{check_names, check_scopes};
use super::warning::Warning;
use crate::dialect::faults::nearest;

/// Weights that are there without a definition.
pub(super) const BUILT_IN: [&str; 4] = ["genWeight", "signOf_genWeight", "lumi", "XS"];

/// Finds the treatments of an analysis.
pub(super) fn assign(analysis: &mut Analysis) -> Result<()> {
    let raw = analysis.raw.clone();
    let top = Way::default();
    check_scopes(analysis, &raw.weights.bysample, &top.key("weights").key("bysample"))?;
    let variations = top.key("variations");
    check_scopes(analysis, &raw.variations.weights.bysample, &variations.key("weights").key("bysample"))?;
    check_scopes(analysis, &raw.variations.shape.bysample, &variations.key("shape").key("bysample"))?;
    check_names(analysis, &raw)?;
    let mut samples: Vec<(String, bool)> = Vec::new();
    let mut seen = BTreeSet::new();
    for dataset in &analysis.datasets {
        if seen.insert(&dataset.sample) {
            samples.push((dataset.sample.clone(), dataset.is_mc));
        }
    }
    let mut treatments: Vec<Treatment> = Vec::new();
    for (sample, is_mc) in samples {
        let treatment = of_sample(analysis, &raw, &sample, is_mc)?;
        let same = |known: &&mut Treatment| {
            Treatment { samples: vec![], label: String::new(), ..(**known).clone() }
                == Treatment { samples: vec![], label: String::new(), ..treatment.clone() }
        };
        // Subsamples have names that only their sample has.
        let shared = treatment.subsamples == [None];
        match treatments.iter_mut().find(same).filter(|_| shared) {
            Some(known) => known.samples.push(sample),
            None => treatments.push(Treatment { samples: vec![sample], ..treatment }),
        }
    }
    name(&mut treatments);
    analysis.treatments = treatments;
    warn(analysis);
    Ok(())
}

/// `mc` and `data`, or the sample where there are several of one kind.
fn name(treatments: &mut [Treatment]) {
    for is_mc in [true, false] {
        let kind = if is_mc { "mc" } else { "data" };
        let alone = treatments.iter().filter(|t| t.is_mc == is_mc).count() == 1;
        for treatment in treatments.iter_mut().filter(|t| t.is_mc == is_mc) {
            let first = treatment.samples.first().cloned().unwrap_or_default();
            treatment.label = if alone { kind.to_owned() } else { format!("{kind}_{first}") };
        }
    }
}

fn of_sample(analysis: &Analysis, raw: &config::Raw, sample: &str, is_mc: bool) -> Result<Treatment> {
    let subsamples: Vec<Option<String>> = match analysis.subsamples.get(sample) {
        Some(parts) => parts.iter().map(|part| Some(part.name.clone())).collect(),
        None => vec![None],
    };
    let mut scopes = Vec::new();
    for part in &subsamples {
        let full = part.as_ref().map(|part| format!("{sample}__{part}"));
        let of = |common: &config::Scope, bysample: &Ordered<config::Scope>, category: &str| {
            let mut list: Vec<String> = Vec::new();
            let own = [bysample.get(sample), full.as_ref().and_then(|full| bysample.get(full))];
            let common = is_mc.then_some(common);
            for scope in common.into_iter().chain(own.into_iter().flatten()) {
                let bycategory = scope.bycategory.get(category).into_iter().flatten();
                for name in scope.inclusive.iter().chain(bycategory) {
                    if !list.contains(name) {
                        list.push(name.clone());
                    }
                }
            }
            list
        };
        let in_category = |category: &super::model::Category| {
            let weights = of(&raw.weights.common, &raw.weights.bysample, &category.name);
            let varied = of(&raw.variations.weights.common, &raw.variations.weights.bysample, &category.name);
            let shapes = of(&raw.variations.shape.common, &raw.variations.shape.bysample, &category.name);
            let varied = varied.into_iter().filter(|name| is_mc && weights.contains(name)).collect();
            Scope { weights, varied, shapes: if is_mc { shapes } else { vec![] } }
        };
        scopes.push(analysis.categories.iter().map(in_category).collect::<Vec<_>>());
    }
    let histograms = analysis.histograms.iter().enumerate().filter(|(_, histogram)| {
        histogram.only_samples.as_ref().is_none_or(|only| only.iter().any(|name| name == sample))
            && !histogram.exclude_samples.iter().any(|name| name == sample)
    });
    let normalisation = normalisation(analysis, raw, &scopes)?;
    Ok(Treatment {
        label: String::new(),
        samples: vec![],
        is_mc,
        subsamples,
        histograms: histograms.map(|(place, _)| place).collect(),
        columns: columns(analysis, raw, sample),
        normalisation: normalisation.filter(|_| is_mc),
        scopes,
    })
}

/// Simulation is divided by the sum of the weights that it is weighed with.
fn normalisation(
    analysis: &Analysis,
    raw: &config::Raw,
    scopes: &[Vec<Scope>],
) -> Result<Option<Normalisation>> {
    let in_all =
        |name: &str| scopes.iter().flatten().all(|scope| scope.weights.iter().any(|known| known == name));
    let way = Way::default().key("weights");
    let asked = raw.normalisation.sum_genweights.as_deref().unwrap_or("events");
    if scopes.iter().flatten().any(|s| {
        s.weights.iter().any(|w| w == "genWeight") && s.weights.iter().any(|w| w == "signOf_genWeight")
    }) {
        let problem = "genWeight and signOf_genWeight exclude each other".to_owned();
        return Err(AnalysisError::Value { place: analysis.source.place(&way), problem });
    }
    if asked != "runs" && !raw.normalisation.runs_branches.is_empty() {
        let way = Way::default().key("normalisation").key("runs_branches");
        let problem = "only sum_genweights: runs reads the Runs trees".to_owned();
        return Err(AnalysisError::Value { place: analysis.source.place(&way), problem });
    }
    let by = match asked {
        "events" if in_all("genWeight") => Some(Normalisation::SumGenWeights),
        "events" if in_all("signOf_genWeight") => Some(Normalisation::SumSigns),
        "metadata" if in_all("genWeight") => Some(Normalisation::Metadata),
        "metadata" if in_all("signOf_genWeight") => {
            let problem = "the datasets file has the sum of genWeight, not that of its sign".to_owned();
            return Err(AnalysisError::Value {
                place: analysis.source.place(&Way::default().key("normalisation")),
                problem,
            });
        }
        "runs" if raw.run.skipbadfiles == Some(true) => {
            // A file whose events cannot be read may still have a Runs tree that can, and the other way round.
            let problem = "files that are skipped could still be in the sum of the Runs trees; \
                           leave skipbadfiles out, or use sum_genweights: events"
                .to_owned();
            let way = Way::default().key("run").key("skipbadfiles");
            return Err(AnalysisError::Value { place: analysis.source.place(&way), problem });
        }
        "runs" if in_all("genWeight") => Some(Normalisation::Runs),
        "runs" if in_all("signOf_genWeight") => {
            return Err(AnalysisError::Value {
                place: analysis.source.place(&Way::default().key("normalisation")),
                problem: "the Runs trees have the sum of genWeight, not that of its sign".to_owned(),
            });
        }
        "events" | "metadata" | "runs" | "none" => None,
        other => {
            return Err(AnalysisError::Unknown {
                place: analysis.source.place(&Way::default().key("normalisation").key("sum_genweights")),
                what: "source of the sum of weights",
                name: other.to_owned(),
                near: nearest(other, ["events", "metadata", "runs", "none"].into_iter(), 1),
            });
        }
    };
    Ok(by)
}

/// Categories with equal lists of columns share a file.
fn columns(analysis: &Analysis, raw: &config::Raw, sample: &str) -> Vec<(Vec<Collection>, Vec<String>)> {
    let scopes = || std::iter::once(&raw.columns.common).chain(raw.columns.bysample.get(sample));
    let mut files: Vec<(Vec<Collection>, Vec<String>)> = Vec::new();
    for category in &analysis.categories {
        let list: Vec<Collection> = scopes()
            .flat_map(|scope| {
                scope.inclusive.iter().chain(scope.bycategory.get(&category.name).into_iter().flatten())
            })
            .cloned()
            .collect();
        if list.is_empty() {
            continue;
        }
        match files.iter_mut().find(|(known, _)| *known == list) {
            Some((_, categories)) => categories.push(category.name.clone()),
            None => files.push((list, vec![category.name.clone()])),
        }
    }
    files
}

/// What is odd about weights and variations.
fn warn(analysis: &mut Analysis) {
    let mut warnings = Vec::new();
    let at = |way: &Way| Some(analysis.source.place(way));
    let weights = Way::default().key("weights");
    for treatment in &analysis.treatments {
        let samples = treatment.samples.join(", ");
        let in_use =
            |name: &str| treatment.scopes.iter().flatten().any(|s| s.weights.iter().any(|w| w == name));
        if !treatment.is_mc && treatment.scopes.iter().flatten().any(|scope| !scope.weights.is_empty()) {
            warnings.push(Warning {
                place: at(&weights.key("bysample")),
                message: format!("data with weights: {samples}"),
            });
        }
        for dataset in analysis.datasets.iter().filter(|d| treatment.samples.contains(&d.sample)) {
            if in_use("XS") && dataset.xsec.is_none() {
                let message =
                    format!("dataset '{}' is weighted by XS and has no cross section (xsec)", dataset.name);
                warnings.push(Warning { place: at(&weights), message });
            }
            if let Some(xsec) = dataset.xsec.filter(|xsec| in_use("XS") && !(xsec.is_finite() && *xsec > 0.0))
            {
                let message = format!("dataset '{}' has the cross section {xsec} pb", dataset.name);
                warnings.push(Warning { place: at(&weights), message });
            }
            if treatment.normalisation == Some(Normalisation::Metadata) && dataset.sum_genweights.is_none() {
                let message = format!("dataset '{}' has no sum_genweights to be divided by", dataset.name);
                warnings.push(Warning { place: at(&Way::default().key("normalisation")), message });
            }
        }
        let wanted = analysis.raw.normalisation.sum_genweights.as_deref() != Some("none");
        if wanted && treatment.is_mc && treatment.normalisation.is_none() {
            let message = format!(
                "simulation that is not divided by its sum of weights (no genWeight for all categories): {samples}"
            );
            warnings.push(Warning { place: at(&weights), message });
        }
    }
    let raw = &analysis.raw.variations.weights;
    let way = Way::default().key("variations").key("weights");
    let scopes = std::iter::once((way.key("common"), &raw.common))
        .chain(raw.bysample.iter().map(|(sample, scope)| (way.key("bysample").key(sample), scope)));
    for (way, scope) in scopes {
        let bycategory = scope.bycategory.iter().flat_map(|(_, list)| list);
        for name in scope.inclusive.iter().chain(bycategory) {
            let applied =
                |t: &Treatment| t.scopes.iter().flatten().any(|s| s.weights.iter().any(|w| w == name));
            if !analysis.treatments.iter().any(applied) {
                let message =
                    format!("weight '{name}' is varied but never applied: a variation without nominal");
                warnings.push(Warning { place: at(&way), message });
            }
            if analysis.weights.get(name).is_some_and(|weight| weight.variations.is_empty()) {
                let message = format!("weight '{name}' is varied but has no variations");
                warnings.push(Warning { place: at(&way), message });
            }
        }
    }
    analysis.warnings.extend(warnings);
}
