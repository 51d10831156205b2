//! From batches to a file, whatever its format.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::csv::CsvRows;
use super::named::Roles;
use super::parquet::ParquetRows;
use super::{
    AtomicFile, Cancellation, Format, OutputError, Result, bin_rows, has_histograms, named_histograms,
};
use super::{plot, png, root_hist, svg, uhi, uhi_zip};

/// What a writer may be told beyond schema and path.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The GROUP BY columns, which become levels of the histograms' names. When unknown, every text, boolean,
    /// integer and date column beside a histogram is taken for one.
    pub keys: Option<Vec<String>>,
    /// Stops the writing, which then leaves nothing behind.
    pub cancellation: Cancellation,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Rows of the result.
    pub rows: u64,
    /// Histograms in the file; 0 for a file of rows.
    pub histograms: usize,
}

/// Takes the batches of one result and makes a file of them.
#[derive(Debug)]
pub struct ResultWriter {
    path: PathBuf,
    format: Format,
    schema: SchemaRef,
    options: Options,
    rows: u64,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Parquet(Box<ParquetRows>),
    Csv(CsvRows),
    /// Histograms are small, and every format of theirs is one document: kept until the end.
    Collect(Vec<RecordBatch>),
}

impl ResultWriter {
    /// Starts a file in the format of its ending.
    ///
    /// # Errors
    /// When the ending is unknown, the result does not fit the format (told before anything is computed), or the place cannot be written to.
    pub fn create(path: &Path, schema: SchemaRef, options: Options) -> Result<Self> {
        Self::with_format(Format::from_path(path)?, path, schema, options)
    }

    /// Starts a file in a given format (`COPY … STORED AS …`).
    ///
    /// # Errors
    /// As [`create`](Self::create), the ending aside.
    pub fn with_format(format: Format, path: &Path, schema: SchemaRef, options: Options) -> Result<Self> {
        let histograms = has_histograms(&schema);
        if format.holds_only_histograms() || (format == Format::Csv && histograms) {
            Roles::of(&schema, options.keys.as_deref()).require_histograms(&schema, format)?;
        }
        let file = AtomicFile::create(path, &options.cancellation)?;
        let sink = match format {
            Format::Parquet => Sink::Parquet(Box::new(ParquetRows::new(file, path, Arc::clone(&schema))?)),
            Format::Csv if !histograms => Sink::Csv(CsvRows::new(file, path, &schema)?),
            // The place was only tried out: an unwritable directory is told now, not after an hour's run.
            _ => Sink::Collect(Vec::new()),
        };
        Ok(Self { path: path.to_owned(), format, schema, options, rows: 0, sink })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        match &mut self.sink {
            Sink::Parquet(file) => file.write(batch),
            Sink::Csv(file) => file.write(batch),
            Sink::Collect(batches) => {
                batches.push(batch.clone());
                Ok(())
            }
        }
    }

    /// Makes the file appear.
    ///
    /// # Errors
    /// When the histograms do not fit the format or the file cannot be written; no file is left then.
    pub fn finish(self) -> Result<Written> {
        let Self { path, format, schema, options, rows, sink } = self;
        let (bytes, histograms) = match sink {
            Sink::Parquet(file) => (file.finish()?, 0),
            Sink::Csv(file) => (file.finish()?, 0),
            Sink::Collect(batches) => write_histograms(format, &path, &schema, &batches, &options)?,
        };
        Ok(Written { path, bytes, rows, histograms })
    }
}

/// Writes a whole result in the format of the file's ending.
///
/// # Errors
/// As [`ResultWriter::create`] and [`ResultWriter::finish`].
pub fn write(schema: &SchemaRef, batches: &[RecordBatch], path: &Path, options: Options) -> Result<Written> {
    let mut writer = ResultWriter::create(path, Arc::clone(schema), options)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()
}

fn write_histograms(
    format: Format,
    path: &Path,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    options: &Options,
) -> Result<(u64, usize)> {
    let histograms = named_histograms(schema, batches, options.keys.as_deref())?;
    let mut file = AtomicFile::create(path, &options.cancellation)?;
    let io = |source| OutputError::Io { path: path.to_owned(), action: "write", source };
    match format {
        Format::UhiJson => uhi::write(&histograms, path, &mut file)?,
        Format::UhiZip => file.write_all(&uhi_zip::bytes(&histograms, path)?).map_err(io)?,
        Format::Root => file.write_all(&root_hist::bytes(&histograms, path)?).map_err(io)?,
        Format::Svg => file.write_all(svg::document(&plot::scene(&histograms)).as_bytes()).map_err(io)?,
        Format::Png => file.write_all(&png::bytes(&plot::scene(&histograms))).map_err(io)?,
        Format::Csv | Format::Parquet => {
            let rows = bin_rows::of_named(&histograms)?;
            let mut csv = CsvRows::new(file, path, &rows.schema())?;
            csv.write(&rows)?;
            return Ok((csv.finish()?, histograms.len()));
        }
    }
    Ok((file.commit()?, histograms.len()))
}
