//! One formula over numbers and lists of numbers: lists go element by element, numbers are repeated
//! beside them. A NULL list gives NULL, a NULL number or element gives NULL in its place.

use arrow::array::{BooleanBufferBuilder, NullBufferBuilder};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion_common::exec_err;

use crate::jagged::{Jagged, float64};
use crate::prelude::*;

/// f64 per event, or a list of f64 per event as soon as one argument is a list.
pub(crate) fn return_type(arguments: &[FieldRef]) -> DataType {
    if arguments.iter().any(|argument| arguments::item(argument.data_type()).is_some()) {
        arguments::list_of(DataType::Float64)
    } else {
        DataType::Float64
    }
}

/// Applies `formula` to the arguments of a call.
pub(crate) fn map<const N: usize>(
    function: &'static str,
    parameters: &[Parameter; N],
    call: &ScalarFunctionArgs,
    formula: impl Fn([f64; N]) -> f64,
) -> Result<ColumnarValue> {
    let operands: [Operand; N] = operands(function, call)?;
    if operands.iter().any(Operand::is_list) {
        let result = map_lists(function, parameters, &operands, call.number_rows, formula)?;
        return Ok(ColumnarValue::Array(Arc::new(result)));
    }
    let all_constant = operands.iter().all(|operand| matches!(operand, Operand::Constant(_)));
    let rows = if all_constant { 1 } else { call.number_rows };
    let result = map_events(&operands, rows, formula);
    if all_constant {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
    }
    Ok(ColumnarValue::Array(Arc::new(result)))
}

/// One argument, in f64.
#[derive(Debug)]
enum Operand {
    Constant(Option<f64>),
    Events(Float64Array),
    Objects(Jagged),
}

impl Operand {
    fn new(argument: &ColumnarValue, rows: usize) -> Result<Self> {
        match argument {
            ColumnarValue::Scalar(value) if arguments::item(&value.data_type()).is_none() => {
                match value.cast_to(&DataType::Float64)? {
                    ScalarValue::Float64(number) => Ok(Self::Constant(number)),
                    other => exec_err!("expected a number, got {other}"),
                }
            }
            ColumnarValue::Scalar(list) => Ok(Self::Objects(Jagged::new(&list.to_array_of_size(rows)?)?)),
            ColumnarValue::Array(array) if arguments::item(array.data_type()).is_some() => {
                Ok(Self::Objects(Jagged::new(array)?))
            }
            ColumnarValue::Array(array) => Ok(Self::Events(float64(array)?)),
        }
    }

    fn is_list(&self) -> bool {
        matches!(self, Self::Objects(_))
    }

    fn is_null(&self, event: usize) -> bool {
        match self {
            Self::Constant(value) => value.is_none(),
            Self::Events(values) => values.is_null(event),
            Self::Objects(list) => list.is_null(event),
        }
    }

    /// The number of this event, or of its element `place` for a list; whatever is stored when NULL.
    fn value(&self, event: usize, place: usize) -> f64 {
        match self {
            Self::Constant(value) => value.unwrap_or(f64::NAN),
            Self::Events(values) => values.value(event),
            Self::Objects(list) => list.values.value(place),
        }
    }

    /// Whether the number, or the element `place` of the list, is NULL.
    fn is_null_at(&self, event: usize, place: usize) -> bool {
        match self {
            Self::Objects(list) => list.values.is_null(place),
            other => other.is_null(event),
        }
    }

    fn has_null_values(&self) -> bool {
        match self {
            Self::Constant(value) => value.is_none(),
            Self::Events(values) => values.null_count() > 0,
            Self::Objects(list) => list.values.null_count() > 0,
        }
    }
}

fn map_events<const N: usize>(
    operands: &[Operand; N],
    rows: usize,
    formula: impl Fn([f64; N]) -> f64,
) -> Float64Array {
    let values: Vec<f64> =
        (0..rows).map(|event| formula(std::array::from_fn(|k| operands[k].value(event, event)))).collect();
    let nulls = operands.iter().any(Operand::has_null_values).then(|| {
        NullBuffer::from_iter((0..rows).map(|event| !operands.iter().any(|operand| operand.is_null(event))))
    });
    Float64Array::new(values.into(), nulls)
}

/// The arguments of a call with at least one list, walked event by event.
struct Walk<'a, const N: usize> {
    function: &'static str,
    parameters: &'a [Parameter; N],
    operands: &'a [Operand; N],
    lists: Vec<(usize, &'a Jagged)>,
    leader: &'a Jagged,
    null_lists: bool,
    null_values: bool,
}

/// The objects of one event: how many, and where each list starts.
struct Objects<const N: usize> {
    event: usize,
    length: usize,
    starts: [usize; N],
}

