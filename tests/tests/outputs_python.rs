//! Files of histograms, read by Python's `hist`, `uhi` and `uproot`: every number must be the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use std::{path::Path, process::Command, sync::Arc};

use ana_engine::output::{self, Options};
use ana_hist::{Axis, AxisKind, Histogram, Transform, Weighted};
use ana_sql_ext::histogram::{histogram_array, histogram_data_type};
use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use serde_json::{Value, json};

/// Contents that differ in every cell, flow bins included.
fn filled(axes: Vec<Axis>, weighted: bool) -> Histogram {
    let cells: usize = axes.iter().map(Axis::extent).product();
    let counts = (0..cells).map(|i| (i as u64 * 7919) % 1000).collect();
    let weighted = weighted.then(|| Weighted {
        sumw: (0..cells).map(|i| (i as f64 + 1.0) / 3.0 - 2.0).collect(),
        sumw2: (0..cells).map(|i| (i as f64 + 0.1).sqrt()).collect(),
    });
    Histogram::new(axes, counts, weighted).unwrap()
}

fn samples() -> Vec<(&'static str, Histogram)> {
    let labels = || vec!["ee".to_owned(), "µµ".to_owned(), "e µ".to_owned()];
    let log = || Axis::transformed(5, 1.0, 1000.0, Transform::Log).unwrap();
    let x = |axis: Axis| axis.named("x");
    vec![
        ("counts", filled(vec![x(Axis::regular(100, 0.0, 200.0).unwrap())], false)),
        ("weighted", filled(vec![x(Axis::regular(48, -2.4, 2.4).unwrap())], true)),
        ("log", filled(vec![log()], true)),
        ("sqrt", filled(vec![Axis::transformed(7, 0.0, 10.0, Transform::Sqrt).unwrap()], false)),
        ("variable", filled(vec![Axis::variable(vec![0.1, 0.2, 0.7, 1e3]).unwrap()], true)),
        ("integer", filled(vec![Axis::integer(-4, 14).unwrap()], false)),
        ("category", filled(vec![Axis::category(labels()).unwrap().named("channel")], true)),
        ("boolean", filled(vec![Axis::boolean()], false)),
        ("twice", filled(vec![x(Axis::integer(0, 3).unwrap()), x(log())], true)),
        (
            "plane",
            filled(
                vec![Axis::category(labels()).unwrap(), Axis::variable(vec![0.0, 1.0, 5.0]).unwrap()],
                true,
            ),
        ),
        (
            "space",
            filled(
                vec![Axis::boolean(), Axis::integer(0, 4).unwrap(), x(Axis::regular(3, 0.0, 1.0).unwrap())],
                true,
            ),
        ),
    ]
}

fn expected(name: String, h: &Histogram) -> Value {
    let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect::<Vec<_>>();
    let axes: Vec<Value> = h
        .axes
        .iter()
        .map(|a| {
            let plain = matches!(a.kind, AxisKind::Regular { transform: Transform::None, .. });
            json!({
                "name": a.name,
                "edges": bits(a.edges()),
                "edges_are_written": !plain,
                "labels": (0..a.bins()).filter_map(|i| a.label(i)).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "name": name,
        "axes": axes,
        "extents": h.axes.iter().map(Axis::extent).collect::<Vec<_>>(),
        "counts": h.counts,
        "weighted": h.weighted.is_some(),
        "sumw": bits(h.sumws()),
        "sumw2": bits(h.sumw2s()),
    })
}

/// A result as `SELECT sample, hist(…) AS …, … GROUP BY sample` gives it, with what Python should find.
fn result() -> (RecordBatch, Vec<Value>) {
    let keys = ["TTTo2L2Nu", "/DY/NANOAODSIM"];
    let names = ["TTTo2L2Nu", "DY_NANOAODSIM"];
    let mut fields = vec![Field::new("sample", DataType::Utf8, false)];
    let mut columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(keys.to_vec()))];
    for (alias, h) in samples() {
        fields.push(Field::new(alias, histogram_data_type(), true));
        columns.push(Arc::new(histogram_array(vec![Some(h.clone()), Some(h)]).unwrap()));
    }
    let expected = names
        .iter()
        .flat_map(|key| samples().into_iter().map(move |(alias, h)| expected(format!("{alias}/{key}"), &h)));
    (RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap(), expected.collect())
}

fn write_all(folder: &Path) {
    let (batch, expected) = result();
    std::fs::write(folder.join("expected.json"), Value::Array(expected).to_string()).unwrap();
    for ending in ["json", "zip", "root", "parquet", "csv", "svg", "png"] {
        let path = folder.join(format!("out.{ending}"));
        let written =
            output::write(&batch.schema(), std::slice::from_ref(&batch), &path, Options::default()).unwrap();
        assert_eq!(written.bytes, std::fs::metadata(&path).unwrap().len(), "{ending}");
    }
}

#[test]
fn python_reads_the_same_numbers() {
    let Some(python) =
        ana_tests::python("outputs_python", &["hist", "uhi.schema", "uproot", "fastjsonschema"])
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    write_all(folder.path());
    let script = ana_tests::workspace().join("tests/oracles/outputs.py");
    let run = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}\n{err}");
    assert_eq!(out.matches("22 histograms agree").count(), 3, "{out}");
}

#[test]
fn the_same_result_gives_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_all(one.path());
    std::thread::sleep(std::time::Duration::from_millis(1100));
    write_all(two.path());
    for name in ["out.json", "out.zip", "out.root", "out.parquet", "out.csv", "out.svg", "out.png"] {
        let read = |folder: &tempfile::TempDir| std::fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read(&one), read(&two), "{name}");
    }
}
