//! The rows of a script run by an [unrounded](crate::SessionBuilder::unrounded) session: added to those of other events, and
//! rounded at the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use ana_sql_ext::aggregate::Unrounded;
use ana_sql_ext::histogram;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::scalar::ScalarValue;

use super::Result;
use super::error::AnalysisError;

/// The rows as the script gives them elsewhere: sums are rounded.
///
/// # Errors
/// Bytes that are no sums.
pub fn rounded(batches: &[RecordBatch]) -> Result<Vec<RecordBatch>> {
    let Some(first) = batches.first() else { return Ok(vec![]) };
    // Together, for a column without a value in a batch would have no type there.
    let all = arrow::compute::concat_batches(&first.schema(), batches);
    Ok(vec![rounded_batch(&all.map_err(|error| broken("rows", &error))?)?])
}

fn rounded_batch(batch: &RecordBatch) -> Result<RecordBatch> {
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let column = match column.as_binary_opt::<i64>() {
            None => Arc::clone(column),
            Some(sums) => {
                let round =
                    |bytes: Option<&[u8]>| bytes.map(|b| Unrounded::from_bytes(b)?.round()).transpose();
                let values = sums.iter().map(round).collect::<datafusion::error::Result<Vec<_>>>();
                array(values.map_err(|error| broken(field.name(), &error))?)
                    .map_err(|error| broken(field.name(), &error))?
            }
        };
        let same = field.data_type() == column.data_type();
        fields.push(if same { field.as_ref().clone() } else { of_sum(field, &column) });
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| broken("rows", &error))
}

/// The column of a query; histograms say there what they are.
fn of_sum(field: &Field, column: &ArrayRef) -> Field {
    if histogram::is_histogram(column.data_type()) {
        return histogram::histogram_field("hist").as_ref().clone().with_name(field.name());
    }
    Field::new(field.name(), column.data_type().clone(), field.is_nullable())
}

fn array(values: Vec<Option<ScalarValue>>) -> datafusion::error::Result<ArrayRef> {
    let Some(known) = values.iter().flatten().next().map(ScalarValue::data_type) else {
        return Ok(new_null_array(&DataType::Null, values.len()));
    };
    let null = ScalarValue::try_from(&known)?;
    ScalarValue::iter_to_array(values.into_iter().map(|value| value.unwrap_or_else(|| null.clone())))
}

/// What a script counted of one dataset, not rounded.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) sample: String,
    pub(super) dataset: String,
    columns: BTreeMap<String, ScalarValue>,
}

impl Row {
    /// All rows of some batches.
    pub(super) fn all(batches: &[RecordBatch]) -> Result<Vec<Self>> {
        let mut rows = Vec::new();
        for batch in batches {
            for row in 0..batch.num_rows() {
                let mut columns = BTreeMap::new();
                for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
                    let value = ScalarValue::try_from_array(column, row);
                    columns
                        .insert(field.name().clone(), value.map_err(|error| broken(field.name(), &error))?);
                }
                let text = |name: &str| match columns.get(name).and_then(ScalarValue::try_as_str) {
                    Some(Some(text)) => Ok(text.to_owned()),
                    _ => Err(AnalysisError::Result { column: name.to_owned() }),
                };
                rows.push(Self { sample: text("sample")?, dataset: text("dataset")?, columns });
            }
        }
        Ok(rows)
    }

    /// Adds what was counted of other events of the dataset.
    pub(super) fn add(&mut self, other: Self) -> Result<()> {
        for (name, theirs) in other.columns {
            match self.columns.get_mut(&name) {
                Some(ours) if !ours.is_null() => {
                    if !theirs.is_null() {
                        *ours = sum(ours, &theirs).map_err(|problem| broken(&name, &problem))?;
                    }
                }
                _ => drop(self.columns.insert(name, theirs)),
            }
        }
        Ok(())
    }

    /// The row alone, rounded.
    pub(super) fn rounded(&self) -> Result<RecordBatch> {
        let mut fields = Vec::with_capacity(self.columns.len());
        let mut columns = Vec::with_capacity(self.columns.len());
        for (name, value) in &self.columns {
            let column = value.to_array().map_err(|error| broken(name, &error))?;
            fields.push(Field::new(name, column.data_type().clone(), true));
            columns.push(column);
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
        rounded_batch(&batch.map_err(|error| broken("rows", &error))?)
    }
}

