//! The fill plan: many histograms over the same events, with what they share written down once.
//!
//! A plan names columns, masks and weights by number; a [`PlanBatch`] gives what stands behind the numbers. Distinct
//! pairs of a value and an axis are one entry of [`bins`](FillPlan::bins), events chosen in the same way one of
//! [`selections`](FillPlan::selections), equal lists of weights one of [`weights`](FillPlan::weights); a
//! [`PlannedFill`] joins them. A back end finds each bin once, looks at each mask once and prepares each weight once,
//! however many histograms use them.

use ana_hist::{Axis, ExactHistogram};

use crate::error::{KernelError, Result};
use crate::fill::{Bitmap, Column, Level, check_offsets};
use crate::formula::{Formula, Given};

/// Histograms over one stream of batches, as plain data.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FillPlan {
    /// Values with their axes.
    pub bins: Vec<BinPlan>,
    /// Ways of choosing events.
    pub selections: Vec<Selection>,
    /// Lists of weights of events, each weight by its number.
    pub weights: Vec<Vec<usize>>,
    /// The histograms.
    pub fills: Vec<PlannedFill>,
    /// What the back end computes by itself.
    pub formulas: Vec<Formula>,
}

/// A value on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct BinPlan {
    /// Number of the value.
    pub value: usize,
    /// Its axis.
    pub axis: Axis,
}

/// Which events fill, by masks with one bit per event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    /// The mask an event has to pass; `None`: all do.
    pub filter: Option<usize>,
    /// Masks of categories: an event fills once for each it passes. `None`: once.
    pub categories: Option<Vec<usize>>,
}

/// A histogram of a plan. Its axes are those of its bins, behind an axis of the categories if its selection has any,
/// behind which is one of the variations if it is varied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFill {
    /// Numbers of its bins, one per axis of values.
    pub bins: Vec<usize>,
    /// Number of its selection.
    pub selection: usize,
    /// Number of its list of weights; `None` counts.
    pub weights: Option<usize>,
    /// Whether the list of weights makes an axis; without that it has one weight.
    pub varied: bool,
}

/// A column of values, and the lists it comes from.
#[derive(Debug, Clone, Copy)]
pub struct PlanValue<'a> {
    /// The entries.
    pub column: Column<'a>,
    /// Where the column has entries per item: the events' offsets into it, one more than there are events.
    pub offsets: Option<&'a [i32]>,
    /// Events whose list is not NULL; `None`: all.
    pub lists: Option<Bitmap<'a>>,
}

/// One batch for a plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanBatch<'a> {
    /// Number of events.
    pub rows: usize,
    /// The group of each event, below `group_count`; `None`: all are in group 0.
    pub groups: Option<&'a [usize]>,
    /// Number of groups up to now.
    pub group_count: usize,
    /// Values by number.
    pub values: &'a [PlanValue<'a>],
    /// Masks by number: an event passes where the bit is 1.
    pub masks: &'a [Bitmap<'a>],
    /// Weights by number, one per event; NULL fills nothing.
    pub weights: &'a [Column<'a>],
    /// Which fills take part in this batch.
    pub active: &'a [bool],
    /// Columns that formulas read, by number.
    pub inputs: &'a [PlanValue<'a>],
}

/// Where a filler asks for memory.
pub trait Room: std::fmt::Debug + Send + Sync {
    /// Whether it may hold so many bytes more.
    fn take(&self, bytes: usize) -> bool;
}

impl FillPlan {
    /// Whether all numbers are those of something there is.
    ///
    /// # Errors
    /// [`KernelError::Plan`] with what is wrong.
    pub fn check(&self) -> Result<()> {
        let plan = |what: &'static str, ok: bool| if ok { Ok(()) } else { Err(KernelError::Plan { what }) };
        for fill in &self.fills {
            plan("a bin that is not there", fill.bins.iter().all(|&bin| bin < self.bins.len()))?;
            plan("a selection that is not there", fill.selection < self.selections.len())?;
            let weights = fill.weights.map(|set| self.weights.get(set));
            plan("a list of weights that is not there", weights != Some(None))?;
            let number = weights.flatten().map_or(0, Vec::len);
            plan("several weights without an axis for them", fill.varied || number <= 1)?;
            plan("an axis of variations without weights", !fill.varied || number > 0)?;
            plan("an empty list of weights", fill.weights.is_none() || number > 0)?;
        }
        for formula in &self.formulas {
            formula.check()?;
            for given in &formula.gives {
                if let Given::Mask { mask, .. } = *given {
                    let category =
                        |of: &Selection| of.categories.as_ref().is_some_and(|all| all.contains(&mask));
                    plan("a formula for a category", !self.selections.iter().any(category))?;
                }
            }
        }
        Ok(())
    }

    /// The formula that gives a value, by its number, and its output.
    pub(crate) fn formula_of_value(&self, value: usize) -> Option<(usize, usize)> {
        self.formula(|given| matches!(given, Given::Value { value: own, .. } if *own == value))
    }

