//! Every factory, with its exact meaning.

use super::*;
use crate::analysis::config::Parameters as RawParameters;
use crate::analysis::dataset::Dataset;
use crate::analysis::locate::Source;
use crate::analysis::parameter::Parameters;

const PARAMETERS: &str = "
btagging: {working_point: {'2017': {btagging_algorithm: btagDeepFlavB, btagging_WP: {M: 0.3040}}, '2018': {btagging_algorithm: btagDeepFlavB, btagging_WP: {M: 0.2783}}}}
HLT_triggers: {'2017': {SingleMuon: [IsoMu27], SingleEle: [Ele35]}, '2018': {SingleMuon: [HLT_IsoMu24], SingleEle: [Ele32, Ele28]}}
event_flags: {'2017': [goodVertices], '2018': [goodVertices]}
event_flags_data: {'2017': [eeBadScFilter], '2018': [eeBadScFilter]}
lumi: {goldenJSON: {'2017': golden.json, '2018': golden.json}}
";

fn dataset(sample: &str, year: &str, primary: Option<&str>) -> Dataset {
    Dataset {
        name: format!("{sample}_{year}"),
        sample: sample.to_owned(),
        year: year.to_owned(),
        is_mc: primary.is_none(),
        xsec: None,
        sum_genweights: None,
        primary_dataset: primary.map(str::to_owned),
        files: vec![],
        paths: vec![],
        events: None,
    }
}

/// Name and SQL of a cut over these datasets.
fn made(yaml: &str, datasets: &[Dataset]) -> (String, String) {
    let source = Source::new(std::path::Path::new("/conf/a.yaml"), String::new());
    let raw = RawParameters { files: vec![], values: serde_yaml::from_str(PARAMETERS).unwrap() };
    let parameters = Parameters::load(&raw, &source, std::path::Path::new("")).unwrap();
    let reader = Reader { source: &source, parameters: &parameters, datasets };
    let cuts = Cuts { reader: &reader, named: &Ordered::default(), warnings: RefCell::default() };
    let raw: config::Cut = serde_yaml::from_str(yaml).unwrap();
    let cut = cuts.read(&raw, &Way::default(), "own").unwrap();
    (cut.name, cut.expr.to_string())
}

fn simulated(yaml: &str) -> (String, String) {
    made(yaml, &[dataset("mc", "2018", None)])
}

#[test]
fn thresholds_are_inclusive_or_not_as_in_the_field() {
    for (yaml, name, sql) in [
        ("get_nObj_min: {N: 4}", "nJetGood_min4", "nJetGood >= 4"),
        (
            "get_nObj_min: {n: 4, minpt: 15, coll: Jet}",
            "nJet_min4_pt15",
            "(SELECT count(*) FROM Jet AS o WHERE o.pt >= 15) >= 4",
        ),
        ("get_nObj_min: {N: 4, minpt: 0}", "nJetGood_min4", "nJetGood >= 4"),
        (
            "get_nObj_eq: {N: 1, minpt: 20.5, coll: MuonGood, name: one}",
            "one",
            "(SELECT count(*) FROM MuonGood AS o WHERE o.pt >= 20.5) = 1",
        ),
        ("get_nObj_less: {N: 3}", "nJetGood_less3", "nJetGood < 3"),
        ("get_nBtagMin: {N: 2}", "nBJetGood_btagMin2_pt0", "nBJetGood >= 2"),
        (
            "get_nBtagEq: {N: 2, coll: JetGood, minpt: 30}",
            "nJetGood_btagEq2_pt30",
            "(SELECT count(*) FROM JetGood AS o WHERE o.btagDeepFlavB > 0.2783 AND o.pt >= 30) = 2",
        ),
        (
            "get_nElectron: {N: 1, minpt: 30}",
            "nElectronGood_1_pt30",
            "(SELECT count(*) FROM ElectronGood AS o WHERE o.pt > 30) >= 1",
        ),
        ("get_nMuon: {N: 1}", "nMuonGood_1_pt0", "(SELECT count(*) FROM MuonGood AS o WHERE o.pt > 0) >= 1"),
        ("get_nPVgood: {N: 1}", "nPVgood_1", "PV_npvsGood >= 1"),
        ("count_objects_gt: {object: Jet, value: 2}", "nJet_gt2", "nJet > 2"),
        ("passthrough", "passthrough", "true"),
        ("goldenJson", "golden_json_lumi", "true"),
        ("eventFlags", "event_flags", "Flag_goodVertices"),
        ("MET_pt > 20", "own", "MET_pt > 20"),
        (
            "get_HLTsel_custom: {trigger_list: [HLT_A, B], invert: true}",
            "HLT_trigger_HLT_A_B",
            "NOT (HLT_A OR HLT_B)",
        ),
    ] {
        assert_eq!(simulated(yaml), (name.to_owned(), sql.to_owned()), "{yaml}");
    }
}

#[test]
fn a_path_of_2017_needs_an_electron_that_passed_the_last_filter() {
    let electron = "HLT_Ele32_WPTight_Gsf_L1DoubleEG AND EXISTS (SELECT 1 FROM TrigObj AS t WHERE t.id = 11 AND (t.filterBits & 1024) = 1024)";
    let yaml = "get_HLTsel_custom: {trigger_list: [Ele32_WPTight_Gsf_L1DoubleEG, IsoMu27]}";
    assert_eq!(made(yaml, &[dataset("mc", "2017", None)]).1, format!("({electron}) OR HLT_IsoMu27"));
    assert_eq!(simulated(yaml).1, "HLT_Ele32_WPTight_Gsf_L1DoubleEG OR HLT_IsoMu27");
}

#[test]
fn what_depends_on_the_dataset_is_a_case() {
    let all = [
        dataset("mc", "2017", None),
        dataset("mc", "2018", None),
        dataset("mu", "2018", Some("SingleMuon")),
        dataset("ele", "2018", Some("SingleEle")),
    ];
    assert_eq!(
        made("get_HLTsel", &all).1,
        "CASE WHEN (\"year\" = '2017' AND is_mc) THEN HLT_IsoMu27 OR HLT_Ele35 \
         WHEN (\"year\" = '2018' AND is_mc) THEN HLT_IsoMu24 OR HLT_Ele32 OR HLT_Ele28 \
         WHEN (\"year\" = '2018' AND (NOT is_mc) AND primaryDataset = 'SingleMuon') THEN HLT_IsoMu24 \
         WHEN (\"year\" = '2018' AND (NOT is_mc) AND primaryDataset = 'SingleEle') THEN HLT_Ele32 OR HLT_Ele28 END"
            .replace("\"year\"", &syntax::ident("year").to_string())
            .replace("AND (NOT is_mc) AND", "AND NOT is_mc AND")
    );
    assert_eq!(
        made("get_HLTsel: {primaryDatasets: [SingleMuon], invert: true}", &all[1..]).1,
        "NOT HLT_IsoMu24"
    );
    assert_eq!(
        made("goldenJson", &all[1..3]).1,
        "CASE WHEN is_mc THEN true WHEN (NOT is_mc AND primaryDataset = 'SingleMuon') THEN golden_json(run, luminosityBlock, '/conf/golden.json') END"
    );
}
