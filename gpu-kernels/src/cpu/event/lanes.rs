//! Sets of lanes, and how they are put into blocks.

use super::load::Index;
use super::plan::Level;
use super::scratch::Selection;

/// What a query is evaluated for: events, each with objects of the queries around this one.
#[derive(Debug, Default)]
pub(super) struct LaneSet {
    pub(super) event: Vec<u32>,
    /// Lane number i is event number i.
    pub(super) every_event: bool,
    /// For each outer variable of the query, the object's place in its collection.
    pub(super) outer: Vec<Vec<u32>>,
}

impl LaneSet {
    /// One lane for every event.
    pub(super) fn events(rows: usize) -> Self {
        let event = (0..u32::try_from(rows).unwrap_or(u32::MAX)).collect();
        Self { event, every_event: true, outer: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.event.len()
    }
}

/// The own variables of a query while one of its programs runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Own<'a> {
    /// None has a value.
    None,
    /// One variable stands at these objects.
    Object(Index<'a>),
    /// All stand where the loops are.
    Current(&'a Current<'a>),
    /// All stand at the combination that was kept: the objects, and their numbers in their groups.
    Best { objects: &'a [Vec<u32>], numbers: &'a [Vec<u32>] },
}

/// What a program reads beside registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    /// Lanes to work on.
    pub(super) lanes: usize,
    pub(super) event: Index<'a>,
    pub(super) outer: &'a [Vec<u32>],
    /// The first lane, in `outer`.
    pub(super) outer_from: usize,
    pub(super) own: Own<'a>,
    /// The first lane in the results of nested queries, where they have been run before.
    pub(super) called: Option<usize>,
}

/// Lanes with similar numbers of objects, worked on together.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// The lanes, as numbered in the lane set.
    pub(super) lanes: Vec<u32>,
    pub(super) event: Vec<u32>,
    pub(super) outer: Vec<Vec<u32>>,
    pub(super) groups: Vec<BlockGroup>,
}

/// The objects of one group in a block.
#[derive(Debug, Default)]
pub(super) struct BlockGroup {
    /// First selected object of each lane.
    pub(super) start: Vec<u32>,
    /// How many each lane has.
    pub(super) count: Vec<u32>,
    /// For each k, the lanes up to the last that has an object number k, and whether all of them have one.
    pub(super) active: Vec<(usize, bool)>,
}

impl BlockGroup {
    /// Objects number `k` of the first `lanes` lanes; any other object where a lane has none.
    pub(super) fn objects(&self, selection: &Selection, k: usize, lanes: usize, objects: &mut Vec<u32>) {
        let k = u32::try_from(k).unwrap_or(u32::MAX);
        let numbers = self.start.iter().zip(&self.count).take(lanes);
        let numbers = numbers.map(|(start, count)| start + k.min(count.saturating_sub(1)));
        objects.clear();
        match &selection.objects {
            Some(list) => {
                objects.extend(numbers.map(|number| list.get(number as usize).copied().unwrap_or(0)))
            }
            None => objects.extend(numbers),
        }
    }

    /// Fills `active` from `count`.
    pub(super) fn finish(&mut self) {
        let most = self.count.iter().copied().max().unwrap_or(0) as usize;
        self.active.clear();
        self.active.resize(most, (0, true));
        let mut having = vec![0usize; most + 1];
        // In runs: most neighbours have the same count.
        let mut from = 0;
        for run in self.count.chunk_by(|a, b| a == b) {
            let count = run[0] as usize;
            having[count] += run.len();
            from += run.len();
            if let Some(last) = count.checked_sub(1) {
                self.active[last].0 = from;
            }
        }
        let (mut lanes, mut prefix) = (0, 0);
        for k in (0..most).rev() {
            lanes += having[k + 1];
            prefix = prefix.max(self.active[k].0);
            self.active[k] = (prefix, prefix == lanes);
        }
    }
}

/// Where the loops of a block stand.
#[derive(Debug)]
pub(super) struct Current<'a> {
    pub(super) block: &'a Block,
    pub(super) selections: &'a [Selection],
    /// Group of each variable.
    pub(super) groups: &'a [Level],
    pub(super) cursor: &'a [usize],
    pub(super) lanes: usize,
}

impl Current<'_> {
    /// The objects a variable stands at.
    pub(super) fn objects(&self, var: usize) -> Vec<u32> {
        let group = self.groups[var].group;
        let mut objects = Vec::new();
        self.block.groups[group].objects(&self.selections[group], self.cursor[var], self.lanes, &mut objects);
        objects
    }
}

/// Sorts lanes so that those with equal numbers of objects stand together, many objects first. `counts` holds one
/// slice of counts per group; lanes with fewer than `least` in some group are left out. Gives positions in `lanes`.
pub(super) fn sort(lanes: &[u32], counts: &[Vec<u32>], least: &[u32]) -> Vec<u32> {
    // Beyond these counts order only costs speed, not results.
    const BUCKETS: u32 = 1 << 12;
    let per_group = match counts.len() {
        0 => return (0..u32::try_from(lanes.len()).unwrap_or(u32::MAX)).collect(),
        1 => BUCKETS,
        2 => 64,
        _ => 16,
    };
    // The lanes that have enough, and what they are sorted by.
    let mut numbers = vec![0u32; lanes.len()];
    let mut keys = vec![0u32; lanes.len()];
    let mut kept = 0;
    for lane in 0..lanes.len() {
        let mut key = 0;
        let mut enough = true;
        for (group, (counts, least)) in counts.iter().zip(least).enumerate() {
            if group < 3 {
                key = key * per_group + counts[lane].min(per_group - 1);
            }
            enough &= counts[lane] >= *least;
        }
        numbers[kept] = u32::try_from(lane).unwrap_or(u32::MAX);
        keys[kept] = key;
        kept += usize::from(enough);
    }
    numbers.truncate(kept);
    keys.truncate(kept);
    let most = keys.iter().copied().max().unwrap_or(0);
    let mut buckets = vec![0u32; most as usize + 1];
    keys.iter().for_each(|key| buckets[*key as usize] += 1);
    let mut position = 0;
    for bucket in buckets.iter_mut().rev() {
        let size = *bucket;
        *bucket = position;
        position += size;
    }
    let mut sorted = vec![0; kept];
    for (number, key) in numbers.iter().zip(&keys) {
        let to = &mut buckets[*key as usize];
        sorted[*to as usize] = *number;
        *to += 1;
    }
    sorted
}
