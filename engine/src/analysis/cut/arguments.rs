//! The arguments of a factory.

use serde_yaml::Value;

use super::{Cuts, NamedCut};
use crate::analysis::config::Ordered;
use crate::analysis::error::{AnalysisError, Place};
use crate::analysis::locate::Way;
use crate::analysis::parameter::plain;
use crate::analysis::{Result, syntax};
use crate::dialect::faults::nearest;

use datafusion::sql::sqlparser::ast::Expr;

/// The arguments of a factory, by name.
pub(super) struct Arguments<'a> {
    pub(super) cuts: &'a Cuts<'a>,
    pub(super) factory: &'a str,
    pub(super) given: &'a Ordered<Value>,
    pub(super) way: Way,
}

impl Arguments<'_> {
    pub(super) fn place(&self) -> Place {
        self.cuts.reader.source.place(&self.way)
    }

    pub(super) fn wrong(&self, problem: String) -> AnalysisError {
        AnalysisError::Value { place: self.place(), problem }
    }

    /// Refuses arguments that the factory does not have.
    pub(super) fn only(&self, known: &[&str]) -> Result<()> {
        for key in self.given.keys() {
            let is_known = known.contains(&key) || (key == "n" && known.contains(&"N"));
            if !is_known {
                return Err(AnalysisError::Unknown {
                    place: self.cuts.reader.source.place(&self.way.key(key)),
                    what: "argument of this factory is",
                    name: key.to_owned(),
                    near: nearest(key, known.iter().copied(), 2),
                });
            }
        }
        Ok(())
    }

    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.given.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, key: &str, otherwise: &str) -> Result<String> {
        match self.value(key) {
            None => Ok(otherwise.to_owned()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(self.wrong(format!("{}: {key} is a name", self.factory))),
        }
    }

    pub(super) fn count(&self) -> Result<i64> {
        let value = self.value("N").or_else(|| self.value("n"));
        let Some(value) = value else { return Err(self.wrong(format!("{} needs N", self.factory))) };
        match value.as_i64() {
            Some(n) if n >= 0 => Ok(n),
            _ => Err(self.wrong(format!("{}: N is a whole number, 0 or more", self.factory))),
        }
    }

    /// The pt threshold, as it is written and as a number; 0 is none, as in the field.
    pub(super) fn minpt(&self) -> Result<Option<(String, Expr)>> {
        let Some(value) = self.value("minpt") else { return Ok(None) };
        match (value.as_f64(), plain(value)) {
            (Some(0.0), _) => Ok(None),
            (Some(number), Some(text)) if number.is_finite() && value.is_number() => {
                Ok(Some((text.clone(), syntax::number(&text))))
            }
            _ => Err(self.wrong(format!("{}: minpt is a number", self.factory))),
        }
    }

    pub(super) fn boolean(&self, key: &str) -> Result<bool> {
        match self.value(key) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(self.wrong(format!("{}: {key} is true or false", self.factory))),
        }
    }

    pub(super) fn list(&self, key: &str) -> Result<Option<Vec<String>>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        texts(value)
            .map(Some)
            .ok_or_else(|| self.wrong(format!("{}: {key} is a list of names", self.factory)))
    }

    pub(super) fn name(&self, otherwise: impl FnOnce() -> String) -> Result<String> {
        match self.value("name") {
            None => Ok(otherwise()),
            Some(_) => self.text("name", ""),
        }
    }

    pub(super) fn written(&self, fallback: &str) -> Result<NamedCut> {
        self.only(&["name", "expr", "collection"])?;
        let text = self.text("expr", "")?;
        if text.is_empty() {
            return Err(self.wrong("cut needs expr".to_owned()));
        }
        let expr = self.cuts.reader.expression(&text, &self.way.key("expr"))?;
        let collection = self.text("collection", "events")?;
        let collection = (collection != "events").then_some(collection);
        Ok(NamedCut { name: self.name(|| fallback.to_owned())?, expr, collection })
    }
}

/// A list of texts, or one.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Sequence(list) => list.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}
