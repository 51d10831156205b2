//! Two thousand generated queries of histograms, cutflows, counts and sums: the same bits with the fused operator and
//! without, for any partitions, batches and order of the events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::sync::Arc;

use ana_engine::{Device, QueryResult, RootOptions, Session};
use ana_tests::{gpu, workspace};
use arrow::{
    array::RecordBatch,
    compute::concat_batches,
    util::display::{ArrayFormatter, FormatOptions},
};
use datafusion::datasource::MemTable;

const QUERIES: u64 = 2000;
const EVENTS: usize = 700;

/// Vigna's SplitMix64, so that a seed says what was tried.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn some(&mut self, of: &[&str], most: usize) -> Vec<String> {
        (0..=self.below(most)).map(|_| self.one(of).to_owned()).collect()
    }
}

const CONDITIONS: &[&str] = &[
    "MET_pt > 20",
    "MET_pt > 35.5",
    "nJet >= 3",
    "nJet % 2 = 0",
    "HLT_IsoMu24",
    "n_obj_min(Jet.pt, 2, 30)",
    "Jet.pt[2] > 40",
    "ht(Jet.pt) > 100",
    "(SELECT count(*) FROM Muon m WHERE m.tightId) = 2",
    "PV_npvsGood BETWEEN 10 AND 25",
];
const EVENT_VALUES: &[&str] = &[
    "MET_pt",
    "MET_pt",
    "nJet",
    "ht(Jet.pt)",
    "Jet.pt[1]",
    "PV_npvsGood",
    "sqrt(MET_pt - 20)",
    "abs(MET_phi)",
    "(SELECT max(j.pt) FROM Jet j)",
    "CASE WHEN nMuon > 0 THEN 60 / nMuon END",
];
const LIST_VALUES: &[&str] = &[
    "Jet.pt",
    "Jet.pt[abs(Jet.eta) < 1]",
    "Muon.pt * 1.1",
    "Jet.mass",
    "Muon.pt",
    "ARRAY(SELECT m.pt FROM Muon m WHERE m.pt > 30)",
];
const NUMBER_AXES: &[&str] = &[
    "regular(20, 0, 100)",
    "regular(20, 0, 100)",
    "variable([0, 10, 20, 50, 80])",
    "integer(0, 8)",
    "regular(7, -1, 60)",
];
const WEIGHTS: &[&str] = &[
    "genWeight",
    "genWeight * 1.1",
    "genWeight * MET_pt",
    "1e-12 * genWeight",
    "1.0",
    "2",
    "nullif(genWeight, abs(genWeight))",
    "CASE WHEN nJet > 4 THEN 1e30 ELSE 0.25 END",
    "MET_pt / 0.0 - 1",
];
const LIST_WEIGHTS: &[(&str, &str)] = &[("Jet.pt", "Jet.eta"), ("Muon.pt", "Muon.mass * genWeight")];

fn structure(names: &str, of: &[String]) -> String {
    let fields: Vec<String> =
        of.iter().enumerate().map(|(i, part)| format!("'{names}{i}': {part}")).collect();
    format!("{{{}}}", fields.join(", "))
}

