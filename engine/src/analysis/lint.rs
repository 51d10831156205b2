//! Names that may be spelled wrong: told before anything is read, or against the columns of the files.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, ObjectNamePart, Query, TableFactor, Visit, Visitor};

use super::error::{AnalysisError, Place};
use super::model::{Analysis, Body, Weight};
use super::names;
use super::warning::Warning;
use crate::dialect::faults::nearest;
use crate::error::is_trigger;
use crate::session::Session;
use crate::table::RootTable;

/// Collections and flat objects of NanoAOD and its usual extensions, of all versions.
const NANOAOD: &str = "BeamSpot CaloMET ChsMET CorrT1METJet DST DeepMETResolutionTune DeepMETResponseTune Electron FatJet \
    FatJetPFCands FatJetSVs Flag FsrPhoton GenCands GenDressedLepton GenFatJetCands GenIsolatedPhoton GenJet GenJetAK8 \
    GenJetCands GenMET GenPart GenProton GenVisTau GenVtx Generator HLT HTXS IsoTrack Jet JetPFCands JetSVs L1 L1EG L1EtSum \
    L1Jet L1Mu L1PreFiringWeight L1Tau L1simulation LHE LHEPart LHEPdfWeight LHEReweightingWeight LHEScaleWeight \
    LHEWeight LowPtElectron MET METFixEE2017 Muon OtherPV PFCands PFMET PPSLocalTrack PSWeight PV Photon Pileup \
    Proton_multiRP Proton_singleRP PuppiMET RawMET RawPFMET RawPuppiMET Rho SV SoftActivityJet SubGenJetAK8 SubJet Tau \
    TauProd TauSpinner TkMET TrigObj TrkMET boostedTau btagWeight fixedGridRhoFastjetAll";

/// Collections that are neither defined nor known from NanoAOD. No file is opened.
#[must_use]
pub fn unknown_collections(analysis: &Analysis) -> Vec<Warning> {
    let standard: BTreeSet<&str> = NANOAOD.split_whitespace().collect();
    let mut used: BTreeSet<String> = pieces(analysis).iter().flat_map(Piece::collections).collect();
    used.extend(analysis.shapes.iter().flat_map(|shape| &shape.shifts).filter_map(|(of, _)| of.clone()));
    used.extend(analysis.cuts.iter().filter_map(|cut| cut.collection.clone()));
    let columns = analysis.treatments.iter().flat_map(|treatment| &treatment.columns);
    used.extend(columns.flat_map(|(list, _)| list).map(|collection| collection.collection.clone()));
    let defined: BTreeSet<&str> =
        analysis.definitions.iter().map(|definition| definition.name.as_str()).collect();
    // nBHadrons may be a variable.
    let is_defined = |name: &str| defined.contains(name) || defined.contains(format!("n{name}").as_str());
    let is_known =
        |name: &str| name.is_empty() || name == "events" || standard.contains(name) || is_defined(name);
    let known = || defined.iter().chain(&standard).copied();
    let unknown = used.iter().filter(|name| !is_known(name));
    unknown
        .map(|name| {
            let near = nearest(name, known(), 1);
            let help = near.first().map_or_else(String::new, |near| format!("; did you mean {near}?"));
            let message = format!(
                "collection '{name}' is neither defined under objects nor one that NanoAOD has{help}"
            );
            Warning { place: Some(place_of(analysis, name)), message }
        })
        .collect()
}

/// Triggers that no file has, and shifts of fields that are not there; by the table that the script has made.
///
/// # Errors
/// A table that is not there.
pub async fn unknown_branches(analysis: &Analysis, session: &Session) -> crate::Result<Vec<Warning>> {
    let provider = session.context().table_provider("events").await?;
    let Some(table) = provider.downcast_ref::<RootTable>() else { return Ok(vec![]) };
    let names = pieces(analysis);
    let triggers: BTreeSet<String> =
        names.iter().flat_map(Piece::names).filter(|name| is_trigger(name)).collect();
    let columns = table.column_names();
    let has = |name: &str| columns.contains(name);
    let help = |name: &str, known: &mut dyn Iterator<Item = &str>| {
        let near = nearest(name, known, 1);
        near.first().map_or_else(String::new, |near| format!("; did you mean {near}?"))
    };
    let mut warnings = Vec::new();
    for name in triggers.iter().filter(|name| !has(name)) {
        let help = help(name, &mut columns.iter().map(String::as_str).filter(|column| is_trigger(column)));
        let message = format!(
            "no file opened for the columns has the trigger '{name}', which counts as not fired where it is missing{help}"
        );
        warnings.push(Warning { place: Some(place_of(analysis, name)), message });
    }
    for shape in &analysis.shapes {
        for (collection, fields) in &shape.shifts {
            let of = collection.as_deref().unwrap_or("events");
            for (field, _) in fields {
                if has_field(analysis, &columns, collection.as_deref(), field, 0) {
                    continue;
                }
                let prefix = collection.as_ref().map_or_else(String::new, |name| format!("{name}_"));
                let help = help(field, &mut columns.iter().filter_map(|column| column.strip_prefix(&prefix)));
                let message = format!("'{}' shifts {of}.{field}, which no file has{help}", shape.of);
                let keys = format!("variations.shape.define.{}.{of}.{field}", shape.of);
                let warning = Warning { place: Some(analysis.place(&keys)), message };
                if !warnings.contains(&warning) {
                    warnings.push(warning);
                }
            }
        }
    }
    Ok(warnings)
}

