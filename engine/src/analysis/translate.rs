//! From the resolved analysis to the syntax tree of its script.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, SelectItem};

use super::config::Collection;
use super::cut::NamedCut;
use super::locate::Way;
use super::model::{
    Analysis, Body, Category, ColumnsPlan, Definition, Histogram, HistogramPlan, Normalisation, Part, Plan,
    Scope, Shape, Treatment,
};
use super::names::{Shifted, names};
use super::print::{self, Script, Statement, Step, Steps};
use super::{Result, order, runs, syntax};
use crate::dialect::build;

/// A script and what is made of its result.
#[derive(Debug, Clone)]
pub struct Translation {
    /// The SQL.
    pub sql: String,
    /// What the columns of its last result are.
    pub plan: Plan,
}

/// Translates an analysis. No file of events is opened.
///
/// # Errors
/// Definitions that need each other in a circle once something is shifted.
pub fn translate(analysis: &Analysis) -> Result<Translation> {
    let shifts = shifts(analysis);
    let definitions = all_definitions(analysis, &shifts)?;
    let mut script = Script { head: head(analysis), statements: vec![table(analysis)] };
    script.statements.extend(runs::table(analysis));
    script.statements.extend(definitions.iter().filter_map(collection));
    let mut common = Common { analysis, shifts: &shifts, steps: vec![], last: "events".to_owned() };
    common.build(&definitions);
    // Single events are written as they are, so their steps know no shifts.
    let mut plain = Common { analysis, shifts: &[], steps: vec![], last: "events".to_owned() };
    plain.build(&analysis.definitions);
    let mut plan = Plan {
        categories: analysis.categories.iter().map(|category| category.name.clone()).collect(),
        ..Plan::default()
    };
    let mut all = Steps { steps: common.steps.clone(), finals: vec![] };
    let mut copies = Vec::new();
    for treatment in &analysis.treatments {
        let mut writer = Writer::new(analysis, &shifts, treatment);
        writer.base(&mut plan);
        writer.tables(&mut plan);
        writer.histograms(&mut plan);
        let from = format!("weighted_{}", treatment.label);
        let comment = format!("{}: {}", treatment.label, treatment.samples.join(", "));
        let keys = vec![syntax::column("sample"), syntax::column("dataset")];
        let select = syntax::select(writer.items.clone(), syntax::table(&from), None, keys);
        copies.extend(Writer::new(analysis, &[], treatment).columns(&plain.steps, &plain.last, &mut plan));
        all.steps.extend(writer.steps(&common.last));
        all.finals.push((comment, select));
    }
    script.statements.extend(copies);
    script.statements.extend(runs::sums(analysis));
    script.statements.push(Statement::Query(all));
    Ok(Translation { sql: print::script(&script), plan })
}

/// A query for the luminosity sections of data, of the table that the script makes.
#[must_use]
pub fn luminosity_sections(analysis: &Analysis) -> String {
    let keys = || vec![syntax::column("run"), syntax::column("luminosityBlock")];
    let data = super::dataset::not(syntax::column("is_mc"));
    let conditions = chosen_files(analysis).into_iter().chain([data]);
    let items = keys().into_iter().map(SelectItem::UnnamedExpr).collect();
    syntax::select(items, syntax::table("events"), Some(syntax::all(conditions)), keys()).to_string()
}

fn head(analysis: &Analysis) -> Vec<String> {
    let name = if analysis.raw.name.is_empty() { "Analysis" } else { &analysis.raw.name };
    let file =
        analysis.source.path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
    vec![
        format!("{name}, translated from {file}."),
        "The last SELECT counts everything in one pass over the files: one row per dataset, unnormalised."
            .to_owned(),
    ]
}

/// `datasets (analysis.yaml:3)`.
pub(super) fn told(analysis: &Analysis, section: &str) -> String {
    let mut way = Way::default();
    for key in section.split('.') {
        way = way.key(key);
    }
    match analysis.source.place(&way).position {
        Some((line, _)) => format!("{section} (line {line})"),
        None => section.to_owned(),
    }
}

