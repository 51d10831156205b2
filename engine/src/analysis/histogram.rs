//! Histograms: HistConf and Axis with PocketCoffea's meaning, and its factories.

use std::f64::consts::PI;

use datafusion::sql::sqlparser::ast::{Array, Expr};
use serde_yaml::Value;

use super::config::{self, Axis};
use super::error::AnalysisError;
use super::expression::Reader;
use super::locate::Way;
use super::model::{Collapse, Filled, Histogram};
use super::parameter::plain;
use super::{Result, syntax};
use crate::dialect::faults::nearest;

/// A field that a factory fills, with PocketCoffea's binning.
type Field = (&'static str, u64, f64, f64);

const JET: &[Field] = &[
    ("eta", 50, -2.5, 2.5),
    ("pt", 50, 0.0, 300.0),
    ("phi", 64, -PI, PI),
    ("btagDeepFlavB", 50, 0.0, 1.0),
    ("btagDeepFlavCvL", 50, 0.0, 1.0),
    ("btagDeepFlavCvB", 50, 0.0, 1.0),
];
const FATJET: &[Field] = &[
    ("eta", 50, -2.5, 2.5),
    ("pt", 100, 0.0, 1000.0),
    ("phi", 64, -PI, PI),
    ("mass", 100, 0.0, 1000.0),
    ("msoftdrop", 100, 0.0, 1000.0),
    ("btagDDBvLV2", 80, 0.0, 1.0),
    ("btagDDCvLV2", 80, 0.0, 1.0),
    ("btagDDCvBV2", 80, 0.0, 1.0),
    ("particleNetMD_Xbb_QCD", 80, 0.0, 1.0),
    ("particleNetMD_Xcc_QCD", 80, 0.0, 1.0),
    ("deepTagMD_ZHbbvsQCD", 80, 0.0, 1.0),
    ("deepTagMD_ZHccvsQCD", 80, 0.0, 1.0),
    ("btagHbb", 80, 0.0, 1.0),
];
const PARTON: &[Field] = &[
    ("eta", 80, -4.0, 4.0),
    ("pt", 150, 0.0, 1500.0),
    ("phi", 128, -PI, PI),
    ("dRMatchedJet", 200, 0.0, 5.0),
    ("pdgId", 50, -25.0, 25.0),
];
const GENJET: &[Field] = &[
    ("eta", 50, -2.5, 2.5),
    ("pt", 50, 0.0, 300.0),
    ("phi", 64, -PI, PI),
    ("hadronFlavour", 8, -1.0, 7.0),
    ("partonFlavour", 33, -10.0, 23.0),
];
const ELECTRON: &[Field] =
    &[("eta", 50, -2.5, 2.5), ("pt", 50, 0.0, 500.0), ("phi", 64, -PI, PI), ("etaSC", 0, 0.0, 0.0)];
const ELECTRON_ETA_SC: [f64; 27] = [
    -2.5, -2.3, -2.1, -1.9, -1.7, -1.566, -1.4442, -1.2, -1.0, -0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6,
    0.8, 1.0, 1.2, 1.4442, 1.566, 1.7, 1.9, 2.1, 2.3, 2.5,
];
const MUON: &[Field] = &[("eta", 50, -2.5, 2.5), ("pt", 50, 0.0, 150.0), ("phi", 64, -PI, PI)];
const LEPTON: &[Field] =
    &[("eta", 50, -2.5, 2.5), ("pt", 60, 0.0, 300.0), ("phi", 64, -PI, PI), ("pdgId", 32, -16.0, 16.0)];
const MET: &[Field] = &[("pt", 28, 20.0, 300.0), ("phi", 64, -PI, PI)];
const SV: &[Field] = &[
    ("summass", 200, 0.0, 1000.0),
    ("logsummass", 120, -6.0, 6.0),
    ("sv1mass", 200, 0.0, 1000.0),
    ("logsv1mass", 120, -6.0, 6.0),
    ("sumcorrmass", 200, 0.0, 1000.0),
    ("logsumcorrmass", 120, -6.0, 6.0),
];

/// Name, kind of object, default collection, fields.
const FACTORIES: [(&str, &str, &str, &[Field]); 9] = [
    ("jet_hists", "jet", "JetGood", JET),
    ("genjet_hists", "genjet", "MyGenJets", GENJET),
    ("fatjet_hists", "fatjet", "FatJetGood", FATJET),
    ("parton_hists", "parton", "PartonMatched", PARTON),
    ("ele_hists", "electron", "ElectronGood", ELECTRON),
    ("muon_hists", "muon", "MuonGood", MUON),
    ("lepton_hists", "lepton", "LeptonGood", LEPTON),
    ("met_hists", "met", "MET", MET),
    ("sv_hists", "sv", "SV", SV),
];

/// The histograms of one entry: itself, or those of its factory.
pub(super) fn expand(
    name: &str,
    raw: &config::Histogram,
    reader: &Reader<'_>,
    way: &Way,
) -> Result<Vec<(String, config::Histogram)>> {
    let Some(factory) = &raw.factory else {
        refuse_factory_arguments(raw, reader, way)?;
        return Ok(vec![(name.to_owned(), raw.clone())]);
    };
    let plain = config::Histogram {
        factory: None,
        coll: None,
        pos: None,
        fields: None,
        name: None,
        axis_settings: config::Ordered::default(),
        bins: None,
        start: None,
        stop: None,
        label: None,
        ..raw.clone()
    };
    let wrong = |key: &str, problem: String| AnalysisError::Value {
        place: reader.source.place(&way.key(key)),
        problem,
    };
    if !raw.axes.is_empty() {
        return Err(wrong(
            "axes",
            format!("{factory} makes the axes itself; change them with axis_settings"),
        ));
    }
    let is_count = factory == "count_hist";
    let strange = [
        ("pos", is_count && raw.pos.is_some()),
        ("fields", is_count && raw.fields.is_some()),
        ("axis_settings", is_count && !raw.axis_settings.is_empty()),
        ("bins", !is_count && raw.bins.is_some()),
        ("start", !is_count && raw.start.is_some()),
        ("stop", !is_count && raw.stop.is_some()),
        ("label", !is_count && raw.label.is_some()),
    ];
    if let Some((key, _)) = strange.iter().find(|(_, is_given)| *is_given) {
        let instead = if is_count { "bins, start, stop and label" } else { "axis_settings" };
        return Err(wrong(key, format!("{factory} does not take {key}; it takes {instead}")));
    }
    if is_count {
        let Some(coll) = &raw.coll else { return Err(wrong("factory", "count_hist needs coll".to_owned())) };
        let axis = Axis {
            field: Some(format!("n{coll}")),
            coll: Some("events".to_owned()),
            bins: Some(Value::from(raw.bins.unwrap_or(10))),
            start: Some(raw.start.unwrap_or(0.0)),
            stop: Some(raw.stop.unwrap_or(9.0)),
            label: Some(raw.label.clone().unwrap_or_else(|| format!("$N_{{{coll}}}$"))),
            ..Axis::default()
        };
        let name = raw.name.clone().unwrap_or_else(|| format!("n{coll}"));
        return Ok(vec![(name, config::Histogram { axes: vec![axis], ..plain })]);
    }
    let Some((_, kind, default, fields)) = FACTORIES.iter().find(|(known, ..)| known == factory) else {
        let known = FACTORIES.iter().map(|(known, ..)| *known).chain(["count_hist"]);
        return Err(AnalysisError::Unknown {
            place: reader.source.place(&way.key("factory")),
            what: "histogram factory",
            name: factory.clone(),
            near: nearest(factory, known, 2),
        });
    };
    let coll = raw.coll.as_deref().unwrap_or(default);
    let prefix = raw.name.as_deref().unwrap_or(coll);
    for (i, field) in raw.fields.iter().flatten().enumerate() {
        if !fields.iter().any(|(known, ..)| known == field) {
            return Err(AnalysisError::Unknown {
                place: reader.source.place(&way.key("fields").index(i)),
                what: "field of this factory is",
                name: field.clone(),
                near: nearest(field, fields.iter().map(|(known, ..)| *known), 2),
            });
        }
    }
    let settings: Vec<String> = fields.iter().map(|(field, ..)| format!("{kind}_{field}")).collect();
    if let Some(key) = raw.axis_settings.keys().find(|key| !settings.iter().any(|known| known == key)) {
        return Err(AnalysisError::Unknown {
            place: reader.source.place(&way.key("axis_settings").key(key)),
            what: "axis of this factory is",
            name: key.to_owned(),
            near: nearest(key, settings.iter().map(String::as_str), 2),
        });
    }
    let chosen = fields
        .iter()
        .filter(|(field, ..)| raw.fields.as_ref().is_none_or(|only| only.iter().any(|f| f == field)));
    Ok(chosen
        .map(|field| {
            let axis = default_axis(*field, kind, coll, raw);
            let place = raw.pos.map_or_else(String::new, |pos| format!("_{}", pos.saturating_add(1)));
            (format!("{prefix}_{}{place}", field.0), config::Histogram { axes: vec![axis], ..plain.clone() })
        })
        .collect())
}

fn default_axis((field, bins, start, stop): Field, kind: &str, coll: &str, raw: &config::Histogram) -> Axis {
    let mut axis = Axis {
        field: Some(field.to_owned()),
        bins: Some(Value::from(bins)),
        start: Some(start),
        stop: Some(stop),
        ..Axis::default()
    };
    if field == "etaSC" {
        axis.r#type = Some("variable".to_owned());
        axis.bins = Some(Value::from(ELECTRON_ETA_SC.to_vec()));
        (axis.start, axis.stop) = (None, None);
    }
    if let Some(own) = raw.axis_settings.get(&format!("{kind}_{field}")) {
        let own = own.clone();
        axis = Axis {
            expr: own.expr,
            field: own.field.or(axis.field),
            name: own.name,
            label: own.label,
            bins: own.bins.or(axis.bins),
            start: own.start.or(axis.start),
            stop: own.stop.or(axis.stop),
            r#type: own.r#type.or(axis.r#type),
            ..own
        };
    }
    axis.coll = Some(coll.to_owned());
    axis.pos = raw.pos.or(axis.pos);
    axis
}

fn refuse_factory_arguments(raw: &config::Histogram, reader: &Reader<'_>, way: &Way) -> Result<()> {
    let given = [
        ("coll", raw.coll.is_some()),
        ("pos", raw.pos.is_some()),
        ("fields", raw.fields.is_some()),
        ("name", raw.name.is_some()),
        ("axis_settings", !raw.axis_settings.is_empty()),
        ("bins", raw.bins.is_some()),
        ("start", raw.start.is_some()),
        ("stop", raw.stop.is_some()),
        ("label", raw.label.is_some()),
    ];
    match given.iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((key, _)) => {
            let problem =
                format!("{key} belongs to a factory or to an axis; write axes: [{{…}}] or factory: …");
            Err(AnalysisError::Value { place: reader.source.place(&way.key(key)), problem })
        }
    }
}

