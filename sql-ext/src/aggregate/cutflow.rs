//! `cutflow`: how many events each cut leaves.

use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::AggregateOrderSensitivity;
use datafusion_expr::{Accumulator, AggregateUDFImpl};

use super::selection::Table;
use crate::prelude::*;

/// Events after each cut in turn.
#[user_doc(
    doc_section(label = "Selections"),
    description = "How many events are left after each cut, in the order given: a list of rows (cut, count, sumw, sumw2), the first for all events, then one per cut, labelled with its text. A NULL cut is not passed; an event with a NULL weight is not counted. Sums are exact to the bit for any number of threads; without weight they equal the count. weights => {'nominal': w, …} and categories => {'2b': nb >= 2, …} give the rows of every variation and category, which are then named in front.",
    syntax_example = "cutflow(cut, cut, …[, weight | weights => {…}][, categories => {…}])",
    sql_example = "```sql\nSELECT cutflow(nMuon = 2, Muon_charge[1] <> Muon_charge[2], MET_pt < 50, genWeight) FROM events;\n\nSELECT unnest(cutflow(nMuon = 2, MET_pt < 50, weights => {'nominal': genWeight, 'up': genWeight * 1.1},\n                      categories => {'all': true, '2j': nJet >= 2})) FROM events\n```",
    argument(name = "cut", description = "True or false per event."),
    argument(
        name = "weight",
        description = "A number per event; or a struct of such weights, the variations, each of which has its rows."
    ),
    argument(
        name = "categories",
        description = "A struct of conditions per event, each of which has its rows."
    )
)]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Cutflow {
    signature: Signature,
    /// The texts of the cuts as written, which planning puts in.
    labels: Option<Vec<String>>,
    unrounded: bool,
}

impl Default for Cutflow {
    fn default() -> Self {
        Self { signature: unchecked(), labels: None, unrounded: false }
    }
}

impl Cutflow {
    /// The function that gives an [`Unrounded`](super::Unrounded) table.
    #[must_use]
    pub fn unrounded() -> Self {
        Self { unrounded: true, ..Self::default() }
    }

    /// The function for one call, whose cuts have these labels.
    pub(crate) fn labelled(&self, labels: Vec<String>) -> Self {
        Self { labels: Some(labels), unrounded: self.unrounded, ..Self::default() }
    }
}

impl AggregateUDFImpl for Cutflow {
    fn name(&self) -> &str {
        Table::Cutflow.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let table = Table::Cutflow.return_type(arguments)?;
        Ok(if self.unrounded { DataType::LargeBinary } else { table })
    }

    fn state_fields(&self, call: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(Table::Cutflow.state_fields(&call))
    }

    fn accumulator(&self, call: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let accumulator = Table::Cutflow.accumulator(&call, self.labels.as_deref())?;
        Ok(Box::new(if self.unrounded { accumulator.unrounded() } else { accumulator }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.doc()
    }
}

#[cfg(test)]
mod tests {
    use super::super::selection::tests::of_two_cuts;
    use super::*;

    #[test]
    fn each_row_passes_all_cuts_before_it() {
        let want = [("all", 4, 7.5, 21.25), ("a", 2, 2.5, 4.25), ("b", 1, 0.5, 0.25)];
        let want = want.map(|(cut, count, sumw, sumw2)| (cut.to_owned(), count, sumw, sumw2));
        assert_eq!(of_two_cuts(Table::Cutflow), want);
    }
}
