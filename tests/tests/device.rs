//! Queries on a GPU: the same bits as on the CPU, what is said of it, and what happens when it fails. Without an adapter
//! there is nothing to compare with, which is said, and is a failure where `ANA_REQUIRE_GPU` is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::path::Path;

use ana_engine::{Device, QueryResult, Session};
use ana_kernels::wgpu::{Injection, Planned};
use ana_kernels::{Backend, Devices};
use ana_tests::{gpu, shared, workspace};

fn session(device: Device) -> Session {
    Session::builder().threads(2).device(device).build().unwrap()
}

async fn table(session: &Session, file: &Path) {
    let options = "OPTIONS (missing_triggers 'false')";
    let sql = format!("CREATE EXTERNAL TABLE events STORED AS ROOT LOCATION '{}' {options}", file.display());
    session.sql(&sql).await.unwrap().collect().await.unwrap();
}

/// All histograms with the shortest digits that are each float: equal texts are equal bits.
fn bits(result: &QueryResult) -> String {
    format!("{:?}", result.histograms().unwrap())
}

/// Histograms of every kind over a small file.
const QUERY: &str = "SELECT hist(MET_pt, regular(50, 0, 60), genWeight) AS met, hist(nJet, integer(0, 6)) AS jets,
    hist(Jet_pt, variable([15, 20, 30, 50]), Jet_eta, regular(12, -2.4, 2.4),
         weights => {'nominal': genWeight, 'up': genWeight * 1.1}, categories => {'all': true, 'two': nJet > 1}) AS varied
    FROM events WHERE PV_npvsGood > 15";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_selections_of_the_repository_are_the_same_bits() {
    let Some(device) = gpu("device selections") else { return };
    let Some(shared) = shared("device selections") else { return };
    let mut compared = 0;
    for file in ["nano/nano_dy.root", "nano/nano_tt_v12.root", "nano/NanoAODv5_sample.root"] {
        let (cpu, gpu) = (session(Device::Cpu), session(device));
        for session in [&cpu, &gpu] {
            table(session, &shared.join("data").join(file)).await;
        }
        let folders = ["configs/adl", "configs/loads"]
            .map(|folder| std::fs::read_dir(workspace().join(folder)).unwrap());
        for entry in folders.into_iter().flatten() {
            let path = entry.unwrap().path();
            let sql = std::fs::read_to_string(&path).unwrap();
            let want = cpu.run_script(&sql).await;
            let got = gpu.run_script(&sql).await;
            match (want, got) {
                (Ok(want), Ok(got)) => {
                    let (want, got) = (want.expect("rows"), got.expect("rows"));
                    assert_eq!(bits(&got), bits(&want), "{file}, {}", path.display());
                    compared += 1;
                }
                // A branch that this file lacks.
                (Err(want), Err(got)) => assert_eq!(got.to_string(), want.to_string()),
                (want, got) => panic!("{file}, {}: {want:?}\n{got:?}", path.display()),
            }
        }
    }
    assert!(compared >= 20, "{compared}");
}

