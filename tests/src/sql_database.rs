//! The engine as sqllogictest sees it: typed columns, rows of text, errors with their place and advice.

use ana_engine::{EngineError, Session};
use arrow::{
    array::{Array, RecordBatch},
    datatypes::DataType,
    util::display::{ArrayFormatter, FormatOptions},
};
use sqllogictest::{AsyncDB, ColumnType, DBOutput};

/// One letter per column: `I` integers, `R` floats, `B` booleans, `T` text, `?` anything nested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the letters above say it")]
pub enum SqlType {
    Integer,
    Real,
    Boolean,
    Text,
    Nested,
}

impl ColumnType for SqlType {
    fn from_char(value: char) -> Option<Self> {
        Some(match value {
            'I' => Self::Integer,
            'R' => Self::Real,
            'B' => Self::Boolean,
            'T' => Self::Text,
            '?' => Self::Nested,
            _ => return None,
        })
    }

    fn to_char(&self) -> char {
        match self {
            Self::Integer => 'I',
            Self::Real => 'R',
            Self::Boolean => 'B',
            Self::Text => 'T',
            Self::Nested => '?',
        }
    }
}

impl From<&DataType> for SqlType {
    fn from(data_type: &DataType) -> Self {
        match data_type {
            t if t.is_integer() => Self::Integer,
            t if t.is_floating() => Self::Real,
            DataType::Boolean => Self::Boolean,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            _ => Self::Nested,
        }
    }
}

/// An error as a user reads it, on one line: `message (line 1, column 8); help`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ShownError(String);

impl From<EngineError> for ShownError {
    fn from(error: EngineError) -> Self {
        let mut text = error.to_string();
        if let EngineError::Sql { position, help, .. } = &error {
            if let Some(place) = position {
                text += &format!(" (line {}, column {})", place.line, place.column);
            }
            for line in help {
                text += &format!("; {line}");
            }
        }
        Self(text.replace('\n', " "))
    }
}

/// A fresh session per file.
#[derive(Debug)]
pub struct Database(pub Session);

#[async_trait::async_trait]
impl AsyncDB for Database {
    type Error = ShownError;
    type ColumnType = SqlType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<SqlType>, ShownError> {
        let result = self.0.sql(sql).await?.collect().await?;
        if result.schema.fields().is_empty() {
            return Ok(DBOutput::StatementComplete(0));
        }
        let types = result.schema.fields().iter().map(|field| field.data_type().into()).collect();
        let mut rows = vec![];
        for batch in &result.batches {
            rows.extend(text_rows(batch).map_err(|error| ShownError(error.to_string()))?);
        }
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}
}

/// Floats are written so that they read back to the same bits; NULL and the empty string stay apart.
fn text_rows(batch: &RecordBatch) -> Result<Vec<Vec<String>>, arrow::error::ArrowError> {
    let options = FormatOptions::default().with_null("NULL");
    let formatters: Vec<ArrayFormatter<'_>> =
        batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options)).collect::<Result<_, _>>()?;
    let cell = |column: usize, row: usize| {
        if batch.column(column).is_null(row) {
            return "NULL".to_owned();
        }
        let text = formatters[column].value(row).to_string();
        if text.is_empty() { "(empty)".to_owned() } else { text }
    };
    Ok((0..batch.num_rows())
        .map(|row| (0..batch.num_columns()).map(|column| cell(column, row)).collect())
        .collect())
}
