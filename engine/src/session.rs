//! A session: tables, functions and settings, and the only place that registers anything.

use std::sync::Arc;

use datafusion::{
    catalog::TableProvider,
    common::TableReference,
    error::DataFusionError,
    execution::{
        FunctionRegistry, SessionStateBuilder,
        memory_pool::{FairSpillPool, TrackConsumersPool},
        runtime_env::RuntimeEnvBuilder,
    },
    logical_expr::{LogicalPlan, LogicalPlanBuilder, Statement as LogicalStatement},
    optimizer::{Optimizer, OptimizerRule},
    physical_optimizer::{PhysicalOptimizerRule, optimizer::PhysicalOptimizer},
    prelude::{ParquetReadOptions, SessionConfig, SessionContext},
    sql::parser::Statement,
};

use ana_kernels::{Backend, Devices};
use ana_sql_ext::aggregate::{Cutflow, Exact, Hist};
use ana_sql_ext::operator::{self, AnaOptions, FuseHistograms};
use parking_lot::RwLock;

pub use ana_kernels::DeviceChoice as Device;

use crate::{
    calibration,
    dialect::{
        collection::Definition,
        definition::{self, Command},
        elementwise::{self, ElementwisePlanner},
        event::EventPlanner,
        faults,
        files::{self, NamedFiles},
        histograms, pairing, rewrite, script, triggers,
    },
    error::{EngineError, Result, SqlPosition},
    query::{Query, QueryResult},
    table::{DatasetsTableFactory, MetadataCache, RootOptions, RootTable, RootTableFactory, read_again},
};

/// Settings of a [`Session`] before it is built.
#[derive(Debug, Clone)]
pub struct SessionBuilder {
    threads: usize,
    memory_limit: Option<usize>,
    batch_size: usize,
    device: Device,
    files: RootOptions,
    unrounded: bool,
}

/// How many of the largest consumers an out-of-memory error names.
const NAMED_CONSUMERS: std::num::NonZeroUsize = std::num::NonZeroUsize::new(3).unwrap();

impl Default for SessionBuilder {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory_limit: None,
            batch_size: 8192,
            device: Device::Auto,
            files: RootOptions::default(),
            unrounded: false,
        }
    }
}

impl SessionBuilder {
    /// Partitions a query is split into; with a tokio runtime of as many workers, the cores it uses.
    /// All cores unless told.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Bytes that operators may hold at once; past it a query fails with an error that says who held them.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// Events per batch, at most. Results do not depend on it.
    #[must_use]
    pub fn batch_size(mut self, events: usize) -> Self {
        self.batch_size = events;
        self
    }

    /// Where to fill histograms; `SET ana.device` changes it. Results do not depend on it.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// How files named in a query (`FROM 'nano.root'`) are read.
    #[must_use]
    pub fn files(mut self, options: RootOptions) -> Self {
        self.files = options;
        self
    }

    /// `hist`, `cutflow` and `sum` of floats give their results as they are before they are rounded, the bytes of
    /// [`Unrounded`](ana_sql_ext::aggregate::Unrounded): to be added to those of other events.
    #[must_use]
    pub fn unrounded(mut self, unrounded: bool) -> Self {
        self.unrounded = unrounded;
        self
    }

