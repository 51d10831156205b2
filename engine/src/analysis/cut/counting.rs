//! Cuts on numbers of objects.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, SelectItem, SetExpr, TableAlias, TableFactor};
use serde_yaml::Value;

use super::NamedCut;
use super::arguments::Arguments;
use crate::analysis::dataset::by_dataset;
use crate::analysis::parameter::plain;
use crate::analysis::{Result, syntax};
use crate::dialect::build;

impl Arguments<'_> {
    pub(super) fn objects(&self, op: BinaryOperator, what: &str, takes_minpt: bool) -> Result<NamedCut> {
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

    pub(super) fn counted(&self, op: BinaryOperator, what: &str) -> Result<NamedCut> {
        self.only(&["object", "value", "name"])?;
        let object = self.text("object", "")?;
        let value = self.value("value").and_then(Value::as_i64);
        let (false, Some(value)) = (object.is_empty(), value) else {
            return Err(self.wrong(format!("{} needs object and value", self.factory)));
        };
        let expr = syntax::binary(syntax::column(&format!("n{object}")), op, syntax::integer(value));
        Ok(NamedCut { name: self.name(|| format!("n{object}_{what}{value}"))?, expr, collection: None })
    }

    pub(super) fn leptons(&self, collections: &[&str; 2]) -> Result<NamedCut> {
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

    pub(super) fn btags(&self, op: BinaryOperator, what: &str) -> Result<NamedCut> {
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
