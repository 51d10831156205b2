//! A digest of a branch that sees which event a value belongs to; shared by both readers.

/// Folds values event by event.
#[derive(Debug, Default)]
pub(crate) struct Digest {
    events: u64,
    sum: u64,
}

impl Digest {
    /// Adds the values of the next event.
    pub(crate) fn event(&mut self, values: impl Iterator<Item = f64>) {
        // FNV-1a over the bits, then weighted by the event's number: values in the wrong event show.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for value in values {
            hash = (hash ^ value.to_bits()).wrapping_mul(0x0100_0000_01b3);
        }
        self.events += 1;
        self.sum = self.sum.wrapping_add(hash.wrapping_mul(2 * self.events + 1));
    }

    /// The digest and how many events went in.
    #[must_use]
    pub(crate) fn finish(&self) -> (u64, String) {
        (self.events, format!("{:016x}", self.sum))
    }
}
