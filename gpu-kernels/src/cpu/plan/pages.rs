//! Where the rows of a table lie: side by side, or in pages that get room when one of their rows is filled first.

use ana_hist::exact_sum::SplitWeight;

/// No room yet.
const NONE: u32 = u32::MAX;

/// Bytes that a page takes, about, and those from which on rows of one pattern are dealt to pages.
const PAGE_BYTES: usize = 2 * 1024;
const WHOLE_BYTES: usize = 16 * 1024;

/// Bytes that lie side by side: growing does not copy more.
const CHUNK_BYTES: usize = 1 << 20;

/// Counts and sums of rows that lie side by side.
#[derive(Debug, Clone, Default)]
pub(super) struct Chunk {
    pub(super) counts: Vec<u64>,
    /// Per row all weights.
    pub(super) sums: Vec<SplitWeight>,
}

impl Chunk {
    /// Makes room for so many rows in all; for `most` at once where it has to grow far.
    pub(super) fn reach(&mut self, rows: usize, most: usize, weights: usize) {
        if self.counts.capacity() < rows {
            let room = (2 * self.counts.capacity()).clamp(rows, most.max(rows));
            self.counts.reserve_exact(room - self.counts.len());
            self.sums.reserve_exact(room * weights - self.sums.len());
        }
        self.counts.resize(rows, 0);
        self.sums.resize(rows * weights, [0; 4]);
    }

    pub(super) fn clear(&mut self) {
        self.counts.fill(0);
        self.sums.fill([0; 4]);
    }

    pub(super) fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<u64>() + self.sums.capacity() * size_of::<SplitWeight>()
    }
}

/// The pages of a table's rows; of each, the slot of its first row.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    /// Rows per page, and rows that lie side by side, as powers of two.
    bits: u32,
    chunk: u32,
    places: Vec<u32>,
    used: u32,
}

impl Pages {
    /// For patterns of so many cells with so many weights; none where a pattern is too small to be dealt to pages.
    pub(super) fn of(cells: usize, weights: usize) -> Option<Self> {
        let row = size_of::<u64>() + weights * size_of::<SplitWeight>();
        let fit = |bytes: usize| (bytes / row).max(1).ilog2();
        let bits = fit(PAGE_BYTES).clamp(2, 6);
        let chunk = fit(CHUNK_BYTES).max(bits);
        (cells.saturating_mul(row) > WHOLE_BYTES).then_some(Self { bits, chunk, places: Vec::new(), used: 0 })
    }

    /// Rows that are known.
    pub(super) fn rows(&self) -> usize {
        self.places.len() << self.bits
    }

    /// Rows per page.
    pub(super) fn page(&self) -> usize {
        1 << self.bits
    }

    /// Knows so many rows, of whole pages.
    pub(super) fn reach(&mut self, rows: usize) {
        let pages = rows >> self.bits;
        if self.places.len() < pages {
            self.places.resize(pages, NONE);
        }
    }

    /// The chunk of a slot, and its place there.
    #[inline(always)]
    pub(super) fn split(&self, slot: u32) -> (usize, usize) {
        ((slot >> self.chunk) as usize, (slot & ((1 << self.chunk) - 1)) as usize)
    }

    pub(super) fn chunk_bits(&self) -> u32 {
        self.chunk
    }

    /// The slot of a row, which gets room where it has none.
    #[inline]
    pub(super) fn slot(&mut self, row: u32, weights: usize, chunks: &mut Vec<Chunk>) -> u32 {
        let page = (row >> self.bits) as usize;
        let mut first = self.places[page];
        if first == NONE {
            first = self.add(page, weights, chunks);
        }
        first | (row & ((1 << self.bits) - 1))
    }

    #[cold]
    fn add(&mut self, page: usize, weights: usize, chunks: &mut Vec<Chunk>) -> u32 {
        let first = self.used << self.bits;
        self.used += 1;
        self.places[page] = first;
        let (chunk, place) = self.split(first);
        if chunk == chunks.len() {
            chunks.push(Chunk::default());
        }
        // No more than what all rows would take.
        let left = self.rows() - (chunk << self.chunk);
        chunks[chunk].reach(place + self.page(), left.min(1 << self.chunk), weights);
        first
    }

    /// The first row and the first slot of every page with room, among these rows.
    pub(super) fn used(&self, rows: std::ops::Range<usize>) -> impl Iterator<Item = (usize, u32)> {
        let pages = rows.start >> self.bits..(rows.end >> self.bits).min(self.places.len());
        let slots = self.places.get(pages.clone()).unwrap_or_default();
        pages.zip(slots).filter(|(_, slot)| **slot != NONE).map(|(page, slot)| (page << self.bits, *slot))
    }

    /// The row of a slot.
    pub(super) fn row(&self, slot: u32) -> usize {
        let first = slot >> self.bits << self.bits;
        let page = self.places.iter().position(|place| *place == first).unwrap_or(0);
        (page << self.bits) + (slot - first) as usize
    }

    pub(super) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<u32>()
    }
}
