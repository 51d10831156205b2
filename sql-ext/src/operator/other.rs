//! The aggregates that are no histograms.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, new_empty_array};
use arrow::buffer::BooleanBuffer;
use datafusion_common::Result;
use datafusion_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::GroupsAccumulatorAdapter;
use datafusion_physical_expr::aggregate::AggregateFunctionExpr;

use super::expressions::{Id, Steps};
use super::fusion::Kind;
use super::pool::Pool;

/// What an aggregate that is no histogram holds.
pub(super) enum Other {
    /// Rows per group.
    Counts(Vec<i64>),
    One(Box<dyn Accumulator>),
    PerGroup(Box<dyn GroupsAccumulator>),
}

impl Other {
    /// For an aggregate, with GROUP BY or without; none for a histogram.
    pub(super) fn of(kind: &Kind, grouped: bool) -> Result<Option<Self>> {
        match kind {
            Kind::Hist(_) => Ok(None),
            Kind::Count => Ok(Some(Self::Counts(vec![]))),
            Kind::Other { expr, .. } if grouped => Ok(Some(Self::PerGroup(per_group(expr)?))),
            Kind::Other { expr, .. } => Ok(Some(Self::One(expr.create_accumulator()?))),
        }
    }

    /// Adds the rows of a level that pass the filter.
    pub(super) fn update(
        &mut self,
        kind: &Kind,
        filter: &[Id],
        pool: &Pool<'_>,
        groups: usize,
    ) -> Result<()> {
        let passed = pool.all_passed(filter)?;
        let arguments = |pool: &Pool<'_>| match kind {
            Kind::Other { arguments, .. } => {
                arguments.iter().map(|&id| pool.get(id)).collect::<Result<Vec<_>>>()
            }
            _ => Ok(vec![]),
        };
        match self {
            Self::Counts(counts) => {
                counts.resize(groups, 0);
                match (pool.groups(), passed) {
                    (None, passed) => {
                        let rows = passed.map_or(pool.rows(), |passed| passed.count_set_bits());
                        counts[0] += i64::try_from(rows).unwrap_or(i64::MAX);
                    }
                    (Some(of), None) => of.iter().for_each(|&group| counts[group] += 1),
                    (Some(of), Some(passed)) => passed.set_indices().for_each(|row| counts[of[row]] += 1),
                }
                Ok(())
            }
            Self::One(accumulator) => match passed {
                None => accumulator.update_batch(&arguments(pool)?),
                Some(passed) => accumulator.update_batch(&arguments(&pool.narrowed(&passed))?),
            },
            Self::PerGroup(accumulator) => {
                // Always with a filter: without one accumulators take it that every group up to now has rows here.
                let mut update = |pool: &Pool<'_>, arguments: &[ArrayRef], passed: BooleanBuffer| {
                    let passed = BooleanArray::new(passed, None);
                    let of = pool.groups().unwrap_or_default();
                    accumulator.update_batch(arguments, of, Some(&passed), groups)
                };
                match (arguments(pool), passed) {
                    (Ok(arguments), passed) => {
                        let passed = passed.unwrap_or_else(|| BooleanBuffer::new_set(pool.rows()));
                        update(pool, &arguments, passed)
                    }
                    (Err(_), Some(passed)) => {
                        // What fails may be rows that do not pass.
                        let narrowed = pool.narrowed(&passed);
                        update(&narrowed, &arguments(&narrowed)?, BooleanBuffer::new_set(narrowed.rows()))
                    }
                    (Err(error), None) => Err(error),
                }
            }
        }
    }

    /// Adds what another holds; its group i is `map[i]` of `groups` here.
    pub(super) fn merge(
        &mut self,
        mut other: Self,
        kind: &Kind,
        steps: &Steps,
        map: &[usize],
        groups: usize,
    ) -> Result<()> {
        if map.is_empty() {
            return Ok(());
        }
        other.reach(kind, steps, map.len())?;
        match (self, other) {
            (Self::Counts(counts), Self::Counts(others)) => {
                counts.resize(groups, 0);
                map.iter().zip(others).for_each(|(&group, count)| counts[group] += count);
                Ok(())
            }
            (Self::One(accumulator), Self::One(mut other)) => {
                let states = other.state()?;
                let states = states.iter().map(|state| state.to_array()).collect::<Result<Vec<_>>>()?;
                accumulator.merge_batch(&states)
            }
            (Self::PerGroup(accumulator), Self::PerGroup(mut other)) => {
                accumulator.merge_batch(&other.state(EmitTo::All)?, map, groups)
            }
            _ => datafusion_common::internal_err!("two kinds of one aggregate"),
        }
    }

    /// The results, one per group.
    pub(super) fn finish(mut self, kind: &Kind, steps: &Steps, groups: usize) -> Result<ArrayRef> {
        self.reach(kind, steps, groups)?;
        match self {
            Self::Counts(counts) => Ok(Arc::new(Int64Array::from(counts))),
            Self::One(mut accumulator) => accumulator.evaluate()?.to_array(),
            Self::PerGroup(mut accumulator) => accumulator.evaluate(EmitTo::All),
        }
    }

    /// Groups of which no row came this far are there too.
    fn reach(&mut self, kind: &Kind, steps: &Steps, groups: usize) -> Result<()> {
        match (self, kind) {
            (Self::Counts(counts), _) => counts.resize(groups, 0),
            (Self::PerGroup(accumulator), Kind::Other { arguments, .. }) => {
                let types = arguments.iter().map(|&id| steps.data_type(id));
                let empty = types.map(|found| Ok(new_empty_array(found?))).collect::<Result<Vec<_>>>()?;
                let none = BooleanArray::new(BooleanBuffer::new_unset(0), None);
                accumulator.update_batch(&empty, &[], Some(&none), groups)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Counts(counts) => counts.capacity() * size_of::<i64>(),
            Self::One(accumulator) => accumulator.size(),
            Self::PerGroup(accumulator) => accumulator.size(),
        }
    }
}

fn per_group(expr: &Arc<AggregateFunctionExpr>) -> Result<Box<dyn GroupsAccumulator>> {
    if expr.groups_accumulator_supported() {
        return expr.create_groups_accumulator();
    }
    let expr = Arc::clone(expr);
    Ok(Box::new(GroupsAccumulatorAdapter::new(move || expr.create_accumulator())))
}
