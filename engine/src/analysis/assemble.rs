//! From the rows of a script to histograms and tables: shape variations beside weight variations, subsamples under
//! their names, simulation divided by its sum of weights.

use ana_hist::{Axis, Histogram, Weighted};
use ana_sql_ext::histogram::histogram_at;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use serde::{Deserialize, Serialize};

use super::Result;
use super::error::AnalysisError;
use super::model::{HistogramPlan, Normalisation, Plan};
use crate::output::{AxisLabel, NamedHistogram};

/// What an analysis gives.
#[derive(Debug, Clone, Default)]
pub struct Assembled {
    /// Histograms by `name/sample/dataset`.
    pub histograms: Vec<NamedHistogram>,
    /// Events and weights per step, category and variation.
    pub cutflow: Vec<CutflowRow>,
    /// What came in.
    pub datasets: Vec<DatasetSummary>,
    /// Selected events in no category or subsample, and in several: dataset, what, how many in none, how many in several.
    pub coverage: Vec<(String, String, u64, u64)>,
    /// Histograms of the plan that nothing was filled into.
    pub never_filled: Vec<String>,
    /// By dataset, files whose Runs tree has entries; none where these were not asked for.
    pub runs_files: Vec<(String, u64)>,
}

/// A row of the cutflow.
#[derive(Debug, Clone, PartialEq)]
pub struct CutflowRow {
    /// The sample, or `sample__subsample`.
    pub sample: String,
    /// The dataset.
    pub dataset: String,
    /// `initial`, `skim`, `presel` or a category.
    pub step: String,
    /// The variation.
    pub variation: String,
    /// Events.
    pub events: u64,
    /// Σw, normalised; only categories have weights.
    pub sumw: Option<f64>,
    /// Σw², normalised.
    pub sumw2: Option<f64>,
    /// Σ genWeight, not normalised, of the steps before the categories; where simulation is weighted with it.
    pub sum_genweights: Option<f64>,
}

/// What came in of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DatasetSummary {
    /// The dataset.
    pub dataset: String,
    /// Its sample.
    pub sample: String,
    /// Events before any cut.
    pub initial: u64,
    /// What its weights were divided by, if by anything.
    pub divided_by: Option<f64>,
    /// Whether that is the sum over the whole dataset, as the datasets file has it.
    pub divided_by_metadata: bool,
}

impl Assembled {
    /// With what was counted of other datasets.
    #[must_use]
    pub(super) fn beside(mut self, other: Self) -> Self {
        self.never_filled.extend(other.never_filled);
        self.never_filled.sort();
        self.never_filled.dedup();
        self.histograms.extend(other.histograms);
        let filled: Vec<&String> =
            self.histograms.iter().filter(|h| is_filled(h)).map(|h| &h.alias).collect();
        self.never_filled.retain(|name| !filled.contains(&name));
        self.cutflow.extend(other.cutflow);
        self.coverage.extend(other.coverage);
        self.datasets.extend(other.datasets);
        self.runs_files.extend(other.runs_files);
        self.sort();
        self
    }

    /// Simulation divided by its sum of weights.
    ///
    /// # Errors
    /// NaN or infinity in a result.
    pub fn normalised(mut self) -> Result<Self> {
        let divisors: Vec<(String, f64)> =
            self.datasets.iter().filter_map(|d| Some((d.dataset.clone(), d.divided_by?))).collect();
        let divisor =
            |dataset: &str| divisors.iter().find(|(name, _)| name == dataset).map(|(_, value)| *value);
        for named in &mut self.histograms {
            let dataset = named.keys.last().map(|(_, dataset)| dataset.as_str()).unwrap_or_default();
            if let (Some(divisor), Some(sums)) = (divisor(dataset), &mut named.histogram.weighted) {
                sums.sumw.iter_mut().for_each(|sum| *sum /= divisor);
                sums.sumw2.iter_mut().for_each(|sum| *sum /= divisor * divisor);
            }
            check_finite(&named.name, &named.histogram)?;
        }
        for row in &mut self.cutflow {
            if let Some(divisor) = divisor(&row.dataset) {
                row.sumw = row.sumw.map(|sum| sum / divisor);
                row.sumw2 = row.sumw2.map(|sum| sum / (divisor * divisor));
            }
            for value in [row.sumw, row.sumw2].into_iter().flatten() {
                if !value.is_finite() {
                    return Err(AnalysisError::NotFinite {
                        what: format!("the sum of weights of dataset '{}'", row.dataset),
                        category: row.step.clone(),
                        variation: row.variation.clone(),
                        value,
                    });
                }
            }
        }
        Ok(self)
    }

