//! Entries → arrays. A basket is decompressed once, its bytes are swapped straight into the column's buffer.

use arrow::array::{ArrayRef, new_empty_array};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use crate::basket::{Basket, DecodeMetrics, ExpectedBasket, LoadedBasket, Placement};
use crate::branch::Branch;
use crate::cluster;
use crate::compression::Decompressor;
use crate::error::{Place, Result, RootError};
use crate::interpretation::fixed::FixedBuilder;
use crate::interpretation::jagged::{JaggedBuilder, walk_containers};
use crate::interpretation::string::{self, TextBuilder};
use crate::interpretation::vector::NodeBuilder;
use crate::interpretation::{Framing, Header, Interpretation, Text};
use crate::store::ByteStore;
use crate::tree::Tree;

/// Room is made in advance up to this many bytes for each byte of the baskets; beyond it buffers grow as data come.
const USUAL_EXPANSION: u64 = 64;
const ALWAYS_ROOM: u64 = 1 << 20;

/// Reads ranges of entries of some columns. One for each thread: it keeps the codecs' contexts, a buffer, and for
/// each column at most the one basket that a range ended in, so that going on from there does not decompress it again.
#[derive(Debug)]
pub struct TreeReader {
    tree: Arc<Tree>,
    columns: Vec<usize>,
    /// Columns that count items of any of `columns`.
    counters: HashSet<usize>,
    held: HashMap<usize, Held>,
    counted: HashMap<usize, Counted>,
    decompressor: Decompressor,
    spare: LoadedBasket,
    metrics: DecodeMetrics,
}

/// A basket that the last range ended in.
#[derive(Debug)]
struct Held {
    basket: usize,
    with_offsets: bool,
    loaded: LoadedBasket,
    /// The entry that follows, and where its bytes begin.
    next_entry: u64,
    next_byte: usize,
}

/// What a counter said about a range of entries.
#[derive(Debug)]
struct Counted {
    entries: Range<u64>,
    values: ArrayRef,
    /// Items before each entry, counted from the first.
    ends: ScalarBuffer<i32>,
    /// Made for a range and given to all columns that read it.
    shared: Option<(Range<u64>, OffsetBuffer<i32>)>,
}

impl Counted {
    fn covers(&self, entries: &Range<u64>) -> bool {
        self.entries.start <= entries.start && entries.end <= self.entries.end
    }

    fn end(&self, entry: u64) -> usize {
        let index = usize::try_from(entry.saturating_sub(self.entries.start)).unwrap_or(usize::MAX);
        self.ends.get(index).and_then(|end| usize::try_from(*end).ok()).unwrap_or(0)
    }

    fn slots(&self, entries: &Range<u64>) -> Range<usize> {
        let slot =
            |entry: u64| usize::try_from(entry.saturating_sub(self.entries.start)).unwrap_or(usize::MAX);
        slot(entries.start)..slot(entries.end)
    }

    fn offsets(&mut self, entries: &Range<u64>) -> OffsetBuffer<i32> {
        if let Some((range, offsets)) = &self.shared
            && range == entries
        {
            return offsets.clone();
        }
        let offsets = if self.entries == *entries {
            OffsetBuffer::new(self.ends.clone())
        } else {
            let slots = self.slots(entries);
            let ends = self.ends.get(slots.start..slots.end.saturating_add(1)).unwrap_or_default();
            let first = ends.first().copied().unwrap_or(0);
            OffsetBuffer::new(ends.iter().map(|end| end - first).collect())
        };
        self.shared = Some((entries.clone(), offsets.clone()));
        offsets
    }
}

/// What one call of `read` has to do.
struct Plan {
    /// Counters with the entries they are needed for, unless known already.
    counters: BTreeMap<usize, Range<u64>>,
    /// Columns by what they are read from.
    groups: BTreeMap<usize, Vec<usize>>,
}

enum ColumnBuilder {
    Fixed(FixedBuilder),
    Counted { builder: JaggedBuilder, width: usize, counter: usize },
    Jagged(JaggedBuilder),
    Text(Text, TextBuilder),
    Nested(Framing, NodeBuilder),
}

