//! Who may import whom, checked from the manifests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::collections::BTreeSet;

use ana_tests::workspace;
use cargo_metadata::{DependencyKind, MetadataCommand, Package};

fn packages() -> Vec<Package> {
    let manifest = workspace().join("Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("cargo metadata runs").packages
}

fn normal_dependencies(package: &Package) -> BTreeSet<String> {
    package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal).map(|d| d.name.clone()).collect()
}

#[test]
fn our_crates_depend_in_one_direction() {
    let allowed: &[(&str, &[&str])] = &[
        ("ana-hist", &[]),
        ("ana-root", &[]),
        ("ana-kernels", &["ana-hist"]),
        ("ana-sql-ext", &["ana-hist", "ana-kernels"]),
        ("ana-engine", &["ana-hist", "ana-kernels", "ana-root", "ana-sql-ext"]),
    ];
    for package in packages() {
        let Some((_, may)) = allowed.iter().find(|(name, _)| *name == package.name.as_str()) else {
            continue;
        };
        let ours: BTreeSet<_> =
            normal_dependencies(&package).into_iter().filter(|d| d.starts_with("ana-")).collect();
        let may: BTreeSet<_> = may.iter().map(|&d| d.to_owned()).collect();
        assert!(ours.is_subset(&may), "{} imports {ours:?}, may import {may:?}", package.name);
    }
}

#[test]
fn heavy_dependencies_stay_where_they_belong() {
    let never: &[(&str, &[&str])] = &[
        ("ana-hist", &["arrow", "datafusion", "wgpu"]),
        ("ana-root", &["datafusion", "tokio", "object_store"]),
        ("ana-kernels", &["arrow", "datafusion"]),
        ("ana-sql-ext", &["datafusion", "ana-root", "wgpu"]),
        ("ana-engine", &["wgpu"]),
    ];
    for package in packages() {
        let Some((_, banned)) = never.iter().find(|(name, _)| *name == package.name.as_str()) else {
            continue;
        };
        for dependency in normal_dependencies(&package) {
            assert!(!banned.contains(&dependency.as_str()), "{} must not import {dependency}", package.name);
        }
    }
}

#[test]
fn every_version_stands_in_the_workspace() {
    for package in packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("manifest is readable");
        let pinned = manifest.lines().filter(|l| l.contains("version = \"")).collect::<Vec<_>>();
        assert!(pinned.is_empty(), "{} pins versions itself: {pinned:?}", package.name);
    }
}
