//! Arguments of one call brought to one shape: a value per element, and the offsets they share.

use ana_kernels::elements;
use arrow::array::UInt32Array;
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use datafusion_common::{exec_datafusion_err, exec_err};

use crate::jagged;
use crate::prelude::*;

/// Lists and event values of a call, element by element.
pub(crate) struct Aligned {
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
    /// One entry per argument: an array with a value per element, or a constant.
    pub(crate) values: Vec<ColumnarValue>,
}

impl Aligned {
    /// Aligns `arguments`, of which at least one is a list. `what` is named when lengths differ.
    pub(crate) fn new(
        what: &dyn Fn() -> String,
        arguments: &[ColumnarValue],
        fields: &[FieldRef],
        rows: usize,
    ) -> Result<Self> {
        let lists = arguments
            .iter()
            .map(|argument| {
                let is_list = arguments::item(&argument.data_type()).is_some();
                is_list.then(|| jagged::list(&argument.to_array(rows)?)).transpose()
            })
            .collect::<Result<Vec<_>>>()?;
        let nulls = lists
            .iter()
            .flatten()
            .fold(None, |all: Option<NullBuffer>, list| NullBuffer::union(all.as_ref(), list.nulls()));
        let Some(leader) = lists.iter().flatten().next() else {
            return exec_err!("{}: expected a list among the arguments", what());
        };
        same_lengths(what, &lists, fields, nulls.as_ref())?;
        let offsets = shared_offsets(leader, nulls.as_ref());
        let mut repeat = None;
        let values = arguments
            .iter()
            .zip(&lists)
            .map(|(argument, list)| match (list, argument) {
                (Some(list), _) => Ok(ColumnarValue::Array(flat(list, &offsets, nulls.as_ref())?)),
                (None, ColumnarValue::Array(events)) => {
                    let places = repeat.get_or_insert_with(|| event_of_each(&offsets));
                    Ok(ColumnarValue::Array(take(events, places, None)?))
                }
                (None, constant) => Ok(constant.clone()),
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { offsets, nulls, values })
    }

    /// How many elements there are in all events together.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.offsets[self.offsets.len() - 1]).unwrap_or(0)
    }

    /// The offsets, from 0.
    pub(crate) fn offsets(&self) -> &OffsetBuffer<i32> {
        &self.offsets
    }

    /// Events whose list is NULL.
    pub(crate) fn nulls(&self) -> Option<&NullBuffer> {
        self.nulls.as_ref()
    }

    /// A list of `values`, one per element.
    pub(crate) fn wrap(self, values: ColumnarValue) -> Result<ArrayRef> {
        let values = values.into_array(self.len())?;
        let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        Ok(Arc::new(ListArray::try_new(item, self.offsets, values, self.nulls)?))
    }
}

fn same_lengths(
    what: &dyn Fn() -> String,
    lists: &[Option<ListArray>],
    fields: &[FieldRef],
    nulls: Option<&NullBuffer>,
) -> Result<()> {
    let mut all = lists.iter().enumerate().filter_map(|(k, list)| Some((k, list.as_ref()?)));
    let Some((first, leader)) = all.next() else { return Ok(()) };
    for (other, list) in all {
        if list.offsets().ptr_eq(leader.offsets())
            || elements::same_lengths(list.value_offsets(), leader.value_offsets())
        {
            continue;
        }
        let differs = (0..leader.len()).find(|&event| {
            leader.value_length(event) != list.value_length(event)
                && nulls.is_none_or(|nulls| nulls.is_valid(event))
        });
        if let Some(event) = differs {
            let name = |k: usize| fields.get(k).map_or("?", |field| field.name().as_str());
            return exec_err!(
                "{}: in event {event} of the batch {} has {} elements and {} has {}; lists of one collection are needed",
                what(),
                name(first),
                leader.value_length(event),
                name(other),
                list.value_length(event)
            );
        }
    }
    Ok(())
}

/// Offsets from 0, with no elements where a list is NULL; the leader's own where they are that already.
fn shared_offsets(leader: &ListArray, nulls: Option<&NullBuffer>) -> OffsetBuffer<i32> {
    match (nulls, leader.value_offsets()[0]) {
        (None, 0) => leader.offsets().clone(),
        (None, _) => OffsetBuffer::new(elements::from_zero(leader.value_offsets()).into()),
        (Some(nulls), _) => OffsetBuffer::from_lengths((0..leader.len()).map(|event| {
            if nulls.is_valid(event) {
                jagged::start(leader, event + 1) - jagged::start(leader, event)
            } else {
                0
            }
        })),
    }
}

/// The elements of a list that the shared offsets speak of.
fn flat(list: &ListArray, offsets: &OffsetBuffer<i32>, nulls: Option<&NullBuffer>) -> Result<ArrayRef> {
    let (first, last) = (jagged::start(list, 0), jagged::start(list, list.len()));
    let wanted = usize::try_from(offsets[offsets.len() - 1]).unwrap_or(0);
    if last - first == wanted {
        return Ok(list.values().slice(first, wanted));
    }
    // Some NULL list of this or another argument hides elements.
    let places = jagged::ranges(list)
        .enumerate()
        .filter(|(event, _)| nulls.is_none_or(|nulls| nulls.is_valid(*event)))
        .flat_map(|(_, range)| range)
        .map(|place| {
            u32::try_from(place).map_err(|_| exec_datafusion_err!("more than 2^32 elements in a batch"))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(take(list.values(), &UInt32Array::from(places), None)?)
}

/// For each element, the event it belongs to.
fn event_of_each(offsets: &OffsetBuffer<i32>) -> UInt32Array {
    let mut events = Vec::with_capacity(usize::try_from(offsets[offsets.len() - 1]).unwrap_or(0));
    for (event, pair) in (0u32..).zip(offsets.windows(2)) {
        events.extend(std::iter::repeat_n(event, usize::try_from(pair[1] - pair[0]).unwrap_or(0)));
    }
    events.into()
}
