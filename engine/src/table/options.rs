//! How a table of ROOT files is to be read: what `OPTIONS (…)` of `CREATE EXTERNAL TABLE` can say.

use crate::error::{EngineError, Result};

/// What to do about a branch that some files of a table have and others lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MissingBranch {
    /// An error that names the branch and both files.
    #[default]
    Error,
    /// NULL for every event of a file that lacks it.
    Null,
}

/// The same for trigger bits (`HLT_*`, `L1_*`), whose menus differ between runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MissingTriggers {
    /// As [`MissingBranch`] says.
    #[default]
    AsBranches,
    /// A trigger that is not in the file did not fire.
    False,
}

/// What to do about a file, or a part of one, that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnBadFile {
    /// An error that names the file.
    #[default]
    Fail,
    /// Go on without it; the run report lists what was left out.
    Skip,
}

/// Which files are looked into for the columns of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SchemaFrom {
    /// All when they are few, else the first of the table (or of each dataset).
    #[default]
    Auto,
    /// The first file only.
    First,
    /// Every file.
    All,
}

/// Options of a table of ROOT files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RootOptions {
    /// The tree, with its directory (`dir/Events`) and cycle (`Events;1`) if need be. None: `Events`, or the only tree.
    pub tree: Option<String>,
    /// A branch that some files lack.
    pub missing_branch: MissingBranch,
    /// A trigger bit that some files lack.
    pub missing_triggers: MissingTriggers,
    /// A file that cannot be read.
    pub on_bad_file: OnBadFile,
    /// Which files the columns are taken from.
    pub schema: SchemaFrom,
    /// Of datasets files only these datasets; all unless told. Files of the others need not be there.
    pub datasets: Vec<String>,
}

impl RootOptions {
    /// The names of the options, as `OPTIONS (…)` takes them.
    pub const NAMES: [&'static str; 6] =
        ["tree", "missing_branch", "missing_triggers", "on_bad_file", "schema", "datasets"];

    /// Options for one tree, everything else as by default.
    #[must_use]
    pub fn for_tree(tree: impl Into<String>) -> Self {
        Self { tree: Some(tree.into()), ..Self::default() }
    }

    /// Reads the pairs of `OPTIONS (…)`. SQL puts `format.` before keys without a dot; both spellings are taken.
    ///
    /// # Errors
    /// An unknown option lists those that exist; a wrong value says what it could be.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut options = Self::default();
        for (key, value) in pairs {
            options.set(key.strip_prefix("format.").unwrap_or(key), value)?;
        }
        Ok(options)
    }

    /// Sets one option by name.
    ///
    /// # Errors
    /// As [`RootOptions::parse`].
    pub fn set(&mut self, option: &str, value: &str) -> Result<()> {
        let choose = |valid: &str| EngineError::OptionValue {
            option: option.to_owned(),
            value: value.to_owned(),
            valid: valid.to_owned(),
        };
        match option {
            "tree" if value.is_empty() => return Err(choose("the name of a tree")),
            "tree" => self.tree = Some(value.to_owned()),
            "missing_branch" => {
                self.missing_branch = match value {
                    "error" => MissingBranch::Error,
                    "null" => MissingBranch::Null,
                    _ => return Err(choose("'error' or 'null'")),
                }
            }
            "missing_triggers" => {
                self.missing_triggers = match value {
                    "false" => MissingTriggers::False,
                    "as_branches" => MissingTriggers::AsBranches,
                    _ => return Err(choose("'false' or 'as_branches'")),
                }
            }
            "on_bad_file" => {
                self.on_bad_file = match value {
                    "fail" => OnBadFile::Fail,
                    "skip" => OnBadFile::Skip,
                    _ => return Err(choose("'fail' or 'skip'")),
                }
            }
            "schema" => {
                self.schema = match value {
                    "auto" => SchemaFrom::Auto,
                    "first" => SchemaFrom::First,
                    "all" => SchemaFrom::All,
                    _ => return Err(choose("'auto', 'first' or 'all'")),
                }
            }
            "datasets" => self.datasets = value.split(',').map(|name| name.trim().to_owned()).collect(),
            _ => {
                return Err(EngineError::UnknownOption {
                    option: option.to_owned(),
                    valid: Self::NAMES.map(str::to_owned).to_vec(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_spelling_and_plain_spelling() -> Result<()> {
        let options = RootOptions::parse([("format.tree", "Runs"), ("on_bad_file", "skip")])?;
        assert_eq!(options.tree.as_deref(), Some("Runs"));
        assert_eq!(options.on_bad_file, OnBadFile::Skip);
        Ok(())
    }

    #[test]
    fn unknown_option_lists_the_options() {
        let message = RootOptions::parse([("format.tre", "Runs")]).map_err(|e| e.to_string());
        assert_eq!(
            message,
            Err("unknown option 'tre'; the options are: tree, missing_branch, missing_triggers, on_bad_file, schema, datasets".into())
        );
    }

    #[test]
    fn wrong_value_says_what_it_could_be() {
        let message = RootOptions::parse([("missing_branch", "nul")]).map_err(|e| e.to_string());
        assert_eq!(message, Err("option 'missing_branch' is 'nul'; it can be 'error' or 'null'".into()));
    }
}
