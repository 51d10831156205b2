//! A planned statement, and what comes of running it.

use std::{
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ana_hist::Histogram;
use arrow::{array::RecordBatch, datatypes::SchemaRef};
use datafusion::{
    execution::SendableRecordBatchStream,
    logical_expr::LogicalPlan,
    physical_plan::{ExecutionPlan, execute_stream, stream::RecordBatchStreamAdapter},
    sql::{
        parser::{CopyToSource, CopyToStatement, Statement},
        sqlparser::ast::Statement as SqlStatement,
    },
};
use futures::StreamExt;

use crate::{
    error::{EngineError, Result},
    explain,
    output::named_histograms,
    report::{self, Progress, RunReport, instrument::Instrumented},
    session::Session,
    table::ScanProgress,
};

/// How often progress is reported and cancellation looked at while a query runs.
const TICK: Duration = Duration::from_millis(50);

/// Where a result is to be written: `COPY (SELECT …) TO 'out.json' STORED AS UHI`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The file.
    pub path: PathBuf,
    /// The format by name, when given; else the file's ending decides.
    pub format: Option<String>,
}

/// Stops a query from another thread or task. Clones stop the same query.
#[derive(Debug, Clone, Default)]
pub struct CancelHandle(Arc<AtomicBool>);

impl CancelHandle {
    /// Asks the query to stop; it ends with [`EngineError::Cancelled`] within about a tenth of a second.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

type ProgressCallback = Arc<dyn Fn(&Progress) + Send + Sync>;

/// A planned statement.
pub struct Query {
    session: Session,
    plan: LogicalPlan,
    destination: Option<Destination>,
    on_progress: Option<ProgressCallback>,
    cancel: CancelHandle,
}

/// Rows, and what it took to get them.
#[derive(Debug, Clone)]
pub struct QueryResult {
    /// Columns.
    pub schema: SchemaRef,
    /// Rows, in the order the query gave them.
    pub batches: Vec<RecordBatch>,
    /// Events, cut levels, throughput.
    pub report: RunReport,
    /// Where `COPY … TO` asks the rows to be written; they are not written yet.
    pub destination: Option<Destination>,
    /// The columns that are GROUP BY keys; `None` where the query does not end in an aggregate.
    pub group_columns: Option<Vec<String>>,
}

impl QueryResult {
    /// The histograms of the result with their names: the alias, with GROUP BY `alias/key`.
    ///
    /// # Errors
    /// Two histograms of one name, or a value that is no valid histogram.
    pub fn histograms(&self) -> Result<Vec<(String, Histogram)>> {
        let named = named_histograms(&self.schema, &self.batches, self.group_columns.as_deref())?;
        Ok(named.into_iter().map(|h| (h.name, h.histogram)).collect())
    }
}

impl Query {
    pub(crate) fn new(session: Session, plan: LogicalPlan, destination: Option<Destination>) -> Self {
        Self { session, plan, destination, on_progress: None, cancel: CancelHandle::default() }
    }

