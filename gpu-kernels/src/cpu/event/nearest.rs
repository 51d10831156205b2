//! The combination whose mass is nearest to a target: the innermost loop with everything in vector registers.
//!
//! For a vector of lanes the sums over the outer variables are made once; then the loop over the innermost variable's
//! objects adds its four components, and compares and keeps without going through memory. The operations, and their
//! order, are those of the separate passes.

use pulp::{Simd, WithSimd};

use crate::ir::MAX_GENERATORS;

use super::error::EventError;
use super::nest::{Nest, Running};
use super::plan::NearestPlan;
use super::run::Executor;
use super::scratch::{QueryScratch, Registers};

/// What is added up, and how many of these there are.
type Terms<'a> = (usize, [&'a [f64]; MAX_GENERATORS]);

/// One run of the innermost loop.
struct Loop<'a> {
    /// Terms of energy and momentum that the outer variables give.
    outer: [Terms<'a>; 4],
    /// Rows of the innermost variable's objects, `width` lanes each.
    inner: [&'a [f64]; 4],
    width: usize,
    target: f64,
    /// Its objects: the number of the first, and for each the lanes that have it, ever fewer, but at most `lanes`.
    first: usize,
    active: &'a [(usize, bool)],
    lanes: usize,
    /// Lanes to leave alone have 0 here.
    take: Option<&'a [u64]>,
    /// The place of the combination with its object number 0; others count on from there.
    place: u64,
    best: &'a mut [f64],
    at: &'a mut [i64],
}

impl Executor<'_> {
    /// Runs the innermost loop.
    pub(super) fn nearest(
        &mut self,
        plan: &NearestPlan,
        nest: &Nest<'_>,
        scratch: &mut QueryScratch,
        number: usize,
        lanes: usize,
        running: Running,
    ) -> Result<(), EventError> {
        self.cancel.check()?;
        let level = &nest.plan.levels[number];
        let group = &nest.block.groups[level.group];
        let first = level.after.map_or(0, |after| scratch.registers.cursor[after] + 1);
        let Some(active) = group.active.get(first..).filter(|active| !active.is_empty()) else {
            return Ok(());
        };
        if active.iter().all(|(_, dense)| *dense) {
            self.nearest_of(plan, scratch, (number, first), active, lanes, running);
            return Ok(());
        }
        for (k, active) in group.active.iter().enumerate().skip(first) {
            let lanes = lanes.min(active.0);
            let mut running = running;
            if !active.1 {
                let having = group.count.iter().map(|count| u8::from(*count as usize > k));
                self.restrict(scratch, number, &mut running, lanes, &mut having.take(lanes));
            }
            self.nearest_of(plan, scratch, (number, k), &[*active], lanes, running);
        }
        Ok(())
    }

    fn nearest_of(
        &self,
        plan: &NearestPlan,
        scratch: &mut QueryScratch,
        (number, first): (usize, usize),
        active: &[(usize, bool)],
        lanes: usize,
        running: Running,
    ) {
        let lanes = lanes.min(active[0].0);
        let registers = &mut scratch.registers;
        registers.cursor[number] = 0;
        let take: Option<Vec<u64>> = match running {
            Running::All => None,
            Running::Masked(level) => {
                Some(scratch.masks[level][..lanes].iter().map(|bit| u64::from(*bit)).collect())
            }
        };
        let registers: &Registers = registers;
        let padded = registers.padded(lanes);
        let outer = plan.outer.each_ref().map(|terms| {
            let mut values: Terms<'_> = (0, [&[]; MAX_GENERATORS]);
            for (to, term) in values.1.iter_mut().zip(terms) {
                *to = registers.read(*term, padded);
                values.0 += 1;
            }
            values
        });
        let inner = plan.inner.map(|slot| registers.rows::<f64>(slot));
        let Some((place, best, at)) = scratch.state.best.nearest(&registers.cursor) else { return };
        self.vector.run_simd(Loop {
            outer,
            inner,
            width: registers.width,
            target: plan.target,
            first,
            active,
            lanes,
            take: take.as_deref(),
            place,
            best,
            at,
        });
    }
}

impl WithSimd for Loop<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for from in (0..self.lanes).step_by(S::F64_LANES) {
            let to = from + S::F64_LANES;
            // Rows of a block are as wide as its lanes, or padded.
            if to <= self.width {
                self.lanes_of(
                    simd,
                    from,
                    to,
                    #[inline(always)]
                    |values| S::as_simd_f64s(values).0[0],
                );
            } else {
                self.lanes_of(
                    simd,
                    from,
                    self.width,
                    #[inline(always)]
                    |values| simd.partial_load_f64s(values),
                );
            }
        }
    }
}

impl Loop<'_> {
    /// Lanes `from..to`, which fit one vector.
    #[inline(always)]
    fn lanes_of<S: Simd>(&mut self, simd: S, from: usize, to: usize, load: impl Fn(&[f64]) -> S::f64s) {
        let (zero, target) = (simd.splat_f64s(0.0), simd.splat_f64s(self.target));
        // Places before the first combination are negative: as unsigned, in the upper half.
        let unset = simd.splat_u64s(1 << 63);
        let [energy, x, y, z] = self.outer.each_ref().map(
            #[inline(always)]
            |(count, terms)| {
                let first = load(&terms[0][from..to]);
                let rest = terms[..*count].iter().skip(1);
                rest.fold(
                    first,
                    #[inline(always)]
                    |sum, term| simd.add_f64s(sum, load(&term[from..to])),
                )
            },
        );
        let taken = self.take.map(|take| {
            let take = simd.partial_load_u64s(&take[from..to.min(self.lanes)]);
            simd.greater_than_u64s(take, simd.splat_u64s(0))
        });
        let mut best = load(&self.best[from..to]);
        let mut at = simd.transmute_u64s_i64s(simd.partial_load_i64s(&self.at[from..to]));
        let [e, px, py, pz] = self.inner;
        for (number, (lanes, _)) in (self.first..).zip(self.active) {
            let lanes = self.lanes.min(*lanes);
            if lanes <= from {
                break;
            }
            let row = number * self.width;
            let square = |outer: S::f64s, inner: &[f64]| {
                let sum = simd.add_f64s(outer, load(&inner[row + from..row + to]));
                simd.mul_f64s(sum, sum)
            };
            let rest = simd.sub_f64s(square(energy, e), square(x, px));
            let rest = simd.sub_f64s(rest, square(y, py));
            let rest = simd.sub_f64s(rest, square(z, pz));
            let positive = simd.select_f64s(simd.less_than_f64s(rest, zero), zero, rest);
            let key = simd.abs_f64s(simd.sub_f64s(simd.sqrt_f64s(positive), target));
            // As `keep_least`.
            let as_good = simd.less_than_or_equal_f64s(best, key);
            let first_or_number =
                simd.or_m64s(simd.equal_f64s(key, key), simd.greater_than_or_equal_u64s(at, unset));
            let mut better = simd.and_m64s(simd.not_m64s(as_good), first_or_number);
            if lanes < to {
                let having = simd.mask_between_m64s(0, (lanes - from) as u64).mask();
                better = simd.and_m64s(better, having);
            }
            if let Some(taken) = taken {
                better = simd.and_m64s(better, taken);
            }
            best = simd.select_f64s(better, key, best);
            at = simd.select_u64s(better, simd.splat_u64s(self.place + number as u64), at);
        }
        simd.partial_store_f64s(&mut self.best[from..to], best);
        simd.partial_store_i64s(&mut self.at[from..to], simd.transmute_i64s_u64s(at));
    }
}
