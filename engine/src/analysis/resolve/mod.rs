//! From what is written to what is meant: every name is looked up, every expression parsed.

mod categories;
mod checks;
mod objects;
mod weights;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use self::categories::Pool;
use super::config::{self, Raw};
use super::cut::{Cuts, NamedCut};
use super::dataset::Loaded;
use super::error::AnalysisError;
use super::expression::Reader;
use super::locate::{Source, Way};
use super::model::{Analysis, Body, Category, Definition, Shape, Weight};
use super::parameter::Parameters;
use super::warning::Warning;
use super::{Result, dataset, histogram, order, treatment};

/// Names that the script gives to columns of its own.
const RESERVED: [&str; 13] = [
    "skim",
    "presel",
    "category",
    "weight",
    "sample",
    "dataset",
    "events",
    "runs",
    "raw",
    "cuts",
    "subsamples",
    "categories",
    "variables",
];

/// What other names of its own begin with.
const RESERVED_STARTS: [&str; 5] = ["w_", "factors_", "weighted_", "variables_", "some_categories"];

/// Reads an analysis file and checks it, without opening any file of events.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn load(path: &Path) -> Result<Analysis> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| AnalysisError::Read { path: path.to_owned(), source })?;
    let source = Source::new(path, text);
    let raw = config::parse(&source)?;
    let folder = source.folder();
    let parameters = Parameters::load(&raw.parameters, &source, &folder)?;
    let Loaded { location, chosen: datasets, complete, samples } =
        dataset::load(&raw.datasets, &source, &folder)?;
    let reader = Reader { source: &source, parameters: &parameters, datasets: &datasets };
    let parts = Resolver { raw: &raw, reader: &reader, samples: &samples, warnings: Vec::new() }.resolve()?;
    let mut analysis = Analysis {
        warnings: parts.warnings,
        definitions: parts.definitions,
        skim: parts.skim,
        cuts: parts.cuts,
        preselections: parts.preselections,
        categories: parts.categories,
        subsamples: parts.subsamples,
        weights: parts.weights,
        shapes: parts.shapes,
        histograms: parts.histograms,
        treatments: vec![],
        source: source.clone(),
        location,
        complete,
        samples,
        datasets: datasets.clone(),
        resolved: Raw {
            parameters: config::Parameters { files: vec![], values: parameters.resolved() },
            ..raw.clone()
        },
        raw: raw.clone(),
    };
    treatment::assign(&mut analysis)?;
    Ok(analysis)
}

/// What a resolver has found.
struct Parts {
    warnings: Vec<Warning>,
    definitions: Vec<Definition>,
    skim: Vec<NamedCut>,
    cuts: Vec<NamedCut>,
    preselections: Vec<String>,
    categories: Vec<Category>,
    subsamples: BTreeMap<String, Vec<Category>>,
    weights: BTreeMap<String, Weight>,
    shapes: Vec<Shape>,
    histograms: Vec<super::model::Histogram>,
}

struct Resolver<'a> {
    raw: &'a Raw,
    reader: &'a Reader<'a>,
    /// All samples of the datasets files.
    samples: &'a BTreeSet<String>,
    warnings: Vec<Warning>,
}