/// Why the script cannot be planned, where that is a weight with a value for every object; by the table that the script has
/// made.
pub async fn list_weight(analysis: &Analysis, session: &Session) -> Option<AnalysisError> {
    for sql in super::translate::factors(analysis) {
        let Ok(query) = session.sql(&sql).await else { continue };
        let schema = query.schema();
        let list = schema.fields().iter().find(|field| field.data_type().is_list());
        let Some(column) = list.and_then(|field| field.name().strip_prefix("w_")) else { continue };
        let of = |(name, weight): &(&String, &Weight)| {
            *name == column || weight.variations.iter().any(|(variation, _)| variation == column)
        };
        let name = analysis.weights.iter().find(of).map_or(column, |(name, _)| name.as_str());
        let problem = format!(
            "weight '{column}' has a value for every object, and an event has one weight; take one of them, as in \
             first(…), or bring them together: (SELECT max(…) FROM …)"
        );
        return Some(AnalysisError::Value {
            place: analysis.place(&format!("weights.define.{name}")),
            problem,
        });
    }
    None
}

/// Definitions can only be made of earlier ones; this bounds the walk all the same.
const DEEPEST: usize = 64;

fn has_field(
    analysis: &Analysis,
    columns: &BTreeSet<String>,
    collection: Option<&str>,
    field: &str,
    depth: usize,
) -> bool {
    let Some(collection) = collection else {
        return columns.contains(field) || analysis.definitions.iter().any(|known| known.name == field);
    };
    let Some((_, object)) = analysis.raw.objects.iter().find(|(name, _)| *name == collection) else {
        return columns.contains(&format!("{collection}_{field}"));
    };
    let sources = object.from.iter().chain(&object.union);
    depth > DEEPEST
        || object.fields.get(field).is_some()
        || sources.into_iter().any(|from| has_field(analysis, columns, Some(from), field, depth + 1))
}

/// Something that the script evaluates.
enum Piece<'a> {
    Expr(&'a Expr),
    Query(&'a Query),
}

impl Piece<'_> {
    fn names(&self) -> BTreeSet<String> {
        match self {
            Self::Expr(expr) => names::names(*expr),
            Self::Query(query) => names::names(*query),
        }
    }

    /// Names that stand where a collection does.
    fn collections(&self) -> BTreeSet<String> {
        let mut found = Found { collections: BTreeSet::new() };
        let _always_continues = match self {
            Self::Expr(expr) => expr.visit(&mut found),
            Self::Query(query) => query.visit(&mut found),
        };
        let aliases = match self {
            Self::Expr(expr) => names::aliases(*expr),
            Self::Query(query) => names::aliases(*query),
        };
        found.collections.into_iter().filter(|name| !aliases.contains(name)).collect()
    }
}

fn pieces(analysis: &Analysis) -> Vec<Piece<'_>> {
    let definitions = analysis.definitions.iter().map(|definition| match &definition.body {
        Body::Collection(query) => Piece::Query(query),
        Body::Variable(expr) => Piece::Expr(expr),
    });
    let cuts = analysis.skim.iter().chain(&analysis.cuts).map(|cut| &cut.expr);
    let weights = analysis.weights.values().flat_map(|weight| {
        std::iter::once(&weight.nominal).chain(weight.variations.iter().map(|(_, expr)| expr))
    });
    let shifted = analysis.shapes.iter().flat_map(|shape| &shape.shifts).flat_map(|(_, fields)| fields);
    let values = analysis.histograms.iter().flat_map(|histogram| &histogram.axes).map(|axis| &axis.value);
    let expressions = cuts.chain(weights).chain(shifted.map(|(_, expr)| expr)).chain(values);
    definitions.chain(expressions.map(Piece::Expr)).collect()
}

struct Found {
    collections: BTreeSet<String>,
}

impl Visitor for Found {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::CompoundIdentifier(parts) => {
                self.collections.extend(parts.first().map(|part| part.value.clone()));
            }
            Expr::CompoundFieldAccess { root, .. } => {
                if let Expr::Identifier(name) = root.as_ref() {
                    self.collections.insert(name.value.clone());
                }
            }
            // nJet: the number of objects.
            Expr::Identifier(name) => {
                let counted = name
                    .value
                    .strip_prefix('n')
                    .filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()) && !rest.contains('_'));
                self.collections.extend(counted.map(str::to_owned));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, .. } = factor
            && let [ObjectNamePart::Identifier(name)] = name.0.as_slice()
        {
            self.collections.insert(name.value.clone());
        }
        ControlFlow::Continue(())
    }
}

/// Where a word is first in the file.
fn place_of(analysis: &Analysis, word: &str) -> Place {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let within = |line: &str| {
        line.match_indices(word).find_map(|(at, _)| {
            let before = line.get(..at).unwrap_or_default();
            let counter = before.strip_suffix('n').unwrap_or(before);
            let behind = line.get(at + word.len()..).unwrap_or_default();
            let alone = !before.ends_with(is_part) || !counter.ends_with(is_part);
            (alone && !behind.starts_with(is_part)).then(|| before.chars().count() + 1)
        })
    };
    let lines = analysis.source.text.lines().enumerate();
    let position = lines.filter_map(|(i, line)| Some((i + 1, within(line)?))).next();
    Place { file: analysis.source.path.clone(), position, path: String::new() }
}