    /// Builds the session.
    ///
    /// # Errors
    /// [`EngineError::Setting`] for a setting that cannot be had, e.g. zero threads or a GPU.
    pub fn build(self) -> Result<Session> {
        if self.threads == 0 || self.batch_size == 0 {
            return Err(EngineError::Setting("threads and batch size must be at least 1".into()));
        }
        let devices = calibration::devices(self.threads);
        if matches!(self.device, Device::Gpu(_)) {
            devices.open(self.device).map_err(|error| EngineError::Setting(error.to_string()))?;
        }
        let mut runtime = RuntimeEnvBuilder::new();
        if let Some(bytes) = self.memory_limit {
            let pool = TrackConsumersPool::new(FairSpillPool::new(bytes), NAMED_CONSUMERS);
            runtime = runtime.with_memory_pool(Arc::new(pool));
        }
        let mut config = SessionConfig::new()
            .with_target_partitions(self.threads)
            .with_batch_size(self.batch_size)
            .with_information_schema(true)
            .with_extension(Arc::new(MetadataCache::new()))
            .with_extension(Arc::new(devices));
        let options = config.options_mut();
        // Branch names keep their case: `Jet_pt` is not `jet_pt`.
        options.sql_parser.enable_ident_normalization = false;
        options.sql_parser.collect_spans = true;
        let mut settings = AnaOptions::default();
        settings.device = self.device.to_string();
        options.extensions.insert(settings);
        let mut state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::new(runtime.build()?))
            .with_optimizer_rules(optimizer_rules())
            .with_physical_optimizer_rules(physical_optimizer_rules())
            // Before the engine's own, which take every subscript for an index.
            .with_expr_planners(vec![Arc::new(ElementwisePlanner), Arc::new(EventPlanner)])
            .with_default_features()
            .build();
        register_everything(&mut state, self.unrounded)?;
        Ok(Session {
            context: SessionContext::new_with_state(state),
            files: self.files,
            collections: Arc::default(),
            planning: Arc::default(),
        })
    }
}

/// The engine's rules but those that move the access to a struct's fields below the projection that makes the
/// struct: they are for reading parts of struct columns from Parquet, and would compute an event subquery of
/// several values once per value.
fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let moves_fields = |name: &str| matches!(name, "extract_leaf_expressions" | "push_down_leaf_projections");
    Optimizer::new().rules.into_iter().filter(|rule| !moves_fields(rule.name())).collect()
}

/// The engine's rules, and before them the one that makes all aggregates of a query one operator.
fn physical_optimizer_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let fuse: Arc<dyn PhysicalOptimizerRule + Send + Sync> = Arc::new(FuseHistograms::new(read_again));
    std::iter::once(fuse).chain(PhysicalOptimizer::new().rules).collect()
}

/// Functions, planners and table formats of the dialect.
fn register_everything(state: &mut datafusion::execution::SessionState, unrounded: bool) -> Result<()> {
    for function in elementwise::functions() {
        state.register_udf(function)?;
    }
    for function in ana_sql_ext::all_scalar_functions() {
        state.register_udf(function)?;
    }
    for function in ana_sql_ext::all_aggregate_functions() {
        state.register_udaf(function)?;
    }
    let sum = state.udaf("sum")?;
    if unrounded {
        state.register_udaf(Arc::new(Hist::unrounded().into()))?;
        state.register_udaf(Arc::new(Cutflow::unrounded().into()))?;
        state.register_udaf(Arc::new(Exact::unrounded_sum(sum).into()))?;
    } else {
        state.register_udaf(Arc::new(Exact::sum(sum).into()))?;
    }
    state.register_udaf(Arc::new(Exact::mean(state.udaf("avg")?).into()))?;
    state.register_expr_planner(Arc::new(ana_sql_ext::planner::HistogramPlanner))?;
    let formats = state.table_factories_mut();
    formats.insert("ROOT".to_owned(), Arc::new(RootTableFactory));
    formats.insert("DATASETS".to_owned(), Arc::new(DatasetsTableFactory));
    Ok(())
}

/// Tables, functions and settings that queries share. Cheap to clone; holds no global state and prints
/// nothing.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
    files: RootOptions,
    /// Derived collections, in the order they were created.
    collections: Arc<RwLock<Vec<Definition>>>,
    planning: Arc<tokio::sync::Mutex<()>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.context.session_id()).finish_non_exhaustive()
    }
}

