//! Which event an item of a list belongs to.

/// Walks list offsets block by block, so that what belongs to events can be repeated for their items.
#[derive(Debug)]
pub(super) struct RowWalk<'a> {
    offsets: &'a [i32],
    row: usize,
}

/// Copies of a row's number written at once: most lists are shorter, so most rows take no branch on their length.
const STEP: usize = 8;

impl<'a> RowWalk<'a> {
    pub(super) fn new(offsets: &'a [i32]) -> Self {
        Self { offsets, row: 0 }
    }

    /// Writes the rows of items `start ..` to `out`, one per item. Calls must go forward.
    pub(super) fn expand(&mut self, start: usize, out: &mut [u32]) {
        let end_of = |row: usize| {
            self.offsets.get(row + 1).map_or(usize::MAX, |&end| usize::try_from(end).unwrap_or(0))
        };
        let mut at = 0;
        while at < out.len() {
            let end = end_of(self.row).saturating_sub(start).min(out.len());
            let number = u32::try_from(self.row).unwrap_or(u32::MAX);
            if at + STEP <= out.len() {
                out[at..at + STEP].fill(number);
                if end > at + STEP {
                    out[at + STEP..end].fill(number);
                }
            } else if end > at {
                out[at..end].fill(number);
            }
            at = at.max(end);
            // The last row of the block may go on in the next.
            if at < out.len() {
                self.row += 1;
            }
        }
    }
}
