//! `at`: a histogram in one bin of some of its axes.

use ana_hist::{Axis, AxisKind, HistError, Histogram};
use arrow::compute::cast;

use super::{each, histogram_field};
use crate::arguments::Shape;
use crate::prelude::*;

const SYNTAX: &str = "at(h, axis, bin[, axis, bin, …])";

/// The cells in one bin of an axis.
#[user_doc(
    doc_section(label = "Histograms"),
    description = "The histogram in one bin of an axis, or of several: the axis is gone, the contents are those of the cells, and nothing is added up. An axis is called by its name, as `'category'` and `'variation'` of a histogram with categories and weights, or by its number, 1 for the first; numbers count the axes of h also where several are taken. A bin of a category axis is called by its label, one of a boolean axis by true or false, one of another axis by any number in it, as `hist` would fill it: a number below or above all bins takes the underflow or overflow bin. At least one axis must be left. NULL in, NULL out. UHI and hist write `h[\"1b\", \"btag_up\", :]`.",
    syntax_example = "at(h, axis, bin[, axis, bin, …])",
    sql_example = "```sql\nSELECT at(met, 'category', '4j', 'variation', 'up') AS \"MET|4j|up\"\nFROM (SELECT hist(MET_pt, regular(20, 0, 200), weights => {'nominal': genWeight, 'up': genWeight * 1.1},\n                  categories => {'all': true, '4j': nJet >= 4}) AS met FROM events)\n```",
    argument(name = "h", description = "A histogram."),
    argument(name = "axis", description = "Name of an axis, or its number, 1 for the first."),
    argument(name = "bin", description = "A label, true or false, or a number, as the axis is.")
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct At {
    signature: Signature,
}

impl Default for At {
    fn default() -> Self {
        Self { signature: unchecked() }
    }
}

impl ScalarUDFImpl for At {
    scalar_function!("at");

    fn return_field_from_args(&self, call: ReturnFieldArgs) -> Result<FieldRef> {
        let found = call.arg_fields.len();
        if found < 3 || found.is_multiple_of(2) {
            return Err(FunctionError::ArgumentCount { function: "at", found, syntax: SYNTAX }.into());
        }
        arguments::check("at", &[Parameter::new("h", Shape::Histogram)], call.arg_fields)?;
        for (place, field) in call.arg_fields.iter().enumerate().skip(1) {
            let given = field.data_type();
            let (name, expected, good) = if place % 2 == 1 {
                let good = arguments::is_text(given) || arguments::is_integer(given);
                ("axis", "the name of an axis or its number", good)
            } else {
                let good =
                    arguments::is_text(given) || arguments::is_number(given) || *given == DataType::Boolean;
                ("bin", "a text, a number, or true or false", good)
            };
            if !good {
                return Err(FunctionError::ArgumentType {
                    function: "at",
                    position: place + 1,
                    name,
                    expected,
                    found: arguments::type_name(given),
                }
                .into());
            }
        }
        Ok(histogram_field("at"))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = call.args[1..]
            .iter()
            .map(|given| given.to_array(call.number_rows))
            .collect::<Result<Vec<_>>>()?;
        let pairs = columns
            .chunks_exact(2)
            .map(|pair| Ok((names(&pair[0])?, names(&pair[1])?)))
            .collect::<Result<Vec<_>>>()?;
        let found = each::map("at", &call.args[0], call.number_rows, |histogram, row| {
            let mut places = Vec::with_capacity(pairs.len());
            for (axes, bins) in &pairs {
                let (Some(axis), Some(bin)) = (&axes[row], &bins[row]) else { return Ok(None) };
                let axis = axis_of(histogram, axis)?;
                places.push((axis, index_of(&histogram.axes[axis], bin)?));
            }
            at(histogram, places).map(Some)
        })?;
        each::column(found.into_iter().map(Option::flatten).collect())
    }
}