fn output(random: &mut Random) -> String {
    let text = match random.below(12) {
        0 => "count(*)".to_owned(),
        1 => format!("count({})", random.one(&["MET_pt", "Jet.pt[2]", "Muon.pt[1]"])),
        2 => format!("sum({})", random.one(WEIGHTS)),
        3 => format!("{}({})", random.one(&["avg", "min", "max"]), random.one(&["MET_pt", "genWeight", "nJet"])),
        4 => {
            let cuts = random.some(CONDITIONS, 3).join(", ");
            format!("{}({cuts}, {})", random.one(&["cutflow", "nminusone"]), random.one(&["genWeight", "1.5"]))
        }
        5 => {
            let (value, weight) = LIST_WEIGHTS[random.below(LIST_WEIGHTS.len())];
            format!("hist({value}, {}, {weight})", random.one(NUMBER_AXES))
        }
        6 => "hist(CASE WHEN nJet > 3 THEN 'many' WHEN nJet > 1 THEN 'few' ELSE 'none' END, category(['few', 'many']), genWeight)".to_owned(),
        _ => {
            let value = if random.below(3) == 0 { random.one(LIST_VALUES) } else { random.one(EVENT_VALUES) };
            let mut text = format!("hist({value}, {}", random.one(NUMBER_AXES));
            if random.below(4) == 0 {
                text += &format!(", {}, {}", random.one(EVENT_VALUES), random.one(NUMBER_AXES));
            }
            match random.below(4) {
                0 => {}
                1 => text += &format!(", weights => {}", structure("w", &random.some(WEIGHTS, 4))),
                _ => text += &format!(", {}", random.one(WEIGHTS)),
            }
            if random.below(3) == 0 {
                let most = if random.below(6) == 0 { 70 } else { 4 };
                let conditions = random.some(CONDITIONS, most);
                text += &format!(", categories => {}", structure("c", &conditions));
            }
            text + ")"
        }
    };
    if random.below(2) == 0 {
        let filter = random.some(CONDITIONS, 2).join(" AND ");
        return format!("{text} FILTER (WHERE {filter})");
    }
    text
}

fn query(seed: u64) -> String {
    let mut random = Random(seed);
    let outputs: Vec<String> =
        (0..=random.below(6)).map(|i| format!("{} AS o{i}", output(&mut random))).collect();
    let (key, end) = match random.below(4) {
        0 => {
            let key = random.one(&["nMuon", "HLT_IsoMu24", "PV_npvsGood", "nJet % 3"]);
            (format!("{key} AS k, "), " GROUP BY k ORDER BY k")
        }
        _ => (String::new(), ""),
    };
    let cut = match random.below(3) {
        0 => format!(" WHERE {}", random.some(CONDITIONS, 2).join(" AND ")),
        _ => String::new(),
    };
    format!("SELECT {key}{} FROM events{cut}{end}", outputs.join(", "))
}

async fn events() -> RecordBatch {
    let session = Session::builder().threads(1).build().unwrap();
    let file = workspace().join("tests/data/zmumu.root");
    let all = session.sql(&format!("SELECT * FROM '{}' LIMIT {EVENTS}", file.display())).await.unwrap();
    let all = all.collect().await.unwrap();
    concat_batches(&all.schema, &all.batches).unwrap()
}

/// A session whose table has the events in batches of `size`, dealt to partitions from the last to the first.
async fn session(
    events: &RecordBatch,
    fused: bool,
    partitions: usize,
    size: usize,
    backwards: bool,
    device: Device,
) -> Session {
    let session = Session::builder().device(device).threads(partitions).batch_size(size).build().unwrap();
    let mut batches: Vec<RecordBatch> =
        (0..EVENTS).step_by(size).map(|start| events.slice(start, size.min(EVENTS - start))).collect();
    if backwards {
        batches.reverse();
    }
    let mut dealt = vec![vec![]; partitions];
    for (i, batch) in batches.into_iter().enumerate() {
        dealt[i % partitions].push(batch);
    }
    let table = MemTable::try_new(events.schema(), dealt).unwrap();
    session.context().register_table("events", Arc::new(table)).unwrap();
    let set = format!("SET ana.fused_histograms = {fused}");
    session.sql(&set).await.unwrap().collect().await.unwrap();
    session
}

/// The result, or the error's text.
async fn answer(session: &Session, sql: &str) -> Result<RecordBatch, String> {
    let result = session.sql(sql).await.map_err(|error| error.to_string())?;
    let result = result.collect().await.map_err(|error| error.to_string())?;
    Ok(concat_batches(&result.schema, &result.batches).unwrap())
}

/// A column as text, with the shortest digits that are each float: equal texts are equal bits.
fn shown(batch: &RecordBatch, column: usize) -> String {
    let options = FormatOptions::new().with_null("NULL");
    let column = ArrayFormatter::try_new(batch.column(column), &options).unwrap();
    (0..batch.num_rows()).map(|row| column.value(row).to_string()).collect::<Vec<_>>().join("\n")
}

