//! What DataFusion knows of a scan of ROOT files: which columns and which cut it takes over, and how it explains itself.

use std::{fmt, sync::Arc};

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    datasource::{
        physical_plan::{FileOpener, FileScanConfig, FileScanConfigBuilder, FileSource},
        projection::{ProjectionOpener, SplitProjection},
        source::DataSourceExec,
        table_schema::TableSchema,
    },
    physical_expr::{
        LexOrdering, PhysicalExpr, conjunction,
        expressions::{Column, DynamicFilterTracking, LambdaVariable, Literal},
        projection::ProjectionExprs,
    },
    physical_expr_common::physical_expr::is_volatile,
    physical_plan::{
        DisplayFormatType, ExecutionPlan,
        filter_pushdown::{FilterPushdownPropagation, PushedDown},
        metrics::ExecutionPlanMetricsSet,
    },
};
use object_store::ObjectStore;

use super::{
    cut::{file_columns, project},
    metadata::{FileTree, MetadataCache},
    metrics::ScanMetrics,
    opener::{RootOpener, Scan, Upcoming},
    options::{OnBadFile, RootOptions},
    progress::ScanProgress,
    schema::TableColumns,
};

/// The [`FileSource`] of ROOT trees.
#[derive(Clone)]
pub struct RootSource {
    table: TableSchema,
    columns: Arc<TableColumns>,
    options: Arc<RootOptions>,
    cache: Arc<MetadataCache>,
    progress: Arc<ScanProgress>,
    /// Whether its events are those that the query reads; not so for a second scan of the same.
    counts: bool,
    /// The files of the scan whose trees were known when it was planned.
    opened: Arc<Vec<Arc<FileTree>>>,
    files: usize,
    projection: SplitProjection,
    cut: Option<Arc<dyn PhysicalExpr>>,
    batch_size: usize,
    metrics: ExecutionPlanMetricsSet,
}

/// Rows per batch until DataFusion says otherwise.
const BATCH_SIZE: usize = 8192;

