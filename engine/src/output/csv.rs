//! Rows as comma-separated values (RFC 4180): a header, then a line per row, `\n` at the end of each.
//!
//! NULL is an empty cell, an empty text is `""`. A list or struct is JSON in one cell. A float is written with the fewest
//! digits that read back as the same number; `NaN`, `inf` and `-inf` as such. Histograms become bin rows ([`super::bin_rows`]).

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::{AtomicFile, OutputError, Result, json_rows};

/// A CSV file being written.
#[derive(Debug)]
pub struct CsvRows {
    path: PathBuf,
    out: BufWriter<AtomicFile>,
}

impl CsvRows {
    /// Starts it with the header.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(file: AtomicFile, path: &Path, schema: &Schema) -> Result<Self> {
        let mut rows = Self { path: path.to_owned(), out: BufWriter::new(file) };
        let mut text = String::new();
        header(schema, &mut text);
        rows.put(&text)?;
        Ok(rows)
    }

    /// Adds rows.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut text = String::new();
        rows(batch, &mut text)?;
        self.put(&text)
    }

    /// Makes the file appear; returns its size.
    ///
    /// # Errors
    /// When that fails.
    pub fn finish(self) -> Result<u64> {
        let Self { path, out } = self;
        let io =
            |e: std::io::IntoInnerError<_>| OutputError::Io { path, action: "write", source: e.into_error() };
        out.into_inner().map_err(io)?.commit()
    }

    fn put(&mut self, text: &str) -> Result<()> {
        let io = |source| OutputError::Io { path: self.path.clone(), action: "write", source };
        self.out.write_all(text.as_bytes()).map_err(io)
    }
}

/// The header line.
pub fn header(schema: &Schema, out: &mut String) {
    for (i, field) in schema.fields().iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        quoted(field.name(), out);
    }
    out.push('\n');
}

/// The rows of a batch.
///
/// # Errors
/// When a value cannot be shown as text.
pub fn rows(batch: &RecordBatch, out: &mut String) -> Result<()> {
    const OPTIONS: FormatOptions<'static> = FormatOptions::new();
    let cells = batch.columns().iter().map(|array| {
        let formatter = ArrayFormatter::try_new(array.as_ref(), &OPTIONS)?;
        Ok((array, formatter, is_text(array.data_type()), array.data_type().is_nested()))
    });
    let cells = cells.collect::<Result<Vec<_>>>()?;
    let mut cell = String::new();
    for row in 0..batch.num_rows() {
        for (i, (array, formatter, text, nested)) in cells.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            if array.is_null(row) {
                continue;
            }
            if *nested {
                cell.clear();
                json_rows::value(array.as_ref(), row, &mut cell)?;
                quoted(&cell, out);
            } else {
                let value = formatter.value(row).try_to_string()?;
                if *text && value.is_empty() {
                    out.push_str("\"\"");
                } else {
                    quoted(&value, out);
                }
            }
        }
        out.push('\n');
    }
    Ok(())
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_text(value),
        other => matches!(other, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
    }
}

fn quoted(cell: &str, out: &mut String) {
    if cell.contains(['"', ',', '\n', '\r']) {
        out.push('"');
        out.push_str(&cell.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(cell);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int32Array, ListArray, StringArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn quotes_nulls_lists_and_special_numbers() {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("a,b", Arc::new(Int32Array::from(vec![Some(1), None, Some(-3)]))),
            ("text", Arc::new(StringArray::from(vec![Some("say \"hi\""), None, Some("")]))),
            ("x", Arc::new(Float64Array::from(vec![0.1, f64::NAN, f64::NEG_INFINITY]))),
            (
                "l",
                Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
                    Some(vec![Some(1), None]),
                    None,
                    Some(vec![]),
                ])),
            ),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut text = String::new();
        header(&batch.schema(), &mut text);
        rows(&batch, &mut text).unwrap();
        assert_eq!(
            text,
            "\"a,b\",text,x,l\n1,\"say \"\"hi\"\"\",0.1,\"[1,null]\"\n,,NaN,\n-3,\"\",-inf,[]\n"
        );
    }
}
