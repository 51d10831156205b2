//! A histogram drawn in characters, as wide as the terminal.

use std::fmt::Write as _;

use ana_hist::{Axis, Histogram};

use super::NamedHistogram;
use super::plot::tick_text;

/// How to draw.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Columns to fill.
    pub width: usize,
    /// Lines for the bins of one axis; more bins are joined for the eye.
    pub height: usize,
    /// Colours by ANSI sequences.
    pub color: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { width: 80, height: 50, color: false }
    }
}

/// Draws a histogram: a header with entries, sum, mean and standard deviation, then for one axis a line per bin with bounds,
/// bar and Σw ± √Σw² (flow bins included); for two axes a map of shades; for more, what they are.
pub fn draw(named: &NamedHistogram, style: Style) -> String {
    let mut out = String::new();
    header(named, style, &mut out);
    match named.histogram.axes.as_slice() {
        [axis] => bars(&named.histogram, axis, style, &mut out),
        [x, y] => map(&named.histogram, x, y, style, &mut out),
        axes => {
            for (i, axis) in axes.iter().enumerate() {
                let _infallible = writeln!(out, "  axis {}: {}", i + 1, described(axis));
            }
            out.push_str("  draw one axis with project(h, i)\n");
        }
    }
    out
}

fn header(named: &NamedHistogram, style: Style, out: &mut String) {
    let histogram = &named.histogram;
    let entries: u64 = histogram.counts.iter().sum();
    let (bold, plain) = if style.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let _infallible = write!(out, "{bold}{}{plain}  {entries} entries", named.name);
    if histogram.weighted.is_some() {
        let total = histogram.sum(true);
        let _infallible = write!(out, ", Σw {}", with_error(total.sumw, total.sumw2));
    }
    if let [axis] = histogram.axes.as_slice() {
        if let (Ok(Some(mean)), Ok(Some(deviation))) = (histogram.mean(0), histogram.std(0)) {
            let _infallible =
                write!(out, ", mean {}, std {}", significant(mean, 4), significant(deviation, 4));
        }
        if let Some(name) = &axis.name {
            let _infallible = write!(out, "  [{name}]");
        }
    }
    out.push('\n');
}

/// One line of bars.
struct Line {
    lo: String,
    hi: String,
    sumw: f64,
    sumw2: f64,
    flow: bool,
}

fn bars(histogram: &Histogram, axis: &Axis, style: Style, out: &mut String) {
    let joined = axis.bins().div_ceil(style.height.max(1)).max(1);
    let lines = lines(histogram, axis, joined);
    let values: Vec<String> = lines.iter().map(|l| with_error(l.sumw, l.sumw2)).collect();
    let longest = |f: &dyn Fn(&Line) -> usize| lines.iter().map(f).max().unwrap_or(0);
    let lo_width = longest(&|l| l.lo.chars().count());
    let hi_width = longest(&|l| l.hi.chars().count());
    let value_width = values.iter().map(|v| v.chars().count()).max().unwrap_or(0);
    // "[lo, hi) bar value"
    let numeric = axis.is_numeric();
    let bounds = if numeric { lo_width + hi_width + 4 } else { lo_width };
    let room = style.width.saturating_sub(bounds + value_width + 4).max(8);
    let extreme =
        lines.iter().filter(|l| !l.flow && l.sumw.is_finite()).map(|l| l.sumw.abs()).fold(0.0, f64::max);
    for (line, value) in lines.iter().zip(&values) {
        if numeric {
            let open = if line.lo == "-inf" { '(' } else { '[' };
            let _infallible = write!(out, "{open}{:>lo_width$}, {:>hi_width$})", line.lo, line.hi);
        } else {
            let _infallible = write!(out, "{:<lo_width$}", line.lo);
        }
        let bar = bar(line.sumw, extreme, room);
        let (on, off) = match (style.color, line.flow, line.sumw < 0.0) {
            (false, ..) => ("", ""),
            (true, true, _) => ("\x1b[2m", "\x1b[0m"),
            (true, false, true) => ("\x1b[31m", "\x1b[0m"),
            (true, false, false) => ("\x1b[34m", "\x1b[0m"),
        };
        let _infallible = writeln!(out, "  {on}{bar:<room$}{off}  {value:>value_width$}");
    }
    if joined > 1 {
        let _infallible = writeln!(out, "({joined} bins in a line)");
    }
}