/// A histogram with its meaning; categories are those that exist.
pub(super) fn resolve(
    name: &str,
    raw: &config::Histogram,
    reader: &Reader<'_>,
    way: &Way,
    categories: &[String],
) -> Result<Histogram> {
    let unsupported = |key: &str, instead: &'static str| AnalysisError::Unsupported {
        place: reader.source.place(&way.key(key)),
        option: key.to_owned(),
        instead,
    };
    if raw.autofill == Some(false) {
        return Err(unsupported(
            "autofill: false",
            "there is no user code to fill it; give its value as an expression",
        ));
    }
    if raw.metadata_hist == Some(true) {
        return Err(unsupported("metadata_hist", "run.json has the events and the throughput"));
    }
    let weighted = match raw.storage.as_deref() {
        None | Some("weight" | "Weight" | "double" | "Double") => true,
        Some("int64" | "Int64") => false,
        Some(_) => return Err(unsupported("storage", "it can be weight, double or int64")),
    };
    if raw.axes.is_empty() {
        let problem = "a histogram needs axes".to_owned();
        return Err(AnalysisError::Value { place: reader.source.place(way), problem });
    }
    let mut axes = Vec::with_capacity(raw.axes.len());
    for (i, axis) in raw.axes.iter().enumerate() {
        axes.push(resolve_axis(axis, reader, &way.key("axes").index(i))?);
    }
    let mut collections = axes.iter().filter_map(|axis| axis.collection.as_ref());
    if let Some(first) = collections.next()
        && let Some(other) = collections.find(|collection| *collection != first)
    {
        let problem = format!(
            "axes of all {first} and of all {other} in one histogram: which of them belong together? Use one collection, or pos"
        );
        return Err(AnalysisError::Value { place: reader.source.place(&way.key("axes")), problem });
    }
    Ok(Histogram {
        name: name.to_owned(),
        axes,
        weighted: weighted && raw.no_weights != Some(true),
        varied: raw.variations != Some(false),
        only_variations: raw.only_variations.clone(),
        collapse: collapse(raw, reader, way)?,
        categories: chosen(raw, reader, way, categories)?,
        only_samples: raw.only_samples.clone(),
        exclude_samples: raw.exclude_samples.clone().unwrap_or_default(),
        labels: super::label::of_axes(raw, reader.source, way)?,
    })
}