    fn sort(&mut self) {
        self.datasets.sort_by(|a, b| a.dataset.cmp(&b.dataset));
        // Steps and variations keep their order.
        self.cutflow.sort_by(|a, b| (&a.dataset, &a.sample).cmp(&(&b.dataset, &b.sample)));
        self.histograms.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

fn is_filled(named: &NamedHistogram) -> bool {
    named.histogram.counts.iter().any(|count| *count > 0)
}

/// Puts the results of a script together, not yet normalised: what it counted, and `runs`, the sums of the Runs trees,
/// if it has them.
///
/// # Errors
/// Columns that are not there, weights that are NULL, and Runs trees without a sum.
pub fn assemble(plan: &Plan, batches: &[RecordBatch], runs: &[RecordBatch]) -> Result<Assembled> {
    let mut assembled = Assembled::default();
    for batch in batches {
        for row in 0..batch.num_rows() {
            Row { plan, batch, row }.assemble(&mut assembled)?;
        }
    }
    for batch in runs {
        for row in 0..batch.num_rows() {
            Row { plan, batch, row }.add_runs(&mut assembled)?;
        }
    }
    for summary in &assembled.datasets {
        let by_runs = plan.normalisation.get(&summary.sample) == Some(&Normalisation::Runs);
        let sum = summary.divided_by;
        if by_runs && !sum.is_some_and(|sum| sum.is_finite() && sum != 0.0) {
            return Err(AnalysisError::RunsSum { dataset: summary.dataset.clone(), sum });
        }
    }
    assembled.sort();
    let filled = |name: &str| assembled.histograms.iter().any(|h| h.alias == name && is_filled(h));
    for planned in &plan.histograms {
        if !filled(&planned.name) && !assembled.never_filled.contains(&planned.name) {
            assembled.never_filled.push(planned.name.clone());
        }
    }
    Ok(assembled)
}

/// One row of the result: a dataset.
struct Row<'a> {
    plan: &'a Plan,
    batch: &'a RecordBatch,
    row: usize,
}

impl Row<'_> {
    fn assemble(&self, into: &mut Assembled) -> Result<()> {
        let (sample, dataset) = (self.text("sample")?, self.text("dataset")?);
        let initial = self.count("initial")?;
        let divisor = match self.plan.normalisation.get(&sample) {
            None | Some(Normalisation::Runs) => None,
            Some(Normalisation::SumSigns) => Some(self.number("sum_signs")?),
            Some(Normalisation::SumGenWeights | Normalisation::Metadata) => {
                Some(self.number("sum_genweights")?)
            }
        };
        if self.has("null_weights") {
            let events = self.count("null_weights")?;
            if events > 0 {
                return Err(AnalysisError::NullWeight { dataset, events });
            }
        }
        into.datasets.push(DatasetSummary {
            dataset: dataset.clone(),
            sample: sample.clone(),
            initial,
            divided_by: divisor,
            divided_by_metadata: self.plan.normalisation.get(&sample) == Some(&Normalisation::Metadata),
        });
        self.steps(&sample, &dataset, initial, into)?;
        for (samples, what, none, several) in &self.plan.coverage {
            if samples.contains(&sample) {
                let in_none = none.as_ref().map_or(Ok(0), |column| self.count(column))?;
                into.coverage.push((dataset.clone(), what.clone(), in_none, self.count(several)?));
            }
        }
        for table in self.plan.cutflows.iter().filter(|table| table.samples.contains(&sample)) {
            self.table(table, &dataset, into, &sample)?;
        }
        for planned in self.plan.histograms.iter().filter(|planned| planned.samples.contains(&sample)) {
            let full = full_name(&sample, planned.subsample.as_deref());
            let histogram = self.histogram(planned)?;
            let front = 1 + usize::from(planned.variations.is_some());
            let labels =
                std::iter::repeat_n(AxisLabel::default(), front).chain(planned.labels.iter().cloned());
            into.histograms.push(NamedHistogram {
                name: format!("{}/{full}/{dataset}", planned.name),
                alias: planned.name.clone(),
                keys: vec![("sample".to_owned(), full), ("dataset".to_owned(), dataset.clone())],
                labels: labels.collect(),
                histogram,
            });
        }
        Ok(())
    }

