//! `bins_nd`: a histogram of any number of axes as rows.

use arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use arrow::datatypes::Float64Type;

use super::bins::{Position, row_fields, rows};
use super::histogram_at;
use crate::arguments::{Shape, list_of};
use crate::prelude::*;

const PARAMETERS: [Parameter; 1] = [Parameter::new("h", Shape::Histogram)];

/// The cells as a list of rows.
#[user_doc(
    doc_section(label = "Histograms"),
    description = "The cells of a histogram with any number of axes, as a list of rows (lo, hi, label, count, sumw, sumw2) where lo, hi and label are lists with one entry per axis; flow bins included, the last axis fastest. Otherwise as bins(h).",
    syntax_example = "bins_nd(h)",
    sql_example = "```sql\nSELECT unnest(bins_nd(hist(Jet_pt, regular(40, 0, 400), Jet_eta, regular(40, -2.4, 2.4)))) FROM events\n```",
    argument(name = "h", description = "A histogram.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct BinsNd {
    signature: Signature,
}

impl Default for BinsNd {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for BinsNd {
    scalar_function!("bins_nd");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("bins_nd", "bins_nd(h)", 1, &PARAMETERS, call.arg_fields)?;
        Ok(arguments::returns("bins_nd", list_of(DataType::Struct(row_fields(list_of)))))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let column = call.args[0].to_array(call.number_rows)?;
        let histograms =
            (0..column.len()).map(|row| histogram_at(&column, row)).collect::<Result<Vec<_>>>()?;
        let (mut lo, mut hi) = (Vec::new(), Vec::new());
        let mut labels = ListBuilder::new(StringBuilder::new());
        for histogram in histograms.iter().flatten() {
            for cell in 0..histogram.cells() {
                let positions: Vec<Position> = histogram
                    .indices(cell)
                    .into_iter()
                    .zip(&histogram.axes)
                    .map(|(index, axis)| Position::new(axis, index))
                    .collect();
                lo.push(Some(positions.iter().map(|position| position.lo).collect::<Vec<_>>()));
                hi.push(Some(positions.iter().map(|position| position.hi).collect::<Vec<_>>()));
                labels.append_value(positions.iter().map(|position| position.label));
            }
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(lo)),
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(hi)),
            Arc::new(labels.finish()),
        ];
        Ok(ColumnarValue::Array(Arc::new(rows(&histograms, row_fields(list_of), columns)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::invoke;
    use crate::histogram::histogram_array;
    use ana_hist::{Axis, ExactHistogram};
    use arrow::datatypes::UInt64Type;

    #[test]
    fn the_last_axis_is_the_fastest() {
        let axes = vec![Axis::integer(0, 1).unwrap(), Axis::boolean()];
        let mut histogram = ExactHistogram::new(axes, false).unwrap();
        histogram.fill_one(&[0.0, 1.0], 1.0);
        let column: ArrayRef = Arc::new(histogram_array(vec![Some(histogram.finish())]).unwrap());
        let got = invoke(&BinsNd::default(), &[column.into()], 1).unwrap();
        let rows = got.as_list::<i32>().value(0);
        let rows = rows.as_struct();
        assert_eq!(rows.column(3).as_primitive::<UInt64Type>().values(), &[0, 0, 0, 1, 0, 0]);
        let lo = rows.column(0).as_list::<i32>().value(3);
        assert_eq!(lo.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(0.0), None]);
        let label = rows.column(2).as_list::<i32>().value(3);
        assert_eq!(label.as_string::<i32>().iter().collect::<Vec<_>>(), [None, Some("true")]);
    }
}
