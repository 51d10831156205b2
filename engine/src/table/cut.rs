//! The event-level cut that a scan applies itself, so that only events that pass cost the decoding of their other
//! branches.

use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::Entry},
    ops::Range,
    sync::Arc,
};

use ana_sql_ext::{
    cut_order::{CutOrder, Rows},
    survivors::{Survivors, truth},
};
use arrow::{
    array::{Array, ArrayRef, BooleanBufferBuilder, RecordBatch, RecordBatchOptions},
    buffer::BooleanBuffer,
    datatypes::{Schema, SchemaRef},
};
use datafusion::{
    common::Result,
    datasource::table_schema::TableSchema,
    physical_expr::{
        PhysicalExpr, split_conjunction,
        utils::{collect_columns, reassign_expr_columns},
    },
    physical_expr_adapter::replace_columns_with_literals,
    scalar::ScalarValue,
};

/// A cut over the table, made ready for one file: its metadata columns are constants there.
pub(crate) struct Cut {
    conditions: Vec<Condition>,
    order: CutOrder,
    /// The columns of the file that it needs, in order.
    pub(crate) columns: Vec<usize>,
}

/// One of the conditions that all have to hold.
struct Condition {
    expr: Arc<dyn PhysicalExpr>,
    /// The columns it needs, as places among those of the cut.
    columns: Vec<usize>,
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
        let conditions = split_conjunction(&expr)
            .into_iter()
            .map(|expr| {
                let needed = file_columns(expr, table);
                let schema = Arc::new(table.file_schema().project(&needed)?);
                let expr = reassign_expr_columns(Arc::clone(expr), &schema)?;
                let place = |column: &usize| columns.iter().position(|other| other == column);
                Ok(Condition { expr, columns: needed.iter().filter_map(place).collect(), schema })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { order: CutOrder::new(conditions.len()), conditions, columns })
    }

    /// Which of the events pass; NULL does not.
    pub(crate) fn evaluate(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
        batch_size: usize,
    ) -> Result<BooleanBuffer> {
        let mut passed = BooleanBufferBuilder::new(rows);
        for start in (0..rows).step_by(batch_size.max(1)) {
            let length = batch_size.max(1).min(rows - start);
            let slices: Vec<ArrayRef> = columns.iter().map(|column| column.slice(start, length)).collect();
            let events =
                Events { conditions: &self.conditions, columns: &Columns::All(&slices), rows: length };
            passed.append_buffer(&self.order.passed(&events)?);
        }
        Ok(passed.finish())
    }
}

/// Events that the conditions are asked of.
struct Events<'a> {
    conditions: &'a [Condition],
    columns: &'a Columns<'a>,
    rows: usize,
}

/// The columns of the cut for some events.
enum Columns<'a> {
    All(&'a [ArrayRef]),
    /// Copied out of those of more events when a condition looks at them.
    Some(&'a Columns<'a>, Box<RefCell<(Survivors, HashMap<usize, ArrayRef>)>>),
}

impl Columns<'_> {
    fn get(&self, place: usize) -> Result<ArrayRef> {
        match self {
            Self::All(columns) => Ok(Arc::clone(&columns[place])),
            Self::Some(all, copies) => {
                let (survivors, copies) = &mut *copies.borrow_mut();
                Ok(Arc::clone(match copies.entry(place) {
                    Entry::Occupied(copy) => copy.into_mut(),
                    Entry::Vacant(copy) => copy.insert(survivors.column(&all.get(place)?)?),
                }))
            }
        }
    }
}

impl Rows for Events<'_> {
    fn count(&self) -> usize {
        self.rows
    }

    fn passed(&self, condition: usize) -> Result<BooleanBuffer> {
        let condition = &self.conditions[condition];
        let columns = condition.columns.iter().map(|&place| self.columns.get(place));
        condition.passed(columns.collect::<Result<_>>()?, self.rows)
    }

    fn among(
        &self,
        some: &BooleanBuffer,
        ask: &mut dyn FnMut(&dyn Rows) -> Result<BooleanBuffer>,
    ) -> Result<BooleanBuffer> {
        let copies = Box::new(RefCell::new((Survivors::new(some), HashMap::new())));
        let columns = &Columns::Some(self.columns, copies);
        ask(&Events { conditions: self.conditions, columns, rows: some.count_set_bits() })
    }
}

impl Condition {
    fn passed(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<BooleanBuffer> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        let value = self.expr.evaluate(&batch)?.into_array(rows)?;
        truth(&value)
    }
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
