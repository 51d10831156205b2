//! Parameters: layered YAML files with references.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use datafusion::sql::sqlparser::ast::{Array, Expr};
use serde_yaml::{Mapping, Value};

use super::error::{AnalysisError, Place};
use super::locate::{Source, Way};
use super::{Result, config, dataset::Dataset, syntax};
use crate::dialect::faults::nearest;

/// How often a reference may lead to another.
const LONGEST_CHAIN: usize = 32;
/// How many values one lookup may visit: references that name others twice double with every level.
const MOST_VALUES: usize = 100_000;
/// How many bytes a text with references may come to.
const LONGEST_TEXT: usize = 1 << 20;
/// How OmegaConf writes a value that somebody has to give.
const MISSING: &str = "???";

/// All layers, put over each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters {
    tree: Value,
    /// Values that the lookup at hand has visited.
    visited: Cell<usize>,
}

impl Parameters {
    /// Reads the layers; a later one wins, mapping by mapping.
    pub(super) fn load(raw: &config::Parameters, source: &Source, folder: &Path) -> Result<Self> {
        let mut tree = Value::Mapping(Mapping::new());
        for name in &raw.files {
            let path = folder.join(name);
            let text = std::fs::read_to_string(&path)
                .map_err(|source| AnalysisError::Read { path: path.clone(), source })?;
            let layer: Value = serde_yaml::from_str(&text).map_err(|error| AnalysisError::Form {
                place: Place {
                    file: path.clone(),
                    position: error.location().map(|at| (at.line(), at.column())),
                    path: String::new(),
                },
                problem: error.to_string(),
                near: vec![],
            })?;
            if !matches!(layer, Value::Mapping(_) | Value::Null) {
                let place = Place { file: path, position: None, path: String::new() };
                return Err(AnalysisError::Value { place, problem: "parameters are a mapping".to_owned() });
            }
            merge(&mut tree, layer);
        }
        match &raw.values {
            Value::Null => {}
            Value::Mapping(_) => merge(&mut tree, raw.values.clone()),
            _ => {
                let place = source.place(&Way::default().key("parameters").key("values"));
                return Err(AnalysisError::Value { place, problem: "parameters are a mapping".to_owned() });
            }
        }
        Ok(Self { tree, visited: Cell::new(0) })
    }

    /// The value of `a.b.c`, its references followed.
    pub(super) fn get(&self, name: &str, place: &Place) -> Result<Value> {
        self.visited.set(0);
        let value = self.follow(name, place, 0)?;
        self.settle_all(value, name, place, 0)
    }

    /// All parameters with their references followed, as far as they lead anywhere.
    pub(super) fn resolved(&self) -> Value {
        let Value::Mapping(top) = &self.tree else { return Value::Null };
        let place = Place { file: PathBuf::new(), position: None, path: String::new() };
        let settled = top.iter().map(|(key, value)| {
            let path = plain(key).unwrap_or_default();
            self.visited.set(0);
            (key.clone(), self.settle_all(value.clone(), &path, &place, 0).unwrap_or_else(|_| value.clone()))
        });
        Value::Mapping(settled.collect())
    }

    /// Follows the references of everything in a value.
    fn settle_all(&self, value: Value, path: &str, place: &Place, depth: usize) -> Result<Value> {
        if depth > LONGEST_CHAIN {
            return self.follow(path, place, depth);
        }
        let below = |key: &str| format!("{path}.{key}");
        Ok(match self.settle(value, path, place, depth)? {
            Value::Sequence(list) => Value::Sequence(
                list.into_iter()
                    .enumerate()
                    .map(|(i, item)| self.settle_all(item, &below(&i.to_string()), place, depth + 1))
                    .collect::<Result<_>>()?,
            ),
            Value::Mapping(mapping) => Value::Mapping(
                mapping
                    .into_iter()
                    .map(|(key, item)| {
                        let path = below(&plain(&key).unwrap_or_default());
                        // What nobody uses may be missing.
                        let item = match &item {
                            Value::String(text) if text == MISSING => item,
                            _ => self.settle_all(item, &path, place, depth + 1)?,
                        };
                        Ok((key, item))
                    })
                    .collect::<Result<_>>()?,
            ),
            other => other,
        })
    }

    /// The value for every dataset where it depends on the year: `name.<year>`; else the value itself.
    pub(super) fn of_year(&self, name: &str, year: &str, place: &Place) -> Result<Value> {
        self.get(&format!("{name}.{year}"), place)
    }

