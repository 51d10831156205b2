//! Choosing by masks, and what reductions keep from combination to combination.

use super::Vector;

impl Vector {
    /// Where the mask is set the first, else the second.
    pub(in super::super) fn select<T: Copy>(self, to: &mut [T], mask: &[u8], yes: &[T], no: &[T]) {
        self.run(
            #[inline(always)]
            || {
                for (((to, mask), yes), no) in to.iter_mut().zip(mask).zip(yes).zip(no) {
                    *to = if *mask != 0 { *yes } else { *no };
                }
            },
        );
    }

    /// `to &= mask`
    pub(in super::super) fn keep(self, to: &mut [u8], mask: &[u8]) {
        self.update(
            to,
            mask,
            #[inline(always)]
            |to, mask| *to &= mask,
        );
    }

    /// Is any lane set?
    pub(in super::super) fn any(self, mask: &[u8]) -> bool {
        self.run(
            #[inline(always)]
            || mask.iter().fold(0, |any, mask| any | mask) != 0,
        )
    }

    /// A lane-wise update of a state by a value.
    #[inline(always)]
    pub(in super::super) fn update<S, T: Copy>(self, state: &mut [S], a: &[T], f: impl Fn(&mut S, T)) {
        self.run(
            #[inline(always)]
            || {
                for (state, a) in state.iter_mut().zip(a) {
                    f(state, *a);
                }
            },
        );
    }

    /// `state = f(state, value)` in the lanes of a mask (`None`: in all).
    #[inline(always)]
    pub(in super::super) fn fold<S: Copy>(
        self,
        state: &mut [S],
        value: &[S],
        take: Option<&[u8]>,
        f: impl Fn(S, S) -> S,
    ) {
        match take {
            None => self.update(
                state,
                value,
                #[inline(always)]
                |state, value| *state = f(*state, value),
            ),
            Some(take) => self.run(
                #[inline(always)]
                || {
                    for ((state, value), take) in state.iter_mut().zip(value).zip(take) {
                        let next = f(*state, *value);
                        *state = if *take != 0 { next } else { *state };
                    }
                },
            ),
        }
    }

    /// One step of comparing by several keys, from the last to the first: less, or equal and less by the keys after.
    pub(in super::super) fn better(self, better: &mut [u8], key: &[i64], best: &[i64]) {
        self.run(
            #[inline(always)]
            || {
                for ((better, key), best) in better.iter_mut().zip(key).zip(best) {
                    *better = u8::from(key < best) | (u8::from(key == best) & *better);
                }
            },
        );
    }

    /// Takes the key, and the place of the combination, where it is less than the best one yet. NaN is the greatest of
    /// keys; before the first combination the best key is NaN and its place negative.
    pub(in super::super) fn keep_least(
        self,
        best: &mut [f64],
        at: &mut [i64],
        key: &[f64],
        mask: Option<&[u8]>,
        place: i64,
    ) {
        #[inline(always)]
        fn step(best: &mut f64, at: &mut i64, key: f64, take: bool, place: i64) {
            let as_good = *best <= key;
            let better = !as_good & (!key.is_nan() | (*at < 0)) & take;
            *best = if better { key } else { *best };
            *at = if better { place } else { *at };
        }
        match mask {
            None => self.run(
                #[inline(always)]
                || {
                    // Not behind the closure's reference: else the loop gathers from one of two addresses.
                    let here = place;
                    for ((best, at), key) in best.iter_mut().zip(at.iter_mut()).zip(key) {
                        step(best, at, *key, true, here);
                    }
                },
            ),
            Some(mask) => self.run(
                #[inline(always)]
                || {
                    // Not behind the closure's reference: else the loop gathers from one of two addresses.
                    let here = place;
                    for (((best, at), key), take) in best.iter_mut().zip(at.iter_mut()).zip(key).zip(mask) {
                        step(best, at, *key, *take != 0, here);
                    }
                },
            ),
        }
    }
}
