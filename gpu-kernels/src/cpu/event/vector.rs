//! Loops over lanes, compiled for the instruction sets of the machine.
//!
//! Every loop is written over slices so that the compiler vectorises it; `pulp` picks, at run time, the copy made for
//! AVX-512, AVX2 or the base line. All copies do the same IEEE operations in the same order, without fused multiply-add,
//! so the bits do not depend on the machine.

use crate::ir::Type;

use super::graph::{Compare, Float1, Float2, Int1, Int2};
use super::integer;
use super::math;

/// A loop for `pulp`, which inlines it into its copy for every instruction set. A bare closure would not do: being
/// called by value it goes through a shim that the compiler leaves outside of those copies when the loop is long, so
/// that the loop is compiled for the base line alone.
struct Loop<F>(F);

impl<R, F: FnMut() -> R> pulp::NullaryFnOnce for Loop<F> {
    type Output = R;

    #[inline(always)]
    fn call(mut self) -> R {
        (self.0)()
    }
}

/// The instruction set in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vector {
    arch: pulp::Arch,
}

impl Default for Vector {
    fn default() -> Self {
        Self { arch: pulp::Arch::new() }
    }
}

impl Vector {
    /// Runs a loop that is written for vectors.
    #[inline(always)]
    pub(super) fn run_simd<L: pulp::WithSimd>(self, body: L) -> L::Output {
        self.arch.dispatch(body)
    }

    #[inline(always)]
    fn run<R>(self, body: impl FnMut() -> R) -> R {
        self.arch.dispatch(Loop(body))
    }

    #[inline(always)]
    pub(super) fn map<T: Copy, U>(self, to: &mut [U], a: &[T], f: impl Fn(T) -> U) {
        self.run(
            #[inline(always)]
            || {
                for (to, a) in to.iter_mut().zip(a) {
                    *to = f(*a);
                }
            },
        );
    }

