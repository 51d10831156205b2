//! What the fused operator does, worked out while planning: distinct expressions, cut levels, outputs.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion_common::{Result, internal_datafusion_err};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::aggregate::AggregateFunctionExpr;
use datafusion_physical_expr::conjunction;
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion_physical_plan::filter::FilterExec;
use datafusion_physical_plan::projection::{ProjectionExec, ProjectionExpr};

use super::expressions::{Expressions, Id, Steps};
use super::rule::ReadAgain;
use super::split::Split;
use crate::aggregate::{Cutflow, Hist, NMinusOne};

/// The whole description of the operator.
#[derive(Debug)]
pub(super) struct Fusion {
    pub(super) steps: Steps,
    pub(super) groups: Vec<Id>,
    /// The types of the groups' keys.
    pub(super) keys: SchemaRef,
    pub(super) levels: Vec<CutLevel>,
    /// The cuts of each level as text.
    pub(super) texts: Vec<String>,
    pub(super) outputs: Vec<Output>,
    /// What is done with each input.
    pub(super) shares: Vec<Share>,
}

/// What is filled from one input.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// Of the columns that the operator reads, those that the input has, in its order.
    pub(super) columns: Vec<usize>,
    /// The level whose events the input gives.
    pub(super) level: usize,
    /// The level below it that is filled from another input.
    pub(super) without: Option<usize>,
}

/// Events that passed some conditions which several outputs have in common.
#[derive(Debug, Default)]
pub(super) struct CutLevel {
    /// The level whose events are looked at; none for all events.
    pub(super) above: Option<usize>,
    /// What they have to pass, in the order written.
    pub(super) cuts: Vec<Id>,
}

/// One aggregate of the query.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) level: usize,
    /// What of its FILTER is left at its level.
    pub(super) filter: Vec<Id>,
    /// Its whole FILTER, in the order written.
    pub(super) written: Vec<Id>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Rows are counted; nothing is evaluated for it.
    Count,
    /// A histogram.
    Hist(HistCall),
    /// An aggregate that is left to its own accumulator.
    Other { expr: Arc<AggregateFunctionExpr>, arguments: Vec<Id> },
}

/// A `hist` call.
#[derive(Debug)]
pub(super) struct HistCall {
    pub(super) expr: Arc<AggregateFunctionExpr>,
    /// Values, then weight and categories if there are any, as the accumulator takes them.
    pub(super) arguments: Vec<Id>,
    pub(super) types: Vec<DataType>,
    /// Of the categories the conditions, of the weight the variations, or the one weight.
    pub(super) categories: Option<Vec<Part>>,
    pub(super) weights: Option<Vec<Part>>,
}

/// An expression, or a field of one that is a struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub(super) id: Id,
    pub(super) field: Option<usize>,
}

/// The description, and an input for each of its shares.
pub(super) type Fused = (Fusion, Vec<Arc<dyn ExecutionPlan>>);

