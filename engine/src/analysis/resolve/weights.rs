//! Weights with their variations, and shifts of the events.

use std::collections::{BTreeMap, BTreeSet};

use super::Resolver;
use crate::analysis::dataset::by_dataset;
use crate::analysis::error::AnalysisError;
use crate::analysis::locate::Way;
use crate::analysis::model::{Shape, Weight};
use crate::analysis::{Result, syntax, treatment};

impl Resolver<'_> {
    pub(super) fn weights(&self) -> Result<BTreeMap<String, Weight>> {
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

    pub(super) fn shapes(&self) -> Result<Vec<Shape>> {
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
}
