//! Columns of single events: Parquet files per dataset and category.

use std::collections::BTreeMap;
use std::sync::Arc;

use ana_engine::output::{Cancellation, Format, Options, ResultFolder, ResultWriter};
use anyhow::{Context, Result};
use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{and, concat_batches, filter_record_batch, kernels::cmp::eq};
use arrow::datatypes::{Schema, SchemaRef};

/// What is kept in memory before a file is written: there may be thousands of datasets and categories, and a process may
/// not have as many files open.
const KEPT_BYTES: usize = 256 << 20;

/// Takes the rows of one COPY and deals them out.
pub(crate) struct Partitions<'a> {
    folder: &'a ResultFolder,
    stop: Cancellation,
    /// The file name, which tells treatments apart.
    name: String,
    schema: SchemaRef,
    parts: BTreeMap<String, Rows>,
    most_bytes: usize,
}

/// The rows of a dataset and category.
#[derive(Default)]
struct Rows {
    kept: Vec<RecordBatch>,
    bytes: usize,
    /// Files written so far.
    files: usize,
}

impl<'a> Partitions<'a> {
    pub(crate) fn new(
        folder: &'a ResultFolder,
        stop: &Cancellation,
        path: &std::path::Path,
        schema: &Schema,
    ) -> Self {
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let fields: Vec<_> =
            schema.fields().iter().filter(|field| field.name() != "category").cloned().collect();
        let schema = Arc::new(Schema::new(fields));
        let parts = BTreeMap::new();
        Self { folder, stop: stop.clone(), name, schema, parts, most_bytes: KEPT_BYTES }
    }

    /// Deals the rows of a batch out to their dataset and categories.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let flags =
            batch.column_by_name("category").and_then(|c| c.as_struct_opt()).context("no column category")?;
        let datasets = batch.column_by_name("dataset").context("no column dataset")?;
        let texts = arrow::compute::cast(datasets, &arrow::datatypes::DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let mut names: Vec<&str> = texts.iter().flatten().collect();
        names.sort_unstable();
        names.dedup();
        let columns: Vec<usize> =
            (0..batch.num_columns()).filter(|i| batch.schema_ref().field(*i).name() != "category").collect();
        for dataset in names {
            let of_dataset = eq(texts, &arrow::array::StringArray::new_scalar(dataset))?;
            for (field, flag) in flags.fields().iter().zip(flags.columns()) {
                let flag = flag.as_boolean();
                let holds = BooleanArray::from_iter(flag.iter().map(|value| Some(value.unwrap_or(false))));
                let rows = filter_record_batch(batch, &and(&of_dataset, &holds)?)?;
                if rows.num_rows() > 0 {
                    self.keep(dataset, field.name(), rows.project(&columns)?)?;
                }
            }
        }
        Ok(())
    }

    fn keep(&mut self, dataset: &str, category: &str, rows: RecordBatch) -> Result<()> {
        let key = format!("columns/dataset={}/category={}", safe(dataset), safe(category));
        let part = self.parts.entry(key).or_default();
        part.bytes += rows.get_array_memory_size();
        part.kept.push(rows);
        while self.parts.values().map(|part| part.bytes).sum::<usize>() > self.most_bytes {
            let largest = self.parts.iter().max_by_key(|(_, part)| part.bytes);
            let Some(key) = largest.map(|(key, _)| key.clone()) else { break };
            self.flush(&key)?;
        }
        Ok(())
    }

    /// Writes what is kept of a dataset and category as a file.
    fn flush(&mut self, key: &str) -> Result<()> {
        let Some(part) = self.parts.get_mut(key).filter(|part| !part.kept.is_empty()) else { return Ok(()) };
        part.files += 1;
        let number = if part.files == 1 { String::new() } else { format!(".{}", part.files) };
        let kept = std::mem::take(&mut part.kept);
        part.bytes = 0;
        let path = self.folder.place(&format!("{key}/{}{number}.parquet", self.name))?;
        let options = Options { keys: None, cancellation: self.stop.clone() };
        let mut writer =
            ResultWriter::with_format(Format::Parquet, &path, Arc::clone(&self.schema), options)?;
        writer.write(&concat_batches(&self.schema, &kept)?)?;
        writer.finish()?;
        Ok(())
    }

    /// Writes the rest.
    pub(crate) fn finish(mut self) -> Result<()> {
        for key in self.parts.keys().cloned().collect::<Vec<_>>() {
            self.flush(&key)?;
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

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, StringArray, StructArray};
    use arrow::datatypes::{DataType, Field};

    use super::*;

    #[test]
    fn rows_beyond_what_is_kept_go_to_further_files() {
        let parent = tempfile::tempdir().unwrap();
        let stop = Cancellation::default();
        let folder = ResultFolder::create(&parent.path().join("out"), false, &stop).unwrap();
        let batch = |first: i64| {
            let flag = |of: [bool; 2]| Arc::new(BooleanArray::from(of.to_vec())) as ArrayRef;
            let field = |name: &str| Arc::new(Field::new(name, DataType::Boolean, true));
            let flags = vec![(field("a"), flag([true, true])), (field("b/c"), flag([false, true]))];
            let columns: [(&str, ArrayRef); 3] = [
                ("dataset", Arc::new(StringArray::from(vec!["x", "x"]))),
                ("category", Arc::new(StructArray::from(flags))),
                ("events_event", Arc::new(Int64Array::from(vec![first, first + 1]))),
            ];
            RecordBatch::try_from_iter(columns).unwrap()
        };
        let path = std::path::Path::new("columns/mc_1.parquet");
        let mut files = Partitions::new(&folder, &stop, path, &batch(0).schema());
        files.most_bytes = 1;
        (0..3).for_each(|i| files.write(&batch(2 * i)).unwrap());
        files.finish().unwrap();
        folder.commit().unwrap();
        let names = |category: &str| {
            let at = parent.path().join("out/columns/dataset=x").join(category);
            let mut names: Vec<String> = std::fs::read_dir(at)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names("category=a"), ["mc_1.2.parquet", "mc_1.3.parquet", "mc_1.parquet"]);
        assert_eq!(names("category=b%2Fc").len(), 3);
    }
}