    /// A parameter in an expression: a number, a text, a boolean, a list, or one of these for every year.
    pub(super) fn literal(&self, name: &str, datasets: &[Dataset], place: &Place) -> Result<Expr> {
        let wrong = |problem: &str| AnalysisError::Parameter {
            place: place.clone(),
            parameter: name.to_owned(),
            problem: problem.to_owned(),
            near: vec![],
        };
        let value = self.get(name, place)?;
        if !matches!(value, Value::Mapping(_)) {
            return literal(&value).ok_or_else(|| wrong("is empty; give it a value"));
        }
        let years: BTreeSet<&str> = datasets.iter().map(|dataset| dataset.year.as_str()).collect();
        let mut of_years = Vec::new();
        for year in years {
            let Some(value) = child(&value, year) else {
                return Err(wrong(&format!(
                    "is a mapping without a value for the year {year:?} of the data"
                )));
            };
            let value = self.settle(value.clone(), &format!("{name}.{year}"), place, 0)?;
            let value = literal(&value).ok_or_else(|| wrong("has no plain value for every year"))?;
            of_years.push((year.to_owned(), value));
        }
        Ok(super::dataset::by_year(of_years))
    }

    fn follow(&self, name: &str, place: &Place, depth: usize) -> Result<Value> {
        let wrong = |problem: &str, near: Vec<String>| AnalysisError::Parameter {
            place: place.clone(),
            parameter: name.to_owned(),
            problem: problem.to_owned(),
            near,
        };
        if depth > LONGEST_CHAIN {
            return Err(wrong("refers to itself", vec![]));
        }
        if name.contains(':') {
            return Err(wrong("is a resolver of OmegaConf; write the value itself", vec![]));
        }
        let mut value = Cow::Borrowed(&self.tree);
        let mut path = String::new();
        for key in name.split('.') {
            if value.is_string() {
                value = Cow::Owned(self.settle(value.into_owned(), &path, place, depth)?);
            }
            let found = match &value {
                Cow::Borrowed(value) => child(value, key).map(Cow::Borrowed),
                Cow::Owned(value) => child(value, key).cloned().map(Cow::Owned),
            };
            let Some(found) = found else {
                let keys = keys(&value);
                let near = nearest(key, keys.iter().map(String::as_str), 1);
                let all = near
                    .iter()
                    .map(|near| if path.is_empty() { near.clone() } else { format!("{path}.{near}") });
                return Err(wrong("is not there", all.collect()));
            };
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(key);
            value = found;
        }
        self.settle(value.into_owned(), &path, place, depth)
    }

    /// Replaces references in a text, which stands at `path`.
    fn settle(&self, value: Value, path: &str, place: &Place, depth: usize) -> Result<Value> {
        self.visited.set(self.visited.get() + 1);
        if self.visited.get() > MOST_VALUES {
            return Err(AnalysisError::Parameter {
                place: place.clone(),
                parameter: path.to_owned(),
                problem: format!("leads to more than {MOST_VALUES} values"),
                near: vec![],
            });
        }
        let Value::String(text) = &value else { return Ok(value) };
        if text == MISSING {
            return Err(AnalysisError::Parameter {
                place: place.clone(),
                parameter: path.to_owned(),
                problem: "is ???: it has to be given".to_owned(),
                near: vec![],
            });
        }
        if let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'))
            && !name.contains("${")
        {
            return self.follow(&absolute(name, path), place, depth + 1);
        }
        let (mut settled, mut rest) = (String::new(), text.as_str());
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, behind)) = after.split_once('}') else { break };
            settled.push_str(before);
            match self.follow(&absolute(name, path), place, depth + 1)? {
                Value::String(text) => settled.push_str(&text),
                Value::Number(number) => settled.push_str(&number.to_string()),
                Value::Bool(value) => settled.push_str(&value.to_string()),
                _ => {
                    return Err(AnalysisError::Parameter {
                        place: place.clone(),
                        parameter: name.to_owned(),
                        problem: "has no place inside a text".to_owned(),
                        near: vec![],
                    });
                }
            }
            if settled.len() > LONGEST_TEXT {
                return Err(AnalysisError::Parameter {
                    place: place.clone(),
                    parameter: path.to_owned(),
                    problem: format!("is longer than {LONGEST_TEXT} bytes"),
                    near: vec![],
                });
            }
            rest = behind;
        }
        settled.push_str(rest);
        Ok(Value::String(settled))
    }
}