    /// The columns of the result; none for statements without rows.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        if self.has_rows() {
            Arc::clone(self.plan.schema().inner())
        } else {
            Arc::new(arrow::datatypes::Schema::empty())
        }
    }

    /// The logical plan as DataFusion made it.
    #[must_use]
    pub fn plan(&self) -> &LogicalPlan {
        &self.plan
    }

    /// Calls `callback` about twenty times a second while the query runs, from the task that collects it.
    #[must_use]
    pub fn on_progress(mut self, callback: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(callback));
        self
    }

    /// A handle that stops this query.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    /// The columns that are GROUP BY keys, under the names they have in the result; `None` where the query does not end in an aggregate.
    #[must_use]
    pub fn group_columns(&self) -> Option<Vec<String>> {
        crate::grouping::group_columns(&self.plan)
    }

    /// Where `COPY … TO` asks the rows to be written.
    #[must_use]
    pub fn destination(&self) -> Option<&Destination> {
        self.destination.as_ref()
    }

    fn has_rows(&self) -> bool {
        !matches!(self.plan, LogicalPlan::Ddl(_) | LogicalPlan::Statement(_))
    }

    /// Starts the query and gives its batches as they come, without progress or report.
    ///
    /// # Errors
    /// What planning and opening the files may bring; later errors come in the stream.
    pub async fn stream(self) -> Result<SendableRecordBatchStream> {
        let additions = explain::additions(&self.session.context().state(), &self.plan)?;
        let frame = self.session.context().execute_logical_plan(self.plan).await?;
        let stream = frame.execute_stream().await?;
        let Some(rows) = additions else { return Ok(stream) };
        let schema = stream.schema();
        let all = stream.chain(futures::stream::iter([Ok(rows)]));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, all)))
    }

    /// Runs the query to its end.
    ///
    /// # Errors
    /// Any [`EngineError`]; [`EngineError::Cancelled`] when its handle was used.
    pub async fn collect(self) -> Result<QueryResult> {
        let (schema, destination) = (self.schema(), self.destination.clone());
        let group_columns = self.group_columns();
        let mut batches = Vec::new();
        let report = self
            .for_each(|batch| {
                batches.push(batch);
                Ok(ControlFlow::Continue(()))
            })
            .await?;
        Ok(QueryResult { schema, batches, report, destination, group_columns })
    }

    /// Runs the query and hands every batch to `take` as it comes, so that a result larger than memory can be
    /// written. `take` can end the query early; the report is of what was read until then.
    ///
    /// # Errors
    /// As [`Query::collect`], and what `take` returns.
    pub async fn for_each(
        self,
        mut take: impl FnMut(RecordBatch) -> Result<ControlFlow<()>>,
    ) -> Result<RunReport> {
        let started = Instant::now();
        if !self.has_rows() {
            let frame = self.session.context().execute_logical_plan(self.plan).await?;
            frame.collect().await?;
            return Ok(RunReport::default());
        }
        let additions = explain::additions(&self.session.context().state(), &self.plan)?;
        let mut instrumented = Instrumented::new(self.plan)?;
        let scans = Arc::new(ScanProgress::new());
        let mut state = self.session.context().state();
        state.config_mut().set_extension(Arc::clone(&scans));
        let physical = state.create_physical_plan(instrumented.plan()).await?;
        let stream = execute_stream(Arc::clone(&physical), self.session.context().task_ctx())?;
        let watch = Watch {
            started,
            physical: &physical,
            scans: &scans,
            on_progress: self.on_progress,
            cancel: self.cancel,
        };
        watch.drain(stream, |batch| take(instrumented.visible(batch)?)).await?;
        if let Some(rows) = additions {
            let _ = take(rows)?;
        }
        Ok(report::finish(&physical, &scans, instrumented.counted(), started.elapsed()))
    }
}

/// A running query seen from outside.
struct Watch<'a> {
    started: Instant,
    physical: &'a Arc<dyn ExecutionPlan>,
    scans: &'a ScanProgress,
    on_progress: Option<ProgressCallback>,
    cancel: CancelHandle,
}

impl Watch<'_> {
    /// Takes all batches while it reports progress; dropping the stream is what cancels the work below.
    async fn drain(
        &self,
        mut stream: SendableRecordBatchStream,
        mut take: impl FnMut(RecordBatch) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                batch = stream.next() => match batch {
                    Some(batch) => if take(batch?)?.is_break() {
                        break;
                    },
                    None => break,
                },
                _ = ticks.tick() => self.tell(),
            }
            if self.cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
        }
        self.tell();
        Ok(())
    }

    fn tell(&self) {
        if let Some(callback) = &self.on_progress {
            callback(&report::progress(self.physical, self.scans, self.started.elapsed()));
        }
    }
}

/// `COPY (SELECT …) TO 'file' STORED AS …` is a query and a destination: the engine's own writers write
/// every format, DataFusion's never see it.
pub(crate) fn split_destination(statement: Statement) -> Result<(Statement, Option<Destination>)> {
    let Statement::CopyTo(CopyToStatement { source, target, partitioned_by, stored_as, options }) = statement
    else {
        return Ok((statement, None));
    };
    if !partitioned_by.is_empty() || !options.is_empty() {
        return Err(EngineError::Sql {
            message: "COPY … TO takes STORED AS, but neither PARTITIONED BY nor OPTIONS".into(),
            position: None,
            help: vec![],
        });
    }
    let CopyToSource::Query(query) = source else {
        return Err(EngineError::Sql {
            message: format!("COPY takes a query: COPY (SELECT * FROM {source}) TO …"),
            position: None,
            help: vec![],
        });
    };
    let statement = Statement::Statement(Box::new(SqlStatement::Query(query)));
    Ok((statement, Some(Destination { path: target.into(), format: stored_as })))
}
