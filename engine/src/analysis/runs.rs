//! The sum of weights that the Runs trees of the files hold.

use datafusion::sql::sqlparser::ast::{BinaryOperator, SelectItem};

use super::model::{Analysis, Normalisation};
use super::print::{Statement, Steps};
use super::syntax;
use super::translate::{chosen_files, only_datasets, told};

/// The branch, unless the file of the analysis names others.
const BRANCH: &str = "genEventSumw";

/// The samples that are divided by it.
fn samples(analysis: &Analysis) -> Vec<&str> {
    let by_runs = analysis.treatments.iter().filter(|t| t.normalisation == Some(Normalisation::Runs));
    by_runs.flat_map(|treatment| treatment.samples.iter().map(String::as_str)).collect()
}

fn branches(analysis: &Analysis) -> Vec<&str> {
    match analysis.raw.normalisation.runs_branches.as_slice() {
        [] => vec![BRANCH],
        names => names.iter().map(String::as_str).collect(),
    }
}

/// The Runs trees of the files that hold the events.
pub(super) fn table(analysis: &Analysis) -> Option<Statement> {
    if samples(analysis).is_empty() {
        return None;
    }
    let mut options = vec![("tree".to_owned(), "Runs".to_owned())];
    let samples = samples(analysis);
    options.extend(only_datasets(analysis, |dataset| samples.contains(&dataset.sample.as_str())));
    if branches(analysis).len() > 1 {
        options.push(("missing_branch".to_owned(), "null".to_owned()));
    }
    Some(Statement::Table {
        comment: told(analysis, "normalisation.sum_genweights"),
        name: "runs".to_owned(),
        location: analysis.location.clone(),
        options,
    })
}

/// Their sums by dataset, of the same files as the events.
pub(super) fn sums(analysis: &Analysis) -> Option<Statement> {
    let samples = samples(analysis);
    if samples.is_empty() {
        return None;
    }
    let branches = branches(analysis);
    let value = match branches.as_slice() {
        [one] => syntax::column(one),
        several => syntax::call("coalesce", several.iter().map(|name| syntax::column(name)).collect()),
    };
    let sum = syntax::aggregate("sum", vec![syntax::positional(syntax::double(value.clone()))], None);
    // A run without any of the branches would be left out of the sum: NULL is an error.
    let sum = if branches.len() > 1 {
        let all = syntax::aggregate("count", vec![syntax::positional(value)], None);
        let complete = syntax::binary(all, BinaryOperator::Eq, syntax::count(None));
        syntax::case(vec![(complete, sum)], None)
    } else {
        sum
    };
    let keys = || vec![syntax::column("sample"), syntax::column("dataset")];
    let mut items: Vec<SelectItem> = keys().into_iter().map(SelectItem::UnnamedExpr).collect();
    items.push(syntax::aliased(syntax::count_distinct(syntax::column("file")), "files"));
    items.push(syntax::aliased(sum, "sum_genweights"));
    let of_samples = syntax::is_one_of("sample", samples);
    let conditions = chosen_files(analysis).into_iter().chain([of_samples]);
    let select = syntax::select(items, syntax::table("runs"), Some(syntax::all(conditions)), keys());
    let comment = "The sums of weights before any cut, in these files or those they were skimmed from.";
    Some(Statement::Query(Steps { finals: vec![(comment.to_owned(), select)], ..Steps::default() }))
}
