//! Which events of a batch a selection chooses, and which set of categories each belongs to.

use std::collections::HashMap;
use std::ops::Range;

use crate::fill::Bitmap;
use crate::plan::{PlanBatch, Selection};

/// Patterns beyond this many per category (and at least [`FEW`]) are given up: tables of rare patterns would cost more
/// memory than adding an event once per category costs time.
const PER_CATEGORY: usize = 4;
const FEW: usize = 64;

/// Categories fit a word; selections with more go category by category.
const WORD: usize = 64;

/// Slots of the cache in front of the map of patterns.
const SLOTS: usize = 256;

/// A group of events and the categories they are in, one bit each.
type Key = (usize, u64);

/// The chosen events of the present batch.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    selection: Selection,
    /// Events with the number of their pattern, in order of the events.
    events: Vec<(u32, u32)>,
    mode: Mode,
    /// Patterns that there is room for; with categories one by one there are as many as there have to be.
    room: usize,
    /// The categories of each event of a batch.
    words: Vec<u64>,
}

#[derive(Debug, Clone)]
enum Mode {
    /// A pattern is a group and a set of categories.
    Sets { keys: Vec<Key>, known: HashMap<Key, u32>, cache: Vec<(Key, u32)> },
    /// A pattern is a group and one category; an event is listed once for each of its categories.
    Single { groups: usize },
}

impl Chosen {
    pub(crate) fn new(selection: &Selection) -> Self {
        let mode = if selection.categories.as_ref().is_some_and(|categories| categories.len() > WORD) {
            Mode::Single { groups: 0 }
        } else {
            Mode::Sets { keys: Vec::new(), known: HashMap::new(), cache: vec![((usize::MAX, 0), 0); SLOTS] }
        };
        Self { selection: selection.clone(), events: Vec::new(), mode, room: usize::MAX, words: Vec::new() }
    }

    /// The same, with so much room for patterns.
    pub(super) fn with_room(self, patterns: usize) -> Self {
        Self { room: patterns, ..self }
    }

    pub(super) fn categories(&self) -> usize {
        self.selection.categories.as_ref().map_or(1, Vec::len)
    }

    /// Lists the events of a batch; false if there are too many patterns, and then nothing is listed.
    pub(crate) fn list(&mut self, batch: &PlanBatch<'_>) -> bool {
        self.events.clear();
        let filter = self.selection.filter.map(|mask| batch.masks[mask]);
        let group = |event: usize| batch.groups.map_or(0, |groups| groups[event]);
        let categories = self.categories();
        let masks: Vec<Bitmap<'_>> =
            self.selection.categories.iter().flatten().map(|&mask| batch.masks[mask]).collect();
        match &mut self.mode {
            Mode::Single { groups } => {
                *groups = batch.group_count.max(*groups);
                each_chosen(filter.as_ref(), batch.rows, |event| {
                    let first = group(event) * categories;
                    if masks.is_empty() {
                        self.events.push((number(event), number(first)));
                    }
                    for (category, mask) in masks.iter().enumerate() {
                        if mask.get(event) {
                            self.events.push((number(event), number(first + category)));
                        }
                    }
                });
                true
            }
            Mode::Sets { keys, known, cache } => {
                let single = categories * batch.group_count.max(1);
                let limit = FEW.max(PER_CATEGORY * single).min(self.room.max(single));
                self.words.clear();
                self.words.resize(batch.rows, u64::from(masks.is_empty()));
                for (category, mask) in masks.iter().enumerate() {
                    each_chosen(Some(mask), batch.rows, |event| self.words[event] |= 1 << category);
                }
                each_chosen(filter.as_ref(), batch.rows, |event| {
                    let key = (group(event), self.words[event]);
                    if key.1 == 0 {
                        return;
                    }
                    let slot = &mut cache[slot(key)];
                    if slot.0 != key {
                        let next = number(keys.len());
                        let pattern = *known.entry(key).or_insert_with(|| {
                            keys.push(key);
                            next
                        });
                        *slot = (key, pattern);
                    }
                    self.events.push((number(event), slot.1));
                });
                keys.len() <= limit
            }
        }
    }

