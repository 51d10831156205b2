//! The weights of a treatment: factors, their products, and which of them vary where.

use datafusion::sql::sqlparser::ast::Expr;

use super::all_of;
use super::shift::Shifted;
use super::writer::Writer;
use crate::analysis::model::{Category, Histogram, Normalisation, Scope, Shape};
use crate::analysis::syntax;

/// Categories that share their weights.
pub(super) struct Group<'a> {
    pub(super) scope: &'a Scope,
    pub(super) categories: Vec<String>,
}

impl<'a> Writer<'a> {
    /// Σ genWeight of the events of a step, beside the `column` of their number; of simulation that is divided by such a sum.
    pub(super) fn genweights(&mut self, of: Option<Expr>, column: &str) {
        if self.treatment.normalisation.is_some_and(|by| by != Normalisation::SumSigns) {
            let gen_weight = syntax::positional(syntax::double(syntax::column("genWeight")));
            self.select(syntax::aggregate("sum", vec![gen_weight], of), &format!("{column}_genweights"));
        }
    }

    /// Events that are filled somewhere with a weight that is NULL: by subsample, shift, and categories that share weights.
    pub(super) fn lost(&self) -> Option<Expr> {
        let all: Vec<String> =
            self.analysis.categories.iter().map(|category| category.name.clone()).collect();
        let shapes = self.active_shapes();
        let shapes = || std::iter::once(None).chain(shapes.iter().copied().map(Some));
        let mut lost: Vec<Expr> = Vec::new();
        for (part, name) in self.treatment.subsamples.iter().enumerate() {
            for shape in shapes() {
                let shifted = shape.map(|(_, shifted)| shifted);
                for group in self.groups(part, &all, shape.map(|(shape, _)| shape)) {
                    let nulls = self.null_weights(group.scope, shifted);
                    if nulls.is_empty() {
                        continue;
                    }
                    let of: Vec<&Category> = (self.analysis.categories.iter())
                        .filter(|category| group.categories.contains(&category.name))
                        .collect();
                    let anywhere = of.iter().any(|category| category.cuts.is_empty());
                    let within = (!anywhere)
                        .then(|| syntax::any(of.iter().map(|category| all_of(&category.cuts, shifted))));
                    let conditions = std::iter::once(self.selected(name.as_deref(), shifted));
                    let condition = syntax::all(conditions.chain(within).chain([syntax::any(nulls)]));
                    if !lost.contains(&condition) {
                        lost.push(condition);
                    }
                }
            }
        }
        (!lost.is_empty()).then(|| syntax::any(lost))
    }

    /// Whether each factor of a scope's weights is NULL: with its variations, or under a shift.
    fn null_weights(&self, scope: &Scope, shifted: Option<&Shifted>) -> Vec<Expr> {
        let mut columns = Vec::new();
        for name in &scope.weights {
            let Some(weight) = self.analysis.weights.get(name) else { continue };
            let nominal = format!("w_{name}");
            match shifted {
                Some(shifted) if shifted.touches(&weight.nominal) => {
                    columns.push(shifted.named(&nominal));
                }
                _ => columns.push(nominal),
            }
            if shifted.is_none() && scope.varied.contains(name) {
                columns.extend(weight.variations.iter().map(|(variation, _)| format!("w_{variation}")));
            }
        }
        columns.iter().map(|column| Expr::IsNull(Box::new(syntax::column(column)))).collect()
    }

