//! Datasets files: which ROOT files belong to which dataset, and what is known about each.
//!
//! Read as they are: what PocketCoffea's `build-datasets` writes (`{name: {metadata, files: […]}}`), coffea filesets
//! (`{name: {files: {path: tree}, metadata}}`) and CoffeaRunner's lists (`{name: [files]}`).

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::{DataType, Field};
use datafusion::scalar::ScalarValue;
use serde_json::{Map, Value};

use crate::error::{EngineError, Result};

/// Columns that every datasets table has, in this order.
const COLUMNS: [(&str, DataType); 9] = [
    ("dataset", DataType::Utf8),
    ("sample", DataType::Utf8),
    ("year", DataType::Utf8),
    ("era", DataType::Utf8),
    ("part", DataType::Utf8),
    ("is_mc", DataType::Boolean),
    ("xsec", DataType::Float64),
    ("sum_genweights", DataType::Float64),
    ("file", DataType::Utf8),
];

/// The metadata of a fileset as columns, constant per file.
#[derive(Debug, Clone)]
pub(crate) struct Datasets {
    /// The metadata columns.
    pub(crate) fields: Vec<Field>,
    pub(crate) files: Vec<DatasetFile>,
    /// The tree, where the file names one.
    pub(crate) tree: Option<String>,
}

/// One file with its metadata, in the order of [`Datasets::fields`].
#[derive(Debug, Clone)]
pub(crate) struct DatasetFile {
    /// As the JSON has it.
    pub(crate) location: String,
    /// Which of the JSON files has it, from 0.
    pub(crate) source: usize,
    pub(crate) dataset: String,
    pub(crate) values: Vec<ScalarValue>,
}

/// A dataset as it is written, before its metadata is understood.
struct Raw<'a> {
    name: &'a str,
    source: usize,
    files: Vec<&'a str>,
    metadata: Map<String, Value>,
}

impl Datasets {
    /// Reads the text of a datasets file.
    ///
    /// # Errors
    /// What is wrong, with the dataset it is wrong in.
    #[cfg(test)]
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self> {
        Self::parse_all(&[(file.to_owned(), text.to_owned())])
    }

    /// Reads the texts of datasets files; no dataset may be in two of them.
    ///
    /// # Errors
    /// What is wrong, with the dataset it is wrong in.
    pub(crate) fn parse_all(texts: &[(String, String)]) -> Result<Self> {
        let fault_in = |file: &str, dataset: Option<&str>, problem: String| EngineError::Datasets {
            file: file.to_owned(),
            dataset: dataset.map(str::to_owned),
            problem,
        };
        let mut objects = Vec::with_capacity(texts.len());
        for (file, text) in texts {
            match serde_json::from_str(text) {
                Ok(Value::Object(object)) => objects.push(object),
                Ok(_) => return Err(fault_in(file, None, "not an object of datasets".to_owned())),
                Err(e) => return Err(fault_in(file, None, format!("not JSON: {e}"))),
            }
        }
        let mut trees = BTreeSet::new();
        let mut raw: Vec<Raw<'_>> = Vec::new();
        for (source, (object, (file, _))) in objects.iter().zip(texts).enumerate() {
            for (name, value) in object {
                let fault = |problem| fault_in(file, Some(name), problem);
                if raw.iter().any(|known| known.name == name) {
                    return Err(fault("it is in another datasets file too".to_owned()));
                }
                raw.push(Raw { source, ..Raw::read(name, value, &mut trees).map_err(fault)? });
            }
        }
        let files: Vec<&str> = texts.iter().map(|(file, _)| file.as_str()).collect();
        let file = files.join(", ");
        let fault = |dataset: Option<&str>, problem: String| fault_in(&file, dataset, problem);
        if trees.len() > 1 {
            let names: Vec<_> = trees.into_iter().collect();
            return Err(fault(None, format!("files of several trees in one table: {}", names.join(", "))));
        }
        let further = further_columns(&raw);
        let mut files = Vec::new();
        for dataset in &raw {
            let values = dataset.values(&further).map_err(|problem| fault(Some(dataset.name), problem))?;
            for location in &dataset.files {
                let mut values = values.clone();
                values[COLUMNS.len() - 1] = text_value(location);
                files.push(DatasetFile {
                    location: (*location).to_owned(),
                    source: dataset.source,
                    dataset: dataset.name.to_owned(),
                    values,
                });
            }
        }
        if files.is_empty() {
            return Err(fault(None, "no dataset has files".to_owned()));
        }
        let standard = COLUMNS.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
        let further = further.into_iter().map(|(name, data_type)| Field::new(name, data_type, true));
        Ok(Self { fields: standard.chain(further).collect(), files, tree: trees.into_iter().next() })
    }
}

