//! The cutflow of an analysis, as people read it.

use std::fmt::Write as _;

use ana_engine::analysis::CutflowRow;

use crate::report::thousands;

/// A line per step: events, then what they weigh, and how far each variation goes from nominal. A variation that changes
/// nothing is left out: a category without it is filled with nominal weights.
pub(crate) fn text(rows: &[CutflowRow]) -> String {
    let mut out = String::new();
    let mut last = ("", "");
    let width = rows.iter().map(|row| row.step.chars().count()).max().unwrap_or(0).max(8);
    let mut generated = None;
    for row in rows.iter().filter(|row| row.variation == "nominal") {
        if last != (&row.dataset, &row.sample) {
            last = (&row.dataset, &row.sample);
            let _infallible = writeln!(out, "{} ({})", row.dataset, row.sample);
        }
        let padding = " ".repeat(width.saturating_sub(row.step.chars().count()));
        let _infallible = write!(out, "  {}{padding}  {:>14}", row.step, thousands(row.events));
        if let (Some(sumw), Some(sumw2)) = (row.sumw, row.sumw2) {
            let _infallible = write!(out, "  {sumw:>14.6e} ± {:.3e}", sumw2.sqrt());
        }
        if row.step == "initial" {
            generated = row.sum_genweights;
        }
        if let Some(sum) = row.sum_genweights {
            let _infallible = write!(out, "  Σ genWeight {sum:.6e}");
            if let Some(all) = generated.filter(|all| *all != 0.0 && row.step != "initial") {
                let _infallible = write!(out, " ({:.2} %)", 100.0 * sum / all);
            }
        }
        let same = |other: &&CutflowRow| {
            (&other.dataset, &other.sample, &other.step) == (&row.dataset, &row.sample, &row.step)
                && other.variation != "nominal"
                && (other.events, other.sumw, other.sumw2) != (row.events, row.sumw, row.sumw2)
        };
        for other in rows.iter().filter(same) {
            let _infallible = match (row.sumw, other.sumw) {
                (Some(nominal), Some(varied)) if nominal != 0.0 => {
                    write!(out, "  {} {:+.2} %", other.variation, 100.0 * (varied / nominal - 1.0))
                }
                _ => write!(out, "  {} {}", other.variation, thousands(other.events)),
            };
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: &str, variation: &str, sumw: Option<f64>, genweights: Option<f64>) -> CutflowRow {
        CutflowRow {
            sample: "mc".to_owned(),
            dataset: "mc_2018".to_owned(),
            step: step.to_owned(),
            variation: variation.to_owned(),
            events: 10,
            sumw,
            sumw2: sumw,
            sum_genweights: genweights,
        }
    }

    #[test]
    fn variations_that_change_nothing_are_not_told() {
        let rows = [
            row("initial", "nominal", None, Some(200.0)),
            row("skim", "nominal", None, Some(50.0)),
            row("4b", "nominal", Some(4.0), None),
            row("4b", "sf_btagUp", Some(5.0), None),
            row("1b", "nominal", Some(4.0), None),
            row("1b", "sf_btagUp", Some(4.0), None),
        ];
        let told = text(&rows);
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[1].contains("Σ genWeight 2.000000e2") && !lines[1].contains('%'), "{told}");
        assert!(lines[2].ends_with("Σ genWeight 5.000000e1 (25.00 %)"), "{told}");
        assert!(lines[3].ends_with("sf_btagUp +25.00 %"), "{told}");
        assert!(!lines[4].contains("sf_btagUp"), "{told}");
    }
}
