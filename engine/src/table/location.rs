//! From what a user writes (a path, a pattern, a directory, a URL, several of them) to files with their sizes.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt};
use url::Url;

use crate::{
    dialect::faults::nearest,
    error::{EngineError, Result},
};

/// How many objects of a store are asked for their size at a time.
const HEADS_AT_ONCE: usize = 16;

/// One file of a table: where it is, how large, and since when.
#[derive(Debug, Clone)]
pub(crate) struct FoundFile {
    pub(crate) store: ObjectStoreUrl,
    pub(crate) meta: ObjectMeta,
}

impl FoundFile {
    /// The name for messages: an absolute path or a URL.
    pub(crate) fn name(&self) -> String {
        file_name(&self.store, &self.meta.location)
    }
}

/// The name of an object for messages: an absolute path or a URL.
pub(crate) fn file_name(store: &ObjectStoreUrl, location: &Path) -> String {
    if is_local(store) { format!("/{location}") } else { format!("{}{location}", store.as_str()) }
}

/// True for the local file system.
pub(crate) fn is_local(store: &ObjectStoreUrl) -> bool {
    store.as_str().starts_with("file:")
}

/// Splits `file.root:Runs` into the file and the tree. A colon elsewhere (a port, a scheme) stays in the location.
#[must_use]
pub fn split_tree(location: &str) -> (&str, Option<&str>) {
    match location.rfind(".root:") {
        Some(at) => {
            let (file, tree) = location.split_at(at + ".root".len());
            match tree.strip_prefix(':') {
                Some(tree) if !tree.is_empty() => (file, Some(tree)),
                _ => (file, None),
            }
        }
        None => (location, None),
    }
}

/// Files behind the locations, and the tree that a location names (`file.root:Runs`). A location may be a list with commas.
///
/// # Errors
/// A location without a file, a file named twice (its events would count twice), two different trees.
pub(crate) async fn resolve(
    runtime: &RuntimeEnv,
    locations: &[String],
) -> Result<(Vec<FoundFile>, Option<String>)> {
    let mut files: Vec<FoundFile> = Vec::new();
    let mut tree: Option<String> = None;
    for location in locations.iter().flat_map(|l| split_list(l)) {
        let (place, named) = split_tree(location);
        if let Some(named) = named {
            if tree.as_deref().is_some_and(|tree| tree != named) {
                return Err(wrong(location, "another location of the same table names another tree"));
            }
            tree = Some(named.to_owned());
        }
        files.extend(find(runtime, place).await?);
    }
    if files.is_empty() {
        return Err(EngineError::NoFiles { location: locations.join(", "), hint: String::new() });
    }
    let mut seen = std::collections::HashSet::new();
    for file in &files {
        if !seen.insert((file.store.as_str(), &file.meta.location)) {
            return Err(wrong(&file.name(), "the file is listed twice; its events would count twice"));
        }
    }
    Ok((files, tree))
}

/// A list with commas, unless a file has that very name.
fn split_list(location: &str) -> Vec<&str> {
    if !location.contains(',') || FilePath::new(location).exists() {
        return vec![location.trim()];
    }
    location.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()
}

async fn find(runtime: &RuntimeEnv, location: &str) -> Result<Vec<FoundFile>> {
    let Some((scheme, _)) = location.split_once("://") else {
        return find_local(location);
    };
    match scheme {
        "file" => {
            let url = parse_url(location)?;
            let path = url.to_file_path().map_err(|()| wrong(location, "not a path of this machine"))?;
            find_local(&path.to_string_lossy())
        }
        "http" | "https" | "s3" => find_remote(runtime, location).await,
        "root" | "xroot" | "roots" => Err(wrong(
            location,
            "XRootD is not supported yet: use the https:// door of the same storage, or copy the file",
        )),
        other => Err(wrong(location, &format!("scheme '{other}' is not one of file, http, https, s3"))),
    }
}

