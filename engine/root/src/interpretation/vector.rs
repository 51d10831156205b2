//! Lists of lists and lists of strings: `std::vector<std::vector<T>>`, `std::set<std::string>`, …

use arrow::array::{ArrayRef, ListArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use std::sync::Arc;

use super::Framing;
use super::jagged::too_long;
use super::scalar::{Item, Values};
use super::string::{self, TextBuilder};
use crate::cursor::Cursor;
use crate::error::{Result, RootError};
use crate::schema::list_item;

/// A type made of numbers, strings and lists.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Item(Item),
    Text,
    List(Box<Node>),
}

impl Node {
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Item(item) => item.data_type(),
            Self::Text => DataType::Utf8,
            Self::List(inner) => DataType::List(list_item(inner.data_type())),
        }
    }

    /// The fewest bytes a value takes.
    fn least(&self) -> usize {
        match self {
            Self::Item(item) => item.width(),
            Self::Text => 1,
            Self::List(_) => 4,
        }
    }
}

/// Collects values of a [`Node`].
#[derive(Debug)]
pub(crate) enum NodeBuilder {
    Item(Item, Values),
    Text(TextBuilder),
    List { least: usize, offsets: Vec<i32>, inner: Box<NodeBuilder> },
}

impl NodeBuilder {
    pub(crate) fn new(node: &Node) -> Self {
        match node {
            Node::Item(item) => Self::Item(*item, Values::with_capacity(*item, 0)),
            Node::Text => Self::Text(TextBuilder::default()),
            Node::List(inner) => {
                Self::List { least: inner.least(), offsets: vec![0], inner: Box::new(Self::new(inner)) }
            }
        }
    }

    /// Appends entries whose type is a list of what this node's inner node is.
    pub(crate) fn append(&mut self, data: &[u8], starts: &[usize], framing: Framing) -> Result<()> {
        for pair in starts.windows(2) {
            let &[start, stop] = pair else { continue };
            let entry = data.get(start..stop).unwrap_or_default();
            let mut cursor = Cursor::new(entry);
            let header = cursor.object_header()?;
            if header.memberwise {
                return Err(RootError::unsupported("a container streamed member by member"));
            }
            if header.end != Some(entry.len()) {
                return Err(RootError::malformed(
                    format!("a container of {} bytes", entry.len()),
                    "another length",
                ));
            }
            match framing {
                Framing::Counted => self.read(&mut cursor)?,
                Framing::UntilEnd => self.read_until_end(&mut cursor)?,
            }
            cursor.finish("a container", entry.len())?;
        }
        Ok(())
    }

    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        match self {
            Self::Item(item, values) => values.extend(*item, cursor.take(item.width())?),
            Self::Text(text) => text.push(string::read(cursor, false)?)?,
            Self::List { least, offsets, inner } => {
                let count = cursor.count(*least)?;
                if let Self::Item(item, values) = inner.as_mut() {
                    values.extend(*item, cursor.take(count * item.width())?);
                } else {
                    for _ in 0..count {
                        inner.read(cursor)?;
                    }
                }
                push_end(offsets, count)?;
            }
        }
        Ok(())
    }

    fn read_until_end(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        let Self::List { offsets, inner, .. } = self else {
            return self.read(cursor);
        };
        let mut count = 0;
        while cursor.remaining() > 0 {
            inner.read(cursor)?;
            count += 1;
        }
        push_end(offsets, count)
    }

    pub(crate) fn finish(self) -> Result<ArrayRef> {
        match self {
            Self::Item(_, values) => Ok(values.finish()),
            Self::Text(text) => text.finish(),
            Self::List { offsets, inner, .. } => {
                let values = inner.finish()?;
                let field = list_item(values.data_type().clone());
                let list =
                    ListArray::try_new(field, OffsetBuffer::new(ScalarBuffer::from(offsets)), values, None);
                Ok(Arc::new(list.map_err(|error| RootError::malformed("whole lists", error))?))
            }
        }
    }
}

fn push_end(offsets: &mut Vec<i32>, count: usize) -> Result<()> {
    let end = offsets.last().copied().unwrap_or(0);
    let end = i32::try_from(count).ok().and_then(|count| end.checked_add(count)).ok_or_else(too_long)?;
    offsets.push(end);
    Ok(())
}