impl<'a, const N: usize> Walk<'a, N> {
    fn new(
        function: &'static str,
        parameters: &'a [Parameter; N],
        operands: &'a [Operand; N],
    ) -> Result<Self> {
        let lists: Vec<(usize, &Jagged)> = operands
            .iter()
            .enumerate()
            .filter_map(
                |(k, operand)| {
                    if let Operand::Objects(list) = operand { Some((k, list)) } else { None }
                },
            )
            .collect();
        let Some(&(_, leader)) = lists.first() else {
            return exec_err!("{function}: expected a list among the arguments");
        };
        let null_lists = lists.iter().any(|(_, list)| list.has_nulls());
        let null_values = operands.iter().any(Operand::has_null_values);
        Ok(Self { function, parameters, operands, lists, leader, null_lists, null_values })
    }

    /// `None` where a list is NULL; an error where lists differ in length.
    fn event(&self, event: usize) -> Result<Option<Objects<N>>> {
        if self.null_lists && self.lists.iter().any(|(_, list)| list.is_null(event)) {
            return Ok(None);
        }
        let length = self.leader.range(event).len();
        if let Some((k, list)) = self.lists.iter().find(|(_, list)| list.range(event).len() != length) {
            let first = self.lists[0].0;
            return Err(FunctionError::Lengths {
                function: self.function,
                event,
                first: first + 1,
                first_name: self.parameters[first].name,
                first_length: length,
                second: k + 1,
                second_name: self.parameters[*k].name,
                second_length: list.range(event).len(),
            }
            .into());
        }
        let starts = std::array::from_fn(|k| match &self.operands[k] {
            Operand::Objects(list) => list.range(event).start,
            _ => 0,
        });
        Ok(Some(Objects { event, length, starts }))
    }

    fn object(&self, objects: &Objects<N>, place: usize) -> [f64; N] {
        std::array::from_fn(|k| self.operands[k].value(objects.event, objects.starts[k] + place))
    }

    fn is_null(&self, objects: &Objects<N>, place: usize) -> bool {
        (0..N).any(|k| self.operands[k].is_null_at(objects.event, objects.starts[k] + place))
    }
}

fn map_lists<const N: usize>(
    function: &'static str,
    parameters: &[Parameter; N],
    operands: &[Operand; N],
    rows: usize,
    formula: impl Fn([f64; N]) -> f64,
) -> Result<ListArray> {
    let walk = Walk::new(function, parameters, operands)?;
    let objects = walk.leader.values.len();
    let mut values = Vec::with_capacity(objects);
    let mut valid = BooleanBufferBuilder::new(if walk.null_values { objects } else { 0 });
    let mut lengths = Vec::with_capacity(if walk.null_lists { rows } else { 0 });
    let mut events = NullBufferBuilder::new(rows);
    for event in 0..rows {
        let Some(objects) = walk.event(event)? else {
            events.append_null();
            lengths.push(0);
            continue;
        };
        for place in 0..objects.length {
            values.push(formula(walk.object(&objects, place)));
            if walk.null_values {
                valid.append(!walk.is_null(&objects, place));
            }
        }
        events.append_non_null();
        if walk.null_lists {
            lengths.push(objects.length);
        }
    }
    let offsets = if walk.null_lists { OffsetBuffer::from_lengths(lengths) } else { walk.leader.offsets() };
    let nulls = walk.null_values.then(|| NullBuffer::new(valid.finish()));
    let values = Float64Array::new(ScalarBuffer::from(values), nulls);
    let item = Arc::new(Field::new_list_field(DataType::Float64, true));
    Ok(ListArray::try_new(item, offsets, Arc::new(values), events.finish())?)
}

/// One number per event out of all its objects; NULL where a list, or a component of an object, is NULL.
pub(crate) fn fold<const N: usize>(
    function: &'static str,
    parameters: &[Parameter; N],
    call: &ScalarFunctionArgs,
    formula: impl Fn(&mut dyn Iterator<Item = [f64; N]>) -> Option<f64>,
) -> Result<Float64Array> {
    let operands = operands(function, call)?;
    let walk = Walk::new(function, parameters, &operands)?;
    (0..call.number_rows)
        .map(|event| {
            let Some(objects) = walk.event(event)? else {
                return Ok(None);
            };
            if walk.null_values && (0..objects.length).any(|place| walk.is_null(&objects, place)) {
                return Ok(None);
            }
            Ok(formula(&mut (0..objects.length).map(|place| walk.object(&objects, place))))
        })
        .collect()
}

fn operands<const N: usize>(function: &'static str, call: &ScalarFunctionArgs) -> Result<[Operand; N]> {
    let operands = call
        .args
        .iter()
        .map(|argument| Operand::new(argument, call.number_rows))
        .collect::<Result<Vec<_>>>()?;
    let Ok(operands) = operands.try_into() else {
        return exec_err!("{function}: expected {N} arguments, got {}", call.args.len());
    };
    Ok(operands)
}