    /// The factors of all weights: the names of their columns and what they are.
    pub(super) fn factors(&self) -> Vec<(String, Expr)> {
        let mut used: Vec<&String> = Vec::new();
        for scope in self.treatment.scopes.iter().flatten() {
            for name in &scope.weights {
                if !used.contains(&name) {
                    used.push(name);
                }
            }
        }
        let varied =
            |name: &String| self.treatment.scopes.iter().flatten().any(|scope| scope.varied.contains(name));
        let mut factors = Vec::new();
        for name in used {
            let Some(weight) = self.analysis.weights.get(name) else { continue };
            factors.push((format!("w_{name}"), syntax::double(weight.nominal.clone())));
            if varied(name) {
                for (variation, expr) in &weight.variations {
                    factors.push((format!("w_{variation}"), syntax::double(expr.clone())));
                }
            }
            for (_, shifted) in self.active_shapes() {
                if shifted.touches(&weight.nominal) {
                    let expr = syntax::double(shifted.apply(&weight.nominal));
                    factors.push((shifted.named(&format!("w_{name}")), expr));
                }
            }
        }
        factors
    }

    /// The product of a scope's weights, one of them in a variation, or all under a shift.
    pub(super) fn weight(
        &self,
        scope: &Scope,
        variation: Option<(&str, &str)>,
        shifted: Option<&Shifted>,
    ) -> Expr {
        syntax::product(scope.weights.iter().map(|name| {
            let is_touched = |shifted: &Shifted| {
                self.analysis.weights.get(name).is_some_and(|weight| shifted.touches(&weight.nominal))
            };
            let column = match (variation, shifted) {
                (Some((varied, variation)), _) if varied == name => format!("w_{variation}"),
                (_, Some(shifted)) if is_touched(shifted) => shifted.named(&format!("w_{name}")),
                _ => format!("w_{name}"),
            };
            syntax::column(&column)
        }))
    }

    /// Categories by their weights.
    pub(super) fn groups(&self, part: usize, categories: &[String], shape: Option<&Shape>) -> Vec<Group<'a>> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        let scopes = self.treatment.scopes.get(part).map(Vec::as_slice).unwrap_or_default();
        for (category, scope) in self.analysis.categories.iter().zip(scopes) {
            let active = shape.is_none_or(|shape| scope.shapes.contains(&shape.of));
            if !active || !categories.contains(&category.name) {
                continue;
            }
            match groups
                .iter_mut()
                .find(|g| g.scope.weights == scope.weights && g.scope.varied == scope.varied)
            {
                Some(group) => group.categories.push(category.name.clone()),
                None => groups.push(Group { scope, categories: vec![category.name.clone()] }),
            }
        }
        groups
    }

    /// The weight variations of a histogram: weight and variation.
    pub(super) fn variations(&self, part: usize, histogram: &Histogram) -> Vec<(String, String)> {
        if !self.treatment.is_mc || !histogram.varied || !histogram.weighted {
            return vec![];
        }
        let mut all = Vec::new();
        for group in self.groups(part, &histogram.categories, None) {
            for name in &group.scope.varied {
                for (variation, _) in
                    self.analysis.weights.get(name).iter().flat_map(|weight| &weight.variations)
                {
                    let wanted = histogram
                        .only_variations
                        .as_ref()
                        .is_none_or(|only| only.contains(variation) || only.contains(name));
                    let pair = (name.clone(), variation.clone());
                    if wanted && !all.contains(&pair) {
                        all.push(pair);
                    }
                }
            }
        }
        all
    }

    /// The weights of a call: all variations for simulation, one for data, none where events are counted.
    pub(super) fn weights(
        &mut self,
        histogram: &Histogram,
        scope: &Scope,
        varied: &[(String, String)],
    ) -> Option<(&'static str, Expr)> {
        if !histogram.weighted {
            return None;
        }
        // The table of events has the same columns for data and simulation.
        if !self.treatment.is_mc && !histogram.axes.is_empty() {
            return Some(("weight", self.weight(scope, None, None)));
        }
        let nominal = ("nominal".to_owned(), self.weight(scope, None, None));
        let others = varied.iter().map(|(weight, variation)| {
            // A variation that a category does not have is filled with the nominal weight.
            let own = scope.varied.contains(weight).then_some((weight.as_str(), variation.as_str()));
            (variation.clone(), self.weight(scope, own, None))
        });
        let record = syntax::record(std::iter::once(nominal).chain(others));
        Some(("weights", self.record(record, "weight")))
    }
}