fn find_local(location: &str) -> Result<Vec<FoundFile>> {
    let io = |source| EngineError::Io { path: location.into(), source };
    let path = FilePath::new(location);
    let paths = if path.is_dir() {
        directory(path).map_err(io)?
    } else if path.exists() || !has_pattern(location) {
        vec![path.to_owned()]
    } else {
        let matches = glob::glob(location).map_err(|e| wrong(location, &format!("not a pattern: {e}")))?;
        matches.collect::<Result<Vec<_>, _>>().map_err(|e| io(e.into()))?
    };
    let mut found = Vec::with_capacity(paths.len());
    for path in paths {
        let name = path.to_string_lossy().into_owned();
        match std::fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => {}
            Ok(meta) => {
                let io = |source| EngineError::Io { path: (&name).into(), source };
                // Without `..`, which a store's path cannot hold, and a file behind two links is found twice.
                let absolute = std::fs::canonicalize(&path).map_err(io)?;
                let location =
                    Path::from_absolute_path(&absolute).map_err(|e| wrong(&name, &e.to_string()))?;
                found.push(FoundFile {
                    store: ObjectStoreUrl::local_filesystem(),
                    meta: ObjectMeta {
                        location,
                        last_modified: meta.modified().map_err(io)?.into(),
                        size: meta.len(),
                        e_tag: None,
                        version: None,
                    },
                });
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(EngineError::NoFiles { location: name, hint: neighbour(&path) });
            }
            Err(source) => return Err(EngineError::Io { path: name.into(), source }),
        }
    }
    if found.is_empty() {
        return Err(EngineError::NoFiles { location: location.to_owned(), hint: String::new() });
    }
    Ok(found)
}

/// The `.root` files below a directory, by name.
fn directory(path: &FilePath) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut entries = std::fs::read_dir(path)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // A link to a directory is not followed: it may lead in a circle.
        if entry.file_type()?.is_dir() {
            files.extend(directory(&path)?);
        } else if path.extension().is_some_and(|e| e == "root") {
            files.push(path);
        }
    }
    Ok(files)
}

/// The file of the same directory whose name is nearest, for a message.
fn neighbour(path: &FilePath) -> String {
    let Some(name) = path.file_name().map(|n| n.to_string_lossy()) else { return String::new() };
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(FilePath::new("."));
    let Ok(entries) = std::fs::read_dir(parent) else {
        return format!(" (there is no directory '{}')", parent.display());
    };
    let names: Vec<String> =
        entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    match nearest(&name, names.iter().map(String::as_str), 1).first() {
        Some(near) => format!(" (there is '{}')", parent.join(near).display()),
        None => String::new(),
    }
}

async fn find_remote(runtime: &RuntimeEnv, location: &str) -> Result<Vec<FoundFile>> {
    let url = parse_url(location)?;
    if url.query().is_some() && url.scheme() != "s3" && !has_pattern(url.path()) {
        return Err(wrong(location, "a URL with a query cannot be read by ranges through the store"));
    }
    let (store_url, store) = open_store(runtime, &url)?;
    let failed = |source| EngineError::Store { location: location.to_owned(), source };
    // The text after the host, so that a `?` of a pattern is not taken for a query.
    let text = location.splitn(4, '/').nth(3).unwrap_or_default();
    if !has_pattern(text) {
        let path = Path::from_url_path(url.path()).map_err(|e| wrong(location, &e.to_string()))?;
        let meta = store.head(&path).await.map_err(failed)?;
        return Ok(vec![FoundFile { store: store_url, meta }]);
    }
    if url.scheme() != "s3" {
        return Err(wrong(location, "patterns need a listing, which http does not have; name the files"));
    }
    let pattern = glob::Pattern::new(text).map_err(|e| wrong(location, &format!("not a pattern: {e}")))?;
    let fixed = text.find(['*', '?', '[']).map_or(text, |at| &text[..at]);
    let prefix = Path::from(fixed.rsplit_once('/').map_or("", |(directory, _)| directory));
    let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
    let mut found: Vec<ObjectMeta> = store.list(Some(&prefix)).try_collect().await.map_err(failed)?;
    found.retain(|meta| pattern.matches_with(meta.location.as_ref(), options));
    found.sort_by(|a, b| a.location.cmp(&b.location));
    if found.is_empty() {
        return Err(EngineError::NoFiles { location: location.to_owned(), hint: String::new() });
    }
    Ok(found.into_iter().map(|meta| FoundFile { store: store_url.clone(), meta }).collect())
}

