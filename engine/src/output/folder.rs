//! A folder that appears whole or not at all.

use std::path::{Path, PathBuf};

use super::{Cancellation, OutputError, Result};

/// A folder being written beside its place, renamed into it by [`commit`](Self::commit). Dropped before that, it is
/// removed and what was in the place is untouched.
#[derive(Debug)]
pub struct ResultFolder {
    target: PathBuf,
    overwrite: bool,
    temporary: Option<tempfile::TempDir>,
    path: PathBuf,
    cancellation: Cancellation,
}

impl Drop for ResultFolder {
    fn drop(&mut self) {
        self.cancellation.end(&self.path);
    }
}

impl ResultFolder {
    /// Starts the folder; one that is there already is an error unless it may be replaced.
    ///
    /// # Errors
    /// When the place is taken or cannot be written to.
    pub fn create(target: &Path, overwrite: bool, cancellation: &Cancellation) -> Result<Self> {
        let io = |action, source| OutputError::Io { path: target.to_owned(), action, source };
        if target.exists() && !overwrite {
            return Err(io("write results", std::io::Error::from(std::io::ErrorKind::AlreadyExists)));
        }
        if target.exists() && !target.join(MARK).is_file() && !is_empty(target) {
            let reason = std::io::Error::other("it is no folder of results");
            return Err(io("replace it", reason));
        }
        let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(parent).map_err(|e| io("create its parent", e))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".ana-sql-").suffix(".part");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let temporary = builder.tempdir_in(parent).map_err(|e| io("create a folder beside it", e))?;
        let path = temporary.path().to_owned();
        cancellation.begin(&path);
        Ok(Self {
            target: target.to_owned(),
            overwrite,
            temporary: Some(temporary),
            path,
            cancellation: cancellation.clone(),
        })
    }

    /// The place of a file in the unfinished folder; folders on the way are made.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn place(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            let io =
                |source| OutputError::Io { path: parent.to_owned(), action: "create the folder", source };
            std::fs::create_dir_all(parent).map_err(io)?;
        }
        Ok(path)
    }

    /// Writes a text.
    ///
    /// # Errors
    /// When that fails.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.place(name)?;
        std::fs::write(&path, text).map_err(|source| OutputError::Io { path, action: "write", source })
    }

    /// Makes the folder appear.
    ///
    /// # Errors
    /// When it was cancelled, or the place cannot be taken.
    pub fn commit(mut self) -> Result<()> {
        let target = self.target.clone();
        let io = |action, source| OutputError::Io { path: target.clone(), action, source };
        if self.cancellation.is_cancelled() {
            return Err(OutputError::Cancelled { path: target });
        }
        let Some(temporary) = self.temporary.take() else { return Ok(()) };
        let mut aside = None;
        if self.overwrite && target.exists() {
            let parent = self.path.parent().map(Path::to_owned).unwrap_or_default();
            let old = tempfile::Builder::new().prefix(".ana-sql-old-").tempdir_in(parent);
            let old = old.map_err(|e| io("put the old folder aside", e))?;
            std::fs::rename(&target, old.path().join("results"))
                .map_err(|e| io("put the old folder aside", e))?;
            aside = Some(old);
        }
        let finished = temporary.keep();
        if let Err(error) = std::fs::rename(&finished, &target) {
            let _unfinished = std::fs::remove_dir_all(&finished);
            if let Some(old) = &aside {
                let _best_effort = std::fs::rename(old.path().join("results"), &target);
            }
            return Err(io("rename the finished folder", error));
        }
        Ok(())
    }
}

/// The file that every folder of results has.
const MARK: &str = "run.json";

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_or_not_at_all() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("out");
        let stop = Cancellation::default();
        let folder = ResultFolder::create(&target, false, &stop).unwrap();
        folder.write("run.json", "{}").unwrap();
        assert!(!target.exists());
        drop(folder);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
        let folder = ResultFolder::create(&target, false, &stop).unwrap();
        folder.write("columns/a.txt", "a").unwrap();
        folder.write("run.json", "{}").unwrap();
        folder.commit().unwrap();
        assert!(target.join("columns/a.txt").is_file());
        assert!(ResultFolder::create(&target, false, &stop).is_err());
        let folder = ResultFolder::create(&target, true, &stop).unwrap();
        folder.write("run.json", "{1}").unwrap();
        folder.commit().unwrap();
        assert_eq!(std::fs::read_to_string(target.join("run.json")).unwrap(), "{1}");
        assert!(!target.join("columns").exists());
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_cancelled_folder_goes_away() {
        let parent = tempfile::tempdir().unwrap();
        let stop = Cancellation::default();
        let folder = ResultFolder::create(&parent.path().join("out"), false, &stop).unwrap();
        folder.write("half", "x").unwrap();
        stop.cancel();
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
        assert!(folder.commit().is_err());
    }

    #[test]
    fn a_folder_of_other_things_is_not_replaced() {
        let parent = tempfile::tempdir().unwrap();
        std::fs::write(parent.path().join("thesis.tex"), "years of work").unwrap();
        assert!(ResultFolder::create(parent.path(), true, &Cancellation::default()).is_err());
    }
}
