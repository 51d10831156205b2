//! The steps that all samples go through: skim, variables, cuts, preselection, subsamples, categories.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::{Expr, SelectItem};

use super::shift::Shifted;
use super::{all_of, categories, chosen_files, flag, told, touches_any};
use crate::analysis::cut::NamedCut;
use crate::analysis::model::{Analysis, Body, Definition};
use crate::analysis::print::Step;
use crate::analysis::syntax;

/// The steps that all samples go through.
pub(super) struct Common<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) shifts: &'a [Shifted],
    pub(super) steps: Vec<Step>,
    pub(super) last: String,
}

impl Common<'_> {
    fn push(&mut self, name: &str, comment: String, items: Vec<SelectItem>, selection: Option<Expr>) {
        let projection = std::iter::once(syntax::star()).chain(items).collect();
        let select = syntax::select(projection, syntax::table(&self.last), selection, vec![]);
        self.steps.push(Step { name: name.to_owned(), comment, select });
        name.clone_into(&mut self.last);
    }

    pub(super) fn build(&mut self, definitions: &[Definition]) {
        let analysis = self.analysis;
        let told = |section: &str| told(analysis, section);
        self.push("raw", format!("raw: {}", told("datasets.filter")), vec![], chosen_files(analysis));
        self.variables(definitions, true, "variables_before_skim");
        let skim = syntax::all(analysis.skim.iter().map(|cut| cut.expr.clone()));
        self.push("skim", told("skim"), vec![syntax::aliased(skim, "skim")], None);
        self.variables(definitions, false, "variables");
        self.cuts(&analysis.cuts);
        let presel = |shifted: Option<&Shifted>| all_of(&analysis.preselections, shifted);
        let mut items = vec![syntax::aliased(presel(None), "presel")];
        for shifted in self.shifts.iter().filter(|shifted| touches_any(shifted, &analysis.preselections)) {
            items.push(syntax::aliased(presel(Some(shifted)), &shifted.named("presel")));
        }
        self.push("presel", told("preselections"), items, None);
        let mut items = Vec::new();
        for (sample, parts) in &analysis.subsamples {
            for part in parts {
                let flag = flag(sample, &part.name);
                items.push(syntax::aliased(all_of(&part.cuts, None), &flag));
                for shifted in self.shifts.iter().filter(|shifted| touches_any(shifted, &part.cuts)) {
                    items.push(syntax::aliased(all_of(&part.cuts, Some(shifted)), &shifted.named(&flag)));
                }
            }
        }
        if !items.is_empty() {
            self.push("subsamples", told("datasets.subsamples"), items, None);
        }
        let record = |shifted: Option<&Shifted>| categories(analysis.categories.iter(), None, shifted);
        let mut items = vec![syntax::aliased(record(None), "category")];
        for shifted in self.shifts {
            if analysis.categories.iter().any(|category| touches_any(shifted, &category.cuts)) {
                items.push(syntax::aliased(record(Some(shifted)), &shifted.named("category")));
            }
        }
        self.push("categories", told("categories"), items, None);
    }

    /// One step per layer of variables that need each other.
    fn variables(&mut self, definitions: &[Definition], before_skim: bool, name: &str) {
        let mut layers: BTreeMap<usize, Vec<SelectItem>> = BTreeMap::new();
        for definition in definitions.iter().filter(|d| d.before_skim == before_skim) {
            if let Body::Variable(expr) = &definition.body {
                layers
                    .entry(definition.layer)
                    .or_default()
                    .push(syntax::aliased(expr.clone(), &definition.name));
            }
        }
        for (i, (_, items)) in layers.into_iter().enumerate() {
            let name = if i == 0 { name.to_owned() } else { format!("{name}_{}", i + 1) };
            let about = told(self.analysis, "variables");
            self.push(&name, about, items, None);
        }
    }

    fn cuts(&mut self, cuts: &[NamedCut]) {
        let mut items = Vec::new();
        for cut in cuts {
            items.push(syntax::aliased(cut.expr.clone(), &cut.name));
            for shifted in self.shifts.iter().filter(|shifted| shifted.columns.contains(&cut.name)) {
                items.push(syntax::aliased(shifted.apply(&cut.expr), &shifted.named(&cut.name)));
            }
        }
        if !items.is_empty() {
            self.push(
                "cuts",
                "the cuts of preselections, subsamples and categories, each once".to_owned(),
                items,
                None,
            );
        }
    }
}
