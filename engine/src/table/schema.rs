//! The columns of a table from the branches of its files, and what each file does to them.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, BooleanArray, ListArray, new_null_array},
    buffer::OffsetBuffer,
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Field, Int32Type, Schema, SchemaRef},
    error::ArrowError,
};

use super::{
    metadata::FileTree,
    options::{MissingBranch, MissingTriggers, RootOptions},
};
use crate::{
    dialect::faults::nearest,
    error::{EngineError, Result, is_trigger},
};

/// How many near names a message offers.
const NEAREST: usize = 3;

/// The columns that come out of the files, and where each was seen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TableColumns {
    pub(crate) schema: SchemaRef,
    /// Per column a file that has it with the table's type.
    seen_in: Vec<Arc<str>>,
    unreadable: HashMap<String, Unreadable>,
}

/// Where a column was seen that was only named.
const NOT_SEEN: &str = "no file so far";

#[derive(Debug, Clone, PartialEq, Eq)]
struct Unreadable {
    file: Arc<str>,
    cpp_type: String,
    reason: String,
}

/// Where a column of the table comes from in one file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ColumnSource {
    /// The branch as it is.
    Branch(usize),
    /// The branch, its integers or floats brought to the table's width.
    Cast(usize, DataType),
    /// The file lacks it, and the options say that this is fine.
    Null(DataType),
    /// The same for a field of a collection, whose counter is this branch: NULL for every object.
    NullOfEach(usize, DataType),
    /// A trigger that was not in the menu of this file.
    False,
}

impl ColumnSource {
    pub(crate) fn branch(&self) -> Option<usize> {
        match self {
            Self::Branch(branch) | Self::Cast(branch, _) | Self::NullOfEach(branch, _) => Some(*branch),
            Self::Null(_) | Self::False => None,
        }
    }

    /// The column of `rows` events; `read` is what was decoded from the branch.
    pub(crate) fn array(&self, read: Option<&ArrayRef>, rows: usize) -> Result<ArrayRef, ArrowError> {
        match (self, read) {
            (Self::Branch(_), Some(array)) => Ok(Arc::clone(array)),
            (Self::Cast(_, to), Some(array)) => {
                cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() })
            }
            (Self::False, _) => Ok(Arc::new(BooleanArray::from(vec![false; rows]))),
            (Self::Null(data_type), _) => Ok(new_null_array(data_type, rows)),
            (Self::NullOfEach(_, data_type), Some(counter)) => nulls_of_each(counter, data_type),
            (Self::Branch(_) | Self::Cast(..) | Self::NullOfEach(..), None) => {
                Err(ArrowError::SchemaError("a branch was not read".to_owned()))
            }
        }
    }
}

impl TableColumns {
    /// The columns of all the files: a branch that any of them has, with the type that holds it in each.
    pub(crate) fn merge(files: &[Arc<FileTree>], options: &RootOptions) -> Self {
        // A trigger that is not there is false, not NULL.
        let nullable = options.missing_branch == MissingBranch::Null;
        let mut fields: Vec<(String, DataType)> = Vec::new();
        let mut seen_in: Vec<Arc<str>> = Vec::new();
        let mut index: HashMap<&str, usize> = HashMap::new();
        let mut unreadable = HashMap::new();
        for file in files {
            let name: Arc<str> = file.file.as_str().into();
            for (at, branch) in file.tree.branches.iter().enumerate() {
                if file.branch(&branch.name) != Some(at) {
                    continue;
                }
                match (&branch.data_type, index.get(branch.name.as_str())) {
                    (Ok(data_type), None) => {
                        index.insert(&branch.name, fields.len());
                        fields.push((branch.name.clone(), data_type.clone()));
                        seen_in.push(Arc::clone(&name));
                    }
                    (Ok(found), Some(&column)) => {
                        let (_, data_type) = &mut fields[column];
                        // Another meaning stays an error of the file, raised when somebody selects the branch.
                        if found != data_type
                            && let Some(wider) = common_type(data_type, found)
                        {
                            if wider != *data_type {
                                seen_in[column] = Arc::clone(&name);
                            }
                            *data_type = wider;
                        }
                    }
                    (Err(reason), _) => {
                        unreadable.entry(branch.name.clone()).or_insert_with(|| Unreadable {
                            file: Arc::clone(&name),
                            cpp_type: branch.cpp_type.clone(),
                            reason: reason.clone(),
                        });
                    }
                }
            }
        }
        let fields: Vec<Field> =
            fields.into_iter().map(|(name, ty)| Field::new(name, ty, nullable)).collect();
        Self { schema: Arc::new(Schema::new(fields)), seen_in, unreadable }
    }

    /// The columns that some of the opened files have.
    pub(crate) fn seen(&self) -> impl Iterator<Item = &String> {
        let fields = self.schema.fields().iter().zip(&self.seen_in);
        fields.filter(|(_, seen_in)| ***seen_in != *NOT_SEEN).map(|(field, _)| field.name())
    }

