//! Runs every `.slt` file under `tests/slt` in a session of its own, as a test of its own.
//!
//! In the files `${DATA}` is `tests/data`, `${SHARED}` the folder of real files; a file that names the
//! latter is skipped, and says so, where there is none.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

use std::path::{Path, PathBuf};

use ana_engine::{Device, Session};
use ana_tests::{gpu, shared, sql_database::Database, workspace};
use libtest_mimic::{Arguments, Failed, Trial};
use sqllogictest::{Runner, strict_column_validator};

fn main() {
    let arguments = Arguments::from_args();
    let root = workspace().join("tests/slt");
    let mut files = vec![];
    collect(&root, &mut files);
    files.sort();
    let gpu = gpu("slt on a GPU");
    let mut trials = vec![];
    for path in files {
        let name = path.strip_prefix(&root).expect("found below it").display().to_string();
        // What fills no histograms has nothing for a GPU.
        let fills = std::fs::read_to_string(&path).is_ok_and(|script| script.contains("hist("));
        if let Some(gpu) = gpu.filter(|_| fills) {
            let (name, path) = (format!("gpu: {name}"), path.clone());
            trials.push(Trial::test(name.clone(), move || run(&name, &path, gpu)));
        }
        trials.push(Trial::test(name.clone(), move || run(&name, &path, Device::Auto)));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("tests/slt is readable") {
        let path = entry.expect("its entries too").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "slt") {
            files.push(path);
        }
    }
}

fn run(name: &str, path: &Path, device: Device) -> Result<(), Failed> {
    let mut script = std::fs::read_to_string(path)?;
    if script.contains("${SHARED}") {
        let Some(shared) = shared(&format!("slt {name}")) else { return Ok(()) };
        script = script.replace("${SHARED}", &shared.display().to_string());
    }
    script = script.replace("${DATA}", &workspace().join("tests/data").display().to_string());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let mut runner =
            Runner::new(|| async { Ok(Database(Session::builder().threads(2).device(device).build()?)) });
        runner.with_column_validator(strict_column_validator);
        runner
            .run_script_with_name_async(&script, name)
            .await
            .map_err(|error| error.display(false).to_string().into())
    })
}