impl TreeReader {
    /// A reader of these columns of a tree; refuses a column that cannot be read, saying why.
    pub fn new(tree: Arc<Tree>, columns: &[usize]) -> Result<Self> {
        let mut counters = HashSet::new();
        for column in columns {
            let branch = tree
                .branches
                .get(*column)
                .ok_or_else(|| out_of_range("column", tree.branches.len() as u64, *column as u64))?;
            if let Err(why) = &branch.data_type {
                let error = RootError::unsupported(format!("{} ({why})", branch.cpp_type));
                return Err(error.in_branch(&branch.path).in_tree(&tree.path).in_file(&tree.file));
            }
            counters.extend(counter_of(branch));
        }
        Ok(Self {
            tree,
            columns: columns.to_vec(),
            counters,
            held: HashMap::new(),
            counted: HashMap::new(),
            decompressor: Decompressor::new(),
            spare: LoadedBasket::default(),
            metrics: DecodeMetrics::default(),
        })
    }

    /// The tree.
    pub fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// Bytes and time spent so far.
    pub fn metrics(&self) -> &DecodeMetrics {
        &self.metrics
    }

    /// Byte ranges that [`read`](Self::read) of the same columns and entries will take from the store, in the order of
    /// the file. Baskets still held, and those embedded in the tree's record, are not among them.
    ///
    /// `columns` are positions in the list given to [`new`](Self::new); positions that do not exist are ignored.
    pub fn needs(&self, columns: &[usize], entries: Range<u64>) -> Vec<Range<u64>> {
        let columns: Vec<usize> =
            columns.iter().filter_map(|position| self.columns.get(*position).copied()).collect();
        let plan = self.plan(&columns, &entries);
        let mut ranges = Vec::new();
        for (counter, entries) in &plan.counters {
            self.needs_of(*counter, entries, &mut ranges);
        }
        for columns in plan.groups.values() {
            if let Some(column) = columns.first() {
                self.needs_of(*column, &entries, &mut ranges);
            }
        }
        ranges.sort_by_key(|range: &Range<u64>| (range.start, range.end));
        ranges.dedup();
        ranges
    }

    fn needs_of(&self, column: usize, entries: &Range<u64>, ranges: &mut Vec<Range<u64>>) {
        let Some(branch) = self.tree.branches.get(column) else {
            return;
        };
        for index in overlapping(&branch.baskets, entries) {
            let held = self
                .held
                .get(&branch.source)
                .is_some_and(|held| held.basket == index && (held.with_offsets || !wants_offsets(branch)));
            if !held && let Some(range) = branch.baskets.get(index).and_then(Basket::byte_range) {
                ranges.push(range);
            }
        }
    }

    /// Entry numbers, the last one the tree's, at which all baskets of these columns (and their counters) end: reading
    /// up to one of them leaves no basket half used. `columns` are positions, as for [`needs`](Self::needs).
    pub fn natural_boundaries(&self, columns: &[usize]) -> Vec<u64> {
        let mut indices: Vec<usize> = Vec::new();
        for position in columns {
            if let Some(column) = self.columns.get(*position) {
                indices.push(*column);
                indices.extend(self.tree.branches.get(*column).and_then(counter_of));
            }
        }
        indices.sort_unstable();
        indices.dedup();
        let branches = indices.iter().filter_map(|index| self.tree.branches.get(*index));
        cluster::boundaries(branches, self.tree.entries)
    }

    fn plan(&self, columns: &[usize], entries: &Range<u64>) -> Plan {
        let mut plan = Plan { counters: BTreeMap::new(), groups: BTreeMap::new() };
        let mut want = |counter: usize, start: u64| {
            let range = plan.counters.entry(counter).or_insert_with(|| entries.clone());
            range.start = range.start.min(start);
        };
        for column in columns {
            let Some(branch) = self.tree.branches.get(*column) else {
                continue;
            };
            if self.counters.contains(column) {
                want(*column, entries.start);
                continue;
            }
            if let Some(counter) = counter_of(branch) {
                want(counter, self.counted_from(branch, entries));
            }
            let group = plan.groups.entry(branch.source).or_default();
            if !group.contains(column) {
                group.push(*column);
            }
        }
        plan.counters
            .retain(|counter, range| !self.counted.get(counter).is_some_and(|counted| counted.covers(range)));
        plan
    }

