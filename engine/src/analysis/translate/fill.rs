//! The histograms of a treatment, and its tables of events per category.

use datafusion::sql::sqlparser::ast::Expr;

use super::shift::Shifted;
use super::writer::Writer;
use super::{categories, touches_any};
use crate::analysis::model::{Category, Collapse, Filled, Histogram, HistogramPlan, Mask, Part, Plan, Shape};
use crate::analysis::syntax;

/// A call of hist or cutflow.
#[derive(Debug, Clone)]
struct Call {
    function: &'static str,
    axes: Vec<Filled>,
}

impl Call {
    fn aggregate(&self, weights: Option<(&str, Expr)>, categories: Expr, filter: Expr) -> Expr {
        let mut arguments: Vec<_> = self
            .axes
            .iter()
            .flat_map(|filled| [filled.value.clone(), filled.axis.clone()])
            .map(syntax::positional)
            .collect();
        if self.axes.is_empty() {
            arguments.push(syntax::positional(syntax::column("skim")));
        }
        arguments.extend(weights.map(|(name, expr)| syntax::named(name, expr)));
        arguments.push(syntax::named("categories", categories));
        syntax::aggregate(self.function, arguments, Some(filter))
    }

    /// Whether objects of the mask's collection are filled.
    fn is_of(&self, mask: &Mask) -> bool {
        self.axes.iter().any(|filled| filled.collection.as_ref() == Some(&mask.collection))
    }

    /// The call for the objects that pass.
    fn masked(&self, mask: Option<&Mask>) -> Self {
        let Some(mask) = mask else { return self.clone() };
        let passes = || syntax::all(mask.cuts.iter().map(|cut| syntax::column(cut)));
        self.with_values(|filled| match &filled.collection {
            Some(collection) if *collection == mask.collection => {
                syntax::element(filled.value.clone(), passes())
            }
            _ => filled.value.clone(),
        })
    }

    fn with_values(&self, value: impl Fn(&Filled) -> Expr) -> Self {
        let axes = self.axes.iter().map(|filled| Filled { value: value(filled), ..filled.clone() });
        Self { function: self.function, axes: axes.collect() }
    }
}

impl<'a> Writer<'a> {
    fn categories_record(
        &mut self,
        chosen: &[String],
        collapse: Option<Collapse>,
        shifted: Option<&Shifted>,
    ) -> Expr {
        let of: Vec<&Category> =
            self.analysis.categories.iter().filter(|c| chosen.contains(&c.name)).collect();
        let touched =
            shifted.filter(|shifted| of.iter().any(|category| touches_any(shifted, &category.cuts)));
        let suffix = touched.map(|shifted| shifted.suffix.clone()).unwrap_or_default();
        let as_they_are = of.iter().all(|category| category.event_cuts(collapse) == category.cuts);
        if as_they_are && of.len() == self.analysis.categories.len() {
            return syntax::column(&touched.map_or_else(|| "category".to_owned(), |s| s.named("category")));
        }
        let record = categories(of.into_iter(), collapse, touched);
        self.record(record, &format!("some_categories{suffix}"))
    }

    /// Categories by the objects they select, as far as that matters.
    pub(super) fn by_mask(
        &self,
        chosen: &[String],
        matters: impl Fn(&Mask) -> bool,
    ) -> Vec<(Option<&'a Mask>, Vec<String>)> {
        let mut groups: Vec<(Option<&Mask>, Vec<String>)> = Vec::new();
        for category in self.analysis.categories.iter().filter(|c| chosen.contains(&c.name)) {
            let mask = category.mask.as_ref().filter(|mask| matters(mask));
            let cuts = |mask: Option<&'a Mask>| mask.map(|mask| &mask.cuts);
            match groups.iter_mut().find(|(known, _)| cuts(*known) == cuts(mask)) {
                Some((_, names)) => names.push(category.name.clone()),
                None => groups.push((mask, vec![category.name.clone()])),
            }
        }
        groups
    }

    /// Puts one histogram, or the table of events, into the SELECT list.
    fn fill(&mut self, histogram: &Histogram, call: &Call) -> Vec<HistogramPlan> {
        let mut plans = Vec::new();
        for (part, name) in self.treatment.subsamples.clone().into_iter().enumerate() {
            plans.push(self.fill_part(histogram, call, part, name.as_deref()));
        }
        plans
    }

