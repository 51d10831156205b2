//! The arrays of a batch as the kernel's slices. Nothing is copied but texts (which become numbers of labels),
//! types the kernel does not have, and lists whose elements do not lie side by side.

use std::collections::HashMap;
use std::sync::Arc;

use ana_hist::{Axis, AxisKind};
use ana_kernels::{Bitmap, Column, Fill, KernelError, Level, Values};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, UInt32Array};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, UInt32Type};
use datafusion_common::{Result, exec_datafusion_err, internal_err};

use super::layout::{Layout, plain};
use crate::arguments::item;
use crate::error::FunctionError;
use crate::jagged::{list, ranges};
use crate::slices;

/// How the values of each axis, and the weight, are read; made once per aggregate.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    arguments: Vec<Argument>,
    weighted: bool,
}

/// One value or weight.
#[derive(Debug, Clone)]
struct Argument {
    /// Place in the call as it was written, from 0.
    place: usize,
    name: &'static str,
    reading: Reading,
}

/// How the values of an axis become numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    Numbers,
    Booleans,
    /// Texts, as the numbers of these labels.
    Labels(HashMap<String, u32>),
}

/// One batch, ready to be lent to the kernel.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    reader: &'a Reader,
    rows: usize,
    offsets: Option<OffsetBuffer<i32>>,
    /// Of the axes, then of the weight if there is one.
    columns: Vec<(ArrayRef, Level)>,
    /// Rows in which no list is NULL, where some is.
    lists_valid: Option<BooleanBuffer>,
}

impl Reader {
    pub(super) fn new(axes: &[Axis], layout: &Layout) -> Self {
        let values = axes.iter().zip(&layout.values);
        let values =
            values.map(|(axis, &place)| Argument { place, name: "value", reading: Reading::of(axis) });
        let weight = layout.weight.map(|place| Argument { place, name: "weight", reading: Reading::Numbers });
        Self { arguments: values.chain(weight).collect(), weighted: layout.weight.is_some() }
    }

    /// Memory held, roughly: the labels.
    pub(super) fn size(&self) -> usize {
        let labels = self.arguments.iter().filter_map(|argument| match &argument.reading {
            Reading::Labels(labels) => Some(labels.capacity() * (size_of::<(String, u32)>() + 16)),
            _ => None,
        });
        self.arguments.capacity() * size_of::<Argument>() + labels.sum::<usize>()
    }

    /// `values` are those of the axes, then the weight if there is one.
    pub(super) fn read(&self, values: &[ArrayRef]) -> Result<Batch<'_>> {
        if values.len() != self.arguments.len() {
            return internal_err!("hist: {} columns for {} arguments", values.len(), self.arguments.len());
        }
        let rows = values.first().map_or(0, |first| first.len());
        let (columns, offsets, lists_valid) = self.align(values)?;
        let columns = columns
            .into_iter()
            .zip(&self.arguments)
            .map(|((column, level), argument)| Ok((argument.reading.read(&column)?, level)))
            .collect::<Result<_>>()?;
        Ok(Batch { reader: self, rows, offsets, columns, lists_valid })
    }

    /// Takes lists apart, so that one set of offsets serves all of them.
    #[allow(clippy::type_complexity, reason = "taken apart by its one caller")]
    fn align(
        &self,
        values: &[ArrayRef],
    ) -> Result<(Vec<(ArrayRef, Level)>, Option<OffsetBuffer<i32>>, Option<BooleanBuffer>)> {
        let is_list = |array: &ArrayRef| item(array.data_type()).is_some();
        let lists: Vec<(&Argument, ListArray)> = self
            .arguments
            .iter()
            .zip(values)
            .filter(|(_, array)| is_list(array))
            .map(|(argument, array)| Ok((argument, list(array)?)))
            .collect::<Result<_>>()?;
        let Some((_, leader)) = lists.first() else {
            return Ok((values.iter().map(|array| (Arc::clone(array), Level::Event)).collect(), None, None));
        };
        let nulls =
            lists.iter().fold(None, |nulls, (_, list)| NullBuffer::union(nulls.as_ref(), list.nulls()));
        let shared = lists.iter().all(|(_, list)| list.offsets() == leader.offsets());
        let (offsets, items) = if shared {
            let items: Vec<ArrayRef> = lists.iter().map(|(_, list)| Arc::clone(list.values())).collect();
            (leader.offsets().clone(), items)
        } else if lists.iter().all(|(_, list)| same_lengths(list.offsets(), leader.offsets())) {
            // What is computed from a slice begins at 0, the branch beside it where the slice does.
            let items = lists.iter().map(|(_, list)| {
                let (first, last) = (ranges(list).next().map_or(0, |range| range.start), ranges(list).last());
                list.values().slice(first, last.map_or(0, |range| range.end - first))
            });
            let first = leader.offsets().first().copied().unwrap_or(0);
            let rebased: Vec<i32> = leader.offsets().iter().map(|offset| offset - first).collect();
            (OffsetBuffer::new(rebased.into()), items.collect())
        } else {
            side_by_side(&lists, nulls.as_ref())?
        };
        let mut items = items.into_iter();
        let column = |array: &ArrayRef| {
            let items = if is_list(array) { items.next() } else { None };
            items.map_or_else(|| (Arc::clone(array), Level::Event), |items| (items, Level::Item))
        };
        let lists_valid = nulls.map(|nulls| nulls.inner().clone());
        Ok((values.iter().map(column).collect(), Some(offsets), lists_valid))
    }
}

