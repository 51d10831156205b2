//! Running a compiled kernel, chunk by chunk.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ir::{Kernel, Source, Type};

use super::chunk::{Chunk, spread};
use super::error::EventError;
use super::input::{Bits, ChunkColumn, Data, InputSlice};
use super::lanes::LaneSet;
use super::output::{LaneColumn, Lanes, Output, Results};
use super::plan::{Plan, QueryPlan, Stage};
use super::scratch::{Cancel, QueryScratch, Scratch};
use super::vector::Vector;

/// Rows worked on together: enough to sort them well, few enough for their columns to stay in the second-level cache.
const CHUNK_ROWS: usize = 2048;
/// Objects of one collection in a chunk, unless one row has more.
const CHUNK_OBJECTS: usize = 1 << 18;

static NEXT_CHUNK: AtomicU64 = AtomicU64::new(0);

/// What runs the queries of one chunk.
pub(super) struct Executor<'r> {
    pub(super) vector: Vector,
    pub(super) chunk: &'r Chunk<'r>,
    /// Collection of each input.
    pub(super) collections: &'r [usize],
    pub(super) scratch: &'r mut Vec<QueryScratch>,
    pub(super) cancel: Cancel,
}

/// Runs a plan on checked slices.
pub(super) fn run(
    kernel: &Kernel,
    plan: &Plan,
    rows: usize,
    slices: &[InputSlice<'_>],
    scratch: &mut Scratch,
) -> Result<Vec<Output>, EventError> {
    let list = matches!(kernel.body.reduction, crate::ir::Reduction::List { .. });
    let mut outputs: Vec<_> = plan.body.outputs.iter().map(|column| Output::new(*column, list)).collect();
    let identity = std::ptr::from_ref(plan).addr();
    if scratch.plan != identity {
        scratch.plan = identity;
        scratch.queries.clear();
    }
    scratch.queries.resize_with(plan.queries, QueryScratch::default);
    let collections: Vec<usize> = kernel.inputs.iter().map(|input| input.collection().unwrap_or(0)).collect();
    let mut from = 0;
    while from < rows {
        let to = chunk_end(slices, from, rows);
        let mut chunk = make_chunk(kernel, plan, slices, from, to);
        for stage in &plan.stages {
            let cancel = scratch.cancel();
            let mut executor = Executor {
                vector: Vector::default(),
                chunk: &chunk,
                collections: &collections,
                scratch: &mut scratch.queries,
                cancel,
            };
            let lanes = LaneSet::events(chunk.rows);
            match stage {
                Stage::Hoisted(query) => {
                    let results = executor.query(query, &lanes)?;
                    chunk.hoisted.push(results);
                }
                Stage::Derived(collection, parts) => {
                    let lists = parts.iter().map(|part| executor.query(part, &lanes));
                    let lists = lists.collect::<Result<Vec<_>, _>>()?;
                    derive(&mut chunk, kernel, *collection, parts, &lists)?;
                }
            }
        }
        let cancel = scratch.cancel();
        let mut executor = Executor {
            vector: Vector::default(),
            chunk: &chunk,
            collections: &collections,
            scratch: &mut scratch.queries,
            cancel,
        };
        let results = executor.query(&plan.body, &LaneSet::events(chunk.rows))?;
        for (output, column) in outputs.iter_mut().zip(&results.columns) {
            output.append(column, &results.offsets)?;
        }
        from = to;
    }
    Ok(outputs)
}

/// The end of the chunk that begins at `from`.
fn chunk_end(slices: &[InputSlice<'_>], from: usize, rows: usize) -> usize {
    let mut to = rows.min(from + CHUNK_ROWS);
    for offsets in slices.iter().filter_map(|slice| slice.offsets) {
        let first = offsets[from];
        let fits = |end: &i32| end.abs_diff(first) as usize <= CHUNK_OBJECTS;
        to = to.min(from + offsets[from + 1..=to].partition_point(fits).max(1));
    }
    to
}

fn make_chunk<'a>(
    kernel: &Kernel,
    plan: &Plan,
    slices: &[InputSlice<'a>],
    from: usize,
    to: usize,
) -> Chunk<'a> {
    let mut chunk = Chunk {
        number: NEXT_CHUNK.fetch_add(1, Ordering::Relaxed),
        rows: to - from,
        columns: vec![ChunkColumn::ABSENT; kernel.inputs.len()],
        offsets: vec![Cow::Borrowed(&[]); kernel.collections.len()],
        hoisted: Vec::with_capacity(plan.hoisted),
        owners: kernel.collections.iter().map(|_| OnceLock::new()).collect(),
    };
    for ((id, input), slice) in kernel.columns().zip(slices) {
        let range = match (input.source, slice.offsets) {
            (Source::List(collection), Some(offsets)) => {
                let own = &offsets[from..=to];
                chunk.offsets[collection] = Cow::Borrowed(own);
                (own[0].unsigned_abs() as usize, own[to - from].unsigned_abs() as usize)
            }
            _ => (from, to),
        };
        chunk.columns[id] = ChunkColumn::new(slice, range.0, range.1);
    }
    chunk
}

/// Puts the fields of a derived collection in place: for every row the lists of all parts, one after the other.
fn derive(
    chunk: &mut Chunk<'_>,
    kernel: &Kernel,
    collection: usize,
    parts: &[QueryPlan],
    lists: &[Results],
) -> Result<(), EventError> {
    // Every list's part of the offsets, and where every element of a part goes: behind the rows before, and behind the
    // parts before in its own row.
    let mut ends = vec![0usize; chunk.rows + 1];
    let mut shifts = vec![vec![0usize; chunk.rows]; lists.len()];
    for (part, list) in lists.iter().enumerate() {
        ends.iter_mut().zip(&list.offsets).for_each(|(end, own)| *end += own);
        for (other, shifts) in shifts.iter_mut().enumerate() {
            let before = if part < other { &list.offsets[1..] } else { &list.offsets };
            if part != other {
                shifts.iter_mut().zip(before).for_each(|(shift, before)| *shift += before);
            }
        }
    }
    let offsets = ends.iter().map(|end| i32::try_from(*end)).collect::<Result<Vec<_>, _>>();
    let offsets = offsets.map_err(|_| EventError::TooLong)?;
    let places = lists.iter().zip(&shifts).map(|(list, shifts)| {
        let shift = |row: usize| u32::try_from(shifts[row]).unwrap_or(u32::MAX);
        let mut places = spread(chunk.rows, |row| list.offsets[row + 1], shift);
        (0..).zip(&mut places).for_each(|(number, place)| *place += number);
        places
    });
    let order: Vec<Vec<u32>> = places.collect();
    chunk.offsets[collection] = Cow::Owned(offsets);
    for (id, input) in kernel.inputs.iter().enumerate() {
        let Source::Derived { collection: own, value } = input.source else { continue };
        if own != collection {
            continue;
        }
        let columns: Vec<&LaneColumn> = lists.iter().map(|list| &list.columns[value]).collect();
        let ty = parts.first().map_or(Type::Bool, |part| part.outputs[value].ty);
        let data = match ty {
            Type::Bool => Data::Bool(Bits::Owned(merge(&columns, &order, |values| match values {
                Lanes::Mask(values) => values,
                _ => &[],
            }))),
            Type::F32 | Type::F64 => Data::F64(Cow::Owned(merge(&columns, &order, |values| match values {
                Lanes::Float(values) => values,
                _ => &[],
            }))),
            _ => Data::I64(Cow::Owned(merge(&columns, &order, |values| match values {
                Lanes::Int(values) => values,
                _ => &[],
            }))),
        };
        let nullable = columns.iter().any(|column| column.valid.is_some());
        let valid = nullable.then(|| {
            let mut valid = vec![1; order.iter().map(Vec::len).sum()];
            for (column, places) in columns.iter().zip(&order) {
                if let Some(from) = &column.valid {
                    places.iter().zip(from).for_each(|(place, from)| valid[*place as usize] = *from);
                }
            }
            Bits::Owned(valid)
        });
        chunk.columns[id] = ChunkColumn { data, valid };
    }
    Ok(())
}

/// The values of all parts, each at its place.
fn merge<T: Copy + Default>(
    columns: &[&LaneColumn],
    order: &[Vec<u32>],
    values: impl Fn(&Lanes) -> &[T],
) -> Vec<T> {
    let mut merged = vec![T::default(); order.iter().map(Vec::len).sum()];
    for (column, places) in columns.iter().zip(order) {
        places.iter().zip(values(&column.values)).for_each(|(place, value)| merged[*place as usize] = *value);
    }
    merged
}
