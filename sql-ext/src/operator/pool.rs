//! The columns of one cut level of a batch: evaluated when they are first asked for, or narrowed from the level above.

use std::cell::RefCell;

use arrow::array::ArrayRef;
use arrow::buffer::BooleanBuffer;
use datafusion_common::{Result, internal_datafusion_err};

use super::expressions::{Id, Step, Steps, compute};
use crate::survivors::{Survivors, expanded, truth};

/// The rows of a batch that reached a level.
pub(super) struct Pool<'a> {
    steps: &'a Steps,
    rows: usize,
    from: From<'a>,
    known: RefCell<Vec<Option<ArrayRef>>>,
    /// Group of each row; none without GROUP BY.
    groups: Option<Vec<usize>>,
}

enum From<'a> {
    /// The columns that there are.
    Batch(&'a [Option<&'a ArrayRef>]),
    /// The rows of the level above that passed.
    Above(&'a Pool<'a>, RefCell<Survivors>),
}

impl<'a> Pool<'a> {
    pub(super) fn of_batch(steps: &'a Steps, columns: &'a [Option<&'a ArrayRef>], rows: usize) -> Self {
        Self {
            steps,
            rows,
            from: From::Batch(columns),
            known: RefCell::new(vec![None; steps.len()]),
            groups: None,
        }
    }

    /// The rows of this level that `passed`.
    pub(super) fn narrowed(&'a self, passed: &BooleanBuffer) -> Self {
        let groups = self.groups.as_ref().map(|groups| passed.set_indices().map(|row| groups[row]).collect());
        Self {
            steps: self.steps,
            rows: passed.count_set_bits(),
            from: From::Above(self, RefCell::new(Survivors::new(passed))),
            known: RefCell::new(vec![None; self.steps.len()]),
            groups,
        }
    }

    pub(super) fn with_groups(mut self, groups: Option<Vec<usize>>) -> Self {
        self.groups = groups;
        self
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn groups(&self) -> Option<&[usize]> {
        self.groups.as_deref()
    }

    fn known(&self, id: Id) -> Option<ArrayRef> {
        self.known.borrow().get(id).cloned().flatten()
    }

    /// The values of an expression.
    pub(super) fn get(&self, id: Id) -> Result<ArrayRef> {
        if let Some(array) = self.known(id) {
            return Ok(array);
        }
        let array = match (&self.from, self.steps.step(id)?) {
            (From::Batch(columns), Step::Column(place)) => {
                let column = columns.get(*place).copied().flatten().cloned();
                column.ok_or_else(|| internal_datafusion_err!("no column {place} in the batch"))?
            }
            (From::Above(above, survivors), step) => match (above.known(id), step) {
                // What the level above has evaluated is taken over.
                (Some(array), _) => survivors.borrow_mut().column(&array)?,
                (None, Step::Column(_)) => survivors.borrow_mut().column(&above.get(id)?)?,
                (None, step) => self.compute(step)?,
            },
            (From::Batch(_), step) => self.compute(step)?,
        };
        if let Some(place) = self.known.borrow_mut().get_mut(id) {
            *place = Some(array.clone());
        }
        Ok(array)
    }

    fn compute(&self, step: &Step) -> Result<ArrayRef> {
        let Step::Compute { expr, inputs, schema } = step else {
            return Err(internal_datafusion_err!("a column is not computed"));
        };
        let inputs = inputs.iter().map(|&input| self.get(input)).collect::<Result<Vec<_>>>()?;
        compute(expr, schema, inputs, self.rows)
    }

    /// Rows for which a condition is true; NULL is not.
    pub(super) fn passed(&self, id: Id) -> Result<BooleanBuffer> {
        truth(&self.get(id)?)
    }

    /// Rows that pass all conditions, in the order given; none where there are no conditions. A condition that fails for
    /// some rows is evaluated for those only that pass the ones before it.
    pub(super) fn all_passed(&self, conditions: &[Id]) -> Result<Option<BooleanBuffer>> {
        let mut all: Option<BooleanBuffer> = None;
        for &condition in conditions {
            all = Some(match (self.passed(condition), all) {
                (Ok(passed), None) => passed,
                (Ok(passed), Some(all)) => &all & &passed,
                (Err(_), Some(all)) => expanded(&all, &self.narrowed(&all).passed(condition)?),
                (Err(error), None) => return Err(error),
            });
            if all.as_ref().is_some_and(|all| !all.has_true()) {
                break;
            }
        }
        Ok(all)
    }
}
