//! Categories and variations: one call of `hist` that fills for several conditions and with several weights.

use ana_hist::{Axis, HistError};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StructArray, make_array};
use arrow::buffer::NullBuffer;
use arrow::compute::and_kleene;
use arrow::datatypes::DataType;
use datafusion_common::{Result, internal_err};

use super::layout::Layout;

/// The labels on the axes that a call's categories and variations make.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variants {
    categories: Option<Vec<String>>,
    variations: Option<Vec<String>>,
}

impl Variants {
    /// `types` are those of the values, the weight and the categories.
    pub(super) fn new(layout: &Layout, types: &[DataType]) -> Self {
        let values = layout.values.len();
        let at = |place: Option<usize>, behind: usize| place.and_then(|_| types.get(values + behind));
        let weight = at(layout.weight, 0);
        Self::of(weight, at(layout.categories, usize::from(weight.is_some())))
    }

    /// By the types of the weight and of the categories, where there are any.
    pub(crate) fn of(weight: Option<&DataType>, categories: Option<&DataType>) -> Self {
        let labels = |found: Option<&DataType>| match found {
            Some(DataType::Struct(fields)) => Some(fields.iter().map(|field| field.name().clone()).collect()),
            _ => None,
        };
        Self { categories: labels(categories), variations: labels(weight) }
    }

    /// The names of the categories and of the variations, where there are any.
    pub(crate) fn labels(&self) -> [Option<&[String]>; 2] {
        [self.categories.as_deref(), self.variations.as_deref()]
    }

    pub(super) fn has_variations(&self) -> bool {
        self.variations.is_some()
    }

    /// The axes in front of those of the values: "category", then "variation".
    pub(crate) fn axes(&self) -> Result<Vec<Axis>, HistError> {
        let named = [("category", &self.categories), ("variation", &self.variations)];
        let axis = |(name, labels): (&str, &Option<Vec<String>>)| {
            let labels = labels.clone()?;
            Some(Axis::category(labels).map(|axis| axis.named(name.to_owned())))
        };
        named.into_iter().filter_map(axis).collect()
    }

    /// Takes the conditions of the categories from the end of `arrays`; without categories one that always holds.
    pub(crate) fn categories(&self, arrays: &mut Vec<ArrayRef>) -> Result<Vec<Option<BooleanArray>>> {
        if self.categories.is_none() {
            return Ok(vec![None]);
        }
        Ok(fields(arrays.pop())?.iter().map(|condition| Some(condition.as_boolean().clone())).collect())
    }

    /// Takes the weights of the variations from the end of `arrays`; without variations the weight stays.
    pub(crate) fn variations(&self, arrays: &mut Vec<ArrayRef>) -> Result<Vec<Option<ArrayRef>>> {
        if self.variations.is_none() {
            return Ok(vec![None]);
        }
        Ok(fields(arrays.pop())?.into_iter().map(Some).collect())
    }

    /// The place on the axes in front.
    pub(super) fn place(&self, category: usize, variation: usize) -> Result<Vec<u32>> {
        let category = self.categories.as_ref().map(|_| category);
        let variation = self.variations.as_ref().map(|_| variation);
        let code = |place| match u32::try_from(place) {
            Ok(code) => Ok(code),
            Err(_) => internal_err!("hist: too many labels"),
        };
        category.into_iter().chain(variation).map(code).collect()
    }
}

/// The columns of a struct; a NULL struct makes them NULL.
fn fields(array: Option<ArrayRef>) -> Result<Vec<ArrayRef>> {
    let Some(array) = array else { return internal_err!("hist: an argument is missing") };
    let Some(of) = array.as_struct_opt() else {
        return internal_err!("hist: {} is no struct", array.data_type());
    };
    (0..of.num_columns()).map(|field| field_of(of, field)).collect()
}

/// A column of a struct, NULL where the struct is.
pub(crate) fn field_of(of: &StructArray, field: usize) -> Result<ArrayRef> {
    let column = of.column(field);
    let Some(nulls) = of.nulls() else { return Ok(column.clone()) };
    let nulls = NullBuffer::union(Some(nulls), column.nulls());
    Ok(make_array(column.to_data().into_builder().nulls(nulls).build()?))
}

/// The rows that are chosen and fulfil a condition; NULL is not fulfilled.
pub(super) fn both(
    rows: Option<&BooleanArray>,
    condition: Option<&BooleanArray>,
) -> Result<Option<BooleanArray>> {
    Ok(match (rows, condition) {
        (Some(rows), Some(condition)) => Some(and_kleene(rows, condition)?),
        (rows, condition) => rows.or(condition).cloned(),
    })
}