impl<'a> Raw<'a> {
    fn read(name: &'a str, value: &'a Value, trees: &mut BTreeSet<String>) -> Result<Self, String> {
        match value {
            Value::Array(files) => Ok(Self { name, source: 0, files: names(files)?, metadata: Map::new() }),
            Value::Object(dataset) => {
                let metadata = match dataset.get("metadata") {
                    None | Some(Value::Null) => Map::new(),
                    Some(Value::Object(metadata)) => metadata.clone(),
                    Some(_) => return Err("'metadata' is not an object".to_owned()),
                };
                if let Some(tree) = dataset.get("treename") {
                    trees.insert(string(tree).ok_or("'treename' is not a name")?.to_owned());
                }
                let files = match dataset.get("files") {
                    None => return Err("no 'files'".to_owned()),
                    Some(Value::Array(files)) if files.iter().any(Value::is_object) => {
                        return Err(
                            "a dataset definition (das_names, no file names): build it first".to_owned()
                        );
                    }
                    Some(Value::Array(files)) => names(files)?,
                    Some(Value::Object(files)) => {
                        for (file, tree) in files {
                            trees.extend(tree_of(file, tree)?);
                        }
                        files.keys().map(String::as_str).collect()
                    }
                    Some(_) => return Err("'files' is neither a list nor an object".to_owned()),
                };
                Ok(Self { name, source: 0, files, metadata })
            }
            _ => Err("neither a list of files nor an object with 'files'".to_owned()),
        }
    }

    fn values(&self, further: &BTreeMap<String, DataType>) -> Result<Vec<ScalarValue>, String> {
        let get = |key: &str| self.metadata.get(key).filter(|value| !value.is_null());
        let text = |key: &str| get(key).map_or(ScalarValue::Utf8(None), |value| text_value(&plain(value)));
        let mut values = vec![
            text_value(self.name),
            text("sample"),
            text("year"),
            text("era"),
            text("part"),
            ScalarValue::Boolean(get("isMC").or_else(|| get("is_mc")).map(is_mc).transpose()?),
            number("xsec", get("xsec"))?,
            number("sum_genweights", get("sum_genweights"))?,
            ScalarValue::Utf8(None),
        ];
        for (key, data_type) in further {
            values.push(match (data_type, get(key)) {
                (DataType::Boolean, value) => ScalarValue::Boolean(value.and_then(Value::as_bool)),
                (DataType::Int64, value) => ScalarValue::Int64(value.and_then(Value::as_i64)),
                (DataType::Float64, value) => ScalarValue::Float64(value.and_then(Value::as_f64)),
                (_, value) => ScalarValue::Utf8(value.map(plain)),
            });
        }
        Ok(values)
    }
}

/// The metadata keys beyond the standard ones, with the type that holds them in every dataset.
fn further_columns(raw: &[Raw<'_>]) -> BTreeMap<String, DataType> {
    let mut types: BTreeMap<String, DataType> = BTreeMap::new();
    for (key, value) in raw.iter().flat_map(|dataset| &dataset.metadata) {
        let standard = COLUMNS.iter().any(|(name, _)| name == key) || key == "isMC";
        let found = match value {
            _ if standard => continue,
            Value::Null => continue,
            Value::Bool(_) => DataType::Boolean,
            Value::Number(n) if n.is_i64() => DataType::Int64,
            Value::Number(_) => DataType::Float64,
            _ => DataType::Utf8,
        };
        types
            .entry(key.clone())
            .and_modify(|known| {
                let numbers = [DataType::Int64, DataType::Float64];
                if *known != found {
                    let both_numbers = numbers.contains(known) && numbers.contains(&found);
                    *known = if both_numbers { DataType::Float64 } else { DataType::Utf8 };
                }
            })
            .or_insert(found);
    }
    types
}

/// Strictly a boolean, or Python's spelling of one. `"0"`, `"false"`, `1` are refused: Python's `bool("False")` is true,
/// and that mistake weighs data like simulation.
fn is_mc(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(is_mc) => Ok(*is_mc),
        Value::String(text) if text == "True" => Ok(true),
        Value::String(text) if text == "False" => Ok(false),
        other => Err(format!("isMC is {other}; it can be true, false, \"True\" or \"False\"")),
    }
}

fn number(key: &str, value: Option<&Value>) -> Result<ScalarValue, String> {
    let number = match value {
        None => return Ok(ScalarValue::Float64(None)),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    match number {
        Some(number) if number.is_finite() => Ok(ScalarValue::Float64(Some(number))),
        _ => Err(format!("{key} is {}, not a number", value.unwrap_or(&Value::Null))),
    }
}

fn names(files: &[Value]) -> Result<Vec<&str>, String> {
    files.iter().map(|file| string(file).ok_or_else(|| format!("{file} is not a file name"))).collect()
}

/// `"Events"`, or coffea's `{"object_path": "Events", "steps": …, "num_entries": …}`.
fn tree_of(file: &str, value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(tree) => Ok(Some(tree.clone())),
        Value::Object(object) => {
            if let (Some(Value::Array(steps)), entries) = (object.get("steps"), object.get("num_entries")) {
                whole(steps, entries.and_then(Value::as_u64))
                    .map_err(|problem| format!("file '{file}': {problem}"))?;
            }
            match object.get("object_path") {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(tree)) => Ok(Some(tree.clone())),
                Some(other) => Err(format!("file '{file}': object_path is {other}, not a tree")),
            }
        }
        other => Err(format!("file '{file}': {other} is not a tree")),
    }
}

