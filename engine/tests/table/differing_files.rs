//! Files of one table that are not alike.

use super::*;

/// NanoAOD of two versions: 40 events with `HLT_IsoMu24`, 200 without; other integer types.
fn two_versions() -> Option<(String, String)> {
    let directory = shared("nano")?;
    let path = |name: &str| directory.join(name).to_string_lossy().into_owned();
    Some((path("nano_dy.root"), path("nano_tt_v12.root")))
}

#[tokio::test]
async fn a_missing_branch_names_both_files() {
    let Some((old, new)) = two_versions() else { return };
    for list in [format!("{old},{new}"), format!("{new},{old}")] {
        let (context, _) = session(2);
        create(&context, "events", &list, "").await;
        let message = fault(&context, "SELECT count(*) FROM events WHERE HLT_IsoMu24").await;
        assert!(message.contains("branch 'HLT_IsoMu24' is in"), "{message}");
        assert!(
            message.contains("nano_dy.root but not in") && message.contains("nano_tt_v12.root;"),
            "{message}"
        );
        assert!(rows(&context, "SELECT count(MET_pt) AS n FROM events").await.contains("| 240 |"));
    }
}

#[tokio::test]
async fn a_missing_branch_is_null_when_asked() {
    let Some((old, new)) = two_versions() else { return };
    let sql = "SELECT count(HLT_IsoMu24) AS known, count(*) AS n, count(*) FILTER (WHERE HLT_IsoMu24 IS NULL) AS gone FROM events";
    for list in [format!("{old},{new}"), format!("{new},{old}")] {
        let (context, progress) = session(2);
        create(&context, "events", &list, "OPTIONS (missing_branch 'null')").await;
        let text = rows(&context, sql).await;
        assert!(text.contains("| 40    | 240 | 200  |"), "{text}");
        let warnings = progress.warnings().join("\n");
        assert!(
            warnings.contains("branch 'HLT_IsoMu24' is read as NULL where it is missing: ")
                && warnings.contains("nano_tt_v12.root"),
            "{warnings}"
        );
    }
    let (context, _) = session(2);
    create(&context, "events", &format!("{old},{new}"), "OPTIONS (missing_triggers 'false')").await;
    let text = rows(&context, sql).await;
    assert!(text.contains("| 240   | 240 | 0    |"), "{text}");
    let passed =
        rows(&context, "SELECT count(*) AS n FROM events WHERE NOT HLT_IsoMu24 OR HLT_IsoMu24").await;
    assert!(passed.contains("| 240 |"), "{passed}");
    // Only triggers are filled so.
    let message = fault(&context, "SELECT sum(cardinality(Jet_puId)) FROM events").await;
    assert!(message.contains("branch 'Jet_puId' is in"), "{message}");
}

#[tokio::test]
async fn a_missing_field_of_a_collection_is_null_for_every_object() {
    let Some((old, new)) = two_versions() else { return };
    let (context, _) = session(2);
    create(&context, "events", &format!("{old},{new}"), "OPTIONS (missing_branch 'null')").await;
    let sql = "SELECT sum(cardinality(Jet_puId)) - sum(nJet) AS difference, count(*) FILTER (WHERE Jet_puId IS NULL) AS nulls FROM events";
    let text = rows(&context, sql).await;
    assert!(text.contains("| 0          | 0     |"), "{text}");
    // The first file has the field, the second none of it.
    let sql = "SELECT count(id) AS known, count(*) AS n FROM (SELECT unnest(Jet_puId) AS id FROM events) t";
    let both = rows(&context, sql).await;
    let (one, _) = session(1);
    create(&one, "events", &old, "").await;
    let first = rows(&one, sql).await;
    let numbers = |text: &str| -> Vec<u64> {
        text.lines().nth(3).unwrap().split('|').filter_map(|part| part.trim().parse().ok()).collect()
    };
    let (both, first) = (numbers(&both), numbers(&first));
    assert_eq!(both[0], first[0]);
    assert!(both[1] > first[1], "{both:?} {first:?}");
}

#[tokio::test]
async fn a_cut_on_a_random_number_draws_it_once() {
    let Some((old, _)) = two_versions() else { return };
    let (context, _) = session(1);
    create(&context, "events", &old, "").await;
    let sql = "SELECT count(*) FILTER (WHERE r >= 0.5) AS n FROM (SELECT random() AS r FROM events) t WHERE r < 0.5";
    let text = rows(&context, sql).await;
    assert!(text.contains("| 0 |"), "{text}");
}

#[tokio::test]
async fn integers_are_widened_and_reported() {
    let Some((old, new)) = two_versions() else { return };
    for list in [format!("{old},{new}"), format!("{new},{old}")] {
        let (context, progress) = session(2);
        create(&context, "events", &list, "").await;
        let text = rows(
            &context,
            "SELECT arrow_typeof(nJet) AS t, arrow_typeof(Jet_jetId) AS l FROM events LIMIT 1",
        )
        .await;
        assert!(text.contains("Int64") && text.contains("Int32"), "{text}");
        let each =
            rows(&context, "SELECT sum(nJet) AS jets, sum(cardinality(Jet_jetId)) AS same FROM events").await;
        let numbers: Vec<&str> = each.lines().nth(3).unwrap().split('|').map(str::trim).collect();
        assert_eq!(numbers[1], numbers[2], "{each}");
        let warnings = progress.warnings().join("\n");
        assert!(warnings.contains("branch 'nJet': UInt32 is read as Int64"), "{warnings}");
        assert!(
            warnings.contains("branch 'Jet_jetId': a list of UInt8 is read as a list of Int32"),
            "{warnings}"
        );
    }
}

#[tokio::test]
async fn a_narrower_first_file_is_checked_value_by_value() {
    let Some((old, new)) = two_versions() else { return };
    let (context, progress) = session(2);
    create(&context, "events", &format!("{new},{old}"), "OPTIONS (schema 'first')").await;
    assert!(
        rows(&context, "SELECT arrow_typeof(Jet_jetId) AS t FROM events LIMIT 1").await.contains("UInt8")
    );
    rows(&context, "SELECT sum(cardinality(Jet_jetId)) FROM events").await;
    let warnings = progress.warnings().join("\n");
    assert!(
        warnings.contains("branch 'Jet_jetId': a list of Int32 is read as a list of UInt8"),
        "{warnings}"
    );
}

#[tokio::test]
async fn another_meaning_is_an_error_when_selected() {
    let Some(directory) = shared("trees") else { return };
    let path = |name: &str| directory.join(name).to_string_lossy().into_owned();
    let list = format!("{},{}", path("tree_with_jagged_array.root"), path("tree_with_large_array.root"));
    let (context, _) = session(2);
    create(&context, "t", &list, "OPTIONS (tree 't1')").await;
    let message = fault(&context, "SELECT int32_array FROM t").await;
    assert!(message.contains("branch 'int32_array' is a list of Int32 in"), "{message}");
    assert!(message.contains("tree_with_jagged_array.root but Int32 in"), "{message}");
    assert!(message.contains("tree_with_large_array.root"), "{message}");
}
