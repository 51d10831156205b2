//! The histograms of a treatment, and its tables of events per category.

use datafusion::sql::sqlparser::ast::Expr;

use super::shift::Shifted;
use super::writer::Writer;
use super::{categories, touches_any};
use crate::analysis::model::{Category, Histogram, HistogramPlan, Part, Plan, Shape};
use crate::analysis::syntax;

/// A call of hist or cutflow.
#[derive(Debug)]
struct Call {
    function: &'static str,
    values: Vec<(Expr, Expr)>,
}

impl Call {
    fn aggregate(&self, weights: Option<(&str, Expr)>, categories: Expr, filter: Expr) -> Expr {
        let mut arguments: Vec<_> = self
            .values
            .iter()
            .flat_map(|(value, axis)| [value.clone(), axis.clone()])
            .map(syntax::positional)
            .collect();
        if self.values.is_empty() {
            arguments.push(syntax::positional(syntax::column("skim")));
        }
        arguments.extend(weights.map(|(name, expr)| syntax::named(name, expr)));
        arguments.push(syntax::named("categories", categories));
        syntax::aggregate(self.function, arguments, Some(filter))
    }
}

impl Writer<'_> {
    fn categories_record(&mut self, chosen: &[String], shifted: Option<&Shifted>) -> Expr {
        let of: Vec<&Category> =
            self.analysis.categories.iter().filter(|c| chosen.contains(&c.name)).collect();
        let touched =
            shifted.filter(|shifted| of.iter().any(|category| touches_any(shifted, &category.cuts)));
        let suffix = touched.map(|shifted| shifted.suffix.clone()).unwrap_or_default();
        if of.len() == self.analysis.categories.len() {
            let all_touched =
                shifted.filter(|s| self.analysis.categories.iter().any(|c| touches_any(s, &c.cuts)));
            return syntax::column(
                &all_touched.map_or_else(|| "category".to_owned(), |s| s.named("category")),
            );
        }
        let record = categories(of.into_iter(), touched);
        self.record(record, &format!("some_categories{suffix}"))
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
            parts: vec![],
        };
        let mut labels = vec!["nominal".to_owned()];
        labels.extend(varied.iter().map(|(_, variation)| variation.clone()));
        for group in self.groups(part, &histogram.categories, None) {
            let weights = self.weights(histogram, group.scope, &varied);
            let record = self.categories_record(&group.categories, None);
            let filter = self.selected(name, None);
            let column = self.select(call.aggregate(weights, record, filter), &base);
            let has_axis = (self.treatment.is_mc || histogram.axes.is_empty()) && histogram.weighted;
            let variations = if has_axis {
                labels.iter().map(|label| (Some(label.clone()), label.clone())).collect()
            } else {
                vec![(None, "nominal".to_owned())]
            };
            plan.parts.push(Part { column, categories: group.categories, variations });
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
            let filter = self.selected(name, Some(shifted));
            let weight = self.weight(group.scope, None, Some(shifted));
            let cuts = self.analysis.categories.iter().filter(|c| group.categories.contains(&c.name));
            let touched = filter != self.selected(name, None)
                || weight != self.weight(group.scope, None, None)
                || cuts.into_iter().any(|category| touches_any(shifted, &category.cuts))
                || call.values.iter().any(|(value, _)| shifted.touches(value));
            if !touched {
                for nominal in plan.parts.clone() {
                    let same: Vec<String> =
                        nominal.categories.iter().filter(|c| group.categories.contains(c)).cloned().collect();
                    let Some((label, _)) = nominal.variations.first() else { continue };
                    if !same.is_empty() && nominal.variations.iter().any(|(_, to)| to == "nominal") {
                        plan.parts.push(Part {
                            column: nominal.column.clone(),
                            categories: same,
                            variations: vec![(label.clone(), shape.name.clone())],
                        });
                    }
                }
                continue;
            }
            let record = self.categories_record(&group.categories, Some(shifted));
            let shifted_call = Call {
                function: call.function,
                values: call
                    .values
                    .iter()
                    .map(|(value, axis)| (shifted.apply(value), axis.clone()))
                    .collect(),
            };
            let aggregate = shifted_call.aggregate(Some(("weight", weight)), record, filter);
            let base =
                name.map_or_else(|| histogram.name.clone(), |name| format!("{}__{name}", histogram.name));
            let column = self.select(aggregate, &format!("{base}__{}", shape.name));
            plan.parts.push(Part {
                column,
                categories: group.categories,
                variations: vec![(None, shape.name.clone())],
            });
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
            categories: self.analysis.categories.iter().map(|category| category.name.clone()).collect(),
            only_samples: None,
            exclude_samples: vec![],
        };
        let call = Call { function: "cutflow", values: vec![] };
        plan.cutflows.extend(self.fill(&histogram, &call));
    }

    pub(super) fn histograms(&mut self, plan: &mut Plan) {
        let analysis = self.analysis;
        for place in self.treatment.histograms.clone() {
            let Some(histogram) = analysis.histograms.get(place) else { continue };
            if histogram.categories.is_empty() {
                continue;
            }
            let call = Call { function: "hist", values: histogram.axes.clone() };
            plan.histograms.extend(self.fill(histogram, &call));
        }
    }
}
