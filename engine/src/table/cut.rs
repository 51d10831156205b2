//! The event-level cut that a scan applies itself, so that only events that pass cost the decoding of their other
//! branches.

use std::{collections::HashMap, ops::Range, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, RecordBatch, RecordBatchOptions},
    buffer::BooleanBuffer,
    compute::prep_null_mask_filter,
    datatypes::{Schema, SchemaRef},
};
use datafusion::{
    common::{Result, exec_datafusion_err},
    datasource::table_schema::TableSchema,
    physical_expr::{
        PhysicalExpr,
        utils::{collect_columns, reassign_expr_columns},
    },
    physical_expr_adapter::replace_columns_with_literals,
    scalar::ScalarValue,
};

/// A cut over the table, made ready for one file: its metadata columns are constants there.
pub(crate) struct Cut {
    expr: Arc<dyn PhysicalExpr>,
    /// The columns of the file that it needs, in order.
    pub(crate) columns: Vec<usize>,
    schema: SchemaRef,
}

impl Cut {
    pub(crate) fn new(
        expr: &Arc<dyn PhysicalExpr>,
        table: &TableSchema,
        constants: &[ScalarValue],
    ) -> Result<Self> {
        let names = table.table_partition_cols().iter().map(|field| field.name().as_str());
        let constants: HashMap<&str, &ScalarValue> = names.zip(constants).collect();
        let expr = replace_columns_with_literals(Arc::clone(expr), &constants)?;
        let columns = file_columns(&expr, table);
        let schema = Arc::new(table.file_schema().project(&columns)?);
        Ok(Self { expr: reassign_expr_columns(expr, &schema)?, columns, schema })
    }

    /// Which of the events pass; NULL does not.
    pub(crate) fn evaluate(
        &self,
        columns: Vec<ArrayRef>,
        rows: usize,
        batch_size: usize,
    ) -> Result<BooleanBuffer> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        let mut passed = BooleanBufferBuilder::new(rows);
        for start in (0..rows).step_by(batch_size.max(1)) {
            let length = batch_size.max(1).min(rows - start);
            let value = self.expr.evaluate(&batch.slice(start, length))?.into_array(length)?;
            let mask = value.as_boolean_opt().ok_or_else(|| {
                exec_datafusion_err!("the cut {} is {}, not boolean", self.expr, value.data_type())
            })?;
            passed.append_buffer(without_nulls(mask).values());
        }
        Ok(passed.finish())
    }
}

fn without_nulls(mask: &BooleanArray) -> BooleanArray {
    if mask.null_count() == 0 { mask.clone() } else { prep_null_mask_filter(mask) }
}

/// The columns of the file that an expression over the table needs, in order.
pub(crate) fn file_columns(expr: &Arc<dyn PhysicalExpr>, table: &TableSchema) -> Vec<usize> {
    let in_file = table.file_schema().fields().len();
    let mut columns: Vec<usize> =
        collect_columns(expr).iter().map(|column| column.index()).filter(|&index| index < in_file).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// The stretches of a unit that hold events which passed, cut only where baskets end: what of the other branches is to
/// be decoded.
pub(crate) fn stretches(unit: &Range<u64>, boundaries: &[u64], passed: &BooleanBuffer) -> Vec<Range<u64>> {
    let mut stretches: Vec<Range<u64>> = Vec::new();
    let mut start = unit.start;
    let inner = boundaries.iter().copied().filter(|end| (unit.start + 1..unit.end).contains(end));
    for end in inner.chain([unit.end]) {
        if any(passed, start - unit.start..end - unit.start) {
            match stretches.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ => stretches.push(start..end),
            }
        }
        start = end;
    }
    stretches
}

fn any(passed: &BooleanBuffer, rows: Range<u64>) -> bool {
    let rows = index(rows.start)..index(rows.end);
    passed.slice(rows.start, rows.end - rows.start).has_true()
}

/// Rows of a unit are counted in memory, so they fit.
pub(crate) fn index(row: u64) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

/// The columns of the file for a projection: an empty schema stays one.
pub(crate) fn project(schema: &Schema, columns: &[usize]) -> Result<SchemaRef> {
    Ok(Arc::new(schema.project(columns)?))
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "lists that hold one range")]
mod tests {
    use super::*;

    #[test]
    fn only_baskets_with_survivors() {
        let passed: BooleanBuffer = (0..30).map(|row| row == 12 || row == 29).collect();
        assert_eq!(stretches(&(100..130), &[0, 100, 110, 120, 130], &passed), [110..130]);
        let passed: BooleanBuffer = (0..30).map(|row| row == 2 || row == 29).collect();
        assert_eq!(stretches(&(100..130), &[100, 110, 120, 130], &passed), [100..110, 120..130]);
        assert!(stretches(&(100..130), &[], &BooleanBuffer::new_unset(30)).is_empty());
    }
}