impl Resolver<'_> {
    fn resolve(mut self) -> Result<Parts> {
        let top = Way::default();
        if self.raw.run.max.is_some() {
            return Err(AnalysisError::Unsupported {
                place: self.reader.source.place(&top.key("run").key("max")),
                option: "max".to_owned(),
                instead: "files are read whole; limit says how many of each dataset",
            });
        }
        if self.raw.run.limit == Some(0) {
            return Err(
                self.wrong(&top.key("run").key("limit"), "no files at all: limit is at least 1".to_owned())
            );
        }
        let mut unsorted = Vec::new();
        for (name, object) in self.raw.objects.iter() {
            unsorted.extend(self.object(name, object, &top.key("objects").key(name))?);
        }
        for (name, text) in self.raw.variables.iter() {
            let way = top.key("variables").key(name);
            self.check_name(name, &way)?;
            let expr = self.reader.expression(text, &way)?;
            unsorted.push(definition(name, Body::Variable(expr)));
        }
        let mut defined: BTreeMap<String, bool> = BTreeMap::new();
        for one in &unsorted {
            let is_collection = matches!(one.body, Body::Collection(_));
            if defined.insert(one.name.clone(), is_collection).is_some() {
                let way = top.key("variables").key(&one.name);
                return Err(self.wrong(
                    &way,
                    format!("'{}' is both a collection and a variable, or there twice", one.name),
                ));
            }
        }
        let reader = self.reader;
        let cuts = Cuts { reader, named: &self.raw.cuts, warnings: RefCell::default() };
        let mut pool = Pool { cuts: vec![], defined: &defined };
        let mut skim = Vec::new();
        for (i, raw) in self.raw.skim.iter().enumerate() {
            let way = top.key("skim").index(i);
            let cut = cuts.read(raw, &way, &format!("skim_{}", i + 1))?;
            self.event_cut(raw, &cut, &way)?;
            skim.push(cut);
        }
        let preselections =
            self.cut_list(&cuts, &mut pool, &self.raw.preselections, &top.key("preselections"), "presel")?;
        let categories = self.categories(&cuts, &mut pool)?;
        let subsamples = self.subsamples(&cuts, &mut pool)?;
        for (name, raw) in self.raw.cuts.iter() {
            cuts.read(raw, &top.key("cuts").key(name), name)?;
        }
        self.warnings.append(&mut cuts.warnings.borrow_mut());
        let pooled = pool.cuts;
        let needed: BTreeSet<String> = skim.iter().flat_map(|cut| order::used(&cut.expr, &defined)).collect();
        let definitions = order::sort(unsorted, &defined, &needed, reader.source)?;
        let weights = self.weights()?;
        let shapes = self.shapes()?;
        let histograms = self.histograms(&categories)?;
        self.check_aliases(&definitions, &pooled, &skim, &defined, &shapes)?;
        self.check_objects(&definitions, &pooled, &weights, &histograms, &shapes)?;
        self.check_labels(&weights, &shapes)?;
        self.check_bare(&definitions, &pooled, &shapes)?;
        Ok(Parts {
            warnings: self.warnings,
            definitions,
            skim,
            cuts: pooled,
            preselections,
            categories,
            subsamples,
            weights,
            shapes,
            histograms,
        })
    }

    fn wrong(&self, way: &Way, problem: String) -> AnalysisError {
        AnalysisError::Value { place: self.reader.source.place(way), problem }
    }

    fn histograms(&mut self, categories: &[Category]) -> Result<Vec<super::model::Histogram>> {
        let way = Way::default().key("histograms");
        let names: Vec<String> = categories.iter().map(|category| category.name.clone()).collect();
        let mut all: Vec<super::model::Histogram> = Vec::new();
        for (name, raw) in self.raw.histograms.iter() {
            let way = way.key(name);
            for (key, samples) in
                [("only_samples", &raw.only_samples), ("exclude_samples", &raw.exclude_samples)]
            {
                for (i, sample) in samples.iter().flatten().enumerate() {
                    self.check_sample(sample, &way.key(key).index(i))?;
                }
            }
            for (name, one) in histogram::expand(name, raw, self.reader, &way)? {
                if all.iter().any(|known| known.name == name) {
                    return Err(self.wrong(&way, format!("two histograms are called '{name}'")));
                }
                if name.contains("__") || RESERVED.contains(&name.as_str()) || name.is_empty() {
                    return Err(self.wrong(&way, format!("a histogram cannot be called '{name}'")));
                }
                let histogram = histogram::resolve(&name, &one, self.reader, &way, &names)?;
                self.check_masks(&histogram, categories, &way)?;
                if histogram.categories.is_empty() {
                    let place = Some(self.reader.source.place(&way));
                    let message = format!("histogram '{name}' is of no category and never fills");
                    self.warnings.push(Warning { place, message });
                }
                all.push(histogram);
            }
        }
        Ok(all)
    }
}

fn definition(name: &str, body: Body) -> Definition {
    Definition { name: name.to_owned(), body, layer: 0, before_skim: false }
}