    /// The formula that narrows a mask, by its number, and its output.
    pub(crate) fn formula_of_mask(&self, mask: usize) -> Option<(usize, usize)> {
        self.formula(|given| matches!(given, Given::Mask { mask: own, .. } if *own == mask))
    }

    /// The formulas that a fill needs, with their outputs.
    pub(crate) fn formulas_of<'a>(
        &'a self,
        fill: &'a PlannedFill,
    ) -> impl Iterator<Item = (usize, usize)> + 'a {
        let of_mask = self.selections[fill.selection].filter.and_then(|mask| self.formula_of_mask(mask));
        let values = fill.bins.iter().filter_map(|&bin| self.formula_of_value(self.bins[bin].value));
        values.chain(of_mask)
    }

    /// The formulas that active fills need.
    pub(crate) fn needed(&self, active: &[bool]) -> Vec<usize> {
        let fills = self.fills.iter().zip(active).filter(|(_, active)| **active);
        let mut needed: Vec<usize> =
            fills.flat_map(|(fill, _)| self.formulas_of(fill)).map(|(i, _)| i).collect();
        needed.sort_unstable();
        needed.dedup();
        needed
    }

    fn formula(&self, is: impl Fn(&Given) -> bool) -> Option<(usize, usize)> {
        let mut all = self.formulas.iter().enumerate();
        all.find_map(|(number, formula)| {
            formula.gives.iter().find(|given| is(given)).map(|given| (number, given.output()))
        })
    }

    /// The empty histogram of a fill, given the labels of its categories and variations.
    ///
    /// # Errors
    /// Axes that no histogram can have.
    pub fn histogram(
        &self,
        fill: &PlannedFill,
        categories: Option<Axis>,
        variations: Option<Axis>,
    ) -> Result<ExactHistogram> {
        let axes = fill.bins.iter().map(|&bin| self.bins[bin].axis.clone());
        let axes: Vec<Axis> = categories.into_iter().chain(variations).chain(axes).collect();
        Ok(ExactHistogram::new(axes, fill.weights.is_some())?)
    }
}

impl PlanBatch<'_> {
    /// Whether every slice is as long as it has to be for `plan`.
    pub(crate) fn check(&self, plan: &FillPlan) -> Result<()> {
        let long_enough = |what, expected: usize, found: usize| {
            if found >= expected { Ok(()) } else { Err(KernelError::Length { what, expected, found }) }
        };
        let most = u32::MAX as usize;
        if self.rows > most {
            return Err(KernelError::Length { what: "batch", expected: most, found: self.rows });
        }
        long_enough("active", plan.fills.len(), self.active.len())?;
        if let Some(groups) = self.groups {
            long_enough("groups", self.rows, groups.len())?;
            if let Some(&group) = groups[..self.rows].iter().find(|&&group| group >= self.group_count) {
                return Err(KernelError::Group { group, groups: self.group_count });
            }
        }
        for (fill, _) in plan.fills.iter().zip(self.active).filter(|(_, active)| **active) {
            for &bin in &fill.bins {
                let value = plan.bins[bin].value;
                long_enough("values", value + 1, self.values.len())?;
                self.values[value].check(self.rows)?;
            }
            let selection = &plan.selections[fill.selection];
            for &mask in selection.filter.iter().chain(selection.categories.iter().flatten()) {
                long_enough("masks", mask + 1, self.masks.len())?;
                long_enough("mask", self.rows, self.masks[mask].len())?;
            }
            for &weight in fill.weights.iter().flat_map(|&set| &plan.weights[set]) {
                long_enough("weights", weight + 1, self.weights.len())?;
                let column = &self.weights[weight];
                let expected = if column.level == Level::Constant { 1 } else { self.rows };
                if column.level == Level::Item {
                    return Err(KernelError::Plan { what: "a weight per item" });
                }
                long_enough("weight", expected, column.values.len())?;
                long_enough("validity", expected, column.validity.map_or(expected, |bits| bits.len()))?;
            }
        }
        Ok(())
    }
}

impl PlanValue<'_> {
    fn check(&self, rows: usize) -> Result<()> {
        let items = self.offsets.map(|offsets| check_offsets(offsets, rows)).transpose()?;
        let expected = match (self.column.level, items) {
            (Level::Constant, _) => 1,
            (Level::Event, _) => rows,
            (Level::Item, Some(items)) => items.end,
            (Level::Item, None) => return Err(KernelError::NoOffsets),
        };
        let lengths = [
            (expected, self.column.values.len()),
            (expected, self.column.validity.map_or(expected, |bits| bits.len())),
            (rows, self.lists.map_or(rows, |bits| bits.len())),
        ];
        match lengths.into_iter().find(|(expected, found)| found < expected) {
            Some((expected, found)) => Err(KernelError::Length { what: "column", expected, found }),
            None => Ok(()),
        }
    }
}
