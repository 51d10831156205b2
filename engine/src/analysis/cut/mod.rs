//! Cuts: SQL conditions, and the factories of the field with their exact meaning.
//!
//! `>=` and `>` are those of PocketCoffea: `get_nObj_*` and the b-tag counts take pt `>=`, `get_nElectron` and
//! `get_nMuon` take pt `>`, a working point is passed with `>`.

use std::cell::RefCell;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr};
use serde_yaml::Value;

mod arguments;
mod counting;
#[cfg(test)]
mod tests;
mod triggers;

use self::arguments::Arguments;
use super::config::{self, Ordered};
use super::error::AnalysisError;
use super::expression::Reader;
use super::locate::Way;
use super::warning::Warning;
use super::{Result, syntax};
use crate::dialect::faults::nearest;

/// The factories a cut can be.
pub(super) const FACTORIES: [&str; 30] = [
    "passthrough",
    "get_nObj_min",
    "get_nObj_eq",
    "get_nObj_less",
    "get_nBtagMin",
    "get_nBtagEq",
    "get_nBtag",
    "get_nElectron",
    "get_nMuon",
    "get_nPVgood",
    "get_HLTsel",
    "get_HLTsel_custom",
    "get_L1sel",
    "get_L1sel_custom",
    "get_JetVetoMap",
    "eventFlags",
    "goldenJson",
    "count_objects_gt",
    "count_objects_lt",
    "count_objects_eq",
    "min_nObj",
    "min_nObj_minPt",
    "eq_nObj",
    "eq_nObj_minPt",
    "less_nObj",
    "nBtagMin",
    "nBtagEq",
    "nElectron",
    "nMuon",
    "cut",
];

/// Factories that need no arguments and can be named alone.
const BARE: [&str; 5] = ["passthrough", "eventFlags", "goldenJson", "get_HLTsel", "get_L1sel"];

/// A cut with its meaning.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NamedCut {
    /// The name it has in SQL.
    pub(super) name: String,
    /// The condition.
    pub(super) expr: Expr,
    /// The collection whose objects it decides about; `None` for events.
    pub(super) collection: Option<String>,
}

/// Makes cuts out of what is written.
pub(super) struct Cuts<'a> {
    pub(super) reader: &'a Reader<'a>,
    /// The section `cuts`.
    pub(super) named: &'a Ordered<config::Cut>,
    pub(super) warnings: RefCell<Vec<Warning>>,
}

impl Cuts<'_> {
    /// The cut, and a name for it: `fallback` where it has none of its own.
    pub(super) fn read(&self, raw: &config::Cut, way: &Way, fallback: &str) -> Result<NamedCut> {
        match raw {
            config::Cut::Text(text) => {
                if let Some(named) = self.named.get(text) {
                    let way = Way::default().key("cuts").key(text);
                    // A name that names itself would never end.
                    if !matches!(named, config::Cut::Text(inner) if self.named.get(inner).is_some()) {
                        let mut cut = self.read(named, &way, text)?;
                        cut.name.clone_from(text);
                        return Ok(cut);
                    }
                    let problem = format!("cut '{text}' is another cut's name; write its condition");
                    return Err(AnalysisError::Value { place: self.reader.source.place(&way), problem });
                }
                if BARE.contains(&text.as_str()) {
                    let none = Ordered::default();
                    return self.make(text, &none, way, fallback);
                }
                if FACTORIES.contains(&text.as_str()) {
                    let problem = format!("{text} needs arguments: {text}: {{…}}");
                    return Err(AnalysisError::Value { place: self.reader.source.place(way), problem });
                }
                let expr = self.reader.expression(text, way)?;
                // A lone word is a column or a cut that is spelled otherwise.
                Ok(NamedCut { name: fallback.to_owned(), expr, collection: None })
            }
            config::Cut::Factory { factory, arguments } => self.make(factory, arguments, way, fallback),
        }
    }

    fn make(&self, factory: &str, given: &Ordered<Value>, way: &Way, fallback: &str) -> Result<NamedCut> {
        if !FACTORIES.contains(&factory) {
            return Err(AnalysisError::Unknown {
                place: self.reader.source.place(&way.key(factory)),
                what: "cut factory",
                name: factory.to_owned(),
                near: nearest(factory, FACTORIES.into_iter(), 2),
            });
        }
        if factory == "get_nBtag" {
            let place = Some(self.reader.source.place(&way.key(factory)));
            let message = "get_nBtag is deprecated: it is get_nBtagMin".to_owned();
            self.warnings.borrow_mut().push(Warning { place, message });
        }
        let arguments = Arguments { cuts: self, factory, given, way: way.key(factory) };
        let event = |name: String, expr: Expr| NamedCut { name, expr, collection: None };
        let cut = match factory {
            "passthrough" => {
                arguments.only(&[])?;
                event("passthrough".to_owned(), syntax::boolean(true))
            }
            "get_nObj_min" | "min_nObj" | "min_nObj_minPt" => {
                arguments.objects(BinaryOperator::GtEq, "min", true)?
            }
            "get_nObj_eq" | "eq_nObj" | "eq_nObj_minPt" => {
                arguments.objects(BinaryOperator::Eq, "eq", true)?
            }
            "get_nObj_less" | "less_nObj" => arguments.objects(BinaryOperator::Lt, "less", false)?,
            "get_nBtagMin" | "get_nBtag" | "nBtagMin" => arguments.btags(BinaryOperator::GtEq, "Min")?,
            "get_nBtagEq" | "nBtagEq" => arguments.btags(BinaryOperator::Eq, "Eq")?,
            "get_nElectron" | "nElectron" => arguments.leptons(&["ElectronGood", "Electron"])?,
            "get_nMuon" | "nMuon" => arguments.leptons(&["MuonGood", "Muon"])?,
            "get_nPVgood" => {
                arguments.only(&["N", "name"])?;
                let n = arguments.count()?;
                let expr =
                    syntax::binary(syntax::column("PV_npvsGood"), BinaryOperator::GtEq, syntax::integer(n));
                event(arguments.name(|| format!("nPVgood_{n}"))?, expr)
            }
            "get_HLTsel" => arguments.triggers("HLT")?,
            "get_L1sel" => arguments.triggers("L1")?,
            "get_HLTsel_custom" => arguments.trigger_list("HLT")?,
            "get_L1sel_custom" => arguments.trigger_list("L1")?,
            "eventFlags" => arguments.flags()?,
            "goldenJson" => arguments.golden_json()?,
            "count_objects_gt" => arguments.counted(BinaryOperator::Gt, "gt")?,
            "count_objects_lt" => arguments.counted(BinaryOperator::Lt, "lt")?,
            "count_objects_eq" => arguments.counted(BinaryOperator::Eq, "eq")?,
            "cut" => arguments.written(fallback)?,
            _ => {
                return Err(AnalysisError::Unsupported {
                    place: self.reader.source.place(&way.key(factory)),
                    option: factory.to_owned(),
                    instead: "veto maps are corrections; write the condition in SQL, as cut: {name: …, expr: …}",
                });
            }
        };
        Ok(cut)
    }
}
