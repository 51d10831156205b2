//! The histogram that accumulates: whole counts, sums without rounding.

mod bytes;
mod page;

use std::sync::Arc;

use crate::axis::{self, Axis};
use crate::error::{HistError, Result};
use crate::exact_sum::{CutBuffer, SplitWeight, Splitter, round_fixed};
use crate::histogram::{Histogram, Weighted};
use crate::storage;

use page::{Page, Paging};

/// Cells of a block that are cut at once where a histogram has several pages.
const BLOCK: usize = 256;

/// Counts and, where there are weights, Σw and Σw² per cell, all exact: [`fill`](Self::fill_weighted) and
/// [`merge`](Self::merge) commute and associate to the bit. [`finish`](Self::finish) rounds, once. The rules of the sums
/// are those of [`exact_sum`](crate::exact_sum). Cells are in C order with flow bins. Memory is taken by what is filled: in
/// a large histogram for every 64 neighbouring cells when one of them first is.
#[derive(Debug, Clone)]
pub struct ExactHistogram {
    axes: Arc<[Axis]>,
    weighted: bool,
    paging: Paging,
    /// None before the first fill.
    pages: Vec<Option<Box<Page>>>,
    /// How weights are cut where there are several pages.
    splitter: Option<Splitter>,
}

impl ExactHistogram {
    /// An empty histogram; `weighted` keeps Σw and Σw² beside the counts.
    ///
    /// # Errors
    /// No axes, an axis that is not valid, or more than [`MAX_CELLS`](crate::MAX_CELLS).
    pub fn new(axes: Vec<Axis>, weighted: bool) -> Result<Self> {
        let paging = Paging::of(storage::cell_count(&axes)?);
        Ok(Self { axes: axes.into(), weighted, paging, pages: Vec::new(), splitter: None })
    }

    /// The axes, first to last.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Whether Σw and Σw² are kept.
    #[must_use]
    pub fn is_weighted(&self) -> bool {
        self.weighted
    }

