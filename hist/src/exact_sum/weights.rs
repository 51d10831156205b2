//! Σw and Σw² of many cells: integers for the weights that fit, full range for the rest.

use pulp::Arch;

use super::sums::ExactSums;
use super::window::{ADDS, Fixed, SplitWeight, Splitter, settle};

/// Weights cut at a time, before any is added.
const BLOCK: usize = 256;

/// Position of 1 among the bits of [`ExactSums`], whose lowest is 2⁻¹⁰⁷⁴.
const UNIT: usize = 1074;

/// Room for cut weights. Filling in small pieces is faster with one that is kept.
#[derive(Debug, Clone, Default)]
pub struct CutBuffer(Vec<SplitWeight>);

impl CutBuffer {
    pub(crate) fn of(&mut self, n: usize) -> &mut [SplitWeight] {
        if self.0.len() < n {
            self.0.resize(n, [0; 4]);
        }
        &mut self.0[..n]
    }
}

/// What is added to in the inner loop, together because one place in memory costs less than two.
#[derive(Debug, Clone, Copy, Default)]
struct FastCell {
    /// Sums of cut weights since they were last emptied.
    parts: SplitWeight,
    /// Weights ever added, fitting or not.
    fills: u64,
}

/// The inner loop, in a form that [`Arch::dispatch`] compiles for each instruction set: the four parts are one vector.
struct AddCut<'a> {
    cells: &'a [u32],
    cut: &'a [SplitWeight],
    fast: &'a mut [FastCell],
}

impl pulp::NullaryFnOnce for AddCut<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { cells, cut, fast } = self;
        for (&cell, cut) in cells.iter().zip(cut) {
            let FastCell { parts, fills } = &mut fast[cell as usize];
            // Written out, so that it becomes one addition.
            *parts = [
                parts[0].wrapping_add(cut[0]),
                parts[1].wrapping_add(cut[1]),
                parts[2].wrapping_add(cut[2]),
                parts[3].wrapping_add(cut[3]),
            ];
            *fills += 1;
        }
    }
}

/// (Σw, Σw²) per cell, exact. Rules in the [module's head](super).
#[derive(Debug, Clone)]
pub struct WeightSums {
    cells: usize,
    /// How `fast` is cut; none before the first weight.
    splitter: Option<Splitter>,
    /// No entries before the first weight.
    fast: Vec<FastCell>,
    /// Additions since then, of which there may be [`ADDS`].
    added: usize,
    /// Everything else.
    weights: ExactSums,
    squares: ExactSums,
}

