//! `ana-sql run`, `translate`, `lint`, `merge` on the examples.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("configs/examples")
}

fn ana(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ana-sql")).args(arguments).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn good(arguments: &[&str]) -> String {
    let out = ana(arguments);
    assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn bad(arguments: &[&str]) -> String {
    let out = ana(arguments);
    assert_eq!(out.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(out.stderr).unwrap()
}

/// A copy of an example, changed.
fn changed(folder: &Path, name: &str, from: &str, to: &str) -> PathBuf {
    let source = examples().join(name);
    let script = std::fs::read_to_string(&source).unwrap();
    assert!(script.contains(from), "{from}");
    // The files beside it stay where they are.
    let beside = |text: String, file: &str| {
        text.replace(&format!("[{file}]"), &format!("[{}]", text_of(&examples().join(file))))
    };
    let script = beside(beside(script.replace(from, to), "datasets.json"), "parameters.yaml");
    let file = folder.join(name);
    std::fs::write(&file, script).unwrap();
    std::fs::copy(examples().join("golden.json"), folder.join("golden.json")).unwrap();
    file
}

fn text_of(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_example_runs_and_its_script_is_all_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["q10", "zmumu", "ttbar_ht", "tthbb"] {
        let (file, out) = (examples().join(format!("{name}.yaml")), folder.path().join(name));
        good(&["run", text(&file), "-o", text(&out), "-j", "2"]);
        let script = good(&["translate", text(&file)]);
        assert_eq!(script, std::fs::read_to_string(out.join("analysis.sql")).unwrap());
        let (sql, sums) = (folder.path().join("script.sql"), folder.path().join("sums.parquet"));
        std::fs::write(&sql, script).unwrap();
        let ran = Command::new(env!("CARGO_BIN_EXE_ana-sql"))
            .args(["-f", text(&sql), "-o", text(&sums), "-q", "-j", "1"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
        assert_rows_equal(&sums, &out.join("rows.parquet"), name);
        let again = folder.path().join(format!("{name}_1"));
        good(&["run", text(&file), "-o", text(&again), "-j", "1", "-q"]);
        let read = |folder: &Path, file: &str| std::fs::read(folder.join(file)).unwrap();
        assert!(read(&again, "histograms.zip") == read(&out, "histograms.zip"), "{name}: one thread or two");
        assert!(read(&again, "cutflow.parquet") == read(&out, "cutflow.parquet"), "{name}");
    }
}

/// The same rows to the bit; the order of groups is free.
fn assert_rows_equal(one: &Path, other: &Path, what: &str) {
    let rows = |path: &Path| {
        let select = format!("SELECT * FROM '{}' ORDER BY dataset", path.display());
        let out = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
        good(&["-c", &select, "-q", "-j", "1", "-o", text(out.path())]);
        std::fs::read(out.path()).unwrap()
    };
    assert!(rows(one) == rows(other), "{what}: the script gives other numbers than the run");
}

#[test]
fn an_independent_implementation_gives_the_same_numbers() {
    let Some(python) = std::env::var_os("ANA_PYTHON") else {
        assert!(std::env::var_os("ANA_REQUIRE_PYTHON").is_none(), "ANA_PYTHON is not set");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for name in ["tthbb.yaml", "datasets.json", "parameters.yaml", "golden.json"] {
        std::fs::copy(examples().join(name), folder.path().join(name)).unwrap();
    }
    // The samples of the examples are small; the generator makes larger ones.
    let tests = examples().join("../../tests");
    let made = Command::new(&python)
        .arg(tests.join("data/make_examples.py"))
        .args([text(&folder.path().join("samples")), "20"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    good(&["run", text(&folder.path().join("tthbb.yaml")), "-o", text(&out), "-q"]);
    agrees(&python, "tthbb.py", folder.path(), &out);
}

/// An oracle says that it found what the run wrote.
fn agrees(python: &std::ffi::OsStr, oracle: &str, samples: &Path, results: &Path) {
    let script = examples().join("../../tests/oracles").join(oracle);
    let ran = Command::new(python).arg(script).arg(samples).arg(results).output().unwrap();
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && told.starts_with("agree"),
        "{told}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

/// Real simulation in place of the samples: nothing of it is in golden JSON files, so there is no data.
fn real_datasets(nano: &Path) -> String {
    let dataset = |sample: &str, year: &str, xsec: &str, file: &str| {
        let file = nano.join(file);
        format!(
            r#""{sample}_{year}": {{"metadata": {{"sample": "{sample}", "year": "{year}", "isMC": "True", "xsec": "{xsec}"}}, "files": ["{}"]}}"#,
            file.display()
        )
    };
    let all = [
        dataset("TTToSemiLeptonic", "2018", "365.34", "NanoAODv5_sample.root"),
        dataset("ttHTobb", "2017", "0.2953", "nano_dy.root"),
        dataset("ttHTobb", "2018", "0.2953", "NanoAODv5_sample.root"),
        dataset("DYJetsToLL", "2018", "6077.22", "nano_dy.root"),
    ];
    format!("{{{}}}", all.join(", "))
}

#[test]
fn the_examples_give_awkwards_numbers_on_their_samples_and_on_real_files() {
    let Some(python) = std::env::var_os("ANA_PYTHON") else {
        assert!(std::env::var_os("ANA_REQUIRE_PYTHON").is_none(), "ANA_PYTHON is not set");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for name in ["zmumu", "ttbar_ht"] {
        let out = folder.path().join(name);
        good(&["run", text(&examples().join(format!("{name}.yaml"))), "-o", text(&out), "-q"]);
        agrees(&python, "examples.py", &examples(), &out);
    }
    let shared = std::env::var_os("ANA_SHARED").map(PathBuf::from);
    let nano = shared.unwrap_or_else(|| examples().join("../../../shared")).join("data/nano");
    if !nano.is_dir() {
        assert!(std::env::var_os("ANA_REQUIRE_SHARED").is_none(), "no real files in {}", nano.display());
        return;
    }
    std::fs::write(folder.path().join("datasets.json"), real_datasets(&nano.canonicalize().unwrap()))
        .unwrap();
    for name in ["parameters.yaml", "golden.json"] {
        std::fs::copy(examples().join(name), folder.path().join(name)).unwrap();
    }
    let of_simulation = [
        ("zmumu", "[DYJetsToLL, DATA_SingleMuon]", "[DYJetsToLL]"),
        ("ttbar_ht", "[TTToSemiLeptonic]", "[TTToSemiLeptonic]"),
        (
            "tthbb",
            "[ttHTobb, TTToSemiLeptonic, DATA_SingleMuon, DATA_SingleEle]",
            "[ttHTobb, TTToSemiLeptonic]",
        ),
    ];
    for (name, from, to) in of_simulation {
        let source = std::fs::read_to_string(examples().join(format!("{name}.yaml"))).unwrap();
        let mut text_of_it = source.replace(from, to);
        if let Some((before, rest)) = text_of_it.split_once("    # An event that both triggers took") {
            let (_, after) = rest.split_once("\nparameters:").unwrap();
            text_of_it = format!("{before}\nparameters:{after}");
        }
        let file = folder.path().join(format!("{name}.yaml"));
        std::fs::write(&file, text_of_it).unwrap();
        let out = folder.path().join(format!("real_{name}"));
        good(&["run", text(&file), "-o", text(&out), "-q"]);
        let oracle = if name == "tthbb" { "tthbb.py" } else { "examples.py" };
        agrees(&python, oracle, folder.path(), &out);
    }
}

#[test]
fn categories_of_objects_are_awkwards() {
    let Some(python) = std::env::var_os("ANA_PYTHON") else {
        assert!(std::env::var_os("ANA_REQUIRE_PYTHON").is_none(), "ANA_PYTHON is not set");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let analysis = examples().join("../../tests/data/object_categories.yaml");
    let text_of_it = std::fs::read_to_string(analysis).unwrap();
    let file = folder.path().join("object_categories.yaml");
    let datasets = text_of(&examples().join("datasets.json"));
    std::fs::write(&file, text_of_it.replace("[datasets.json]", &format!("[{datasets}]"))).unwrap();
    let out = folder.path().join("out");
    good(&["run", text(&file), "-o", text(&out), "-q"]);
    agrees(&python, "object_categories.py", &examples(), &out);
}

#[test]
fn parts_add_up_to_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| folder.path().join(name);
    let all = "samples: [TTToSemiLeptonic]";
    let whole = changed(folder.path(), "ttbar_ht.yaml", all, all);
    good(&["run", text(&whole), "-o", text(&of("whole")), "-q"]);
    for year in ["2017", "2018"] {
        let filter = format!("samples: [TTToSemiLeptonic], year: [\"{year}\"]");
        let part = changed(folder.path(), "ttbar_ht.yaml", all, &filter);
        good(&["run", text(&part), "-o", text(&of(year)), "-q"]);
    }
    good(&["merge", text(&of("2017")), text(&of("2018")), "-o", text(&of("ab"))]);
    good(&["merge", text(&of("2018")), text(&of("2017")), "-o", text(&of("ba"))]);
    let read = |name: &str, file: &str| std::fs::read(of(name).join(file)).unwrap();
    for file in ["histograms.zip", "cutflow.parquet"] {
        assert!(read("ab", file) == read("whole", file), "{file}: the parts and the whole");
        assert!(read("ab", file) == read("ba", file), "{file}: the order of the parts");
    }
    let told = bad(&["merge", text(&of("2017")), text(&of("whole")), "-o", text(&of("twice"))]);
    assert!(told.contains("are in two of the runs") && told.contains("TTToSemiLeptonic_2017.root"), "{told}");
    assert!(!of("twice").exists());
    let told = bad(&["run", text(&whole), "-o", text(&of("whole"))]);
    assert!(told.contains("cannot write results"), "{told}");
    good(&["run", text(&whole), "-o", text(&of("whole")), "-q", "--overwrite"]);
}

/// An analysis of one simulated dataset over these files of the examples, with `rest` of the YAML.
fn of_files(folder: &Path, files: &[&str], events: Option<u32>, rest: &str) -> PathBuf {
    let list: Vec<String> =
        files.iter().map(|file| format!("{:?}", examples().join("samples").join(file))).collect();
    let events = events.map_or_else(String::new, |events| format!(r#", "nevents": "{events}""#));
    let json = format!(
        r#"{{"tt_2018": {{"metadata": {{"sample": "tt", "year": "2018", "isMC": "True", "xsec": "365.34"{events}}}, "files": [{}]}}}}"#,
        list.join(", ")
    );
    std::fs::write(folder.join("files.json"), json).unwrap();
    let file = folder.join("files.yaml");
    std::fs::write(&file, format!("datasets: {{jsons: [files.json]}}\n{rest}")).unwrap();
    file
}

const PARTS: [&str; 3] = ["TTToSemiLeptonic_2017.root", "TTToSemiLeptonic_2018.root", "ttHTobb_2018.root"];

/// Weights of many sizes, so that sums of rounded sums would show.
const WEIGHTED: &str = "\
skim: [nJet >= 3]
preselections: [MET_pt > 20]
categories: {all: [passthrough], hard: [MET_pt > 60]}
weights:
  define: {sf: {nominal: exp(MET_pt / 30), up: exp(MET_pt / 20), down: exp(MET_pt / 40) / 3}}
  common: {inclusive: [genWeight, XS, sf]}
variations: {weights: {common: {inclusive: [sf]}}}
histograms:
  met: {axes: [{field: MET_pt, bins: 10, start: 0, stop: 200, label: \"$p_T^{miss}$ [GeV]\", lim: [0, 150]}]}
  jets: {axes: [{coll: Jet, field: pt, bins: 20, start: 0, stop: 200}]}
columns:
  common:
    inclusive:
      - {collection: events, columns: [event, MET_pt, HLT_IsoMu24, nJet]}
      - {collection: Jet, columns: [pt], pos_end: 2}
";

/// The bits of one result of a query.
fn query(sql: &str) -> String {
    good(&["-c", sql, "-q", "--format", "csv"])
}

#[test]
fn parts_of_a_dataset_are_the_whole_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| folder.path().join(name);
    let run = |name: &str, files: &[&str]| {
        let file = of_files(folder.path(), files, Some(840), WEIGHTED);
        good(&["run", text(&file), "-o", text(&of(name)), "-q", "-j", "2"]);
    };
    run("whole", &PARTS);
    for (name, file) in ["a", "b", "c"].into_iter().zip(PARTS) {
        run(name, &[file]);
    }
    let told = bad(&["merge", text(&of("a")), text(&of("b")), "-o", text(&of("ab"))]);
    assert!(told.contains("600 initial events") && told.contains("840"), "{told}");
    good(&["merge", text(&of("a")), text(&of("b")), "-o", text(&of("ab")), "-q", "--partial"]);
    good(&["merge", text(&of("c")), text(&of("ab")), "-o", text(&of("cab")), "-q"]);
    good(&["merge", text(&of("b")), text(&of("c")), text(&of("a")), "-o", text(&of("bca")), "-q"]);
    let read = |name: &str, file: &str| std::fs::read(of(name).join(file)).unwrap();
    for name in ["cab", "bca"] {
        for file in ["histograms.zip", "cutflow.parquet"] {
            assert!(read(name, file) == read("whole", file), "{name}: {file}");
        }
        // The scripts are the same; so is what was resolved.
        for file in ["analysis.sql", "config.resolved.yaml"] {
            assert!(read(name, file) == read("a", file), "{name}: {file}");
        }
        let events = |name: &str| {
            let files = of(name).join("columns/dataset=tt_2018/category=all/*.parquet");
            let columns = "\"events_event\", \"events_MET_pt\", weight, \"weight_sfUp\", \"Jet_pt\"";
            query(&format!("SELECT {columns} FROM '{}' ORDER BY 1, 2, 3", files.display()))
        };
        assert!(events(name).lines().count() > 100);
        assert_eq!(events(name), events("whole"), "{name}");
    }
    let told = bad(&["merge", text(&of("cab")), text(&of("b")), "-o", text(&of("twice")), "--partial"]);
    assert!(told.contains("are in two of the runs"), "{told}");
    assert!(!of("twice").exists());
}

#[test]
fn columns_have_the_types_of_their_branches() {
    let folder = tempfile::tempdir().unwrap();
    let rest = WEIGHTED.replace("columns: [event,", "columns: [hardest, first, event,")
        + "variables: {hardest: \"(SELECT max(m.pt) FROM Muon m)\", first: \"first(Muon.charge)\"}\n";
    let (file, out) = (of_files(folder.path(), &PARTS[..1], None, &rest), folder.path().join("out"));
    good(&["run", text(&file), "-o", text(&out), "-q"]);
    let columns = out.join("columns/dataset=tt_2018/category=all/mc_1.parquet");
    let typed = |column: &str| {
        let types = format!("SELECT arrow_typeof(\"{column}\") FROM '{}' LIMIT 1", columns.display());
        query(&types).lines().nth(1).unwrap().to_owned()
    };
    for (column, expected) in [
        ("events_event", "UInt64"),
        ("events_HLT_IsoMu24", "Boolean"),
        ("events_MET_pt", "Float32"),
        ("events_first", "Int32"),
    ] {
        assert_eq!(typed(column), expected, "{column}");
    }
    let filled = |column: &str| {
        let sql = format!(
            "SELECT count(*) FILTER (WHERE \"{column}\" = -999), count(*) FILTER (WHERE \"{column}\" IS NULL) FROM '{}'",
            columns.display()
        );
        query(&sql).lines().nth(1).unwrap().to_owned()
    };
    for column in ["events_hardest", "events_first"] {
        assert!(
            filled(column).ends_with(",0") && !filled(column).starts_with("0,"),
            "{column}: {}",
            filled(column)
        );
    }
}

#[test]
fn a_recorded_script_runs_from_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let (out, elsewhere) = (folder.path().join("out"), folder.path().join("elsewhere"));
    std::fs::create_dir(&elsewhere).unwrap();
    // The analysis is named from the folder it is in; the datasets file has a comma on its way.
    let within = folder.path().join("a, b");
    std::fs::create_dir(&within).unwrap();
    of_files(&within, &PARTS[..1], None, WEIGHTED);
    let ana = |folder: &Path, arguments: &[&str]| {
        let ran =
            Command::new(env!("CARGO_BIN_EXE_ana-sql")).args(arguments).current_dir(folder).output().unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    };
    ana(&within, &["run", "files.yaml", "-o", "../out", "-q"]);
    let sums = elsewhere.join("sums.parquet");
    ana(&elsewhere, &["-f", text(&out.join("analysis.sql")), "-q", "-o", text(&sums)]);
    assert_rows_equal(&sums, &out.join("rows.parquet"), "from elsewhere");
    assert!(elsewhere.join("columns/mc_1.parquet").is_file());
}

#[test]
fn axes_have_their_labels() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (of_files(folder.path(), &PARTS[..1], None, WEIGHTED), folder.path().join("out"));
    good(&["run", text(&file), "-o", text(&out), "-q"]);
    let Some(python) = std::env::var_os("ANA_PYTHON") else {
        assert!(std::env::var_os("ANA_REQUIRE_PYTHON").is_none(), "ANA_PYTHON is not set");
        return;
    };
    let script = "import sys, zipfile, hist, uhi.io.zip\n\
        with zipfile.ZipFile(sys.argv[1]) as file: h = hist.Hist(uhi.io.zip.read(file, 'met/tt/tt_2018'))\n\
        axis = h.axes[2]\n\
        print(axis.name, '|', axis.label, '|', h.axes[0].name, h.axes[1].label)\n\
        print(axis.__dict__.get('lim_low'), axis.__dict__.get('lim_high'), h.sum(flow=True).value > 0)\n";
    let read = Command::new(python).args(["-c", script, text(&out.join("histograms.zip"))]).output().unwrap();
    let told = String::from_utf8_lossy(&read.stdout);
    let expected = "events.MET_pt | $p_T^{miss}$ [GeV] | category variation\n0.0 150.0 True\n";
    assert_eq!(told, expected, "{}", String::from_utf8_lossy(&read.stderr));
    for wrong in ["lim: [150, 0]", "lim: [1]"] {
        let file = of_files(folder.path(), &PARTS[..1], None, &WEIGHTED.replace("lim: [0, 150]", wrong));
        assert!(bad(&["translate", text(&file)]).contains("lim is two rising numbers"), "{wrong}");
    }
}

#[test]
fn the_command_line_wins_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let rest = format!("{WEIGHTED}run: {{device: \"gpu:77\", threads: 1}}\n");
    let (file, out) = (of_files(folder.path(), &PARTS[..1], None, &rest), folder.path().join("out"));
    let told = bad(&["run", text(&file), "-o", text(&out), "-q"]);
    assert!(told.contains("files.yaml:") && told.contains("run.device"), "{told}");
    good(&["run", text(&file), "-o", text(&out), "-q", "--device", "cpu", "-j", "2"]);
    for (wrong, what) in
        [("device: tpu", "run.device"), ("threads: 0", "run.threads"), ("chunk: 0", "run.chunk")]
    {
        let file = of_files(folder.path(), &PARTS[..1], None, &format!("{WEIGHTED}run: {{{wrong}}}\n"));
        for told in [bad(&["run", text(&file), "-o", text(&out)]), bad(&["lint", text(&file)])] {
            assert!(told.contains("files.yaml:") && told.contains(what), "{told}");
        }
    }
}

#[test]
fn datasets_of_another_size_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let file = of_files(folder.path(), &PARTS[..1], Some(301), WEIGHTED);
    let ran = ana(&["run", text(&file), "-o", text(&out), "-q", "--strict"]);
    let told = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{told}");
    assert!(told.contains("dataset 'tt_2018' has 300 events, the datasets file says 301"), "{told}");
    assert!(told.contains("was not written"), "{told}");
    assert!(!out.exists());
    let ran = ana(&["run", text(&file), "-o", text(&out), "-q"]);
    assert!(ran.status.success() && out.exists());
    let limited = of_files(folder.path(), &PARTS, Some(840), &format!("{WEIGHTED}run: {{limit: 1}}\n"));
    good(&["run", text(&limited), "-o", text(&out), "-q", "--overwrite", "--strict"]);
}

#[test]
fn a_weight_is_one_number_per_event() {
    let folder = tempfile::tempdir().unwrap();
    for (from, to, name) in [
        ("nominal: exp(MET_pt / 30)", "nominal: Jet.pt / 30", "'sf'"),
        ("up: exp(MET_pt / 20)", "up: Jet.pt / 20", "'sfUp'"),
    ] {
        let file = of_files(folder.path(), &PARTS[..1], None, &WEIGHTED.replace(from, to));
        let out = folder.path().join("out");
        for arguments in
            [vec!["run", text(&file), "-q", "-o", text(&out)], vec!["lint", text(&file), "--data"]]
        {
            let told = bad(&arguments);
            assert!(told.contains("files.yaml:") && told.contains("weights.define.sf"), "{told}");
            assert!(told.contains(&format!("weight {name} has a value for every object")), "{told}");
        }
    }
}

#[test]
fn what_the_weights_need_is_asked_for_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let file = of_files(
        folder.path(),
        &PARTS[..1],
        None,
        &format!("{WEIGHTED}normalisation: {{sum_genweights: metadata}}\n"),
    );
    let told = bad(&["run", text(&file), "-o", text(&out), "-q"]);
    assert!(told.contains("files.yaml:") && told.contains("no sum to be divided by"), "{told}");
    let json = folder.path().join("files.json");
    let without = std::fs::read_to_string(&json).unwrap().replace(r#", "xsec": "365.34""#, "");
    let file = of_files(folder.path(), &PARTS[..1], None, WEIGHTED);
    std::fs::write(&json, without).unwrap();
    let told = bad(&["run", text(&file), "-o", text(&out), "-q"]);
    assert!(told.contains("files.yaml:") && told.contains("has no cross section"), "{told}");
}

#[test]
fn a_dataset_is_one_thing_in_all_runs_that_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let json = std::fs::read_to_string(examples().join("datasets.json")).unwrap();
    let json = json.replace("samples/", &format!("{}/", text_of(&examples().join("samples"))));
    // What the filter leaves out need not be there.
    let json = json.replace("DYJetsToLL_2018.root", "nowhere.root");
    let run = |name: &str, year: &str, json: String| {
        let within = folder.path().join(name);
        std::fs::create_dir(&within).unwrap();
        std::fs::write(within.join("datasets.json"), json).unwrap();
        std::fs::copy(examples().join("parameters.yaml"), within.join("parameters.yaml")).unwrap();
        let yaml = std::fs::read_to_string(examples().join("ttbar_ht.yaml")).unwrap();
        let filter = format!("samples: [TTToSemiLeptonic], year: [\"{year}\"]");
        std::fs::write(within.join("a.yaml"), yaml.replace("samples: [TTToSemiLeptonic]", &filter)).unwrap();
        let out = within.join("out");
        good(&["run", text(&within.join("a.yaml")), "-o", text(&out), "-q"]);
        out
    };
    // The same dataset over another file, with another cross section.
    let one = run("one", "2018", json.clone());
    let of_2017 = json.replace("TTToSemiLeptonic_2018.root", "TTToSemiLeptonic_2017.root");
    let other = run("other", "2018", of_2017.replace("365.34", "300"));
    let told = bad(&["merge", text(&one), text(&other), "-o", text(&folder.path().join("sum"))]);
    assert!(told.contains("xsec 300.0, not 365.34"), "{told}");
}

#[test]
fn lint_looks_at_the_branches() {
    let folder = tempfile::tempdir().unwrap();
    let file = changed(folder.path(), "zmumu.yaml", "Muon.tightId", "Muon.tightID");
    good(&["lint", text(&file)]);
    let told = bad(&["lint", text(&file), "--data"]);
    assert!(told.contains("tightID") && told.contains("tightId"), "{told}");
    good(&["lint", text(&examples().join("tthbb.yaml")), "--data", "--strict"]);
    let told = |from: &str, to: &str, data: &[&str]| {
        let file = changed(folder.path(), "tthbb.yaml", from, to);
        let ran = ana(&[&["lint", text(&file)], data].concat());
        (ran.status.success(), String::from_utf8(ran.stderr).unwrap())
    };
    // Without data: collections that nobody knows.
    for (from, to, name) in [
        ("{N: 4, coll: JetGood}", "{N: 4, coll: JetGod}", "'JetGod'"),
        ("jet_hists, coll: JetGood, pos: 0", "jet_hists, coll: JetGod, pos: 0", "'JetGod'"),
        ("FROM Jet j WHERE", "FROM Jets j WHERE", "'Jets'"),
        ("collection: LeptonGood", "collection: LeptonsGood", "'LeptonsGood'"),
    ] {
        let (good, warned) = told(from, to, &[]);
        let all = [name, "tthbb.yaml:", "did you mean"];
        assert!(good && all.iter().all(|part| warned.contains(part)), "{warned}");
        assert!(!told(from, to, &["--strict"]).0, "{to}");
    }
    // With data: triggers and shifts.
    let (good, warned) = told("          pt: {up: Jet.pt", "          ptt: {up: Jet.pt", &["--data"]);
    assert!(good && warned.contains("shifts Jet.ptt, which no file has; did you mean pt?"), "{warned}");
    let (good, warned) = told("        Jet:\n", "        Jett:\n", &["--data"]);
    assert!(warned.contains("shifts Jett.pt"), "{good} {warned}");
    let (good, warned) = told("MET_pt > 20", "MET_pt > 20 AND NOT HLT_IsoMu25", &["--data"]);
    assert!(
        good && warned.contains("no file opened for the columns has the trigger 'HLT_IsoMu25'"),
        "{warned}"
    );
    assert!(warned.contains("did you mean HLT_IsoMu2"), "{warned}");
}

#[test]
fn warnings_are_errors_when_strict() {
    let folder = tempfile::tempdir().unwrap();
    let file = changed(folder.path(), "zmumu.yaml", "[genWeight, lumi, XS, sf_mu_id]", "[lumi, XS]");
    let out = ana(&["lint", text(&file)]);
    let told = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.success() && told.contains("varied but never applied") && told.contains("not divided"),
        "{told}"
    );
    bad(&["lint", text(&file), "--strict"]);
}

#[test]
fn nothing_is_left_where_a_run_fails() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let file =
        changed(folder.path(), "zmumu.yaml", "nominal: \"0.99\"", "nominal: \"0.99 / (nMuonGood - 2)\"");
    let told = bad(&["run", text(&file), "-o", text(&out), "-q"]);
    assert!(told.contains("not finite") || told.contains("NULL"), "{told}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

/// 14 categories, 40 histograms, 30 variations, 5,000 files that are not even there.
#[test]
fn a_large_analysis_is_translated_at_once() {
    use std::fmt::Write as _;
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<String> = (0..5_000).map(|i| format!("\"nowhere/file_{i}.root\"")).collect();
    let json = format!(
        r#"{{"mc_2018": {{"metadata": {{"sample": "mc", "year": "2018", "isMC": "True", "xsec": "1"}}, "files": [{}]}}}}"#,
        files.join(", ")
    );
    std::fs::write(folder.path().join("datasets.json"), json).unwrap();
    let mut yaml = "datasets: {jsons: [datasets.json]}\nobjects:\n  JetGood: {from: Jet, where: Jet.pt > 30}\ncategories:\n".to_owned();
    for i in 0..14 {
        let _infallible = writeln!(yaml, "  c{i}: [nJetGood >= {i}]");
    }
    yaml.push_str("weights:\n  define:\n");
    let names: Vec<String> = (0..15).map(|i| format!("sf{i}")).collect();
    for name in &names {
        let _infallible = writeln!(yaml, "    {name}: {{nominal: \"1\", up: \"1.01\", down: \"0.99\"}}");
    }
    let list = names.join(", ");
    let _infallible = writeln!(
        yaml,
        "  common: {{inclusive: [genWeight, {list}]}}\nvariations: {{weights: {{common: {{inclusive: [{list}]}}}}}}\nhistograms:"
    );
    for i in 0..40 {
        let _infallible =
            writeln!(yaml, "  h{i}: {{axes: [{{expr: MET_pt + {i}, bins: 50, start: 0, stop: 500}}]}}");
    }
    let file = folder.path().join("large.yaml");
    std::fs::write(&file, yaml).unwrap();
    let started = std::time::Instant::now();
    let script = good(&["translate", text(&file)]);
    let took = started.elapsed();
    assert_eq!(script.matches("hist(").count(), 40);
    assert!(took.as_secs_f64() < 1.0, "{took:?}");
}

/// An analysis that divides by the sum of the Runs trees (or as `normalisation` says), over these files: the first list
/// simulation, the second data.
fn of_runs(folder: &Path, normalisation: &str, run: &str, mc: &[&Path], data: &[&Path]) -> PathBuf {
    let list = |files: &[&Path]| files.iter().map(|file| format!("{file:?}")).collect::<Vec<_>>().join(", ");
    let data = if data.is_empty() {
        String::new()
    } else {
        let files = list(data);
        format!(
            r#", "data_2018": {{"metadata": {{"sample": "data", "year": "2018", "isMC": "False"}}, "files": [{files}]}}"#
        )
    };
    // 74,474.557… is what uproot reads from the Runs tree of the shipped file.
    let json = format!(
        r#"{{"mc_2018": {{"metadata": {{"sample": "mc", "year": "2018", "isMC": "True", "sum_genweights": "74474.55736351013"}}, "files": [{}]}}{data}}}"#,
        list(mc)
    );
    std::fs::write(folder.join("runs.json"), json).unwrap();
    let yaml = format!(
        "datasets: {{jsons: [runs.json]}}\ncategories: {{all: [passthrough]}}\n\
         weights: {{common: {{inclusive: [genWeight]}}}}\nnormalisation: {{{normalisation}}}\nrun: {{{run}}}\n\
         histograms: {{met: {{axes: [{{expr: MET_pt, bins: 20, start: 0, stop: 100}}]}}}}\n"
    );
    let file = folder.join("runs.yaml");
    std::fs::write(&file, yaml).unwrap();
    file
}

/// What the datasets of a folder were divided by.
fn divisors(results: &Path) -> Vec<(String, Option<f64>)> {
    let record = std::fs::read_to_string(results.join("run.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let of = |d: &serde_json::Value| (d["dataset"].as_str().unwrap().to_owned(), d["divided_by"].as_f64());
    record["datasets"].as_array().unwrap().iter().map(of).collect()
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("tests/data/zmumu.root")
}

#[test]
fn simulation_is_divided_by_the_sum_of_its_runs_trees() {
    let folder = tempfile::tempdir().unwrap();
    let (mc, data) = (shipped(), folder.path().join("data.root"));
    std::fs::copy(&mc, &data).unwrap();
    let of = |name: &str| folder.path().join(name);
    for by in ["runs", "metadata"] {
        let file = of_runs(folder.path(), &format!("sum_genweights: {by}"), "", &[&mc], &[&data]);
        good(&["run", text(&file), "-o", text(&of(by)), "-q", "-j", "2"]);
    }
    let expected = [("data_2018".to_owned(), None), ("mc_2018".to_owned(), Some(74_474.557_363_510_13))];
    assert_eq!(divisors(&of("runs")), expected);
    let read = |name: &str, file: &str| std::fs::read(of(name).join(file)).unwrap();
    for file in ["histograms.zip", "cutflow.parquet"] {
        assert!(read("runs", file) == read("metadata", file), "{file}: another sum, or data divided by it");
    }
    // The script is all of it: its first result are the sums, its last what was counted.
    let script = std::fs::read_to_string(of("runs").join("analysis.sql")).unwrap();
    assert!(
        script.contains("OPTIONS (tree 'Runs', datasets 'mc_2018')") && script.contains("FROM runs"),
        "{script}"
    );
    let explained = good(&["explain", "-f", text(&of("runs").join("analysis.sql"))]);
    assert!(explained.contains("HistogramExec"), "{explained}");
    let sums = of("sums.parquet");
    good(&["-f", text(&of("runs").join("analysis.sql")), "-q", "-o", text(&sums)]);
    assert_rows_equal(&sums, &of("runs").join("rows.parquet"), "runs");
}

#[test]
fn sums_of_runs_trees_are_those_of_the_files_that_are_read() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("ANA_SHARED").map_or(shared, PathBuf::from).join("data/nano");
    let [newer, newest, older] = ["nano_tree.root", "pfnano.root", "nano_dy.root"].map(|f| shared.join(f));
    if !older.exists() {
        assert!(std::env::var_os("ANA_REQUIRE_SHARED").is_none(), "no {}", older.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let divided = |name: &str, normalisation: &str, run: &str, files: &[&Path]| {
        let file = of_runs(folder.path(), normalisation, run, files, &[]);
        let results = folder.path().join(name);
        good(&["run", text(&file), "-o", text(&results), "-q"]);
        divisors(&results)[0].1.unwrap()
    };
    let (new, old) = ("sum_genweights: runs", "sum_genweights: runs, runs_branches: [genEventSumw_]");
    let mixed = "sum_genweights: runs, runs_branches: [genEventSumw, genEventSumw_]";
    // Reading run.json here may miss the last bit of a number.
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-15;
    // The sums of the branch as uproot reads them.
    let (tree, pf, dy) =
        (49_919.0, 10.0, uproot_sum(&older, "genEventSumw_").unwrap_or(15_166_686_735.858_717));
    for (file, value) in [(&newer, tree), (&newest, pf)] {
        assert_eq!(uproot_sum(file, "genEventSumw").unwrap_or(value), value);
    }
    let whole = divided("whole", new, "", &[&newer, &newest]);
    assert_eq!(whole, tree + pf);
    assert_eq!(divided("limited", new, "limit: 1", &[&newer, &newest]), tree);
    assert_eq!(divided("part", new, "", &[&newest]), pf);
    assert!(near(divided("old", old, "", &[&older]), dy));
    assert!(near(divided("mixed", mixed, "", &[&newer, &older]), tree + dy));
    // Parts add up.
    let of = |name: &str| folder.path().join(name);
    good(&["merge", text(&of("limited")), text(&of("part")), "-o", text(&of("sum")), "-q"]);
    assert_eq!(divisors(&of("sum")), divisors(&of("whole")));
    for file in ["histograms.zip", "cutflow.parquet"] {
        let read = |name: &str| std::fs::read(of(name).join(file)).unwrap();
        assert!(read("sum") == read("whole"), "{file}: the parts and the whole");
    }
    // Once more from the merged folder, which carries its sums along.
    let told = bad(&["merge", text(&of("sum")), text(&of("part")), "-o", text(&of("twice"))]);
    assert!(told.contains("are in two of the runs"), "{told}");
    good(&["merge", text(&of("sum")), text(&of("old")), "-o", text(&of("three")), "-q"]);
    assert!(near(divisors(&of("three"))[0].1.unwrap(), whole + dy));
    divided("events", "sum_genweights: events", "", &[&newest]);
    let told = bad(&["merge", text(&of("limited")), text(&of("events")), "-o", text(&of("both"))]);
    assert!(told.contains("divided by another sum"), "{told}");
    // A file that lacks the branch, or the tree, is not passed over.
    for (files, lacking) in
        [([&newer, &older], "genEventSumw"), ([&newer, &shared.join("nano_tt_v12.root")], "Runs")]
    {
        let file = of_runs(folder.path(), new, "", &files.map(PathBuf::as_path), &[]);
        let told = bad(&["run", text(&file), "-o", text(&of("none")), "-q"]);
        assert!(told.contains(lacking), "{told}");
        assert!(!of("none").exists());
    }
}

/// The sum of a branch of the Runs tree, where there is a Python to ask.
fn uproot_sum(file: &Path, branch: &str) -> Option<f64> {
    let python = std::env::var_os("ANA_PYTHON")?;
    let sum = "import sys, uproot; print(repr(float(uproot.open(sys.argv[1])['Runs'][sys.argv[2]].array().to_numpy().sum())))";
    let out = Command::new(python).args(["-c", sum, text(file), branch]).output().unwrap();
    Some(String::from_utf8(out.stdout).unwrap().trim().parse().expect("a number"))
}