fn collapse(raw: &config::Histogram, reader: &Reader<'_>, way: &Way) -> Result<Option<Collapse>> {
    let mode = match raw.collapse_masks_mode.as_deref() {
        None | Some("OR") => Collapse::Any,
        Some("AND") => Collapse::All,
        Some(other) => {
            return Err(AnalysisError::Value {
                place: reader.source.place(&way.key("collapse_2D_masks_mode")),
                problem: format!("collapse_2D_masks_mode is OR or AND, not '{other}'"),
            });
        }
    };
    Ok((raw.collapse_masks == Some(true)).then_some(mode))
}

fn chosen(
    raw: &config::Histogram,
    reader: &Reader<'_>,
    way: &Way,
    categories: &[String],
) -> Result<Vec<String>> {
    for (key, asked) in
        [("only_categories", &raw.only_categories), ("exclude_categories", &raw.exclude_categories)]
    {
        for (i, name) in asked.iter().flatten().enumerate() {
            if !categories.contains(name) {
                return Err(AnalysisError::Unknown {
                    place: reader.source.place(&way.key(key).index(i)),
                    what: "category",
                    name: name.clone(),
                    near: nearest(name, categories.iter().map(String::as_str), 2),
                });
            }
        }
    }
    let keep = |category: &&String| {
        raw.only_categories.as_ref().is_none_or(|only| only.contains(category))
            && raw.exclude_categories.as_ref().is_none_or(|excluded| !excluded.contains(category))
    };
    Ok(categories.iter().filter(keep).cloned().collect())
}

