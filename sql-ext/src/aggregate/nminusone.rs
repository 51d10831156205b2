//! `nminusone`: how many events each cut alone takes away.

use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::AggregateOrderSensitivity;
use datafusion_expr::{Accumulator, AggregateUDFImpl};

use super::selection::Table;
use crate::prelude::*;

/// Events that pass all cuts but one, for each.
#[user_doc(
    doc_section(label = "Selections"),
    description = "What each cut alone takes away: a list of rows (cut, count, sumw, sumw2), the first for all events, then one per cut with the events that pass all the others, the last for those that pass every cut. Otherwise as cutflow.",
    syntax_example = "nminusone(cut, cut, …[, weight | weights => {…}][, categories => {…}])",
    sql_example = "```sql\nSELECT nminusone(nMuon = 2, Muon_charge[1] <> Muon_charge[2], MET_pt < 50) FROM events\n```",
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
pub struct NMinusOne {
    signature: Signature,
    /// The texts of the cuts as written, which planning puts in.
    labels: Option<Vec<String>>,
}

impl Default for NMinusOne {
    fn default() -> Self {
        Self { signature: unchecked(), labels: None }
    }
}

impl NMinusOne {
    /// The function for one call, whose cuts have these labels.
    pub(crate) fn labelled(labels: Vec<String>) -> Self {
        Self { labels: Some(labels), ..Self::default() }
    }
}

impl AggregateUDFImpl for NMinusOne {
    fn name(&self) -> &str {
        Table::NMinusOne.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Table::NMinusOne.return_type(arguments)
    }

    fn state_fields(&self, call: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(Table::NMinusOne.state_fields(&call))
    }

    fn accumulator(&self, call: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Table::NMinusOne.accumulator(&call, self.labels.as_deref())?))
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
    fn each_row_passes_all_other_cuts() {
        let want =
            [("all", 4, 7.5, 21.25), ("a", 3, 5.5, 17.25), ("b", 2, 2.5, 4.25), ("every cut", 1, 0.5, 0.25)];
        let want = want.map(|(cut, count, sumw, sumw2)| (cut.to_owned(), count, sumw, sumw2));
        assert_eq!(of_two_cuts(Table::NMinusOne), want);
    }
}
