//! A folder that appears whole or not at all.

use std::path::{Path, PathBuf};

use super::{Cancellation, OutputError, Result};

/// A folder being written beside its place, renamed into it by [`commit`](Self::commit). Dropped before that, it is
/// removed and what was in the place is untouched.
#[derive(Debug)]
pub struct ResultFolder {
    target: PathBuf,
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
    /// Starts the folder; one that is there already is an error unless it may be replaced. A link is followed: what is
    /// replaced is the folder it leads to.
    ///
    /// # Errors
    /// When the place is taken, leads nowhere, or cannot be written to.
    pub fn create(target: &Path, overwrite: bool, cancellation: &Cancellation) -> Result<Self> {
        let io = |action, source| OutputError::Io { path: target.to_owned(), action, source };
        let other = |reason: &str| std::io::Error::other(reason.to_owned());
        let is_there = target.symlink_metadata().is_ok();
        let place = match target.canonicalize() {
            Ok(place) => place,
            Err(_) if is_there => return Err(io("write results", other("it is a link that leads nowhere"))),
            Err(_) => std::path::absolute(target).map_err(|e| io("write results", e))?,
        };
        if is_there && !overwrite && !is_empty(&place) {
            let reason = "it exists already; give another folder, or --overwrite to replace it";
            return Err(io("write results", other(reason)));
        }
        if is_there && !place.join(MARK).is_file() && !is_empty(&place) {
            return Err(io("replace it", other("it is no folder of results (it has no run.json)")));
        }
        if std::env::current_dir()
            .and_then(|here| here.canonicalize())
            .is_ok_and(|here| here.starts_with(&place))
        {
            return Err(io("write results", other("the program runs in this folder; give one inside of it")));
        }
        let Some(parent) = place.parent() else { return Err(io("write results", other("it is the root"))) };
        std::fs::create_dir_all(parent).map_err(|e| io("create its parent", e))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".ana-sql-").suffix(".part");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let temporary = builder.tempdir_in(parent).map_err(|e| io("create a folder beside it", e))?;
        let path = temporary.path().to_owned();
        cancellation.begin(&path);
        Ok(Self { target: place, temporary: Some(temporary), path, cancellation: cancellation.clone() })
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

    /// Removes a folder in the unfinished one with all that is in it, if it is there.
    ///
    /// # Errors
    /// When that fails.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.path.join(name);
        match std::fs::remove_dir_all(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(OutputError::Io { path, action: "remove", source })
            }
            _ => Ok(()),
        }
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
    /// When it was cancelled, or the place cannot be taken. An old folder is then where it was; if not even that can be
    /// done, the message says where it is.
    pub fn commit(self) -> Result<()> {
        self.commit_by(|from, to| std::fs::rename(from, to))
    }

    fn commit_by(mut self, rename: impl Fn(&Path, &Path) -> std::io::Result<()>) -> Result<()> {
        let target = self.target.clone();
        let io = |action, source| OutputError::Io { path: target.clone(), action, source };
        if self.cancellation.is_cancelled() {
            return Err(OutputError::Cancelled { path: target });
        }
        let Some(temporary) = self.temporary.take() else { return Ok(()) };
        // Somebody may have made a folder there while this one was written.
        if target.exists() && !target.join(MARK).is_file() && !is_empty(&target) {
            return Err(io("replace it", std::io::Error::other("it is no folder of results")));
        }
        let mut aside = None;
        if target.exists() {
            let parent = self.path.parent().map(Path::to_owned).unwrap_or_default();
            let failed = |e| io("put the old folder aside", e);
            let old = tempfile::Builder::new().prefix(".ana-sql-old-").tempdir_in(parent).map_err(failed)?;
            let place = old.path().join("results");
            rename(&target, &place).map_err(failed)?;
            aside = Some((old, place));
        }
        if let Err(error) = rename(temporary.path(), &target) {
            if let Some((old, place)) = aside
                && rename(&place, &target).is_err()
            {
                // What is in it would be deleted with it.
                let kept = old.keep().join("results");
                let reason = format!("{error}; the old results are in {}", kept.display());
                return Err(io("rename the finished folder", std::io::Error::other(reason)));
            }
            return Err(io("rename the finished folder", error));
        }
        let _moved = temporary.keep();
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

    fn results(target: &Path, overwrite: bool, text: &str) -> ResultFolder {
        let folder = ResultFolder::create(target, overwrite, &Cancellation::default()).unwrap();
        folder.write("run.json", text).unwrap();
        folder
    }

    fn refused(target: &Path, overwrite: bool) -> String {
        ResultFolder::create(target, overwrite, &Cancellation::default()).unwrap_err().to_string()
    }

    #[test]
    fn whole_or_not_at_all() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("out");
        let folder = results(&target, false, "{}");
        assert!(!target.exists());
        drop(folder);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
        let folder = results(&target, false, "{}");
        folder.write("columns/a.txt", "a").unwrap();
        folder.commit().unwrap();
        assert!(target.join("columns/a.txt").is_file());
        assert!(refused(&target, false).contains("--overwrite"));
        results(&target, true, "{1}").commit().unwrap();
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
        let thesis = parent.path().join("thesis");
        std::fs::create_dir(&thesis).unwrap();
        // An empty folder is as good as none, until somebody writes to it.
        let folder = results(&thesis, false, "{}");
        std::fs::write(thesis.join("thesis.tex"), "years of work").unwrap();
        assert!(refused(&thesis, true).contains("no folder of results"));
        assert!(folder.commit().is_err());
        assert!(thesis.join("thesis.tex").is_file());
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_folder_one_is_in_is_refused() {
        assert!(refused(Path::new("."), true).contains("folder"), "before anything is read");
        assert!(refused(Path::new("/"), true).contains("folder"));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_must_lead_somewhere() {
        let parent = tempfile::tempdir().unwrap();
        let (real, link) = (parent.path().join("real"), parent.path().join("link"));
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(refused(&link, true).contains("leads nowhere"));
        std::fs::create_dir(&real).unwrap();
        results(&link, false, "{}").commit().unwrap();
        assert!(real.join("run.json").is_file() && link.symlink_metadata().unwrap().is_symlink());
    }

    #[test]
    fn old_results_are_never_lost() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("out");
        results(&target, false, "old").commit().unwrap();
        let fails = || Err(std::io::Error::other("no"));
        // The new folder cannot be renamed; the old one goes back.
        let is_new = |from: &Path| from.join("new").exists();
        let folder = results(&target, true, "new");
        folder.write("new", "").unwrap();
        let rename = |from: &Path, to: &Path| if is_new(from) { fails() } else { std::fs::rename(from, to) };
        assert!(folder.commit_by(rename).is_err());
        assert_eq!(std::fs::read_to_string(target.join("run.json")).unwrap(), "old");
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
        // Nor can the old one.
        let folder = results(&target, true, "new");
        let rename = |from: &Path, to: &Path| if to == target { fails() } else { std::fs::rename(from, to) };
        let told = folder.commit_by(rename).unwrap_err().to_string();
        let kept = told.split("the old results are in ").nth(1).expect("a place");
        assert_eq!(std::fs::read_to_string(Path::new(kept).join("run.json")).unwrap(), "old");
    }
}
