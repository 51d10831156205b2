//! Reductions over combinations of which some are only possible.

use super::constant::class;
use super::expression::Scope;
use super::writer::{Class, Value};
use super::{Form, no_form};
use crate::ir::{Aggregate, AggregateFunction, OrderKey, Query, Reduction, Type};

/// The variables of a reduction.
#[derive(Debug)]
pub(super) enum State {
    Exists(String),
    /// Number of values and what they come to, for each.
    Aggregates(Vec<(String, String)>),
    First {
        /// Whether there is one: 0 no, 1 maybe, 2 surely.
        found: String,
        keys: Vec<String>,
        values: Vec<(String, Class)>,
    },
}

impl State {
    pub(super) fn declare(scope: &mut Scope<'_>, reduction: &Reduction) -> Form<Self> {
        let writer = &mut scope.writer;
        match reduction {
            Reduction::Exists => {
                let name = writer.fresh("q");
                writer.line(&format!("var {name} = FALSE;"));
                Ok(Self::Exists(name))
            }
            Reduction::Aggregates(aggregates) => {
                let mut names = vec![];
                for aggregate in aggregates {
                    let (number, sum) = (writer.fresh("n"), writer.fresh("q"));
                    writer.line(&format!("var {number} = point(0);"));
                    let neutral = match aggregate.function {
                        AggregateFunction::BoolAnd => "TRUE",
                        AggregateFunction::BoolOr => "FALSE",
                        _ => "point(0)",
                    };
                    writer.line(&format!("var {sum} = {neutral};"));
                    names.push((number, sum));
                }
                Ok(Self::Aggregates(names))
            }
            Reduction::First { values, order_by, offset: 0 } => {
                let found = writer.fresh("q");
                writer.line(&format!("var {found} = 0u;"));
                let keys: Vec<String> = order_by.iter().map(|_| writer.fresh("k")).collect();
                keys.iter().for_each(|key| writer.line(&format!("var {key}: N;")));
                let mut names = vec![];
                for value in values {
                    let class = class(scope.ty(value)?);
                    let name = scope.writer.fresh("q");
                    let ty = if class == Class::Bool { "u32" } else { "N" };
                    scope.writer.line(&format!("var {name}: {ty};"));
                    names.push((name, class));
                }
                Ok(Self::First { found, keys, values: names })
            }
            other => Self::refuse(other),
        }
    }

    /// What a loop goes on for.
    pub(super) fn goes_on(&self) -> String {
        match self {
            Self::Exists(name) => format!(" && {name} != TRUE"),
            _ => String::new(),
        }
    }

    /// Takes the combination that the loops stand at; `sure` says whether it is one for certain.
    pub(super) fn take(&self, scope: &mut Scope<'_>, query: &Query, sure: &str) -> Form<()> {
        // Without, the innermost variable is that of a query around it, whose blocks outlive these.
        let has_loops = !query.generators.is_empty();
        match (self, &query.reduction) {
            (Self::Exists(name), _) => {
                scope.writer.line(&format!("{name} = select({name} | TRUE, TRUE, {sure});"));
                Ok(())
            }
            (Self::Aggregates(names), Reduction::Aggregates(aggregates)) => {
                for (aggregate, (number, sum)) in aggregates.iter().zip(names) {
                    add(scope, aggregate, number, sum, sure)?;
                }
                Ok(())
            }
            (Self::First { found, keys, values: names }, Reduction::First { values, order_by, .. }) => {
                let here = scope.writer.fresh("w");
                scope.writer.line(&format!("let {here} = select(1u, 2u, {sure});"));
                let ranked = rank(scope, order_by, keys)?;
                let outcome = scope.writer.fresh("o");
                let (mut rank, mut own) = ("2u".to_owned(), vec![]);
                for (number, (place, key)) in ranked.into_iter().enumerate() {
                    rank = if number == 0 { place } else { format!("then({rank}, {place})") };
                    own.push(key);
                }
                scope.writer.line(&format!("let {outcome} = outcome({found}, {here}, {rank});"));
                scope.writer.open(&format!("if {outcome} != 0u"));
                if has_loops {
                    scope.settle();
                }
                let mut new = vec![];
                for value in values {
                    new.push(scope.expr(value)?.name);
                }
                let writer = &mut scope.writer;
                for (key, own) in keys.iter().zip(&own) {
                    match &order_by[..] {
                        [one] => writer.line(&format!(
                            "{key} = key_after({outcome}, {found}, {here}, {key}, {}, {});",
                            own.name, one.descending
                        )),
                        _ => writer.line(&format!("{key} = after({outcome}, {key}, {});", own.name)),
                    }
                }
                for ((name, class), new) in names.iter().zip(&new) {
                    let function = if *class == Class::Bool { "after_truth" } else { "after" };
                    writer.line(&format!("{name} = {function}({outcome}, {name}, {new});"));
                }
                writer.line(&format!("{found} = select(max({found}, {here}), {here}, {outcome} == 1u);"));
                Ok(())
            }
            _ => no_form("another reduction"),
        }
    }