impl Session {
    /// Settings to start from.
    #[must_use]
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// DataFusion's context, for what this interface does not offer: own functions, own tables.
    #[must_use]
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Makes a table of the ROOT files at `locations`: paths, patterns, directories, `http(s)://` and `s3://`
    /// URLs, lists of them with commas. A table of that name is replaced.
    ///
    /// # Errors
    /// Locations without files, files without the tree or that cannot be read.
    pub async fn register_root<L: AsRef<str>>(
        &self,
        name: &str,
        locations: &[L],
        options: RootOptions,
    ) -> Result<()> {
        let locations: Vec<String> = locations.iter().map(|l| l.as_ref().to_owned()).collect();
        let table = RootTable::open(&self.context.state(), &locations, options).await?;
        self.register(name, Arc::new(table))
    }

    /// Makes Parquet files the table `name`, in place of one that is called so. A location is a path, a
    /// pattern or a folder, or several of them with commas between.
    ///
    /// # Errors
    /// Locations without files, and files that cannot be read.
    pub async fn register_parquet<L: AsRef<str>>(&self, name: &str, locations: &[L]) -> Result<()> {
        let paths: Vec<&str> = locations.iter().flat_map(|l| l.as_ref().split(',')).map(str::trim).collect();
        let frame = self.context.read_parquet(paths, ParquetReadOptions::default()).await?;
        self.register(name, frame.into_view())
    }