fn resolve_axis(raw: &Axis, reader: &Reader<'_>, way: &Way) -> Result<Filled> {
    let wrong = |key: &str, problem: String| AnalysisError::Value {
        place: reader.source.place(&way.key(key)),
        problem,
    };
    let unsupported = |key: &str, instead: &'static str| AnalysisError::Unsupported {
        place: reader.source.place(&way.key(key)),
        option: key.to_owned(),
        instead,
    };
    if raw.underflow == Some(false) || raw.overflow == Some(false) {
        let key = if raw.underflow == Some(false) { "underflow" } else { "overflow" };
        return Err(unsupported(key, "flow bins are always kept; leave them out when reading"));
    }
    if raw.growth == Some(true) {
        return Err(unsupported("growth", "write all bins; what is not among them goes to the flow bin"));
    }
    let (value, default_name) = value(raw, reader, way)?;
    let kind = match (raw.r#type.as_deref(), &raw.bins) {
        (None | Some("regular"), Some(Value::Sequence(_))) => "variable",
        (None | Some("regular"), _) => "regular",
        (Some("integer"), _) => "int",
        (Some(kind), _) => kind,
    };
    let ends = || match (raw.start, raw.stop) {
        (Some(start), Some(stop)) if start.is_finite() && stop.is_finite() && start < stop => {
            Ok((start, stop))
        }
        (Some(_), Some(_)) => Err(wrong("start", "start must lie below stop".to_owned())),
        _ => Err(wrong("bins", format!("a {kind} axis needs start and stop"))),
    };
    let whole = |key: &str, value: f64| {
        let integer = super::syntax::float(value);
        if value.fract() == 0.0 && value.abs() < 9e15 {
            Ok(integer)
        } else {
            Err(wrong(key, format!("{key} of an int axis is a whole number")))
        }
    };
    let axis = match kind {
        "regular" => {
            let (start, stop) = ends()?;
            let bins = raw.bins.as_ref().and_then(Value::as_i64).filter(|n| *n > 0);
            let Some(bins) = bins else {
                return Err(wrong("bins", "bins is a number of bins or a list of edges".to_owned()));
            };
            let mut arguments = vec![syntax::integer(bins), syntax::float(start), syntax::float(stop)];
            match raw.transform.as_deref() {
                None => {}
                Some(known @ ("log" | "sqrt")) => arguments.push(syntax::string(known)),
                Some(_) => return Err(unsupported("transform", "it can be log or sqrt")),
            }
            syntax::call("regular", arguments)
        }
        "variable" => {
            let Some(Value::Sequence(edges)) = &raw.bins else {
                return Err(wrong("bins", "a variable axis needs a list of edges".to_owned()));
            };
            let edges: Option<Vec<f64>> = edges.iter().map(Value::as_f64).collect();
            let Some(edges) = edges.filter(|edges| edges.len() > 1 && edges.is_sorted_by(|a, b| a < b))
            else {
                return Err(wrong("bins", "edges are at least two rising numbers".to_owned()));
            };
            let elem = edges.into_iter().map(syntax::float).collect();
            syntax::call("variable", vec![Expr::Array(Array { elem, named: false })])
        }
        "int" => {
            let (start, stop) = ends()?;
            syntax::call("integer", vec![whole("start", start)?, whole("stop", stop)?])
        }
        "strcat" => {
            let names = match &raw.bins {
                Some(Value::Sequence(names)) => names.iter().map(plain).collect::<Option<Vec<_>>>(),
                _ => None,
            };
            let Some(names) = names else {
                return Err(wrong("bins", "a strcat axis needs a list of names".to_owned()));
            };
            let elem = names.iter().map(|name| syntax::string(name)).collect();
            syntax::call("category", vec![Expr::Array(Array { elem, named: false })])
        }
        "intcat" => {
            return Err(unsupported("type: intcat", "use type: int with start and stop, or type: variable"));
        }
        other => {
            let near = nearest(other, ["regular", "variable", "int", "strcat"].into_iter(), 1);
            return Err(AnalysisError::Unknown {
                place: reader.source.place(&way.key("type")),
                what: "type of axis",
                name: other.to_owned(),
                near,
            });
        }
    };
    let name = raw.name.clone().unwrap_or(default_name);
    let of_objects = raw.expr.is_none() && raw.pos.is_none();
    let collection = raw.coll.clone().filter(|coll| of_objects && coll != "events" && coll != "metadata");
    Ok(Filled { value, axis: syntax::call("named_axis", vec![axis, syntax::string(&name)]), collection })
}

