//! From the resolved analysis to the syntax tree of its script.

mod columns;
mod definitions;
mod fill;
mod shift;
mod steps;
mod weights;
mod writer;

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{Expr, SelectItem};

use self::definitions::{all_definitions, collection, shifts};
use self::shift::Shifted;
use self::steps::Common;
use self::writer::Writer;
use super::dataset::Dataset;
use super::locate::Way;
use super::model::{Analysis, Category, Collapse, Plan};
use super::print::{self, Script, Statement, Steps};
use super::{Result, runs, syntax};

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
    let mut all = Steps {
        steps: common.steps.clone(),
        finals: vec![],
        order: vec!["sample".to_owned(), "dataset".to_owned()],
    };
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

/// Queries whose columns are the factors of the weights, `w_<name>`: to ask for their types.
pub(super) fn factors(analysis: &Analysis) -> Vec<String> {
    let mut common = Common { analysis, shifts: &[], steps: vec![], last: "events".to_owned() };
    common.build(&analysis.definitions);
    let of_treatment = |treatment| {
        let writer = Writer::new(analysis, &[], treatment);
        let columns =
            writer.factors().into_iter().map(|(name, _)| SelectItem::UnnamedExpr(syntax::column(&name)));
        let from = syntax::table(&format!("factors_{}", treatment.label));
        let mut steps = Steps { steps: common.steps.clone(), ..Steps::default() };
        steps.steps.extend(writer.steps(&common.last).into_iter().take(1));
        steps.finals.push((String::new(), syntax::select(columns.collect(), from, None, vec![])));
        print::script(&Script { head: vec![], statements: vec![Statement::Query(steps)] })
    };
    analysis.treatments.iter().map(of_treatment).collect()
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
    options.extend(only_datasets(analysis, |_| true));
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

/// The option for a table of some datasets only; none for all, and where a name would not fit between commas.
pub(super) fn only_datasets(
    analysis: &Analysis,
    wanted: impl Fn(&Dataset) -> bool,
) -> Option<(String, String)> {
    let chosen: Vec<&Dataset> = analysis.datasets.iter().filter(|dataset| wanted(dataset)).collect();
    let all = analysis.complete && chosen.len() == analysis.datasets.len();
    let fits = |dataset: &&Dataset| !dataset.name.contains(',') && dataset.name.trim() == dataset.name;
    let names = || chosen.iter().map(|dataset| dataset.name.as_str()).collect::<Vec<_>>().join(", ");
    let with_files = !chosen.is_empty() && chosen.iter().all(|dataset| !dataset.files.is_empty());
    (!all && with_files && chosen.iter().all(fits)).then(|| ("datasets".to_owned(), names()))
}

/// The files that the filter and the limit leave; `None` for all.
pub(super) fn chosen_files(analysis: &Analysis) -> Option<Expr> {
    let mut conditions = Vec::new();
    if !analysis.complete && only_datasets(analysis, |_| true).is_none() {
        conditions.push(syntax::is_one_of("dataset", analysis.datasets.iter().map(|d| d.name.as_str())));
    }
    if let Some(limit) = analysis.raw.run.limit {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if analysis.datasets.iter().any(|dataset| dataset.files.len() > limit) {
            let of_each = || analysis.datasets.iter().flat_map(|d| d.files.iter().take(limit));
            let all = analysis.datasets.iter().flat_map(|d| &d.files);
            let distinct: BTreeSet<&String> = all.clone().collect();
            conditions.push(if distinct.len() == all.count() {
                syntax::is_one_of("file", of_each().map(String::as_str))
            } else {
                // A file of two datasets may be among the first of one only.
                syntax::any(analysis.datasets.iter().map(|dataset| {
                    let files = dataset.files.iter().take(limit).map(String::as_str);
                    syntax::all([
                        syntax::is_one_of("dataset", [dataset.name.as_str()]),
                        syntax::is_one_of("file", files),
                    ])
                }))
            });
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

fn categories<'a>(
    of: impl Iterator<Item = &'a Category>,
    collapse: Option<Collapse>,
    shifted: Option<&Shifted>,
) -> Expr {
    syntax::record(
        of.map(|category| (category.name.clone(), all_of(&category.event_cuts(collapse), shifted))),
    )
}
