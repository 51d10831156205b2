//! Numbers that look random and are the same every time.

/// A stream of numbers from a seed (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of 0 … n − 1; 0 for none.
    pub(super) fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % n).unwrap_or(0)
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Within [0, 1).
    #[allow(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Within ±40, often an integer.
    pub(super) fn ordinary(&mut self) -> f64 {
        let x = self.unit() * 80.0 - 40.0;
        if self.one_in(4) { x.round() } else { x }
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A value that is mostly ordinary.
    pub(super) fn value(&mut self, edges: &[f64]) -> f64 {
        const ODD: [f64; 12] = [
            f64::NAN,
            -f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            0.0,
            -0.0,
            5e-324,
            -5e-324,
            1e-40,
            1e300,
            -1e300,
            f64::MAX,
        ];
        match self.below(12) {
            0 => *self.pick(&ODD),
            1 | 2 if !edges.is_empty() => {
                let edge = *self.pick(edges);
                *self.pick(&[edge, edge.next_up(), edge.next_down()])
            }
            _ => self.ordinary(),
        }
    }

    /// A weight: around 1, or with a chance of `odd` of any size there is.
    pub(super) fn weight(&mut self, odd: f64) -> f64 {
        if self.unit() >= odd {
            return 0.25 + self.unit();
        }
        match self.below(4) {
            0 => f64::from_bits(self.next()),
            1 => *self.pick(&[0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, 1e200, -1e-200]),
            _ => -self.unit() * 1e6,
        }
    }
}
