//! The physical operator.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_common::{DataFusionError, Result, internal_err};
use datafusion_common_runtime::SpawnedTask;
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
use futures::stream::FuturesUnordered;
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;

use super::fills;
use super::fusion::{Fusion, Kind, fuse};
use super::place;
use super::rule::ReadAgain;
use super::run::{Run, Taken};
use super::told::Told;

/// The whole aggregation of a query that fills histograms. Every partition of the input is filled by a task of its own; what
/// they hold is merged in place, in their order, and finished aggregate by aggregate.
#[derive(Debug)]
pub struct HistogramExec {
    fusion: Arc<Fusion>,
    /// One per share of the fusion.
    inputs: Vec<Arc<dyn ExecutionPlan>>,
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

    /// The operator in place of a final aggregation over a partial one; `None` where it fills no histograms or needs what
    /// this operator does not do (grouping sets, ordered aggregates, limits).
    ///
    /// # Errors
    /// Expressions that cannot be planned.
    pub fn fused(last: &AggregateExec, read_again: ReadAgain) -> Result<Option<Self>> {
        let Some(partial) = last.input().downcast_ref::<AggregateExec>() else { return Ok(None) };
        if last.limit_options().is_some() {
            return Ok(None);
        }
        let Some((fusion, inputs)) = fuse(partial, read_again)? else { return Ok(None) };
        Ok(Some(Self::new(Arc::new(fusion), inputs, last.schema())))
    }

    fn new(fusion: Arc<Fusion>, inputs: Vec<Arc<dyn ExecutionPlan>>, schema: SchemaRef) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        let (properties, told) = (Arc::new(properties), Arc::default());
        Self { fusion, inputs, schema, properties, metrics, told }
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
             others={others}, expressions={}, bytes<={}",
            self.fusion.steps.computed(),
            fills::most_bytes(&self.fusion)
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
        self.inputs.iter().collect()
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
        inputs: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if inputs.len() != self.inputs.len() {
            return internal_err!("HistogramExec has {} inputs", self.inputs.len());
        }
        Ok(Arc::new(Self::new(Arc::clone(&self.fusion), inputs, Arc::clone(&self.schema))))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("HistogramExec has one partition");
        }
        let backend = place::backend(context.session_config())?;
        let mut parts = vec![];
        let partitions = self.inputs.iter().enumerate().flat_map(|(share, input)| {
            let partitions = input.output_partitioning().partition_count();
            (0..partitions).map(move |partition| (share, input, partition))
        });
        for (number, (share, input, partition)) in partitions.enumerate() {
            let consumer = MemoryConsumer::new(format!("HistogramExec[{number}]"));
            let reservation = consumer.register(context.memory_pool());
            let (fusion, metrics) = (Arc::clone(&self.fusion), &self.metrics);
            let place = (&backend, Arc::clone(&self.told));
            let run = Run::new(fusion, share, reservation, metrics, number, place)?;
            let baseline = BaselineMetrics::new(&self.metrics, number);
            let input = input.execute(partition, Arc::clone(&context))?;
            parts.push(Part { run, input, baseline });
        }
        // All cut weights alike, so that merging adds integers.
        if let [first, others @ ..] = &mut parts[..] {
            others.iter_mut().for_each(|other| other.run.share_windows(&first.run));
        }
        let schema = Arc::clone(&self.schema);
        let baseline = BaselineMetrics::new(&self.metrics, 0);
        let result = async move {
            let result = gather(parts, &schema, &baseline).await?;
            baseline.record_output(result.num_rows());
            Ok(result)
        };
        let stream = futures::stream::once(result).try_filter(|batch| {
            let some = batch.num_rows() > 0;
            futures::future::ready(some)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// A partition of the input, and what is filled from it.
struct Part {
    run: Run,
    input: SendableRecordBatchStream,
    baseline: BaselineMetrics,
}

impl Part {
    /// Takes all batches. Where memory is used up, what is held so far goes to `early`.
    async fn filled(self, early: Arc<Mutex<Option<Run>>>) -> Result<Run> {
        let Self { mut run, mut input, baseline } = self;
        while let Some(batch) = input.next().await {
            let batch = batch?;
            let _timer = baseline.elapsed_compute().timer();
            if run.take(&batch)? == Taken::Full {
                let next = run.another()?;
                let full = std::mem::replace(&mut run, next).ended()?;
                let mut early = early.lock();
                match &mut *early {
                    Some(early) => early.merge(full)?,
                    none => *none = Some(full),
                }
            }
        }
        let _timer = baseline.elapsed_compute().timer();
        run.ended()
    }
}

/// Fills from all partitions at a time, and merges what they hold in their order.
async fn gather(parts: Vec<Part>, schema: &SchemaRef, baseline: &BaselineMetrics) -> Result<RecordBatch> {
    let early: Arc<Mutex<Option<Run>>> = Arc::default();
    let number = parts.len();
    let mut tasks: FuturesUnordered<_> = parts
        .into_iter()
        .enumerate()
        .map(|(partition, part)| {
            let task = SpawnedTask::spawn(part.filled(Arc::clone(&early)));
            async move {
                let run = task.join_unwind().await;
                Ok::<_, DataFusionError>((
                    partition,
                    run.map_err(|e| DataFusionError::External(Box::new(e)))??,
                ))
            }
        })
        .collect();
    let mut waiting: Vec<Option<Run>> = (0..number).map(|_| None).collect();
    let (mut merged, mut next): (Option<Run>, usize) = (None, 0);
    while let Some((partition, run)) = tasks.try_next().await? {
        waiting[partition] = Some(run);
        let _timer = baseline.elapsed_compute().timer();
        while let Some(run) = waiting.get_mut(next).and_then(Option::take) {
            next += 1;
            match &mut merged {
                Some(merged) => merged.merge(run)?,
                none => *none = Some(run),
            }
        }
    }
    let _timer = baseline.elapsed_compute().timer();
    let early = early.lock().take();
    let merged = match (early, merged) {
        (Some(mut early), Some(merged)) => {
            early.merge(merged)?;
            early
        }
        (None, Some(merged)) => merged,
        (_, None) => return internal_err!("HistogramExec over no partition"),
    };
    merged.finish(schema)
}
