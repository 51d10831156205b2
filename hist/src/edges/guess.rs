//! Guesses: from a value to an index that is right or one too low.
//!
//! A guess is at most n, so that a comparison always follows it: the index is guess + 1 unless x is below the threshold of
//! guess + 1. NaN is below nothing and is sent to guess n, so it becomes n + 1, the overflow.

use super::nested::Nested;
use super::real::Real;
use super::real::sealed::Real as _;

/// Rounding up a quarter early: the guess may then be wrong by a quarter of a bin to either side and is still
/// the right index or the one below it.
const SHIFT: f64 = 0.25;

/// Cells of the largest guess table tried, unless there are more bins.
pub(super) const MAX_TABLE: usize = 1 << 14;

/// How a value becomes an index that is right or one too low.
#[derive(Debug, Clone)]
pub(super) enum Guess<F> {
    /// round((x − lo)·scale + ¼) within 0 ..= top, and the threshold computed by the axis' own formula.
    Formula(Formula),
    /// The same, the threshold looked up.
    Linear { lo: F, scale: F, top: F },
    /// Similar arithmetic names a cell of a finer table, which holds the guess.
    Table { lo: F, scale: F, top: F, table: Vec<u32> },
    /// The upper bits of x, which are roughly its logarithm, name the cell.
    Bits { base: i64, shift: u32, table: Vec<u32> },
    /// Cells of two sizes, for edges that crowd in places.
    Nested { cells: Box<Nested<F>>, table: Vec<u32> },
    /// Bisect.
    Search,
}

/// An axis whose edges are `lo + i·width` for i < n and `hi`, all in f64 and checked against the edges one by one.
/// Nothing is looked up, so guess and decision go through vector registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Formula {
    lo: f64,
    hi: f64,
    width: f64,
    scale: f64,
    top: f64,
}

impl Formula {
    /// The formula of these edges, if they have one.
    fn new(edges: &[f64]) -> Option<Self> {
        let (&lo, &hi) = (edges.first()?, edges.last()?);
        #[allow(clippy::cast_precision_loss, reason = "axes have at most 2^26 bins")]
        let top = (edges.len() - 1) as f64;
        let formula = Self { lo, hi, width: (hi - lo) / top, scale: top / (hi - lo), top };
        #[allow(clippy::cast_precision_loss, reason = "as above")]
        let same = edges.iter().enumerate().all(|(i, &edge)| formula.threshold(i as f64) == edge);
        (same && edges.len() < f64::MAX_INDEX).then_some(formula)
    }

    /// Edge i, which is the threshold of index i + 1.
    #[inline(always)]
    fn threshold(&self, i: f64) -> f64 {
        if i == self.top { self.hi } else { self.lo + i * self.width }
    }

    #[inline(always)]
    fn guess(&self, x: f64) -> f64 {
        clamped(x, self.lo, self.scale, SHIFT, self.top).rounded()
    }

    /// The index itself.
    #[inline(always)]
    pub(super) fn index(&self, x: f64) -> u32 {
        let guess = self.guess(x);
        (guess + if x < self.threshold(guess) { 0.0 } else { 1.0 }).round_index()
    }
}

/// (x − lo)·scale + shift within 0 ..= top; NaN gives top. The comparisons are ordered so that each is one
/// machine instruction.
#[inline(always)]
fn clamped<F: Real>(x: F, lo: F, scale: F, shift: F, top: F) -> F {
    let g = (x - lo) * scale + shift;
    let g = if g < top { g } else { top };
    if g > F::ZERO { g } else { F::ZERO }
}

/// The cell of one of equal cells within 0 ..= top.
#[inline(always)]
pub(super) fn table_cell<F: Real>(x: F, lo: F, scale: F, top: F) -> u32 {
    clamped(x, lo, scale, F::ZERO, top).round_index()
}

/// The guess of [`Guess::Linear`].
#[inline(always)]
pub(super) fn linear<F: Real>(x: F, lo: F, scale: F, top: F) -> u32 {
    clamped(x, lo, scale, F::near(SHIFT), top).round_index()
}

impl<F: Real> Guess<F> {
    /// The guess of one value; `reached` bisects.
    #[inline(always)]
    pub(super) fn one(&self, x: F, n: usize, reached: impl Fn(F) -> usize) -> usize {
        match self {
            Self::Formula(formula) => {
                let guess = formula.guess(x.widen());
                guess.round_index() as usize
            }
            &Self::Linear { lo, scale, top } => linear(x, lo, scale, top) as usize,
            Self::Table { table, .. } | Self::Bits { table, .. } | Self::Nested { table, .. } => {
                table[self.cell(x, table.len() - 1)] as usize
            }
            #[allow(clippy::eq_op, reason = "the generic way to ask for NaN")]
            Self::Search => {
                if x != x {
                    n
                } else {
                    reached(x).min(n)
                }
            }
        }
    }

