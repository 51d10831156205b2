//! Collections: their selection, cleaning, order and fields.

use datafusion::sql::sqlparser::ast::BinaryOperator;
use datafusion::sql::sqlparser::ast::{
    Expr, OrderBy, OrderByKind, Query, SelectItem, SetExpr, SetOperator, SetQuantifier, TableAlias,
    TableFactor, Values,
};

use super::{Resolver, definition};
use crate::analysis::dataset::not;
use crate::analysis::locate::Way;
use crate::analysis::model::{Body, Definition};
use crate::analysis::{Result, config, syntax};
use crate::dialect::build;

impl Resolver<'_> {
    /// A collection; one with a union and a selection is two.
    pub(super) fn object(&self, name: &str, raw: &config::Object, way: &Way) -> Result<Vec<Definition>> {
        self.check_name(name, way)?;
        let source = match (&raw.from, raw.union.as_slice()) {
            (Some(from), []) => from.clone(),
            (None, []) => return Err(self.wrong(way, "a collection needs from: or union:".to_owned())),
            (Some(_), _) => return Err(self.wrong(way, "from and union exclude each other".to_owned())),
            (None, [_]) => {
                return Err(self.wrong(way, "a union is of several collections; write from:".to_owned()));
            }
            (None, parts) => {
                let selects = raw.r#where.is_some()
                    || raw.order_by.is_some()
                    || !raw.clean.is_empty()
                    || !raw.fields.is_empty();
                let union = if selects { format!("{name}_all") } else { name.to_owned() };
                let together = definition(&union, Body::Collection(union_of(parts)));
                if !selects {
                    return Ok(vec![together]);
                }
                let object = raw.alias.as_deref().unwrap_or("object");
                let query = self.selection(&union, object, raw, way)?;
                return Ok(vec![together, definition(name, Body::Collection(query))]);
            }
        };
        let object = raw.alias.clone().unwrap_or_else(|| source.clone());
        let query = self.selection(&source, &object, raw, way)?;
        Ok(vec![definition(name, Body::Collection(query))])
    }

    fn selection(&self, from: &str, object: &str, raw: &config::Object, way: &Way) -> Result<Query> {
        let mut conditions = Vec::new();
        if let Some(text) = &raw.r#where {
            conditions.push(self.reader.expression(text, &way.key("where"))?);
        }
        for (other, distance) in raw.clean.iter() {
            if !distance.is_finite() || *distance <= 0.0 {
                let problem = "the distance is a positive number".to_owned();
                return Err(self.wrong(&way.key("clean").key(other), problem));
            }
            conditions.push(not(near_one_of(other, object, *distance)));
        }
        let mut projection = vec![syntax::star()];
        for (field, text) in raw.fields.iter() {
            let expr = self.reader.expression(text, &way.key("fields").key(field))?;
            projection.push(syntax::aliased(expr, field));
        }
        let mut table = syntax::table(from);
        if object != from
            && let TableFactor::Table { alias, .. } = &mut table
        {
            *alias = Some(called(object));
        }
        let selection = (!conditions.is_empty()).then(|| syntax::all(conditions));
        let select = syntax::select(projection, table, selection, vec![]);
        let mut query = build::query(SetExpr::Select(Box::new(select)));
        if let Some(text) = &raw.order_by {
            let by = self.reader.order(text, &way.key("order_by"))?;
            query.order_by = Some(OrderBy { kind: OrderByKind::Expressions(by), interpolate: None });
        }
        Ok(query)
    }
}

fn called(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: syntax::ident(name), columns: vec![], at: None }
}

/// `SELECT * FROM a UNION ALL SELECT * FROM b`.
fn union_of(parts: &[String]) -> Query {
    let all_of = |name: &String| build::all_of(syntax::ident(name));
    let together = parts.iter().map(all_of).reduce(|left, right| SetExpr::SetOperation {
        op: SetOperator::Union,
        set_quantifier: SetQuantifier::All,
        left: Box::new(left),
        right: Box::new(right),
    });
    build::query(together.unwrap_or_else(|| {
        SetExpr::Values(Values { explicit_row: false, value_keyword: false, rows: vec![] })
    }))
}

/// `EXISTS (SELECT 1 FROM other AS near WHERE delta_r(object, near) <= distance)`: PocketCoffea keeps what is farther.
fn near_one_of(other: &str, object: &str, distance: f64) -> Expr {
    let alias = if object == "near" { "near_one" } else { "near" };
    let mut table = syntax::table(other);
    if let TableFactor::Table { alias: place, .. } = &mut table {
        *place = Some(called(alias));
    }
    let between = syntax::call("delta_r", vec![syntax::column(object), syntax::column(alias)]);
    let condition = syntax::binary(between, BinaryOperator::LtEq, syntax::float(distance));
    let one = vec![SelectItem::UnnamedExpr(syntax::integer(1))];
    let select = syntax::select(one, table, Some(condition), vec![]);
    Expr::Exists { subquery: Box::new(build::query(SetExpr::Select(Box::new(select)))), negated: false }
}