    fn register(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<()> {
        // The name is one word whatever is in it: `--table my.events=…` is no schema `my`.
        let name = TableReference::bare(name);
        self.context.deregister_table(name.clone())?;
        self.context.register_table(name, table)?;
        Ok(())
    }

    /// Plans the one statement of `sql`. Nothing is read yet but what planning needs.
    ///
    /// # Errors
    /// [`EngineError::Sql`] when the text is wrong or has not exactly one statement, and what opening the
    /// files it names may bring.
    pub async fn sql(&self, sql: &str) -> Result<Query> {
        let mut statements = script::parse(sql)?;
        match (statements.pop(), statements.is_empty()) {
            (Some(statement), true) => self.plan(statement, sql).await,
            (None, _) => Err(one_statement("no statement in the text", 1)),
            (Some(_), false) => Err(one_statement("more than one statement; run_script takes several", 1)),
        }
    }

    /// Runs every statement of `sql` in order and returns the result of the last one that has rows.
    ///
    /// # Errors
    /// As [`Session::sql`]; the statements before the failing one have taken effect.
    pub async fn run_script(&self, sql: &str) -> Result<Option<QueryResult>> {
        let mut last = None;
        for statement in script::parse(sql)? {
            let result = self.plan(statement, sql).await?.collect().await?;
            if !result.schema.fields().is_empty() {
                last = Some(result);
            }
        }
        Ok(last)
    }

    /// Plans one statement parsed from `sql` by [`script::parse`].
    ///
    /// # Errors
    /// As [`Session::sql`].
    pub async fn plan(&self, statement: Statement, sql: &str) -> Result<Query> {
        if let Some(command) = definition::command(&statement) {
            self.change_collections(command)?;
            let nothing = LogicalPlanBuilder::empty(false).build()?;
            return Ok(Query::new(self.clone(), nothing, None));
        }
        let (mut statement, destination) = crate::query::split_destination(statement)?;
        // Files are tables of the session while a statement is planned: one statement at a time.
        let _alone = self.planning.lock().await;
        let _files = NamedFiles::register(&self.context, &statement, &self.files).await?;
        let plan = self.plan_with_files(&mut statement, sql).await?;
        self.check_device(&plan)?;
        Ok(Query::new(self.clone(), plan, destination))
    }

    /// The back end that fills histograms.
    ///
    /// # Errors
    /// [`EngineError::Setting`] where `SET ana.device` demanded one that cannot be had.
    pub fn backend(&self) -> Result<Backend> {
        let backend = operator::backend(&self.context.copied_config());
        backend.map_err(|error| EngineError::Setting(error.strip_backtrace()))
    }

    /// A device that `SET ana.device` asks for is opened at once, so that what is wrong with it is said there.
    fn check_device(&self, plan: &LogicalPlan) -> Result<()> {
        if let LogicalPlan::Statement(LogicalStatement::SetVariable(set)) = plan
            && set.variable.eq_ignore_ascii_case("ana.device")
        {
            let failed = |error: ana_kernels::KernelError| EngineError::Setting(error.to_string());
            let choice = set.value.parse().map_err(failed)?;
            if let Some(devices) = self.context.copied_config().get_extension::<Devices>() {
                devices.open(choice).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Creates or drops a derived collection. A replaced one stays what it was for the collections made from it.
    fn change_collections(&self, command: Command) -> Result<()> {
        let mut collections = self.collections.write();
        let is_known = |name: &str| Definition::last(&collections, name).is_some();
        match command {
            Command::Create { definition, replace } => {
                if !replace && is_known(&definition.name.value) {
                    let message = format!("there is a collection {} already", definition.name.value);
                    let help = "use CREATE OR REPLACE COLLECTION".to_owned();
                    return Err(rewrite::fault(definition.name.span, message, vec![help]));
                }
                collections.push(definition);
            }
            // What was made from it before keeps it.
            Command::Drop { name, .. } if is_known(&name.value) => {
                collections.push(Definition { name, query: None });
            }
            Command::Drop { name, if_exists } => {
                if !if_exists {
                    let near = faults::nearest(&name.value, Definition::names(&collections), 3);
                    let help = if near.is_empty() {
                        vec![]
                    } else {
                        vec![format!("did you mean {}?", near.join(", "))]
                    };
                    let message = format!("no derived collection named {}", name.value);
                    return Err(rewrite::fault(name.span, message, help));
                }
            }
        }
        Ok(())
    }

    /// Plans a statement whose files are registered as tables.
    async fn plan_with_files(&self, statement: &mut Statement, sql: &str) -> Result<LogicalPlan> {
        let definitions = self.collections.read().clone();
        triggers::declare(&self.context, &definitions, statement).await?;
        rewrite::rewrite(&self.context.state(), &definitions, statement).await?;
        files::check_tables(&self.context, statement, sql)?;
        histograms::mark_aggregates(statement);
        let tables = self.context.state().resolve_table_references(statement)?;
        match self.context.state().statement_to_plan(statement.clone()).await {
            Ok(plan) => {
                pairing::check(&plan).map_err(|error| faults::explain(error, sql))?;
                self.check_types(&plan).map_err(|error| faults::explain(error, sql))?;
                Ok(plan)
            }
            Err(error) => match self.unreadable_branch(&error, &tables).await {
                Some(reason) => Err(faults::unreadable(&reason, sql)),
                None => Err(faults::explain(error, sql)),
            },
        }
    }
}

impl Session {
    /// Types that do not go together are found where the text is at hand.
    fn check_types(&self, plan: &LogicalPlan) -> datafusion::error::Result<()> {
        let checked = match plan {
            LogicalPlan::Explain(explain) => &explain.plan,
            LogicalPlan::Analyze(analyze) => &analyze.input,
            LogicalPlan::Ddl(_) | LogicalPlan::Statement(_) => return Ok(()),
            plan => plan,
        };
        let state = self.context.state();
        state.analyzer().execute_and_check(checked.clone(), state.config_options(), |_, _| {}).map(drop)
    }

    /// A column that is missing may be a branch of a class we cannot read; then this says so.
    async fn unreadable_branch(
        &self,
        error: &DataFusionError,
        tables: &[TableReference],
    ) -> Option<EngineError> {
        let column = faults::missing_column(error)?;
        for table in tables {
            let Ok(provider) = self.context.table_provider(table.clone()).await else { continue };
            if let Some(root) = provider.downcast_ref::<RootTable>() {
                let reason = root.why_no_column(table.table(), column);
                if matches!(reason, EngineError::UnreadableBranch { .. }) {
                    return Some(reason);
                }
            }
        }
        None
    }
}

fn one_statement(message: &str, line: u64) -> EngineError {
    EngineError::Sql {
        message: message.into(),
        position: Some(SqlPosition { line, column: 1 }),
        help: vec![],
    }
}
