//! The bin rule, in the one place that states it.
//!
//! Edges decide: bin i holds edge(i) ≤ x < edge(i + 1), with edge(i) = lo + i·((hi − lo)/n) in f64 on a regular
//! axis and the last edge exactly `hi`. NaN counts as overflow.
//!
//! [`Bins`] is the rule made fast, and the same for every value: arithmetic guesses an index that is right or
//! one too low, one comparison with an exact threshold decides. That a guess is never farther off is not
//! assumed but proved when the table is built: guess and rule are both monotone in x, so checking them at
//! every threshold and at the value just below it covers all x. Where no guess passes, a binary search takes over.
//!
//! For f32 input the thresholds are the smallest f32 not below the f64 edges: x ≥ edge in f64 exactly when
//! x ≥ threshold in f32, so nothing is widened and the bins are equal. A GPU takes the same table.

use pulp::Arch;

use crate::axis::Transform;

/// Edge `i` (0 ..= n) of a regular axis.
pub(crate) fn regular_edge(n: usize, lo: f64, hi: f64, transform: Transform, i: usize) -> f64 {
    if i == 0 {
        return lo;
    }
    if i >= n {
        return hi;
    }
    #[allow(clippy::cast_precision_loss, reason = "n is at most MAX_CELLS")]
    let at = |a: f64, b: f64| a + i as f64 * ((b - a) / n as f64);
    match transform {
        Transform::None => at(lo, hi),
        Transform::Log => at(lo.ln(), hi.ln()).exp(),
        Transform::Sqrt => {
            let root = at(lo.sqrt(), hi.sqrt());
            root * root
        }
    }
}

/// Storage index by bisecting the edges: 0 underflow, 1 ..= n, n + 1 overflow and NaN.
pub(crate) fn index_by_edges(n: usize, edge: impl Fn(usize) -> f64, x: f64) -> usize {
    if x.is_nan() {
        return n + 1;
    }
    // Edges below `first` are ≤ x, edges from `end` on are > x.
    let (mut first, mut end) = (0, n + 1);
    while first < end {
        let middle = first.midpoint(end);
        if edge(middle) <= x {
            first = middle + 1
        } else {
            end = middle
        }
    }
    first
}

/// f32 or f64: the two widths values come in. Sealed.
pub trait Real: sealed::Real {}
impl Real for f32 {}
impl Real for f64 {}

mod sealed {
    use std::ops::{Add, Mul, Sub};

    /// What the guess needs of a float.
    pub trait Real:
        Copy
        + PartialOrd
        + Add<Output = Self>
        + Sub<Output = Self>
        + Mul<Output = Self>
        + Send
        + Sync
        + 'static
        + std::fmt::Debug
    {
        const ZERO: Self;
        const NAN: Self;
        const NEG_INFINITY: Self;
        /// Largest index the rounding trick can carry.
        const MAX_INDEX: usize;
        /// Nearest value of this width.
        fn near(x: f64) -> Self;
        /// Smallest value of this width not below x.
        fn up(x: f64) -> Self;
        fn next_down(self) -> Self;
        fn is_finite(self) -> bool;
        /// Nearest integer of a value in 0 ..= MAX_INDEX, without the cost of a checked conversion: adding
        /// 1.5·2^(mantissa bits) leaves the integer in the low bits.
        fn round_index(self) -> u32;
        /// Bits as a signed number: monotone for values above 0, negative for negative ones.
        fn key(self) -> i64;
    }

    impl Real for f64 {
        const ZERO: Self = 0.0;
        const NAN: Self = f64::NAN;
        const NEG_INFINITY: Self = f64::NEG_INFINITY;
        const MAX_INDEX: usize = 1 << 31;
        fn near(x: f64) -> Self {
            x
        }
        fn up(x: f64) -> Self {
            x
        }
        fn next_down(self) -> Self {
            f64::next_down(self)
        }
        fn is_finite(self) -> bool {
            f64::is_finite(self)
        }
        #[inline(always)]
        fn round_index(self) -> u32 {
            const MAGIC: f64 = 6_755_399_441_055_744.0;
            ((self + MAGIC).to_bits() & 0xffff_ffff) as u32
        }
        #[inline(always)]
        fn key(self) -> i64 {
            self.to_bits().cast_signed()
        }
    }

