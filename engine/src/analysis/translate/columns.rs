//! Files of single events.

use datafusion::sql::sqlparser::ast::{Expr, Select, SelectItem};

use super::writer::Writer;
use super::{all_of, categories, told};
use crate::analysis::config::Collection;
use crate::analysis::model::{ColumnsPlan, Mask, Plan, Scope};
use crate::analysis::print::{Statement, Step, Steps};
use crate::analysis::syntax;

impl Writer<'_> {
    /// The files of single events.
    pub(super) fn columns(&mut self, common: &[Step], last: &str, plan: &mut Plan) -> Vec<Statement> {
        let mut statements = Vec::new();
        for (list, categories) in self.treatment.columns.clone() {
            for (part, name) in self.treatment.subsamples.clone().into_iter().enumerate() {
                for group in self.groups(part, &categories, None) {
                    for (mask, categories) in self.by_mask(&group.categories, |_| true) {
                        let path =
                            format!("columns/{}_{}.parquet", self.treatment.label, plan.columns.len() + 1);
                        let select =
                            self.columns_select(&list, (group.scope, &categories), mask, name.as_deref());
                        let mut steps = Steps { steps: common.to_vec(), ..Steps::default() };
                        steps.steps.extend(self.steps(last));
                        steps.finals.push((format!("columns of {}", categories.join(", ")), select));
                        plan.columns.push(ColumnsPlan { path: path.clone(), categories });
                        let comment = told(self.analysis, "columns");
                        statements.push(Statement::Copy { comment, steps, path });
                    }
                }
            }
        }
        statements
    }

    fn columns_select(
        &self,
        list: &[Collection],
        (scope, chosen): (&Scope, &[String]),
        mask: Option<&Mask>,
        part: Option<&str>,
    ) -> Select {
        let mut items = vec![
            SelectItem::UnnamedExpr(syntax::column("sample")),
            SelectItem::UnnamedExpr(syntax::column("dataset")),
        ];
        if let Some(part) = part {
            items.push(syntax::aliased(syntax::string(part), "subsample"));
        }
        let of = self.analysis.categories.iter().filter(|c| chosen.contains(&c.name));
        items.push(syntax::aliased(categories(of.clone(), None, None), "category"));
        items.push(syntax::aliased(self.weight(scope, None, None), "weight"));
        for name in &scope.varied {
            for (variation, _) in self.analysis.weights.get(name).iter().flat_map(|weight| &weight.variations)
            {
                let weight = self.weight(scope, Some((name, variation)), None);
                items.push(syntax::aliased(weight, &format!("weight_{variation}")));
            }
        }
        for collection in list {
            for item in self.columns_of(collection, mask) {
                // Asked for all categories and for this one.
                if !items.contains(&item) {
                    items.push(item);
                }
            }
        }
        let any = syntax::any(of.map(|category| all_of(&category.cuts, None)));
        let selection = syntax::all([self.selected(part, None), any]);
        let from = syntax::table(&format!("weighted_{}", self.treatment.label));
        syntax::select(items, from, Some(selection), vec![])
    }

    fn columns_of(&self, raw: &Collection, mask: Option<&Mask>) -> Vec<SelectItem> {
        let fill = syntax::float(raw.fill_value.unwrap_or(-999.0));
        if raw.collection == "events" || raw.collection.is_empty() {
            let value = |name: &String| {
                let column = syntax::column(name);
                let filled = if raw.fill_none == Some(false) {
                    column
                } else {
                    syntax::call("fill_none", vec![column, fill.clone()])
                };
                syntax::aliased(filled, &format!("events_{name}"))
            };
            return raw.columns.iter().map(value).collect();
        }
        let mask = mask.filter(|mask| mask.collection == raw.collection);
        let passing = |list: Expr| match mask {
            Some(mask) => syntax::element(list, syntax::all(mask.cuts.iter().map(|cut| syntax::column(cut)))),
            None => list,
        };
        let sliced = |list: Expr| match (raw.pos_start, raw.pos_end) {
            (None, None) => list,
            (start, end) => {
                let integer = |n: u64| syntax::integer(i64::try_from(n).unwrap_or(i64::MAX));
                let first = integer(start.unwrap_or(0).saturating_add(1));
                let last = end.map_or_else(|| syntax::integer(i64::from(i32::MAX)), integer);
                syntax::call("array_slice", vec![list, first, last])
            }
        };
        let is_list = self.analysis.definitions.iter().any(|d| d.name == raw.collection);
        let mut items = Vec::new();
        if raw.store_size == Some(true) || (raw.store_size.is_none() && is_list) {
            let number = match (raw.pos_start, raw.pos_end, mask, raw.columns.first()) {
                (None, None, None, _) | (_, _, _, None) => syntax::column(&format!("n{}", raw.collection)),
                (_, _, _, Some(first)) => {
                    let list = sliced(passing(syntax::field(&raw.collection, first)));
                    syntax::call("cardinality", vec![list])
                }
            };
            items.push(syntax::aliased(number, &format!("{}_N", raw.collection)));
        }
        for name in &raw.columns {
            let mut list = sliced(passing(syntax::field(&raw.collection, name)));
            if raw.fill_none != Some(false) {
                list = syntax::call("fill_none", vec![list, fill.clone()]);
            }
            items.push(syntax::aliased(list, &format!("{}_{name}", raw.collection)));
        }
        items
    }
}