fn sum(ours: &ScalarValue, theirs: &ScalarValue) -> std::result::Result<ScalarValue, String> {
    match (ours, theirs) {
        (ScalarValue::LargeBinary(Some(a)), ScalarValue::LargeBinary(Some(b))) => {
            let added = Unrounded::from_bytes(a).and_then(|mut sum| {
                sum.add(&Unrounded::from_bytes(b)?)?;
                Ok(sum.to_bytes())
            });
            Ok(ScalarValue::LargeBinary(Some(added.map_err(|error| error.strip_backtrace())?)))
        }
        (ScalarValue::Int64(Some(a)), ScalarValue::Int64(Some(b))) => a
            .checked_add(*b)
            .map(|sum| ScalarValue::Int64(Some(sum)))
            .ok_or_else(|| "too many events".to_owned()),
        // What the datasets file says, and names.
        (a, b) if a == b => Ok(a.clone()),
        (a, b) => Err(format!("{a} in one run and {b} in another")),
    }
}

fn broken(column: &str, error: &dyn std::fmt::Display) -> AnalysisError {
    AnalysisError::Merge { problem: format!("sums of '{column}': {error}") }
}

#[cfg(test)]
mod tests {
    use ana_hist::exact_sum::ExactSum;
    use arrow::array::{Int64Array, LargeBinaryArray, StringArray};
    use arrow::datatypes::Float64Type;

    use super::*;

    fn row(events: i64, weights: &[f64]) -> Row {
        let mut sum = ExactSum::default();
        sum.add_slice(weights);
        let sum = (!weights.is_empty()).then(|| Unrounded::Sum(sum).to_bytes());
        let columns: [(&str, ArrayRef); 4] = [
            ("sample", Arc::new(StringArray::from(vec!["mc"]))),
            ("dataset", Arc::new(StringArray::from(vec!["mc_2018"]))),
            ("initial", Arc::new(Int64Array::from(vec![events]))),
            ("sum_genweights", Arc::new(LargeBinaryArray::from_iter([sum]))),
        ];
        Row::all(&[RecordBatch::try_from_iter(columns).unwrap()]).unwrap().remove(0)
    }

    fn read(row: &Row) -> (i64, Option<f64>) {
        let batch = row.rounded().unwrap();
        let sum = batch.column_by_name("sum_genweights").unwrap();
        let sum = sum.as_primitive_opt::<Float64Type>().map(|sums| sums.value(0));
        let events = batch.column_by_name("initial").unwrap();
        (events.as_primitive::<arrow::datatypes::Int64Type>().value(0), sum)
    }

    #[test]
    fn rows_add_before_they_are_rounded() {
        let mut added = row(2, &[0.1, 1e16]);
        added.add(row(1, &[-1e16])).unwrap();
        assert_eq!(read(&added), (3, Some(0.1)));
        // Nothing on either side.
        let mut nothing = row(1, &[]);
        assert_eq!(read(&nothing), (1, None));
        nothing.add(row(1, &[0.5])).unwrap();
        nothing.add(row(1, &[])).unwrap();
        assert_eq!(read(&nothing), (3, Some(0.5)));
    }

    #[test]
    fn what_must_be_the_same_is_compared() {
        let mut one = row(1, &[]);
        one.columns.insert("sum_genweights".to_owned(), ScalarValue::Float64(Some(2.0)));
        let mut other = one.clone();
        other.add(one.clone()).unwrap();
        assert_eq!(read(&other).1, Some(2.0));
        one.columns.insert("sum_genweights".to_owned(), ScalarValue::Float64(Some(3.0)));
        let told = other.add(one).unwrap_err().to_string();
        assert!(told.contains("2 in one run and 3 in another"), "{told}");
    }
}
