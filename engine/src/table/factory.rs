//! `CREATE EXTERNAL TABLE … STORED AS ROOT` and `… STORED AS DATASETS`.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider, TableProviderFactory},
    common::{Result as DataFusionResult, plan_err},
    logical_expr::CreateExternalTable,
};

use super::{options::RootOptions, provider::RootTable};

/// Makes a table of ROOT files: `STORED AS ROOT LOCATION 'data/*.root' OPTIONS (tree 'Events')`.
#[derive(Debug, Default)]
pub struct RootTableFactory;

/// Makes a table of the files of a datasets file: `STORED AS DATASETS LOCATION 'datasets.json'`.
#[derive(Debug, Default)]
pub struct DatasetsTableFactory;

#[async_trait]
impl TableProviderFactory for RootTableFactory {
    async fn create(
        &self,
        state: &dyn Session,
        command: &CreateExternalTable,
    ) -> DataFusionResult<Arc<dyn TableProvider>> {
        let options = options(command)?;
        Ok(Arc::new(RootTable::open(state, &command.locations, options).await?))
    }
}

#[async_trait]
impl TableProviderFactory for DatasetsTableFactory {
    async fn create(
        &self,
        state: &dyn Session,
        command: &CreateExternalTable,
    ) -> DataFusionResult<Arc<dyn TableProvider>> {
        let options = options(command)?;
        match command.locations.as_slice() {
            [location] => Ok(Arc::new(RootTable::open_datasets(state, location, options).await?)),
            _ => plan_err!("a table STORED AS DATASETS has one LOCATION, the datasets file"),
        }
    }
}

/// What ROOT files say themselves (columns, order, partitions) cannot be said again.
fn options(command: &CreateExternalTable) -> DataFusionResult<RootOptions> {
    if !command.schema.fields().is_empty() {
        return plan_err!(
            "the columns of a table of ROOT files are their branches; leave the column list out"
        );
    }
    if !command.table_partition_cols.is_empty() || !command.order_exprs.is_empty() || command.unbounded {
        return plan_err!("a table of ROOT files has no PARTITIONED BY, WITH ORDER or UNBOUNDED");
    }
    let pairs = command.options.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    Ok(RootOptions::parse(pairs)?)
}
