//! Cuts: SQL conditions, and the factories of the field with their exact meaning.
//!
//! `>=` and `>` are those of PocketCoffea: `get_nObj_*` and the b-tag counts take pt `>=`, `get_nElectron` and
//! `get_nMuon` take pt `>`, a working point is passed with `>`.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, SelectItem, SetExpr, TableAlias, TableFactor};
use serde_yaml::Value;

use super::config::{self, Ordered};
use super::dataset::{Dataset, by_dataset, not};
use super::error::AnalysisError;
use super::expression::Reader;
use super::locate::Way;
use super::parameter::{child, keys, plain};
use super::{Result, syntax};
use crate::dialect::build;
use crate::dialect::faults::nearest;

/// The factories a cut can be.
pub(super) const FACTORIES: [&str; 24] = [
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
    "eq_nObj",
    "less_nObj",
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
}

/// The arguments of a factory, by name.
struct Arguments<'a> {
    cuts: &'a Cuts<'a>,
    factory: &'a str,
    given: &'a Ordered<Value>,
    way: Way,
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
        let arguments = Arguments { cuts: self, factory, given, way: way.key(factory) };
        let event = |name: String, expr: Expr| NamedCut { name, expr, collection: None };
        let cut = match factory {
            "passthrough" => {
                arguments.only(&[])?;
                event("passthrough".to_owned(), syntax::boolean(true))
            }
            "get_nObj_min" | "min_nObj" => arguments.objects(BinaryOperator::GtEq, "min", true)?,
            "get_nObj_eq" | "eq_nObj" => arguments.objects(BinaryOperator::Eq, "eq", true)?,
            "get_nObj_less" | "less_nObj" => arguments.objects(BinaryOperator::Lt, "less", false)?,
            "get_nBtagMin" | "get_nBtag" => arguments.btags(BinaryOperator::GtEq, "Min")?,
            "get_nBtagEq" => arguments.btags(BinaryOperator::Eq, "Eq")?,
            "get_nElectron" => arguments.leptons(&["ElectronGood", "Electron"])?,
            "get_nMuon" => arguments.leptons(&["MuonGood", "Muon"])?,
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

impl Arguments<'_> {
    fn place(&self) -> super::Place {
        self.cuts.reader.source.place(&self.way)
    }

    fn wrong(&self, problem: String) -> AnalysisError {
        AnalysisError::Value { place: self.place(), problem }
    }

    /// Refuses arguments that the factory does not have.
    fn only(&self, known: &[&str]) -> Result<()> {
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

    fn value(&self, key: &str) -> Option<&Value> {
        self.given.get(key).filter(|value| !value.is_null())
    }

    fn text(&self, key: &str, otherwise: &str) -> Result<String> {
        match self.value(key) {
            None => Ok(otherwise.to_owned()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(self.wrong(format!("{}: {key} is a name", self.factory))),
        }
    }

    fn count(&self) -> Result<i64> {
        let value = self.value("N").or_else(|| self.value("n"));
        let Some(value) = value else { return Err(self.wrong(format!("{} needs N", self.factory))) };
        match value.as_i64() {
            Some(n) if n >= 0 => Ok(n),
            _ => Err(self.wrong(format!("{}: N is a whole number, 0 or more", self.factory))),
        }
    }

    /// The pt threshold, as it is written and as a number; 0 is none, as in the field.
    fn minpt(&self) -> Result<Option<(String, Expr)>> {
        let Some(value) = self.value("minpt") else { return Ok(None) };
        match (value.as_f64(), plain(value)) {
            (Some(0.0), _) => Ok(None),
            (Some(number), Some(text)) if number.is_finite() && value.is_number() => {
                Ok(Some((text.clone(), syntax::number(&text))))
            }
            _ => Err(self.wrong(format!("{}: minpt is a number", self.factory))),
        }
    }

    fn boolean(&self, key: &str) -> Result<bool> {
        match self.value(key) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(self.wrong(format!("{}: {key} is true or false", self.factory))),
        }
    }

    fn list(&self, key: &str) -> Result<Option<Vec<String>>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        texts(value)
            .map(Some)
            .ok_or_else(|| self.wrong(format!("{}: {key} is a list of names", self.factory)))
    }

    fn name(&self, otherwise: impl FnOnce() -> String) -> Result<String> {
        match self.value("name") {
            None => Ok(otherwise()),
            Some(_) => self.text("name", ""),
        }
    }

    fn objects(&self, op: BinaryOperator, what: &str, takes_minpt: bool) -> Result<NamedCut> {
        self.only(if takes_minpt { &["N", "minpt", "coll", "name"] } else { &["N", "coll", "name"] })?;
        let (n, coll) = (self.count()?, self.text("coll", "JetGood")?);
        let (suffix, number) = match self.minpt()? {
            None => (String::new(), syntax::column(&format!("n{coll}"))),
            Some((text, minpt)) => {
                let pt = syntax::field("o", "pt");
                (format!("_pt{text}"), number_of(&coll, syntax::binary(pt, BinaryOperator::GtEq, minpt)))
            }
        };
        let expr = syntax::binary(number, op, syntax::integer(n));
        Ok(NamedCut { name: self.name(|| format!("n{coll}_{what}{n}{suffix}"))?, expr, collection: None })
    }

    fn counted(&self, op: BinaryOperator, what: &str) -> Result<NamedCut> {
        self.only(&["object", "value", "name"])?;
        let object = self.text("object", "")?;
        let value = self.value("value").and_then(Value::as_i64);
        let (false, Some(value)) = (object.is_empty(), value) else {
            return Err(self.wrong(format!("{} needs object and value", self.factory)));
        };
        let expr = syntax::binary(syntax::column(&format!("n{object}")), op, syntax::integer(value));
        Ok(NamedCut { name: self.name(|| format!("n{object}_{what}{value}"))?, expr, collection: None })
    }

    fn leptons(&self, collections: &[&str; 2]) -> Result<NamedCut> {
        self.only(&["N", "minpt", "coll", "name"])?;
        let [first, _] = collections;
        let (n, coll) = (self.count()?, self.text("coll", first)?);
        if !collections.contains(&coll.as_str()) {
            return Err(self.wrong(format!("{} counts {} only", self.factory, collections.join(" and "))));
        }
        let (text, minpt) = self.minpt()?.unwrap_or_else(|| ("0".to_owned(), syntax::integer(0)));
        let above = syntax::binary(syntax::field("o", "pt"), BinaryOperator::Gt, minpt);
        let expr = syntax::binary(number_of(&coll, above), BinaryOperator::GtEq, syntax::integer(n));
        Ok(NamedCut { name: self.name(|| format!("n{coll}_{n}_pt{text}"))?, expr, collection: None })
    }

    fn btags(&self, op: BinaryOperator, what: &str) -> Result<NamedCut> {
        self.only(&["N", "minpt", "coll", "wp", "name"])?;
        let (n, coll, wp) = (self.count()?, self.text("coll", "BJetGood")?, self.text("wp", "M")?);
        let minpt = self.minpt()?;
        let text = minpt.as_ref().map_or("0", |(text, _)| text).to_owned();
        let above =
            minpt.map(|(_, minpt)| syntax::binary(syntax::field("o", "pt"), BinaryOperator::GtEq, minpt));
        let number = if coll == "BJetGood" {
            match above {
                None => syntax::column("nBJetGood"),
                Some(above) => number_of(&coll, above),
            }
        } else {
            by_dataset(self.cuts.reader.datasets, |dataset| {
                let tagged = self.tagged(&dataset.year, &wp)?;
                Ok(number_of(&coll, syntax::all([tagged].into_iter().chain(above.clone()))))
            })?
        };
        let expr = syntax::binary(syntax::operand(number), op, syntax::integer(n));
        Ok(NamedCut {
            name: self.name(|| format!("n{coll}_btag{what}{n}_pt{text}"))?,
            expr,
            collection: None,
        })
    }

    /// `o.btagDeepFlavB > 0.2783`, as the parameters of the year say.
    fn tagged(&self, year: &str, wp: &str) -> Result<Expr> {
        let (parameters, place) = (self.cuts.reader.parameters, self.place());
        let base = format!("btagging.working_point.{year}");
        let algorithm = parameters.get(&format!("{base}.btagging_algorithm"), &place)?;
        let threshold = parameters.get(&format!("{base}.btagging_WP.{wp}"), &place)?;
        let (Some(algorithm), Some(number)) = (algorithm.as_str(), threshold.as_f64()) else {
            return Err(
                self.wrong(format!("{base} needs btagging_algorithm and a number for each btagging_WP"))
            );
        };
        let value = plain(&threshold).map_or_else(|| syntax::float(number), |text| syntax::number(&text));
        Ok(syntax::binary(syntax::field("o", algorithm), BinaryOperator::Gt, value))
    }

    fn triggers(&self, prefix: &'static str) -> Result<NamedCut> {
        self.only(&["primaryDatasets", "invert", "name"])?;
        let (chosen, invert) = (self.list("primaryDatasets")?, self.boolean("invert")?);
        let parameter = format!("{prefix}_triggers");
        let expr = by_dataset(self.cuts.reader.datasets, |dataset| {
            let menu = self.cuts.reader.parameters.of_year(&parameter, &dataset.year, &self.place())?;
            let fired = self.fired(&menu, dataset, chosen.as_deref(), prefix)?;
            Ok(if invert { not(fired) } else { fired })
        })?;
        let mut name = format!("{prefix}_trigger");
        for primary in chosen.iter().flatten() {
            name.push('_');
            name.push_str(primary);
        }
        if invert {
            name.push_str("_NOT");
        }
        Ok(NamedCut { name: self.name(|| name)?, expr, collection: None })
    }

    /// The OR of the paths: of the primary datasets asked for, else for data of its own, for simulation of all.
    fn fired(
        &self,
        menu: &Value,
        dataset: &Dataset,
        chosen: Option<&[String]>,
        prefix: &'static str,
    ) -> Result<Expr> {
        let primaries = match (chosen, dataset.is_mc, &dataset.primary_dataset) {
            (Some(chosen), _, _) => chosen.to_vec(),
            (None, true, _) => keys(menu),
            (None, false, Some(primary)) => vec![primary.clone()],
            (None, false, None) => {
                return Err(self.wrong(format!(
                    "dataset '{}' is data without primaryDataset in its metadata: which of its triggers count?",
                    dataset.name
                )));
            }
        };
        let mut fired: Vec<Expr> = Vec::new();
        for primary in &primaries {
            let Some(paths) = child(menu, primary).and_then(texts) else {
                return Err(AnalysisError::Parameter {
                    place: self.place(),
                    parameter: format!("{prefix}_triggers.{}.{primary}", dataset.year),
                    problem: "is not there, or no list of triggers".to_owned(),
                    near: nearest(primary, keys(menu).iter().map(String::as_str), 2),
                });
            };
            for path in paths {
                let column = self.path(&path, prefix, &dataset.year)?;
                if !fired.contains(&column) {
                    fired.push(column);
                }
            }
        }
        Ok(syntax::any(fired))
    }

    /// The branch of a trigger path.
    fn path(&self, path: &str, prefix: &'static str, year: &str) -> Result<Expr> {
        let bare = path.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).unwrap_or(path);
        if year == "2017" && bare == "Ele32_WPTight_Gsf_L1DoubleEG" {
            return Err(AnalysisError::Unsupported {
                place: self.place(),
                option: "Ele32_WPTight_Gsf_L1DoubleEG of 2017".to_owned(),
                instead: "it also needs a trigger object with id 11 and filter bit 1024; write the condition in SQL",
            });
        }
        Ok(syntax::column(&format!("{prefix}_{bare}")))
    }

    fn trigger_list(&self, prefix: &'static str) -> Result<NamedCut> {
        self.only(&["trigger_list", "invert", "name"])?;
        let Some(list) = self.list("trigger_list")? else {
            return Err(self.wrong(format!("{} needs trigger_list", self.factory)));
        };
        let mut fired = Vec::with_capacity(list.len());
        for path in &list {
            fired.push(self.path(path, prefix, "")?);
        }
        let fired = syntax::any(fired);
        let expr = if self.boolean("invert")? { not(fired) } else { fired };
        Ok(NamedCut {
            name: self.name(|| format!("{prefix}_trigger_{}", list.join("_")))?,
            expr,
            collection: None,
        })
    }

    fn flags(&self) -> Result<NamedCut> {
        self.only(&[])?;
        let expr =
            by_dataset(self.cuts.reader.datasets, |dataset| {
                let mut flags = self.flag_list("event_flags", dataset)?;
                if !dataset.is_mc {
                    flags.extend(self.flag_list("event_flags_data", dataset)?);
                }
                Ok(syntax::all(flags.iter().map(|flag| {
                    syntax::column(&format!("Flag_{}", flag.strip_prefix("Flag_").unwrap_or(flag)))
                })))
            })?;
        Ok(NamedCut { name: "event_flags".to_owned(), expr, collection: None })
    }

    fn flag_list(&self, parameter: &str, dataset: &Dataset) -> Result<Vec<String>> {
        let value = self.cuts.reader.parameters.of_year(parameter, &dataset.year, &self.place())?;
        texts(&value).ok_or_else(|| self.wrong(format!("{parameter}.{} is a list of flags", dataset.year)))
    }

    fn golden_json(&self) -> Result<NamedCut> {
        self.only(&[])?;
        let folder = self.cuts.reader.source.path.parent().map(std::path::Path::to_owned).unwrap_or_default();
        let expr = by_dataset(self.cuts.reader.datasets, |dataset| {
            if dataset.is_mc {
                return Ok(syntax::boolean(true));
            }
            let file =
                self.cuts.reader.parameters.of_year("lumi.goldenJSON", &dataset.year, &self.place())?;
            let Some(file) = file.as_str() else {
                return Err(self.wrong(format!("lumi.goldenJSON.{} is a file", dataset.year)));
            };
            let path = syntax::string(&folder.join(file).display().to_string());
            Ok(syntax::call(
                "golden_json",
                vec![syntax::column("run"), syntax::column("luminosityBlock"), path],
            ))
        })?;
        Ok(NamedCut { name: "golden_json_lumi".to_owned(), expr, collection: None })
    }

    fn written(&self, fallback: &str) -> Result<NamedCut> {
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
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Sequence(list) => list.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// `(SELECT count(*) FROM collection AS o WHERE condition)`.
fn number_of(collection: &str, condition: Expr) -> Expr {
    let mut from = syntax::table(collection);
    if let TableFactor::Table { alias, .. } = &mut from {
        let name = syntax::ident("o");
        *alias = Some(TableAlias { explicit: true, name, columns: vec![], at: None });
    }
    let counted = vec![SelectItem::UnnamedExpr(syntax::count(None))];
    let select = syntax::select(counted, from, Some(condition), vec![]);
    Expr::Subquery(Box::new(build::query(SetExpr::Select(Box::new(select)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::config::Parameters as RawParameters;
    use crate::analysis::locate::Source;
    use crate::analysis::parameter::Parameters;

    const PARAMETERS: &str = "
btagging: {working_point: {'2017': {btagging_algorithm: btagDeepFlavB, btagging_WP: {M: 0.3040}}, '2018': {btagging_algorithm: btagDeepFlavB, btagging_WP: {M: 0.2783}}}}
HLT_triggers: {'2017': {SingleMuon: [IsoMu27], SingleEle: [Ele35]}, '2018': {SingleMuon: [HLT_IsoMu24], SingleEle: [Ele32, Ele28]}}
event_flags: {'2017': [goodVertices], '2018': [goodVertices]}
event_flags_data: {'2017': [eeBadScFilter], '2018': [eeBadScFilter]}
lumi: {goldenJSON: {'2017': golden.json, '2018': golden.json}}
";

    fn dataset(sample: &str, year: &str, primary: Option<&str>) -> Dataset {
        Dataset {
            name: format!("{sample}_{year}"),
            sample: sample.to_owned(),
            year: year.to_owned(),
            is_mc: primary.is_none(),
            xsec: None,
            sum_genweights: None,
            primary_dataset: primary.map(str::to_owned),
            files: vec![],
            paths: vec![],
            events: None,
        }
    }

    /// Name and SQL of a cut over these datasets.
    fn made(yaml: &str, datasets: &[Dataset]) -> (String, String) {
        let source = Source::new(std::path::Path::new("conf/a.yaml"), String::new());
        let raw = RawParameters { files: vec![], values: serde_yaml::from_str(PARAMETERS).unwrap() };
        let parameters = Parameters::load(&raw, &source, std::path::Path::new("")).unwrap();
        let reader = Reader { source: &source, parameters: &parameters, datasets };
        let cuts = Cuts { reader: &reader, named: &Ordered::default() };
        let raw: config::Cut = serde_yaml::from_str(yaml).unwrap();
        let cut = cuts.read(&raw, &Way::default(), "own").unwrap();
        (cut.name, cut.expr.to_string())
    }

    fn simulated(yaml: &str) -> (String, String) {
        made(yaml, &[dataset("mc", "2018", None)])
    }

    #[test]
    fn thresholds_are_inclusive_or_not_as_in_the_field() {
        for (yaml, name, sql) in [
            ("get_nObj_min: {N: 4}", "nJetGood_min4", "nJetGood >= 4"),
            (
                "get_nObj_min: {n: 4, minpt: 15, coll: Jet}",
                "nJet_min4_pt15",
                "(SELECT count(*) FROM Jet AS o WHERE o.pt >= 15) >= 4",
            ),
            ("get_nObj_min: {N: 4, minpt: 0}", "nJetGood_min4", "nJetGood >= 4"),
            (
                "get_nObj_eq: {N: 1, minpt: 20.5, coll: MuonGood, name: one}",
                "one",
                "(SELECT count(*) FROM MuonGood AS o WHERE o.pt >= 20.5) = 1",
            ),
            ("get_nObj_less: {N: 3}", "nJetGood_less3", "nJetGood < 3"),
            ("get_nBtagMin: {N: 2}", "nBJetGood_btagMin2_pt0", "nBJetGood >= 2"),
            (
                "get_nBtagEq: {N: 2, coll: JetGood, minpt: 30}",
                "nJetGood_btagEq2_pt30",
                "(SELECT count(*) FROM JetGood AS o WHERE o.btagDeepFlavB > 0.2783 AND o.pt >= 30) = 2",
            ),
            (
                "get_nElectron: {N: 1, minpt: 30}",
                "nElectronGood_1_pt30",
                "(SELECT count(*) FROM ElectronGood AS o WHERE o.pt > 30) >= 1",
            ),
            (
                "get_nMuon: {N: 1}",
                "nMuonGood_1_pt0",
                "(SELECT count(*) FROM MuonGood AS o WHERE o.pt > 0) >= 1",
            ),
            ("get_nPVgood: {N: 1}", "nPVgood_1", "PV_npvsGood >= 1"),
            ("count_objects_gt: {object: Jet, value: 2}", "nJet_gt2", "nJet > 2"),
            ("passthrough", "passthrough", "true"),
            ("goldenJson", "golden_json_lumi", "true"),
            ("eventFlags", "event_flags", "Flag_goodVertices"),
            ("MET_pt > 20", "own", "MET_pt > 20"),
            (
                "get_HLTsel_custom: {trigger_list: [HLT_A, B], invert: true}",
                "HLT_trigger_HLT_A_B",
                "NOT (HLT_A OR HLT_B)",
            ),
        ] {
            assert_eq!(simulated(yaml), (name.to_owned(), sql.to_owned()), "{yaml}");
        }
    }

    #[test]
    fn what_depends_on_the_dataset_is_a_case() {
        let all = [
            dataset("mc", "2017", None),
            dataset("mc", "2018", None),
            dataset("mu", "2018", Some("SingleMuon")),
            dataset("ele", "2018", Some("SingleEle")),
        ];
        assert_eq!(
            made("get_HLTsel", &all).1,
            "CASE WHEN (\"year\" = '2017' AND is_mc) THEN HLT_IsoMu27 OR HLT_Ele35 \
             WHEN (\"year\" = '2018' AND is_mc) THEN HLT_IsoMu24 OR HLT_Ele32 OR HLT_Ele28 \
             WHEN (\"year\" = '2018' AND (NOT is_mc) AND primaryDataset = 'SingleMuon') THEN HLT_IsoMu24 \
             WHEN (\"year\" = '2018' AND (NOT is_mc) AND primaryDataset = 'SingleEle') THEN HLT_Ele32 OR HLT_Ele28 END"
                .replace("\"year\"", &syntax::ident("year").to_string())
                .replace("AND (NOT is_mc) AND", "AND NOT is_mc AND")
        );
        assert_eq!(
            made("get_HLTsel: {primaryDatasets: [SingleMuon], invert: true}", &all[1..]).1,
            "NOT HLT_IsoMu24"
        );
        assert_eq!(
            made("goldenJson", &all[1..3]).1,
            "CASE WHEN is_mc THEN true WHEN (NOT is_mc AND primaryDataset = 'SingleMuon') THEN golden_json(run, luminosityBlock, 'conf/golden.json') END"
        );
    }
}
