//! Trees of ROOT files as one table.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use arrow::datatypes::{Field, SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{Result as DataFusionResult, Statistics, project_schema},
    datasource::{
        listing::PartitionedFile, physical_plan::FileScanConfigBuilder, source::DataSourceExec,
        table_schema::TableSchema,
    },
    execution::object_store::ObjectStoreUrl,
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_plan::{ExecutionPlan, empty::EmptyExec, union::UnionExec},
    scalar::ScalarValue,
};
use futures::StreamExt;

use super::{
    datasets::Datasets,
    fetch::FileAccess,
    location::{FoundFile, resolve, resolve_each},
    metadata::{FileTree, Identity, MetadataCache, TreeKey},
    metrics::IoMetrics,
    options::{MissingBranch, MissingTriggers, OnBadFile, RootOptions, SchemaFrom},
    partition::split,
    progress::ScanProgress,
    pruning,
    schema::TableColumns,
    source::RootSource,
    statistics::statistics,
};
use crate::error::{EngineError, Result};

/// Up to so many files are all opened for their columns; of more, the first of the table or of each dataset.
const FEW_FILES: usize = 16;
/// How many files are opened at a time.
const OPENED_AT_ONCE: usize = 16;

/// The same tree of one or more ROOT files, as a table.
#[derive(Debug)]
pub struct RootTable {
    files: Vec<TableFile>,
    table: TableSchema,
    columns: Arc<TableColumns>,
    options: Arc<RootOptions>,
    cache: Arc<MetadataCache>,
    metadata: Vec<Field>,
    /// How many of the files the columns come from.
    opened: usize,
}

/// A file and its constant metadata.
#[derive(Debug, Clone)]
struct TableFile {
    found: FoundFile,
    dataset: Option<String>,
    values: Vec<ScalarValue>,
}

impl RootTable {
    /// Opens the files at the locations: paths, patterns, directories, `http(s)://` and `s3://` URLs, lists of them with
    /// commas; `file.root:Runs` names a tree. Of many files only the first is read here, and only its metadata.
    ///
    /// # Errors
    /// Locations without files, files without the tree, files that cannot be read.
    pub async fn open(state: &dyn Session, locations: &[String], mut options: RootOptions) -> Result<Self> {
        let (found, tree) = resolve(state.runtime_env(), locations).await?;
        if let Some(tree) = tree {
            if options.tree.as_ref().is_some_and(|other| *other != tree) {
                return Err(EngineError::OptionValue {
                    option: "tree".to_owned(),
                    value: options.tree.unwrap_or_default(),
                    valid: format!("'{tree}', as the location has it"),
                });
            }
            options.tree = Some(tree);
        }
        let files =
            found.into_iter().map(|found| TableFile { found, dataset: None, values: Vec::new() }).collect();
        Self::with_files(state, files, Vec::new(), options).await
    }

    /// Opens the files of a datasets file (PocketCoffea, coffea), or of several with commas between, whose metadata become
    /// columns.
    ///
    /// # Errors
    /// A datasets file that cannot be understood, and as [`RootTable::open`].
    pub async fn open_datasets(
        state: &dyn Session,
        location: &str,
        mut options: RootOptions,
    ) -> Result<Self> {
        let names = datasets_files(location);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut texts = Vec::with_capacity(names.len());
        for name in &names {
            let text = std::fs::read_to_string(name);
            let text = text.map_err(|source| EngineError::Io { path: (*name).into(), source })?;
            texts.push(((*name).to_owned(), text));
        }
        let mut datasets = Datasets::parse_all(&texts)?;
        let is_known = |name: &&String| datasets.files.iter().any(|file| file.dataset == **name);
        if let Some(unknown) = options.datasets.iter().find(|name| !is_known(name)) {
            return Err(EngineError::OptionValue {
                option: "datasets".to_owned(),
                value: unknown.clone(),
                valid: format!("the names of datasets with files in {location}, with commas between"),
            });
        }
        if !options.datasets.is_empty() {
            datasets.files.retain(|file| options.datasets.contains(&file.dataset));
        }
        if options.tree.is_none() {
            options.tree.clone_from(&datasets.tree);
        }
        let beside = |source: usize| names.get(source).and_then(|name| std::path::Path::new(name).parent());
        let places: Vec<String> =
            datasets.files.iter().map(|file| place(&file.location, beside(file.source))).collect();
        let found = resolve_each(state.runtime_env(), &places).await?;
        let files = datasets.files.into_iter().zip(found);
        let files =
            files.map(|(file, found)| TableFile { found, dataset: Some(file.dataset), values: file.values });
        Self::with_files(state, files.collect(), datasets.fields, options).await
    }

