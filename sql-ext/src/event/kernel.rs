//! An event subquery as a function: it carries its kernel, and takes the columns the kernel reads.

use std::hash::{DefaultHasher, Hash, Hasher};

use ana_kernels::cpu::event::{CpuKernel, InputSlice, Output, OutputValues, Scratch};
use ana_kernels::ir::{ColumnType, Kernel, OutputType, Source, Type};
use arrow::array::{BooleanArray, PrimitiveArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, Fields, Float32Type, Float64Type, Int32Type, Int64Type, UInt32Type, UInt64Type,
};
use datafusion_common::{exec_datafusion_err, exec_err, internal_err, plan_datafusion_err};
use parking_lot::Mutex;

use crate::jagged;
use crate::lifted::Aligned;
use crate::prelude::*;
use crate::slices;

/// A compiled event subquery.
#[derive(Debug)]
pub struct EventKernel {
    text: String,
    names: Vec<String>,
    sql: String,
    signature: Signature,
    kernel: CpuKernel,
    /// Buffers of threads that are not running the kernel just now.
    idle: Mutex<Vec<Scratch>>,
}

impl PartialEq for EventKernel {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.names == other.names
    }
}

impl Eq for EventKernel {}

impl Hash for EventKernel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
        self.names.hash(state);
    }
}

impl EventKernel {
    /// From the text of a kernel, the names of its outputs, and the SQL it was made from, which is shown in
    /// plans.
    ///
    /// # Errors
    /// A plan error for text that is no kernel.
    pub fn new(text: &str, names: Vec<String>, sql: &str) -> Result<Self> {
        let wrong = |error: &dyn std::fmt::Display| plan_datafusion_err!("event kernel of {sql}: {error}");
        let kernel = Kernel::from_text(text).map_err(|error| wrong(&error))?;
        let kernel = CpuKernel::new(&kernel).map_err(|error| wrong(&error))?;
        if kernel.outputs().len() != names.len() {
            return Err(wrong(&format!("{} names for {} outputs", names.len(), kernel.outputs().len())));
        }
        Ok(Self {
            text: text.to_owned(),
            names,
            sql: sql.to_owned(),
            signature: unchecked(),
            kernel,
            idle: Mutex::default(),
        })
    }

    /// What the query says.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// What will run.
    pub fn kernel(&self) -> &Kernel {
        self.kernel.kernel()
    }

    /// The kernel as text and the names of its outputs, from which [`EventKernel::new`] makes it again.
    pub fn parts(&self) -> (&str, &[String]) {
        (&self.text, &self.names)
    }

    fn returns(&self) -> DataType {
        match self.kernel.outputs() {
            [one] => data_type(*one),
            several => {
                let fields = several.iter().zip(&self.names);
                let fields: Fields =
                    fields.map(|(output, name)| Field::new(name, data_type(*output), true)).collect();
                DataType::Struct(fields)
            }
        }
    }
}

fn data_type(output: OutputType) -> DataType {
    let item = match output.ty {
        Type::Bool => DataType::Boolean,
        Type::I32 => DataType::Int32,
        Type::I64 => DataType::Int64,
        Type::U32 => DataType::UInt32,
        Type::U64 => DataType::UInt64,
        Type::F32 => DataType::Float32,
        Type::F64 => DataType::Float64,
    };
    if output.list { arguments::list_of(item) } else { item }
}

fn column_type(column: ColumnType) -> DataType {
    match column {
        ColumnType::Bool => DataType::Boolean,
        ColumnType::I8 => DataType::Int8,
        ColumnType::I16 => DataType::Int16,
        ColumnType::I32 => DataType::Int32,
        ColumnType::I64 => DataType::Int64,
        ColumnType::U8 => DataType::UInt8,
        ColumnType::U16 => DataType::UInt16,
        ColumnType::U32 => DataType::UInt32,
        ColumnType::U64 => DataType::UInt64,
        ColumnType::F32 => DataType::Float32,
        ColumnType::F64 => DataType::Float64,
    }
}

impl ScalarUDFImpl for EventKernel {
    fn name(&self) -> &str {
        &self.sql
    }

