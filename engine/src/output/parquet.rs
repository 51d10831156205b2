//! Rows as Apache Parquet, ZSTD-compressed. Lists stay lists and histograms stay structs, with the Arrow schema kept beside.

use std::path::{Path, PathBuf};

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::{AtomicFile, OutputError, Result};

/// A Parquet file being written.
#[derive(Debug)]
pub struct ParquetRows {
    path: PathBuf,
    writer: ArrowWriter<AtomicFile>,
}

impl ParquetRows {
    /// Starts it.
    ///
    /// # Errors
    /// When a column's type has no place in Parquet.
    pub fn new(file: AtomicFile, path: &Path, schema: SchemaRef) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(format!("ana-sql {}", env!("CARGO_PKG_VERSION")))
            .build();
        let writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(|e| at(path, e))?;
        Ok(Self { path: path.to_owned(), writer })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(|e| at(&self.path, e))
    }

    /// Writes the footer and makes the file appear; returns its size.
    ///
    /// # Errors
    /// When that fails.
    pub fn finish(self) -> Result<u64> {
        self.writer.into_inner().map_err(|e| at(&self.path, e))?.commit()
    }
}

fn at(path: &Path, source: ParquetError) -> OutputError {
    OutputError::Parquet { path: path.to_owned(), source }
}