/// `.key` is a neighbour of the value at `path`, `..key` one of its parent's.
fn absolute(name: &str, path: &str) -> String {
    let name = name.trim();
    let up = name.len() - name.trim_start_matches('.').len();
    if up == 0 {
        return name.to_owned();
    }
    let mut parts: Vec<&str> = path.split('.').collect();
    parts.truncate(parts.len().saturating_sub(up));
    parts.push(name.trim_start_matches('.'));
    parts.join(".")
}

fn merge(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Mapping(below), Value::Mapping(above)) => {
            for (key, value) in above {
                match below.get_mut(&key) {
                    Some(known) => merge(known, value),
                    None => drop(below.insert(key, value)),
                }
            }
        }
        (_, Value::Null) => {}
        (below, above) => *below = above,
    }
}

/// The value of a key, which YAML may have read as a number (`2018:`).
pub(super) fn child<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Mapping(mapping) => {
            mapping.iter().find(|(known, _)| plain(known).as_deref() == Some(key)).map(|(_, value)| value)
        }
        Value::Sequence(list) => list.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

/// The keys of a mapping as texts.
pub(super) fn keys(value: &Value) -> Vec<String> {
    match value {
        Value::Mapping(mapping) => mapping.keys().filter_map(plain).collect(),
        _ => vec![],
    }
}

/// A scalar as text.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// A value as SQL; `None` for mappings and nothing.
fn literal(value: &Value) -> Option<Expr> {
    Some(match value {
        Value::String(text) => syntax::string(text),
        Value::Bool(value) => syntax::boolean(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => syntax::integer(value),
            None => syntax::float(number.as_f64().filter(|value| value.is_finite())?),
        },
        Value::Sequence(list) => {
            let elem = list.iter().map(literal).collect::<Option<Vec<_>>>()?;
            Expr::Array(Array { elem, named: false })
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { file: "a.yaml".into(), position: None, path: String::new() }
    }

    fn parameters(text: &str) -> Parameters {
        Parameters { tree: serde_yaml::from_str(text).unwrap(), ..Parameters::default() }
    }

    #[test]
    fn references_are_followed() {
        let p = parameters("a: {b: 3, c: '${.b}', d: '${a.c}', file: 'x_${a.b}.json', gone: '???'}");
        let get = |name: &str| p.get(name, &place()).map_err(|e| e.to_string());
        assert_eq!(get("a.d").unwrap(), Value::from(3));
        assert_eq!(get("a.file").unwrap(), Value::from("x_3.json"));
        assert_eq!(get("a.gone").unwrap_err(), "a.yaml: parameter a.gone: is ???: it has to be given");
        assert_eq!(get("a.bb").unwrap_err(), "a.yaml: parameter a.bb: is not there; did you mean a.b?");
    }

    #[test]
    fn circles_are_errors() {
        let p = parameters("a: '${b}'\nb: '${a}'");
        assert!(p.get("a", &place()).unwrap_err().to_string().contains("refers to itself"));
    }

    #[test]
    fn references_that_double_are_bounded() {
        let mut text = "a0: x\nm0: {x: 1}\n".to_owned();
        for level in 1..=30 {
            let below = level - 1;
            text.push_str(&format!("a{level}: '${{a{below}}}${{a{below}}}'\n"));
            text.push_str(&format!("m{level}: {{x: '${{m{below}}}', y: '${{m{below}}}'}}\n"));
        }
        let p = parameters(&text);
        for name in ["a30", "m30"] {
            let told = p.get(name, &place()).unwrap_err().to_string();
            assert!(told.contains("more than 100000 values"), "{told}");
        }
        assert_eq!(p.get("a3", &place()).unwrap(), Value::from("x".repeat(8)));
        assert!(matches!(p.resolved(), Value::Mapping(_)));
    }

    #[test]
    fn later_layers_win() {
        let mut tree: Value = serde_yaml::from_str("a: {b: 1, c: 2}").unwrap();
        merge(&mut tree, serde_yaml::from_str("a: {c: 3}").unwrap());
        assert_eq!(tree, serde_yaml::from_str::<Value>("a: {b: 1, c: 3}").unwrap());
    }
}
