//! The SELECT of one treatment: keys, counts, and what its columns are.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, SelectItem};

use super::shift::Shifted;
use super::{all_of, flag, told, touches_any};
use crate::analysis::model::{Analysis, Normalisation, Plan, Shape, Treatment};
use crate::analysis::print::Step;
use crate::analysis::syntax;

/// Writes the SELECT of one treatment.
pub(super) struct Writer<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) shifts: &'a [Shifted],
    pub(super) treatment: &'a Treatment,
    /// The SELECT list.
    pub(super) items: Vec<SelectItem>,
    aliases: BTreeSet<String>,
    /// Columns of the step in front: records of weights and categories, each once.
    records: Vec<(String, Expr)>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(analysis: &'a Analysis, shifts: &'a [Shifted], treatment: &'a Treatment) -> Self {
        Self { analysis, shifts, treatment, items: vec![], aliases: BTreeSet::new(), records: vec![] }
    }

    /// Adds a column to the result under a name of its own.
    pub(super) fn select(&mut self, expr: Expr, base: &str) -> String {
        let mut name = base.to_owned();
        let mut i = 2;
        while !self.aliases.insert(name.clone()) {
            name = format!("{base}__{i}");
            i += 1;
        }
        self.items.push(syntax::aliased(expr, &name));
        name
    }

    /// The column that holds a record, made in the step in front.
    pub(super) fn record(&mut self, expr: Expr, base: &str) -> Expr {
        if let Some((name, _)) = self.records.iter().find(|(_, known)| *known == expr) {
            return syntax::column(name);
        }
        let taken = |name: &str, records: &[(String, Expr)]| records.iter().any(|(known, _)| known == name);
        let mut name = base.to_owned();
        let mut i = 2;
        while taken(&name, &self.records) {
            name = format!("{base}_{i}");
            i += 1;
        }
        self.records.push((name.clone(), expr));
        syntax::column(&name)
    }

    /// Keys, and the events that come in and are left.
    pub(super) fn base(&mut self, plan: &mut Plan) {
        self.items.push(SelectItem::UnnamedExpr(syntax::column("sample")));
        self.items.push(SelectItem::UnnamedExpr(syntax::column("dataset")));
        self.select(syntax::count(None), "initial");
        let gen_weight = || syntax::double(syntax::column("genWeight"));
        let sum = |of: Expr| syntax::aggregate("sum", vec![syntax::positional(of)], None);
        match self.treatment.normalisation {
            Some(Normalisation::SumGenWeights) => drop(self.select(sum(gen_weight()), "sum_genweights")),
            Some(Normalisation::SumSigns) => {
                self.select(sum(syntax::call("signum", vec![gen_weight()])), "sum_signs");
            }
            Some(Normalisation::Metadata) => {
                let constant = syntax::aggregate(
                    "max",
                    vec![syntax::positional(syntax::column("sum_genweights"))],
                    None,
                );
                self.select(constant, "sum_genweights");
            }
            // A statement of its own sums the Runs trees: their rows are no events.
            Some(Normalisation::Runs) | None => {}
        }
        if matches!(self.treatment.normalisation, Some(Normalisation::Metadata | Normalisation::Runs)) {
            self.genweights(None, "initial");
        }
        if let Some(normalisation) = self.treatment.normalisation {
            for sample in &self.treatment.samples {
                plan.normalisation.insert(sample.clone(), normalisation);
            }
        }
        self.select(syntax::count(Some(syntax::column("skim"))), "skimmed");
        self.genweights(Some(syntax::column("skim")), "skimmed");
        let samples = self.treatment.samples.clone();
        for part in self.treatment.subsamples.clone() {
            let own =
                |base: &str| part.as_ref().map_or_else(|| base.to_owned(), |part| format!("{base}__{part}"));
            let counted = syntax::count(Some(self.selected(part.as_deref(), None)));
            let column = self.select(counted, &own("preselected"));
            self.genweights(Some(self.selected(part.as_deref(), None)), &column);
            plan.preselected.push((samples.clone(), part.clone(), "nominal".to_owned(), column));
            for (shape, shifted) in self.active_shapes() {
                let selected = self.selected(part.as_deref(), Some(shifted));
                if selected != self.selected(part.as_deref(), None) {
                    let column = self
                        .select(syntax::count(Some(selected)), &own(&format!("preselected__{}", shape.name)));
                    plan.preselected.push((samples.clone(), part.clone(), shape.name.clone(), column));
                }
            }
        }
        self.coverage(plan);
        if let Some(lost) = self.lost() {
            self.select(syntax::count(Some(lost)), "null_weights");
        }
    }

    /// Events that are in no category or in several, and in no subsample or in several.
    fn coverage(&mut self, plan: &mut Plan) {
        let flags: Vec<Expr> =
            self.analysis.categories.iter().map(|category| all_of(&category.cuts, None)).collect();
        self.uncovered(plan, "categories", &flags);
        if let [sample] = self.treatment.samples.as_slice()
            && self.treatment.subsamples != [None]
        {
            let parts = self.analysis.subsamples.get(sample).into_iter().flatten();
            let flags: Vec<Expr> = parts.map(|part| syntax::column(&flag(sample, &part.name))).collect();
            self.uncovered(plan, "subsamples", &flags);
        }
    }

    fn uncovered(&mut self, plan: &mut Plan, what: &str, flags: &[Expr]) {
        if flags.contains(&syntax::boolean(true)) && flags.len() == 1 {
            return;
        }
        let one =
            |flag: &Expr| syntax::case(vec![(flag.clone(), syntax::integer(1))], Some(syntax::integer(0)));
        let number = flags.iter().map(one).reduce(|a, b| syntax::binary(a, BinaryOperator::Plus, b));
        let Some(number) = number else { return };
        let (samples, selected) =
            (self.treatment.samples.clone(), [syntax::column("skim"), syntax::column("presel")]);
        let mut counted = |name: String, op: BinaryOperator, bound: i64| {
            let condition = syntax::binary(number.clone(), op, syntax::integer(bound));
            self.select(
                syntax::count(Some(syntax::all(selected.clone().into_iter().chain([condition])))),
                &name,
            )
        };
        // Everything is in a category that takes all.
        let in_none = (!flags.contains(&syntax::boolean(true)))
            .then(|| counted(format!("in_no_{what}"), BinaryOperator::Eq, 0));
        let in_several = counted(format!("in_several_{what}"), BinaryOperator::Gt, 1);
        plan.coverage.push((samples, what.to_owned(), in_none, in_several));
    }

    /// Shifts that any category of the treatment has.
    pub(super) fn active_shapes(&self) -> Vec<(&'a Shape, &'a Shifted)> {
        let (analysis, shifts, treatment) = (self.analysis, self.shifts, self.treatment);
        let active =
            |shape: &Shape| treatment.scopes.iter().flatten().any(|scope| scope.shapes.contains(&shape.of));
        analysis.shapes.iter().zip(shifts).filter(|(shape, _)| active(shape)).collect()
    }

    /// Which events are filled.
    pub(super) fn selected(&self, part: Option<&str>, shifted: Option<&Shifted>) -> Expr {
        let mut conditions = vec![syntax::column("skim")];
        let presel = match shifted {
            Some(shifted) if touches_any(shifted, &self.analysis.preselections) => shifted.named("presel"),
            _ => "presel".to_owned(),
        };
        conditions.push(syntax::column(&presel));
        if let (Some(part), Some(sample)) = (part, self.treatment.samples.first()) {
            let mut name = flag(sample, part);
            let cuts =
                self.analysis.subsamples.get(sample).into_iter().flatten().find(|known| known.name == part);
            if let (Some(shifted), Some(cuts)) = (shifted, cuts)
                && touches_any(shifted, &cuts.cuts)
            {
                name = shifted.named(&name);
            }
            conditions.push(syntax::column(&name));
        }
        syntax::all(conditions)
    }

    /// The steps of this treatment alone.
    pub(super) fn steps(&self, last: &str) -> Vec<Step> {
        let label = &self.treatment.label;
        let mut factors = vec![syntax::star()];
        factors.extend(self.factors().into_iter().map(|(name, expr)| syntax::aliased(expr, &name)));
        let samples = syntax::is_one_of("sample", self.treatment.samples.iter().map(String::as_str));
        let first = syntax::select(factors, syntax::table(last), Some(samples), vec![]);
        let mut records = vec![syntax::star()];
        records.extend(self.records.iter().map(|(name, expr)| syntax::aliased(expr.clone(), name)));
        let second = syntax::select(records, syntax::table(&format!("factors_{label}")), None, vec![]);
        vec![
            Step {
                name: format!("factors_{label}"),
                comment: format!(
                    "{} of {}",
                    told(self.analysis, "weights"),
                    self.treatment.samples.join(", ")
                ),
                select: first,
            },
            Step {
                name: format!("weighted_{label}"),
                comment: told(self.analysis, "variations"),
                select: second,
            },
        ]
    }
}