impl RootSource {
    pub(crate) fn new(
        table: TableSchema,
        columns: Arc<TableColumns>,
        options: Arc<RootOptions>,
        cache: Arc<MetadataCache>,
        progress: Arc<ScanProgress>,
    ) -> Self {
        Self {
            projection: SplitProjection::unprojected(&table),
            table,
            columns,
            options,
            cache,
            progress,
            counts: true,
            opened: Arc::default(),
            files: 0,
            cut: None,
            batch_size: BATCH_SIZE,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// Tells how many files the scan has and what is known of them, for EXPLAIN.
    pub(crate) fn with_files(mut self, files: usize, opened: Vec<Arc<FileTree>>) -> Self {
        self.files = files;
        self.opened = Arc::new(opened);
        self
    }

    /// What this scan has read so far.
    #[must_use]
    pub fn progress(&self) -> &Arc<ScanProgress> {
        &self.progress
    }

    /// Columns of the file that are decoded: those that go on, and those of the cut.
    fn decoded_columns(&self) -> Vec<usize> {
        let mut columns = self.projection.file_indices.clone();
        if let Some(cut) = &self.cut {
            columns.extend(file_columns(cut, &self.table));
        }
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Branches, baskets and compressed bytes that a full scan of the opened files reads.
    fn amount(&self) -> (usize, usize, u64) {
        let columns = self.decoded_columns();
        let schema = self.table.file_schema();
        let (mut baskets, mut bytes) = (0, 0);
        for file in self.opened.iter() {
            let mut branches: Vec<usize> =
                columns.iter().filter_map(|&column| file.branch(schema.field(column).name())).collect();
            // A jagged branch is read with its counter.
            branches
                .extend(branches.clone().into_iter().filter_map(|branch| file.tree.branches[branch].counter));
            branches.sort_unstable();
            branches.dedup();
            for branch in branches {
                baskets += file.tree.branches[branch].baskets.len();
                bytes += file.tree.branches[branch].compressed_bytes;
            }
        }
        (columns.len(), baskets, bytes)
    }
}

/// A second scan of what a scan reads, for the operators that read some branches for fewer events than others: of
/// ROOT files, unless what cannot be read is left out, which would be other events for other branches.
pub(crate) fn read_again(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    let scan = plan.downcast_ref::<DataSourceExec>()?;
    let (config, source) = scan.downcast_to_file_source::<RootSource>()?;
    if source.options.on_bad_file == OnBadFile::Skip || source.cut.is_some() || config.limit.is_some() {
        return None;
    }
    let again = RootSource { counts: false, metrics: ExecutionPlanMetricsSet::new(), ..source.clone() };
    let config = FileScanConfigBuilder::from(config.clone()).with_source(Arc::new(again)).build();
    Some(DataSourceExec::from_data_source(config))
}

/// A lambda's variables are numbered behind the columns of the batch they were planned for. Where an expression comes to
/// stand over more columns than that (merged with computed ones below it), a variable would be taken for a column.
fn lambdas_fit(expr: &Arc<dyn PhysicalExpr>, columns: usize) -> bool {
    let mut fit = true;
    let walked = expr.apply(|expr| {
        fit &= expr.downcast_ref::<LambdaVariable>().is_none_or(|variable| variable.index() >= columns);
        Ok(TreeNodeRecursion::Continue)
    });
    walked.is_ok() && fit
}

impl fmt::Debug for RootSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootSource")
            .field("columns", &self.projection.file_indices)
            .field("cut", &self.cut)
            .finish()
    }
}

impl FileSource for RootSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let metrics = ScanMetrics::new(&self.metrics, partition, &self.progress);
        if partition == 0 {
            metrics.files_total.add(self.files);
        }
        let opener = RootOpener::new(
            Scan {
                store_url: config.object_store_url.clone(),
                store,
                table: self.table.clone(),
                columns: Arc::clone(&self.columns),
                wanted: self.projection.file_indices.clone(),
                schema: project(self.table.file_schema(), &self.projection.file_indices)?,
                cut: self.cut.clone(),
                options: Arc::clone(&self.options),
                cache: Arc::clone(&self.cache),
                progress: Arc::clone(&self.progress),
                counts: self.counts,
                batch_size: self.batch_size,
                limit: config.limit,
                upcoming: Upcoming::new(config),
            },
            metrics,
        );
        ProjectionOpener::try_new(self.projection.clone(), Arc::new(opener), self.table.file_schema())
    }

    fn table_schema(&self) -> &TableSchema {
        &self.table
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(Self { batch_size, ..self.clone() })
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.cut.clone()
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        "root"
    }

    /// The table cuts its files itself, at clusters where it knows them: see the module `partition`.
    fn repartitioned(
        &self,
        _target_partitions: usize,
        _repartition_file_min_size: usize,
        _output_ordering: Option<LexOrdering>,
        _config: &FileScanConfig,
    ) -> Result<Option<FileScanConfig>> {
        Ok(None)
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        if computes_twice(&self.projection.source, projection)
            || projection.iter().any(|one| is_volatile(&one.expr))
        {
            return Ok(None);
        }
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.table.file_schema(), &merged);
        if !merged.iter().all(|projected| lambdas_fit(&projected.expr, projection.file_indices.len())) {
            return Ok(None);
        }
        Ok(Some(Arc::new(Self { projection, ..self.clone() })))
    }

    /// Takes over every cut whose value depends on the event alone. Filters that change while the query runs (of a
    /// join or a top-k) stay with the operators that own them.
    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let mut cut = self.cut.clone();
        let mut answers = Vec::with_capacity(filters.len());
        for filter in filters {
            let with = conjunction(cut.iter().cloned().chain([Arc::clone(&filter)]));
            // A random number is drawn once: not again for the cut.
            let changes =
                DynamicFilterTracking::classify(&filter).contains_dynamic_filter() || is_volatile(&filter);
            if changes || !lambdas_fit(&with, file_columns(&with, &self.table).len()) {
                answers.push(PushedDown::No);
            } else {
                cut = Some(with);
                answers.push(PushedDown::Yes);
            }
        }
        let result = FilterPushdownPropagation::with_parent_pushdown_result(answers);
        let source: Arc<dyn FileSource> = Arc::new(Self { cut, ..self.clone() });
        Ok(result.with_updated_node(source))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let projected = self.projection.source.iter().map(|projected| &projected.expr);
        for expr in projected.chain(&self.cut) {
            if f(expr)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn fmt_extra(&self, t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (branches, baskets, bytes) = self.amount();
        let (opened, files) = (self.opened.len(), self.files);
        match t {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(
                    f,
                    ", branches={branches}, baskets={baskets}, bytes={bytes}, opened={opened} of {files} files"
                )?;
                self.cut.iter().try_for_each(|cut| write!(f, ", cut={cut}"))
            }
            DisplayFormatType::TreeRender => {
                writeln!(
                    f,
                    "branches={branches}\nbaskets={baskets}\nbytes={bytes}\nopened={opened} of {files} files"
                )?;
                self.cut.iter().try_for_each(|cut| writeln!(f, "cut={cut}"))
            }
        }
    }
}

/// Whether `outer` names a column that `inner` computes more than once: merged, it would be computed as often.
fn computes_twice(inner: &ProjectionExprs, outer: &ProjectionExprs) -> bool {
    let mut uses = vec![0_usize; inner.iter().count()];
    for projected in outer.iter() {
        let counted = projected.expr.apply(|expr| {
            if let Some(column) = expr.downcast_ref::<Column>()
                && let Some(uses) = uses.get_mut(column.index())
            {
                *uses += 1;
            }
            Ok(TreeNodeRecursion::Continue)
        });
        // Counting cannot fail; if it did, keeping the projections apart is always right.
        if counted.is_err() {
            return true;
        }
    }
    inner.iter().zip(uses).any(|(projected, uses)| {
        uses > 1 && !projected.expr.is::<Column>() && !projected.expr.is::<Literal>()
    })
}
