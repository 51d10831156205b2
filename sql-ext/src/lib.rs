//! Everything SQL can call: functions on events and their lists, axes, histograms, cutflows.
//!
//! One function is one file, named as in SQL. The formula is a plain function on numbers; the type around
//! it tells the engine what arguments it takes, and holds the text from which the reference is made.
//! The session registers [`all_scalar_functions`] and [`all_aggregate_functions`].
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "a test fails by panicking, and knows the sizes of its numbers"
    )
)]

pub mod aggregate;
mod arguments;
pub mod axis;
#[cfg(test)]
mod call;
pub mod collection;
pub mod cut_order;
mod elementwise;
pub mod error;
pub mod event;
pub mod histogram;
mod jagged;
pub mod kinematics;
pub mod lifted;
pub mod list;
pub mod operator;
pub mod planner;
mod prelude;
pub mod reference;
mod slices;
pub mod survivors;

use std::sync::Arc;

use datafusion_expr::{AggregateUDF, ScalarUDF};

/// Every scalar function of this crate.
pub fn all_scalar_functions() -> Vec<Arc<ScalarUDF>> {
    [
        ScalarUDF::from(axis::Boolean::default()),
        axis::Category::default().into(),
        axis::Integer::default().into(),
        axis::NamedAxis::default().into(),
        axis::Regular::default().into(),
        axis::Variable::default().into(),
        collection::Ht::default().into(),
        collection::Leading::default().into(),
        collection::NObj::default().into(),
        collection::NObjEq::default().into(),
        collection::NObjLess::default().into(),
        collection::NObjMin::default().into(),
        event::GoldenJson::default().into(),
        histogram::At::default().into(),
        histogram::Bins::default().into(),
        histogram::BinsNd::default().into(),
        histogram::Divide::default().into(),
        histogram::HistAdd::default().into(),
        histogram::HistMean::default().into(),
        histogram::HistStd::default().into(),
        histogram::HistSum::default().into(),
        histogram::Project::default().into(),
        histogram::Rebin::default().into(),
        kinematics::DeltaPhi::default().into(),
        kinematics::DeltaR::default().into(),
        kinematics::InvariantMass::default().into(),
        kinematics::TransverseMass::default().into(),
        lifted::Mask::default().into(),
        list::All::default().into(),
        list::Any::default().into(),
        list::ArgMax::default().into(),
        list::ArgMin::default().into(),
        list::ArgSort::default().into(),
        list::CountNonzero::default().into(),
        list::Drop::default().into(),
        list::FillNone::default().into(),
        list::First::default().into(),
        list::Last::default().into(),
        list::ListStd::default().into(),
        list::ListVar::default().into(),
        list::LocalIndex::default().into(),
        list::NMinus::default().into(),
        list::Nth::default().into(),
        list::Take::default().into(),
    ]
    .map(Arc::new)
    .into()
}

/// Every aggregate function of this crate.
pub fn all_aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    [
        AggregateUDF::from(aggregate::Cutflow::default()),
        aggregate::Hist::default().into(),
        aggregate::NMinusOne::default().into(),
    ]
    .map(Arc::new)
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_is_registered_once_and_documented() {
        let scalars = all_scalar_functions();
        let aggregates = all_aggregate_functions();
        let functions = scalars
            .iter()
            .map(|f| (f.name(), f.aliases(), f.documentation()))
            .chain(aggregates.iter().map(|f| (f.name(), f.aliases(), f.documentation())));
        let mut names = BTreeSet::new();
        for (name, aliases, documentation) in functions {
            assert!(names.insert(name.to_owned()), "{name} is registered twice");
            for alias in aliases {
                assert!(names.insert(alias.clone()), "{alias} is registered twice");
            }
            let documentation = documentation.unwrap_or_else(|| panic!("{name} has no documentation"));
            assert!(!documentation.description.is_empty(), "{name} has no description");
            assert!(
                documentation.syntax_example.starts_with(name),
                "{name}: {}",
                documentation.syntax_example
            );
            assert!(documentation.sql_example.is_some(), "{name} has no example");
        }
    }
}