    /// The sum of the Runs trees of a dataset. One without events has a sum all the same: its files may be what a skim
    /// has left of others.
    fn add_runs(&self, into: &mut Assembled) -> Result<()> {
        let (sample, dataset) = (self.text("sample")?, self.text("dataset")?);
        let sum = self.number("sum_genweights")?;
        let divided_by = self.has("sum_genweights").then_some(sum);
        into.runs_files.push((dataset.clone(), self.count("files")?));
        match into.datasets.iter_mut().find(|known| known.dataset == dataset) {
            Some(known) => known.divided_by = divided_by,
            None => into.datasets.push(DatasetSummary {
                dataset,
                sample,
                initial: 0,
                divided_by,
                divided_by_metadata: false,
            }),
        }
        Ok(())
    }

    /// The steps before the categories.
    fn steps(&self, sample: &str, dataset: &str, initial: u64, into: &mut Assembled) -> Result<()> {
        let mut add = |sample: String, step: &str, variation: &str, events: u64, weights: &str| {
            let sum_genweights = if self.has(weights) { Some(self.number(weights)?) } else { None };
            into.cutflow.push(CutflowRow {
                sample,
                dataset: dataset.to_owned(),
                step: step.to_owned(),
                variation: variation.to_owned(),
                events,
                sumw: None,
                sumw2: None,
                sum_genweights,
            });
            Ok(())
        };
        let by_events = self.plan.normalisation.get(sample) == Some(&Normalisation::SumGenWeights);
        let first = if by_events { "sum_genweights" } else { "initial_genweights" };
        add(sample.to_owned(), "initial", "nominal", initial, first)?;
        add(sample.to_owned(), "skim", "nominal", self.count("skimmed")?, "skimmed_genweights")?;
        for (samples, part, variation, column) in &self.plan.preselected {
            if samples.iter().any(|known| known == sample) {
                let (full, weights) = (full_name(sample, part.as_deref()), format!("{column}_genweights"));
                add(full, "presel", variation, self.count(column)?, &weights)?;
            }
        }
        Ok(())
    }

    /// The events in categories.
    fn table(&self, table: &HistogramPlan, dataset: &str, into: &mut Assembled, sample: &str) -> Result<()> {
        let full = full_name(sample, table.subsample.as_deref());
        let first = into.cutflow.len();
        for part in &table.parts {
            let rows = self.cutflow(&part.column)?;
            for category in &part.categories {
                for (from, to) in &part.variations {
                    let same = |row: &&CutRow| {
                        row.category == *category && (from.is_none() || row.variation == *from)
                    };
                    // The row behind the cut, not that of all events.
                    let Some(row) = rows.iter().rfind(same) else {
                        return Err(AnalysisError::Result { column: part.column.clone() });
                    };
                    into.cutflow.push(CutflowRow {
                        sample: full.clone(),
                        dataset: dataset.to_owned(),
                        step: category.clone(),
                        variation: to.clone(),
                        events: row.count,
                        sumw: Some(row.sumw),
                        sumw2: Some(row.sumw2),
                        sum_genweights: None,
                    });
                }
            }
        }
        // Parts are those that share weights; people think in the order of the file.
        let place = |row: &CutflowRow| table.categories.iter().position(|category| *category == row.step);
        into.cutflow[first..].sort_by_key(place);
        Ok(())
    }

