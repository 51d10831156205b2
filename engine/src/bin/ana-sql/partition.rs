//! Columns of single events: one Parquet file per dataset and category.

use std::collections::BTreeMap;
use std::sync::Arc;

use ana_engine::output::{Cancellation, Format, Options, ResultFolder, ResultWriter};
use anyhow::{Context, Result};
use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{and, filter_record_batch, kernels::cmp::eq};
use arrow::datatypes::{Schema, SchemaRef};

/// Takes the rows of one COPY and deals them out.
pub(crate) struct Partitions<'a> {
    folder: &'a ResultFolder,
    stop: Cancellation,
    /// The file name, which tells treatments apart.
    name: String,
    schema: SchemaRef,
    writers: BTreeMap<String, ResultWriter>,
}

impl<'a> Partitions<'a> {
    pub(crate) fn new(
        folder: &'a ResultFolder,
        stop: &Cancellation,
        path: &std::path::Path,
        schema: &Schema,
    ) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let fields: Vec<_> =
            schema.fields().iter().filter(|field| field.name() != "category").cloned().collect();
        Self {
            folder,
            stop: stop.clone(),
            name,
            schema: Arc::new(Schema::new(fields)),
            writers: BTreeMap::new(),
        }
    }

    /// Writes the rows of a batch into the files of their dataset and categories.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let flags =
            batch.column_by_name("category").and_then(|c| c.as_struct_opt()).context("no column category")?;
        let datasets = batch.column_by_name("dataset").context("no column dataset")?;
        let texts = arrow::compute::cast(datasets, &arrow::datatypes::DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let mut names: Vec<&str> = texts.iter().flatten().collect();
        names.sort_unstable();
        names.dedup();
        let kept: Vec<usize> =
            (0..batch.num_columns()).filter(|i| batch.schema_ref().field(*i).name() != "category").collect();
        for dataset in names {
            let of_dataset = eq(texts, &arrow::array::StringArray::new_scalar(dataset))?;
            for (field, flag) in flags.fields().iter().zip(flags.columns()) {
                let flag = flag.as_boolean();
                let holds = BooleanArray::from_iter(flag.iter().map(|value| Some(value.unwrap_or(false))));
                let rows = filter_record_batch(batch, &and(&of_dataset, &holds)?)?;
                if rows.num_rows() > 0 {
                    self.writer(dataset, field.name())?.write(&rows.project(&kept)?)?;
                }
            }
        }
        Ok(())
    }

    fn writer(&mut self, dataset: &str, category: &str) -> Result<&mut ResultWriter> {
        let key = format!("columns/dataset={}/category={}/{}", safe(dataset), safe(category), self.name);
        if !self.writers.contains_key(&key) {
            let options = Options { keys: None, cancellation: self.stop.clone() };
            let path = self.folder.place(&key)?;
            let writer =
                ResultWriter::with_format(Format::Parquet, &path, Arc::clone(&self.schema), options)?;
            self.writers.insert(key.clone(), writer);
        }
        self.writers.get_mut(&key).context("a file of columns is gone")
    }

    /// Ends all files.
    pub(crate) fn finish(self) -> Result<()> {
        for (_, writer) in self.writers {
            writer.finish()?;
        }
        Ok(())
    }
}

/// A name as one level of a path, in the way Hive writes it.
fn safe(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        match c {
            '/' | '\\' | '=' | '%' | ':' | '\0' => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    text.push_str(&format!("%{byte:02X}"));
                }
            }
            _ => text.push(c),
        }
    }
    text
}