    /// The entry from which items must be counted: the start of the basket, unless the place within it is known.
    fn counted_from(&self, branch: &Branch, entries: &Range<u64>) -> u64 {
        let Some(index) = overlapping(&branch.baskets, entries).next() else {
            return entries.start;
        };
        let start = branch.baskets.get(index).map_or(entries.start, |basket| basket.entries.start);
        match self.held.get(&branch.source) {
            Some(held) if held.basket == index && held.next_entry == entries.start => entries.start,
            _ => start.min(entries.start),
        }
    }

    /// Arrays of exactly these entries, one for each of `columns` (positions in the list given to [`new`](Self::new)).
    ///
    /// The ranges named by [`needs`](Self::needs) must be in the store.
    pub fn read(
        &mut self,
        columns: &[usize],
        entries: Range<u64>,
        bytes: &ByteStore,
    ) -> Result<Vec<ArrayRef>> {
        let result = self.read_inner(columns, &entries, bytes);
        result.map_err(|error| error.in_tree(&self.tree.path).in_file(&self.tree.file))
    }

    fn read_inner(
        &mut self,
        columns: &[usize],
        entries: &Range<u64>,
        bytes: &ByteStore,
    ) -> Result<Vec<ArrayRef>> {
        if entries.start > entries.end || entries.end > self.tree.entries {
            return Err(out_of_range("entry", self.tree.entries, entries.end.max(entries.start)));
        }
        let mut indices = Vec::with_capacity(columns.len());
        for position in columns {
            let index = self.columns.get(*position);
            indices.push(
                *index.ok_or_else(|| out_of_range("column", self.columns.len() as u64, *position as u64))?,
            );
        }
        if entries.is_empty() {
            let empty = |index: &usize| match self.tree.branches.get(*index).map(|branch| &branch.data_type) {
                Some(Ok(data_type)) => Ok(new_empty_array(data_type)),
                _ => Err(RootError::unsupported("a column that cannot be read")),
            };
            return indices.iter().map(empty).collect();
        }
        let plan = self.plan(&indices, entries);
        for (counter, range) in plan.counters {
            self.count(counter, &range, bytes)?;
        }
        let mut arrays: HashMap<usize, ArrayRef> = HashMap::with_capacity(indices.len());
        for columns in plan.groups.values() {
            let built = self.build(columns, entries, bytes)?;
            for (column, builder) in columns.iter().zip(built) {
                let array = self.finish(*column, builder)?;
                arrays.insert(*column, array);
            }
        }
        let finished = indices.iter().map(|index| match (arrays.get(index), self.counted.get(index)) {
            (Some(array), _) => Ok(Arc::clone(array)),
            (None, Some(counted)) => {
                let slots = counted.slots(entries);
                Ok(counted.values.slice(slots.start, slots.len()))
            }
            (None, None) => Err(RootError::unsupported("a column that cannot be read")),
        });
        finished.collect()
    }

    fn finish(&mut self, column: usize, builder: ColumnBuilder) -> Result<ArrayRef> {
        let began = Instant::now();
        let array = match builder {
            ColumnBuilder::Fixed(builder) => builder.finish(),
            ColumnBuilder::Counted { builder, .. } | ColumnBuilder::Jagged(builder) => builder.finish(),
            ColumnBuilder::Text(_, builder) => builder.finish(),
            ColumnBuilder::Nested(_, builder) => builder.finish(),
        };
        self.metrics.decode_ns += nanoseconds(began);
        array.map_err(|error| match self.tree.branches.get(column) {
            Some(branch) => error.in_branch(&branch.path),
            None => error,
        })
    }

    /// Reads a counter and adds its values up.
    fn count(&mut self, counter: usize, entries: &Range<u64>, bytes: &ByteStore) -> Result<()> {
        let mut built = self.build(&[counter], entries, bytes)?;
        let Some(ColumnBuilder::Fixed(builder)) = built.pop() else {
            return Err(RootError::unsupported("a counter that is no plain number"));
        };
        let began = Instant::now();
        let values = builder.into_values();
        let ends = values.running_total().map_err(|error| match self.tree.branches.get(counter) {
            Some(branch) => error.in_branch(&branch.path),
            None => error,
        })?;
        let counted = Counted {
            entries: entries.clone(),
            values: values.finish(),
            ends: ScalarBuffer::from(ends),
            shared: None,
        };
        self.counted.insert(counter, counted);
        self.metrics.decode_ns += nanoseconds(began);
        Ok(())
    }