    /// A histogram with all its categories and variations.
    fn histogram(&self, planned: &HistogramPlan) -> Result<Histogram> {
        let fault = |source: Box<dyn std::error::Error + Send + Sync>| AnalysisError::Histogram {
            histogram: planned.name.clone(),
            source,
        };
        let mut parts = Vec::with_capacity(planned.parts.len());
        for part in &planned.parts {
            let missing = || AnalysisError::Result { column: part.column.clone() };
            let column = self.batch.column_by_name(&part.column).and_then(|column| column.as_struct_opt());
            let filled = histogram_at(column.ok_or_else(missing)?, self.row).map_err(|e| fault(e.into()))?;
            parts.push((part, filled.ok_or_else(missing)?));
        }
        let Some((first, filled)) = parts.first() else {
            return Err(AnalysisError::Result { column: planned.name.clone() });
        };
        let front =
            |part: &super::Part| 1 + usize::from(part.variations.iter().any(|(from, _)| from.is_some()));
        let mut axes = vec![
            Axis::category(planned.categories.clone())
                .map_err(|e| fault(e.into()))?
                .named("category".to_owned()),
        ];
        if let Some(variations) = &planned.variations {
            axes.push(
                Axis::category(variations.clone())
                    .map_err(|e| fault(e.into()))?
                    .named("variation".to_owned()),
            );
        }
        axes.extend(filled.axes.iter().skip(front(first)).cloned());
        let block: usize = filled.axes.iter().skip(front(first)).map(Axis::extent).product();
        let cells: usize = axes.iter().map(Axis::extent).product();
        let weighted = parts.iter().any(|(_, filled)| filled.weighted.is_some());
        let mut counts = vec![0; cells];
        let mut sums = weighted.then(|| Weighted { sumw: vec![0.0; cells], sumw2: vec![0.0; cells] });
        for (part, filled) in &parts {
            let missing = || AnalysisError::Result { column: part.column.clone() };
            for category in &part.categories {
                for (from, to) in &part.variations {
                    let source = place(&filled.axes, category, from.as_deref()).ok_or_else(missing)? * block;
                    let named = planned.variations.as_ref().map(|_| to.as_str());
                    let target = place(&axes, category, named).ok_or_else(missing)? * block;
                    for i in 0..block {
                        let count = filled.counts.get(source + i).copied().unwrap_or(0);
                        if let Some(cell) = counts.get_mut(target + i) {
                            *cell = count;
                        }
                        if let Some(sums) = &mut sums {
                            if let Some(cell) = sums.sumw.get_mut(target + i) {
                                *cell = filled.sumw(source + i);
                            }
                            if let Some(cell) = sums.sumw2.get_mut(target + i) {
                                *cell = filled.sumw2(source + i);
                            }
                        }
                    }
                }
            }
        }
        Histogram::new(axes, counts, sums).map_err(|e| fault(e.into()))
    }

    fn has(&self, column: &str) -> bool {
        let is_there = |array: &ArrayRef| !array.data_type().is_null() && !array.is_null(self.row);
        self.batch.column_by_name(column).is_some_and(is_there)
    }

    fn text(&self, column: &str) -> Result<String> {
        let missing = || AnalysisError::Result { column: column.to_owned() };
        let array = self.batch.column_by_name(column).ok_or_else(missing)?;
        let array = arrow::compute::cast(array, &DataType::Utf8).map_err(|_| missing())?;
        Ok(array.as_string::<i32>().value(self.row).to_owned())
    }

    fn count(&self, column: &str) -> Result<u64> {
        let missing = || AnalysisError::Result { column: column.to_owned() };
        let array = self.batch.column_by_name(column).ok_or_else(missing)?;
        let counts = array.as_primitive_opt::<Int64Type>().ok_or_else(missing)?;
        Ok(counts.value(self.row).unsigned_abs())
    }

    fn number(&self, column: &str) -> Result<f64> {
        let missing = || AnalysisError::Result { column: column.to_owned() };
        let array = self.batch.column_by_name(column).ok_or_else(missing)?;
        let numbers = array.as_primitive_opt::<Float64Type>().ok_or_else(missing)?;
        // A sum that is not there divides nothing: NaN is found where it would be used.
        Ok(if numbers.is_null(self.row) { f64::NAN } else { numbers.value(self.row) })
    }

    fn cutflow(&self, column: &str) -> Result<Vec<CutRow>> {
        let missing = || AnalysisError::Result { column: column.to_owned() };
        let list = self
            .batch
            .column_by_name(column)
            .and_then(|array| array.as_list_opt::<i32>())
            .ok_or_else(missing)?;
        let rows = list.value(self.row);
        let rows = rows.as_struct_opt().ok_or_else(missing)?;
        let texts = |name: &str| rows.column_by_name(name).and_then(|array| array.as_string_opt::<i32>());
        let floats = |name: &str| rows.column_by_name(name).and_then(|a| a.as_primitive_opt::<Float64Type>());
        let counts = rows.column_by_name("count").and_then(|a| a.as_primitive_opt::<UInt64Type>());
        let (categories, variations) = (texts("category").ok_or_else(missing)?, texts("variation"));
        let (counts, sumw, sumw2) = (
            counts.ok_or_else(missing)?,
            floats("sumw").ok_or_else(missing)?,
            floats("sumw2").ok_or_else(missing)?,
        );
        let row = |i: usize| CutRow {
            category: categories.value(i).to_owned(),
            variation: variations.map(|names| names.value(i).to_owned()),
            count: counts.value(i),
            sumw: sumw.value(i),
            sumw2: sumw2.value(i),
        };
        Ok((0..rows.len()).map(row).collect())
    }
}