fn lines(histogram: &Histogram, axis: &Axis, joined: usize) -> Vec<Line> {
    let (sumw, sumw2) = (histogram.sumws(), histogram.sumw2s());
    let sum =
        |values: &[f64], from: usize, to: usize| values.get(from..to).map_or(0.0, |v| v.iter().sum::<f64>());
    let mut lines = Vec::new();
    let mut add = |from: usize, to: usize, lo: String, hi: String, flow: bool| {
        lines.push(Line { lo, hi, sumw: sum(&sumw, from, to), sumw2: sum(&sumw2, from, to), flow });
    };
    let bins = axis.bins();
    if axis.is_numeric() {
        let edge = |i: usize| significant(axis.edge(i), 6);
        add(0, 1, "-inf".to_owned(), edge(0), true);
        for first in (0..bins).step_by(joined) {
            let end = (first + joined).min(bins);
            add(first + 1, end + 1, edge(first), edge(end), false);
        }
        add(bins + 1, bins + 2, edge(bins), "inf".to_owned(), true);
    } else {
        for first in (0..bins).step_by(joined) {
            let end = (first + joined).min(bins);
            let label = axis.label(first).unwrap_or_default();
            let label = if end - first > 1 { format!("{label} …") } else { label.to_owned() };
            add(first, end, label, String::new(), false);
        }
        if axis.extent() > bins {
            add(bins, bins + 1, "(other)".to_owned(), String::new(), true);
        }
    }
    lines
}

/// A bar of eighths of a character; flow bins may be larger than the rest and are cut.
fn bar(value: f64, extreme: f64, room: usize) -> String {
    if !value.is_finite() || extreme <= 0.0 {
        return String::new();
    }
    let eighths = eighths(value.abs() / extreme, room);
    let mut bar = "█".repeat(eighths / 8);
    if let Some(part) = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"].get(eighths % 8) {
        bar.push_str(part);
    }
    bar
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of a line, at most as many characters as a terminal is wide"
)]
fn eighths(part: f64, room: usize) -> usize {
    (part.clamp(0.0, 1.0) * (room * 8) as f64).round() as usize
}

/// A map of shades, the second axis upwards.
fn map(histogram: &Histogram, x: &Axis, y: &Axis, style: Style, out: &mut String) {
    let label_width = 10;
    let room = style.width.saturating_sub(label_width + 3).max(8);
    let (across, up) = (x.bins().div_ceil(room).max(1), y.bins().div_ceil(style.height.max(1)).max(1));
    let wide = (room / x.bins().div_ceil(across).max(1)).clamp(1, 4);
    let sumw = histogram.sumws();
    let offset = |axis: &Axis| usize::from(axis.is_numeric());
    let cell = |i: usize, j: usize| {
        let mut sum = 0.0;
        for a in i..(i + across).min(x.bins()) {
            for b in j..(j + up).min(y.bins()) {
                sum += sumw.get((a + offset(x)) * y.extent() + b + offset(y)).copied().unwrap_or(0.0);
            }
        }
        sum
    };
    let columns: Vec<usize> = (0..x.bins()).step_by(across).collect();
    let rows: Vec<usize> = (0..y.bins()).step_by(up).collect();
    let all = rows.iter().flat_map(|&j| columns.iter().map(move |&i| (i, j)));
    let extreme = all.map(|(i, j)| cell(i, j).abs()).filter(|v| v.is_finite()).fold(0.0, f64::max);
    for &j in rows.iter().rev() {
        let label = y.label(j).map_or_else(|| significant(y.edge(j), 6), str::to_owned);
        let label: String = label.chars().take(label_width).collect();
        let _infallible = write!(out, "{label:>label_width$} │");
        for &i in &columns {
            out.push_str(&shade(cell(i, j), extreme).to_string().repeat(wide));
        }
        out.push_str("│\n");
    }
    let width = columns.len() * wide;
    let (lo, hi) = (significant(x.edge(0), 6), significant(x.edge(x.bins()), 6));
    let gap = width.saturating_sub(lo.len() + hi.len());
    let _infallible = writeln!(out, "{:>label_width$}  {lo}{}{hi}", "", " ".repeat(gap.max(1)));
    let names = (x.name.as_deref().unwrap_or("axis 1"), y.name.as_deref().unwrap_or("axis 2"));
    let full = tick_text(extreme);
    let _infallible =
        writeln!(out, "  {} across, {} up; █ is {full}; flow bins are not drawn", names.0, names.1);
}

