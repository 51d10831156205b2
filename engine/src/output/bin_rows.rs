//! Histograms as rows, one per bin, flow bins included: what a pipe and a CSV file get.
//!
//! Columns: `histogram` (the alias), the group keys, then per axis `lo`, `hi`, `label` (`lo_2`, `hi_2`, `label_2` for the
//! second axis, and so on up to the histogram with most axes; NULL where a histogram has fewer), then `count`, `sumw`,
//! `sumw2`. Rows run in C order, the last axis fastest. The underflow bin begins at −inf, the overflow bin ends at inf. Bins of a
//! category or boolean axis have a `label` instead of bounds; entries of no category are in the last bin, which has neither. This is what
//! `bins(h)` gives, with names before it.

use std::sync::Arc;

use ana_hist::Axis;
use arrow::array::{ArrayRef, Float64Builder, RecordBatch, StringBuilder, UInt64Builder};
use arrow::datatypes::Schema;

use super::{NamedHistogram, Result, named_histograms};

/// The bins of all histograms of a result.
///
/// # Errors
/// As [`named_histograms`].
pub fn of_result(schema: &Schema, batches: &[RecordBatch], keys: Option<&[String]>) -> Result<RecordBatch> {
    of_named(&named_histograms(schema, batches, keys)?)
}

/// The bins of some histograms.
///
/// # Errors
/// When Arrow refuses the columns.
pub fn of_named(histograms: &[NamedHistogram]) -> Result<RecordBatch> {
    let dimensions = histograms.iter().map(|h| h.histogram.axes.len()).max().unwrap_or(1);
    let keys: Vec<&str> =
        histograms.first().map_or_else(Vec::new, |h| h.keys.iter().map(|k| k.0.as_str()).collect());
    let mut rows = Rows::new(keys.len(), dimensions);
    for h in histograms {
        rows.add(h);
    }
    let mut columns: Vec<(String, ArrayRef, bool)> =
        vec![("histogram".to_owned(), Arc::new(rows.alias.finish()), false)];
    for (name, mut texts) in keys.into_iter().zip(rows.keys) {
        columns.push((name.to_owned(), Arc::new(texts.finish()), true));
    }
    for (i, (mut lo, mut hi, mut label)) in rows.axes.into_iter().enumerate() {
        let suffix = if i == 0 { String::new() } else { format!("_{}", i + 1) };
        columns.push((format!("lo{suffix}"), Arc::new(lo.finish()), true));
        columns.push((format!("hi{suffix}"), Arc::new(hi.finish()), true));
        columns.push((format!("label{suffix}"), Arc::new(label.finish()), true));
    }
    columns.push(("count".to_owned(), Arc::new(rows.count.finish()), false));
    columns.push(("sumw".to_owned(), Arc::new(rows.sumw.finish()), false));
    columns.push(("sumw2".to_owned(), Arc::new(rows.sumw2.finish()), false));
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}

struct Rows {
    alias: StringBuilder,
    keys: Vec<StringBuilder>,
    axes: Vec<(Float64Builder, Float64Builder, StringBuilder)>,
    count: UInt64Builder,
    sumw: Float64Builder,
    sumw2: Float64Builder,
}

impl Rows {
    fn new(keys: usize, dimensions: usize) -> Self {
        Self {
            alias: StringBuilder::new(),
            keys: (0..keys).map(|_| StringBuilder::new()).collect(),
            axes: (0..dimensions).map(|_| Default::default()).collect(),
            count: UInt64Builder::new(),
            sumw: Float64Builder::new(),
            sumw2: Float64Builder::new(),
        }
    }

    fn add(&mut self, named: &NamedHistogram) {
        let histogram = &named.histogram;
        let extents: Vec<usize> = histogram.axes.iter().map(Axis::extent).collect();
        let (sumw, sumw2) = (histogram.sumws(), histogram.sumw2s());
        let mut at = vec![0; extents.len()];
        for ((&count, &w), &w2) in histogram.counts.iter().zip(sumw.iter()).zip(sumw2.iter()) {
            self.alias.append_value(&named.alias);
            for (column, (_, text)) in self.keys.iter_mut().zip(&named.keys) {
                column.append_value(text);
            }
            for (i, (lo, hi, label)) in self.axes.iter_mut().enumerate() {
                match histogram.axes.get(i).zip(at.get(i)) {
                    Some((axis, &index)) => {
                        let bounds = axis.bounds(index);
                        lo.append_option(bounds.map(|b| b.0));
                        hi.append_option(bounds.map(|b| b.1));
                        label.append_option(axis.label(index));
                    }
                    None => {
                        lo.append_null();
                        hi.append_null();
                        label.append_null();
                    }
                }
            }
            self.count.append_value(count);
            self.sumw.append_value(w);
            self.sumw2.append_value(w2);
            step(&mut at, &extents);
        }
    }
}

/// The next index in C order.
pub(super) fn step(at: &mut [usize], extents: &[usize]) {
    for (index, &extent) in at.iter_mut().zip(extents).rev() {
        *index += 1;
        if *index < extent {
            return;
        }
        *index = 0;
    }
}
