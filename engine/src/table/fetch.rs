//! Ranged reads: a few large ones in place of many small ones, from the local file system or a store.

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use ana_root::ByteStore;
use bytes::{Bytes, BytesMut};
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;

use super::location::{file_name, is_local};
use super::metrics::IoMetrics;
use crate::error::{EngineError, Result};

/// Ranges nearer than this are read as one. Locally a read costs a microsecond and a copied page as much;
/// remotely a request costs what a mebibyte does.
const LOCAL_GAP: u64 = 32 * 1024;
const REMOTE_GAP: u64 = 1024 * 1024;
/// No read is larger, so that large units are fetched by several requests at a time.
const REMOTE_LARGEST: u64 = 8 * 1024 * 1024;
const LOCAL_LARGEST: u64 = 64 * 1024 * 1024;
const REQUESTS_AT_ONCE: usize = 8;

/// One file that can be read by ranges.
#[derive(Clone)]
pub(crate) struct FileAccess {
    name: Arc<str>,
    size: u64,
    place: Place,
    metrics: IoMetrics,
    used: Used,
}

/// Buffers of the last reads: once nothing of one is looked at any more the next read goes there. Fresh memory would have to
/// be zeroed, by the kernel and by us, which takes as long as copying what is read into it.
#[derive(Clone, Default)]
struct Used(Arc<Mutex<Vec<Bytes>>>);

/// Units are read one ahead, and a basket may belong to two of them.
const USED_BUFFERS: usize = 3;

impl Used {
    /// A buffer of at least `length` bytes.
    fn take(&self, length: usize) -> BytesMut {
        let mut used = self.0.lock();
        for at in 0..used.len() {
            match used.swap_remove(at).try_into_mut() {
                Ok(free) if free.len() >= length => return free,
                // Too small: nobody wants what it holds, so it is not made larger.
                Ok(_) => break,
                Err(in_use) => {
                    used.push(in_use);
                    let last = used.len() - 1;
                    used.swap(at, last);
                }
            }
        }
        // The next unit may be a little larger.
        BytesMut::zeroed(length + length / 8)
    }

    fn keep(&self, buffer: &Bytes) {
        let mut used = self.0.lock();
        if used.len() == USED_BUFFERS {
            used.remove(0);
        }
        used.push(buffer.clone());
    }
}

#[derive(Clone)]
enum Place {
    /// Read by `pread`: for a file in the page cache the path through a store costs more than the bytes.
    Local {
        path: PathBuf,
        open: Arc<OnceLock<File>>,
        /// Whether the last read had to wait for the disk.
        cold: Arc<AtomicBool>,
    },
    Remote {
        store: Arc<dyn ObjectStore>,
        path: Path,
    },
}

