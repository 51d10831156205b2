//! Names that the script could not tell apart.

use std::collections::{BTreeMap, BTreeSet};

use super::{RESERVED, RESERVED_STARTS, Resolver};
use crate::analysis::cut::NamedCut;
use crate::analysis::locate::Way;
use crate::analysis::model::{Body, Category, Definition, Filled, Histogram, Shape, Weight};
use crate::analysis::{Result, names};

/// Fields that objects have, whether an analysis names them or not.
const COMMON_FIELDS: [&str; 8] = ["pt", "eta", "phi", "mass", "charge", "pdgId", "jetId", "energy"];

impl Resolver<'_> {
    pub(super) fn check_name(&self, name: &str, way: &Way) -> Result<()> {
        let begins = RESERVED_STARTS.iter().any(|start| name.starts_with(start));
        if RESERVED.contains(&name) || name.contains("__") || begins {
            let problem = format!(
                "'{name}' is a name of the script itself; choose another (no __, none of {} in front)",
                RESERVED_STARTS.join(", ")
            );
            return Err(self.wrong(way, problem));
        }
        Ok(())
    }

    /// A shift renames collections; an alias of the same name would be renamed with it.
    pub(super) fn check_aliases(
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
    pub(super) fn check_objects(
        &self,
        definitions: &[Definition],
        cuts: &[NamedCut],
        weights: &BTreeMap<String, Weight>,
        histograms: &[Histogram],
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
        words.extend(histograms.iter().flat_map(|h| &h.axes).flat_map(|axis| names::words(&axis.value)));
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

    /// A category of objects says nothing about a value per event unless told how.
    pub(super) fn check_masks(
        &self,
        histogram: &Histogram,
        categories: &[Category],
        way: &Way,
    ) -> Result<()> {
        if histogram.collapse.is_some() {
            return Ok(());
        }
        for category in categories.iter().filter(|category| histogram.categories.contains(&category.name)) {
            let Some(mask) = &category.mask else { continue };
            if !histogram.axes.iter().any(|axis| axis.collection.as_ref() == Some(&mask.collection)) {
                let problem = format!(
                    "category '{}' selects objects of {collection}, and no axis is of all {collection}; \
                     collapse_2D_masks: true takes the events where any of them passes (collapse_2D_masks_mode: AND where all do), \
                     or leave the category out with exclude_categories",
                    category.name,
                    collection = mask.collection,
                );
                return Err(self.wrong(way, problem));
            }
            let other = |axis: &&Filled| axis.collection.as_ref().is_some_and(|of| *of != mask.collection);
            if let Some(of) = histogram.axes.iter().find(other).and_then(|axis| axis.collection.as_ref()) {
                let problem = format!(
                    "axes of all {of} and of all {} have different numbers of entries",
                    mask.collection
                );
                return Err(self.wrong(way, problem));
            }
        }
        Ok(())
    }

    /// A name without a dot in a subquery, which may be a field of its objects or a variable: a shift would rename one of them.
    pub(super) fn check_bare(
        &self,
        definitions: &[Definition],
        cuts: &[NamedCut],
        shapes: &[Shape],
    ) -> Result<()> {
        let mut of_event: BTreeSet<&str> = (definitions.iter())
            .filter(|definition| matches!(definition.body, Body::Variable(_)))
            .map(|definition| definition.name.as_str())
            .collect();
        let mut fields: BTreeSet<String> = COMMON_FIELDS.map(str::to_owned).into();
        for (collection, shifted) in shapes.iter().flat_map(|shape| &shape.shifts) {
            for (field, expr) in shifted {
                fields.extend(names::fields(expr));
                match collection {
                    Some(_) => drop(fields.insert(field.clone())),
                    None => drop(of_event.insert(field)),
                }
            }
        }
        let mut bare = BTreeSet::new();
        for definition in definitions {
            match &definition.body {
                Body::Collection(query) => {
                    bare.extend(names::bare(query));
                    fields.extend(names::fields(query));
                }
                Body::Variable(expr) => {
                    bare.extend(names::bare(expr));
                    fields.extend(names::fields(expr));
                }
            }
        }
        for cut in cuts {
            bare.extend(names::bare(&cut.expr));
            fields.extend(names::fields(&cut.expr));
        }
        fields
            .extend(self.raw.objects.iter().flat_map(|(_, object)| object.fields.keys()).map(str::to_owned));
        let unclear = bare.iter().find(|name| of_event.contains(name.as_str()) && fields.contains(*name));
        match unclear.filter(|_| !shapes.is_empty()) {
            None => Ok(()),
            Some(name) => {
                let problem = format!(
                    "'{name}' in a subquery or a collection may be a field of the objects or the variable; write the field as Jet.{name}, or call the variable otherwise"
                );
                Err(self.wrong(&Way::default().key("variables").key(name), problem))
            }
        }
    }

    /// Labels of the axis of variations.
    pub(super) fn check_labels(&self, weights: &BTreeMap<String, Weight>, shapes: &[Shape]) -> Result<()> {
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
}
