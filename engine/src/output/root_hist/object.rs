//! One histogram as ROOT streams it.

use ana_hist::{Axis, AxisKind, Histogram, Transform};

use super::super::bin_rows::step;
use super::buffer::Buffer;

/// The class of a histogram with so many axes.
pub(super) fn class(dimensions: usize) -> &'static str {
    match dimensions {
        1 => "TH1D",
        2 => "TH2D",
        _ => "TH3D",
    }
}

/// Writes a histogram of one to three dimensions.
pub(super) fn serialize(histogram: &Histogram, name: &str, out: &mut Buffer) {
    let cells = Cells::of(histogram);
    let moments = Moments::of(histogram, &cells);
    let version = if histogram.axes.len() == 1 { 3 } else { 4 };
    out.versioned(version, |b| {
        match histogram.axes.len() {
            1 => th1(b, histogram, name, &cells, &moments),
            2 => b.versioned(5, |b| {
                th1(b, histogram, name, &cells, &moments);
                b.f64(1.0); // scale factor
                b.f64(moments.first[1]);
                b.f64(moments.second[1]);
                b.f64(moments.mixed[0]);
            }),
            _ => b.versioned(6, |b| {
                th1(b, histogram, name, &cells, &moments);
                b.versioned(1, |_| {}); // TAtt3D is empty
                b.f64(moments.first[1]);
                b.f64(moments.second[1]);
                b.f64(moments.mixed[0]);
                b.f64(moments.first[2]);
                b.f64(moments.second[2]);
                b.f64(moments.mixed[1]);
                b.f64(moments.mixed[2]);
            }),
        }
        b.array(&cells.sumw);
    });
}

fn th1(out: &mut Buffer, histogram: &Histogram, name: &str, cells: &Cells, moments: &Moments) {
    const MUST_CLEANUP: u32 = 1 << 3;
    const UNSET: f64 = -1111.0;
    out.versioned(8, |b| {
        b.tnamed(MUST_CLEANUP, name, "");
        b.versioned(2, |b| {
            // TAttLine: ROOT's default blue, solid, one pixel
            b.i16(602);
            b.i16(1);
            b.i16(1);
        });
        b.versioned(2, |b| {
            // TAttFill
            b.i16(0);
            b.i16(1001);
        });
        b.versioned(2, |b| {
            // TAttMarker
            b.i16(1);
            b.i16(1);
            b.f32(1.0);
        });
        b.size(cells.sumw.len());
        for (i, axis_name) in ["xaxis", "yaxis", "zaxis"].into_iter().enumerate() {
            axis(b, axis_name, histogram.axes.get(i));
        }
        b.i16(0); // bar offset
        b.i16(1000); // bar width
        b.f64(cells.entries);
        b.f64(moments.sumw);
        b.f64(moments.sumw2);
        b.f64(moments.first[0]);
        b.f64(moments.second[0]);
        b.f64(UNSET); // maximum
        b.f64(UNSET); // minimum
        b.f64(0.0); // norm factor
        b.array(&[]); // contours
        b.array(&cells.sumw2);
        b.string(""); // option
        b.versioned(5, |b| {
            // the list of functions, empty
            b.tobject(0, 0);
            b.string("");
            b.i32(0);
        });
        b.i32(0); // buffer size
        b.u8(0); // no buffer
        b.i32(0); // normal bin errors
        b.i32(2); // statistics without flow bins, as the global setting says
    });
}

/// A `TAxis`; the axes a histogram does not have are one bin from 0 to 1.
fn axis(out: &mut Buffer, name: &str, axis: Option<&Axis>) {
    let bins = axis.map_or(1, Axis::bins);
    let (lo, hi) = axis.map_or((0.0, 1.0), |a| (a.edge(0), a.edge(bins)));
    let labels: Vec<&str> = axis.map_or_else(Vec::new, |a| (0..bins).map_while(|i| a.label(i)).collect());
    out.versioned(10, |b| {
        b.tnamed(0, name, axis.and_then(|a| a.name.as_deref()).unwrap_or_default());
        b.versioned(4, |b| {
            // TAttAxis: ROOT's defaults
            b.i32(510);
            b.i16(1);
            b.i16(1);
            b.i16(42);
            b.f32(0.005);
            b.f32(0.035);
            b.f32(0.03);
            b.f32(1.0);
            b.f32(0.035);
            b.i16(1);
            b.i16(42);
        });
        b.size(bins);
        b.f64(lo);
        b.f64(hi);
        match axis {
            Some(a) if has_own_edges(&a.kind) => b.array(&a.edges()),
            _ => b.array(&[]),
        }
        b.i32(0); // first bin shown
        b.i32(0); // last bin shown
        b.u16(0);
        b.u8(0); // no time display
        b.string("");
        if labels.is_empty() {
            b.u32(0);
        } else {
            b.object("THashList", |b| label_list(b, &labels));
        }
        b.u32(0); // no modified labels
    });
}