    impl Real for f32 {
        const ZERO: Self = 0.0;
        const NAN: Self = f32::NAN;
        const NEG_INFINITY: Self = f32::NEG_INFINITY;
        const MAX_INDEX: usize = 1 << 21;
        #[allow(
            clippy::cast_possible_truncation,
            reason = "rounding to the nearest f32 is what is wanted"
        )]
        fn near(x: f64) -> Self {
            x as f32
        }
        fn up(x: f64) -> Self {
            let near = Self::near(x);
            if f64::from(near) < x {
                near.next_up()
            } else {
                near
            }
        }
        fn next_down(self) -> Self {
            f32::next_down(self)
        }
        fn is_finite(self) -> bool {
            f32::is_finite(self)
        }
        #[inline(always)]
        fn round_index(self) -> u32 {
            const MAGIC: f32 = 12_582_912.0;
            (self + MAGIC).to_bits() & 0x3f_ffff
        }
        #[inline(always)]
        fn key(self) -> i64 {
            i64::from(self.to_bits().cast_signed())
        }
    }
}

/// How a value becomes an index that is right or one too low.
#[derive(Debug, Clone)]
enum Guess<F> {
    /// round((x − lo)·scale + shift), kept in 0 ..= top.
    Linear { lo: F, scale: F, top: F },
    /// The same arithmetic names a cell of a finer table, which holds the index.
    Table {
        lo: F,
        scale: F,
        top: F,
        table: Vec<u32>,
    },
    /// The upper bits of x, which are roughly its logarithm, name the cell.
    Bits {
        base: i64,
        shift: u32,
        table: Vec<u32>,
    },
    /// Bisect.
    Search,
}

/// Rounding up a quarter early: the guess may then be wrong by a quarter of a bin to either side and is still
/// the right index or the one below it.
const SHIFT: f64 = 0.25;

/// Values whose guesses are made in one go, before any of them is decided.
const BLOCK: usize = 256;

/// Cells of the largest guess table tried.
const MAX_TABLE: usize = 1 << 14;

/// The bin rule of a numeric axis for values of one width, ready for slices.
#[derive(Debug, Clone)]
pub struct Bins<F> {
    /// `thresholds[i]` is the smallest value of storage index i; −∞ for 0, and a NaN behind the last, which no value reaches.
    thresholds: Vec<F>,
    guess: Guess<F>,
}

impl<F: Real> Bins<F> {
    /// The rule for the edges of a numeric axis: strictly increasing, finite, two or more (see
    /// [`Axis::edges`](crate::Axis::edges)).
    #[must_use]
    pub fn new(edges: &[f64]) -> Self {
        let mut thresholds = Vec::with_capacity(edges.len() + 2);
        thresholds.push(F::NEG_INFINITY);
        thresholds.extend(edges.iter().map(|&e| F::up(e)));
        thresholds.push(F::NAN);
        let mut bins = Self {
            thresholds,
            guess: Guess::Search,
        };
        let (Some(&first), Some(&last)) = (edges.first(), edges.last()) else {
            return bins;
        };
        let proved = bins
            .candidates(first, last)
            .find(|guess| bins.proves(guess));
        bins.guess = proved.unwrap_or(Guess::Search);
        bins
    }

    /// Smallest value of each storage index from 1 to n + 1: what a device compares with.
    #[must_use]
    pub fn thresholds(&self) -> &[F] {
        &self.thresholds[1..self.thresholds.len() - 1]
    }

    /// Index of the overflow bin, which is also NaN's.
    fn overflow(&self) -> usize {
        self.thresholds.len() - 2
    }