    /// Reads columns that share their baskets.
    fn build(
        &mut self,
        columns: &[usize],
        entries: &Range<u64>,
        bytes: &ByteStore,
    ) -> Result<Vec<ColumnBuilder>> {
        let tree = Arc::clone(&self.tree);
        let branches: Vec<&Branch> = columns.iter().filter_map(|column| tree.branches.get(*column)).collect();
        let Some(first) = branches.first() else {
            return Ok(Vec::new());
        };
        let mut builders = Vec::with_capacity(branches.len());
        for branch in &branches {
            builders.push(self.builder(branch, entries).map_err(|error| error.in_branch(&branch.path))?);
        }
        let with_offsets = branches.iter().any(|branch| wants_offsets(branch));
        for index in overlapping(&first.baskets, entries) {
            self.basket(first, index, with_offsets, entries, &mut builders, bytes)
                .map_err(|error| error.in_basket(index).in_branch(&first.path))?;
        }
        Ok(builders)
    }

    fn builder(&mut self, branch: &Branch, entries: &Range<u64>) -> Result<ColumnBuilder> {
        let rows = usize::try_from(entries.end - entries.start).unwrap_or(usize::MAX);
        let stored: u64 = overlapping(&branch.baskets, entries)
            .filter_map(|index| branch.baskets.get(index))
            .map(stored_bytes)
            .sum();
        let budget = stored.saturating_mul(USUAL_EXPANSION).saturating_add(ALWAYS_ROOM);
        let room = |items: usize, width: usize| {
            items.min(usize::try_from(budget).unwrap_or(usize::MAX) / width.max(1))
        };
        Ok(match &branch.interpretation {
            Some(Interpretation::Fixed { item, dims, offset, stride }) => {
                let items = rows.saturating_mul(dims.iter().product());
                ColumnBuilder::Fixed(FixedBuilder::new(
                    *item,
                    dims,
                    *offset,
                    *stride,
                    room(items, item.width()),
                ))
            }
            Some(Interpretation::Jagged { item, dims, header }) => {
                let counter =
                    counter_of(branch).and_then(|counter| Some((counter, self.counted.get_mut(&counter)?)));
                match counter {
                    Some((counter, counted)) => {
                        let offsets = counted.offsets(entries);
                        let product: usize = dims.iter().product();
                        let items = offsets.last().map_or(0, |last| usize::try_from(*last).unwrap_or(0));
                        let items = items.saturating_mul(product);
                        let builder = JaggedBuilder::new(
                            *item,
                            dims,
                            *header,
                            Some(offsets),
                            room(items, item.width()),
                        );
                        ColumnBuilder::Counted { builder, width: item.width() * product, counter }
                    }
                    None => ColumnBuilder::Jagged(JaggedBuilder::new(*item, dims, *header, None, 0)),
                }
            }
            Some(Interpretation::Text(text)) => ColumnBuilder::Text(*text, TextBuilder::default()),
            Some(Interpretation::Nested { framing, node }) => {
                ColumnBuilder::Nested(*framing, NodeBuilder::new(node))
            }
            None => return Err(RootError::unsupported("a column that cannot be read")),
        })
    }

    /// Loads a basket, or takes the one held, and appends its entries.
    fn basket(
        &mut self,
        branch: &Branch,
        index: usize,
        with_offsets: bool,
        entries: &Range<u64>,
        builders: &mut [ColumnBuilder],
        bytes: &ByteStore,
    ) -> Result<()> {
        let Some(basket) = branch.baskets.get(index) else {
            return Ok(());
        };
        let held = self
            .held
            .remove(&branch.source)
            .filter(|held| held.basket == index && (held.with_offsets || !with_offsets));
        if held.is_none()
            && let ([builder], Placement::Disk(range)) = (&mut *builders, &basket.place)
            && let Some(length) = self.whole_length(builder, basket, entries)
        {
            return self.stream(branch, basket, range.clone(), length, builder, bytes);
        }
        let (mut loaded, known) = match held {
            Some(held) => (held.loaded, Some((held.next_entry, held.next_byte))),
            None => (self.load(branch, basket, with_offsets, bytes)?, None),
        };
        let began = Instant::now();
        let from = entries.start.max(basket.entries.start);
        let to = entries.end.min(basket.entries.end);
        let mut next_byte = 0;
        for builder in builders {
            next_byte = self.append(builder, &mut loaded, basket, from..to, known, branch)?;
        }
        self.metrics.decode_ns += nanoseconds(began);
        if basket.entries.end > entries.end {
            let held = Held { basket: index, with_offsets, loaded, next_entry: to, next_byte };
            self.held.insert(branch.source, held);
        } else {
            loaded.trim();
            self.spare = loaded;
        }
        Ok(())
    }