    async fn with_files(
        state: &dyn Session,
        files: Vec<TableFile>,
        metadata: Vec<Field>,
        options: RootOptions,
    ) -> Result<Self> {
        let cache = state.config().get_extension::<MetadataCache>().unwrap_or_default();
        let opened = open_first(state, &files, &options, &cache).await?;
        let columns = TableColumns::merge(&opened, &options);
        // A branch with the name of a metadata column would make the name mean two things.
        if let Some(field) =
            metadata.iter().find(|field| columns.schema.column_with_name(field.name()).is_some())
        {
            let name = field.name();
            return Err(EngineError::Datasets {
                file: opened.first().map_or_else(String::new, |first| first.file.clone()),
                dataset: None,
                problem: format!("branch '{name}' has the name of a metadata column"),
            });
        }
        let fields = metadata.iter().cloned().map(Arc::new).collect::<Vec<_>>();
        let table =
            TableSchema::builder(Arc::clone(&columns.schema)).with_table_partition_cols(fields).build();
        let opened = opened.len();
        let (columns, options) = (Arc::new(columns), Arc::new(options));
        Ok(Self { files, table, columns, options, cache, metadata, opened })
    }

    /// Why a query cannot have this column: its C++ class cannot be read, or no branch is called so (then with the
    /// nearest names). For the message in place of DataFusion's "no field named".
    #[must_use]
    pub fn why_no_column(&self, table: &str, column: &str) -> EngineError {
        self.columns.why_not(table, column)
    }

    /// Whether trigger bits that are in no file did not fire, by the table's options: where all files were opened.
    #[must_use]
    pub fn absent_triggers_are_false(&self) -> bool {
        self.options.missing_triggers == MissingTriggers::False && self.opened == self.files.len()
    }

    /// The table with columns for triggers that files not opened yet may have; `None` where nothing is to be added.
    pub(crate) fn with_triggers(&self, names: &BTreeSet<String>) -> Option<Self> {
        if self.options.missing_triggers != MissingTriggers::False || self.opened == self.files.len() {
            return None;
        }
        let columns = self.columns.with_triggers(names.iter())?;
        let fields = self.metadata.iter().cloned().map(Arc::new).collect::<Vec<_>>();
        let table =
            TableSchema::builder(Arc::clone(&columns.schema)).with_table_partition_cols(fields).build();
        Some(Self {
            files: self.files.clone(),
            table,
            columns: Arc::new(columns),
            options: Arc::clone(&self.options),
            cache: Arc::clone(&self.cache),
            metadata: self.metadata.clone(),
            opened: self.opened,
        })
    }

