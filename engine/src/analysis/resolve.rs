//! From what is written to what is meant: every name is looked up, every expression parsed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, OrderBy, OrderByKind, Query, SelectItem, SetExpr, SetOperator, SetQuantifier,
    TableAlias, TableFactor,
};

use super::config::{self, Ordered, Raw};
use super::cut::{Cuts, NamedCut};
use super::dataset::{self, by_dataset, not};
use super::error::AnalysisError;
use super::expression::Reader;
use super::locate::{Source, Way};
use super::model::{Analysis, Body, Category, Definition, Shape, Weight};
use super::parameter::Parameters;
use super::warning::Warning;
use super::{Result, histogram, names, order, syntax, treatment};
use crate::dialect::build;

/// Names that the script gives to columns of its own.
const RESERVED: [&str; 8] = ["skim", "presel", "category", "weight", "sample", "dataset", "events", "runs"];

/// Steps of a cutflow in front of the categories.
const STEPS: [&str; 3] = ["initial", "skim", "presel"];

/// Each is a mask that is evaluated, and a slice of every histogram.
const MOST_CATEGORIES: usize = 1000;

/// Reads an analysis file and checks it, without opening any file of events.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn load(path: &Path) -> Result<Analysis> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| AnalysisError::Read { path: path.to_owned(), source })?;
    let source = Source::new(path, text);
    let raw = config::parse(&source)?;
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let parameters = Parameters::load(&raw.parameters, &source, &folder)?;
    let (location, datasets, complete) = dataset::load(&raw.datasets, &source, &folder)?;
    let reader = Reader { source: &source, parameters: &parameters, datasets: &datasets };
    let parts = Resolver { raw: &raw, reader: &reader, warnings: Vec::new() }.resolve()?;
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
        let cuts = Cuts { reader, named: &self.raw.cuts };
        let mut pool = Pool { cuts: vec![], defined: &defined };
        let mut skim = Vec::new();
        for (i, raw) in self.raw.skim.iter().enumerate() {
            let way = top.key("skim").index(i);
            let cut = cuts.read(raw, &way, &format!("skim_{}", i + 1))?;
            self.check_cut(raw, &cut, &way)?;
            skim.push(cut);
        }
        let preselections =
            self.cut_list(&cuts, &mut pool, &self.raw.preselections, &top.key("preselections"), "presel")?;
        let categories = self.categories(&cuts, &mut pool)?;
        let subsamples = self.subsamples(&cuts, &mut pool)?;
        for (name, raw) in self.raw.cuts.iter() {
            cuts.read(raw, &top.key("cuts").key(name), name)?;
        }
        let pooled = pool.cuts;
        let needed: BTreeSet<String> = skim.iter().flat_map(|cut| order::used(&cut.expr, &defined)).collect();
        let definitions = order::sort(unsorted, &defined, &needed, reader.source)?;
        let weights = self.weights()?;
        let shapes = self.shapes()?;
        let histograms = self.histograms(&categories)?;
        self.check_aliases(&definitions, &pooled, &skim, &defined, &shapes)?;
        self.check_objects(&definitions, &pooled, &weights, &histograms, &shapes)?;
        self.check_labels(&weights, &shapes)?;
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

    fn check_name(&self, name: &str, way: &Way) -> Result<()> {
        if RESERVED.contains(&name) || name.contains("__") || name.starts_with("w_") {
            let problem =
                format!("'{name}' is a name of the script itself; choose another (no __, no w_ in front)");
            return Err(self.wrong(way, problem));
        }
        Ok(())
    }

    /// A shift renames collections; an alias of the same name would be renamed with it.
    fn check_aliases(
        &self,
        definitions: &[Definition],
        cuts: &[NamedCut],
        skim: &[NamedCut],
        defined: &BTreeMap<String, bool>,
        shapes: &[Shape],
    ) -> Result<()> {
        let shifted =
            shapes.iter().flat_map(|shape| &shape.shifts).filter_map(|(collection, _)| collection.as_ref());
        let taken: BTreeSet<&str> =
            shifted.map(String::as_str).chain(defined.keys().map(String::as_str)).collect();
        let mut aliases: BTreeSet<String> = BTreeSet::new();
        for definition in definitions {
            aliases.extend(match &definition.body {
                Body::Collection(query) => names::aliases(query),
                Body::Variable(expr) => names::aliases(expr),
            });
        }
        aliases.extend(cuts.iter().chain(skim).flat_map(|cut| names::aliases(&cut.expr)));
        match aliases.iter().find(|alias| taken.contains(alias.as_str())) {
            None => Ok(()),
            Some(alias) => {
                let problem = format!(
                    "an object is called '{alias}' in a subquery, which is the name of a collection or variable; call it otherwise"
                );
                Err(self.wrong(&Way::default(), problem))
            }
        }
    }

    /// A shift renames the branch MET_phi; in the object MET it would be found unshifted.
    fn check_objects(
        &self,
        definitions: &[Definition],
        cuts: &[NamedCut],
        weights: &BTreeMap<String, Weight>,
        histograms: &[super::model::Histogram],
        shapes: &[Shape],
    ) -> Result<()> {
        let shifted: BTreeSet<&str> = (shapes.iter().flat_map(|shape| &shape.shifts))
            .filter(|(collection, _)| collection.is_none())
            .flat_map(|(_, fields)| fields.iter().map(|(field, _)| field.as_str()))
            .collect();
        let mut words: BTreeSet<String> = BTreeSet::new();
        for definition in definitions {
            words.extend(match &definition.body {
                Body::Collection(query) => names::words(query),
                Body::Variable(expr) => names::words(expr),
            });
        }
        words.extend(cuts.iter().flat_map(|cut| names::words(&cut.expr)));
        words.extend(weights.values().flat_map(|weight| names::words(&weight.nominal)));
        words.extend(histograms.iter().flat_map(|h| &h.axes).flat_map(|(value, _)| names::words(value)));
        for field in shifted {
            let object_of = |word: &&String| {
                field.strip_prefix(word.as_str()).is_some_and(|rest| rest.starts_with('_') && rest.len() > 1)
            };
            if let Some(object) = words.iter().find(object_of) {
                let problem = format!(
                    "'{field}' is shifted, but '{object}' is used as a whole, which would not see it; name its fields ({field})"
                );
                return Err(self.wrong(&Way::default().key("variations").key("shape"), problem));
            }
        }
        Ok(())
    }

    /// Labels of the axis of variations.
    fn check_labels(&self, weights: &BTreeMap<String, Weight>, shapes: &[Shape]) -> Result<()> {
        let mut known = BTreeSet::from(["nominal"]);
        let of_weights = weights.values().flat_map(|weight| &weight.variations).map(|(label, _)| label);
        for label in of_weights.chain(shapes.iter().map(|shape| &shape.name)) {
            if !known.insert(label) {
                let problem =
                    format!("two variations are called '{label}'; names of weights and shifts must differ");
                return Err(self.wrong(&Way::default().key("variations"), problem));
            }
        }
        Ok(())
    }

    /// A collection; one with a union and a selection is two.
    fn object(&self, name: &str, raw: &config::Object, way: &Way) -> Result<Vec<Definition>> {
        self.check_name(name, way)?;
        let source = match (&raw.from, raw.union.as_slice()) {
            (Some(from), []) => from.clone(),
            (None, []) => return Err(self.wrong(way, "a collection needs from: or union:".to_owned())),
            (Some(_), _) => return Err(self.wrong(way, "from and union exclude each other".to_owned())),
            (None, [_]) => {
                return Err(self.wrong(way, "a union is of several collections; write from:".to_owned()));
            }
            (None, parts) => {
                let selects = raw.r#where.is_some()
                    || raw.order_by.is_some()
                    || !raw.clean.is_empty()
                    || !raw.fields.is_empty();
                let union = if selects { format!("{name}_all") } else { name.to_owned() };
                let together = definition(&union, Body::Collection(union_of(parts)));
                if !selects {
                    return Ok(vec![together]);
                }
                let object = raw.alias.as_deref().unwrap_or("object");
                let query = self.selection(&union, object, raw, way)?;
                return Ok(vec![together, definition(name, Body::Collection(query))]);
            }
        };
        let object = raw.alias.clone().unwrap_or_else(|| source.clone());
        let query = self.selection(&source, &object, raw, way)?;
        Ok(vec![definition(name, Body::Collection(query))])
    }

    fn selection(&self, from: &str, object: &str, raw: &config::Object, way: &Way) -> Result<Query> {
        let mut conditions = Vec::new();
        if let Some(text) = &raw.r#where {
            conditions.push(self.reader.expression(text, &way.key("where"))?);
        }
        for (other, distance) in raw.clean.iter() {
            if !distance.is_finite() || *distance <= 0.0 {
                let problem = "the distance is a positive number".to_owned();
                return Err(self.wrong(&way.key("clean").key(other), problem));
            }
            conditions.push(not(near_one_of(other, object, *distance)));
        }
        let mut projection = vec![syntax::star()];
        for (field, text) in raw.fields.iter() {
            let expr = self.reader.expression(text, &way.key("fields").key(field))?;
            projection.push(syntax::aliased(expr, field));
        }
        let mut table = syntax::table(from);
        if object != from
            && let TableFactor::Table { alias, .. } = &mut table
        {
            *alias = Some(called(object));
        }
        let selection = (!conditions.is_empty()).then(|| syntax::all(conditions));
        let select = syntax::select(projection, table, selection, vec![]);
        let mut query = build::query(SetExpr::Select(Box::new(select)));
        if let Some(text) = &raw.order_by {
            let by = self.reader.order(text, &way.key("order_by"))?;
            query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(by), interpolate: None });
        }
        Ok(query)
    }

    fn check_cut(&self, raw: &config::Cut, cut: &NamedCut, way: &Way) -> Result<()> {
        if cut.collection.is_some() {
            return Err(AnalysisError::Unsupported {
                place: self.reader.source.place(way),
                option: "a cut on the objects of a collection".to_owned(),
                instead: "make a collection with objects:, or write EXISTS (SELECT 1 FROM … WHERE …)",
            });
        }
        // A word that is no column could be a cut spelled wrong; the branches are checked with --data.
        if let (config::Cut::Text(text), Expr::Identifier(_)) = (raw, &cut.expr) {
            let near =
                crate::dialect::faults::nearest(text, self.raw.cuts.keys().chain(super::cut::FACTORIES), 1);
            if let [near] = near.as_slice()
                && near.eq_ignore_ascii_case(text)
                && near != text
            {
                let place = self.reader.source.place(way);
                return Err(AnalysisError::Unknown {
                    place,
                    what: "cut",
                    name: text.clone(),
                    near: vec![near.clone()],
                });
            }
        }
        Ok(())
    }

    fn cut_list(
        &self,
        cuts: &Cuts<'_>,
        pool: &mut Pool<'_>,
        raw: &[config::Cut],
        way: &Way,
        name: &str,
    ) -> Result<Vec<String>> {
        let mut list = Vec::with_capacity(raw.len());
        for (i, one) in raw.iter().enumerate() {
            let way = way.index(i);
            let cut = cuts.read(one, &way, &format!("{name}_{}", i + 1))?;
            self.check_cut(one, &cut, &way)?;
            if cut.expr != syntax::boolean(true) {
                list.push(pool.add(cut));
            }
        }
        Ok(list)
    }

    fn categories(&self, cuts: &Cuts<'_>, pool: &mut Pool<'_>) -> Result<Vec<Category>> {
        let way = Way::default().key("categories");
        let raw = &self.raw.categories;
        let mut all: Vec<Category> = Vec::new();
        for (name, list) in raw.standard.iter() {
            let cuts = self.cut_list(cuts, pool, list, &way.key(name), name)?;
            all.push(Category { name: name.to_owned(), cuts });
        }
        if let Some(cartesian) = &raw.cartesian {
            let way = way.key("cartesian");
            all.extend(self.product(cuts, pool, &cartesian.multicuts, &way.key("multicuts"))?);
            for (name, list) in cartesian.common_cats.iter() {
                let cuts = self.cut_list(cuts, pool, list, &way.key("common_cats").key(name), name)?;
                all.push(Category { name: name.to_owned(), cuts });
            }
        }
        if all.is_empty() {
            return Err(self.wrong(&way, "no category; write baseline: [passthrough]".to_owned()));
        }
        let mut known = BTreeSet::new();
        for category in &all {
            if STEPS.contains(&category.name.as_str()) {
                let problem =
                    format!("'{}' is a step of every cutflow; call the category otherwise", category.name);
                return Err(self.wrong(&way, problem));
            }
            if !known.insert(&category.name) {
                return Err(self.wrong(&way, format!("two categories are called '{}'", category.name)));
            }
        }
        if all.len() > MOST_CATEGORIES {
            return Err(self.too_many(&way));
        }
        Ok(all)
    }

    fn too_many(&self, way: &Way) -> AnalysisError {
        self.wrong(
            way,
            format!("more than {MOST_CATEGORIES} categories; a histogram with more axes does the same"),
        )
    }

    fn product(
        &self,
        cuts: &Cuts<'_>,
        pool: &mut Pool<'_>,
        multicuts: &[config::MultiCut],
        way: &Way,
    ) -> Result<Vec<Category>> {
        if multicuts.is_empty() {
            return Err(self.wrong(way, "cartesian categories need multicuts".to_owned()));
        }
        let number =
            multicuts.iter().try_fold(1usize, |number, multicut| number.checked_mul(multicut.cuts.len()));
        if number.is_none_or(|number| number > MOST_CATEGORIES) {
            return Err(self.too_many(way));
        }
        let mut product = vec![Category { name: String::new(), cuts: vec![] }];
        for (i, multicut) in multicuts.iter().enumerate() {
            let way = way.index(i);
            if multicut.cuts.is_empty() || multicut.cuts.len() != multicut.cuts_names.len() {
                let problem = format!(
                    "a multicut has as many cuts_names as cuts; here are {} and {}",
                    multicut.cuts_names.len(),
                    multicut.cuts.len()
                );
                return Err(self.wrong(&way, problem));
            }
            let mut factors = Vec::new();
            for (k, (cut, name)) in multicut.cuts.iter().zip(&multicut.cuts_names).enumerate() {
                let list = std::slice::from_ref(cut);
                let named = format!("{}_{name}", multicut.name);
                factors.push((name, self.cut_list(cuts, pool, list, &way.key("cuts").index(k), &named)?));
            }
            product = product
                .iter()
                .flat_map(|so_far| {
                    factors.iter().map(|(name, cuts)| {
                        let joint = if so_far.name.is_empty() { "" } else { "_" };
                        Category {
                            name: format!("{}{joint}{name}", so_far.name),
                            cuts: so_far.cuts.iter().chain(cuts).cloned().collect(),
                        }
                    })
                })
                .collect();
        }
        Ok(product)
    }

    fn subsamples(&self, cuts: &Cuts<'_>, pool: &mut Pool<'_>) -> Result<BTreeMap<String, Vec<Category>>> {
        let way = Way::default().key("datasets").key("subsamples");
        let mut all = BTreeMap::new();
        for (sample, parts) in self.raw.datasets.subsamples.iter() {
            let way = way.key(sample);
            self.check_sample(sample, &way)?;
            let mut found = Vec::new();
            for (name, list) in parts.iter() {
                let cuts = self.cut_list(cuts, pool, list, &way.key(name), &format!("{sample}_{name}"))?;
                found.push(Category { name: name.to_owned(), cuts });
            }
            if !found.is_empty() {
                all.insert(sample.to_owned(), found);
            }
        }
        Ok(all)
    }

    fn check_sample(&self, sample: &str, way: &Way) -> Result<()> {
        let samples: BTreeSet<&str> = self.reader.datasets.iter().map(|d| d.sample.as_str()).collect();
        if samples.contains(sample) {
            return Ok(());
        }
        let near = crate::dialect::faults::nearest(sample, samples.into_iter(), 2);
        Err(AnalysisError::Unknown {
            place: self.reader.source.place(way),
            what: "sample",
            name: sample.to_owned(),
            near,
        })
    }

    fn weights(&self) -> Result<BTreeMap<String, Weight>> {
        let way = Way::default().key("weights").key("define");
        let mut weights = BTreeMap::new();
        for (name, raw) in self.raw.weights.define.iter() {
            let way = way.key(name);
            if treatment::BUILT_IN.contains(&name) {
                return Err(
                    self.wrong(&way, format!("{name} is a weight that is always there; choose another name"))
                );
            }
            if raw.nominal.is_empty() {
                return Err(self.wrong(&way, "a weight needs nominal".to_owned()));
            }
            let nominal = self.reader.expression(&raw.nominal, &way.key("nominal"))?;
            let mut variations = Vec::new();
            for (suffix, text) in [("Up", &raw.up), ("Down", &raw.down)] {
                if let Some(text) = text {
                    let expr = self.reader.expression(text, &way.key(&suffix.to_lowercase()))?;
                    variations.push((format!("{name}{suffix}"), expr));
                }
            }
            for (varied, pair) in raw.variations.iter() {
                let way = way.key("variations").key(varied);
                for (suffix, text) in [("Up", &pair.up), ("Down", &pair.down)] {
                    if let Some(text) = text {
                        let expr = self.reader.expression(text, &way.key(&suffix.to_lowercase()))?;
                        variations.push((format!("{name}_{varied}{suffix}"), expr));
                    }
                }
            }
            weights.insert(name.to_owned(), Weight { nominal, variations });
        }
        self.built_in_weights(&mut weights)?;
        Ok(weights)
    }

    /// The weights that are there without a definition, if anybody uses them.
    fn built_in_weights(&self, weights: &mut BTreeMap<String, Weight>) -> Result<()> {
        let raw = &self.raw.weights;
        let scopes = std::iter::once(&raw.common).chain(raw.bysample.iter().map(|(_, scope)| scope));
        let asked: BTreeSet<&str> = scopes
            .flat_map(|scope| {
                scope.inclusive.iter().chain(scope.bycategory.iter().flat_map(|(_, list)| list))
            })
            .map(String::as_str)
            .collect();
        let way = Way::default().key("weights");
        for name in treatment::BUILT_IN.into_iter().filter(|name| asked.contains(name)) {
            let nominal = match name {
                "genWeight" => syntax::column("genWeight"),
                "signOf_genWeight" => syntax::call("signum", vec![syntax::column("genWeight")]),
                "XS" => syntax::column("xsec"),
                _ => by_dataset(self.reader.datasets, |dataset| {
                    if !dataset.is_mc {
                        return Ok(syntax::number("1.0"));
                    }
                    let place = self.reader.source.place(&way);
                    let parameter = format!("lumi.picobarns.{}.tot", dataset.year);
                    let value = self.reader.parameters.get(&parameter, &place)?;
                    match value.as_f64().filter(|value| value.is_finite()) {
                        Some(number) => Ok(syntax::float(number)),
                        None => Err(AnalysisError::Parameter {
                            place,
                            parameter,
                            problem: "is no number".to_owned(),
                            near: vec![],
                        }),
                    }
                })?,
            };
            weights.insert(name.to_owned(), Weight { nominal, variations: vec![] });
        }
        Ok(())
    }

    fn shapes(&self) -> Result<Vec<Shape>> {
        let way = Way::default().key("variations").key("shape").key("define");
        let mut shapes = Vec::new();
        for (name, collections) in self.raw.variations.shape.define.iter() {
            let way = way.key(name);
            let (mut up, mut down) = (Vec::new(), Vec::new());
            for (collection, fields) in collections.iter() {
                let way = way.key(collection);
                let (mut ups, mut downs) = (Vec::new(), Vec::new());
                for (field, varied) in fields.iter() {
                    let way = way.key(field);
                    for (key, text, list) in
                        [("up", &varied.up, &mut ups), ("down", &varied.down, &mut downs)]
                    {
                        if let Some(text) = text {
                            list.push((field.to_owned(), self.reader.expression(text, &way.key(key))?));
                        }
                    }
                }
                let collection = (collection != "events").then(|| collection.to_owned());
                up.push((collection.clone(), ups));
                down.push((collection, downs));
            }
            for (suffix, shifts) in [("Up", up), ("Down", down)] {
                let shifts: Vec<_> = shifts.into_iter().filter(|(_, fields)| !fields.is_empty()).collect();
                if !shifts.is_empty() {
                    shapes.push(Shape { name: format!("{name}{suffix}"), of: name.to_owned(), shifts });
                }
            }
        }
        Ok(shapes)
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

/// Distinct cuts by name.
struct Pool<'a> {
    cuts: Vec<NamedCut>,
    defined: &'a BTreeMap<String, bool>,
}