fn shade(value: f64, extreme: f64) -> char {
    const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
    if value == 0.0 || !value.is_finite() || extreme <= 0.0 {
        return ' ';
    }
    // Something is never drawn as nothing.
    let level = (eighths(value.abs() / extreme, 1) / 2).clamp(1, 4);
    SHADES.get(level).copied().unwrap_or('█')
}

fn described(axis: &Axis) -> String {
    axis.name.as_ref().map_or_else(|| axis.to_string(), |name| format!("{name}, {axis}"))
}

/// `123.4 ± 5.6`, the error to two digits and the value to the same place.
fn with_error(sumw: f64, sumw2: f64) -> String {
    let error = sumw2.sqrt();
    if sumw == 0.0 && sumw2 == 0.0 {
        return "0".to_owned();
    }
    if !sumw.is_finite() || !error.is_finite() || error == 0.0 {
        return format!("{} ± {}", significant(sumw, 6), significant(error, 2));
    }
    let whole = sumw.fract() == 0.0 && sumw.abs() < 1e15;
    let place = 1 - magnitude(error);
    if (0..=9).contains(&place) && sumw.abs() < 1e9 {
        let digits = usize::try_from(place).unwrap_or(0);
        // Counts are whole: 25 ± 5.0, not 25.0 ± 5.0.
        let value = if whole { format!("{sumw:.0}") } else { format!("{sumw:.digits$}") };
        return format!("{value} ± {error:.digits$}");
    }
    if place < 0 && sumw.abs() < 1e15 {
        return format!("{sumw:.0} ± {error:.0}");
    }
    format!("{sumw:.5e} ± {error:.1e}")
}

/// The power of ten of the first digit.
#[allow(clippy::cast_possible_truncation, reason = "the exponent of an f64 is within ±324")]
fn magnitude(x: f64) -> i32 {
    x.abs().log10().floor() as i32
}

/// A number with so many digits that count, without trailing zeros.
fn significant(x: f64, digits: i32) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x:.0}");
    }
    let magnitude = magnitude(x);
    if !(-4..9).contains(&magnitude) {
        let places = usize::try_from(digits - 1).unwrap_or(0);
        return format!("{x:.places$e}");
    }
    let places = usize::try_from((digits - 1 - magnitude).max(0)).unwrap_or(0);
    let text = format!("{x:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_errors() {
        for (w, w2, text) in [
            (25.0, 25.0, "25 ± 5.0"),
            (1234.0, 1234.0, "1234 ± 35"),
            (0.0, 0.0, "0"),
            (12.3456, 0.0144, "12.35 ± 0.12"),
            (123_456_789.0, 1e12, "123456789 ± 1000000"),
            (1e-12, 1e-26, "1.00000e-12 ± 1.0e-13"),
            (f64::NAN, 1.0, "NaN ± 1"),
        ] {
            assert_eq!(with_error(w, w2), text);
        }
    }

    #[test]
    fn numbers_are_short() {
        for (x, text) in [
            (0.0, "0"),
            (200.0, "200"),
            (0.1 + 0.2, "0.3"),
            (-2.4, "-2.4"),
            (1e12, "1.00000e12"),
            (1234.5678, "1234.57"),
        ] {
            assert_eq!(significant(x, 6), text);
        }
    }

    #[test]
    fn bars_are_cut_at_the_room() {
        assert_eq!(bar(1.0, 1.0, 4), "████");
        assert_eq!(bar(99.0, 1.0, 4), "████");
        assert_eq!(bar(0.5, 4.0, 4), "▌");
        assert_eq!(bar(f64::NAN, 1.0, 4), "");
    }
}
