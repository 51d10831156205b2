//! One line per function of event subqueries: events per second through SQL, over events in memory. `cargo test` runs
//! each once, and fails where the language chapter documents one that has no line.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a bench that cannot go on has failed"
)]

use std::collections::BTreeSet;

use ana_benches::{events, open, workspace};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The branches that the queries name; the others would only fill memory.
const BRANCHES: &str = "nMuon, Muon_pt, Muon_eta, Muon_phi, Muon_mass, Muon_charge, Muon_jetIdx, nJet, Jet_pt, \
                        Jet_eta, Jet_phi, Jet_mass, Jet_jetId, Jet_btagDeepFlavB, MET_pt, MET_phi";

/// What is to be aggregated over all pairs of jets.
const OF_PAIRS: &[(&str, &str)] = &[
    ("mass", "max(mass(a, b))"),
    ("p4", "max(p4(a, b).pt)"),
    ("delta_r", "min(delta_r(a, b))"),
    ("delta_phi", "min(delta_phi(a, b))"),
    ("delta_eta", "min(delta_eta(a, b))"),
    ("transverse_mass", "max(transverse_mass(a, b))"),
    ("idx", "max(idx(a) + idx(b))"),
];

/// What is to be aggregated over all muons.
const OF_MUONS: &[(&str, &str)] = &[
    ("charge", "sum(charge(m))"),
    ("nearest", "max(nearest(m, Jet, 0.4).pt)"),
    ("deref", "max(deref(m.jetIdx, Jet).pt)"),
];

/// What is to be aggregated over all jets.
const OF_JETS: &[(&str, &str)] = &[
    ("count", "count(*) FILTER (WHERE j.pt > 30)"),
    ("sum", "sum(j.pt)"),
    ("min", "min(j.pt)"),
    ("max", "max(j.pt)"),
    ("avg", "avg(j.pt)"),
    ("bool_and", "CAST(bool_and(j.pt > 20) AS INT)"),
    ("bool_or", "CAST(bool_or(j.pt > 20) AS INT)"),
    ("abs", "sum(abs(j.eta))"),
    ("signum", "sum(signum(j.eta))"),
    ("isnan", "count(*) FILTER (WHERE isnan(j.pt))"),
    ("sqrt", "sum(sqrt(j.pt))"),
    ("cbrt", "sum(cbrt(j.pt))"),
    ("pow", "sum(pow(j.pt, 2))"),
    ("exp", "sum(exp(-j.pt))"),
    ("ln", "sum(ln(j.pt))"),
    ("log2", "sum(log2(j.pt))"),
    ("log10", "sum(log10(j.pt))"),
    ("sin", "sum(sin(j.phi))"),
    ("cos", "sum(cos(j.phi))"),
    ("tan", "sum(tan(j.phi))"),
    ("asin", "sum(asin(j.phi / 4))"),
    ("acos", "sum(acos(j.phi / 4))"),
    ("atan", "sum(atan(j.phi))"),
    ("atan2", "sum(atan2(j.eta, j.phi))"),
    ("sinh", "sum(sinh(j.eta))"),
    ("cosh", "sum(cosh(j.eta))"),
    ("tanh", "sum(tanh(j.eta))"),
    ("asinh", "sum(asinh(j.eta))"),
    ("acosh", "sum(acosh(j.pt))"),
    ("atanh", "sum(atanh(j.phi / 4))"),
    ("floor", "sum(floor(j.pt))"),
    ("ceil", "sum(ceil(j.pt))"),
    ("round", "sum(round(j.pt, 2))"),
    ("trunc", "sum(trunc(j.pt))"),
    ("greatest", "sum(greatest(j.pt, 30))"),
    ("least", "sum(least(j.pt, 30))"),
    ("coalesce", "sum(coalesce(j.pt, 0))"),
    ("nullif", "sum(nullif(j.pt, 0))"),
];

/// Every function and the query that calls it.
fn queries() -> Vec<(&'static str, String)> {
    let loops = [
        (OF_PAIRS, "FROM Jet a, Jet b WHERE idx(a) < idx(b)"),
        (OF_MUONS, "FROM Muon m"),
        (OF_JETS, "FROM Jet j"),
    ];
    let query = |value: &str, from: &str| format!("SELECT sum((SELECT {value} {from})) AS total FROM memory");
    let all = loops
        .into_iter()
        .flat_map(|(values, from)| values.iter().map(move |(name, value)| (*name, query(value, from))));
    all.collect()
}

/// The functions of event subqueries that the language chapter documents.
fn documented() -> BTreeSet<String> {
    let chapter = std::fs::read_to_string(workspace().join("docs/language.md")).unwrap();
    let table = chapter.split_once("| function | of objects |").expect("the table of functions").1;
    let table: String = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    let block = chapter.split_once("the functions above, and these:").expect("the other functions").1;
    let block = block.split("```").nth(1).expect("a block of SQL").replace("ARRAY(", "");
    let aggregates = chapter.split_once("\nAggregates: ").expect("the aggregates").1;
    let aggregates =
        aggregates.split_once(", each").expect("their end").0.replace('`', "").replace(", ", "( ");
    let calls = format!("{table} {block} {aggregates}(");
    let called = |text: &str| {
        let name = text.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        (!name.is_empty()).then(|| name.to_owned())
    };
    let ends = calls.match_indices('(').map(|(end, _)| &calls[..end]);
    ends.filter_map(called).collect()
}

fn event_functions(c: &mut Criterion) {
    let queries = queries();
    let lines: BTreeSet<String> = queries.iter().map(|(name, _)| (*name).to_owned()).collect();
    let documented = documented();
    assert!(documented.len() > 40, "found {documented:?} in the language chapter");
    let missing: Vec<_> = documented.difference(&lines).collect();
    assert!(missing.is_empty(), "without a line in this bench: {missing:?}");

    let file = std::env::var_os("ANA_BENCH_FILE")
        .map_or_else(|| workspace().join("tests/data/nano.root"), std::path::PathBuf::from);
    let (runtime, session) = open(&file, 1);
    let once = events(&runtime, &session);
    // A small file is taken several times, for planning not to be what is measured; a test only has to run.
    let turns = if cfg!(debug_assertions) { 1 } else { (200_000 / once).max(1) };
    let memory = format!(
        "CREATE TABLE memory AS SELECT {BRANCHES} FROM events CROSS JOIN generate_series(1, {turns}) AS turns"
    );
    runtime.block_on(session.run_script(&memory)).unwrap();

    let mut group = c.benchmark_group("event_functions");
    group.sample_size(10);
    group.throughput(Throughput::Elements(once * turns));
    for (name, sql) in queries {
        group.bench_function(name, |b| b.iter(|| runtime.block_on(session.run_script(&sql)).unwrap()));
    }
    group.finish();
}

criterion_group!(benches, event_functions);
criterion_main!(benches);
