//! A file that appears whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tempfile::NamedTempFile;

use super::{OutputError, Result};

/// Stops writers, from any thread. Clones stop the same ones.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<Writers>);

#[derive(Debug, Default)]
struct Writers {
    stopped: AtomicBool,
    /// Files that are being written.
    unfinished: Mutex<Vec<PathBuf>>,
}

impl Cancellation {
    /// Makes every later write fail and removes the unfinished files at once, without waiting for who writes them:
    /// a program may exit right after.
    pub fn cancel(&self) {
        self.0.stopped.store(true, Ordering::SeqCst);
        for path in self.0.unfinished.lock().drain(..) {
            let _gone_already =
                if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        }
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.stopped.load(Ordering::SeqCst)
    }

    /// Notes a file or folder that is begun.
    pub(super) fn begin(&self, path: &Path) {
        self.0.unfinished.lock().push(path.to_owned());
    }

    /// Forgets one that is whole or gone.
    pub(super) fn end(&self, path: &Path) {
        self.0.unfinished.lock().retain(|known| known != path);
    }
}

/// A file being written beside its place: a hidden temporary file in the same directory, which
/// [`commit`](Self::commit) puts on disk and renames. Dropped before that, it is removed and the old file, if there
/// was one, is untouched.
///
/// A path that exists and is no regular file (`/dev/null`, a named pipe) is written directly: renaming over it would replace it.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    sink: Sink,
    cancellation: Cancellation,
    written: u64,
}

#[derive(Debug)]
enum Sink {
    Beside(Beside),
    Direct(std::fs::File),
}

/// The temporary file, known to those who may have to remove it.
#[derive(Debug)]
struct Beside {
    /// `None` once it has been put in its place.
    file: Option<NamedTempFile>,
    temporary: PathBuf,
    cancellation: Cancellation,
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.cancellation.end(&self.temporary);
    }
}

impl AtomicFile {
    /// Starts the file. Once cancelled, every write fails, so that a writer in the middle of a large file stops.
    ///
    /// # Errors
    /// When the directory cannot be written to.
    pub fn create(path: &Path, cancellation: &Cancellation) -> Result<Self> {
        // A link stays a link: what is replaced is the file it points at.
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let io = |action, source| OutputError::Io { path: path.to_owned(), action, source };
        let sink = match std::fs::metadata(&target) {
            Ok(found) if found.is_dir() => {
                return Err(io("write the file", std::io::Error::from(std::io::ErrorKind::IsADirectory)));
            }
            Ok(found) if !found.is_file() => {
                let file = std::fs::OpenOptions::new().write(true).open(&target);
                Sink::Direct(file.map_err(|e| io("open it for writing", e))?)
            }
            _ => {
                let file = beside(&target).map_err(|e| io("create a file in its directory", e))?;
                let temporary = file.path().to_owned();
                cancellation.begin(&temporary);
                Sink::Beside(Beside { file: Some(file), temporary, cancellation: cancellation.clone() })
            }
        };
        Ok(Self { target, sink, cancellation: cancellation.clone(), written: 0 })
    }

    /// Puts the file in its place: on disk first, then renamed, then the directory entry on disk.
    ///
    /// # Errors
    /// When the disk is full, the rename fails, or the file was cancelled; nothing is left behind then.
    pub fn commit(mut self) -> Result<u64> {
        let path = self.target.clone();
        let io = |action, source| OutputError::Io { path: path.clone(), action, source };
        self.flush().map_err(|e| io("write", e))?;
        if self.cancellation.is_cancelled() {
            return Err(OutputError::Cancelled { path });
        }
        if let Sink::Beside(beside) = &mut self.sink
            && let Some(file) = beside.file.take()
        {
            file.as_file().sync_all().map_err(|e| io("write to disk", e))?;
            file.persist(&path).map_err(|e| io("rename the finished file", e.error))?;
            sync_directory(&path);
        }
        Ok(self.written)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.cancellation.is_cancelled() {
            // Not `Interrupted`: `write_all` would try that again for ever.
            return Err(std::io::Error::other("cancelled"));
        }
        let n = match &mut self.sink {
            Sink::Beside(Beside { file: Some(file), .. }) => file.write(bytes)?,
            Sink::Beside(_) => return Err(std::io::Error::other("the file is finished")),
            Sink::Direct(file) => file.write(bytes)?,
        };
        self.written += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match &mut self.sink {
            Sink::Beside(beside) => beside.file.as_mut().map_or(Ok(()), Write::flush),
            Sink::Direct(file) => file.flush(),
        }
    }
}

fn beside(target: &Path) -> std::io::Result<NamedTempFile> {
    let directory = target.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ana-sql-").suffix(".part");
    // Temporary files are private by default; a result is an ordinary file, as the umask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory)
}

/// Not every file system lets a directory be synced; the file itself is already whole.
fn sync_directory(path: &Path) {
    #[cfg(unix)]
    if let Some(directory) = path.parent() {
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        if let Ok(directory) = std::fs::File::open(directory) {
            let _unsupported = directory.sync_all();
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn appears_whole_on_commit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.json");
        std::fs::write(&path, "old").unwrap();
        let mut file = AtomicFile::create(&path, &Cancellation::default()).unwrap();
        file.write_all(b"new content").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(file.commit().unwrap(), 11);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new content");
        assert_eq!(names(directory.path()), ["out.json"]);
    }

    #[test]
    fn dropped_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut file =
            AtomicFile::create(&directory.path().join("out.json"), &Cancellation::default()).unwrap();
        file.write_all(b"half").unwrap();
        assert_eq!(names(directory.path()).len(), 1);
        drop(file);
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn cancelled_writes_fail_and_leave_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.json");
        let cancellation = Cancellation::default();
        let mut file = AtomicFile::create(&path, &cancellation).unwrap();
        file.write_all(b"half").unwrap();
        cancellation.cancel();
        assert!(names(directory.path()).is_empty(), "removed while it is still open");
        assert!(file.write_all(b"the other half").is_err());
        assert!(matches!(file.commit(), Err(OutputError::Cancelled { .. })));
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = AtomicFile::create(Path::new("no/such/place/out.json"), &Cancellation::default())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("no/such/place/out.json: cannot create"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn the_file_has_ordinary_permissions_and_links_stay() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let (real, link) = (directory.path().join("real.csv"), directory.path().join("link.csv"));
        std::fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut file = AtomicFile::create(&link, &Cancellation::default()).unwrap();
        file.write_all(b"new").unwrap();
        file.commit().unwrap();
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        let mode = std::fs::metadata(&real).unwrap().permissions().mode();
        assert_eq!(mode & 0o600, 0o600);
        assert_ne!(mode & 0o044, 0, "readable by others under the usual umask");
    }
}