/// What is filled, and what the axis is called unless told.
fn value(raw: &Axis, reader: &Reader<'_>, way: &Way) -> Result<(Expr, String)> {
    let wrong = |key: &str, problem: String| AnalysisError::Value {
        place: reader.source.place(&way.key(key)),
        problem,
    };
    let coll = raw.coll.as_deref().unwrap_or("events");
    if let Some(text) = &raw.expr {
        if raw.field.is_some() || raw.coll.is_some() || raw.pos.is_some() {
            return Err(wrong("expr", "expr stands in place of coll, field and pos".to_owned()));
        }
        return Ok((reader.expression(text, &way.key("expr"))?, text.clone()));
    }
    let Some(field) = &raw.field else {
        return Err(wrong("field", "an axis needs field or expr".to_owned()));
    };
    let name = format!("{coll}.{field}");
    if coll == "custom" {
        return Err(AnalysisError::Unsupported {
            place: reader.source.place(&way.key("coll")),
            option: "coll: custom".to_owned(),
            instead: "there is no user code to fill it; give the value as expr",
        });
    }
    if coll == "events" || coll == "metadata" {
        if raw.pos.is_some() {
            return Err(wrong(
                "pos",
                format!("{coll} has one value per event; pos is a place in a collection"),
            ));
        }
        return Ok((syntax::column(field), name));
    }
    match raw.pos {
        None => Ok((syntax::field(coll, field), name)),
        Some(pos) if pos < 0 => {
            Err(wrong("pos", "pos counts from 0; places from the end are not defined".to_owned()))
        }
        Some(pos) => {
            Ok((syntax::element(syntax::field(coll, field), syntax::integer(pos.saturating_add(1))), name))
        }
    }
}
