//! Where the fused operator takes its place in a plan.

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_common::config::ConfigOptions;
use datafusion_common::extensions_options;
use datafusion_common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion_session::PhysicalOptimizerRule;

use super::HistogramExec;

extensions_options! {
    /// Settings of the dialect: `SET ana.…`.
    pub struct AnaOptions {
        /// Whether all aggregates of a query that fills histograms run in one operator. Results do not depend on it.
        pub fused_histograms: bool, default = true
        /// Whether what only events of a FILTER need is read for those alone. Results do not depend on it.
        pub late_reading: bool, default = true
        /// Where histograms are filled: auto, cpu, gpu, or gpu:N. Results do not depend on it.
        pub device: String, default = "auto".to_owned()
    }
}

impl datafusion_common::config::ConfigExtension for AnaOptions {
    const PREFIX: &'static str = "ana";
}

/// Puts [`HistogramExec`] in place of aggregations that fill histograms. It goes before the engine's own rules,
/// while projections and filters stand where the query has them.
#[derive(Debug)]
pub struct FuseHistograms {
    read_again: ReadAgain,
}

/// A second scan of what a scan reads, whose events nobody counts; none of what cannot be read twice with one result.
pub type ReadAgain = fn(&Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>>;

impl FuseHistograms {
    /// With a way to read twice.
    #[must_use]
    pub fn new(read_again: ReadAgain) -> Self {
        Self { read_again }
    }
}

impl PhysicalOptimizerRule for FuseHistograms {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = config.extensions.get::<AnaOptions>();
        if options.is_some_and(|options| !options.fused_histograms) {
            return Ok(plan);
        }
        let late = options.is_none_or(|options| options.late_reading);
        let never: ReadAgain = |_| None;
        let read_again = if late { self.read_again } else { never };
        plan.transform_up(|node| {
            let last = |node: &&AggregateExec| {
                matches!(node.mode(), AggregateMode::Final | AggregateMode::FinalPartitioned)
            };
            let last = node.downcast_ref::<AggregateExec>().filter(last);
            // Expressions that cannot be taken apart (lambdas) stay with the engine's own operator.
            let fused = last.and_then(|last| HistogramExec::fused(last, read_again).ok().flatten());
            Ok(match fused {
                Some(fused) => Transformed::yes(Arc::new(fused) as Arc<dyn ExecutionPlan>),
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "fuse_histograms"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