/// Where ROOT's own formula for equal bins would not give the edges.
fn has_own_edges(kind: &AxisKind) -> bool {
    match kind {
        AxisKind::Variable { .. } => true,
        AxisKind::Regular { transform, .. } => *transform != Transform::None,
        AxisKind::Integer { .. } | AxisKind::Category { .. } | AxisKind::Boolean => false,
    }
}

fn label_list(out: &mut Buffer, labels: &[&str]) {
    out.versioned(5, |b| {
        b.tobject(0, 0);
        b.string("");
        b.size(labels.len());
        for (bin, label) in (1_u32..).zip(labels) {
            b.object("TObjString", |b| {
                b.versioned(1, |b| {
                    // ROOT finds the bin of a label by the unique id.
                    b.tobject(bin, 0);
                    b.string(label);
                });
            });
            b.u8(0); // option of the list's link
        }
    });
}

/// Contents in ROOT's order: x fastest, every axis with under- and overflow.
struct Cells {
    sumw: Vec<f64>,
    sumw2: Vec<f64>,
    entries: f64,
}

impl Cells {
    fn of(histogram: &Histogram) -> Self {
        let extents: Vec<usize> = histogram.axes.iter().map(Axis::extent).collect();
        let total = histogram.axes.iter().map(|a| a.bins() + 2).product();
        let mut cells = Self { sumw: vec![0.0; total], sumw2: vec![0.0; total], entries: 0.0 };
        let mut at = vec![0; extents.len()];
        for ((&count, &w), &w2) in
            histogram.counts.iter().zip(histogram.sumws().iter()).zip(histogram.sumw2s().iter())
        {
            let mut cell = 0;
            let mut stride = 1;
            for (axis, &index) in histogram.axes.iter().zip(&at) {
                // Only numeric axes have an underflow in storage; ROOT's have it always.
                cell += stride * if axis.is_numeric() { index } else { index + 1 };
                stride *= axis.bins() + 2;
            }
            if let (Some(sumw), Some(sumw2)) = (cells.sumw.get_mut(cell), cells.sumw2.get_mut(cell)) {
                *sumw = w;
                *sumw2 = w2;
            }
            cells.entries += as_f64(count);
            step(&mut at, &extents);
        }
        cells
    }
}

/// ROOT's entries are a double.
#[allow(clippy::cast_precision_loss, reason = "ROOT's entries are a double")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

/// Sums over the bins proper, with their centres for values: what `TH1::GetStats` computes from contents.
#[derive(Default)]
struct Moments {
    sumw: f64,
    sumw2: f64,
    first: [f64; 3],
    second: [f64; 3],
    /// xy, xz, yz
    mixed: [f64; 3],
}

impl Moments {
    fn of(histogram: &Histogram, cells: &Cells) -> Self {
        let extents: Vec<usize> = histogram.axes.iter().map(|a| a.bins() + 2).rev().collect();
        let mut at = vec![0; extents.len()];
        let mut moments = Self::default();
        for (&w, &w2) in cells.sumw.iter().zip(&cells.sumw2) {
            let in_range = at.iter().zip(&extents).all(|(&i, &extent)| i > 0 && i + 1 < extent);
            if in_range {
                let mut x = [0.0; 3];
                for ((x, axis), &i) in x.iter_mut().zip(&histogram.axes).zip(at.iter().rev()) {
                    *x = f64::midpoint(axis.edge(i - 1), axis.edge(i));
                }
                moments.add(w, w2, x);
            }
            step(&mut at, &extents);
        }
        moments
    }

    fn add(&mut self, w: f64, w2: f64, x: [f64; 3]) {
        self.sumw += w;
        self.sumw2 += w2;
        for ((first, second), x) in self.first.iter_mut().zip(&mut self.second).zip(x) {
            *first += w * x;
            *second += w * x * x;
        }
        let [x, y, z] = x;
        for (mixed, product) in self.mixed.iter_mut().zip([x * y, x * z, y * z]) {
            *mixed += w * product;
        }
    }
}