async fn compare(seeds: impl Iterator<Item = u64>, gpu: Option<Device>) -> (usize, usize) {
    let events = events().await;
    let fused = session(&events, true, 1, EVENTS, false, Device::Cpu).await;
    let others = [
        ("not fused", session(&events, false, 1, EVENTS, false, Device::Cpu).await),
        (
            "fused, 3 partitions, batches of 50, backwards",
            session(&events, true, 3, 50, true, Device::Cpu).await,
        ),
        (
            "not fused, 2 partitions, batches of 90, backwards",
            session(&events, false, 2, 90, true, Device::Cpu).await,
        ),
    ];
    let on_gpu = match gpu {
        Some(gpu) => Some(("on the GPU, 2 partitions", session(&events, true, 2, 90, true, gpu).await)),
        None => None,
    };
    let (mut compared, mut refused) = (0, 0);
    for seed in seeds {
        let sql = query(seed);
        let want = answer(&fused, &sql).await;
        // One without the operator, and the operator over other batches.
        let on_gpu = on_gpu.iter().filter(|_| seed % 4 < 2);
        for (how, other) in [&others[0], &others[1 + usize::from(seed % 4 < 2)]].into_iter().chain(on_gpu) {
            let got = answer(other, &sql).await;
            match (&want, got) {
                (Ok(want), Ok(got)) => {
                    let differs = (0..want.num_columns()).find(|&i| shown(want, i) != shown(&got, i));
                    let differs = differs.map(|i| format!("{}\n{}", shown(want, i), shown(&got, i)));
                    assert!(differs.is_none(), "seed {seed}, {how}: {sql}\n{}", differs.unwrap());
                }
                (Err(_), Err(_)) => {}
                (Ok(_), Err(error)) => panic!("seed {seed}, only {how} fails: {sql}\n{error}"),
                (Err(error), Ok(_)) => panic!("seed {seed}, not so {how}: {sql}\n{error}"),
            }
        }
        if want.is_ok() { compared += 1 } else { refused += 1 }
    }
    (compared, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fusing_changes_no_bit() {
    let first = std::env::var("ANA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let gpu = gpu("fused on a GPU");
    let halves = [0, 1].map(|half| {
        tokio::spawn(compare((first..first + QUERIES).filter(move |seed| seed % 2 == half), gpu))
    });
    let (mut compared, mut refused) = (0, 0);
    for half in halves {
        let (c, r) = half.await.unwrap();
        compared += c;
        refused += r;
    }
    assert!(refused * 10 < compared, "{compared} compared, {refused} refused");
}

#[tokio::test]
async fn explain_says_what_is_shared_unless_the_operator_is_switched_off() {
    let events = events().await;
    let sql = "EXPLAIN SELECT hist(MET_pt, regular(2, 0, 10), weights => {'a': genWeight, 'b': genWeight * 2},
                                   categories => {'all': true, '2j': nJet > 2}) AS a,
                              hist(nJet, integer(0, 4), genWeight) FILTER (WHERE nMuon > 1) AS b, count(*) AS n FROM events";
    for fused in [true, false] {
        let plan = answer(&session(&events, fused, 1, EVENTS, false, Device::Auto).await, sql).await.unwrap();
        let plan = shown(&plan, 1);
        let counts = "HistogramExec: histograms=5, values=2, masks=2, weights=2, others=1, expressions=";
        assert_eq!(plan.contains(counts), fused, "{plan}");
        assert_eq!(plan.contains("levels=[nMuon@"), fused, "{plan}");
    }
}

/// An analysis: everything behind one skim, but for what is counted of all events.
fn skimmed(seed: u64) -> String {
    let mut random = Random(seed);
    let skim = random.one(CONDITIONS);
    let mut outputs = vec!["count(*)".to_owned(), "sum(genWeight)".to_owned()];
    for _ in 0..=random.below(4) {
        let output = output(&mut random);
        outputs.push(match output.split_once(" FILTER (WHERE ") {
            Some((call, rest)) => format!("{call} FILTER (WHERE {skim} AND {rest}"),
            None => format!("{output} FILTER (WHERE {skim})"),
        });
    }
    let outputs: Vec<String> =
        outputs.into_iter().enumerate().map(|(i, output)| format!("{output} AS o{i}")).collect();
    let (key, end) = match random.below(4) {
        0 => ("nMuon AS k, ", " GROUP BY k ORDER BY k"),
        _ => ("", ""),
    };
    format!("SELECT {key}{} FROM events{end}", outputs.join(", "))
}

/// With a scan of its own for what is behind the skim: the same bits, and the events are counted once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_reading_changes_no_bit() {
    let session = async |late: bool, threads: usize| {
        let session = Session::builder().threads(threads).batch_size(900).build().unwrap();
        let file = workspace().join("tests/data/zmumu.root");
        session.register_root("events", &[file.display().to_string()], RootOptions::default()).await.unwrap();
        let set = format!("SET ana.late_reading = {late}");
        session.sql(&set).await.unwrap().collect().await.unwrap();
        session
    };
    let (early, late) = (session(false, 1).await, session(true, 2).await);
    let mut twice = 0;
    for seed in 0..120 {
        let sql = skimmed(seed);
        let (Ok(want), Ok(got)) =
            (early.sql(&sql).await.unwrap().collect().await, late.sql(&sql).await.unwrap().collect().await)
        else {
            assert!(answer(&early, &sql).await.is_err() && answer(&late, &sql).await.is_err(), "{sql}");
            continue;
        };
        assert_eq!(want.report.read.events, got.report.read.events, "{sql}");
        let counted = |result: &QueryResult| {
            let levels = result.report.levels.iter().chain(&result.report.categories);
            levels.map(|level| (level.name.clone(), level.events)).collect::<Vec<_>>()
        };
        assert_eq!(counted(&want), counted(&got), "{sql}");
        let [want, got] = [want, got].map(|result| concat_batches(&result.schema, &result.batches).unwrap());
        for column in 0..want.num_columns() {
            assert_eq!(shown(&want, column), shown(&got, column), "seed {seed}: {sql}");
        }
        let plan = answer(&late, &format!("EXPLAIN {sql}")).await.unwrap();
        let scans = shown(&plan, 1).matches("DataSourceExec").count();
        twice += usize::from(scans == 2);
    }
    assert!(twice > 50, "{twice} of 120 with two scans");
}

/// Past the limit a query says so before it takes the memory, and one of many groups passes on what it has.
#[tokio::test]
async fn memory_is_bounded() {
    let run = async |limit: usize, sql: &str| {
        let session = Session::builder().threads(1).memory_limit(limit).build().unwrap();
        let events = events().await;
        session.context().register_batch("events", events).unwrap();
        answer(&session, sql).await
    };
    let large =
        "SELECT hist(MET_pt, regular(1000, 0, 10), nJet, regular(1000, 0, 10), genWeight) FROM events";
    // The result is 24 MB; while it is filled, only what is filled takes memory.
    assert!(run(50_000_000, large).await.is_ok());
    let error = run(20_000_000, large).await.unwrap_err();
    assert!(error.contains("HistogramExec"), "{error}");
    let conditions: Vec<String> = (0..100).map(|i| format!("'c{i}': MET_pt > {i}")).collect();
    let weights: Vec<String> = (0..15).map(|i| format!("'w{i}': genWeight * {i}")).collect();
    let many = format!(
        "SELECT hist(MET_pt, regular(100, 0, 200), weights => {{{}}}, categories => {{{}}}) AS h FROM events",
        weights.join(", "),
        conditions.join(", ")
    );
    // A hundred categories of a hundred bins with fifteen weights: 4 MB as written.
    assert!(run(8_000_000, &many).await.is_ok());
    let error = run(1_000_000, &many).await.unwrap_err();
    assert!(error.contains("HistogramExec"), "{error}");
    let groups = "SELECT count(*), sum(s) FROM (SELECT v % 5000 AS g, sum(hist(v, 200, 0, 1000)) + sum(hist(v, 99, 0, 9)) AS s
                  FROM (SELECT unnest(range(0, 30000)) AS v) GROUP BY g)";
    assert_eq!(shown(&run(100_000_000, groups).await.unwrap(), 0), "5000");
}
