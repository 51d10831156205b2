//! In which order the conditions of a cut are evaluated.

use std::time::{Duration, Instant};

use arrow::buffer::BooleanBuffer;
use datafusion_common::Result;

use crate::survivors::expanded;

/// Looks at a condition before its cost counts, and between two decisions.
const LOOKS: usize = 8;

/// Rows that conditions are asked of, by number.
pub trait Rows {
    /// How many rows there are.
    fn count(&self) -> usize;

    /// Which of them fulfil a condition; NULL does not.
    ///
    /// # Errors
    /// What evaluating it brings.
    fn passed(&self, condition: usize) -> Result<BooleanBuffer>;

    /// Asks on among some of them only.
    ///
    /// # Errors
    /// What `ask` brings, and copying.
    fn among(
        &self,
        some: &BooleanBuffer,
        ask: &mut dyn FnMut(&dyn Rows) -> Result<BooleanBuffer>,
    ) -> Result<BooleanBuffer>;
}

/// The order of conditions that all have to hold, by what they cost and how much they take away; at first, and where
/// nothing speaks against it, as written. Which rows pass does not depend on it. A condition may fail for rows that one
/// before it keeps away, so on an error the order written decides.
#[derive(Debug, Clone)]
pub struct CutOrder {
    order: Vec<usize>,
    seen: Vec<Seen>,
    looks: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    looks: usize,
    rows: usize,
    passed: usize,
    time: Duration,
}

impl Seen {
    /// Expected time until a row is taken away: conditions in ascending order of it take the least time together, where
    /// they are independent.
    fn rank(&self) -> f64 {
        let taken = self.rows - self.passed.min(self.rows);
        if taken == 0 { f64::INFINITY } else { self.time.as_secs_f64() / taken as f64 }
    }
}

impl CutOrder {
    /// For so many conditions.
    #[must_use]
    pub fn new(conditions: usize) -> Self {
        Self { order: (0..conditions).collect(), seen: vec![Seen::default(); conditions], looks: 0 }
    }

    /// The rows that pass all conditions, each asked of those that passed the ones before it where that is worth copying
    /// what it looks at. To be called once per batch.
    ///
    /// # Errors
    /// A condition that fails also in the order written.
    pub fn passed(&mut self, rows: &dyn Rows) -> Result<BooleanBuffer> {
        let order = self.order.clone();
        let mut passed = self.narrow(rows, &order);
        if passed.is_err() && !order.is_sorted() {
            let written: Vec<usize> = (0..order.len()).collect();
            passed = self.narrow(rows, &written);
        }
        if passed.is_ok() {
            self.decide();
        }
        passed
    }

    fn narrow(&mut self, rows: &dyn Rows, order: &[usize]) -> Result<BooleanBuffer> {
        let mut all = BooleanBuffer::new_set(rows.count());
        for (at, &condition) in order.iter().enumerate() {
            let started = Instant::now();
            let passed = rows.passed(condition)?;
            self.record(condition, rows.count(), passed.count_set_bits(), started.elapsed());
            all = if at == 0 { passed } else { &all & &passed };
            let left = all.count_set_bits();
            let after = &order[at + 1..];
            if left == 0 || after.is_empty() {
                break;
            }
            if left < rows.count() / 2 {
                let inner = rows.among(&all, &mut |rows| self.narrow(rows, after))?;
                return Ok(expanded(&all, &inner));
            }
        }
        Ok(all)
    }

    /// Tells that a condition was evaluated for `rows` rows, of which `passed` passed.
    fn record(&mut self, condition: usize, rows: usize, passed: usize, time: Duration) {
        if let Some(seen) = self.seen.get_mut(condition) {
            seen.looks += 1;
            seen.rows += rows;
            seen.passed += passed;
            seen.time += time;
        }
    }

    /// Decides anew from time to time.
    fn decide(&mut self) {
        self.looks += 1;
        // What was never evaluated (nothing came that far) stays where it is, so all wait for it.
        if self.looks.is_multiple_of(LOOKS) && self.seen.iter().all(|seen| seen.looks > 0) {
            // As written first, since the sort keeps the order of equal ones.
            self.order.sort_unstable();
            self.order.sort_by(|&a, &b| self.seen[a].rank().total_cmp(&self.seen[b].rank()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_most_away_for_its_cost_comes_first() {
        let mut order = CutOrder::new(3);
        for _ in 0..LOOKS {
            order.record(0, 100, 90, Duration::from_micros(10));
            order.record(1, 90, 45, Duration::from_micros(10));
            order.record(2, 45, 45, Duration::from_micros(1));
            assert_eq!(order.order, [0, 1, 2]);
            order.decide();
        }
        assert_eq!(order.order, [1, 0, 2]);
    }

    #[test]
    fn what_was_never_looked_at_changes_nothing() {
        let mut order = CutOrder::new(2);
        for _ in 0..10 * LOOKS {
            order.record(0, 100, 0, Duration::from_micros(10));
            order.decide();
        }
        assert_eq!(order.order, [0, 1]);
    }
}