impl WeightSums {
    /// Sums of nothing, for `cells` cells.
    #[must_use]
    pub fn new(cells: usize) -> Self {
        Self {
            cells,
            splitter: None,
            fast: Vec::new(),
            added: 0,
            weights: ExactSums::new(cells),
            squares: ExactSums::new(cells),
        }
    }

    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells
    }

    /// Whether there are no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells == 0
    }

    /// Adds `weights[i]` and its square to cell `cells[i]`, for slices of one length (else the shorter).
    ///
    /// # Panics
    /// If a cell is beyond the array.
    pub fn add(&mut self, cells: &[u32], weights: &[f64]) {
        self.add_with(cells, weights, &mut CutBuffer::default());
    }

    /// [`add`](Self::add) with a buffer that is kept for the next time.
    ///
    /// # Panics
    /// If a cell is beyond the array.
    pub fn add_with(&mut self, cells: &[u32], weights: &[f64], buffer: &mut CutBuffer) {
        for (cells, weights) in cells.chunks(BLOCK).zip(weights.chunks(BLOCK)) {
            let n = weights.len().min(cells.len());
            let (weights, cut) = (&weights[..n], buffer.of(n));
            let splitter = self.ready(weights, None);
            if splitter.split(weights, cut) {
                self.add_cut(cells, cut);
            } else {
                self.add_misfits(cells, weights, cut);
            }
        }
    }

    /// Adds one weight.
    ///
    /// # Panics
    /// If the cell is beyond the array.
    pub fn add_one(&mut self, cell: u32, weight: f64) {
        self.add(&[cell], &[weight]);
    }

    /// Adds a weight of which the cut by `splitter` is known.
    pub(crate) fn add_one_cut(&mut self, cell: u32, weight: f64, splitter: &Splitter, cut: &SplitWeight) {
        if self.ready(&[weight], Some(splitter)) == *splitter && splitter.fits(weight) {
            self.add_cut(&[cell], std::slice::from_ref(cut));
        } else {
            self.add(&[cell], &[weight]);
        }
    }

    /// Adds weights of which only the sum of their cuts by `splitter` is known; they do not count as fills.
    pub(crate) fn add_cut_sum(&mut self, cell: usize, splitter: &Splitter, sum: &SplitWeight) {
        let mut sum = *sum;
        if !settle(&mut sum) || self.ready(&[], Some(splitter)) != *splitter {
            return self.add_fixed(cell, splitter.join(&sum));
        }
        self.settle_cell(cell);
        let parts = &mut self.fast[cell].parts;
        for (part, more) in parts.iter_mut().zip(sum) {
            *part += more;
        }
        self.settle_cell(cell);
    }

    /// Settles what the integers of a cell hold; what has outgrown them goes to the full-range sums.
    fn settle_cell(&mut self, cell: usize) {
        let Some(splitter) = self.splitter else { return };
        let mut parts = self.fast[cell].parts;
        if !settle(&mut parts) {
            self.add_fixed(cell, splitter.join(&parts));
            parts = [0; 4];
        }
        self.fast[cell].parts = parts;
    }

    fn add_fixed(&mut self, cell: usize, [(w, w_at), (s, s_at)]: Fixed) {
        self.weights.add_fixed(cell, w, w_at);
        self.squares.add_fixed(cell, s, s_at);
    }

    /// Adds `number` weights of 1; they do not count as fills.
    pub(crate) fn add_ones(&mut self, cell: usize, number: u64) {
        self.weights.add_fixed(cell, i128::from(number), UNIT);
        self.squares.add_fixed(cell, i128::from(number), UNIT);
    }

    /// Makes room for a block of additions, and at the first a splitter: the one given, or one for these weights.
    fn ready(&mut self, weights: &[f64], splitter: Option<&Splitter>) -> Splitter {
        if self.added + BLOCK > ADDS {
            (0..self.fast.len()).for_each(|cell| self.settle_cell(cell));
            self.added = 0;
        }
        if self.fast.is_empty() {
            self.fast = vec![FastCell::default(); self.cells];
        }
        let chosen = || splitter.copied().unwrap_or_else(|| Splitter::for_weights(weights));
        *self.splitter.get_or_insert_with(chosen)
    }

    fn add_cut(&mut self, cells: &[u32], cut: &[SplitWeight]) {
        Arch::new().dispatch(AddCut { cells, cut, fast: &mut self.fast });
        self.added += cut.len();
    }

    /// A block in which some weight does not fit: a better window if that pays, then the misfits one by one.
    #[cold]
    fn add_misfits(&mut self, cells: &[u32], weights: &[f64], cut: &mut [SplitWeight]) {
        let misfits = |s: &Splitter| weights.iter().filter(|w| w.is_finite() && !s.fits(**w)).count();
        let mut splitter = self.ready(weights, None);
        // Emptying costs as much as some additions per cell, so it has to be earned first.
        if 4 * misfits(&splitter) > weights.len() && self.added >= self.cells.min(ADDS / 2) {
            let other = Splitter::for_weights(weights);
            if 2 * misfits(&other) < misfits(&splitter) {
                self.empty();
                self.splitter = Some(other);
                splitter = other;
            }
        }
        splitter.split(weights, cut);
        self.add_cut(cells, cut);
        for (&cell, &w) in cells.iter().zip(weights) {
            if !splitter.fits(w) {
                self.weights.add(cell as usize, w);
                self.squares.add(cell as usize, w * w);
            }
        }
    }

    /// Moves what the integers hold to the full-range sums.
    fn empty(&mut self) {
        if let Some(splitter) = self.splitter {
            for (cell, fast) in self.fast.iter_mut().enumerate() {
                if fast.parts != [0; 4] {
                    let [(w, w_at), (s, s_at)] = splitter.join(&fast.parts);
                    self.weights.add_fixed(cell, w, w_at);
                    self.squares.add_fixed(cell, s, s_at);
                    fast.parts = [0; 4];
                }
            }
        }
        self.added = 0;
    }

    /// Adds every cell of `other`, of the same number of cells, to this one's. Cells beyond are ignored.
    pub fn merge(&mut self, other: &Self) {
        self.weights.merge(&other.weights);
        self.squares.merge(&other.squares);
        if let Some(splitter) = other.splitter {
            for (cell, fast) in other.fast.iter().enumerate().take(self.cells) {
                if fast.parts != [0; 4] {
                    self.add_cut_sum(cell, &splitter, &fast.parts);
                }
            }
        }
    }

    /// Σw and Σw² of every cell, rounded once.
    #[must_use]
    pub fn finish(&self) -> (Vec<f64>, Vec<f64>) {
        let mut scratch = Vec::new();
        (0..self.cells)
            .map(|cell| {
                let [(w, w_at), (s, s_at)] = self.fixed(cell);
                let sumw = self.weights.value_with(cell, w, w_at, &mut scratch);
                (sumw, self.squares.value_with(cell, s, s_at, &mut scratch))
            })
            .unzip()
    }

    /// Σw and Σw² of a cell and of what else belongs to it, rounded once.
    pub(crate) fn rounded_with(&self, cell: usize, others: Fixed) -> (f64, f64) {
        let fixed = self.fixed(cell);
        let round = |sums: &ExactSums, (v, at): (i128, usize), (other, other_at): (i128, usize)| {
            let mut both = ExactSums::new(1);
            both.add_fixed(0, v, at);
            both.add_fixed(0, other, other_at);
            both.add_row(0, sums, cell);
            both.value(0)
        };
        (round(&self.weights, fixed[0], others[0]), round(&self.squares, fixed[1], others[1]))
    }

    /// What the integers of a cell hold.
    fn fixed(&self, cell: usize) -> Fixed {
        match (&self.splitter, self.fast.get(cell)) {
            (Some(splitter), Some(fast)) => splitter.join(&fast.parts),
            _ => [(0, 0); 2],
        }
    }

    /// How many weights [`add`](Self::add) has added to a cell; merged ones are not counted.
    #[must_use]
    pub fn fills(&self, cell: usize) -> u64 {
        self.fast.get(cell).map_or(0, |fast| fast.fills)
    }

    /// Heap memory, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.fast.capacity() * size_of::<FastCell>() + self.weights.heap_bytes() + self.squares.heap_bytes()
    }

    /// Calls `each` with the two sums of a cell as (flags, sign, lowest bit, magnitude).
    pub(crate) fn parts(&self, cell: usize, scratch: &mut Vec<u64>, mut each: impl FnMut(Part<'_>)) {
        let fixed = self.fixed(cell);
        for (sums, (v, at)) in [&self.weights, &self.squares].into_iter().zip(fixed) {
            let special = sums.special.get(&cell).copied().unwrap_or(0);
            let (negative, position) = sums.magnitude_with(cell, v, at, scratch);
            each(Part { special, negative, position, magnitude: scratch });
        }
    }

    /// Adds one part that [`WeightSums::parts`] gave: `square` says to which of the two sums.
    pub(crate) fn add_part(&mut self, cell: usize, square: bool, part: &Part<'_>) {
        let sums = if square { &mut self.squares } else { &mut self.weights };
        sums.add_part(cell, part);
    }

    /// Whether any term of a cell was other than 0.
    pub(crate) fn touched(&self, cell: usize, scratch: &mut Vec<u64>) -> bool {
        let mut touched = false;
        self.parts(cell, scratch, |p| touched |= p.special != 0 || p.magnitude.iter().any(|&l| l != 0));
        touched
    }
}

/// One exact sum taken apart, as it is serialized.
pub(crate) struct Part<'a> {
    /// Which of NaN (1), +∞ (2), −∞ (4) were among the terms.
    pub(crate) special: u8,
    pub(crate) negative: bool,
    /// Position of bit 0 of the magnitude, a multiple of 64.
    pub(crate) position: usize,
    /// Limbs of 64 bits, the lowest first.
    pub(crate) magnitude: &'a [u64],
}

pub(super) fn negate(limbs: &mut [u64]) {
    let mut carry = true;
    for limb in limbs {
        let (sum, over) = (!*limb).overflowing_add(u64::from(carry));
        *limb = sum;
        carry = over;
    }
}
