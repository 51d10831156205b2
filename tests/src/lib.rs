//! What the tests of the whole share: where the data lies, and how a skip is reported.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::{
    io::Write,
    path::{Path, PathBuf},
};

pub mod sql_database;

/// The root of the repository.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

/// The folder of real NanoAOD files and reference answers (`$ANA_SHARED`, else `../shared`), if it is
/// there. `test` is who asks, for the report of the skip.
///
/// # Panics
/// When it is not there although `ANA_REQUIRE_SHARED` says it must be.
pub fn shared(test: &str) -> Option<PathBuf> {
    let path = std::env::var_os("ANA_SHARED").map_or_else(|| workspace().join("../shared"), PathBuf::from);
    if path.join("data/nano").is_dir() {
        return Some(path);
    }
    assert!(
        std::env::var_os("ANA_REQUIRE_SHARED").is_none(),
        "{test}: ANA_REQUIRE_SHARED is set, but there is no data at {}",
        path.display()
    );
    skip(test, &format!("no data at {} (set ANA_SHARED)", path.display()));
    None
}

/// A Python that has `modules` (`$ANA_PYTHON`, else `python3`), for the tests that compare with the libraries
/// physicists use. `test` is who asks, for the report of the skip.
///
/// # Panics
/// When there is none although `ANA_REQUIRE_PYTHON` says there must be.
pub fn python(test: &str, modules: &[&str]) -> Option<PathBuf> {
    let python = std::env::var_os("ANA_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let imports = format!("import {}", modules.join(", "));
    let tried = std::process::Command::new(&python).args(["-c", &imports]).output();
    let why = match tried {
        Ok(output) if output.status.success() => return Some(python),
        Ok(output) => {
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            message.lines().last().unwrap_or("it failed").to_owned()
        }
        Err(error) => error.to_string(),
    };
    let why = format!("{}: {why} (set ANA_PYTHON)", python.display());
    assert!(std::env::var_os("ANA_REQUIRE_PYTHON").is_none(), "{test}: ANA_REQUIRE_PYTHON is set, but {why}");
    skip(test, &why);
    None
}

/// The GPU of this machine, if it has one that can be opened; a software one will do. `test` is who asks, for the report of
/// the skip.
///
/// # Panics
/// When there is none although `ANA_REQUIRE_GPU` says there must be.
pub fn gpu(test: &str) -> Option<ana_engine::Device> {
    let device = ana_engine::Device::Gpu(None);
    match ana_kernels::Backend::open(device) {
        Ok(_) => Some(device),
        Err(error) => {
            assert!(
                std::env::var_os("ANA_REQUIRE_GPU").is_none(),
                "{test}: ANA_REQUIRE_GPU is set, but {error}"
            );
            skip(test, &error.to_string());
            None
        }
    }
}

/// Says on the real standard error, past the capture of the test harness, what was not tested and why.
pub fn skip(test: &str, why: &str) {
    // A closed standard error must not fail the test.
    drop(writeln!(std::io::stderr(), "skipped: {test}: {why}"));
}
