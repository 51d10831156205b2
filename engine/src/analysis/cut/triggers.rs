//! Triggers, event flags and luminosity sections: what depends on year, kind and primary dataset.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, SelectItem, SetExpr, TableAlias, TableFactor};
use serde_yaml::Value;

use super::NamedCut;
use super::arguments::{Arguments, texts};
use crate::analysis::dataset::{Dataset, by_dataset, not};
use crate::analysis::error::AnalysisError;
use crate::analysis::parameter::{child, keys};
use crate::analysis::{Result, syntax};
use crate::dialect::build;
use crate::dialect::faults::nearest;

impl Arguments<'_> {
    pub(super) fn triggers(&self, prefix: &'static str) -> Result<NamedCut> {
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
                let path = self.path(&path, prefix, &dataset.year);
                if !fired.contains(&path) {
                    fired.push(path);
                }
            }
        }
        Ok(syntax::any(fired))
    }

    /// Whether a path fired.
    fn path(&self, path: &str, prefix: &'static str, year: &str) -> Expr {
        let bare = path.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).unwrap_or(path);
        let fired = syntax::column(&format!("{prefix}_{bare}"));
        if year == "2017" && bare == EMULATED {
            return syntax::all([fired, single_electron()]);
        }
        fired
    }

    pub(super) fn trigger_list(&self, prefix: &'static str) -> Result<NamedCut> {
        self.only(&["trigger_list", "invert", "name"])?;
        let Some(list) = self.list("trigger_list")? else {
            return Err(self.wrong(format!("{} needs trigger_list", self.factory)));
        };
        let invert = self.boolean("invert")?;
        let expr = by_dataset(self.cuts.reader.datasets, |dataset| {
            let fired = syntax::any(list.iter().map(|path| self.path(path, prefix, &dataset.year)));
            Ok(if invert { not(fired) } else { fired })
        })?;
        Ok(NamedCut {
            name: self.name(|| format!("{prefix}_trigger_{}", list.join("_")))?,
            expr,
            collection: None,
        })
    }

    pub(super) fn flags(&self) -> Result<NamedCut> {
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

    pub(super) fn golden_json(&self) -> Result<NamedCut> {
        self.only(&[])?;
        let folder = self.cuts.reader.source.folder();
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
}

/// In 2017 the path for one electron was seeded with two; it fired as one where an electron passed the filter of the last
/// step (PocketCoffea, `lib/triggers.py`).
const EMULATED: &str = "Ele32_WPTight_Gsf_L1DoubleEG";

/// `EXISTS (SELECT 1 FROM TrigObj AS t WHERE t.id = 11 AND (t.filterBits & 1024) = 1024)`.
fn single_electron() -> Expr {
    let mut table = syntax::table("TrigObj");
    if let TableFactor::Table { alias, .. } = &mut table {
        *alias = Some(TableAlias { explicit: true, name: syntax::ident("t"), columns: vec![], at: None });
    }
    let is = |left: Expr, right: i64| syntax::binary(left, BinaryOperator::Eq, syntax::integer(right));
    let passed = |bit: i64| {
        let bits = syntax::field("t", "filterBits");
        syntax::nested(syntax::binary(bits, BinaryOperator::BitwiseAnd, syntax::integer(bit)))
    };
    let condition = syntax::all([is(syntax::field("t", "id"), 11), is(passed(1024), 1024)]);
    let one = vec![SelectItem::UnnamedExpr(syntax::integer(1))];
    let select = syntax::select(one, table, Some(condition), vec![]);
    Expr::Exists { subquery: Box::new(build::query(SetExpr::Select(Box::new(select)))), negated: false }
}