    /// The SQL alone would not do: after `CREATE OR REPLACE COLLECTION` the same words mean another kernel.
    fn schema_name(&self, arguments: &[datafusion_expr::Expr]) -> Result<String> {
        let mut hasher = DefaultHasher::new();
        (self, arguments).hash(&mut hasher);
        Ok(format!("{} #{:08x}", self.sql, hasher.finish() >> 32))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        let wanted: Vec<_> = self
            .kernel()
            .columns()
            .map(|(_, input)| match input.source {
                Source::Scalar => column_type(input.ty),
                _ => arguments::list_of(column_type(input.ty)),
            })
            .collect();
        if wanted.len() == found.len() {
            Ok(wanted)
        } else {
            internal_err!("{}: {} arguments", self.sql, found.len())
        }
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.returns())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = call.number_rows;
        let columns = self
            .kernel()
            .columns()
            .zip(&call.args)
            .zip(&call.arg_fields)
            .map(|(((_, input), argument), field)| Columns::new(input.source, argument, field, rows))
            .collect::<Result<Vec<_>>>()?;
        let slices = columns.iter().map(Columns::slice).collect::<Result<Vec<_>>>()?;
        let mut scratch = self.idle.lock().pop().unwrap_or_default();
        let outputs = self.kernel.run(rows, &slices, &mut scratch);
        self.idle.lock().push(scratch);
        let outputs = outputs.map_err(|error| exec_datafusion_err!("{}: {error}", self.sql))?;
        let mut arrays = outputs.into_iter().map(array).collect::<Result<Vec<_>>>()?;
        match (self.returns(), arrays.len()) {
            (DataType::Struct(fields), _) if arrays.len() != 1 => {
                // A row of NULLs is no row, as in standard SQL.
                let none = |arrays: &[ArrayRef]| -> Option<NullBuffer> {
                    let mut found = arrays.first()?.nulls()?.inner().clone();
                    for array in arrays.get(1..)? {
                        found = &found | array.nulls()?.inner();
                    }
                    Some(NullBuffer::new(found))
                };
                let nulls = none(&arrays);
                Ok(ColumnarValue::Array(Arc::new(StructArray::try_new(fields, arrays, nulls)?)))
            }
            _ => match arrays.pop() {
                Some(array) => Ok(ColumnarValue::Array(array)),
                None => internal_err!("{}: no output", self.sql),
            },
        }
    }
}

/// A column as it came.
#[derive(Debug)]
pub(crate) struct Columns {
    offsets: Option<OffsetBuffer<i32>>,
    values: ArrayRef,
}

impl Columns {
    /// A column of which it is known what it is.
    pub(crate) fn of_array(source: Source, array: &ArrayRef, rows: usize) -> Result<Self> {
        let field = Arc::new(Field::new("", array.data_type().clone(), true));
        Self::new(source, &ColumnarValue::Array(Arc::clone(array)), &field, rows)
    }

    fn new(source: Source, argument: &ColumnarValue, field: &FieldRef, rows: usize) -> Result<Self> {
        if source == Source::Scalar {
            return Ok(Self { offsets: None, values: argument.to_array(rows)? });
        }
        let list = jagged::list(&argument.to_array(rows)?)?;
        let hides_elements = list.nulls().is_some_and(|nulls| {
            list.value_offsets().windows(2).zip(nulls).any(|(pair, valid)| !valid && pair[0] != pair[1])
        });
        if hides_elements {
            let list: ArrayRef = Arc::new(list);
            let aligned =
                Aligned::new(&|| "event kernel".to_owned(), &[list.into()], &[Arc::clone(field)], rows)?;
            let values = aligned.values.first().map(|values| values.to_array(aligned.len())).transpose()?;
            let Some(values) = values else { return internal_err!("a list without values") };
            return Ok(Self { offsets: Some(aligned.offsets().clone()), values });
        }
        Ok(Self { offsets: Some(list.offsets().clone()), values: Arc::clone(list.values()) })
    }

    pub(crate) fn slice(&self) -> Result<InputSlice<'_>> {
        let fault = |error| exec_datafusion_err!("{error}");
        let Some(values) = slices::values(&self.values).map_err(fault)? else {
            return exec_err!("an event kernel does not read {}", self.values.data_type());
        };
        let slice = match &self.offsets {
            Some(offsets) => InputSlice::list(values, offsets),
            None => InputSlice::scalar(values),
        };
        let nulls = self.values.nulls().filter(|nulls| nulls.null_count() > 0);
        Ok(slice.with_validity(nulls.map(|nulls| slices::bitmap(nulls.inner())).transpose().map_err(fault)?))
    }
}

/// An output as an Arrow array.
fn array(output: Output) -> Result<ArrayRef> {
    let nulls = output.validity.filter(|valid| valid.contains(&false)).map(NullBuffer::from);
    let values: ArrayRef = match output.values {
        OutputValues::Bool(values) => Arc::new(BooleanArray::new(values.into(), nulls)),
        OutputValues::I32(values) => primitive::<Int32Type>(values.into(), nulls),
        OutputValues::I64(values) => primitive::<Int64Type>(values.into(), nulls),
        OutputValues::U32(values) => primitive::<UInt32Type>(values.into(), nulls),
        OutputValues::U64(values) => primitive::<UInt64Type>(values.into(), nulls),
        OutputValues::F32(values) => primitive::<Float32Type>(values.into(), nulls),
        OutputValues::F64(values) => primitive::<Float64Type>(values.into(), nulls),
    };
    let Some(offsets) = output.offsets else { return Ok(values) };
    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(item, OffsetBuffer::new(offsets.into()), values, None)?))
}

fn primitive<T: ArrowPrimitiveType>(values: ScalarBuffer<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(values, nulls))
}
