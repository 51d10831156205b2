//! Histograms in the UHI serialisation, version 1, as one JSON document: what Python's `hist` and
//! `boost_histogram` load and `python -m uhi.schema` validates.
//!
//! The top level maps names to histograms. Unweighted histograms have `int` storage, weighted ones `weighted`
//! (values Σw, variances Σw²); flow bins are included. A number reads back as the same f64. JSON knows no NaN
//! and no infinity: a histogram that holds one is an error here, not a `null`.
//!
//! Axis and histogram names are in `metadata`, where `hist` looks for them, with the labels of axes and the range that plots
//! show (`lim_low`, `lim_high`). An integer axis is a regular axis with
//! bins of width 1, a transformed axis is a variable axis with its edges; `writer_info` says what it was,
//! and boost-histogram restores the integer axis.

use std::io::Write;
use std::path::Path;

use ana_hist::{Axis, AxisKind, Histogram, Transform};
use serde_json::{Map, Value, json};

use super::{AxisLabel, Format, NamedHistogram, OutputError, Result};

/// Who wrote it, as `writer_info` wants it.
const WRITER: &str = "ana-sql";

/// The arrays of a histogram, which JSON holds in place and ZIP as members of their own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numbers<'a> {
    /// Entries.
    Counts(&'a [u64]),
    /// Σw, Σw² or edges.
    Floats(&'a [f64]),
}

/// Where an array belongs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// `storage.<key>`
    Storage(&'static str),
    /// `axes[i].edges`
    Edges(usize),
}

/// Writes all histograms as one document.
///
/// # Errors
/// When a name or value has no place in the format, or writing fails.
pub fn write(histograms: &[NamedHistogram], path: &Path, out: &mut impl Write) -> Result<()> {
    let mut top = Map::new();
    for h in histograms {
        if h.name == "uhi_schema" {
            // The key that tells one histogram from a document of several.
            return Err(OutputError::Name {
                name: h.name.clone(),
                format: Format::UhiJson,
                reason: "readers take that key for the mark of a single histogram",
            });
        }
        let mut place = |place: Place, shape: &[usize], numbers: Numbers<'_>| {
            require_finite(h, place, numbers)?;
            Ok(nested(shape, numbers))
        };
        top.insert(h.name.clone(), histogram(h, &mut place)?);
    }
    let json = |source| OutputError::Json { path: path.to_owned(), source };
    serde_json::to_writer(&mut *out, &Value::Object(top)).map_err(json)?;
    out.write_all(b"\n").map_err(|source| OutputError::Io { path: path.to_owned(), action: "write", source })
}

/// Writes an array of the given shape somewhere, and says what stands for it in the JSON.
type PlaceArray<'a> = dyn FnMut(Place, &[usize], Numbers<'_>) -> Result<Value> + 'a;

/// One histogram; `place` decides how an array is written.
pub(super) fn histogram(named: &NamedHistogram, place: &mut PlaceArray<'_>) -> Result<Value> {
    let histogram = &named.histogram;
    let mut axes = Vec::with_capacity(histogram.axes.len());
    let mut seen: Vec<&str> = Vec::new();
    for (i, a) in histogram.axes.iter().enumerate() {
        // `hist` refuses two axes of one name: the second keeps its label only.
        let first = a.name.as_deref().is_some_and(|name| !seen.contains(&name));
        seen.extend(a.name.as_deref());
        axes.push(axis(a, i, first, named.labels.get(i), place)?);
    }
    let storage = storage(histogram, place)?;
    Ok(json!({
        "uhi_schema": 1,
        "writer_info": { WRITER: { "version": env!("CARGO_PKG_VERSION") } },
        "metadata": { "name": named.name },
        "axes": axes,
        "storage": storage,
    }))
}

fn storage(histogram: &Histogram, place: &mut PlaceArray<'_>) -> Result<Value> {
    let shape: Vec<usize> = histogram.axes.iter().map(Axis::extent).collect();
    Ok(match &histogram.weighted {
        None => json!({
            "type": "int",
            "values": place(Place::Storage("values"), &shape, Numbers::Counts(&histogram.counts))?,
        }),
        Some(weighted) => json!({
            "type": "weighted",
            "values": place(Place::Storage("values"), &shape, Numbers::Floats(&weighted.sumw))?,
            "variances": place(Place::Storage("variances"), &shape, Numbers::Floats(&weighted.sumw2))?,
        }),
    })
}