/// What an axis or a bin is called by.
enum Name {
    Text(String),
    Truth(bool),
    Number(f64),
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Truth(truth) => write!(f, "{truth}"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// Row by row; `None` for NULL.
fn names(column: &ArrayRef) -> Result<Vec<Option<Name>>> {
    let found = column.data_type();
    Ok(if arguments::is_text(found) {
        let texts = cast(column, &DataType::Utf8)?;
        texts.as_string::<i32>().iter().map(|text| Some(Name::Text(text?.to_owned()))).collect()
    } else if *found == DataType::Boolean {
        column.as_boolean().iter().map(|truth| truth.map(Name::Truth)).collect()
    } else {
        crate::jagged::float64(column)?.iter().map(|number| number.map(Name::Number)).collect()
    })
}

/// Which axis is meant, from 0.
fn axis_of(histogram: &Histogram, name: &Name) -> Result<usize, HistError> {
    let axes = &histogram.axes;
    if let Name::Number(number) = name {
        let place = (0..axes.len()).zip(1u32..).find(|(_, count)| f64::from(*count) == *number);
        return place.map(|(axis, _)| axis).ok_or_else(|| no_axis(axes, name));
    }
    let called = |axis: &Axis| {
        axis.name.as_deref().is_some_and(|known| matches!(name, Name::Text(name) if name == known))
    };
    let mut found = axes.iter().enumerate().filter(|(_, axis)| called(axis)).map(|(place, _)| place);
    match (found.next(), found.next()) {
        (Some(axis), None) => Ok(axis),
        _ => Err(no_axis(axes, name)),
    }
}

fn no_axis(axes: &[Axis], name: &Name) -> HistError {
    let named = axes.iter().zip(1..).map(|(axis, number)| match &axis.name {
        Some(name) => format!("{number} '{name}'"),
        None => number.to_string(),
    });
    HistError::NoAxisCalled { name: name.to_string(), known: named.collect::<Vec<_>>().join(", ") }
}

/// The storage index of the bin that is meant.
fn index_of(axis: &Axis, bin: &Name) -> Result<usize, HistError> {
    let known = match (&axis.kind, bin) {
        (AxisKind::Category { labels }, _) => {
            if let Name::Text(label) = bin
                && let Some(index) = labels.iter().position(|known| known == label)
            {
                return Ok(index);
            }
            format!("one of {labels:?}")
        }
        (AxisKind::Boolean, Name::Truth(truth)) => return Ok(usize::from(*truth)),
        (AxisKind::Boolean, _) => "true or false".to_owned(),
        (_, Name::Number(number)) => return Ok(axis.index(*number)),
        _ => "a number in it".to_owned(),
    };
    Err(HistError::NoSuchBin { axis: axis.to_string(), bin: bin.to_string(), known })
}

/// The histogram at the places, each an axis and a storage index along it.
fn at(histogram: &Histogram, mut places: Vec<(usize, usize)>) -> Result<Histogram, HistError> {
    // From the last axis on, so that the numbers of those to come stay.
    places.sort_unstable_by(|left, right| right.cmp(left));
    if let Some(twice) = places.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(HistError::AxisTwice { axis: twice[0].0 });
    }
    let mut places = places.into_iter();
    let Some((axis, index)) = places.next() else { return Ok(histogram.clone()) };
    places.try_fold(histogram.at(axis, index)?, |histogram, (axis, index)| histogram.at(axis, index))
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::nothing;
    use super::*;
    use crate::call::{Given, invoke, plan};
    use crate::histogram::{histogram_array, histogram_at, histogram_data_type};
    use ana_hist::ExactHistogram;

    fn column() -> Given {
        let labels = |labels: &[&str]| Axis::category(labels.iter().map(|&label| label.into()).collect());
        let axes = vec![
            labels(&["all", "1b"]).unwrap().named("category"),
            Axis::boolean().named("x"),
            Axis::integer(0, 2).unwrap().named("x"),
        ];
        let mut histogram = ExactHistogram::new(axes, true).unwrap();
        for (place, weight) in [([0.0, 0.0, 0.0], 1.0), ([1.0, 1.0, 1.0], 0.1), ([1.0, 1.0, 9.0], 0.2)] {
            histogram.fill_one(&place, weight);
        }
        let column: ArrayRef = Arc::new(histogram_array(vec![Some(histogram.finish())]).unwrap());
        column.into()
    }

    fn text(text: &str) -> Given {
        ScalarValue::from(text).into()
    }

    fn number(number: i64) -> Given {
        ScalarValue::from(number).into()
    }

    fn sums(given: Vec<Given>) -> Result<Vec<f64>, String> {
        let given: Vec<Given> = std::iter::once(column()).chain(given).collect();
        let got = invoke(&At::default(), &given, 1).map_err(|error| error.strip_backtrace())?;
        Ok(histogram_at(&got, 0).unwrap().unwrap().sumws())
    }

    #[test]
    fn by_name_and_by_number() {
        let truth = |truth: bool| -> Given { ScalarValue::from(truth).into() };
        let b = vec![0.0, 0.0, 0.1, 0.2];
        assert_eq!(sums(vec![text("category"), text("1b"), number(2), truth(true)]).unwrap(), b);
        assert_eq!(sums(vec![number(2), truth(true), number(1), text("1b")]).unwrap(), b);
        assert_eq!(sums(vec![number(3), number(77), text("category"), text("1b")]).unwrap(), [0.0, 0.2]);
    }

    #[test]
    fn what_is_not_there() {
        let fault = |given| sums(given).unwrap_err();
        let told = fault(vec![text("category"), text("5b")]);
        assert_eq!(
            told,
            "Execution error: at: the axis category([\"all\", \"1b\"]) has no bin '5b'; a bin of it is named by one of [\"all\", \"1b\"]"
        );
        let told = fault(vec![text("x"), text("1b")]);
        assert_eq!(
            told,
            "Execution error: at: no one axis is called 'x'; the axes are 1 'category', 2 'x', 3 'x'"
        );
        assert!(fault(vec![number(4), text("1b")]).contains("no one axis is called 4"));
        assert!(fault(vec![number(0), text("1b")]).contains("no one axis is called 0"));
        assert!(fault(vec![number(2), number(1)]).contains("named by true or false"));
        assert!(fault(vec![number(3), text("a")]).contains("named by a number in it"));
        assert!(
            fault(vec![number(3), number(1), number(3), number(2)]).contains("the axis 3 is named twice")
        );
        let all =
            vec![number(1), text("all"), number(2), ScalarValue::from(true).into(), number(3), number(0)];
        assert!(fault(all).contains("needs at least one axis"));
    }

    #[test]
    fn null_and_plan_errors() {
        let none = invoke(&At::default(), &[nothing().into(), text("x"), text("a")], 1).unwrap();
        assert_eq!(histogram_at(&none, 0).unwrap(), None);
        let none = invoke(&At::default(), &[column(), number(1), ScalarValue::Null.into()], 1).unwrap();
        assert_eq!(histogram_at(&none, 0).unwrap(), None);
        let error = plan(&At::default(), &[histogram_data_type(), DataType::Utf8]).unwrap_err();
        assert!(error.to_string().contains("at: got 2 arguments, expected at(h, axis, bin"), "{error}");
        let error =
            plan(&At::default(), &[histogram_data_type(), DataType::Float64, DataType::Utf8]).unwrap_err();
        assert!(error.to_string().contains("argument 2 (axis) must be the name of an axis"), "{error}");
    }
}