    /// Guesses worth trying, cheapest first.
    fn candidates(&self, lo: f64, hi: f64) -> impl Iterator<Item = Guess<F>> + '_ + use<'_, F> {
        let overflow = self.overflow();
        #[allow(clippy::cast_precision_loss, reason = "a guess")]
        let linear = move |cells: usize, extra: usize| {
            (
                F::near(lo),
                F::near(cells as f64 / (hi - lo)),
                F::near((cells + extra) as f64),
            )
        };
        let direct = (overflow < F::MAX_INDEX)
            .then(|| linear(overflow - 1, 1))
            .map(|(lo, scale, top)| Guess::Linear { lo, scale, top });
        let start = (2 * overflow).next_power_of_two().max(64);
        let tables = std::iter::successors(Some(start), |k| Some(2 * k))
            .take_while(move |&k| k <= MAX_TABLE.max(start) && k < F::MAX_INDEX)
            .take(9);
        let fine = tables.map(move |cells| {
            let (lo, scale, top) = linear(cells, 1);
            self.tabulated(cells + 2, |table| Guess::Table {
                lo,
                scale,
                top,
                table,
            })
        });
        let (low, high) = (F::up(lo).key(), F::up(hi).key());
        let by_bits = (0..64u32).rev().filter_map(move |shift| {
            let span = usize::try_from((high >> shift) - (low >> shift)).ok()?;
            let fits = low > 0 && span >= overflow / 2 && span < MAX_TABLE;
            fits.then(|| {
                let base = (low >> shift) - 1;
                self.tabulated(span + 3, |table| Guess::Bits { base, shift, table })
            })
        });
        direct.into_iter().chain(fine).chain(by_bits)
    }

    /// A table of `cells` in which each cell holds the number of thresholds that every value of the cell has reached.
    fn tabulated(&self, cells: usize, make: impl Fn(Vec<u32>) -> Guess<F>) -> Guess<F> {
        let cell_of = make(Vec::new());
        let mut table = vec![0u32; cells];
        for &threshold in self.thresholds() {
            let below = cell_of.cell(threshold.next_down(), cells - 1);
            // Cells are in increasing order of value, so all later ones lie above the threshold.
            if let Some(cell) = table.get_mut(below + 1) {
                *cell += 1;
            }
        }
        let mut reached = 0;
        for cell in &mut table {
            reached += *cell;
            *cell = reached;
        }
        // NaN and everything far above are sent to the last cell.
        if let Some(last) = table.last_mut() {
            *last = u32::try_from(self.overflow()).unwrap_or(u32::MAX);
        }
        make(table)
    }

    /// Whether the guess is right or one too low for every value there is. See the module's head for why
    /// these points suffice.
    fn proves(&self, guess: &Guess<F>) -> bool {
        let usable = match guess {
            Guess::Linear { scale, .. } | Guess::Table { scale, .. } => scale.is_finite(),
            _ => true,
        };
        let guessed = |x: F| match guess {
            Guess::Table { table, .. } | Guess::Bits { table, .. } => {
                table[guess.cell(x, table.len() - 1)] as usize
            }
            Guess::Linear { .. } => guess.cell(x, 0),
            Guess::Search => self.index(x),
        };
        let agrees = |x: F| {
            let guess = guessed(x);
            let right = self.reached(x);
            guess <= right && right <= guess + 1
        };
        usable
            && self
                .thresholds()
                .iter()
                .all(|&t| agrees(t) && agrees(t.next_down()))
            && agrees(F::NEG_INFINITY)
            && agrees(F::near(f64::INFINITY))
            && guessed(F::NAN) == self.overflow()
    }

    /// Thresholds at or below x, by bisection.
    fn reached(&self, x: F) -> usize {
        self.thresholds().partition_point(|&t| t <= x)
    }

    /// Storage index of one value.
    #[must_use]
    pub fn index(&self, x: F) -> usize {
        #[allow(clippy::eq_op, reason = "the generic way to ask for NaN")]
        if x != x {
            self.overflow()
        } else {
            self.reached(x)
        }
    }