    /// The length of the basket's data, where all of it is wanted as it is: numbers that need no more than a byte swap.
    fn whole_length(&self, builder: &ColumnBuilder, basket: &Basket, entries: &Range<u64>) -> Option<usize> {
        if basket.entries.start < entries.start || basket.entries.end > entries.end {
            return None;
        }
        match builder {
            ColumnBuilder::Fixed(builder) => {
                let count = usize::try_from(basket.entries.end - basket.entries.start).ok()?;
                builder.plain_width()?.checked_mul(count)
            }
            ColumnBuilder::Counted { builder, width, counter } if builder.is_plain() => {
                let counted = self.counted.get(counter)?;
                (counted.end(basket.entries.end) - counted.end(basket.entries.start)).checked_mul(*width)
            }
            _ => None,
        }
    }

    /// Decompresses a basket straight into the column, piece by piece.
    fn stream(
        &mut self,
        branch: &Branch,
        basket: &Basket,
        range: Range<u64>,
        length: usize,
        builder: &mut ColumnBuilder,
        bytes: &ByteStore,
    ) -> Result<()> {
        let record = bytes.expect(range.clone())?;
        let began = Instant::now();
        let entries = basket.entries.end - basket.entries.start;
        let expected = ExpectedBasket { seek: range.start, entries, branch: &branch.own_name };
        let mut decoding = 0;
        let mut emit = |piece: &[u8]| {
            let began = Instant::now();
            match &mut *builder {
                ColumnBuilder::Fixed(builder) => builder.append_plain(piece),
                ColumnBuilder::Counted { builder, .. } => builder.append_counted(piece),
                _ => {}
            }
            decoding += nanoseconds(began);
        };
        let streamed = self.spare.stream(&record, &expected, length, &mut self.decompressor, &mut emit);
        self.spare.trim();
        self.metrics.baskets += 1;
        self.metrics.compressed_bytes += record.len() as u64;
        self.metrics.uncompressed_bytes += length as u64;
        self.metrics.decode_ns += decoding;
        self.metrics.decompress_ns += nanoseconds(began).saturating_sub(decoding);
        streamed.map_err(|error| error.at(range.start))
    }

    fn load(
        &mut self,
        branch: &Branch,
        basket: &Basket,
        with_offsets: bool,
        bytes: &ByteStore,
    ) -> Result<LoadedBasket> {
        let mut loaded = std::mem::take(&mut self.spare);
        let count = basket.entries.end - basket.entries.start;
        match &basket.place {
            Placement::Embedded(stored) => {
                loaded.load_embedded(stored, usize::try_from(count).unwrap_or(usize::MAX))
            }
            Placement::Disk(range) => {
                let record = bytes.expect(range.clone())?;
                let began = Instant::now();
                let expected = ExpectedBasket { seek: range.start, entries: count, branch: &branch.own_name };
                loaded
                    .load(&record, &expected, with_offsets, &mut self.decompressor)
                    .map_err(|error| error.at(range.start))?;
                self.metrics.decompress_ns += nanoseconds(began);
                self.metrics.compressed_bytes += record.len() as u64;
            }
        }
        self.metrics.baskets += 1;
        self.metrics.uncompressed_bytes += loaded.data().len() as u64;
        if with_offsets {
            let began = Instant::now();
            let found = loaded.read_starts()?;
            if !found {
                walk(&mut loaded, branch, count)?;
            }
            self.metrics.decode_ns += nanoseconds(began);
        }
        Ok(loaded)
    }