    /// The cell of a value in the guess' table, whose last cell is `last`.
    #[inline(always)]
    fn cell(&self, x: F, last: usize) -> usize {
        match self {
            &Self::Table { lo, scale, top, .. } => table_cell(x, lo, scale, top) as usize,
            Self::Nested { cells, .. } => cells.cell(x) as usize,
            &Self::Bits { base, shift, .. } => {
                #[allow(clippy::eq_op, reason = "the generic way to ask for NaN")]
                let nan = x != x;
                let cell = usize::try_from((x.key() >> shift).max(base) - base).unwrap_or(last);
                if nan { last } else { cell.min(last) }
            }
            _ => 0,
        }
    }

    /// The cheapest guess that is right or one too low for every value there is. `thresholds` are those of indices
    /// 1 ..= n + 1.
    pub(super) fn proved(edges: &[f64], thresholds: &[F]) -> Self {
        // For f32 too the formula is proved in f64, which has every f32.
        if let Some(formula) = Formula::new(edges).filter(|f| proves(&Guess::Formula(*f), edges)) {
            return Self::Formula(formula);
        }
        candidates(edges, thresholds).find(|guess| proves(guess, thresholds)).unwrap_or(Self::Search)
    }
}

/// Whether a guess is right or one too low for every value there is: between two thresholds the right index is
/// constant and a guess only grows, so both ends of every such stretch are checked.
fn proves<F: Real>(guess: &Guess<F>, thresholds: &[F]) -> bool {
    let usable = match guess {
        Guess::Linear { scale, .. } | Guess::Table { scale, .. } => scale.widen().is_finite(),
        Guess::Nested { cells, .. } => cells.is_finite(),
        Guess::Formula(formula) => formula.scale.is_finite(),
        _ => true,
    };
    let n = thresholds.len() - 1;
    let reached = |x: F| thresholds.partition_point(|&t| t <= x);
    let agrees = |x: F| {
        let (guess, right) = (guess.one(x, n, reached), reached(x));
        guess <= n && guess <= right && right <= guess + 1
    };
    usable
        && thresholds.iter().all(|&t| agrees(t) && agrees(t.next_down()))
        && agrees(F::near(f64::NEG_INFINITY))
        && agrees(F::near(f64::INFINITY))
        && guess.one(F::near(f64::NAN), n, reached) == n
}

/// Guesses worth trying, cheapest first.
fn candidates<F: Real>(edges: &[f64], thresholds: &[F]) -> impl Iterator<Item = Guess<F>> {
    let (n, lo, hi) = (edges.len() - 1, edges[0], edges[edges.len() - 1]);
    #[allow(clippy::cast_precision_loss, reason = "a guess")]
    let scaled =
        move |cells: usize, top: usize| (F::near(lo), F::near(cells as f64 / (hi - lo)), F::near(top as f64));
    let direct = (n < F::MAX_INDEX).then(|| scaled(n, n));
    let direct = direct.map(|(lo, scale, top)| Guess::Linear { lo, scale, top });
    let start = (2 * n).next_power_of_two().max(64);
    let fine = std::iter::successors(Some(start), |cells| Some(2 * cells))
        .take_while(move |&cells| cells <= MAX_TABLE.max(start) && cells < F::MAX_INDEX)
        .map(move |cells| {
            // A cell more than there are below `hi`: what it gets is all above.
            let (lo, scale, top) = scaled(cells, cells + 1);
            tabulated(cells + 2, thresholds, |table| Guess::Table { lo, scale, top, table })
        });
    let (low, high) = (thresholds[0].key(), thresholds[n].key());
    let by_bits = (0..64u32).rev().filter_map(move |shift| {
        let (base, end) = (low >> shift, high >> shift);
        let span = usize::try_from(end.checked_sub(base)?).ok()?;
        (low > 0 && span >= n / 2 && span < MAX_TABLE).then(|| {
            let base = base - 1;
            tabulated(span + 3, thresholds, |table| Guess::Bits { base, shift, table })
        })
    });
    let crowded = std::iter::successors(Some(start), |cells| Some(2 * cells))
        .take_while(move |&cells| cells < MAX_TABLE && cells < F::MAX_INDEX)
        .filter_map(move |coarse| {
            let cells = Box::new(Nested::new(coarse, edges, thresholds)?);
            Some(tabulated(cells.cells(), thresholds, |table| Guess::Nested { cells: cells.clone(), table }))
        });
    direct.into_iter().chain(fine).chain(by_bits).chain(crowded)
}

/// A table of `cells` in which each cell holds the number of thresholds that every value of the cell has reached.
fn tabulated<F: Real>(cells: usize, thresholds: &[F], make: impl Fn(Vec<u32>) -> Guess<F>) -> Guess<F> {
    let cell_of = make(Vec::new());
    let mut table = vec![0u32; cells];
    for &threshold in thresholds {
        let below = cell_of.cell(threshold.next_down(), cells - 1);
        // Cells are in increasing order of value, so all later ones lie above the threshold.
        if let Some(cell) = table.get_mut(below + 1) {
            *cell += 1;
        }
    }
    let n = u32::try_from(thresholds.len() - 1).unwrap_or(u32::MAX);
    let mut reached = 0;
    for cell in &mut table {
        reached += *cell;
        *cell = reached.min(n);
    }
    // NaN and everything far above are sent to the last cell.
    if let Some(last) = table.last_mut() {
        *last = n;
    }
    make(table)
}