    fn fill_part(
        &mut self,
        histogram: &Histogram,
        call: &Call,
        part: usize,
        name: Option<&str>,
    ) -> HistogramPlan {
        let base = name.map_or_else(|| histogram.name.clone(), |name| format!("{}__{name}", histogram.name));
        let varied = self.variations(part, histogram);
        let mut plan = HistogramPlan {
            name: histogram.name.clone(),
            samples: self.treatment.samples.clone(),
            subsample: name.map(str::to_owned),
            categories: histogram.categories.clone(),
            variations: None,
            labels: histogram.labels.clone(),
            parts: vec![],
        };
        let mut labels = vec!["nominal".to_owned()];
        labels.extend(varied.iter().map(|(_, variation)| variation.clone()));
        for group in self.groups(part, &histogram.categories, None) {
            let weights = self.weights(histogram, group.scope, &varied);
            let has_axis = (self.treatment.is_mc || histogram.axes.is_empty()) && histogram.weighted;
            let variations: Vec<_> = if has_axis {
                labels.iter().map(|label| (Some(label.clone()), label.clone())).collect()
            } else {
                vec![(None, "nominal".to_owned())]
            };
            for (mask, categories) in self.by_mask(&group.categories, |mask| call.is_of(mask)) {
                let record = self.categories_record(&categories, histogram.collapse, None);
                let filter = self.selected(name, None);
                let aggregate = call.masked(mask).aggregate(weights.clone(), record, filter);
                let column = self.select(aggregate, &of_mask(&base, mask));
                plan.parts.push(Part { column, categories, variations: variations.clone() });
            }
        }
        if histogram.varied && histogram.weighted {
            for (shape, shifted) in self.active_shapes() {
                let wanted = histogram
                    .only_variations
                    .as_ref()
                    .is_none_or(|only| only.contains(&shape.name) || only.contains(&shape.of));
                if !wanted || self.groups(part, &histogram.categories, Some(shape)).is_empty() {
                    continue;
                }
                labels.push(shape.name.clone());
                self.fill_shape(histogram, call, (part, name), (shape, shifted), &mut plan);
            }
        }
        plan.variations = self.treatment.is_mc.then_some(labels);
        plan
    }

    /// The histogram under a shift; what does not depend on it is taken from the nominal one.
    fn fill_shape(
        &mut self,
        histogram: &Histogram,
        call: &Call,
        (part, name): (usize, Option<&str>),
        (shape, shifted): (&Shape, &Shifted),
        plan: &mut HistogramPlan,
    ) {
        for group in self.groups(part, &histogram.categories, Some(shape)) {
            for (mask, categories) in self.by_mask(&group.categories, |mask| call.is_of(mask)) {
                let call = call.masked(mask);
                let filter = self.selected(name, Some(shifted));
                let weight = self.weight(group.scope, None, Some(shifted));
                let of = self.analysis.categories.iter().filter(|c| categories.contains(&c.name));
                let touched = filter != self.selected(name, None)
                    || weight != self.weight(group.scope, None, None)
                    || of.into_iter().any(|category| touches_any(shifted, &category.cuts))
                    || call.axes.iter().any(|filled| shifted.touches(&filled.value));
                if !touched {
                    take_nominal(plan, &categories, &shape.name);
                    continue;
                }
                let record = self.categories_record(&categories, histogram.collapse, Some(shifted));
                let call = call.with_values(|filled| shifted.apply(&filled.value));
                let aggregate = call.aggregate(Some(("weight", weight)), record, filter);
                let base =
                    name.map_or_else(|| histogram.name.clone(), |name| format!("{}__{name}", histogram.name));
                let column = self.select(aggregate, &format!("{}__{}", of_mask(&base, mask), shape.name));
                let variations = vec![(None, shape.name.clone())];
                plan.parts.push(Part { column, categories, variations });
            }
        }
    }

    /// The tables of events per category.
    pub(super) fn tables(&mut self, plan: &mut Plan) {
        let histogram = Histogram {
            name: "events".to_owned(),
            axes: vec![],
            weighted: true,
            varied: true,
            only_variations: None,
            collapse: None,
            categories: self.analysis.categories.iter().map(|category| category.name.clone()).collect(),
            only_samples: None,
            exclude_samples: vec![],
            labels: vec![],
        };
        let call = Call { function: "cutflow", axes: vec![] };
        plan.cutflows.extend(self.fill(&histogram, &call));
    }

    pub(super) fn histograms(&mut self, plan: &mut Plan) {
        let analysis = self.analysis;
        for place in self.treatment.histograms.clone() {
            let Some(histogram) = analysis.histograms.get(place) else { continue };
            if histogram.categories.is_empty() {
                continue;
            }
            let call = Call { function: "hist", axes: histogram.axes.clone() };
            plan.histograms.extend(self.fill(histogram, &call));
        }
    }
}

/// The name of a column, with the cuts on objects it is filled behind.
fn of_mask(base: &str, mask: Option<&Mask>) -> String {
    mask.map_or_else(|| base.to_owned(), |mask| format!("{base}__{}", mask.cuts.join("_")))
}

/// Under a shift that changes nothing the histogram is the nominal one.
fn take_nominal(plan: &mut HistogramPlan, categories: &[String], shape: &str) {
    for nominal in plan.parts.clone() {
        let same: Vec<String> =
            nominal.categories.iter().filter(|c| categories.contains(c)).cloned().collect();
        let Some((label, _)) = nominal.variations.first() else { continue };
        if !same.is_empty() && nominal.variations.iter().any(|(_, to)| to == "nominal") {
            let variations = vec![(label.clone(), shape.to_owned())];
            plan.parts.push(Part { column: nominal.column.clone(), categories: same, variations });
        }
    }
}