    /// Number of cells, flow bins included.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.paging.cells()
    }

    /// Fills per cell so far, raw: without weights.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.cells()];
        for (first, page) in self.used() {
            for (cell, count) in counts[first..].iter_mut().take(page.counts.len()).enumerate() {
                *count = page.count(cell);
            }
        }
        counts
    }

    /// Fills per cell of an unweighted histogram, for adding counts kept elsewhere; `None` for a weighted one,
    /// whose counts and sums must move together, and for a large one, whose counts do not lie together.
    pub fn counts_mut(&mut self) -> Option<&mut [u64]> {
        let alone = !self.weighted && self.paging.is_whole();
        alone.then(|| &mut self.page(0).counts[..])
    }

    /// The pages there are, with their first cells.
    fn used(&self) -> impl Iterator<Item = (usize, &Page)> {
        let pages = self.pages.iter().enumerate();
        pages.filter_map(|(number, page)| Some((self.paging.extent(number).0, page.as_deref()?)))
    }

    fn page(&mut self, number: usize) -> &mut Page {
        let Self { paging, pages, weighted, .. } = self;
        if pages.is_empty() {
            pages.resize_with(paging.pages(), || None);
        }
        pages[number].get_or_insert_with(|| Box::new(Page::new(paging.extent(number).1, *weighted)))
    }

    fn page_of(&self, cell: usize) -> Option<(&Page, usize)> {
        let (number, place) = self.paging.place(cell);
        Some((self.pages.get(number)?.as_deref()?, place))
    }

    /// One fill of weight 1 for every cell named.
    ///
    /// # Panics
    /// If a cell is not below [`cells`](Self::cells).
    pub fn fill(&mut self, cells: &[u32]) {
        if self.weighted {
            let ones = [1.0; BLOCK];
            for chunk in cells.chunks(ones.len()) {
                self.fill_weighted(chunk, &ones[..chunk.len()]);
            }
        } else if let Some(counts) = self.counts_mut() {
            cells.iter().for_each(|&cell| counts[cell as usize] += 1);
        } else {
            for &cell in cells {
                let (page, place) = self.paging.place(cell as usize);
                self.page(page).counts[place] += 1;
            }
        }
    }

    /// One fill of weight `weights[i]` for every `cells[i]`, slices of one length (else of the shorter). An unweighted
    /// histogram only counts.
    ///
    /// # Panics
    /// If a cell is not below [`cells`](Self::cells).
    pub fn fill_weighted(&mut self, cells: &[u32], weights: &[f64]) {
        self.fill_weighted_with(cells, weights, &mut CutBuffer::default());
    }

    /// [`fill_weighted`](Self::fill_weighted) with a buffer that is kept for the next time.
    ///
    /// # Panics
    /// If a cell is not below [`cells`](Self::cells).
    pub fn fill_weighted_with(&mut self, cells: &[u32], weights: &[f64], buffer: &mut CutBuffer) {
        if !self.weighted {
            self.fill(&cells[..cells.len().min(weights.len())]);
        } else if !self.paging.is_whole() {
            self.fill_pages(cells, weights, buffer);
        } else if let Some(sums) = self.page(0).sums.as_mut().filter(|_| !cells.is_empty()) {
            sums.add_with(cells, weights, buffer);
        }
    }

    /// Weights are cut together, and added one by one where they belong.
    fn fill_pages(&mut self, cells: &[u32], weights: &[f64], buffer: &mut CutBuffer) {
        for (cells, weights) in cells.chunks(BLOCK).zip(weights.chunks(BLOCK)) {
            let splitter = *self.splitter.get_or_insert_with(|| Splitter::for_weights(weights));
            let cuts = buffer.of(weights.len());
            splitter.split(weights, cuts);
            for ((&cell, &weight), cut) in cells.iter().zip(weights).zip(&*cuts) {
                let (page, place) = self.paging.place(cell as usize);
                if let Some(sums) = &mut self.page(page).sums {
                    sums.add_one_cut(u32::try_from(place).unwrap_or(u32::MAX), weight, &splitter, cut);
                }
            }
        }
    }

    /// Adds `fills` fills of a cell, whose weights' cuts by `splitter` add up to `sum`.
    ///
    /// # Panics
    /// If the cell is not below [`cells`](Self::cells).
    pub fn add_cut(&mut self, cell: u32, fills: u64, splitter: &Splitter, sum: &SplitWeight) {
        let (page, place) = self.paging.place(cell as usize);
        let page = self.page(page);
        page.counts[place] = page.counts[place].saturating_add(fills);
        if let Some(sums) = &mut page.sums {
            sums.add_cut_sum(place, splitter, sum);
        }
    }

    /// Adds `fills` fills of weight 1 to a cell.
    ///
    /// # Panics
    /// If the cell is not below [`cells`](Self::cells).
    pub fn add_count(&mut self, cell: u32, fills: u64) {
        let (page, place) = self.paging.place(cell as usize);
        let page = self.page(page);
        page.counts[place] = page.counts[place].saturating_add(fills);
        if let Some(sums) = &mut page.sums {
            sums.add_ones(place, fills);
        }
    }

    /// One fill of one value per axis, by the plain rule of [`Axis::index`]; for tests and small things.
    /// Values missing at the end count as NaN.
    pub fn fill_one(&mut self, values: &[f64], weight: f64) {
        let mut cell = 0;
        for (i, axis) in self.axes.iter().enumerate() {
            cell = cell * axis.extent() + axis.index(values.get(i).copied().unwrap_or(f64::NAN));
        }
        if let Ok(cell) = u32::try_from(cell) {
            self.fill_weighted(&[cell], &[weight]);
        }
    }

    /// Adds another histogram of the same axes (names aside) and the same storage.
    ///
    /// # Errors
    /// Different bins, or one of them is weighted and the other not.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.check_same(other)?;
        for (number, page) in other.pages.iter().enumerate() {
            if let Some(page) = page {
                self.page(number).merge(page);
            }
        }
        Ok(())
    }

    /// [`merge`](Self::merge) with a histogram that is not needed any more: what only it has filled is not copied.
    ///
    /// # Errors
    /// As there.
    pub fn absorb(&mut self, mut other: Self) -> Result<()> {
        self.check_same(&other)?;
        if self.pages.is_empty() {
            self.pages = other.pages;
            return Ok(());
        }
        for (own, others) in self.pages.iter_mut().zip(&mut other.pages) {
            match (own, others.take()) {
                (Some(own), Some(others)) => own.merge(&others),
                (own @ None, others) => *own = others,
                (Some(_), None) => {}
            }
        }
        Ok(())
    }

    fn check_same(&self, other: &Self) -> Result<()> {
        axis::check_same(&self.axes, &other.axes)?;
        if self.weighted == other.weighted { Ok(()) } else { Err(HistError::StorageDiffers) }
    }

    /// The finished histogram: each sum rounded to the nearest f64.
    #[must_use]
    pub fn finish(&self) -> Histogram {
        let zeros = || vec![0.0; self.cells()];
        let mut weighted = self.weighted.then(|| Weighted { sumw: zeros(), sumw2: zeros() });
        if let Some(Weighted { sumw, sumw2 }) = &mut weighted {
            for (first, page) in self.used() {
                let Some(sums) = &page.sums else { continue };
                let (w, w2) = sums.finish();
                sumw[first..first + w.len()].copy_from_slice(&w);
                sumw2[first..first + w2.len()].copy_from_slice(&w2);
            }
        }
        Histogram { axes: self.axes.to_vec(), counts: self.counts(), weighted }
    }

    /// The fills of a cell, and Σw and Σw² of it and of cuts by `splitter` whose sums are [joined](crate::exact_sum::join)
    /// elsewhere, rounded once.
    #[must_use]
    pub fn rounded_with(&self, cell: usize, splitter: &Splitter, sums: [i128; 2]) -> (u64, f64, f64) {
        let [w, s] = splitter.place(sums);
        match self.page_of(cell) {
            Some((Page { sums: Some(sums), .. }, place)) if !sums.is_empty() => {
                let (sumw, sumw2) = sums.rounded_with(place, [w, s]);
                (self.fills(cell), sumw, sumw2)
            }
            _ => (self.fills(cell), round_fixed(w.0, w.1), round_fixed(s.0, s.1)),
        }
    }

    /// The fills of a cell, raw.
    #[must_use]
    pub fn fills(&self, cell: usize) -> u64 {
        self.page_of(cell).map_or(0, |(page, place)| page.count(place))
    }

    /// Memory held, in bytes; axes, which clones share, count by their edges and labels.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let axes: usize = self.axes.iter().map(Axis::heap_bytes).sum();
        size_of::<Self>()
            + axes
            + self.pages.capacity() * size_of::<Option<Box<Page>>>()
            + self.used().map(|(_, page)| page.bytes()).sum::<usize>()
    }
}

/// Equal axes, counts and exact sums, however they were arrived at.
impl PartialEq for ExactHistogram {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}