/// The description of a partial aggregation that fills a histogram, and the inputs it needs; `None` where the operator
/// would not help or cannot stand in its place.
pub(super) fn fuse(aggregate: &AggregateExec, read_again: ReadAgain) -> Result<Option<Fused>> {
    let fills = |expr: &Arc<AggregateFunctionExpr>| {
        let function = expr.fun().inner();
        let hist = function.downcast_ref::<Hist>().is_some_and(|hist| hist.is_bound());
        hist || function.is::<Cutflow>() || function.is::<NMinusOne>()
    };
    let ordered = |expr: &Arc<AggregateFunctionExpr>| !expr.order_bys().is_empty();
    let supported = *aggregate.mode() == AggregateMode::Partial
        && aggregate.group_expr().is_single()
        && aggregate.limit_options().is_none()
        && !aggregate.aggr_expr().iter().any(ordered);
    if !supported || !aggregate.aggr_expr().iter().any(fills) {
        return Ok(None);
    }
    let mut expressions = Expressions::default();
    let (input, columns) = below_projections(aggregate.input(), &mut expressions)?;
    let mut add = |expr: &Arc<dyn PhysicalExpr>| expressions.add(expr, &columns);
    let groups =
        aggregate.group_expr().expr().iter().map(|(expr, _)| add(expr)).collect::<Result<Vec<_>>>()?;
    let mut calls = Vec::with_capacity(aggregate.aggr_expr().len());
    for (expr, filter) in aggregate.aggr_expr().iter().zip(aggregate.filter_expr()) {
        let arguments = expr.expressions().iter().map(&mut add).collect::<Result<Vec<_>>>()?;
        let filter = filter.as_ref().map(&mut add).transpose()?;
        calls.push((Arc::clone(expr), arguments, filter));
    }
    let filters: Vec<Vec<Id>> = calls
        .iter()
        .map(|(_, _, filter)| {
            let mut cuts = filter.map_or(vec![], |filter| expressions.conjuncts(filter));
            let mut seen = vec![];
            cuts.retain(|cut| {
                !expressions.is_true(*cut) && !seen.contains(cut) && {
                    seen.push(*cut);
                    true
                }
            });
            cuts
        })
        .collect();
    let mut levels = vec![CutLevel::default()];
    let mut placed: Vec<(usize, Vec<Id>)> = filters.iter().map(|cuts| (0, cuts.clone())).collect();
    let all: Vec<usize> = (0..placed.len()).collect();
    factor(&all, &mut placed, 0, &mut levels);

    let arguments: Vec<&[Id]> = calls.iter().map(|(_, arguments, _)| &arguments[..]).collect();
    let schema = input.schema();
    let split = Split::of(&levels, &placed, &filters, &arguments, &groups, &expressions, &schema)
        .and_then(|split| Some((read_again(&input)?, split)));
    let cut_elsewhere = split.as_ref().map(|(_, split)| split.level);

    let mut roots: Vec<Id> = groups.clone();
    let cuts = levels.iter().enumerate().filter(|(level, _)| Some(*level) != cut_elsewhere);
    roots.extend(cuts.flat_map(|(_, level)| &level.cuts));
    for ((_, arguments, _), (_, filter)) in calls.iter().zip(&placed) {
        roots.extend(filter);
        for &argument in arguments {
            match expressions.fields(argument) {
                Some(fields) => roots.extend(fields.map(|(_, id)| id)),
                None => roots.push(argument),
            }
        }
        // The accumulator of one histogram takes structs whole; they are evaluated only when that is used.
        roots.extend(arguments);
    }
    let read = expressions.columns_of(roots.iter().copied());
    let places: HashMap<usize, usize> = read.iter().copied().zip(0..).collect();
    let steps = expressions.steps(&roots, &schema, &places)?;
    let outputs = calls
        .into_iter()
        .zip(placed)
        .zip(filters)
        .map(|(((expr, arguments, _), (level, filter)), written)| {
            let kind = kind(expr, arguments, &expressions, &steps)?;
            Ok(Output { level, filter, written, kind })
        })
        .collect::<Result<Vec<_>>>()?;
    let text = |level: &CutLevel| -> Result<String> {
        let cuts = level.cuts.iter().map(|&cut| Ok(expressions.written(cut)?.to_string()));
        Ok(cuts.collect::<Result<Vec<_>>>()?.join(" AND "))
    };
    let texts = levels.iter().map(text).collect::<Result<_>>()?;
    let (inputs, shares) = match split {
        None => {
            let columns = (0..read.len()).collect();
            (vec![only(&input, &schema, &read)?], vec![Share { columns, ..Share::default() }])
        }
        Some((again, Split { level, all, passed })) => {
            let cuts = levels[level].cuts.iter().map(|&cut| expressions.written(cut));
            let cut = conjunction(cuts.collect::<Result<Vec<_>>>()?);
            let filtered: Arc<dyn ExecutionPlan> = Arc::new(FilterExec::try_new(cut, input)?);
            let share = |columns: &[usize], level, without| {
                let columns = columns.iter().filter_map(|column| places.get(column).copied()).collect();
                Share { columns, level, without }
            };
            let shares = vec![share(&all, 0, Some(level)), share(&passed, level, None)];
            (vec![only(&again, &schema, &all)?, only(&filtered, &schema, &passed)?], shares)
        }
    };
    let keys = Arc::new(aggregate.schema().project(&(0..groups.len()).collect::<Vec<_>>())?);
    Ok(Some((Fusion { steps, groups, keys, levels, texts, outputs, shares }, inputs)))
}

impl Fusion {
    /// Whether a level is `above`, or below it.
    pub(super) fn is_within(&self, level: usize, above: usize) -> bool {
        is_within(&self.levels, level, above)
    }
}

pub(super) fn is_within(levels: &[CutLevel], level: usize, above: usize) -> bool {
    let up = |level: &usize| levels[*level].above;
    std::iter::successors(Some(level), up).any(|level| level == above)
}

/// The input below all projections that can be looked through, and what the columns above them are.
fn below_projections(
    plan: &Arc<dyn ExecutionPlan>,
    expressions: &mut Expressions,
) -> Result<(Arc<dyn ExecutionPlan>, Vec<Id>)> {
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let volatile =
            |part: &ProjectionExpr| datafusion_physical_expr_common::physical_expr::is_volatile(&part.expr);
        if !projection.expr().iter().any(volatile) {
            let (input, columns) = below_projections(projection.input(), expressions)?;
            let columns = projection
                .expr()
                .iter()
                .map(|part| expressions.add(&part.expr, &columns))
                .collect::<Result<_>>()?;
            return Ok((input, columns));
        }
    }
    let schema = plan.schema();
    let columns = schema.fields().iter().enumerate().map(|(i, field)| expressions.column(field.name(), i));
    Ok((Arc::clone(plan), columns.collect()))
}