    /// Appends entries `range` of the loaded basket; returns where the bytes of the next entry begin.
    fn append(
        &self,
        builder: &mut ColumnBuilder,
        loaded: &mut LoadedBasket,
        basket: &Basket,
        range: Range<u64>,
        known: Option<(u64, usize)>,
        branch: &Branch,
    ) -> Result<usize> {
        let within = |entry: u64| usize::try_from(entry - basket.entries.start).unwrap_or(usize::MAX);
        let (from, to) = (within(range.start), within(range.end));
        let starts = |loaded: &LoadedBasket| -> Result<Range<usize>> {
            if loaded.starts.len() <= to {
                return Err(RootError::malformed(format!("offsets of {to} entries"), loaded.starts.len()));
            }
            Ok(from..to + 1)
        };
        match builder {
            ColumnBuilder::Fixed(builder) => {
                builder.append(loaded.data(), within(basket.entries.end), from, to)?;
                Ok(0)
            }
            ColumnBuilder::Counted { builder, width, counter } => {
                let counted = self
                    .counted
                    .get(counter)
                    .ok_or_else(|| RootError::unsupported("a column without its counter"))?;
                let begin = match known {
                    Some((entry, byte)) if entry == range.start => byte,
                    _ => {
                        (counted.end(range.start) - counted.end(basket.entries.start)).saturating_mul(*width)
                    }
                };
                let length = (counted.end(range.end) - counted.end(range.start)).saturating_mul(*width);
                let end = begin.saturating_add(length);
                let data = loaded.data();
                let last = range.end == basket.entries.end;
                match data.get(begin..end) {
                    Some(content) if !last || end == data.len() => builder.append_counted(content),
                    _ => {
                        let counter =
                            self.tree.branches.get(*counter).map_or("its counter", |counter| &counter.path);
                        return Err(RootError::malformed(
                            format!("{end} bytes, as {counter} counts them in {}", branch.path),
                            data.len(),
                        ));
                    }
                }
                Ok(end)
            }
            ColumnBuilder::Jagged(builder) => {
                let slots = starts(loaded)?;
                builder.append(loaded.data(), loaded.starts.get(slots).unwrap_or_default())?;
                Ok(0)
            }
            ColumnBuilder::Text(text, builder) => {
                let slots = starts(loaded)?;
                builder.append(loaded.data(), loaded.starts.get(slots).unwrap_or_default(), *text)?;
                Ok(0)
            }
            ColumnBuilder::Nested(framing, builder) => {
                let slots = starts(loaded)?;
                builder.append(loaded.data(), loaded.starts.get(slots).unwrap_or_default(), *framing)?;
                Ok(0)
            }
        }
    }
}

/// Finds where entries start in a basket without a table.
fn walk(loaded: &mut LoadedBasket, branch: &Branch, entries: u64) -> Result<()> {
    let entries = usize::try_from(entries).unwrap_or(usize::MAX);
    let mut starts = std::mem::take(&mut loaded.starts);
    starts.clear();
    let walked = match &branch.interpretation {
        Some(Interpretation::Text(text)) => string::walk(loaded.data(), entries, *text, &mut starts),
        Some(Interpretation::Jagged { header: Header::Container, .. } | Interpretation::Nested { .. }) => {
            walk_containers(loaded.data(), entries, &mut starts)
        }
        _ => Err(RootError::malformed("a counter or entry offsets", "neither")),
    };
    loaded.starts = starts;
    walked
}

/// The counter, for columns whose bytes are nothing but counted items.
fn counter_of(branch: &Branch) -> Option<usize> {
    match branch.interpretation {
        Some(Interpretation::Jagged { header: Header::None, .. }) => branch.counter,
        _ => None,
    }
}

/// Whether entries of the branch cannot be found without the basket's entry offsets.
fn wants_offsets(branch: &Branch) -> bool {
    match branch.interpretation {
        Some(Interpretation::Fixed { .. }) => false,
        _ => counter_of(branch).is_none(),
    }
}

fn stored_bytes(basket: &Basket) -> u64 {
    match basket.byte_range() {
        Some(range) => range.end - range.start,
        None => 1 << 16,
    }
}

/// Numbers of the baskets that hold any of these entries.
fn overlapping(baskets: &[Basket], entries: &Range<u64>) -> Range<usize> {
    if entries.is_empty() {
        return 0..0;
    }
    let first = baskets.partition_point(|basket| basket.entries.end <= entries.start);
    let last = baskets.partition_point(|basket| basket.entries.start < entries.end);
    first..last.max(first)
}

fn out_of_range(what: &'static str, expected: u64, found: u64) -> RootError {
    RootError::OutOfRange { place: Box::<Place>::default(), what, expected, found }
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
