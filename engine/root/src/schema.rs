//! The Arrow types of columns.

use arrow::datatypes::{DataType, Field, FieldRef};
use std::sync::Arc;

use crate::interpretation::Interpretation;

/// The field of a list's items: nullable for the sake of functions that insist, though none is ever NULL.
pub(crate) fn list_item(data_type: DataType) -> FieldRef {
    Arc::new(Field::new("item", data_type, true))
}

fn nested(item: DataType, dims: &[usize]) -> Result<DataType, String> {
    dims.iter().rev().try_fold(item, |inner, dim| match i32::try_from(*dim) {
        Ok(size) => Ok(DataType::FixedSizeList(list_item(inner), size)),
        Err(_) => Err(format!("an array of {dim} items for each entry")),
    })
}

impl Interpretation {
    /// The type of the column's array.
    pub(crate) fn data_type(&self) -> Result<DataType, String> {
        match self {
            Self::Fixed { item, dims, .. } => nested(item.data_type(), dims),
            Self::Jagged { item, dims, .. } => Ok(DataType::List(list_item(nested(item.data_type(), dims)?))),
            Self::Text(_) => Ok(DataType::Utf8),
            Self::Nested { node, .. } => Ok(node.data_type()),
        }
    }
}