fn table(analysis: &Analysis) -> Statement {
    let raw = &analysis.raw;
    // A trigger that is not in the menu of a file did not fire: the paths differ between years.
    let mut options = vec![("missing_triggers".to_owned(), "false".to_owned())];
    if let Some(tree) = &raw.datasets.tree {
        options.push(("tree".to_owned(), tree.clone()));
    }
    if let Some(how) = &raw.datasets.missing_branch {
        options.push(("missing_branch".to_owned(), how.clone()));
    }
    if raw.run.skipbadfiles == Some(true) {
        options.push(("on_bad_file".to_owned(), "skip".to_owned()));
    }
    Statement::Table {
        comment: told(analysis, "datasets"),
        name: "events".to_owned(),
        location: analysis.location.clone(),
        options,
    }
}

/// What is called otherwise under each shift.
fn shifts(analysis: &Analysis) -> Vec<Shifted> {
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
            match collection {
                Some(collection) => drop(shifted.collections.insert(collection.clone())),
                None => shifted.columns.extend(fields.iter().map(|(field, _)| field.clone())),
            }
        }
        for definition in &analysis.definitions {
            match &definition.body {
                Body::Collection(query) if shifted.touches(&names(query)) => {
                    shifted.collections.insert(definition.name.clone());
                }
                Body::Variable(expr) if shifted.touches(&names(expr)) => {
                    shifted.columns.insert(definition.name.clone());
                }
                _ => {}
            }
        }
        for cut in &analysis.cuts {
            if shifted.touches(&names(&cut.expr)) {
                shifted.columns.insert(cut.name.clone());
            }
        }
        shifts.push(shifted);
    }
    shifts
}