impl Pool<'_> {
    /// The name of the cut's column.
    fn add(&mut self, mut cut: NamedCut) -> String {
        if let Some(known) = self.cuts.iter().find(|known| known.expr == cut.expr) {
            return known.name.clone();
        }
        let base = cut.name.replace("__", "_");
        let taken = |name: &str, cuts: &[NamedCut]| {
            cuts.iter().any(|known| known.name == name)
                || self.defined.contains_key(name)
                || RESERVED.contains(&name)
                || matches!(&cut.expr, Expr::Identifier(column) if column.value == name)
        };
        let mut name = base.clone();
        let mut i = 2;
        while taken(&name, &self.cuts) {
            name = format!("{base}_{i}");
            i += 1;
        }
        cut.name.clone_from(&name);
        self.cuts.push(cut);
        name
    }
}

fn definition(name: &str, body: Body) -> Definition {
    Definition { name: name.to_owned(), body, layer: 0, before_skim: false }
}

fn called(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: syntax::ident(name), columns: vec![], at: None }
}

/// `SELECT * FROM a UNION ALL SELECT * FROM b`.
fn union_of(parts: &[String]) -> Query {
    let all_of = |name: &String| build::all_of(syntax::ident(name));
    let together = parts.iter().map(all_of).reduce(|left, right| SetExpr::SetOperation {
        op: SetOperator::Union,
        set_quantifier: SetQuantifier::All,
        left: Box::new(left),
        right: Box::new(right),
    });
    build::query(together.unwrap_or_else(|| {
        SetExpr::Values(datafusion::sql::sqlparser::ast::Values {
            explicit_row: false,
            value_keyword: false,
            rows: vec![],
        })
    }))
}