/// The plan with these columns only.
fn only(plan: &Arc<dyn ExecutionPlan>, schema: &Schema, columns: &[usize]) -> Result<Arc<dyn ExecutionPlan>> {
    if columns.len() == schema.fields().len() {
        return Ok(Arc::clone(plan));
    }
    let column = |&index: &usize| {
        let name = schema.field(index).name();
        let expr = Arc::new(datafusion_physical_expr::expressions::Column::new(name, index));
        ProjectionExpr { expr, alias: name.clone() }
    };
    let columns: Vec<ProjectionExpr> = columns.iter().map(column).collect();
    Ok(Arc::new(ProjectionExec::try_new(columns, Arc::clone(plan))?))
}

/// Makes levels below `level` of what the filters of the outputs `of` have in common; `placed` holds for each output
/// its level and what is left of its filter there.
fn factor(of: &[usize], placed: &mut [(usize, Vec<Id>)], level: usize, levels: &mut Vec<CutLevel>) {
    let mut left: Vec<usize> = of.iter().copied().filter(|&output| !placed[output].1.is_empty()).collect();
    loop {
        // Distinct filters, and how many of them each condition is in.
        let mut filters: Vec<&Vec<Id>> = left.iter().map(|&output| &placed[output].1).collect();
        filters.sort_unstable();
        filters.dedup();
        let alone = filters.len() == 1;
        let mut counts: Vec<(Id, usize)> = vec![];
        for &condition in filters.iter().flat_map(|filter| filter.iter()) {
            match counts.iter_mut().find(|(known, _)| *known == condition) {
                Some((_, count)) => *count += 1,
                None => counts.push((condition, 1)),
            }
        }
        let Some(&(common, count)) = counts.iter().rev().max_by_key(|(_, count)| *count) else { return };
        if count < 2 && !alone {
            // Every filter stands for itself: masks over the rows of this level.
            return;
        }
        let (inside, outside): (Vec<usize>, Vec<usize>) =
            left.into_iter().partition(|&output| placed[output].1.contains(&common));
        let first = placed[inside[0]].1.clone();
        let cuts: Vec<Id> = first
            .into_iter()
            .filter(|cut| inside.iter().all(|&output| placed[output].1.contains(cut)))
            .collect();
        levels.push(CutLevel { above: Some(level), cuts: cuts.clone() });
        let below = levels.len() - 1;
        for &output in &inside {
            placed[output].0 = below;
            placed[output].1.retain(|condition| !cuts.contains(condition));
        }
        factor(&inside, placed, below, levels);
        left = outside;
    }
}

fn kind(
    expr: Arc<AggregateFunctionExpr>,
    arguments: Vec<Id>,
    expressions: &Expressions,
    steps: &Steps,
) -> Result<Kind> {
    let hist = expr.fun().inner().downcast_ref::<Hist>();
    if let Some(hist) = hist.filter(|hist| hist.is_bound() && !expr.is_distinct()) {
        let types = arguments.iter().map(|&id| steps.data_type(id).cloned()).collect::<Result<Vec<_>>>()?;
        let parts = |id: Id| -> Vec<Part> {
            let whole = |id| Part { id, field: None };
            match (expressions.fields(id), steps.data_type(id)) {
                (Some(fields), _) => fields.map(|(_, id)| whole(id)).collect(),
                (None, Ok(DataType::Struct(fields))) => {
                    (0..fields.len()).map(|field| Part { id, field: Some(field) }).collect()
                }
                _ => vec![whole(id)],
            }
        };
        let at = |place: usize| {
            arguments.get(place).copied().ok_or_else(|| internal_datafusion_err!("hist: no argument {place}"))
        };
        let (weight, categories) = hist.places(&types)?;
        let weights = weight.map(at).transpose()?.map(parts);
        let categories = categories.map(at).transpose()?.map(parts);
        return Ok(Kind::Hist(HistCall { expr, arguments, types, categories, weights }));
    }
    let counts = expr.fun().name() == "count"
        && !expr.is_distinct()
        && arguments.iter().all(|&argument| expressions.is_constant(argument));
    Ok(if counts { Kind::Count } else { Kind::Other { expr, arguments } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_filters_have_in_common_comes_first() {
        // No filter; skim & presel & 2b; skim & presel & 4b; skim; other.
        let filters = [vec![], vec![1, 2, 3], vec![1, 2, 4], vec![1], vec![9]];
        let mut placed: Vec<(usize, Vec<Id>)> = filters.into_iter().map(|filter| (0, filter)).collect();
        let mut levels = vec![CutLevel::default()];
        factor(&[0, 1, 2, 3, 4], &mut placed, 0, &mut levels);
        let shape: Vec<(Option<usize>, Vec<Id>)> =
            levels.into_iter().map(|level| (level.above, level.cuts)).collect();
        assert_eq!(shape, [(None, vec![]), (Some(0), vec![1]), (Some(1), vec![2]), (Some(0), vec![9])]);
        assert_eq!(placed, [(0, vec![]), (2, vec![3]), (2, vec![4]), (1, vec![]), (3, vec![])]);
    }
}