/// A row of `cutflow(…)`.
struct CutRow {
    category: String,
    variation: Option<String>,
    count: u64,
    sumw: f64,
    sumw2: f64,
}

/// The place of a category and a variation on the axes in front.
fn place(axes: &[Axis], category: &str, variation: Option<&str>) -> Option<usize> {
    let index = |axis: &Axis, label: &str| axis.label_index(label).filter(|place| *place < axis.bins());
    let first = index(axes.first()?, category)?;
    match variation {
        None => Some(first),
        Some(variation) => {
            let axis = axes.get(1)?;
            Some(first * axis.extent() + index(axis, variation)?)
        }
    }
}

fn full_name(sample: &str, part: Option<&str>) -> String {
    part.map_or_else(|| sample.to_owned(), |part| format!("{sample}__{part}"))
}

fn check_finite(name: &str, histogram: &Histogram) -> Result<()> {
    let Some(sums) = &histogram.weighted else { return Ok(()) };
    for (cell, value) in
        sums.sumw.iter().zip(&sums.sumw2).enumerate().flat_map(|(i, (a, b))| [(i, *a), (i, *b)])
    {
        if !value.is_finite() {
            let places = histogram.indices(cell);
            let label = |axis: usize| {
                let label = places.get(axis).and_then(|place| histogram.axes.get(axis)?.label(*place));
                label.map_or_else(String::new, ToString::to_string)
            };
            return Err(AnalysisError::NotFinite {
                what: format!("histogram '{name}'"),
                category: label(0),
                variation: label(1),
                value,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    fn texts(values: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    /// What a script counted of dataset `a`.
    fn counted() -> RecordBatch {
        let number = |n: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![n])) };
        let (sample, dataset) = (texts(&["mc"]), texts(&["a"]));
        let columns =
            [("sample", sample), ("dataset", dataset), ("initial", number(10)), ("skimmed", number(7))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    /// The sums of the Runs trees of datasets.
    fn runs(datasets: &[&str], sums: &[Option<f64>]) -> RecordBatch {
        let samples = texts(&vec!["mc"; datasets.len()]);
        let files: ArrayRef = Arc::new(Int64Array::from(vec![2; datasets.len()]));
        let sums: ArrayRef = Arc::new(Float64Array::from(sums.to_vec()));
        let columns =
            [("sample", samples), ("dataset", texts(datasets)), ("files", files), ("sum_genweights", sums)];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn by_runs(runs: &[RecordBatch]) -> Result<Assembled> {
        let normalisation = [("mc".to_owned(), Normalisation::Runs)].into();
        assemble(&Plan { normalisation, ..Plan::default() }, &[counted()], runs)
    }

    #[test]
    fn the_sum_of_the_runs_trees_divides() {
        let assembled = by_runs(&[runs(&["a"], &[Some(2.5)])]).unwrap();
        let [summary] = assembled.datasets.as_slice() else { panic!("{:?}", assembled.datasets) };
        assert_eq!((summary.initial, summary.divided_by), (10, Some(2.5)));
        assert_eq!(assembled.runs_files, [("a".to_owned(), 2)]);
    }

    #[test]
    fn a_skim_that_left_no_events_has_its_sum() {
        let none_left = by_runs(&[runs(&["a", "b"], &[Some(2.5), Some(1.25)])]).unwrap();
        let b = |of: &Assembled| of.datasets.iter().find(|d| d.dataset == "b").cloned().unwrap();
        assert_eq!((b(&none_left).initial, b(&none_left).divided_by), (0, Some(1.25)));
        assert_eq!(none_left.runs_files, [("a".to_owned(), 2), ("b".to_owned(), 2)]);
    }

    #[test]
    fn no_sum_of_runs_is_an_error() {
        for wrong in [None, Some(0.0), Some(f64::NAN), Some(f64::INFINITY)] {
            let told = by_runs(&[runs(&["a"], &[wrong])]).map_err(|error| error.to_string());
            assert!(told.is_err_and(|told| told.contains("dataset 'a': the sum of genWeight")), "{wrong:?}");
        }
        assert!(matches!(by_runs(&[]), Err(AnalysisError::RunsSum { sum: None, .. })));
    }
}