    #[inline(always)]
    pub(super) fn zip<T: Copy, U>(self, to: &mut [U], a: &[T], b: &[T], f: impl Fn(T, T) -> U) {
        self.run(
            #[inline(always)]
            || {
                for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
                    *to = f(*a, *b);
                }
            },
        );
    }

    /// `fast` where it is good, which is almost everywhere, and `slow` elsewhere.
    #[inline(always)]
    fn guarded(
        self,
        to: &mut [f64],
        a: &[f64],
        good: impl Fn(f64) -> bool,
        fast: impl Fn(f64) -> f64,
        slow: impl Fn(f64) -> f64,
    ) {
        // Kept inside of the loop: a captured flag would be memory that `to` might overlap.
        let all = self.run(
            #[inline(always)]
            || {
                let mut all = true;
                for (to, a) in to.iter_mut().zip(a) {
                    *to = fast(*a);
                    all &= good(*a);
                }
                all
            },
        );
        if !all {
            for (to, a) in to.iter_mut().zip(a) {
                if !good(*a) {
                    *to = slow(*a);
                }
            }
        }
    }

    pub(super) fn float1(self, op: Float1, to: &mut [f64], a: &[f64]) {
        use Float1 as F;
        match op {
            F::Neg => self.map(
                to,
                a,
                #[inline(always)]
                |x: f64| -x,
            ),
            F::Abs => self.map(
                to,
                a,
                #[inline(always)]
                |x: f64| x.abs(),
            ),
            F::Sign => self.map(to, a, math::sign),
            F::Sqrt => self.map(
                to,
                a,
                #[inline(always)]
                |x: f64| x.sqrt(),
            ),
            F::Floor => self.map(
                to,
                a,
                #[inline(always)]
                |x: f64| x.floor(),
            ),
            F::Ceil => self.map(
                to,
                a,
                #[inline(always)]
                |x: f64| x.ceil(),
            ),
            F::Round => self.map(
                to,
                a,
                #[inline(always)]
                |x: f64| x.round(),
            ),
            F::Trunc => self.map(
                to,
                a,
                #[inline(always)]
                |x: f64| x.trunc(),
            ),
            #[allow(
                clippy::cast_possible_truncation,
                reason = "rounding to single precision is what is asked for"
            )]
            F::Single => self.map(
                to,
                a,
                #[inline(always)]
                |x: f64| f64::from(x as f32),
            ),
            F::WrapPhi => self.map(to, a, math::wrap_phi),
            F::Cbrt => self.map(to, a, f64::cbrt),
            F::Exp => self.map(to, a, math::exp),
            F::Exp2 => self.map(to, a, f64::exp2),
            F::ExpM1 => self.map(to, a, f64::exp_m1),
            F::Ln => self.guarded(to, a, math::ln_is_fast, math::ln_fast, f64::ln),
            F::Log2 => self.map(to, a, f64::log2),
            F::Log10 => self.map(to, a, f64::log10),
            F::Ln1p => self.map(to, a, f64::ln_1p),
            F::Sin => self.guarded(to, a, math::trigonometric_is_fast, math::sin_fast, f64::sin),
            F::Cos => self.guarded(to, a, math::trigonometric_is_fast, math::cos_fast, f64::cos),
            F::Tan => self.map(to, a, f64::tan),
            F::Asin => self.map(to, a, f64::asin),
            F::Acos => self.map(to, a, f64::acos),
            F::Atan => self.map(to, a, f64::atan),
            F::Sinh => self.guarded(to, a, math::hyperbolic_is_fast, math::sinh_fast, f64::sinh),
            F::Cosh => self.guarded(to, a, math::hyperbolic_is_fast, math::cosh_fast, f64::cosh),
            F::Tanh => self.map(to, a, math::tanh),
            F::Asinh => self.map(to, a, f64::asinh),
            F::Acosh => self.map(to, a, f64::acosh),
            F::Atanh => self.map(to, a, f64::atanh),
        }
    }

    pub(super) fn float2(self, op: Float2, to: &mut [f64], a: &[f64], b: &[f64]) {
        use Float2 as F;
        match op {
            F::Add => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y| x + y,
            ),
            F::Sub => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y| x - y,
            ),
            F::Mul => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y| x * y,
            ),
            F::Div => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y| x / y,
            ),
            F::Rem => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y| x % y,
            ),
            F::Least => self.zip(to, a, b, math::least),
            F::Greatest => self.zip(to, a, b, math::greatest),
            F::Pow => self.zip(to, a, b, f64::powf),
            F::Atan2 => self.atan2(to, a, b),
            F::Hypot => self.zip(to, a, b, f64::hypot),
        }
    }

    /// Both from one range reduction; the bits are those of either alone.
    pub(super) fn sine_cosine(self, sine: &mut [f64], cosine: &mut [f64], a: &[f64]) {
        let all = self.run(
            #[inline(always)]
            || {
                let mut all = true;
                for ((sine, cosine), a) in sine.iter_mut().zip(cosine.iter_mut()).zip(a) {
                    (*sine, *cosine) = math::sin_cos_fast(*a);
                    all &= math::trigonometric_is_fast(*a);
                }
                all
            },
        );
        if !all {
            for ((sine, cosine), a) in sine.iter_mut().zip(cosine).zip(a) {
                if !math::trigonometric_is_fast(*a) {
                    (*sine, *cosine) = (a.sin(), a.cos());
                }
            }
        }
    }

    fn atan2(self, to: &mut [f64], y: &[f64], x: &[f64]) {
        let all = self.run(
            #[inline(always)]
            || {
                let mut all = true;
                for ((to, y), x) in to.iter_mut().zip(y).zip(x) {
                    *to = math::atan2_fast(*y, *x);
                    all &= math::atan2_is_fast(*y, *x);
                }
                all
            },
        );
        if !all {
            for ((to, y), x) in to.iter_mut().zip(y).zip(x) {
                *to = math::atan2(*y, *x);
            }
        }
    }

    /// Comparison with one NaN, equal to itself and greater than every number.
    #[allow(clippy::neg_cmp_op_on_partial_ord, reason = "NaN is meant: no number is less than it is not")]
    pub(super) fn compare_float(self, op: Compare, to: &mut [u8], a: &[f64], b: &[f64]) {
        match op {
            Compare::Eq => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y: f64| u8::from((x == y) | (x.is_nan() & y.is_nan())),
            ),
            Compare::Ne => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y: f64| u8::from((x != y) & !(x.is_nan() & y.is_nan())),
            ),
            Compare::Lt => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y: f64| u8::from(!(x >= y) & !x.is_nan()),
            ),
            Compare::Le => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y: f64| u8::from((x <= y) | y.is_nan()),
            ),
            Compare::Gt => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y: f64| u8::from(!(y >= x) & !y.is_nan()),
            ),
            Compare::Ge => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: f64, y: f64| u8::from((x >= y) | x.is_nan()),
            ),
        }
    }

    pub(super) fn compare_int(self, op: Compare, to: &mut [u8], a: &[i64], b: &[i64]) {
        match op {
            Compare::Eq => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| u8::from(x == y),
            ),
            Compare::Ne => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| u8::from(x != y),
            ),
            Compare::Lt => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| u8::from(x < y),
            ),
            Compare::Le => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| u8::from(x <= y),
            ),
            Compare::Gt => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| u8::from(x > y),
            ),
            Compare::Ge => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| u8::from(x >= y),
            ),
        }
    }

    pub(super) fn int1(self, op: Int1, ty: Type, to: &mut [i64], a: &[i64]) {
        if op == Int1::BitNot && ty != Type::U32 {
            return self.map(
                to,
                a,
                #[inline(always)]
                |x: i64| !x,
            );
        }
        self.map(to, a, |x| integer::int1(op, ty, x).unwrap_or(0));
    }

    pub(super) fn int1_exists(self, op: Int1, ty: Type, to: &mut [u8], a: &[i64]) {
        self.map(to, a, |x| u8::from(integer::int1(op, ty, x).is_some()));
    }

    pub(super) fn int2(self, op: Int2, ty: Type, to: &mut [i64], a: &[i64], b: &[i64]) {
        match op {
            Int2::BitAnd => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| x & y,
            ),
            Int2::BitOr => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| x | y,
            ),
            Int2::BitXor => self.zip(
                to,
                a,
                b,
                #[inline(always)]
                |x: i64, y: i64| x ^ y,
            ),
            _ => self.zip(to, a, b, |x, y| integer::int2(op, ty, x, y).unwrap_or(0)),
        }
    }

    pub(super) fn int2_exists(self, op: Int2, ty: Type, to: &mut [u8], a: &[i64], b: &[i64]) {
        self.zip(to, a, b, |x, y| u8::from(integer::int2(op, ty, x, y).is_some()));
    }

    /// Where the mask is set the first, else the second.
    pub(super) fn select<T: Copy>(self, to: &mut [T], mask: &[u8], yes: &[T], no: &[T]) {
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
    pub(super) fn keep(self, to: &mut [u8], mask: &[u8]) {
        self.update(
            to,
            mask,
            #[inline(always)]
            |to, mask| *to &= mask,
        );
    }

    /// Is any lane set?
    pub(super) fn any(self, mask: &[u8]) -> bool {
        self.run(
            #[inline(always)]
            || mask.iter().fold(0, |any, mask| any | mask) != 0,
        )
    }

    /// A lane-wise update of a state by a value.
    #[inline(always)]
    pub(super) fn update<S, T: Copy>(self, state: &mut [S], a: &[T], f: impl Fn(&mut S, T)) {
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
    pub(super) fn fold<S: Copy>(
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
    pub(super) fn better(self, better: &mut [u8], key: &[i64], best: &[i64]) {
        self.run(
            #[inline(always)]
            || {
                for ((better, key), best) in better.iter_mut().zip(key).zip(best) {
                    *better = u8::from(key < best) | (u8::from(key == best) & *better);
                }
            },
        );
    }

    /// √max(e² − x² − y² − z², 0) of sums of two.
    pub(super) fn mass_of_sum(self, to: &mut [f64], args: [&[f64]; 8]) {
        let n = args.iter().fold(to.len(), |n, arg| n.min(arg.len()));
        let to = &mut to[..n];
        let [e1, e2, x1, x2, y1, y2, z1, z2] = args.map(|arg| &arg[..n]);
        self.run(
            #[inline(always)]
            || {
                for i in 0..n {
                    let (e, x, y, z) = (e1[i] + e2[i], x1[i] + x2[i], y1[i] + y2[i], z1[i] + z2[i]);
                    to[i] = math::greatest(e * e - x * x - y * y - z * z, 0.0).sqrt();
                }
            },
        );
    }

    /// Takes the key, and the place of the combination, where it is less than the best one yet. NaN is the greatest of
    /// keys; before the first combination the best key is NaN and its place negative.
    pub(super) fn keep_least(
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