/// Resolves many locations at a time (the files of a datasets table), each to exactly one file, in order.
pub(crate) async fn resolve_each(runtime: &RuntimeEnv, locations: &[String]) -> Result<Vec<FoundFile>> {
    // The futures are made before they are streamed: a closure over borrowed locations would not be general enough.
    let searches: Vec<_> = locations.iter().map(|location| find_one(runtime, location)).collect();
    futures::stream::iter(searches).buffered(HEADS_AT_ONCE).try_collect().await
}

async fn find_one(runtime: &RuntimeEnv, location: &str) -> Result<FoundFile> {
    let mut files = find(runtime, location).await?;
    match (files.pop(), files.is_empty()) {
        (Some(file), true) => Ok(file),
        _ => Err(wrong(location, "a datasets file names files, not patterns or directories")),
    }
}

/// The store of a URL, registered in the runtime the first time it is needed.
fn open_store(runtime: &RuntimeEnv, url: &Url) -> Result<(ObjectStoreUrl, Arc<dyn ObjectStore>)> {
    let root = format!("{}://{}", url.scheme(), &url[url::Position::BeforeHost..url::Position::AfterPort]);
    let store_url = ObjectStoreUrl::parse(&root)?;
    if let Ok(store) = runtime.object_store(&store_url) {
        return Ok((store_url, store));
    }
    let failed = |source| EngineError::Store { location: root.clone(), source };
    let store: Arc<dyn ObjectStore> = if url.scheme() == "s3" {
        let bucket = url.host_str().unwrap_or_default();
        Arc::new(AmazonS3Builder::from_env().with_bucket_name(bucket).build().map_err(failed)?)
    } else {
        let client = ClientOptions::new().with_allow_http(true);
        Arc::new(HttpBuilder::new().with_url(&root).with_client_options(client).build().map_err(failed)?)
    };
    runtime.register_object_store(&parse_url(&root)?, Arc::clone(&store));
    Ok((store_url, store))
}

fn parse_url(location: &str) -> Result<Url> {
    Url::parse(location).map_err(|e| wrong(location, &format!("not a URL: {e}")))
}

fn has_pattern(location: &str) -> bool {
    location.contains(['*', '?', '['])
}

fn wrong(location: &str, reason: &str) -> EngineError {
    EngineError::Location { location: location.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_after_the_file() {
        assert_eq!(split_tree("a/b.root:Runs"), ("a/b.root", Some("Runs")));
        assert_eq!(
            split_tree("https://host:8443/b.root:dir/Events;1"),
            ("https://host:8443/b.root", Some("dir/Events;1"))
        );
        assert_eq!(split_tree("data/*.root"), ("data/*.root", None));
        assert_eq!(split_tree("s3://bucket/b.root"), ("s3://bucket/b.root", None));
    }

    #[test]
    fn lists_with_commas() {
        assert_eq!(split_list("a.root, b.root,"), ["a.root", "b.root"]);
    }

    #[test]
    fn a_missing_file_offers_its_neighbour() -> Result<()> {
        let io = |source| EngineError::Io { path: "tempdir".into(), source };
        let directory = tempfile::tempdir().map_err(io)?;
        std::fs::write(directory.path().join("ttbar.root"), b"").map_err(io)?;
        let missing = directory.path().join("tbar.root");
        let message = find_local(&missing.to_string_lossy()).map(|_| ()).map_err(|e| e.to_string());
        let there = directory.path().join("ttbar.root");
        assert_eq!(
            message,
            Err(format!("no file matches '{}' (there is '{}')", missing.display(), there.display()))
        );
        Ok(())
    }
}
