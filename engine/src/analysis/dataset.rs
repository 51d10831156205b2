//! Datasets: what is known about the files, and expressions that depend on it.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::Expr;

use super::error::AnalysisError;
use super::locate::{Source, Way};
use super::{Result, config, syntax};
use crate::dialect::faults::nearest;
use crate::table::{datasets::Datasets, provider::place};

/// A dataset: files of one sample and year.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Its sample.
    pub sample: String,
    /// Its year; empty where the file has none.
    pub year: String,
    /// Whether it is simulated.
    pub is_mc: bool,
    /// Its cross section in pb.
    pub xsec: Option<f64>,
    /// Σ genWeight before any cut, where the datasets file has it.
    pub sum_genweights: Option<f64>,
    /// For data, the primary dataset.
    pub primary_dataset: Option<String>,
    /// Its files, as the datasets file has them.
    pub files: Vec<String>,
    /// Where they are.
    pub paths: Vec<String>,
    /// How many events it has, where the datasets file says so.
    pub events: Option<u64>,
}

/// Datasets as the files of an analysis have them.
pub(super) struct Loaded {
    /// The datasets files, with commas between.
    pub(super) location: String,
    /// Those that the filter leaves.
    pub(super) chosen: Vec<Dataset>,
    /// Whether it leaves all.
    pub(super) complete: bool,
    /// All samples: one that is filtered out is no misspelt one.
    pub(super) samples: BTreeSet<String>,
}

/// Reads the datasets files.
pub(super) fn load(raw: &config::Datasets, source: &Source, folder: &Path) -> Result<Loaded> {
    let way = Way::default().key("datasets");
    if raw.jsons.is_empty() {
        let problem = "no datasets file; write jsons: [datasets.json]".to_owned();
        return Err(AnalysisError::Value { place: source.place(&way), problem });
    }
    let mut texts = Vec::with_capacity(raw.jsons.len());
    for (i, name) in raw.jsons.iter().enumerate() {
        let path = folder.join(name);
        if name.contains(',') {
            let problem = "the name of a datasets file cannot hold a comma".to_owned();
            return Err(AnalysisError::Value { place: source.place(&way.key("jsons").index(i)), problem });
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|source| AnalysisError::Read { path: path.clone(), source })?;
        texts.push((path.display().to_string(), text));
    }
    let wrong =
        |error| AnalysisError::Datasets { place: source.place(&way.key("jsons")), source: Box::new(error) };
    let parsed = Datasets::parse_all(&texts).map_err(wrong)?;
    let names: Vec<&str> = texts.iter().map(|(name, _)| name.as_str()).collect();
    let location = names.join(",");
    let all = read(&parsed, &names, source, &way)?;
    let chosen: Vec<Dataset> = all.iter().filter(|dataset| passes(&raw.filter, dataset)).cloned().collect();
    check_filter(&raw.filter, &all, source, &way)?;
    if chosen.is_empty() {
        let problem = "the filter leaves no dataset".to_owned();
        return Err(AnalysisError::Value { place: source.place(&way.key("filter")), problem });
    }
    let complete = chosen.len() == all.len();
    let samples = all.into_iter().map(|dataset| dataset.sample).collect();
    Ok(Loaded { location, chosen, complete, samples })
}

fn read(parsed: &Datasets, names: &[&str], source: &Source, way: &Way) -> Result<Vec<Dataset>> {
    let mut all: Vec<Dataset> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for file in &parsed.files {
        let beside = names.get(file.source).and_then(|name| Path::new(name).parent());
        if let Some(known) = places.get(file.dataset.as_str()).and_then(|place| all.get_mut(*place)) {
            let path = place(&file.location, beside);
            if !seen.insert((file.dataset.clone(), path.clone())) {
                let problem = format!("dataset '{}' has {path} twice", file.dataset);
                return Err(AnalysisError::Value { place: source.place(&way.key("jsons")), problem });
            }
            known.files.push(file.location.clone());
            known.paths.push(path);
            continue;
        }
        let value = |name: &str| {
            let at = parsed.fields.iter().position(|field| field.name() == name)?;
            file.values.get(at).filter(|value| !value.is_null())
        };
        let text = |name: &str| match value(name) {
            Some(ScalarValue::Utf8(Some(text))) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
            None => None,
        };
        let number = |name: &str| match value(name) {
            Some(ScalarValue::Float64(number)) => *number,
            _ => None,
        };
        let is_mc = match value("is_mc") {
            Some(ScalarValue::Boolean(Some(is_mc))) => *is_mc,
            _ => {
                let problem = format!(
                    "dataset '{}' does not say whether it is simulated; add \"isMC\": \"True\" or \"False\" to its metadata",
                    file.dataset
                );
                return Err(AnalysisError::Value { place: source.place(&way.key("jsons")), problem });
            }
        };
        let Some(sample) = text("sample") else {
            let problem = format!("dataset '{}' has no sample in its metadata", file.dataset);
            return Err(AnalysisError::Value { place: source.place(&way.key("jsons")), problem });
        };
        seen.insert((file.dataset.clone(), place(&file.location, beside)));
        places.insert(&file.dataset, all.len());
        all.push(Dataset {
            name: file.dataset.clone(),
            sample,
            year: text("year").unwrap_or_default(),
            is_mc,
            xsec: number("xsec"),
            sum_genweights: number("sum_genweights"),
            primary_dataset: text("primaryDataset"),
            files: vec![file.location.clone()],
            paths: vec![place(&file.location, beside)],
            events: text("nevents").and_then(|text| text.parse().ok()),
        });
    }
    check_samples(&all, source, way)?;
    Ok(all)
}

