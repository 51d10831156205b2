//! Cuts in lists, and what they make: preselection, categories, subsamples.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::sqlparser::ast::Expr;

use super::{RESERVED, Resolver};
use crate::analysis::cut::{self, Cuts, NamedCut};
use crate::analysis::error::AnalysisError;
use crate::analysis::locate::Way;
use crate::analysis::model::{Category, Mask};
use crate::analysis::names::{is_of, names};
use crate::analysis::{Result, config, syntax};
use crate::dialect::faults::nearest;

/// Steps of a cutflow in front of the categories.
const STEPS: [&str; 3] = ["initial", "skim", "presel"];

/// Each is a mask that is evaluated, and a slice of every histogram.
const MOST_CATEGORIES: usize = 1000;

impl Resolver<'_> {
    /// Cuts on events, of what has no categories of objects.
    pub(super) fn event_cut(&self, raw: &config::Cut, cut: &NamedCut, way: &Way) -> Result<()> {
        if cut.collection.is_some() {
            return Err(AnalysisError::Unsupported {
                place: self.reader.source.place(way),
                option: "a cut on the objects of a collection".to_owned(),
                instead: "it can be part of a category; here make a collection with objects:, or write list_any(…)",
            });
        }
        self.check_word(raw, cut, way)
    }

    fn check_word(&self, raw: &config::Cut, cut: &NamedCut, way: &Way) -> Result<()> {
        // A word that is no column could be a cut spelled wrong; the branches are checked with --data.
        if let (config::Cut::Text(text), Expr::Identifier(_)) = (raw, &cut.expr) {
            let near = nearest(text, self.raw.cuts.keys().chain(cut::FACTORIES), 1);
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

    pub(super) fn cut_list(
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
            self.event_cut(one, &cut, &way)?;
            if cut.expr != syntax::boolean(true) {
                list.push(pool.add(cut));
            }
        }
        Ok(list)
    }

    /// The cuts of a category, some of which may be on objects.
    fn conditions(
        &self,
        cuts: &Cuts<'_>,
        pool: &mut Pool<'_>,
        raw: &[config::Cut],
        way: &Way,
        name: &str,
    ) -> Result<Conditions> {
        let mut conditions = Conditions::default();
        for (i, one) in raw.iter().enumerate() {
            let way = way.index(i);
            let cut = cuts.read(one, &way, &format!("{name}_{}", i + 1))?;
            self.check_word(one, &cut, &way)?;
            match cut.collection.clone() {
                Some(collection) => {
                    let named = names(&cut.expr);
                    if !named.iter().any(|name| is_of(&collection, name)) {
                        let problem = format!(
                            "a cut on the objects of {collection} names them, as in {collection}.pt > 30"
                        );
                        return Err(self.wrong(&way, problem));
                    }
                    let expr = cut.expr.clone();
                    conditions.objects.push(ObjectCut { collection, name: pool.add(cut), expr });
                }
                None if cut.expr != syntax::boolean(true) => conditions.events.push(pool.add(cut)),
                None => {}
            }
        }
        Ok(conditions)
    }

    fn category(
        &self,
        pool: &mut Pool<'_>,
        name: &str,
        conditions: Conditions,
        way: &Way,
    ) -> Result<Category> {
        let Conditions { events: mut cuts, objects } = conditions;
        let Some(first) = objects.first() else {
            return Ok(Category { name: name.to_owned(), cuts, mask: None });
        };
        if let Some(other) = objects.iter().find(|cut| cut.collection != first.collection) {
            let problem = format!(
                "category '{name}' has cuts on the objects of {} and of {}; they can be of one collection",
                first.collection, other.collection
            );
            return Err(self.wrong(way, problem));
        }
        let passes = syntax::all(objects.iter().map(|cut| cut.expr.clone()));
        let mut taken = |function: &str, suffix: &str| {
            let expr = syntax::call(function, vec![passes.clone()]);
            pool.add(NamedCut { name: format!("{name}_{suffix}"), expr, collection: None })
        };
        let any = taken("list_any", "any");
        let asked = |(_, raw): (&str, &config::Histogram)| raw.collapse_masks_mode.as_deref() == Some("AND");
        let all = self.raw.histograms.iter().any(asked).then(|| taken("list_all", "all"));
        cuts.push(any.clone());
        let mask = Mask {
            collection: first.collection.clone(),
            cuts: objects.iter().map(|cut| cut.name.clone()).collect(),
            any,
            all,
        };
        Ok(Category { name: name.to_owned(), cuts, mask: Some(mask) })
    }

    pub(super) fn categories(&self, cuts: &Cuts<'_>, pool: &mut Pool<'_>) -> Result<Vec<Category>> {
        let way = Way::default().key("categories");
        let raw = &self.raw.categories;
        let mut all: Vec<Category> = Vec::new();
        for (name, list) in raw.standard.iter() {
            let conditions = self.conditions(cuts, pool, list, &way.key(name), name)?;
            all.push(self.category(pool, name, conditions, &way.key(name))?);
        }
        if let Some(cartesian) = &raw.cartesian {
            let way = way.key("cartesian");
            for (name, conditions) in self.product(cuts, pool, &cartesian.multicuts, &way.key("multicuts"))? {
                all.push(self.category(pool, &name, conditions, &way.key("multicuts"))?);
            }
            for (name, list) in cartesian.common_cats.iter() {
                let way = way.key("common_cats").key(name);
                let conditions = self.conditions(cuts, pool, list, &way, name)?;
                all.push(self.category(pool, name, conditions, &way)?);
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
    ) -> Result<Vec<(String, Conditions)>> {
        if multicuts.is_empty() {
            return Err(self.wrong(way, "cartesian categories need multicuts".to_owned()));
        }
        let number =
            multicuts.iter().try_fold(1usize, |number, multicut| number.checked_mul(multicut.cuts.len()));
        if number.is_none_or(|number| number > MOST_CATEGORIES) {
            return Err(self.too_many(way));
        }
        let mut product = vec![(String::new(), Conditions::default())];
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
                factors.push((name, self.conditions(cuts, pool, list, &way.key("cuts").index(k), &named)?));
            }
            product = product
                .iter()
                .flat_map(|(so_far, conditions)| {
                    factors.iter().map(move |(name, more)| {
                        let joint = if so_far.is_empty() { "" } else { "_" };
                        (format!("{so_far}{joint}{name}"), conditions.and(more))
                    })
                })
                .collect();
        }
        Ok(product)
    }

    pub(super) fn subsamples(
        &self,
        cuts: &Cuts<'_>,
        pool: &mut Pool<'_>,
    ) -> Result<BTreeMap<String, Vec<Category>>> {
        let way = Way::default().key("datasets").key("subsamples");
        let mut all = BTreeMap::new();
        for (sample, parts) in self.raw.datasets.subsamples.iter() {
            let way = way.key(sample);
            self.check_sample(sample, &way)?;
            let mut found = Vec::new();
            for (name, list) in parts.iter() {
                let cuts = self.cut_list(cuts, pool, list, &way.key(name), &format!("{sample}_{name}"))?;
                found.push(Category { name: name.to_owned(), cuts, mask: None });
            }
            if !found.is_empty() {
                all.insert(sample.to_owned(), found);
            }
        }
        Ok(all)
    }

    pub(super) fn check_sample(&self, sample: &str, way: &Way) -> Result<()> {
        if self.samples.contains(sample) {
            return Ok(());
        }
        let near = nearest(sample, self.samples.iter().map(String::as_str), 2);
        Err(AnalysisError::Unknown {
            place: self.reader.source.place(way),
            what: "sample",
            name: sample.to_owned(),
            near,
        })
    }
}

/// Cuts of which all must hold.
#[derive(Debug, Clone, Default)]
struct Conditions {
    /// Names of cuts on events.
    events: Vec<String>,
    objects: Vec<ObjectCut>,
}

#[derive(Debug, Clone)]
struct ObjectCut {
    collection: String,
    name: String,
    expr: Expr,
}

impl Conditions {
    fn and(&self, more: &Self) -> Self {
        Self {
            events: self.events.iter().chain(&more.events).cloned().collect(),
            objects: self.objects.iter().chain(&more.objects).cloned().collect(),
        }
    }
}

/// Distinct cuts by name.
pub(super) struct Pool<'a> {
    pub(super) cuts: Vec<NamedCut>,
    pub(super) defined: &'a BTreeMap<String, bool>,
}

impl Pool<'_> {
    /// The name of the cut's column.
    pub(super) fn add(&mut self, mut cut: NamedCut) -> String {
        if let Some(known) = self.cuts.iter().find(|known| known.expr == cut.expr) {
            return known.name.clone();
        }
        // What begins with w_ is a weight.
        let base = cut.name.replace("__", "_");
        let base = if base.starts_with("w_") { format!("cut_{base}") } else { base };
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