    /// What has been found, once the loops are done.
    pub(super) fn outputs(&self, scope: &mut Scope<'_>, reduction: &Reduction) -> Form<Vec<Value>> {
        match (self, reduction) {
            (Self::Exists(name), _) => Ok(vec![scope.writer.snapshot(Class::Bool, name)]),
            (Self::Aggregates(names), Reduction::Aggregates(aggregates)) => {
                let mut outputs = vec![];
                for (aggregate, (number, sum)) in aggregates.iter().zip(names) {
                    outputs.push(finished(scope, aggregate, number, sum)?);
                }
                Ok(outputs)
            }
            (Self::First { found, values, .. }, _) => {
                let of = |(name, class): &(String, Class)| match class {
                    Class::Bool => scope.writer.snapshot(*class, &format!("first_of_truth({name}, {found})")),
                    class => scope.writer.snapshot(*class, &format!("first_of({name}, {found})")),
                };
                Ok(values.iter().map(of).collect())
            }
            _ => no_form("another reduction"),
        }
    }
}

/// The places of a combination's keys beside those of the best so far, with the keys.
fn rank(scope: &mut Scope<'_>, order_by: &[OrderKey], keys: &[String]) -> Form<Vec<(String, Value)>> {
    let mut all = vec![];
    for (order, key) in order_by.iter().zip(keys) {
        let mut own = scope.expr(&order.expr)?;
        if own.class == Class::Bool {
            own = scope.call(Class::Integer, "truth_number", &[&own]);
        }
        let text = format!("places({}, {key}, {}, {})", own.name, order.descending, order.nulls_first);
        all.push((text, own));
    }
    Ok(all)
}

fn add(scope: &mut Scope<'_>, aggregate: &Aggregate, number: &str, sum: &str, sure: &str) -> Form<()> {
    let mut here = format!("select(1u, 2u, {sure})");
    if let Some(filter) = &aggregate.filter {
        let filter = scope.expr(filter)?;
        here = format!("filtered({here}, {})", filter.name);
    }
    let mut value = None;
    if let Some(of) = &aggregate.value {
        let of = scope.expr(of)?;
        let function = if of.class == Class::Bool { "with_truth" } else { "with_value" };
        here = format!("{function}({here}, {})", of.name);
        value = Some(of);
    }
    let name = scope.writer.fresh("w");
    scope.writer.line(&format!("let {name} = {here};"));
    if let Some(Value { name: value, class, .. }) = value {
        use AggregateFunction as F;
        let text = match (aggregate.function, class) {
            (F::Count, _) => None,
            (F::Sum | F::Avg, Class::Float) => Some(format!("f_sum({sum}, {value}, {name})")),
            (F::Sum | F::Avg, _) => Some(format!("i_sum({sum}, {value}, {name})")),
            (F::Min, _) => Some(format!("extreme({sum}, {number}, {value}, {name}, false)")),
            (F::Max, _) => Some(format!("extreme({sum}, {number}, {value}, {name}, true)")),
            (F::BoolAnd, _) => Some(format!("all_true({sum}, {value}, {name})")),
            (F::BoolOr, _) => Some(format!("any_true({sum}, {value}, {name})")),
        };
        if let Some(text) = text {
            scope.writer.line(&format!("{sum} = {text};"));
        }
    }
    scope.writer.line(&format!("{number} = tally({number}, {name});"));
    Ok(())
}

fn finished(scope: &mut Scope<'_>, aggregate: &Aggregate, number: &str, sum: &str) -> Form<Value> {
    use AggregateFunction as F;
    let ty = match &aggregate.value {
        Some(value) => scope.ty(value)?,
        None => Type::I64,
    };
    let (class, text) = match aggregate.function {
        F::Count => (Class::Integer, number.to_owned()),
        F::BoolAnd | F::BoolOr => (Class::Bool, format!("finished_truth({sum}, {number})")),
        F::Avg => (Class::Float, format!("finished(mean({sum}, {number}), {number})")),
        F::Sum | F::Min | F::Max => (class(ty), format!("finished({sum}, {number})")),
    };
    Ok(scope.writer.snapshot(class, &text))
}
