//! Loops over lanes, compiled for the instruction sets of the machine.
//!
//! Every loop is written over slices so that the compiler vectorises it; `pulp` picks, at run time, the copy made for
//! AVX-512, AVX2 or the base line. All copies do the same IEEE operations in the same order, without fused multiply-add,
//! so the bits do not depend on the machine.

mod compare;
mod state;

use super::graph::{Float1, Float2};
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
}
