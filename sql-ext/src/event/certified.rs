//! The luminosity blocks certified for physics: `{"run": [[first, last], …], …}`, both ends included.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::error::FunctionError;

/// Which luminosity blocks of which runs are good.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Certified {
    /// Ranges in order, not touching one another.
    runs: BTreeMap<u64, Vec<(u64, u64)>>,
}

impl Certified {
    /// Reads a file.
    pub fn read(path: &str) -> Result<Self, FunctionError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| FunctionError::GoldenJsonRead { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|reason| FunctionError::GoldenJsonForm { path: path.to_owned(), reason })
    }

    /// Parses the text of a file. Anything but runs with ranges is refused: a mask that is not what was
    /// meant selects wrong data without a sign.
    pub fn parse(text: &str) -> Result<Self, String> {
        let RunsOnce(entries) = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut runs = BTreeMap::new();
        for (name, ranges) in entries {
            let run: u64 = name.parse().map_err(|_| format!("'{name}' is not a run number"))?;
            let Value::Array(ranges) = ranges else {
                return Err(format!("run {run}: expected a list of [first, last], got {ranges}"));
            };
            let mut blocks =
                ranges.iter().map(|range| block_range(run, range)).collect::<Result<Vec<_>, _>>()?;
            blocks.sort_unstable();
            if runs.insert(run, joined(blocks)).is_some() {
                return Err(format!("run {run} is listed twice"));
            }
        }
        Ok(Self { runs })
    }

    /// Whether the block is certified.
    pub fn contains(&self, run: u64, block: u64) -> bool {
        let Some(ranges) = self.runs.get(&run) else {
            return false;
        };
        let after = ranges.partition_point(|&(first, _)| first <= block);
        after > 0 && block <= ranges[after - 1].1
    }
}

fn block_range(run: u64, range: &Value) -> Result<(u64, u64), String> {
    let malformed = || format!("run {run}: expected [first, last] with first <= last, got {range}");
    let pair = range.as_array().filter(|pair| pair.len() == 2).ok_or_else(malformed)?;
    match (pair[0].as_u64(), pair[1].as_u64()) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        _ => Err(malformed()),
    }
}

/// Joins overlapping ranges, so that one look at the last range that starts before a block decides.
fn joined(sorted: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    let mut joined: Vec<(u64, u64)> = Vec::with_capacity(sorted.len());
    for (first, last) in sorted {
        match joined.last_mut() {
            Some(open) if first <= open.1 => open.1 = open.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// The entries of the file, in a form that does not lose a run that is there twice.
struct RunsOnce(Vec<(String, Value)>);

impl<'de> serde::Deserialize<'de> for RunsOnce {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> serde::de::Visitor<'de> for Entries {
            type Value = RunsOnce;
            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("an object of the form {\"run\": [[first, last], …], …}")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<RunsOnce, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(RunsOnce(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn both_ends_are_included() {
        let good = Certified::parse(r#"{"273158": [[12, 19], [1, 3], [3, 5]], "1": []}"#).unwrap();
        let blocks: Vec<u64> = (0..25).filter(|&block| good.contains(273_158, block)).collect();
        assert_eq!(blocks, [1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17, 18, 19]);
        assert!(!good.contains(1, 1) && !good.contains(2, 1));
    }

    #[rstest]
    #[case::not_json("{", "EOF while parsing")]
    #[case::no_object("[1]", "expected an object of the form")]
    #[case::no_run(r#"{"run": [[1, 2]]}"#, "'run' is not a run number")]
    #[case::no_ranges(r#"{"1": 5}"#, "run 1: expected a list of [first, last], got 5")]
    #[case::three_ends(r#"{"1": [[1, 2, 3]]}"#, "got [1,2,3]")]
    #[case::backwards(r#"{"1": [[3, 2]]}"#, "got [3,2]")]
    #[case::negative(r#"{"1": [[-1, 2]]}"#, "got [-1,2]")]
    #[case::fraction(r#"{"1": [[1.5, 2]]}"#, "got [1.5,2]")]
    #[case::twice(r#"{"1": [[1, 2]], "1": [[3, 4]]}"#, "run 1 is listed twice")]
    #[case::twice_in_disguise(r#"{"1": [[1, 2]], "01": [[3, 4]]}"#, "run 1 is listed twice")]
    fn anything_else_is_refused(#[case] text: &str, #[case] why: &str) {
        let error = Certified::parse(text).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}
