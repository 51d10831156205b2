//! The physical operator.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_common::{Result, internal_err};
use datafusion_execution::memory_pool::MemoryConsumer;
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion_physical_plan::aggregates::AggregateExec;
use datafusion_physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion_physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::StreamExt;

use super::fills;
use super::fusion::{Fusion, Kind, fuse};
use super::place;
use super::stream::{Run, Taken};
use super::told::Told;

/// The partial aggregation of a query that fills histograms: every partition emits one row of states (with GROUP BY one
/// per group), which the engine's final aggregation merges.
#[derive(Debug)]
pub struct HistogramExec {
    fusion: Arc<Fusion>,
    input: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    told: Arc<Told>,
}

impl HistogramExec {
    /// What there is to say of where it filled, once it has run.
    #[must_use]
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// The operator in place of a partial aggregation; `None` where it fills no histograms or needs what this operator
    /// does not do (grouping sets, ordered aggregates, limits).
    ///
    /// # Errors
    /// Expressions that cannot be planned.
    pub fn fused(aggregate: &AggregateExec) -> Result<Option<Self>> {
        let Some((fusion, input)) = fuse(aggregate)? else { return Ok(None) };
        Ok(Some(Self::new(Arc::new(fusion), input, aggregate.schema())))
    }

    fn new(fusion: Arc<Fusion>, input: Arc<dyn ExecutionPlan>, schema: SchemaRef) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        let (properties, told) = (Arc::new(properties), Arc::default());
        Self { fusion, input, schema, properties, metrics, told }
    }
}

impl DisplayAs for HistogramExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (values, masks, weights, histograms) = fills::counts(&self.fusion);
        let others =
            self.fusion.outputs.iter().filter(|output| !matches!(output.kind, Kind::Hist(_))).count();
        write!(
            f,
            "HistogramExec: histograms={histograms}, values={values}, masks={masks}, weights={weights}, \
             others={others}, expressions={}, bytes={}",
            self.fusion.steps.computed(),
            fills::least_bytes(&self.fusion)
        )?;
        match &self.fusion.texts[..] {
            [] | [_] => Ok(()),
            [_, cuts @ ..] => write!(f, ", levels=[{}]", cuts.join("; ")),
        }
    }
}

impl ExecutionPlan for HistogramExec {
    fn name(&self) -> &'static str {
        "HistogramExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        // What is evaluated here is numbered, and nothing in it changes while a query runs.
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => {
                Ok(Arc::new(Self::new(Arc::clone(&self.fusion), input, Arc::clone(&self.schema))))
            }
            _ => internal_err!("HistogramExec has one input"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let consumer = MemoryConsumer::new(format!("HistogramExec[{partition}]"));
        let reservation = Arc::new(consumer.register(context.memory_pool()));
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let (fusion, schema) = (Arc::clone(&self.fusion), Arc::clone(&self.schema));
        let (metrics, told) = (self.metrics.clone(), Arc::clone(&self.told));
        let backend = place::backend(context.session_config())?;
        let start = move || {
            let (fusion, schema) = (Arc::clone(&fusion), Arc::clone(&schema));
            let place = (backend.clone(), Arc::clone(&told));
            Run::new(fusion, schema, reservation.new_empty(), &metrics, partition, place)
        };
        let run = start()?;
        let input = self.input.execute(partition, context)?;
        let stream = futures::stream::try_unfold(Some((run, input)), move |state| {
            let (start, baseline) = (start.clone(), baseline.clone());
            async move {
                let Some((mut run, mut input)) = state else { return Ok(None) };
                while let Some(batch) = input.next().await {
                    let batch = batch?;
                    let _timer = baseline.elapsed_compute().timer();
                    if run.take(&batch)? == Taken::Full {
                        let states = run.states()?;
                        baseline.record_output(states.num_rows());
                        return Ok(Some((states, Some((start()?, input)))));
                    }
                }
                let _timer = baseline.elapsed_compute().timer();
                let states = run.states()?;
                baseline.record_output(states.num_rows());
                Ok(Some((states, None)))
            }
        });
        let stream = stream.filter(|states: &Result<RecordBatch>| {
            let empty = states.as_ref().is_ok_and(|states| states.num_rows() == 0);
            futures::future::ready(!empty)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
