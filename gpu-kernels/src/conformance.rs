//! What every back end has to pass: generated fill plans, of which each bit of each histogram has to be the CPU's.
//!
//! A case is made from a number, so one that fails is had again by that. Values and weights are mostly ordinary, and
//! now and then NaN, infinite, subnormal, enormous, or right at an edge.

mod batch;
mod random;

use ana_hist::{Axis, ExactHistogram};

use crate::backend::{Backend, PlanExecutor};
use crate::error::Result;
use crate::plan::{BinPlan, FillPlan, PlannedFill, Selection};

use batch::{Batch, Shape, ValueType};
use random::Random;

/// A plan and batches for it.
#[derive(Debug, Clone)]
pub struct Case {
    plan: FillPlan,
    batches: Vec<Batch>,
}

fn labels(n: usize) -> Result<Axis> {
    Ok(Axis::category((0..n).map(|i| i.to_string()).collect())?)
}

impl Case {
    /// Case number `seed`, with batches of at most so many events.
    ///
    /// # Errors
    /// None, unless axes are no longer what this makes.
    pub fn new(seed: u64, most_events: usize) -> Result<Self> {
        let mut random = Random::new(seed);
        let r = &mut random;
        let values: Vec<(ValueType, Shape)> =
            (0..1 + r.below(5)).map(|_| (ValueType::any(r), Shape::any(r))).collect();
        let masks = r.below(6) + if r.one_in(10) { 70 } else { 0 };
        let weights = 1 + r.below(5);
        let mut bins = vec![];
        for _ in 0..1 + r.below(6) {
            let value = r.below(values.len());
            bins.push(BinPlan { value, axis: axis(values[value].0, r)? });
        }
        let selections = (0..1 + r.below(4)).map(|_| selection(masks, r)).collect::<Vec<_>>();
        let sets: Vec<Vec<usize>> =
            (0..1 + r.below(3)).map(|_| (0..1 + r.below(6)).map(|_| r.below(weights)).collect()).collect();
        let mut fills = vec![];
        for _ in 0..1 + r.below(5) {
            let mut of: Vec<usize> = (0..r.below(4)).map(|_| r.below(bins.len())).collect();
            // Lists of one histogram are of one collection, and there are not more cells than are of use.
            let lists = of.iter().find_map(|&bin| values[bins[bin].value].1.collection());
            of.retain(|&bin| values[bins[bin].value].1.collection().is_none_or(|own| Some(own) == lists));
            while of.iter().map(|&bin: &usize| bins[bin].axis.extent()).product::<usize>() > 3000 {
                of.pop();
            }
            let set = (!r.one_in(3)).then(|| r.below(sets.len()));
            let varied = set.is_some_and(|set| sets[set].len() > 1 || r.one_in(2));
            let selection = r.below(selections.len());
            // A histogram has an axis.
            if of.is_empty() && !varied && selections[selection].categories.is_none() {
                continue;
            }
            fills.push(PlannedFill { bins: of, selection, weights: set, varied });
        }
        let grouped = r.one_in(4);
        let has_nulls = r.one_in(3);
        let sizes = *r.pick(&[0.0, 0.0, 0.001, 0.2]);
        let batches = (0..1 + r.below(4))
            .map(|_| {
                let rows = if r.one_in(8) { r.below(3) } else { r.below(most_events) };
                Batch::new(rows, &values, &bins, masks, weights, fills.len(), (grouped, has_nulls, sizes), r)
            })
            .collect();
        Ok(Self { plan: FillPlan { bins, selections, weights: sets, fills, formulas: vec![] }, batches })
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &FillPlan {
        &self.plan
    }

    /// The filler of a back end for this case.
    ///
    /// # Errors
    /// None, unless plans are no longer what this makes.
    pub fn filler(&self, backend: &Backend) -> Result<PlanExecutor> {
        let empty = self.plan.fills.iter().map(|fill| self.empty(fill)).collect::<Result<_>>()?;
        backend.filler(self.plan.clone(), empty)
    }

    fn empty(&self, fill: &PlannedFill) -> Result<ExactHistogram> {
        let categories = &self.plan.selections[fill.selection].categories;
        let categories = categories.as_ref().map(|masks| labels(masks.len())).transpose()?;
        let variations = fill.weights.filter(|_| fill.varied).map(|set| labels(self.plan.weights[set].len()));
        self.plan.histogram(fill, categories, variations.transpose()?)
    }

    /// Fills all batches, and gives all histograms as bytes.
    ///
    /// # Errors
    /// What the filler gives.
    pub fn fill(&self, filler: &mut PlanExecutor) -> Result<Vec<Vec<u8>>> {
        for batch in &self.batches {
            batch.lend(|batch| filler.fill(batch))?;
        }
        let groups = self.batches.iter().map(|batch| batch.groups).max().unwrap_or(1);
        let mut all = vec![];
        for fill in 0..self.plan.fills.len() {
            all.extend(filler.histograms(fill, groups)?.iter().map(ExactHistogram::to_bytes));
        }
        Ok(all)
    }

    /// How many histograms of two back ends differ.
    ///
    /// # Errors
    /// What either filler gives.
    pub fn differing(&self, one: &Backend, other: &Backend) -> Result<usize> {
        let one = self.fill(&mut self.filler(one)?)?;
        let other = self.fill(&mut self.filler(other)?)?;
        Ok(one.iter().zip(&other).filter(|(a, b)| a != b).count() + one.len().abs_diff(other.len()))
    }
}

fn selection(masks: usize, r: &mut Random) -> Selection {
    let filter = (masks > 0 && r.one_in(2)).then(|| r.below(masks));
    let number = if masks > 64 { masks } else { 1 + r.below(masks.max(1)) };
    let categories = (masks > 0 && r.one_in(2)).then(|| (0..number).map(|_| r.below(masks)).collect());
    Selection { filter, categories }
}

fn axis(values: ValueType, r: &mut Random) -> Result<Axis> {
    let most = if r.one_in(6) { 400 } else { 20 };
    let n = 1 + r.below(most);
    Ok(match (values, r.below(4)) {
        (ValueType::Codes, _) => labels(1 + r.below(6))?,
        (ValueType::Bool, 0 | 1) => Axis::boolean(),
        (_, 0) => Axis::integer(-3, i64::try_from(n).unwrap_or(20) - 2)?,
        (_, 1) => {
            let mut edges: Vec<f64> = (0..=n).map(|_| r.ordinary()).collect();
            edges.extend(r.one_in(4).then_some([-1e300, 1e-310, 1e300]).into_iter().flatten());
            edges.push(1e9);
            edges.sort_by(f64::total_cmp);
            edges.dedup();
            Axis::variable(edges)?
        }
        _ => {
            let lo = r.ordinary();
            Axis::regular(n, lo, lo + 0.1 + r.unit() * 100.0)?
        }
    })
}