    /// The names of the files, in order.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        self.files.iter().map(|file| file.found.name()).collect()
    }

    /// Of the first `limit` files of a dataset the name, the size and the identity; a file is opened only if no query has
    /// done so. One that cannot be read is left out where the options let queries pass over it.
    pub(crate) async fn identify(
        &self,
        state: &dyn Session,
        dataset: &str,
        limit: usize,
    ) -> Result<Vec<(String, u64, Identity)>> {
        let of_dataset = self.files.iter().filter(|file| file.dataset.as_deref() == Some(dataset));
        let mut all = Vec::new();
        for file in of_dataset.take(limit) {
            let key = self.key(file);
            let mut identity = self.cache.identity(&key);
            if identity.is_none() {
                match open_one(state, file, &self.options, &self.cache).await {
                    Ok(_) => identity = self.cache.identity(&key),
                    Err(fault) if self.options.on_bad_file == OnBadFile::Skip && fault.is_of_file() => {}
                    Err(fault) => return Err(fault),
                }
            }
            all.extend(identity.map(|identity| (file.found.name(), file.found.meta.size, identity)));
        }
        Ok(all)
    }

    /// The names of its columns: branches that some of the opened files have, and metadata.
    pub(crate) fn column_names(&self) -> BTreeSet<String> {
        self.columns.seen().chain(self.metadata.iter().map(|field| field.name())).cloned().collect()
    }

    fn key(&self, file: &TableFile) -> TreeKey {
        TreeKey::new(&file.found.store, &file.found.meta, self.options.tree.as_deref())
    }

    /// The files, with their trees where they were opened before.
    fn sized(&self, files: &[&TableFile]) -> Vec<(u64, Option<Arc<FileTree>>)> {
        files.iter().map(|file| (file.found.meta.size, self.cache.known(&self.key(file)))).collect()
    }

    /// The files that a query with these filters reads.
    fn selected(&self, state: &dyn Session, filters: &[Expr]) -> DataFusionResult<Vec<&TableFile>> {
        if self.metadata.is_empty() {
            return Ok(self.files.iter().collect());
        }
        let names = self.metadata_names();
        let filters: Vec<Expr> =
            filters.iter().filter(|filter| pruning::decides_by_file(filter, &names)).cloned().collect();
        let values: Vec<&[ScalarValue]> = self.files.iter().map(|file| file.values.as_slice()).collect();
        let keep = pruning::keep(state, &filters, &self.metadata, &values)?;
        Ok(self.files.iter().zip(keep).filter_map(|(file, keep)| keep.then_some(file)).collect())
    }

    fn metadata_names(&self) -> HashSet<&str> {
        self.metadata.iter().map(|field| field.name().as_str()).collect()
    }

    /// One scan per store: DataFusion's scans read from one.
    fn scan_store(
        &self,
        state: &dyn Session,
        store: &ObjectStoreUrl,
        files: &[&TableFile],
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let progress = state.config().get_extension::<ScanProgress>().unwrap_or_default();
        let bytes = files.iter().map(|file| file.found.meta.size).sum();
        progress.add_files(files.len() as u64, bytes);
        let sized = self.sized(files);
        let known: Vec<Arc<FileTree>> = sized.iter().filter_map(|(_, tree)| tree.clone()).collect();
        self.check_known(&known, projection)?;
        let parts: Vec<PartitionedFile> = files
            .iter()
            .map(|file| {
                PartitionedFile::new_from_meta(file.found.meta.clone())
                    .with_partition_values(file.values.clone())
            })
            .collect();
        // A LIMIT is mostly met by the first file; cutting it would only make every partition read a part.
        let partitions = if limit.is_some() { 1 } else { state.config().target_partitions() };
        let by_location: std::collections::HashMap<_, _> = files
            .iter()
            .zip(&sized)
            .map(|(file, (_, tree))| (&file.found.meta.location, tree.as_deref()))
            .collect();
        let groups =
            split(parts, partitions, |part| by_location.get(&part.object_meta.location).copied().flatten());
        let source = RootSource::new(
            self.table.clone(),
            Arc::clone(&self.columns),
            Arc::clone(&self.options),
            Arc::clone(&self.cache),
            progress,
        )
        .with_files(files.len(), known);
        let config = FileScanConfigBuilder::new(store.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics(self.table.table_schema(), &sized, self.options.on_bad_file))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    /// Faults that can be told from the files opened so far are faults of the query, told before it runs.
    fn check_known(&self, known: &[Arc<FileTree>], projection: Option<&Vec<usize>>) -> Result<()> {
        let in_file = self.columns.schema.fields().len();
        let wanted: Vec<usize> = match projection {
            Some(projection) => projection.iter().copied().filter(|&column| column < in_file).collect(),
            None => (0..in_file).collect(),
        };
        known
            .iter()
            .try_for_each(|file| self.columns.in_file(file, &wanted, &self.options, |_| {}).map(|_| ()))
    }
}

/// The files of a location of several with commas between; a comma may also be in the name of a folder.
fn datasets_files(location: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut begun: Option<String> = None;
    for part in location.split(',') {
        let name = begun.take().map_or_else(|| part.to_owned(), |begun| format!("{begun},{part}"));
        if std::path::Path::new(name.trim()).is_file() {
            names.push(name.trim().to_owned());
        } else {
            begun = Some(name);
        }
    }
    // What is left is no file: reading it says so.
    names.extend(begun.iter().flat_map(|begun| begun.split(',')).map(|name| name.trim().to_owned()));
    names
}

/// A relative path is looked for from here, as coffea does it, and else beside the datasets file.
pub(crate) fn place(location: &str, beside: Option<&std::path::Path>) -> String {
    let path = std::path::Path::new(location);
    match beside {
        Some(beside) if !location.contains("://") && path.is_relative() && !path.exists() => {
            let there = beside.join(path);
            if there.exists() { there.to_string_lossy().into_owned() } else { location.to_owned() }
        }
        _ => location.to_owned(),
    }
}

