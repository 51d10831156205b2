//! A function of one or two histograms, row by row.

use ana_hist::{HistError, Histogram};

use super::{histogram_array, histogram_at};
use crate::prelude::*;

/// Calls `f` with the histogram of each row; NULL stays NULL.
pub(super) fn map<T>(
    function: &'static str,
    histograms: &ColumnarValue,
    rows: usize,
    f: impl Fn(&Histogram, usize) -> Result<T, HistError>,
) -> Result<Vec<Option<T>>> {
    let histograms = histograms.to_array(rows)?;
    (0..histograms.len())
        .map(|row| {
            let histogram = histogram_at(&histograms, row)?;
            histogram.map(|histogram| f(&histogram, row)).transpose().map_err(|error| fault(function, error))
        })
        .collect()
}

/// Calls `f` with the two histograms of each row; NULL if one is.
pub(super) fn map_pairs(
    function: &'static str,
    call: &ScalarFunctionArgs,
    f: impl Fn(&Histogram, &Histogram) -> Result<Histogram, HistError>,
) -> Result<ColumnarValue> {
    let (left, right) = (call.args[0].to_array(call.number_rows)?, call.args[1].to_array(call.number_rows)?);
    let results = (0..left.len())
        .map(|row| match (histogram_at(&left, row)?, histogram_at(&right, row)?) {
            (Some(left), Some(right)) => f(&left, &right).map(Some).map_err(|error| fault(function, error)),
            _ => Ok(None),
        })
        .collect::<Result<Vec<_>>>()?;
    column(results)
}

pub(super) fn column(histograms: Vec<Option<Histogram>>) -> Result<ColumnarValue> {
    Ok(ColumnarValue::Array(Arc::new(histogram_array(histograms)?)))
}

fn fault(function: &'static str, source: HistError) -> datafusion_common::DataFusionError {
    // SQL counts axes from 1.
    let source = match source {
        HistError::NoSuchAxis { axis, dimensions } => HistError::NoSuchAxis { axis: axis + 1, dimensions },
        HistError::AxisTwice { axis } => HistError::AxisTwice { axis: axis + 1 },
        other => other,
    };
    FunctionError::Histogram { function, source }.into()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ana_hist::{Axis, ExactHistogram};

    /// Fills of (x, weight) on `axis`, as a column of one row.
    pub(crate) fn filled(axis: &Axis, fills: &[(f64, f64)]) -> ArrayRef {
        let mut histogram = ExactHistogram::new(vec![axis.clone()], true).unwrap();
        for &(x, weight) in fills {
            histogram.fill_one(&[x], weight);
        }
        Arc::new(histogram_array(vec![Some(histogram.finish())]).unwrap())
    }

    pub(crate) fn nothing() -> ArrayRef {
        Arc::new(histogram_array(vec![None]).unwrap())
    }
}