    /// The same with columns for these triggers, which files not opened yet may have; `None` where it has them all.
    pub(crate) fn with_triggers<'a>(&self, names: impl Iterator<Item = &'a String>) -> Option<Self> {
        let new = names.filter(|name| self.schema.column_with_name(name).is_none());
        let new: Vec<Field> = new.map(|name| Field::new(name, DataType::Boolean, false)).collect();
        if new.is_empty() {
            return None;
        }
        let mut seen_in = self.seen_in.clone();
        seen_in.resize(seen_in.len() + new.len(), NOT_SEEN.into());
        let fields = self.schema.fields().iter().map(|field| field.as_ref().clone()).chain(new);
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Some(Self { schema, seen_in, unreadable: self.unreadable.clone() })
    }

    /// What one file has for the wanted columns; warnings go to `warn`.
    ///
    /// # Errors
    /// A branch that is missing, has another meaning or cannot be read in this file.
    pub(crate) fn in_file(
        &self,
        file: &FileTree,
        wanted: &[usize],
        options: &RootOptions,
        mut warn: impl FnMut(String),
    ) -> Result<Vec<ColumnSource>> {
        wanted.iter().map(|&column| self.column_in_file(file, column, options, &mut warn)).collect()
    }

    fn column_in_file(
        &self,
        file: &FileTree,
        column: usize,
        options: &RootOptions,
        warn: &mut impl FnMut(String),
    ) -> Result<ColumnSource> {
        let field = self.schema.field(column);
        let name = field.name();
        let Some(at) = file.branch(name) else {
            let trigger = is_trigger(name) && field.data_type() == &DataType::Boolean;
            if trigger && options.missing_triggers == MissingTriggers::False {
                warn(format!("branch '{name}' is read as false where it is missing"));
                return Ok(ColumnSource::False);
            }
            if options.missing_branch == MissingBranch::Null {
                warn(format!("branch '{name}' is read as NULL where it is missing"));
                let data_type = field.data_type().clone();
                return Ok(match counter(file, name).filter(|_| matches!(data_type, DataType::List(_))) {
                    Some(counter) => ColumnSource::NullOfEach(counter, data_type),
                    None => ColumnSource::Null(data_type),
                });
            }
            return Err(EngineError::MissingBranch {
                branch: name.clone(),
                file: file.file.clone(),
                present_in: self.seen_in[column].to_string(),
            });
        };
        let branch = &file.tree.branches[at];
        match &branch.data_type {
            Err(reason) => Err(EngineError::UnreadableBranch {
                branch: name.clone(),
                file: file.file.clone(),
                cpp_type: branch.cpp_type.clone(),
                reason: reason.clone(),
            }),
            Ok(found) if found == field.data_type() => Ok(ColumnSource::Branch(at)),
            Ok(found) if can_hold(field.data_type(), found) => {
                warn(widening(name, found, field.data_type()));
                Ok(ColumnSource::Cast(at, field.data_type().clone()))
            }
            Ok(found) => Err(EngineError::BranchType {
                branch: name.clone(),
                file: file.file.clone(),
                found: readable(found),
                table_file: self.seen_in[column].to_string(),
                expected: readable(field.data_type()),
            }),
        }
    }

    /// Why there is no column of this name: its class cannot be read, or no branch is called so.
    pub(crate) fn why_not(&self, table: &str, name: &str) -> EngineError {
        match self.unreadable.get(name) {
            Some(unreadable) => EngineError::UnreadableBranch {
                branch: name.to_owned(),
                file: unreadable.file.to_string(),
                cpp_type: unreadable.cpp_type.clone(),
                reason: unreadable.reason.clone(),
            },
            None => EngineError::UnknownBranch {
                branch: name.to_owned(),
                table: table.to_owned(),
                nearest: nearest(name, self.schema.fields().iter().map(|f| f.name().as_str()), NEAREST),
            },
        }
    }
}

/// The counter of the collection a branch belongs to by its name: `nJet` for `Jet_pt`.
fn counter(file: &FileTree, name: &str) -> Option<usize> {
    let ends = name.match_indices('_').map(|(end, _)| end);
    ends.rev().find_map(|end| {
        let at = file.branch(&format!("n{}", &name[..end]))?;
        let data_type = file.tree.branches[at].data_type.as_ref().ok()?;
        data_type.is_integer().then_some(at)
    })
}

/// Lists of NULLs, as many as the counter says.
fn nulls_of_each(counter: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let DataType::List(item) = data_type else {
        return Err(ArrowError::SchemaError("a counter of what is no list".to_owned()));
    };
    let counts =
        cast_with_options(counter, &DataType::Int32, &CastOptions { safe: false, ..Default::default() })?;
    let counts = counts.as_primitive::<Int32Type>().values();
    if counts.iter().any(|count| *count < 0) {
        return Err(ArrowError::InvalidArgumentError("a counter is negative".to_owned()));
    }
    let offsets = OffsetBuffer::from_lengths(counts.iter().map(|count| usize::try_from(*count).unwrap_or(0)));
    let values =
        new_null_array(item.data_type(), offsets.last().map_or(0, |end| usize::try_from(*end).unwrap_or(0)));
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, None)?))
}