    /// From now on a pattern is one category. What the tables hold by the patterns of before has to be out of them.
    pub(crate) fn by_category(&mut self) {
        let groups = match &self.mode {
            Mode::Sets { keys, .. } => keys.iter().map(|(group, _)| group + 1).max().unwrap_or(0),
            Mode::Single { groups } => *groups,
        };
        self.mode = Mode::Single { groups };
    }

    /// Whether a pattern is one category.
    pub(super) fn is_by_category(&self) -> bool {
        matches!(self.mode, Mode::Single { .. })
    }

    /// The patterns of another, whose groups are these here, as patterns of this; none where a pattern means another
    /// thing there.
    pub(super) fn adopt(&mut self, other: &Self, of_group: impl Fn(usize) -> usize) -> Option<Vec<u32>> {
        let categories = self.categories();
        match (&mut self.mode, &other.mode) {
            (Mode::Sets { keys, known, .. }, Mode::Sets { keys: others, .. }) => {
                let adopted = others.iter().map(|&(group, bits)| {
                    let key = (of_group(group), bits);
                    *known.entry(key).or_insert_with(|| {
                        keys.push(key);
                        number(keys.len() - 1)
                    })
                });
                Some(adopted.collect())
            }
            (Mode::Single { groups }, Mode::Single { groups: others }) => {
                let adopted: Vec<usize> = (0..*others).map(of_group).collect();
                *groups = adopted.iter().map(|group| group + 1).fold(*groups, usize::max);
                let patterns = adopted.iter().flat_map(|group| group * categories..(group + 1) * categories);
                Some(patterns.map(number).collect())
            }
            _ => None,
        }
    }

    /// The number of the pattern that one category of a group is, by category.
    pub(super) fn of_category(&self, group: usize, category: usize) -> u32 {
        number(group * self.categories() + category)
    }

    /// How many patterns there are.
    pub(crate) fn patterns(&self) -> usize {
        match &self.mode {
            Mode::Sets { keys, .. } => keys.len(),
            Mode::Single { groups } => groups * self.categories(),
        }
    }

    /// The group of a pattern, and its categories; without categories the one.
    pub(crate) fn members(&self, pattern: u32) -> (usize, impl Iterator<Item = usize> + Clone) {
        let (group, bits, first) = match &self.mode {
            Mode::Sets { keys, .. } => {
                let (group, bits) = keys[pattern as usize];
                (group, bits, 0)
            }
            Mode::Single { .. } => {
                let categories = self.categories();
                (pattern as usize / categories, 1, pattern as usize % categories)
            }
        };
        (group, (0..WORD).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| first + bit))
    }

    /// The chosen events within a range, with their patterns.
    pub(crate) fn between(&self, events: Range<usize>) -> &[(u32, u32)] {
        let at = |event: usize| self.events.partition_point(|&(other, _)| (other as usize) < event);
        &self.events[at(events.start)..at(events.end)]
    }

    pub(crate) fn bytes(&self) -> usize {
        let patterns = match &self.mode {
            Mode::Sets { keys, .. } => {
                keys.capacity() * 3 * size_of::<Key>() + SLOTS * size_of::<(Key, u32)>()
            }
            Mode::Single { .. } => 0,
        };
        patterns + self.events.capacity() * size_of::<(u32, u32)>() + self.words.capacity() * size_of::<u64>()
    }
}

/// Calls `with` for the events that pass, in order.
fn each_chosen(mask: Option<&Bitmap<'_>>, rows: usize, mut with: impl FnMut(usize)) {
    let Some(mask) = mask else { return (0..rows).for_each(with) };
    for start in (0..rows).step_by(64) {
        let mut word = mask.word(start);
        if rows - start < 64 {
            word &= (1 << (rows - start)) - 1;
        }
        while word != 0 {
            with(start + word.trailing_zeros() as usize);
            word &= word - 1;
        }
    }
}

fn slot((group, bits): Key) -> usize {
    // Fibonacci hashing: the topmost bits of the product depend on all bits.
    let mixed = (bits ^ (group as u64).rotate_left(48)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 56).unwrap_or(0)
}

fn number(event: usize) -> u32 {
    u32::try_from(event).unwrap_or(u32::MAX)
}
