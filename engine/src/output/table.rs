//! Rows as a table of characters, written as they come: the first batch decides how wide the columns are.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::Result;

/// A table being written.
#[derive(Debug)]
pub struct Table {
    schema: SchemaRef,
    /// Longer cells are cut, with `…`; `None` for a pipe, where nothing is cut.
    longest_cell: Option<usize>,
    widths: Option<Vec<usize>>,
}

impl Table {
    /// Starts a table.
    pub fn new(schema: SchemaRef, longest_cell: Option<usize>) -> Self {
        Self { schema, longest_cell, widths: None }
    }

    /// Adds rows, and before the first ones the header.
    ///
    /// # Errors
    /// When a value cannot be shown as text.
    pub fn rows(&mut self, batch: &RecordBatch, out: &mut String) -> Result<()> {
        const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_null("NULL");
        let mut formatters = Vec::with_capacity(batch.num_columns());
        for array in batch.columns() {
            formatters.push(ArrayFormatter::try_new(array.as_ref(), &OPTIONS)?);
        }
        let mut cells = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let mut line = Vec::with_capacity(formatters.len());
            for (formatter, array) in formatters.iter().zip(batch.columns()) {
                let text = if *array.data_type() == DataType::Null {
                    "NULL".to_owned()
                } else {
                    formatter.value(row).try_to_string()?
                };
                line.push(self.cut(&text));
            }
            cells.push(line);
        }
        let schema = self.schema.clone();
        let widths = match self.widths.take() {
            Some(widths) => widths,
            None => {
                let widths = widths(&schema, &cells);
                self.header(&widths, out);
                widths
            }
        };
        for line in &cells {
            let aligned = line.iter().zip(&widths).zip(schema.fields());
            put_line(
                aligned.map(|((cell, &width), field)| (cell.as_str(), width, is_right(field.data_type()))),
                out,
            );
        }
        self.widths = Some(widths);
        Ok(())
    }

    /// Ends the table: an empty result still shows its header.
    pub fn end(mut self, out: &mut String) {
        if self.widths.is_none() {
            let widths = widths(&self.schema, &[]);
            self.header(&widths, out);
            self.widths = Some(widths);
        }
    }

    fn header(&self, widths: &[usize], out: &mut String) {
        let names = self.schema.fields().iter().zip(widths);
        put_line(names.map(|(f, &width)| (f.name().as_str(), width, is_right(f.data_type()))), out);
        let rules: Vec<String> = widths.iter().map(|&w| "─".repeat(w)).collect();
        put_line(rules.iter().zip(widths).map(|(rule, &width)| (rule.as_str(), width, false)), out);
    }

    fn cut(&self, text: &str) -> String {
        // A line break inside of a cell would break the table.
        let text = text.replace(['\n', '\r', '\t'], " ");
        match self.longest_cell {
            Some(longest) if text.chars().count() > longest => {
                let mut short: String = text.chars().take(longest.saturating_sub(1)).collect();
                short.push('…');
                short
            }
            _ => text,
        }
    }
}

fn widths(schema: &Schema, cells: &[Vec<String>]) -> Vec<usize> {
    let mut widths: Vec<usize> = schema.fields().iter().map(|f| f.name().chars().count()).collect();
    for line in cells {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths
}

fn is_right(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

fn put_line<'a>(cells: impl Iterator<Item = (&'a str, usize, bool)>, out: &mut String) {
    let start = out.len();
    for (i, (cell, width, right)) in cells.enumerate() {
        if i > 0 {
            out.push_str("  ");
        }
        let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
        if right {
            out.push_str(&padding);
            out.push_str(cell);
        } else {
            out.push_str(cell);
            out.push_str(&padding);
        }
    }
    let end = start + out[start..].trim_end().len();
    out.truncate(end);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn numbers_right_texts_left_cut_and_empty() {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("n", Arc::new(Int64Array::from(vec![Some(1), Some(1000), None]))),
            ("text", Arc::new(StringArray::from(vec!["a", "a longer one", "b\nc"]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut table = Table::new(batch.schema(), Some(8));
        let mut out = String::new();
        table.rows(&batch, &mut out).unwrap();
        table.end(&mut out);
        assert_eq!(out, "   n  text\n────  ────────\n   1  a\n1000  a longe…\nNULL  b c\n");

        let mut out = String::new();
        Table::new(batch.schema(), None).end(&mut out);
        assert_eq!(out, "n  text\n─  ────\n");
    }
}