/// Opens the files whose columns make the table's.
async fn open_first(
    state: &dyn Session,
    files: &[TableFile],
    options: &RootOptions,
    cache: &Arc<MetadataCache>,
) -> Result<Vec<Arc<FileTree>>> {
    let few = files.len() <= FEW_FILES || options.missing_branch == MissingBranch::Null;
    let chosen: Vec<&TableFile> = match options.schema {
        SchemaFrom::All => files.iter().collect(),
        SchemaFrom::Auto if few => files.iter().collect(),
        SchemaFrom::Auto => {
            let mut seen = HashSet::new();
            files.iter().filter(|file| seen.insert(file.dataset.as_deref())).collect()
        }
        SchemaFrom::First => files.iter().take(1).collect(),
    };
    let mut opened = open_some(state, &chosen, options, cache).await?;
    if opened.is_empty() {
        // All of them are to be skipped: the first that can be read gives the columns.
        let mut last = None;
        for file in files {
            match open_one(state, file, options, cache).await {
                Ok(tree) => {
                    opened.push(tree);
                    break;
                }
                Err(fault) => last = Some(fault),
            }
        }
        if let (true, Some(fault)) = (opened.is_empty(), last) {
            return Err(fault);
        }
    }
    Ok(opened)
}

async fn open_some(
    state: &dyn Session,
    files: &[&TableFile],
    options: &RootOptions,
    cache: &Arc<MetadataCache>,
) -> Result<Vec<Arc<FileTree>>> {
    // The futures are made before they are streamed: a closure over borrowed files would not be general enough.
    let openings: Vec<_> = files.iter().map(|file| open_one(state, file, options, cache)).collect();
    let mut openings = futures::stream::iter(openings).buffered(OPENED_AT_ONCE);
    let mut opened = Vec::with_capacity(files.len());
    while let Some(tree) = openings.next().await {
        match tree {
            Ok(tree) => opened.push(tree),
            Err(fault) if options.on_bad_file == OnBadFile::Skip && fault.is_of_file() => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(opened)
}

async fn open_one(
    state: &dyn Session,
    file: &TableFile,
    options: &RootOptions,
    cache: &Arc<MetadataCache>,
) -> Result<Arc<FileTree>> {
    let store = state.runtime_env().object_store(&file.found.store)?;
    let access = FileAccess::new(&file.found.store, &store, &file.found.meta, IoMetrics::unobserved());
    cache.open(&TreeKey::new(&file.found.store, &file.found.meta, options.tree.as_deref()), &access).await
}

#[async_trait]
impl TableProvider for RootTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.table.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        let files: Vec<&TableFile> = self.files.iter().collect();
        Some(statistics(self.table.table_schema(), &self.sized(&files), self.options.on_bad_file))
    }

    /// Filters on metadata choose files. Cuts on events are taken over by the scan later, when they are physical.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let names = self.metadata_names();
        let answer = |filter: &&Expr| {
            if pruning::decides_by_file(filter, &names) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let mut files = self.selected(state, filters)?;
        // A file that may turn out bad promises no events.
        if let Some(limit) = limit
            && self.options.on_bad_file != OnBadFile::Skip
        {
            enough(&mut files, &self.cache, limit, |file| self.key(file));
        }
        let mut stores: Vec<(&ObjectStoreUrl, Vec<&TableFile>)> = Vec::new();
        for file in files {
            match stores.iter_mut().find(|(store, _)| **store == file.found.store) {
                Some((_, files)) => files.push(file),
                None => stores.push((&file.found.store, vec![file])),
            }
        }
        let mut scans = stores
            .into_iter()
            .map(|(store, files)| self.scan_store(state, store, &files, projection, limit))
            .collect::<DataFusionResult<Vec<_>>>()?;
        match (scans.pop(), scans.is_empty()) {
            (None, _) => Ok(Arc::new(EmptyExec::new(project_schema(self.table.table_schema(), projection)?))),
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                scans.push(last);
                UnionExec::try_new(scans)
            }
        }
    }
}

/// Drops the files beyond those whose events are known to meet the limit.
fn enough(
    files: &mut Vec<&TableFile>,
    cache: &MetadataCache,
    limit: usize,
    key: impl Fn(&TableFile) -> TreeKey,
) {
    let mut events = 0_u64;
    let needed = files.iter().position(|file| {
        events += cache.known(&key(file)).map_or(0, |tree| tree.tree.entries);
        events >= limit as u64
    });
    if let Some(last) = needed {
        files.truncate(last + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_separate_files_and_may_be_in_folders() {
        let folder = tempfile::tempdir().unwrap();
        let within = folder.path().join("a,b");
        std::fs::create_dir(&within).unwrap();
        let [one, two] = ["one.json", "two.json"].map(|name| within.join(name).display().to_string());
        std::fs::write(&one, "{}").unwrap();
        std::fs::write(&two, "{}").unwrap();
        assert_eq!(datasets_files(&format!("{one}, {two}")), [one.clone(), two]);
        assert_eq!(datasets_files(&format!("{one},none.json")), [one, "none.json".to_owned()]);
        assert_eq!(datasets_files("none.json"), ["none.json"]);
    }
}
