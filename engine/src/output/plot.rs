//! Histograms drawn: one panel each, in a grid.
//!
//! A histogram of one axis is an outline with an error bar of √Σw² per bin; flow bins are told in numbers. One of two axes is a heat map
//! with its scale. Bins are as wide as their edges say; a logarithmic axis is drawn logarithmically. More than two axes are told in words.

use ana_hist::{Axis, AxisKind, Histogram, Transform};

use super::NamedHistogram;
use super::scene::{Anchor, Item, Rgb, Scene, Text};

const BLACK: Rgb = Rgb(0, 0, 0);
const GREY: Rgb = Rgb(200, 200, 200);
const BLUE: Rgb = Rgb(31, 90, 166);
const PANEL: (f64, f64) = (520.0, 380.0);
/// Room for labels: left, right, top, bottom.
const MARGIN: (f64, f64, f64, f64) = (72.0, 24.0, 34.0, 62.0);

/// All histograms of a result.
pub(super) fn scene(histograms: &[NamedHistogram]) -> Scene {
    let columns = (1..).find(|c| c * c >= histograms.len()).unwrap_or(1);
    let rows = histograms.len().div_ceil(columns).max(1);
    let mut scene =
        Scene { width: PANEL.0 * as_f64(columns), height: PANEL.1 * as_f64(rows), items: Vec::new() };
    for (i, named) in histograms.iter().enumerate() {
        let frame = Frame {
            left: PANEL.0 * as_f64(i % columns) + MARGIN.0,
            right: PANEL.0 * as_f64(i % columns + 1) - MARGIN.1,
            top: PANEL.1 * as_f64(i / columns) + MARGIN.2,
            bottom: PANEL.1 * as_f64(i / columns + 1) - MARGIN.3,
        };
        panel(&mut scene, frame, named);
    }
    scene
}

#[allow(clippy::cast_precision_loss, reason = "counts of panels, bins and ticks")]
fn as_f64(n: usize) -> f64 {
    n as f64
}

/// The inside of a panel.
#[derive(Debug, Clone, Copy)]
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

fn panel(scene: &mut Scene, frame: Frame, named: &NamedHistogram) {
    let histogram = &named.histogram;
    scene.items.push(Item::Text(Text {
        x: frame.left,
        y: frame.top - 12.0,
        text: named.name.clone(),
        anchor: Anchor::Start,
        upright: false,
        large: true,
    }));
    match histogram.axes.as_slice() {
        [x] => outline(scene, frame, histogram, x),
        [x, y] => heat_map(scene, frame, histogram, x, y),
        axes => {
            let text = format!("{} axes: draw project(h, i)", axes.len());
            scene.label(
                f64::midpoint(frame.left, frame.right),
                f64::midpoint(frame.top, frame.bottom),
                Anchor::Middle,
                text,
            );
        }
    }
    border(scene, frame);
}

fn border(scene: &mut Scene, f: Frame) {
    scene.horizontal(f.left, f.right, f.top, 1.0, BLACK);
    scene.horizontal(f.left, f.right, f.bottom, 1.0, BLACK);
    scene.vertical(f.left, f.top, f.bottom, 1.0, BLACK);
    scene.vertical(f.right, f.top, f.bottom, 1.0, BLACK);
}

/// From values to pixels.
#[derive(Debug, Clone, Copy)]
struct Scale {
    from: (f64, f64),
    to: (f64, f64),
    logarithmic: bool,
}

impl Scale {
    fn of_axis(axis: &Axis, to: (f64, f64)) -> Self {
        let logarithmic = matches!(axis.kind, AxisKind::Regular { transform: Transform::Log, .. });
        Self { from: (axis.edge(0), axis.edge(axis.bins())), to, logarithmic }
    }

    fn at(&self, x: f64) -> f64 {
        let bend = |x: f64| if self.logarithmic { x.ln() } else { x };
        let (lo, hi) = (bend(self.from.0), bend(self.from.1));
        // A flat or broken range is drawn in the middle.
        let part = if hi > lo && x.is_finite() { ((bend(x) - lo) / (hi - lo)).clamp(0.0, 1.0) } else { 0.5 };
        self.to.0 + part * (self.to.1 - self.to.0)
    }

