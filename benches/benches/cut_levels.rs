//! Events per second after each cut level: what reading costs, and what every further step adds. Each level
//! is a query of its own that does all the earlier levels do.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot go on has failed")]

use ana_benches::{bench_file, events, open};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SKIM: &str = "n_obj_min(Jet_pt, 2, 20)";
const PRESELECTION: &str = "nMuon >= 1 AND Muon_pt[1] > 20 AND MET_pt > 10";
const CATEGORIES: [&str; 3] = ["HLT_IsoMu24", "n_obj_min(Jet_btagDeepFlavB, 1, 0.2783)", "ht(Jet_pt) > 200"];

/// Name of the level and the query that ends there.
fn levels() -> Vec<(&'static str, String)> {
    let columns = "count(Jet_pt), count(Jet_eta), count(Jet_btagDeepFlavB), count(Muon_pt), count(Muon_eta), \
                   count(MET_pt), count(genWeight), count(HLT_IsoMu24)";
    let counts: Vec<_> =
        CATEGORIES.iter().map(|category| format!("count(*) FILTER (WHERE {category})")).collect();
    let variables = [
        "MET_pt, regular(50, 0, 200)",
        "Jet_pt, regular(50, 0, 500)",
        "leading(Jet_pt), regular(50, 0, 500)",
        "ht(Jet_pt), regular(50, 0, 1000)",
        "Jet_eta, regular(48, -2.4, 2.4)",
    ];
    let mut histograms = vec![];
    for category in CATEGORIES {
        for variable in variables {
            histograms.push(format!("hist({variable}, genWeight) FILTER (WHERE {category})"));
        }
    }
    let selected = format!("FROM events WHERE {SKIM} AND {PRESELECTION}");
    vec![
        ("1 read", format!("SELECT {columns} FROM events")),
        ("2 skim", format!("SELECT {columns} FROM events WHERE {SKIM}")),
        ("3 preselection", format!("SELECT {columns} {selected}")),
        ("4 categories", format!("SELECT {}, {columns} {selected}", counts.join(", "))),
        ("5 histograms", format!("SELECT {}, {columns} {selected}", histograms.join(", "))),
    ]
}

fn cut_levels(c: &mut Criterion) {
    let (runtime, session) = open(&bench_file(), 1);
    let mut group = c.benchmark_group("cut_levels");
    group.sample_size(10);
    group.throughput(Throughput::Elements(events(&runtime, &session)));
    for (name, sql) in levels() {
        group.bench_function(name, |b| b.iter(|| runtime.block_on(session.run_script(&sql)).unwrap()));
    }
    group.finish();
}

criterion_group!(benches, cut_levels);
criterion_main!(benches);
