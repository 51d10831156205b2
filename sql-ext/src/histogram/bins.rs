//! `bins`: a histogram of one axis as rows.

use ana_hist::{Axis, Histogram};
use arrow::array::{ArrayRef, StringArray, StructArray, UInt64Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::Fields;

use super::histogram_at;
use crate::arguments::Shape;
use crate::prelude::*;

const PARAMETERS: [Parameter; 1] = [Parameter::new("h", Shape::Histogram)];

/// The bins as a list of rows.
#[user_doc(
    doc_section(label = "Histograms"),
    description = "The bins of a histogram with one axis, as a list of rows (lo, hi, label, count, sumw, sumw2), flow bins included: the first row is (-inf, first edge), the last (last edge, inf). On a category or boolean axis label says which bin it is, lo and hi are NULL; the last row of a category axis, with a NULL label, is for all other labels. Without weights sumw and sumw2 equal the count. For more axes: bins_nd(h), or project(h, i) first.",
    syntax_example = "bins(h)",
    sql_example = "```sql\nSELECT bin['lo'], bin['hi'], bin['sumw'] FROM (SELECT unnest(bins(hist(MET_pt, regular(100, 0, 200)))) AS bin FROM events)\n```",
    argument(name = "h", description = "A histogram with one axis.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Bins {
    signature: Signature,
}

impl Default for Bins {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

/// Of one bin along one axis.
fn position_fields() -> [(&'static str, DataType); 3] {
    [("lo", DataType::Float64), ("hi", DataType::Float64), ("label", DataType::Utf8)]
}

/// The fields of a row; `position` makes a number or text one per axis.
pub(super) fn row_fields(position: impl Fn(DataType) -> DataType) -> Fields {
    let positions = position_fields().into_iter().map(|(name, data_type)| (name, position(data_type)));
    let contents = [("count", DataType::UInt64), ("sumw", DataType::Float64), ("sumw2", DataType::Float64)];
    positions.chain(contents).map(|(name, data_type)| Field::new(name, data_type, true)).collect()
}

impl ScalarUDFImpl for Bins {
    scalar_function!("bins");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        arguments::check_call("bins", "bins(h)", 1, &PARAMETERS, call.arg_fields)?;
        Ok(arguments::returns("bins", arguments::list_of(DataType::Struct(row_fields(|one| one)))))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let column = call.args[0].to_array(call.number_rows)?;
        let histograms =
            (0..column.len()).map(|row| histogram_at(&column, row)).collect::<Result<Vec<_>>>()?;
        if let Some(several) = histograms.iter().flatten().find(|histogram| histogram.axes.len() != 1) {
            let reason = format!(
                "the histogram has {} axes; use bins_nd(h), at(h, axis, bin, …) for one category or variation, or project(h, i) to sum over all axes but one",
                several.axes.len()
            );
            return Err(FunctionError::Call { function: "bins", reason }.into());
        }
        let positions = histograms.iter().flatten().flat_map(|histogram| {
            let axis = &histogram.axes[0];
            (0..axis.extent()).map(move |index| Position::new(axis, index))
        });
        let (mut lo, mut hi, mut label) = (Vec::new(), Vec::new(), Vec::new());
        for position in positions {
            lo.push(position.lo);
            hi.push(position.hi);
            label.push(position.label);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Float64Array::from(lo)),
            Arc::new(Float64Array::from(hi)),
            Arc::new(StringArray::from(label)),
        ];
        Ok(ColumnarValue::Array(Arc::new(rows(&histograms, row_fields(|one| one), columns)?)))
    }
}

/// Where a bin is along its axis.
pub(super) struct Position<'a> {
    pub(super) lo: Option<f64>,
    pub(super) hi: Option<f64>,
    pub(super) label: Option<&'a str>,
}

impl<'a> Position<'a> {
    pub(super) fn new(axis: &'a Axis, index: usize) -> Self {
        let bounds = axis.bounds(index);
        Self { lo: bounds.map(|(lo, _)| lo), hi: bounds.map(|(_, hi)| hi), label: axis.label(index) }
    }
}

/// One list of rows per histogram: the positions given, and the contents.
pub(super) fn rows(
    histograms: &[Option<Histogram>],
    fields: Fields,
    mut columns: Vec<ArrayRef>,
) -> Result<ListArray> {
    let cells = || {
        histograms.iter().flatten().flat_map(|histogram| (0..histogram.cells()).map(move |i| (histogram, i)))
    };
    let counts = histograms.iter().flatten().flat_map(|histogram| histogram.counts.iter().copied());
    columns.push(Arc::new(UInt64Array::from_iter_values(counts)));
    columns.push(Arc::new(Float64Array::from_iter_values(cells().map(|(histogram, i)| histogram.sumw(i)))));
    columns.push(Arc::new(Float64Array::from_iter_values(cells().map(|(histogram, i)| histogram.sumw2(i)))));
    let lengths = histograms.iter().map(|histogram| histogram.as_ref().map_or(0, Histogram::cells));
    let nulls = NullBuffer::from_iter(histograms.iter().map(Option::is_some));
    let item = Arc::new(Field::new_list_field(DataType::Struct(fields.clone()), true));
    let rows = StructArray::try_new(fields, columns, None)?;
    Ok(ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), Arc::new(rows), Some(nulls))?)
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::{filled, nothing};
    use super::*;
    use crate::call::invoke;
    use crate::histogram::histogram_array;
    use ana_hist::ExactHistogram;
    use arrow::datatypes::{Float64Type, UInt64Type};

    fn binned(histogram: ArrayRef) -> StructArray {
        let got = invoke(&Bins::default(), &[histogram.into()], 1).unwrap();
        got.as_list::<i32>().value(0).as_struct().clone()
    }

    #[test]
    fn flow_bins_have_infinite_bounds() {
        let axis = Axis::regular(2, 0.0, 1.0).unwrap();
        let rows = binned(filled(&axis, &[(-1.0, 0.5), (0.5, 2.0), (f64::NAN, 4.0)]));
        let column = |i: usize| rows.column(i).as_primitive::<Float64Type>().values().to_vec();
        assert_eq!(column(0), [f64::NEG_INFINITY, 0.0, 0.5, 1.0]);
        assert_eq!(column(1), [0.0, 0.5, 1.0, f64::INFINITY]);
        assert_eq!(rows.column(2).null_count(), 4);
        assert_eq!(rows.column(3).as_primitive::<UInt64Type>().values(), &[1, 0, 1, 1]);
        assert_eq!((column(4), column(5)), (vec![0.5, 0.0, 2.0, 4.0], vec![0.25, 0.0, 4.0, 16.0]));
    }

    #[test]
    fn labels() {
        let rows = binned(filled(&Axis::category(vec!["a".into()]).unwrap(), &[]));
        assert_eq!(rows.column(2).as_string::<i32>(), &StringArray::from(vec![Some("a"), None]));
        assert_eq!(rows.column(0).null_count(), 2);
    }

    #[test]
    fn null_and_several_axes() {
        assert!(invoke(&Bins::default(), &[nothing().into()], 1).unwrap().is_null(0));
        let both = ExactHistogram::new(vec![Axis::boolean(), Axis::boolean()], false).unwrap().finish();
        let both: ArrayRef = Arc::new(histogram_array(vec![Some(both)]).unwrap());
        let error = invoke(&Bins::default(), &[both.into()], 1).unwrap_err();
        assert!(error.to_string().contains("use bins_nd(h), at(h, axis, bin, …)"), "{error}");
    }
}