    /// Round values inside, about `wanted` of them.
    fn ticks(&self, wanted: usize) -> Vec<f64> {
        let (lo, hi) = self.from;
        if self.logarithmic {
            let mut ticks = Vec::new();
            let mut decade = 10f64.powf(lo.log10().floor());
            while decade <= hi && ticks.len() < 40 {
                ticks.extend(
                    [1.0, 2.0, 5.0].map(|m| m * decade).into_iter().filter(|t| (lo..=hi).contains(t)),
                );
                decade *= 10.0;
            }
            if ticks.len() > wanted * 2 {
                ticks.retain(|t| (t.log10() - t.log10().round()).abs() < 1e-9);
            }
            return ticks;
        }
        let step = round_step((hi - lo) / as_f64(wanted.max(1)));
        if !(step > 0.0 && step.is_finite()) {
            return vec![lo];
        }
        let first = (lo / step).ceil();
        let tick = |i: usize| (first + as_f64(i)) * step;
        (0..50).map(tick).take_while(|t| *t <= hi + step * 1e-9).collect()
    }
}

/// 1, 2 or 5 times a power of ten, not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let round = [1.0, 2.0, 5.0].into_iter().map(|m| m * power).find(|s| *s >= step * (1.0 - 1e-9));
    round.unwrap_or(10.0 * power)
}