/// `EXISTS (SELECT 1 FROM other AS near WHERE delta_r(object, near) <= distance)`: PocketCoffea keeps what is farther.
fn near_one_of(other: &str, object: &str, distance: f64) -> Expr {
    let alias = if object == "near" { "near_one" } else { "near" };
    let mut table = syntax::table(other);
    if let TableFactor::Table { alias: place, .. } = &mut table {
        *place = Some(called(alias));
    }
    let between = syntax::call("delta_r", vec![syntax::column(object), syntax::column(alias)]);
    let condition = syntax::binary(between, BinaryOperator::LtEq, syntax::float(distance));
    let one = vec![SelectItem::UnnamedExpr(syntax::integer(1))];
    let select = syntax::select(one, table, Some(condition), vec![]);
    Expr::Exists { subquery: Box::new(build::query(SetExpr::Select(Box::new(select)))), negated: false }
}

/// The scopes of a section by sample, whose names exist.
pub(super) fn check_scopes(analysis: &Analysis, scopes: &Ordered<config::Scope>, way: &Way) -> Result<()> {
    for (name, _) in scopes.iter() {
        let (sample, part) = match name.split_once("__") {
            Some((sample, part)) => (sample, Some(part)),
            None => (name, None),
        };
        let is_sample = analysis.datasets.iter().any(|dataset| dataset.sample == sample);
        let is_part = part.is_none_or(|part| {
            analysis.subsamples.get(sample).is_some_and(|parts| parts.iter().any(|known| known.name == part))
        });
        if !is_sample || !is_part {
            let samples = analysis.datasets.iter().map(|d| d.sample.clone());
            let parts = analysis
                .subsamples
                .iter()
                .flat_map(|(sample, parts)| parts.iter().map(move |part| format!("{sample}__{}", part.name)));
            let known: BTreeSet<String> = samples.chain(parts).collect();
            return Err(AnalysisError::Unknown {
                place: analysis.source.place(&way.key(name)),
                what: "sample or subsample",
                name: name.to_owned(),
                near: crate::dialect::faults::nearest(name, known.iter().map(String::as_str), 2),
            });
        }
    }
    Ok(())
}
