//! How an analysis is to be run, and what would make that fail only after everything was read.

use ana_kernels::DeviceChoice;

use super::Result;
use super::error::AnalysisError;
use super::model::{Analysis, Normalisation};

/// The section `run` of an analysis file, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Cores.
    pub threads: Option<u16>,
    /// Where histograms are filled.
    pub device: Option<DeviceChoice>,
    /// Events at a time.
    pub chunk: Option<usize>,
}

/// Reads them.
///
/// # Errors
/// Values that cannot be, and datasets that lack what they are divided or weighted by.
pub fn settings(analysis: &Analysis) -> Result<Settings> {
    let run = &analysis.raw.run;
    let wrong = |key: &str, problem: String| AnalysisError::Value { place: analysis.place(key), problem };
    let threads = run.threads.map(|threads| u16::try_from(threads).ok().filter(|n| *n > 0));
    if threads == Some(None) {
        return Err(wrong("run.threads", "threads is a number of cores, from 1 to 65535".to_owned()));
    }
    let chunk = run.chunk.map(|events| u32::try_from(events).ok().filter(|n| *n > 0));
    if chunk == Some(None) {
        return Err(wrong("run.chunk", "chunk is a number of events, from 1 to 4294967295".to_owned()));
    }
    let device = run.device.as_ref().map(|device| device.parse::<DeviceChoice>()).transpose();
    let device = device.map_err(|error| wrong("run.device", error.to_string()))?;
    check_metadata(analysis)?;
    Ok(Settings {
        threads: threads.flatten(),
        device,
        chunk: chunk.flatten().and_then(|events| usize::try_from(events).ok()),
    })
}

/// Without a cross section or a sum of weights every weight would be NULL.
fn check_metadata(analysis: &Analysis) -> Result<()> {
    let wrong = |key: &str, problem: String| AnalysisError::Value { place: analysis.place(key), problem };
    for treatment in &analysis.treatments {
        let by_xsec =
            treatment.scopes.iter().flatten().any(|scope| scope.weights.iter().any(|name| name == "XS"));
        for dataset in analysis.datasets.iter().filter(|dataset| treatment.samples.contains(&dataset.sample))
        {
            if by_xsec && dataset.xsec.is_none() {
                let problem = format!(
                    "dataset '{}' is weighted by XS and has no cross section; add \"xsec\" (pb) to its metadata",
                    dataset.name
                );
                return Err(wrong("weights", problem));
            }
            let by_metadata = treatment.normalisation == Some(Normalisation::Metadata);
            if by_metadata && !dataset.sum_genweights.is_some_and(|sum| sum != 0.0) {
                let problem = format!(
                    "dataset '{}' has no sum to be divided by; add \"sum_genweights\" to its metadata, or divide by events or runs",
                    dataset.name
                );
                return Err(wrong("normalisation.sum_genweights", problem));
            }
        }
    }
    Ok(())
}