/// A tick's text: short, and never `0.30000000000000004`.
pub(super) fn tick_text(x: f64) -> String {
    if x == 0.0 {
        return "0".to_owned();
    }
    if !(1e-3..1e6).contains(&x.abs()) {
        let text = format!("{x:.3e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits =
            if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
        return format!("{digits}e{exponent}");
    }
    let text = format!("{x:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn outline(scene: &mut Scene, frame: Frame, histogram: &Histogram, axis: &Axis) {
    let (sumw, sumw2) = (histogram.sumws(), histogram.sumw2s());
    let bins: Vec<(f64, f64)> = axis
        .in_range()
        .map(|i| {
            let error = sumw2.get(i).map_or(0.0, |v| v.sqrt());
            (sumw.get(i).copied().unwrap_or(0.0), error)
        })
        .collect();
    let finite = |x: f64| if x.is_finite() { x } else { 0.0 };
    let top = bins.iter().map(|(w, e)| finite(w + e)).fold(0.0, f64::max);
    let low = bins.iter().map(|(w, e)| finite(w - e)).fold(0.0, f64::min);
    let room = if top > low { (top - low) * 0.08 } else { 1.0 };
    let x = Scale::of_axis(axis, (frame.left, frame.right));
    let y = Scale {
        from: (if low < 0.0 { low - room } else { 0.0 }, top + room),
        to: (frame.bottom, frame.top),
        logarithmic: false,
    };
    let mut before = y.at(0.0);
    for (i, &(w, error)) in bins.iter().enumerate() {
        let (x0, x1) = (x.at(axis.edge(i)), x.at(axis.edge(i + 1)));
        let height = y.at(finite(w));
        scene.vertical(x0, before, height, 1.5, BLUE);
        scene.horizontal(x0 - 0.75, x1 + 0.75, height, 1.5, BLUE);
        if error > 0.0 && error.is_finite() && w.is_finite() {
            scene.vertical(f64::midpoint(x0, x1), y.at(w - error), y.at(w + error), 1.0, BLUE);
        }
        before = height;
    }
    scene.vertical(frame.right, before, y.at(0.0), 1.5, BLUE);
    if low < 0.0 {
        scene.horizontal(frame.left, frame.right, y.at(0.0), 0.5, GREY);
    }
    x_ticks(scene, frame, axis, &x);
    y_ticks(scene, frame, &y);
    upright(scene, frame.left - 56.0, f64::midpoint(frame.top, frame.bottom), weight_label(histogram));
    let note = flow_note(histogram, axis);
    scene.label(frame.left, frame.bottom + 52.0, Anchor::Start, note);
}

fn weight_label(histogram: &Histogram) -> &'static str {
    if histogram.weighted.is_some() { "Σw" } else { "entries" }
}

/// The entries, and what lies beside the axis.
fn flow_note(histogram: &Histogram, axis: &Axis) -> String {
    let sumw = histogram.sumws();
    let entries: u64 = histogram.counts.iter().sum();
    let mut note = format!("{entries} entries");
    let at = |i: usize| tick_text(sumw.get(i).copied().unwrap_or(0.0));
    if axis.is_numeric() {
        note.push_str(&format!(", underflow {}, overflow {}", at(0), at(axis.bins() + 1)));
    } else if axis.extent() > axis.bins() {
        note.push_str(&format!(", other {}", at(axis.bins())));
    }
    note
}

fn x_ticks(scene: &mut Scene, frame: Frame, axis: &Axis, scale: &Scale) {
    let bins = axis.bins();
    if axis.is_numeric() {
        for tick in scale.ticks(8) {
            let x = scale.at(tick);
            scene.vertical(x, frame.bottom, frame.bottom - 6.0, 1.0, BLACK);
            scene.label(x, frame.bottom + 18.0, Anchor::Middle, tick_text(tick));
        }
    } else {
        let fits = ((frame.right - frame.left) / as_f64(bins.max(1)) / 7.0).max(3.0);
        for i in 0..bins {
            let x = f64::midpoint(scale.at(axis.edge(i)), scale.at(axis.edge(i + 1)));
            scene.label(x, frame.bottom + 18.0, Anchor::Middle, shortened(axis.label(i).unwrap_or(""), fits));
        }
    }
    if let Some(name) = &axis.name {
        scene.label(frame.right, frame.bottom + 36.0, Anchor::End, name.as_str());
    }
}

fn shortened(label: &str, fits: f64) -> String {
    if as_f64(label.chars().count()) <= fits {
        return label.to_owned();
    }
    let mut short: String =
        label.chars().enumerate().take_while(|(i, _)| as_f64(*i) < fits - 1.0).map(|(_, c)| c).collect();
    short.push('~');
    short
}

fn y_ticks(scene: &mut Scene, frame: Frame, scale: &Scale) {
    for tick in scale.ticks(6) {
        let y = scale.at(tick);
        scene.horizontal(frame.left, frame.left + 6.0, y, 1.0, BLACK);
        scene.label(frame.left - 6.0, y + 4.0, Anchor::End, tick_text(tick));
    }
}

fn upright(scene: &mut Scene, x: f64, y: f64, text: &str) {
    scene.items.push(Item::Text(Text {
        x,
        y,
        text: text.to_owned(),
        anchor: Anchor::Middle,
        upright: true,
        large: false,
    }));
}

fn heat_map(scene: &mut Scene, frame: Frame, histogram: &Histogram, x_axis: &Axis, y_axis: &Axis) {
    let frame_inside = Frame { right: frame.right - 64.0, ..frame };
    let x = Scale::of_axis(x_axis, (frame_inside.left, frame_inside.right));
    let y = Scale::of_axis(y_axis, (frame.bottom, frame.top));
    let sumw = histogram.sumws();
    let cell = |i: usize, j: usize| sumw.get(i * y_axis.extent() + j).copied().unwrap_or(0.0);
    let all = x_axis.in_range().flat_map(|i| y_axis.in_range().map(move |j| (i, j)));
    let finite: Vec<f64> = all.map(|(i, j)| cell(i, j)).filter(|v| v.is_finite()).collect();
    let (low, top) = (finite.iter().copied().fold(0.0, f64::min), finite.iter().copied().fold(0.0, f64::max));
    let z = Scale { from: (low, top), to: (0.0, 1.0), logarithmic: false };
    for (a, i) in x_axis.in_range().enumerate() {
        let (x0, x1) = (x.at(x_axis.edge(a)), x.at(x_axis.edge(a + 1)));
        for (b, j) in y_axis.in_range().enumerate() {
            let value = cell(i, j);
            if value == 0.0 || !value.is_finite() {
                continue; // empty bins stay white
            }
            let (y0, y1) = (y.at(y_axis.edge(b)), y.at(y_axis.edge(b + 1)));
            scene.rect(x0, y1, x1 - x0, y0 - y1, heat(z.at(value)));
        }
    }
    x_ticks(scene, frame_inside, x_axis, &x);
    if y_axis.is_numeric() {
        y_ticks(scene, frame, &y);
    } else {
        for i in 0..y_axis.bins() {
            let at = f64::midpoint(y.at(y_axis.edge(i)), y.at(y_axis.edge(i + 1)));
            scene.label(
                frame.left - 6.0,
                at + 4.0,
                Anchor::End,
                shortened(y_axis.label(i).unwrap_or(""), 9.0),
            );
        }
    }
    upright(
        scene,
        frame.left - 56.0,
        f64::midpoint(frame.top, frame.bottom),
        y_axis.name.as_deref().unwrap_or(""),
    );
    color_bar(scene, frame, (low, top));
    scene.vertical(frame_inside.right, frame.top, frame.bottom, 1.0, BLACK);
    let entries: u64 = histogram.counts.iter().sum();
    scene.label(
        frame.left,
        frame.bottom + 52.0,
        Anchor::Start,
        format!("{entries} entries, flow bins included"),
    );
}

fn color_bar(scene: &mut Scene, frame: Frame, from: (f64, f64)) {
    const STEPS: usize = 64;
    let (left, right) = (frame.right - 56.0, frame.right - 40.0);
    let height = (frame.bottom - frame.top) / as_f64(STEPS);
    for i in 0..STEPS {
        let part = as_f64(i) / as_f64(STEPS - 1);
        scene.rect(left, frame.bottom - height * as_f64(i + 1), right - left, height + 0.5, heat(part));
    }
    let scale = Scale { from, to: (frame.bottom, frame.top), logarithmic: false };
    for tick in scale.ticks(5) {
        scene.label(right + 4.0, scale.at(tick) + 4.0, Anchor::Start, tick_text(tick));
    }
}

/// White-blue over green to yellow, readable in grey and by the colour-blind.
fn heat(part: f64) -> Rgb {
    const STOPS: [(f64, f64, f64); 5] = [
        (226.0, 232.0, 245.0),
        (120.0, 160.0, 214.0),
        (52.0, 110.0, 160.0),
        (40.0, 70.0, 110.0),
        (20.0, 24.0, 60.0),
    ];
    let scaled = part.clamp(0.0, 1.0) * 4.0;
    let stop = (0..4).rev().find(|&i| scaled >= as_f64(i)).unwrap_or(0);
    let t = (scaled - as_f64(stop)).min(1.0);
    let (a, b) = (STOPS.get(stop), STOPS.get(stop + 1));
    let (Some(a), Some(b)) = (a, b) else { return BLACK };
    let mix = |a: f64, b: f64| channel(a + t * (b - a));
    Rgb(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255 first")]
fn channel(x: f64) -> u8 {
    x.round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let scale = |lo, hi| Scale { from: (lo, hi), to: (0.0, 1.0), logarithmic: false };
        assert_eq!(scale(0.0, 200.0).ticks(8), [0.0, 50.0, 100.0, 150.0, 200.0]);
        assert_eq!(scale(-2.4, 2.4).ticks(6).first(), Some(&-2.0));
        assert_eq!(scale(3.0, 3.0).ticks(6), [3.0]);
        let log = Scale { from: (1.0, 1000.0), to: (0.0, 1.0), logarithmic: true };
        assert_eq!(log.ticks(4), [1.0, 10.0, 100.0, 1000.0]);
        assert!((log.at(10.0) - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn tick_texts_are_short() {
        for (x, text) in [
            (0.1 + 0.2, "0.3"),
            (-50.0, "-50"),
            (2.5e7, "2.5e7"),
            (1e-9, "1e-9"),
            (0.0, "0"),
            (1e5, "100000"),
        ] {
            assert_eq!(tick_text(x), text);
        }
    }
}
