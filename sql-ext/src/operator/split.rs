//! Which level is filled from a scan of its own, that reads the events of its cut only.
//!
//! An analysis counts all events, and everything else it does is behind one skim. With one scan every branch would be decoded
//! for all events; with two, the level of the skim has a scan with the cut as its WHERE, and the other one is left with
//! the few branches that are looked at for all.

use arrow::datatypes::{DataType, Schema};

use super::expressions::{Expressions, Id};
use super::fusion::{CutLevel, is_within};

/// What a list costs to read, in plain columns.
const LIST: usize = 4;

/// A level and the columns of the two scans.
#[derive(Debug)]
pub(super) struct Split {
    pub(super) level: usize,
    /// Columns for all events, and those for the events of the level.
    pub(super) all: Vec<usize>,
    pub(super) passed: Vec<usize>,
}

impl Split {
    /// The best split, if any pays: if less is read for fewer events than is read twice.
    pub(super) fn of(
        levels: &[CutLevel],
        placed: &[(usize, Vec<Id>)],
        written: &[Vec<Id>],
        arguments: &[&[Id]],
        groups: &[Id],
        expressions: &Expressions,
        schema: &Schema,
    ) -> Option<Self> {
        let cost = |columns: &mut dyn Iterator<Item = &usize>| -> usize {
            let one = |&column: &usize| match schema.field(column).data_type() {
                DataType::List(_) | DataType::LargeList(_) => LIST,
                _ => 1,
            };
            columns.map(one).sum()
        };
        let split = |level: usize| {
            let cuts = &levels[level].cuts;
            let within = |other: usize| is_within(levels, other, level);
            // A cut that another one keeps from failing stays behind it.
            let fails_alike =
                |(written, (at, _)): (&Vec<Id>, &(usize, Vec<Id>))| !within(*at) || written.starts_with(cuts);
            if levels[level].above != Some(0) || !written.iter().zip(placed).all(fails_alike) {
                return None;
            }
            let roots = |inside: bool| {
                let cuts = levels.iter().enumerate();
                let cuts = cuts.filter(move |(other, _)| *other != level && within(*other) == inside);
                let outputs = placed.iter().zip(arguments).filter(move |((at, _), _)| within(*at) == inside);
                let outputs = outputs.flat_map(|((_, filter), arguments)| filter.iter().chain(*arguments));
                groups.iter().chain(cuts.flat_map(|(_, level)| &level.cuts)).chain(outputs).copied()
            };
            let all = expressions.columns_of(roots(false));
            let passed = expressions.columns_of(roots(true));
            let read = expressions.columns_of(roots(true).chain(cuts.iter().copied()));
            let fewer = cost(&mut passed.iter().filter(|column| !all.contains(column)));
            let twice = cost(&mut read.iter().filter(|column| all.contains(column)));
            let gain = fewer.checked_sub(twice).filter(|gain| *gain > 0)?;
            Some((gain, Self { level, all, passed }))
        };
        let splits = (1..levels.len()).filter_map(split);
        splits.max_by_key(|(gain, _)| *gain).map(|(_, split)| split)
    }
}