/// Whether two lists have as many elements in every event, wherever their elements lie.
fn same_lengths(a: &OffsetBuffer<i32>, b: &OffsetBuffer<i32>) -> bool {
    let (Some(first_a), Some(first_b)) = (a.first(), b.first()) else { return a.len() == b.len() };
    a.len() == b.len()
        && a.iter().zip(b.iter()).fold(true, |same, (a, b)| same & (a - first_a == b - first_b))
}

/// Elements of lists that do not share offsets, copied so that they do. Rows with a NULL list have none.
fn side_by_side(
    lists: &[(&Argument, ListArray)],
    nulls: Option<&NullBuffer>,
) -> Result<(OffsetBuffer<i32>, Vec<ArrayRef>)> {
    let kept = |row: usize| nulls.is_none_or(|nulls| nulls.is_valid(row));
    let (first, leader) = &lists[0];
    let lengths: Vec<usize> =
        ranges(leader).enumerate().map(|(row, range)| if kept(row) { range.len() } else { 0 }).collect();
    let items = lists
        .iter()
        .map(|(argument, list)| {
            let mut places = Vec::with_capacity(lengths.iter().sum());
            for (event, range) in ranges(list).enumerate().filter(|(row, _)| kept(*row)) {
                if range.len() != lengths[event] {
                    return Err(FunctionError::Lengths {
                        function: "hist",
                        event,
                        first: first.place + 1,
                        first_name: first.name,
                        first_length: lengths[event],
                        second: argument.place + 1,
                        second_name: argument.name,
                        second_length: range.len(),
                    }
                    .into());
                }
                places.extend(range.map(|place| u32::try_from(place).unwrap_or(u32::MAX)));
            }
            Ok(take(list.values(), &UInt32Array::from(places), None)?)
        })
        .collect::<Result<_>>()?;
    Ok((OffsetBuffer::from_lengths(lengths), items))
}

impl Reading {
    /// How values go on an axis.
    pub(crate) fn of(axis: &Axis) -> Self {
        match &axis.kind {
            AxisKind::Category { labels } => Self::Labels(labels.iter().cloned().zip(0..).collect()),
            AxisKind::Boolean => Self::Booleans,
            _ => Self::Numbers,
        }
    }

    /// An array of a type that [`column_of()`] knows.
    pub(crate) fn read(&self, column: &ArrayRef) -> Result<ArrayRef> {
        let found = column.data_type();
        match self {
            Self::Labels(labels) => Ok(Arc::new(codes(column, labels)?)),
            Self::Booleans if found.is_null() => Ok(cast(column, &DataType::Boolean)?),
            _ if matches!(found, DataType::Dictionary(..)) => self.read(&cast(column, plain(found))?),
            _ if found.is_integer()
                || matches!(found, DataType::Boolean | DataType::Float32 | DataType::Float64) =>
            {
                Ok(Arc::clone(column))
            }
            _ => Ok(cast(column, &DataType::Float64)?),
        }
    }
}