impl FileAccess {
    pub(crate) fn new(
        store_url: &ObjectStoreUrl,
        store: &Arc<dyn ObjectStore>,
        meta: &ObjectMeta,
        metrics: IoMetrics,
    ) -> Self {
        let place = if is_local(store_url) {
            Place::Local {
                path: PathBuf::from(format!("/{}", meta.location)),
                open: Arc::default(),
                cold: Arc::default(),
            }
        } else {
            Place::Remote { store: Arc::clone(store), path: meta.location.clone() }
        };
        Self {
            name: file_name(store_url, &meta.location).into(),
            size: meta.size,
            place,
            metrics,
            used: Used::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether reading means waiting, so that asking ahead of need pays.
    pub(crate) fn waits(&self) -> bool {
        match &self.place {
            Place::Local { cold, .. } => cold.load(Ordering::Relaxed),
            Place::Remote { .. } => true,
        }
    }

    /// Fetches the ranges into the store, neighbours together.
    pub(crate) async fn fetch(&self, ranges: Vec<Range<u64>>, bytes: &mut ByteStore) -> Result<()> {
        if ranges.is_empty() {
            return Ok(());
        }
        if let Some(range) = ranges.iter().find(|r| r.end > self.size || r.start > r.end) {
            return Err(EngineError::Short {
                file: self.name.to_string(),
                range: range.clone(),
                size: self.size,
            });
        }
        let (fetched, time) = match &self.place {
            Place::Local { path, open, cold } => {
                let reads = coalesce(ranges, LOCAL_GAP, LOCAL_LARGEST);
                let file = match open.get() {
                    Some(file) => file,
                    None => {
                        let opened = File::open(path).map_err(|e| self.io(e))?;
                        open.get_or_init(|| opened)
                    }
                };
                let started = Instant::now();
                let cached = self.read_local(file, &reads, read_cached);
                cold.store(cached.is_err(), Ordering::Relaxed);
                match cached {
                    Ok(read) => (read, started.elapsed()),
                    // Whatever the reason, it will be seen again where there is time to wait.
                    Err(_) => {
                        let (this, open) = (self.clone(), Arc::clone(open));
                        // Timed where it happens: waiting for a thread is not waiting for the disk.
                        let read = move || {
                            let started = Instant::now();
                            let file = open.get().ok_or(std::io::ErrorKind::NotFound)?;
                            let read = this.read_local(file, &reads, read_at)?;
                            Ok::<_, std::io::Error>((read, started.elapsed()))
                        };
                        let read = tokio::task::spawn_blocking(read).await;
                        read.map_err(std::io::Error::other).flatten().map_err(|e| self.io(e))?
                    }
                }
            }
            Place::Remote { store, path } => {
                let failed = |source| EngineError::Store { location: self.name.to_string(), source };
                let started = Instant::now();
                let fetched: Vec<(u64, Bytes)> =
                    futures::stream::iter(coalesce(ranges, REMOTE_GAP, REMOTE_LARGEST))
                        .map(|range| async move {
                            let bytes = store.get_range(path, range.clone()).await.map_err(failed)?;
                            Ok::<_, EngineError>((range.start, bytes))
                        })
                        .buffer_unordered(REQUESTS_AT_ONCE)
                        .try_collect()
                        .await?;
                (fetched, started.elapsed())
            }
        };
        let total = fetched.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        self.metrics.read(total, time);
        for (offset, piece) in fetched {
            bytes.insert(offset, piece);
        }
        Ok(())
    }

    fn io(&self, source: std::io::Error) -> EngineError {
        EngineError::Io { path: (*self.name).into(), source }
    }

    /// One buffer for all reads: one allocation, and its slices keep it alive.
    fn read_local(
        &self,
        file: &File,
        reads: &[Range<u64>],
        read_at: impl Fn(&File, &mut [u8], u64) -> std::io::Result<()>,
    ) -> std::io::Result<Vec<(u64, Bytes)>> {
        let length = |range: &Range<u64>| usize::try_from(range.end - range.start);
        let total = reads.iter().try_fold(0usize, |sum, range| length(range).map(|n| sum + n));
        let mut buffer = self.used.take(total.map_err(std::io::Error::other)?);
        let mut filled = 0;
        let mut pieces = Vec::with_capacity(reads.len());
        for range in reads {
            let length = length(range).map_err(std::io::Error::other)?;
            read_at(file, &mut buffer[filled..filled + length], range.start)?;
            pieces.push((range.start, filled..filled + length));
            filled += length;
        }
        let buffer = buffer.freeze();
        self.used.keep(&buffer);
        Ok(pieces.into_iter().map(|(offset, piece)| (offset, buffer.slice(piece))).collect())
    }
}

/// Reads what the page cache holds, at once: handing a copy of memory to another thread takes longer than the copy. An
/// error where the disk would have to be asked, or where the file system cannot say.
#[cfg(target_os = "linux")]
fn read_cached(file: &File, mut buffer: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !buffer.is_empty() {
        let into = &mut [std::io::IoSliceMut::new(buffer)];
        let read = rustix::io::preadv2(file, into, offset, rustix::io::ReadWriteFlags::NOWAIT)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[read..];
        offset += read as u64;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_: &File, _: &mut [u8], _: u64) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !buffer.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[read..];
        offset += read as u64;
    }
    Ok(())
}

/// Merges ranges that touch, overlap or are nearer than `gap`, up to `largest` bytes each. A range is never cut: what
/// is asked for in one piece comes in one piece.
fn coalesce(mut ranges: Vec<Range<u64>>, gap: u64, largest: u64) -> Vec<Range<u64>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last)
                if range.start < last.end
                    || (range.start <= last.end.saturating_add(gap) && range.end - last.start <= largest) =>
            {
                last.end = last.end.max(range.end);
            }
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "lists that hold one range")]
mod tests {
    use super::*;

    #[test]
    fn near_ranges_become_one_read() {
        assert_eq!(coalesce(vec![10..20, 0..10, 25..30, 100..110], 5, 1000), [0..30, 100..110]);
    }

    #[test]
    fn a_buffer_is_used_again_once_nobody_looks_at_it() {
        let used = Used::default();
        let first = used.take(100).freeze();
        let place = first.as_ptr();
        used.keep(&first);
        let piece = first.slice(10..20);
        drop(first);
        assert_ne!(used.take(100).as_ptr(), place);
        drop(piece);
        assert_eq!(used.take(50).as_ptr(), place);
    }

    #[test]
    fn large_reads_stay_apart_but_overlaps_never() {
        assert_eq!(coalesce(vec![0..60, 60..120], 5, 100), [0..60, 60..120]);
        assert_eq!(coalesce(vec![0..60, 50..120], 5, 100), [0..120]);
    }
}