fn axis(
    axis: &Axis,
    index: usize,
    may_be_named: bool,
    told: Option<&AxisLabel>,
    place: &mut PlaceArray<'_>,
) -> Result<Value> {
    let mut fields = Map::new();
    let mut origin = Map::new();
    // boost-histogram makes an axis of integers again where it finds its own note; as a regular axis it would compute
    // the edge 0 of (18, -4, 14) as -4.4e-16.
    let mut hint = None;
    let mut set = |key: &str, value: Value| drop(fields.insert(key.to_owned(), value));
    match &axis.kind {
        AxisKind::Regular { n, lo, hi, transform: Transform::None } => {
            set("type", json!("regular"));
            set("lower", json!(lo));
            set("upper", json!(hi));
            set("bins", json!(n));
        }
        AxisKind::Regular { n, lo, hi, transform } => {
            origin.insert("orig_type".to_owned(), json!("Regular"));
            origin.insert("transform".to_owned(), json!(transform_name(*transform)));
            origin.insert("bins".to_owned(), json!(n));
            origin.insert("lower".to_owned(), json!(lo));
            origin.insert("upper".to_owned(), json!(hi));
            set("type", json!("variable"));
            let edges = axis.edges();
            set("edges", place(Place::Edges(index), &[edges.len()], Numbers::Floats(&edges))?);
        }
        AxisKind::Variable { edges } => {
            set("type", json!("variable"));
            set("edges", place(Place::Edges(index), &[edges.len()], Numbers::Floats(edges))?);
        }
        AxisKind::Integer { lo, hi } => {
            origin.insert("orig_type".to_owned(), json!("Integer"));
            hint = Some(json!({ "orig_type": "Integer" }));
            set("type", json!("regular"));
            set("lower", json!(lo));
            set("upper", json!(hi));
            set("bins", json!(axis.bins()));
        }
        AxisKind::Category { labels } => {
            set("type", json!("category_str"));
            set("categories", json!(labels));
            set("flow", json!(true));
        }
        AxisKind::Boolean => set("type", json!("boolean")),
    }
    if !matches!(axis.kind, AxisKind::Category { .. } | AxisKind::Boolean) {
        set("underflow", json!(true));
        set("overflow", json!(true));
        set("circular", json!(false));
    }
    let mut metadata = Map::new();
    if let Some(name) = axis.name.as_ref().filter(|_| may_be_named) {
        metadata.insert("name".to_owned(), json!(name));
    }
    if let Some(label) = told.and_then(|told| told.label.as_ref()).or(axis.name.as_ref()) {
        metadata.insert("label".to_owned(), json!(label));
    }
    if let Some((low, high)) = told.and_then(|told| told.limits) {
        metadata.insert("lim_low".to_owned(), json!(low));
        metadata.insert("lim_high".to_owned(), json!(high));
    }
    if !metadata.is_empty() {
        set("metadata", Value::Object(metadata));
    }
    if !origin.is_empty() {
        let mut writers = Map::from_iter([(WRITER.to_owned(), Value::Object(origin))]);
        writers.extend(hint.map(|hint| ("boost-histogram".to_owned(), hint)));
        set("writer_info", Value::Object(writers));
    }
    Ok(Value::Object(fields))
}

fn transform_name(transform: Transform) -> &'static str {
    match transform {
        Transform::None => "none",
        Transform::Log => "log",
        Transform::Sqrt => "sqrt",
    }
}

fn require_finite(named: &NamedHistogram, place: Place, numbers: Numbers<'_>) -> Result<()> {
    let Numbers::Floats(values) = numbers else { return Ok(()) };
    match values.iter().find(|v| !v.is_finite()) {
        None => Ok(()),
        Some(&value) => Err(OutputError::NotFinite {
            name: named.name.clone(),
            format: Format::UhiJson,
            part: match place {
                Place::Storage(key) => key,
                Place::Edges(_) => "edges",
            },
            value,
        }),
    }
}

/// An n-dimensional array as nested JSON arrays, the last dimension innermost.
fn nested(shape: &[usize], numbers: Numbers<'_>) -> Value {
    let Some((&outer, inner)) = shape.split_first() else {
        return Value::Null; // `hist()` has at least one axis
    };
    if inner.is_empty() {
        return match numbers {
            Numbers::Counts(counts) => json!(counts),
            Numbers::Floats(floats) => json!(floats),
        };
    }
    let step: usize = inner.iter().product();
    let part = |i: usize| match numbers {
        Numbers::Counts(counts) => {
            nested(inner, Numbers::Counts(counts.get(i * step..(i + 1) * step).unwrap_or(&[])))
        }
        Numbers::Floats(floats) => {
            nested(inner, Numbers::Floats(floats.get(i * step..(i + 1) * step).unwrap_or(&[])))
        }
    };
    Value::Array((0..outer).map(part).collect())
}
