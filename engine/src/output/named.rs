//! The histograms of a result, each under its name.

use std::collections::HashSet;

use ana_hist::Histogram;
use ana_sql_ext::histogram::{histogram_at, is_histogram};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::{Deserialize, Serialize};

use super::{Format, OutputError, Result};

/// A histogram and the name it has in a file.
#[derive(Debug, Clone)]
pub struct NamedHistogram {
    /// The alias of the SELECT list; with GROUP BY, `alias/key1/key2`.
    pub name: String,
    /// The alias alone.
    pub alias: String,
    /// The group keys: column and text, in the order of the SELECT list.
    pub keys: Vec<(String, String)>,
    /// What people read on its axes, from the first on; where there is nothing, that is the name of the axis.
    pub labels: Vec<AxisLabel>,
    /// The contents.
    pub histogram: Histogram,
}

/// What people read on an axis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AxisLabel {
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The range that plots show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<(f64, f64)>,
}

/// Which columns of a result are what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// Histograms.
    pub histograms: Vec<usize>,
    /// GROUP BY keys, which name them.
    pub keys: Vec<usize>,
    /// Neither: has no place in a histogram file.
    pub others: Vec<usize>,
}

impl Roles {
    /// `keys` names the GROUP BY columns where the plan is known. Without it, text, boolean, integer and date columns count as keys.
    pub fn of(schema: &Schema, keys: Option<&[String]>) -> Self {
        let mut roles = Self { histograms: Vec::new(), keys: Vec::new(), others: Vec::new() };
        for (i, field) in schema.fields().iter().enumerate() {
            if is_histogram(field.data_type()) {
                roles.histograms.push(i);
            } else if keys.map_or_else(|| may_be_key(field.data_type()), |keys| keys.contains(field.name())) {
                roles.keys.push(i);
            } else {
                roles.others.push(i);
            }
        }
        roles
    }

    /// That nothing but histograms and keys is there.
    pub(super) fn require_histograms(&self, schema: &Schema, format: Format) -> Result<()> {
        if self.histograms.is_empty() {
            return Err(OutputError::NoHistogram { format });
        }
        if self.others.is_empty() {
            return Ok(());
        }
        let columns = self.others.iter().map(|&i| {
            let field = schema.field(i);
            format!("{} ({})", field.name(), field.data_type())
        });
        Err(OutputError::NotHistograms { format, columns: columns.collect() })
    }
}

fn may_be_key(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => may_be_key(value),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean | DataType::Null => {
            true
        }
        DataType::Date32 | DataType::Date64 => true,
        other => other.is_integer(),
    }
}

/// Whether a result has a histogram among its columns.
pub fn has_histograms(schema: &Schema) -> bool {
    schema.fields().iter().any(|f| is_histogram(f.data_type()))
}

/// All histograms of a result, row by row and in the order of the SELECT list; NULL ones are left out.
///
/// `keys` names the GROUP BY columns where they are known.
///
/// # Errors
/// When two would have one name, or a value is no valid histogram.
pub fn named_histograms(
    schema: &Schema,
    batches: &[RecordBatch],
    keys: Option<&[String]>,
) -> Result<Vec<NamedHistogram>> {
    let roles = Roles::of(schema, keys);
    let mut found = Vec::new();
    let mut names = HashSet::new();
    for batch in batches {
        let key_text = KeyText::new(batch, &roles.keys)?;
        for row in 0..batch.num_rows() {
            let keys = key_text.of_row(row)?;
            for &column in &roles.histograms {
                let alias = schema.field(column).name();
                let broken = |source| OutputError::Histogram { column: alias.clone(), row, source };
                let Some(array) = batch.column(column).as_struct_opt() else { continue };
                let Some(histogram) = histogram_at(array, row).map_err(|e| broken(e.into()))? else {
                    continue;
                };
                let name = full_name(alias, &keys);
                if !names.insert(name.clone()) {
                    return Err(OutputError::DuplicateName { name });
                }
                let (alias, keys) = (alias.clone(), keys.clone());
                found.push(NamedHistogram { name, alias, keys, labels: vec![], histogram });
            }
        }
    }
    Ok(found)
}

fn full_name(alias: &str, keys: &[(String, String)]) -> String {
    let mut name = alias.to_owned();
    for (_, key) in keys {
        name.push('/');
        name.push_str(&level(key));
    }
    name
}

/// A key as one level of a name: a `/` inside it (`/TTTo2L2Nu/…/NANOAODSIM`) would make levels of its own.
fn level(key: &str) -> String {
    let trimmed = key.trim_start_matches('/');
    if trimmed.is_empty() {
        return "(empty)".to_owned();
    }
    if trimmed.chars().all(|c| c == '.') {
        return trimmed.replace('.', "_");
    }
    trimmed.replace('/', "_")
}

/// The key columns of a batch as text.
struct KeyText<'a> {
    columns: Vec<(String, &'a dyn Array, ArrayFormatter<'a>)>,
}

impl<'a> KeyText<'a> {
    fn new(batch: &'a RecordBatch, keys: &[usize]) -> Result<Self> {
        const OPTIONS: FormatOptions<'static> = FormatOptions::new();
        let columns = keys.iter().map(|&i| {
            let array = batch.column(i).as_ref();
            Ok((batch.schema_ref().field(i).name().clone(), array, ArrayFormatter::try_new(array, &OPTIONS)?))
        });
        Ok(Self { columns: columns.collect::<Result<_>>()? })
    }

    fn of_row(&self, row: usize) -> Result<Vec<(String, String)>> {
        let text = |(name, array, formatter): &(String, &dyn Array, ArrayFormatter<'_>)| {
            let null = array.is_null(row) || *array.data_type() == DataType::Null;
            let text = if null { "null".to_owned() } else { formatter.value(row).try_to_string()? };
            Ok((name.clone(), text))
        };
        self.columns.iter().map(text).collect()
    }
}