/// Steps only say how coffea cuts the file into pieces, unless some are left out: then they select events.
fn whole(steps: &[Value], entries: Option<u64>) -> Result<(), String> {
    let mut at = Some(0);
    for step in steps {
        let edge = |i: usize| step.get(i).and_then(Value::as_u64);
        at = if edge(0) == at { edge(1) } else { None };
        if at.is_none() {
            break;
        }
    }
    match (at, entries) {
        (Some(end), Some(entries)) if end == entries => Ok(()),
        (Some(_), None) => Ok(()),
        _ => Err("its steps leave events out, which is not supported: remove the steps to read it whole"
            .to_owned()),
    }
}

fn string(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// Text without quotes, anything else as JSON writes it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text_value(text: &str) -> ScalarValue {
    ScalarValue::Utf8(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column<'a>(datasets: &'a Datasets, file: usize, name: &str) -> Option<&'a ScalarValue> {
        let at = datasets.fields.iter().position(|field| field.name() == name)?;
        datasets.files[file].values.get(at)
    }

    const POCKET_COFFEA: &str = r#"{
        "TTTo2L2Nu_2018": {"metadata": {"das_names": "['/TT/x/NANOAODSIM']", "sample": "TTTo2L2Nu", "year": "2018",
             "isMC": "True", "xsec": "88.29", "sum_genweights": "1.5e9", "nevents": "99828", "size": 12}, "files": ["a.root", "b.root"]},
        "DATA_2018_EraA": {"metadata": {"sample": "DATA", "year": "2018", "isMC": "False", "era": "A", "size": 1.5}, "files": ["c.root"]}
    }"#;

    #[test]
    fn pocket_coffea() -> Result<()> {
        let datasets = Datasets::parse("d.json", POCKET_COFFEA)?;
        assert_eq!(datasets.files.len(), 3);
        assert_eq!(column(&datasets, 1, "file"), Some(&text_value("b.root")));
        assert_eq!(column(&datasets, 0, "is_mc"), Some(&ScalarValue::Boolean(Some(true))));
        assert_eq!(column(&datasets, 2, "is_mc"), Some(&ScalarValue::Boolean(Some(false))));
        assert_eq!(column(&datasets, 0, "xsec"), Some(&ScalarValue::Float64(Some(88.29))));
        assert_eq!(column(&datasets, 2, "xsec"), Some(&ScalarValue::Float64(None)));
        assert_eq!(column(&datasets, 2, "size"), Some(&ScalarValue::Float64(Some(1.5))));
        assert_eq!(column(&datasets, 0, "nevents"), Some(&text_value("99828")));
        Ok(())
    }

    #[test]
    fn coffea_and_coffea_runner() -> Result<()> {
        let coffea = r#"{"zz": {"files": {"a.root": {"object_path": "Events", "steps": [[0, 5], [5, 9]], "num_entries": 9}},
                         "metadata": {"is_mc": true}, "form": null}}"#;
        let datasets = Datasets::parse("d.json", coffea)?;
        assert_eq!(datasets.tree.as_deref(), Some("Events"));
        assert_eq!(column(&datasets, 0, "is_mc"), Some(&ScalarValue::Boolean(Some(true))));
        let runner = Datasets::parse("d.json", r#"{"zz": ["a.root", "b.root"]}"#)?;
        assert_eq!(runner.files.len(), 2);
        assert_eq!(column(&runner, 0, "dataset"), Some(&text_value("zz")));
        Ok(())
    }

    #[test]
    fn is_mc_is_strict() {
        for wrong in [r#""true""#, r#""0""#, "1", r#""""#] {
            let text = format!(r#"{{"zz": {{"files": ["a.root"], "metadata": {{"isMC": {wrong}}}}}}}"#);
            let message = Datasets::parse("d.json", &text).map(|_| ()).map_err(|e| e.to_string());
            let want = format!(
                "d.json: dataset 'zz': isMC is {wrong}; it can be true, false, \"True\" or \"False\""
            );
            assert_eq!(message, Err(want));
        }
    }

    #[test]
    fn steps_that_select_are_refused() {
        let text = r#"{"zz": {"files": {"a.root": {"object_path": "Events", "steps": [[5, 9]], "num_entries": 9}}}}"#;
        assert!(Datasets::parse("d.json", text).is_err());
    }

    #[test]
    fn a_definition_is_not_a_fileset() {
        let text =
            r#"{"zz": {"sample": "zz", "files": [{"das_names": ["/a/b/c"], "metadata": {"isMC": true}}]}}"#;
        let message = Datasets::parse("d.json", text).map(|_| ()).map_err(|e| e.to_string());
        assert!(message.is_err_and(|m| m.contains("build it first")));
    }
}