/// The number of each text's label; the number of labels for any other text.
fn codes(texts: &ArrayRef, labels: &HashMap<String, u32>) -> Result<UInt32Array> {
    if let Some(dictionary) = texts.as_any_dictionary_opt() {
        let codes = codes(dictionary.values(), labels)?;
        return Ok(take(&codes, dictionary.keys(), None)?.as_primitive::<UInt32Type>().clone());
    }
    let other = u32::try_from(labels.len()).map_err(|_| exec_datafusion_err!("hist: too many labels"))?;
    let texts = cast(texts, &DataType::Utf8)?;
    let codes = texts.as_string::<i32>().iter().map(|text| Some(labels.get(text?).copied().unwrap_or(other)));
    Ok(codes.collect())
}

impl<'a> Batch<'a> {
    /// Whether another weight can stand in the place of this batch's: one value per event, as it is.
    pub(super) fn takes_weight(&self, weight: &ArrayRef) -> bool {
        let per_event = matches!(self.columns.last(), Some((_, Level::Event)));
        self.reader.weighted && per_event && item(weight.data_type()).is_none()
    }

    /// The same values with another weight, for which [`Batch::takes_weight`] holds.
    pub(super) fn with_weight(&self, weight: &ArrayRef) -> Result<Self> {
        let mut columns = self.columns.clone();
        if let (Some(column), Some(argument)) = (columns.last_mut(), self.reader.arguments.last()) {
            *column = (argument.reading.read(weight)?, Level::Event);
        }
        Ok(Self {
            reader: self.reader,
            rows: self.rows,
            offsets: self.offsets.clone(),
            columns,
            lists_valid: self.lists_valid.clone(),
        })
    }

    /// Calls `with` with the fill; of the `chosen` rows only, where given. `place` are the labels, by number, on the
    /// axes in front of those of the values.
    pub(super) fn fill<T>(
        &self,
        place: &[u32],
        chosen: Option<&BooleanArray>,
        with: impl FnOnce(&Fill<'_>) -> Result<T, KernelError>,
    ) -> Result<T> {
        let chosen = chosen.map(|chosen| match chosen.nulls() {
            Some(nulls) => chosen.values() & nulls.inner(),
            None => chosen.values().clone(),
        });
        let selection = match (chosen, &self.lists_valid) {
            (Some(chosen), Some(valid)) => Some(&chosen & valid),
            (chosen, valid) => chosen.or_else(|| valid.clone()),
        };
        let place = place.iter().map(|code| Ok(Column::constant(Values::Codes(std::slice::from_ref(code)))));
        let values = self
            .columns
            .iter()
            .zip(&self.reader.arguments)
            .map(|((array, level), argument)| column_of(array, *level, &argument.reading));
        let mut columns = place.chain(values).collect::<Result<Vec<_>>>()?;
        let weight = if self.reader.weighted { columns.pop() } else { None };
        let fill = Fill {
            rows: self.rows,
            offsets: self.offsets.as_ref().map(|offsets| &offsets[..]),
            columns: &columns,
            weight,
            selection: selection.as_ref().map(bitmap).transpose()?,
        };
        Ok(with(&fill).map_err(FunctionError::Fill)?)
    }
}

/// The type of an array decides here, once per batch, which slice the kernel gets.
pub(crate) fn column_of<'a>(array: &'a ArrayRef, level: Level, reading: &Reading) -> Result<Column<'a>> {
    let values = if matches!(reading, Reading::Labels(_)) {
        array.as_primitive_opt::<UInt32Type>().map(|codes| Values::Codes(codes.values()))
    } else {
        slices::values(array).map_err(FunctionError::Fill)?
    };
    let Some(values) = values else { return internal_err!("hist: a column of type {}", array.data_type()) };
    let validity = array.nulls().map(|nulls| bitmap(nulls.inner())).transpose()?;
    Ok(Column { values, validity, level })
}

fn bitmap(bits: &BooleanBuffer) -> Result<Bitmap<'_>> {
    Ok(slices::bitmap(bits).map_err(FunctionError::Fill)?)
}
