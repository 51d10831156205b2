//! Queries: loops over the combinations that may be taken.

use super::expression::{Place, Scope};
use super::reduce::State;
use super::writer::Value;
use super::{Form, no_form};
use crate::ir::{Expr, Query, Reduction, VarId};

impl Scope<'_> {
    /// The outputs of a subquery, written in the block that it depends on, once.
    pub(super) fn subquery(&mut self, query: &Query) -> Form<Vec<Value>> {
        let mut depth = 0;
        let mut indices = vec![];
        let mut vars = vec![];
        vars_of(query, &mut vars);
        vars.sort_unstable();
        vars.dedup();
        for var in vars {
            if let Ok(place) = self.place(var) {
                depth = depth.max(place.depth);
                indices.push((var, place.index));
            }
        }
        let known = self.queries.iter().find(|(other, of, _)| *of == indices && other == query);
        if let Some((_, _, outputs)) = known {
            return Ok(outputs.clone());
        }
        let left = self.writer.leave(depth);
        let outputs = self.query(query)?;
        self.writer.resume(left);
        self.queries.push((query.clone(), indices, outputs.clone()));
        Ok(outputs)
    }

    /// The outputs of a query, written in the innermost block.
    pub(super) fn query(&mut self, query: &Query) -> Form<Vec<Value>> {
        let outside = self.places.len();
        let depth = self.writer.depth();
        let state = State::declare(self, &query.reduction)?;
        let mut sure = "true".to_owned();
        self.conditions(query, 0, &mut sure)?;
        for (level, generator) in query.generators.iter().enumerate() {
            let length = self.length(generator.collection)?.name;
            let first = match generator.after {
                Some(after) => format!("{} + 1", self.place(after)?.index),
                None => "0".to_owned(),
            };
            let index = self.writer.fresh("i");
            let more = state.goes_on();
            let head = format!("for (var {index} = {first}; {index} < {length}{more}; {index}++)");
            let depth = self.writer.open(&head);
            let place = Place { collection: generator.collection, index, depth };
            let there = self.is_there(&place)?;
            self.places.push((generator.var, place));
            if let Some(there) = there {
                self.test(&there, &mut sure);
            }
            self.conditions(query, level + 1, &mut sure)?;
            self.settle();
        }
        state.take(self, query, &sure)?;
        self.writer.close_to(depth);
        self.places.truncate(outside);
        state.outputs(self, &query.reduction)
    }

    /// What depends on the innermost variable is from now on written where its conditions hold.
    pub(super) fn settle(&mut self) {
        let depth = self.writer.depth();
        if let Some((_, place)) = self.places.last_mut() {
            place.depth = depth;
        }
    }

    /// The conditions that need the first `level` variables.
    fn conditions(&mut self, query: &Query, level: usize, sure: &mut String) -> Form<()> {
        for condition in &query.predicate {
            let mut vars = vec![];
            vars_of_expr(condition, &mut vars);
            let last = query.generators.iter().rposition(|generator| vars.contains(&generator.var));
            if last.map_or(0, |last| last + 1) == level {
                let truth = self.expr(condition)?;
                self.test(&truth, sure);
            }
        }
        Ok(())
    }

    fn test(&mut self, truth: &Value, sure: &mut String) {
        self.writer.open(&format!("if ({} & TRUE) != 0u", truth.name));
        let name = self.writer.fresh("s");
        self.writer.line(&format!("let {name} = {sure} && {} == TRUE;", truth.name));
        *sure = name;
    }
}

/// All variables that a query mentions, its own with them.
fn vars_of(query: &Query, vars: &mut Vec<VarId>) {
    query.predicate.iter().for_each(|expr| vars_of_expr(expr, vars));
    match &query.reduction {
        Reduction::Exists => {}
        Reduction::Aggregates(aggregates) => {
            let parts = aggregates.iter().flat_map(|one| one.value.iter().chain(&one.filter));
            parts.for_each(|expr| vars_of_expr(expr, vars));
        }
        Reduction::First { values, order_by, .. } | Reduction::List { values, order_by, .. } => {
            let parts = values.iter().chain(order_by.iter().map(|key| &key.expr));
            parts.for_each(|expr| vars_of_expr(expr, vars));
        }
    }
}

fn vars_of_expr(expr: &Expr, vars: &mut Vec<VarId>) {
    match expr {
        Expr::Field { var, .. } | Expr::Index(var) => vars.push(*var),
        Expr::Subquery { query, .. } => vars_of(query, vars),
        _ => expr.children().into_iter().for_each(|child| vars_of_expr(child, vars)),
    }
}

impl State {
    /// Why a reduction has no form.
    pub(super) fn refuse<T>(reduction: &Reduction) -> Form<T> {
        match reduction {
            Reduction::First { .. } => no_form("ORDER BY … LIMIT 1 OFFSET"),
            _ => no_form("a list as a result"),
        }
    }
}
