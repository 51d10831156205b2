//! Trees of ROOT files as tables: what is read, from where, in which pieces.
//!
//! [`RootTable`] is the table; it finds its files by `location`, opens the metadata of those it takes its columns from
//! (`metadata`, `schema`) and plans scans: `DataSourceExec` over [`RootSource`]. The `opener` reads the units of a
//! range (`partition`) through `unit`, which fetches (`fetch`) and decodes, the branches of the `cut` first.

mod cut;
pub(crate) mod datasets;
mod factory;
pub(crate) mod fetch;
pub(crate) mod location;
mod metadata;
pub(crate) mod metrics;
mod opener;
mod options;
mod partition;
mod progress;
pub(crate) mod provider;
mod pruning;
mod schema;
mod source;
mod statistics;
mod unit;

pub use factory::{DatasetsTableFactory, RootTableFactory};
pub use location::split_tree;
pub use metadata::MetadataCache;
pub(crate) use metadata::drive;
pub use options::{MissingBranch, MissingTriggers, OnBadFile, RootOptions, SchemaFrom};
pub use progress::{ScanProgress, ScanSnapshot, Skipped};
pub use provider::RootTable;
pub use source::RootSource;
pub(crate) use source::read_again;
