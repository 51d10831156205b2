//! One kernel made part of another.

use super::expr::Expr;
use super::types::{Aggregate, CollectionId, InputId, Kernel, OrderKey, Query, Reduction, Source};

/// By how much numbers grow.
#[derive(Debug, Clone, Copy)]
struct Shift {
    inputs: InputId,
    collections: CollectionId,
}

impl Kernel {
    /// Takes over the inputs and collections of another kernel, behind its own; gives the other's body as a query of this one.
    pub fn adopt(&mut self, other: &Self) -> Query {
        let shift = Shift { inputs: self.inputs.len(), collections: self.collections.len() };
        for input in &other.inputs {
            let mut input = input.clone();
            match &mut input.source {
                Source::Scalar => {}
                Source::List(collection) | Source::Derived { collection, .. } => {
                    *collection += shift.collections;
                }
            }
            self.inputs.push(input);
        }
        for collection in &other.collections {
            let mut collection = collection.clone();
            collection.parts.iter_mut().for_each(|part| shift.query(part));
            self.collections.push(collection);
        }
        let mut body = other.body.clone();
        shift.query(&mut body);
        body
    }
}

impl Shift {
    fn query(self, query: &mut Query) {
        query.generators.iter_mut().for_each(|generator| generator.collection += self.collections);
        query.predicate.iter_mut().for_each(|condition| self.expr(condition));
        match &mut query.reduction {
            Reduction::Exists => {}
            Reduction::Aggregates(aggregates) => {
                for Aggregate { value, filter, .. } in aggregates {
                    value.iter_mut().chain(filter).for_each(|expr| self.expr(expr));
                }
            }
            Reduction::First { values, order_by, .. } | Reduction::List { values, order_by, .. } => {
                let keys = order_by.iter_mut().map(|OrderKey { expr, .. }| expr);
                values.iter_mut().chain(keys).for_each(|expr| self.expr(expr));
            }
        }
    }

    fn expr(self, expr: &mut Expr) {
        match expr {
            Expr::Const(_) | Expr::Index(_) => {}
            Expr::Scalar(input) | Expr::Field { input, .. } => *input += self.inputs,
            Expr::Length(collection) => *collection += self.collections,
            Expr::Element { input, index } => {
                *input += self.inputs;
                self.expr(index);
            }
            Expr::Unary(_, argument) | Expr::Cast(_, argument) => self.expr(argument),
            Expr::Binary(_, left, right) => {
                self.expr(left);
                self.expr(right);
            }
            Expr::And(parts) | Expr::Or(parts) => parts.iter_mut().for_each(|part| self.expr(part)),
            Expr::Case { branches, otherwise } => {
                for (condition, value) in branches {
                    self.expr(condition);
                    self.expr(value);
                }
                otherwise.iter_mut().for_each(|value| self.expr(value));
            }
            Expr::Subquery { query, .. } => self.query(query),
        }
    }
}