/// Values that event subqueries give, one number or a row of them, alone, in arithmetic, and with FILTER and GROUP BY.
const VALUES: &str = "SELECT nMuon > 2 AS many,
    hist((SELECT mass(a, b) FROM Muon a, Muon b WHERE idx(a) < idx(b) ORDER BY abs(mass(a, b) - 91.2) LIMIT 1),
         regular(120, 0, 120), genWeight) AS mass,
    hist((SELECT count(*) FROM Jet j WHERE j.pt > 20 AND NOT EXISTS (SELECT 1 FROM Muon m WHERE delta_r(j, m) < 0.4)),
         integer(0, 8), weights => {'nominal': genWeight, 'up': genWeight * 1.1}) AS clean,
    hist(best.pt, regular(50, 0, 100)) FILTER (WHERE MET_pt > 10) AS pt,
    hist(best.eta * 2 - 1, regular(50, -8, 8), best.pt, regular(10, 0, 100)) AS scaled
    FROM (SELECT *, (SELECT j.pt AS pt, j.eta AS eta FROM Jet j ORDER BY j.pt DESC LIMIT 1) AS best FROM events) e
    GROUP BY nMuon > 2 ORDER BY 1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_computed_on_the_device_are_the_same_bits() {
    let Some(device) = gpu("device values") else { return };
    let file = workspace().join("tests/data/zmumu.root");
    let mut found = vec![];
    for place in [Device::Cpu, device] {
        let session = session(place);
        table(&session, &file).await;
        let result = session.sql(VALUES).await.unwrap().collect().await.unwrap();
        assert_eq!(result.report.by_cpu, [""; 0]);
        found.push(format!("{:?}", result.batches));
    }
    assert!(found[0] == found[1]);
    let session = session(device);
    table(&session, &file).await;
    let explained =
        async |sql: &str| format!("{:?}", session.sql(sql).await.unwrap().collect().await.unwrap().batches);
    let analysed = explained(&format!("EXPLAIN ANALYZE {VALUES}")).await;
    assert!(analysed.contains("events_decided_by_cpu="), "{analysed}");
    assert!(!analysed.contains("no form"), "{analysed}");
    // What the device cannot do is named, with the reason, before it runs and afterwards.
    let formless = "SELECT hist((SELECT p4(a, b).phi FROM Muon a, Muon b WHERE idx(a) < idx(b) LIMIT 1), regular(8, -4, 4)) AS h,
        hist(Jet_pt, regular(8, 0, 80), Jet_eta) AS items FROM events";
    let plan = explained(&format!("EXPLAIN {formless}")).await;
    assert!(plan.contains("event subqueries that have no form on the GPU:"), "{plan}");
    assert!(plan.contains("the operator atan2"), "{plan}");
    let result = session.sql(formless).await.unwrap().collect().await.unwrap();
    let said = result.report.by_cpu.join("; ");
    assert!(said.contains("a value computed by the CPU: the operator atan2"), "{said}");
    assert!(said.contains("a histogram with a weight per item"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_and_settings_say_where() {
    let file = workspace().join("tests/data/zmumu.root");
    let explained = async |device: &str| {
        let session = session(Device::Auto);
        table(&session, &file).await;
        let set = format!("SET ana.device = '{device}'");
        session.sql(&set).await.map_err(|error| error.to_string())?.collect().await.unwrap();
        let plans = session.sql(&format!("EXPLAIN {QUERY}")).await.unwrap().collect().await.unwrap();
        Ok::<_, String>(format!("{:?}", plans.batches))
    };
    assert!(explained("cpu").await.unwrap().contains("everything: CPU: asked for"));
    // A calibrated machine may take its GPU.
    let auto = explained("auto").await.unwrap();
    assert!(
        auto.contains("everything: CPU: auto takes a GPU only where") || auto.contains("measured"),
        "{auto}"
    );
    let wrong = explained("tpu").await.unwrap_err();
    assert_eq!(wrong, r#""tpu" is no device: auto, cpu, gpu, or gpu:N for adapter N"#);
    let missing = explained("gpu:99").await.unwrap_err();
    assert!(missing.starts_with("no GPU: no adapter"), "{missing}");
    if gpu("device explain").is_some() {
        let plan = explained("gpu").await.unwrap();
        assert!(plan.contains("bins and sums of histograms: GPU: "), "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_fails_shows_in_the_report_or_is_an_error() {
    let Some(device) = gpu("device faults") else { return };
    let file = workspace().join("tests/data/zmumu.root");
    let cpu = session(Device::Cpu);
    table(&cpu, &file).await;
    let want = cpu.sql(QUERY).await.unwrap().collect().await.unwrap();
    assert!(want.report.warnings.is_empty() && want.report.by_cpu.is_empty());
    for fault in Injection::ALL {
        for demanded in [false, true] {
            let session = session(device);
            table(&session, &file).await;
            let backend = Backend::open(device).unwrap();
            backend.gpu().unwrap().inject(Planned { fault, submission: 0 });
            let backend = if demanded { backend } else { backend.forgiving() };
            let devices = session.context().copied_config().get_extension::<Devices>().unwrap();
            devices.set(device, backend);
            let result = session.sql(QUERY).await.unwrap().collect().await;
            match result {
                Ok(result) if !demanded => {
                    assert_eq!(bits(&result), bits(&want), "{fault:?}");
                    let said = &result.report.warnings;
                    let expected = "the CPU finished, with the same result";
                    assert!(said.iter().any(|line| line.contains(expected)), "{fault:?}: {said:?}");
                }
                Err(error) if demanded => assert!(error.to_string().contains("the GPU failed"), "{error}"),
                other => panic!("{fault:?}, demanded: {demanded}: {other:?}"),
            }
        }
    }
}