/// A sample is treated one way: it cannot be both data and simulation.
fn check_samples(all: &[Dataset], source: &Source, way: &Way) -> Result<()> {
    let mut first: HashMap<&str, &Dataset> = HashMap::new();
    for dataset in all {
        let other = *first.entry(&dataset.sample).or_insert(dataset);
        if other.is_mc != dataset.is_mc {
            let problem = format!(
                "sample '{}' is data in one dataset and simulation in another ('{}', '{}')",
                dataset.sample, other.name, dataset.name
            );
            return Err(AnalysisError::Value { place: source.place(&way.key("jsons")), problem });
        }
    }
    Ok(())
}

fn passes(filter: &config::Filter, dataset: &Dataset) -> bool {
    (filter.samples.is_empty() || filter.samples.contains(&dataset.sample))
        && !filter.samples_exclude.contains(&dataset.sample)
        && (filter.year.is_empty() || filter.year.contains(&dataset.year))
}

fn check_filter(filter: &config::Filter, all: &[Dataset], source: &Source, way: &Way) -> Result<()> {
    let samples: BTreeSet<&str> = all.iter().map(|dataset| dataset.sample.as_str()).collect();
    let years: BTreeSet<&str> = all.iter().map(|dataset| dataset.year.as_str()).collect();
    let lists = [
        ("samples", "sample", &filter.samples, &samples),
        ("samples_exclude", "sample", &filter.samples_exclude, &samples),
        ("year", "year", &filter.year, &years),
    ];
    for (key, what, asked, known) in lists {
        for (i, name) in asked.iter().enumerate() {
            if !known.contains(name.as_str()) {
                return Err(AnalysisError::Unknown {
                    place: source.place(&way.key("filter").key(key).index(i)),
                    what,
                    name: name.clone(),
                    near: nearest(name, known.iter().copied(), 2),
                });
            }
        }
    }
    Ok(())
}

/// One expression for each year: itself where it is the same for all.
pub(super) fn by_year(of_years: Vec<(String, Expr)>) -> Expr {
    let condition = |years: &[&str]| syntax::is_one_of("year", years.iter().copied());
    let keyed: Vec<(&str, &Expr)> = of_years.iter().map(|(year, expr)| (year.as_str(), expr)).collect();
    choose(&keyed, condition)
}

/// A CASE over distinct expressions; the expression itself where there is only one.
fn choose<K: Copy>(keyed: &[(K, &Expr)], condition: impl Fn(&[K]) -> Expr) -> Expr {
    let mut distinct: Vec<(&Expr, Vec<K>)> = Vec::new();
    for (key, expr) in keyed {
        match distinct.iter_mut().find(|(known, _)| known == expr) {
            Some((_, keys)) => keys.push(*key),
            None => distinct.push((expr, vec![*key])),
        }
    }
    match distinct.as_slice() {
        [] => syntax::null(),
        [(one, _)] => (*one).clone(),
        several => {
            let branch = |(expr, keys): &(&Expr, Vec<K>)| (condition(keys), (*expr).clone());
            syntax::case(several.iter().map(branch).collect(), None)
        }
    }
}

/// An expression that depends on year, kind and primary dataset: itself where it is the same for all datasets.
pub(super) fn by_dataset(datasets: &[Dataset], mut of: impl FnMut(&Dataset) -> Result<Expr>) -> Result<Expr> {
    let key = |dataset: &Dataset| {
        let primary = dataset.primary_dataset.clone().filter(|_| !dataset.is_mc);
        (dataset.year.clone(), dataset.is_mc, primary)
    };
    // Thousands of datasets are of a few kinds.
    let mut seen = BTreeSet::new();
    let kinds: Vec<&Dataset> = datasets.iter().filter(|dataset| seen.insert(key(dataset))).collect();
    let mut expressions = Vec::with_capacity(kinds.len());
    for dataset in &kinds {
        expressions.push(of(dataset)?);
    }
    let keyed: Vec<(&Dataset, &Expr)> = kinds.iter().copied().zip(&expressions).collect();
    let several_years = kinds.iter().map(|d| &d.year).collect::<BTreeSet<_>>().len() > 1;
    let data_and_simulation = kinds.iter().map(|d| d.is_mc).collect::<BTreeSet<_>>().len() > 1;
    let one = |dataset: &&Dataset| {
        let mut parts = Vec::new();
        if several_years {
            parts.push(syntax::is_one_of("year", [dataset.year.as_str()]));
        }
        if data_and_simulation {
            let is_mc = syntax::column("is_mc");
            parts.push(if dataset.is_mc { is_mc } else { not(is_mc) });
        }
        if let (false, Some(primary)) = (dataset.is_mc, &dataset.primary_dataset) {
            parts.push(syntax::is_one_of("primaryDataset", [primary.as_str()]));
        }
        syntax::all(parts)
    };
    Ok(choose(&keyed, |datasets: &[&Dataset]| syntax::any(datasets.iter().map(one))))
}

/// `NOT expr`.
pub(super) fn not(expr: Expr) -> Expr {
    use datafusion::sql::sqlparser::ast::UnaryOperator;
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(syntax::operand(expr)) }
}