    /// Calls `each` with every value's position and storage index, in order.
    #[inline]
    pub fn visit(&self, values: &[F], mut each: impl FnMut(usize, u32)) {
        let mut guesses = [0u32; BLOCK];
        let mut start = 0;
        for block in values.chunks(BLOCK) {
            let guesses = &mut guesses[..block.len()];
            self.guess_block(block, guesses);
            for (k, (&x, &guess)) in block.iter().zip(guesses.iter()).enumerate() {
                let reached = x >= self.thresholds[guess as usize + 1];
                each(start + k, guess + u32::from(reached));
            }
            start += block.len();
        }
    }

    /// Writes the storage indices of `values`, times `stride`, onto `cells` (added to what is there).
    /// The slices are as long as the shorter one.
    pub fn accumulate(&self, values: &[F], stride: u32, cells: &mut [u32]) {
        let n = values.len().min(cells.len());
        let cells = &mut cells[..n];
        self.visit(&values[..n], |k, index| cells[k] += index * stride);
    }

    /// Guesses of up to [`BLOCK`] values, by the widest vectors the machine has.
    #[inline]
    fn guess_block(&self, values: &[F], guesses: &mut [u32]) {
        match &self.guess {
            &Guess::Linear { lo, scale, top } => {
                Arch::new().dispatch(LinearCells {
                    lo,
                    scale,
                    top,
                    shift: F::near(SHIFT),
                    values,
                    cells: guesses,
                });
            }
            Guess::Table {
                lo,
                scale,
                top,
                table,
            } => {
                let (lo, scale, top) = (*lo, *scale, *top);
                Arch::new().dispatch(LinearCells {
                    lo,
                    scale,
                    top,
                    shift: F::ZERO,
                    values,
                    cells: guesses,
                });
                for guess in guesses {
                    *guess = table[*guess as usize];
                }
            }
            Guess::Bits { table, .. } => {
                for (&x, guess) in values.iter().zip(guesses) {
                    *guess = table[self.guess.cell(x, table.len() - 1)];
                }
            }
            Guess::Search => {
                for (&x, guess) in values.iter().zip(guesses) {
                    // The answer itself; the comparison that follows leaves it as it is.
                    *guess = u32::try_from(self.index(x)).unwrap_or(u32::MAX);
                }
            }
        }
    }
}

impl<F: Real> Guess<F> {
    /// The cell of a value; `last` is the table's last cell.
    #[inline(always)]
    fn cell(&self, x: F, last: usize) -> usize {
        match self {
            &Guess::Linear { lo, scale, top } => {
                linear_cell(x, lo, scale, F::near(SHIFT), top) as usize
            }
            &Guess::Table { lo, scale, top, .. } => {
                linear_cell(x, lo, scale, F::ZERO, top) as usize
            }
            &Guess::Bits { base, shift, .. } => {
                #[allow(clippy::eq_op, reason = "the generic way to ask for NaN")]
                let nan = x != x;
                let cell = usize::try_from(((x.key() >> shift) - base).max(0)).unwrap_or(last);
                if nan { last } else { cell.min(last) }
            }
            Guess::Search => 0,
        }
    }
}

/// round((x − lo)·scale + shift) within 0 ..= top; NaN gives top. The comparisons are ordered so that each is
/// one machine instruction.
#[inline(always)]
fn linear_cell<F: Real>(x: F, lo: F, scale: F, shift: F, top: F) -> u32 {
    let g = (x - lo) * scale + shift;
    let g = if g < top { g } else { top };
    let g = if g > F::ZERO { g } else { F::ZERO };
    g.round_index()
}

/// [`linear_cell`] over slices, in a form that [`Arch::dispatch`] compiles for each instruction set.
struct LinearCells<'a, F> {
    lo: F,
    scale: F,
    top: F,
    shift: F,
    values: &'a [F],
    cells: &'a mut [u32],
}

impl<F: Real> pulp::NullaryFnOnce for LinearCells<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            lo,
            scale,
            top,
            shift,
            values,
            cells,
        } = self;
        for (&x, cell) in values.iter().zip(cells) {
            *cell = linear_cell(x, lo, scale, shift, top);
        }
    }
}
