//! Sums as they are before they are rounded: results that can be added to those of other events without losing a bit.
//!
//! Functions made by `unrounded` (of [`Hist`](super::Hist), [`Cutflow`](super::Cutflow), [`Exact`](super::Exact)) give these bytes in
//! place of their numbers. The first byte says what follows.

use std::sync::Arc;

use ana_hist::ExactHistogram;
use ana_hist::exact_sum::ExactSum;
use datafusion_common::{Result, ScalarValue};

use super::selection;
use crate::error::FunctionError;
use crate::histogram::histogram_array;

/// An exact result of an aggregate.
#[derive(Debug, Clone)]
pub enum Unrounded {
    /// Of `hist`.
    Histogram(ExactHistogram),
    /// Of `sum` of floats.
    Sum(ExactSum),
    /// Of `cutflow`: the names of its rows, and one bin for each behind the axes of categories and variations.
    Table {
        /// Names.
        rows: Vec<String>,
        /// Sums.
        sums: ExactHistogram,
    },
}

const HISTOGRAM: u8 = b'h';
const SUM: u8 = b's';
const TABLE: u8 = b't';

impl Unrounded {
    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let tagged = |tag: u8, bytes: Vec<u8>| {
            let mut out = Vec::with_capacity(bytes.len() + 1);
            out.push(tag);
            out.extend(bytes);
            out
        };
        match self {
            Self::Histogram(histogram) => tagged(HISTOGRAM, histogram.to_bytes()),
            Self::Sum(sum) => tagged(SUM, sum.to_bytes()),
            Self::Table { rows, sums } => {
                let mut out = vec![TABLE];
                let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
                out.extend(length(rows.len()));
                for row in rows {
                    out.extend(length(row.len()));
                    out.extend(row.as_bytes());
                }
                out.extend(sums.to_bytes());
                out
            }
        }
    }

    /// From its bytes.
    ///
    /// # Errors
    /// Bytes that [`to_bytes`](Self::to_bytes) did not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (tag, rest) = bytes.split_first().ok_or_else(|| malformed("no bytes"))?;
        match *tag {
            HISTOGRAM => Ok(Self::Histogram(ExactHistogram::from_bytes(rest).map_err(fault)?)),
            SUM => {
                let mut sum = ExactSum::default();
                sum.merge_bytes(rest).map_err(fault)?;
                Ok(Self::Sum(sum))
            }
            TABLE => {
                let (number, mut rest) = length(rest)?;
                let mut rows = Vec::new();
                for _ in 0..number {
                    let (size, behind) = length(rest)?;
                    let (text, behind) =
                        behind.split_at_checked(size).ok_or_else(|| malformed("a name is cut off"))?;
                    rows.push(
                        String::from_utf8(text.to_vec()).map_err(|_| malformed("a name is not UTF-8"))?,
                    );
                    rest = behind;
                }
                Ok(Self::Table { rows, sums: ExactHistogram::from_bytes(rest).map_err(fault)? })
            }
            _ => Err(malformed("an unknown kind of sum")),
        }
    }

    /// Adds the result of other events.
    ///
    /// # Errors
    /// Results of different calls.
    pub fn add(&mut self, other: &Self) -> Result<()> {
        match (self, other) {
            (Self::Histogram(own), Self::Histogram(other)) => own.merge(other).map_err(fault),
            (Self::Sum(own), Self::Sum(other)) => own.merge_bytes(&other.to_bytes()).map_err(fault),
            (Self::Table { rows, sums }, Self::Table { rows: others, sums: other }) if rows == others => {
                sums.merge(other).map_err(fault)
            }
            _ => Err(malformed("results of different calls cannot be added")),
        }
    }

    /// What the function would have given.
    ///
    /// # Errors
    /// A table whose names do not fit its rows.
    pub fn round(&self) -> Result<ScalarValue> {
        match self {
            Self::Histogram(histogram) => {
                Ok(ScalarValue::Struct(Arc::new(histogram_array(vec![Some(histogram.finish())])?)))
            }
            Self::Sum(sum) => Ok(ScalarValue::Float64(Some(sum.value()))),
            Self::Table { rows, sums } => selection::table(rows, &sums.finish()),
        }
    }
}

fn length(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk().ok_or_else(|| malformed("a length is cut off"))?;
    Ok((usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX), rest))
}

fn malformed(reason: &str) -> datafusion_common::DataFusionError {
    FunctionError::Malformed { reason: reason.to_owned() }.into()
}

fn fault(source: ana_hist::HistError) -> datafusion_common::DataFusionError {
    FunctionError::Histogram { function: "an unrounded sum", source }.into()
}

#[cfg(test)]
mod tests {
    use ana_hist::Axis;

    use super::*;

    fn histogram(weights: &[f64]) -> ExactHistogram {
        let axes = vec![
            Axis::category(vec!["a".into(), "b".into()]).unwrap().named("category"),
            Axis::integer(0, 2).unwrap(),
        ];
        let mut histogram = ExactHistogram::new(axes, true).unwrap();
        weights.iter().for_each(|weight| histogram.fill_one(&[1.0, 1.0], *weight));
        histogram
    }

    fn sum(of: &[f64]) -> Unrounded {
        let mut sum = ExactSum::default();
        sum.add_slice(of);
        Unrounded::Sum(sum)
    }

    #[test]
    fn parts_are_the_whole_to_the_bit() {
        let (one, other) = ([0.1, 1e16, 0.3], [-1e16, 0.7]);
        let all: Vec<f64> = one.iter().chain(&other).copied().collect();
        let table = |of: &[f64]| Unrounded::Table {
            rows: vec!["all".to_owned(), "MET > 20".to_owned()],
            sums: histogram(of),
        };
        type Maker<'a> = &'a dyn Fn(&[f64]) -> Unrounded;
        let makers: [Maker<'_>; 3] = [&sum, &|of| Unrounded::Histogram(histogram(of)), &table];
        for of in makers {
            let mut added = Unrounded::from_bytes(&of(&one).to_bytes()).unwrap();
            added.add(&Unrounded::from_bytes(&of(&other).to_bytes()).unwrap()).unwrap();
            assert_eq!(added.to_bytes(), of(&all).to_bytes());
            assert_eq!(added.round().unwrap(), of(&all).round().unwrap());
        }
        // Rounded parts would miss it.
        let read = |of: &[f64]| match sum(of).round().unwrap() {
            ScalarValue::Float64(Some(value)) => value,
            other => panic!("{other}"),
        };
        assert_ne!(read(&one) + read(&other), read(&all));
    }

    #[test]
    fn different_results_and_broken_bytes_are_refused() {
        let mut one = sum(&[1.0]);
        assert!(one.add(&Unrounded::Histogram(histogram(&[]))).is_err());
        let bytes = Unrounded::Table { rows: vec!["all".into()], sums: histogram(&[1.0]) }.to_bytes();
        for end in 0..20 {
            assert!(Unrounded::from_bytes(&bytes[..end]).is_err(), "{end}");
        }
        assert!(Unrounded::from_bytes(b"x").is_err());
        // One name for two rows.
        assert!(Unrounded::from_bytes(&bytes).unwrap().round().is_err());
    }
}