/// The definitions of the file, the shifted branches, and the shifted copies of what depends on them.
fn all_definitions(analysis: &Analysis, shifts: &[Shifted]) -> Result<Vec<Definition>> {
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
                    let body = datafusion::sql::sqlparser::ast::SetExpr::Select(Box::new(select));
                    all.push(new(shifted.named(name), Body::Collection(build::query(body))));
                }
                None => all.extend(
                    fields
                        .iter()
                        .map(|(field, expr)| new(shifted.named(field), Body::Variable(expr.clone()))),
                ),
            }
        }
        let directly: BTreeSet<&str> = (shape.shifts.iter())
            .flat_map(|(collection, fields)| match collection {
                Some(collection) => vec![collection.as_str()],
                None => fields.iter().map(|(field, _)| field.as_str()).collect(),
            })
            .collect();
        for definition in &analysis.definitions {
            let name = definition.name.as_str();
            if directly.contains(name) {
                continue; // shifted itself, from its nominal objects
            }
            match &definition.body {
                Body::Collection(query) if shifted.collections.contains(name) => {
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

fn collection(definition: &Definition) -> Option<Statement> {
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

/// The steps that all samples go through.
struct Common<'a> {
    analysis: &'a Analysis,
    shifts: &'a [Shifted],
    steps: Vec<Step>,
    last: String,
}

impl Common<'_> {
    fn push(&mut self, name: &str, comment: String, items: Vec<SelectItem>, selection: Option<Expr>) {
        let projection = std::iter::once(syntax::star()).chain(items).collect();
        let select = syntax::select(projection, syntax::table(&self.last), selection, vec![]);
        self.steps.push(Step { name: name.to_owned(), comment, select });
        name.clone_into(&mut self.last);
    }

    fn build(&mut self, definitions: &[Definition]) {
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
        let record = |shifted: Option<&Shifted>| categories(analysis.categories.iter(), shifted);
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

/// The files that the filter and the limit leave; `None` for all.
pub(super) fn chosen_files(analysis: &Analysis) -> Option<Expr> {
    let mut conditions = Vec::new();
    if !analysis.complete {
        conditions.push(syntax::is_one_of("dataset", analysis.datasets.iter().map(|d| d.name.as_str())));
    }
    if let Some(limit) = analysis.raw.run.limit {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if analysis.datasets.iter().any(|dataset| dataset.files.len() > limit) {
            let files = analysis.datasets.iter().flat_map(|d| d.files.iter().take(limit));
            conditions.push(syntax::is_one_of("file", files.map(String::as_str)));
        }
    }
    (!conditions.is_empty()).then(|| syntax::all(conditions))
}

fn flag(sample: &str, part: &str) -> String {
    format!("{sample}__{part}")
}

fn touches_any(shifted: &Shifted, cuts: &[String]) -> bool {
    cuts.iter().any(|cut| shifted.columns.contains(cut))
}

/// All of the cuts, by the names of their columns.
fn all_of(cuts: &[String], shifted: Option<&Shifted>) -> Expr {
    let mut distinct: Vec<String> = Vec::new();
    for cut in cuts {
        let name = match shifted {
            Some(shifted) if shifted.columns.contains(cut) => shifted.named(cut),
            _ => cut.clone(),
        };
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    syntax::all(distinct.iter().map(|name| syntax::column(name)))
}

fn categories<'a>(of: impl Iterator<Item = &'a Category>, shifted: Option<&Shifted>) -> Expr {
    syntax::record(of.map(|category| (category.name.clone(), all_of(&category.cuts, shifted))))
}

/// Writes the SELECT of one treatment.
struct Writer<'a> {
    analysis: &'a Analysis,
    shifts: &'a [Shifted],
    treatment: &'a Treatment,
    /// The SELECT list.
    items: Vec<SelectItem>,
    aliases: BTreeSet<String>,
    /// Columns of the step in front: records of weights and categories, each once.
    records: Vec<(String, Expr)>,
}

/// Categories that share their weights.
struct Group<'a> {
    scope: &'a Scope,
    categories: Vec<String>,
}

impl<'a> Writer<'a> {
    fn new(analysis: &'a Analysis, shifts: &'a [Shifted], treatment: &'a Treatment) -> Self {
        Self { analysis, shifts, treatment, items: vec![], aliases: BTreeSet::new(), records: vec![] }
    }

    /// Adds a column to the result under a name of its own.
    fn select(&mut self, expr: Expr, base: &str) -> String {
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
    fn record(&mut self, expr: Expr, base: &str) -> Expr {
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
    fn base(&mut self, plan: &mut Plan) {
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
        if let Some(normalisation) = self.treatment.normalisation {
            for sample in &self.treatment.samples {
                plan.normalisation.insert(sample.clone(), normalisation);
            }
        }
        self.select(syntax::count(Some(syntax::column("skim"))), "skimmed");
        let samples = self.treatment.samples.clone();
        for part in self.treatment.subsamples.clone() {
            let own =
                |base: &str| part.as_ref().map_or_else(|| base.to_owned(), |part| format!("{base}__{part}"));
            let counted = syntax::count(Some(self.selected(part.as_deref(), None)));
            let column = self.select(counted, &own("preselected"));
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

    /// Events that are filled somewhere with a weight that is NULL: by subsample, shift, and categories that share weights.
    fn lost(&self) -> Option<Expr> {
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
                Some(shifted) if shifted.touches(&names(&weight.nominal)) => {
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
    fn active_shapes(&self) -> Vec<(&'a Shape, &'a Shifted)> {
        let (analysis, shifts, treatment) = (self.analysis, self.shifts, self.treatment);
        let active =
            |shape: &Shape| treatment.scopes.iter().flatten().any(|scope| scope.shapes.contains(&shape.of));
        analysis.shapes.iter().zip(shifts).filter(|(shape, _)| active(shape)).collect()
    }

    /// Which events are filled.
    fn selected(&self, part: Option<&str>, shifted: Option<&Shifted>) -> Expr {
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

    /// The factors of all weights: the names of their columns and what they are.
    fn factors(&self) -> Vec<(String, Expr)> {
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
                if shifted.touches(&names(&weight.nominal)) {
                    let expr = syntax::double(shifted.apply(&weight.nominal));
                    factors.push((shifted.named(&format!("w_{name}")), expr));
                }
            }
        }
        factors
    }

    /// The product of a scope's weights, one of them in a variation, or all under a shift.
    fn weight(&self, scope: &Scope, variation: Option<(&str, &str)>, shifted: Option<&Shifted>) -> Expr {
        syntax::product(scope.weights.iter().map(|name| {
            let is_touched = |shifted: &Shifted| {
                self.analysis.weights.get(name).is_some_and(|weight| shifted.touches(&names(&weight.nominal)))
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
    fn groups(&self, part: usize, categories: &[String], shape: Option<&Shape>) -> Vec<Group<'a>> {
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
    fn variations(&self, part: usize, histogram: &Histogram) -> Vec<(String, String)> {
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
                || call.values.iter().any(|(value, _)| shifted.touches(&names(value)));
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

    /// The weights of a call: all variations for simulation, one for data, none where events are counted.
    fn weights(
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

    /// The tables of events per category.
    fn tables(&mut self, plan: &mut Plan) {
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

    fn histograms(&mut self, plan: &mut Plan) {
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

    /// The steps of this treatment alone.
    fn steps(&self, last: &str) -> Vec<Step> {
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

    /// The files of single events.
    fn columns(&mut self, common: &[Step], last: &str, plan: &mut Plan) -> Vec<Statement> {
        let mut statements = Vec::new();
        for (list, categories) in self.treatment.columns.clone() {
            for (part, name) in self.treatment.subsamples.clone().into_iter().enumerate() {
                for group in self.groups(part, &categories, None) {
                    let path = format!("columns/{}_{}.parquet", self.treatment.label, plan.columns.len() + 1);
                    let select = self.columns_select(&list, &group, name.as_deref());
                    let mut steps = Steps { steps: common.to_vec(), finals: vec![] };
                    steps.steps.extend(self.steps(last));
                    steps.finals.push((format!("columns of {}", group.categories.join(", ")), select));
                    plan.columns
                        .push(ColumnsPlan { path: path.clone(), categories: group.categories.clone() });
                    let comment = told(self.analysis, "columns");
                    statements.push(Statement::Copy { comment, steps, path });
                }
            }
        }
        statements
    }

    fn columns_select(
        &self,
        list: &[Collection],
        group: &Group<'_>,
        part: Option<&str>,
    ) -> datafusion::sql::sqlparser::ast::Select {
        let mut items = vec![
            SelectItem::UnnamedExpr(syntax::column("sample")),
            SelectItem::UnnamedExpr(syntax::column("dataset")),
        ];
        if let Some(part) = part {
            items.push(syntax::aliased(syntax::string(part), "subsample"));
        }
        let of = self.analysis.categories.iter().filter(|c| group.categories.contains(&c.name));
        items.push(syntax::aliased(categories(of.clone(), None), "category"));
        items.push(syntax::aliased(self.weight(group.scope, None, None), "weight"));
        for name in &group.scope.varied {
            for (variation, _) in self.analysis.weights.get(name).iter().flat_map(|weight| &weight.variations)
            {
                let weight = self.weight(group.scope, Some((name, variation)), None);
                items.push(syntax::aliased(weight, &format!("weight_{variation}")));
            }
        }
        for collection in list {
            items.extend(self.columns_of(collection));
        }
        let any = syntax::any(of.map(|category| all_of(&category.cuts, None)));
        let selection = syntax::all([self.selected(part, None), any]);
        let from = syntax::table(&format!("weighted_{}", self.treatment.label));
        syntax::select(items, from, Some(selection), vec![])
    }

    fn columns_of(&self, raw: &Collection) -> Vec<SelectItem> {
        let fill = syntax::float(raw.fill_value.unwrap_or(-999.0));
        if raw.collection == "events" || raw.collection.is_empty() {
            let value = |name: &String| {
                let column = syntax::column(name);
                let filled = if raw.fill_none == Some(false) {
                    column
                } else {
                    syntax::call("coalesce", vec![column, fill.clone()])
                };
                syntax::aliased(filled, &format!("events_{name}"))
            };
            return raw.columns.iter().map(value).collect();
        }
        let sliced = |list: Expr| match (raw.pos_start, raw.pos_end) {
            (None, None) => list,
            (start, end) => {
                let integer = |n: u64| syntax::integer(i64::try_from(n).unwrap_or(i64::MAX));
                let first = integer(start.unwrap_or(0).saturating_add(1));
                let last = end.map_or_else(|| syntax::integer(i64::from(i32::MAX)), integer);
                syntax::call("array_slice", vec![list, first, last])
            }
        };
        let is_list = self.analysis.definitions.iter().any(|d| d.name == raw.collection);
        let mut items = Vec::new();
        if raw.store_size == Some(true) || (raw.store_size.is_none() && is_list) {
            let number = match (raw.pos_start, raw.pos_end, raw.columns.first()) {
                (None, None, _) | (_, _, None) => syntax::column(&format!("n{}", raw.collection)),
                (_, _, Some(first)) => {
                    syntax::call("cardinality", vec![sliced(syntax::field(&raw.collection, first))])
                }
            };
            items.push(syntax::aliased(number, &format!("{}_N", raw.collection)));
        }
        for name in &raw.columns {
            let list = sliced(syntax::field(&raw.collection, name));
            items.push(syntax::aliased(list, &format!("{}_{name}", raw.collection)));
        }
        items
    }
}

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