/// A type that holds the values of both, where both mean the same kind of number.
fn common_type(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType::{FixedSizeList, Float32, Float64, List};
    match (a, b) {
        _ if a == b => Some(a.clone()),
        (List(a), List(b)) => {
            let item = common_type(a.data_type(), b.data_type())?;
            Some(List(Arc::new(Field::new(a.name(), item, a.is_nullable()))))
        }
        (FixedSizeList(a, n), FixedSizeList(b, m)) if n == m => {
            let item = common_type(a.data_type(), b.data_type())?;
            Some(FixedSizeList(Arc::new(Field::new(a.name(), item, a.is_nullable())), *n))
        }
        (Float32 | Float64, Float32 | Float64) => Some(Float64),
        _ if a.is_integer() && b.is_integer() => {
            let (signed_a, signed_b) = (a.is_signed_integer(), b.is_signed_integer());
            let (bits_a, bits_b) = (bits(a)?, bits(b)?);
            Some(match (signed_a, signed_b) {
                (true, true) => signed(bits_a.max(bits_b)),
                (false, false) => unsigned(bits_a.max(bits_b)),
                // One bit more than the unsigned one; beyond 64 bits the cast is checked value by value.
                (true, false) => signed(bits_a.max(bits_b * 2)),
                (false, true) => signed(bits_b.max(bits_a * 2)),
            })
        }
        _ => None,
    }
}

fn bits(integer: &DataType) -> Option<usize> {
    integer.primitive_width().map(|bytes| bytes * 8)
}

fn signed(bits: usize) -> DataType {
    match bits {
        8 => DataType::Int8,
        16 => DataType::Int16,
        32 => DataType::Int32,
        _ => DataType::Int64,
    }
}

fn unsigned(bits: usize) -> DataType {
    match bits {
        8 => DataType::UInt8,
        16 => DataType::UInt16,
        32 => DataType::UInt32,
        _ => DataType::UInt64,
    }
}

/// True where values of `found` can become `wanted` unchanged: integers (checked value by value when the table's type is
/// the narrower one) and floats that get wider.
fn can_hold(wanted: &DataType, found: &DataType) -> bool {
    use DataType::{FixedSizeList, Float32, Float64, List};
    match (wanted, found) {
        (List(wanted), List(found)) => can_hold(wanted.data_type(), found.data_type()),
        (FixedSizeList(wanted, n), FixedSizeList(found, m)) => {
            n == m && can_hold(wanted.data_type(), found.data_type())
        }
        (Float64, Float32) => true,
        _ => wanted == found || (wanted.is_integer() && found.is_integer()),
    }
}

fn widening(branch: &str, from: &DataType, to: &DataType) -> String {
    format!("branch '{branch}': {} is read as {}", readable(from), readable(to))
}

/// A type as a message says it.
fn readable(data_type: &DataType) -> String {
    match data_type {
        DataType::List(item) => format!("a list of {}", readable(item.data_type())),
        DataType::FixedSizeList(item, n) => format!("{n} × {}", readable(item.data_type())),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(item: DataType) -> DataType {
        DataType::List(Arc::new(Field::new("item", item, true)))
    }

    #[test]
    fn integers_widen_to_what_holds_both() {
        assert_eq!(common_type(&DataType::Int16, &DataType::Int32), Some(DataType::Int32));
        assert_eq!(common_type(&DataType::UInt32, &DataType::Int32), Some(DataType::Int64));
        assert_eq!(common_type(&DataType::UInt8, &DataType::Int8), Some(DataType::Int16));
        assert_eq!(common_type(&DataType::UInt8, &DataType::UInt16), Some(DataType::UInt16));
        assert_eq!(common_type(&list(DataType::Int16), &list(DataType::Int32)), Some(list(DataType::Int32)));
        assert_eq!(common_type(&DataType::Float32, &DataType::Float64), Some(DataType::Float64));
    }

    #[test]
    fn another_meaning_has_no_common_type() {
        assert_eq!(common_type(&DataType::Float32, &list(DataType::Float32)), None);
        assert_eq!(common_type(&DataType::Float32, &DataType::Int32), None);
        assert_eq!(common_type(&DataType::Boolean, &DataType::UInt8), None);
    }

    #[test]
    fn a_value_that_does_not_fit_is_an_error() -> Result<(), arrow::error::ArrowError> {
        let wide: ArrayRef = Arc::new(arrow::array::Int32Array::from(vec![1, 40000]));
        let source = ColumnSource::Cast(0, DataType::Int16);
        assert!(source.array(Some(&wide), 2).is_err());
        assert_eq!(source.array(Some(&wide.slice(0, 1)), 1)?.data_type(), &DataType::Int16);
        Ok(())
    }
}
