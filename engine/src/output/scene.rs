//! A drawing as what both the SVG and the PNG writer can draw: filled rectangles and text.
//!
//! Histograms need nothing else: bars, outlines, error bars, ticks and heat maps all run along the axes. So both
//! writers draw the same picture, and the PNG needs no anti-aliasing.

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rgb(pub(super) u8, pub(super) u8, pub(super) u8);

/// Where a text's position is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Text with `x`, `y` on its baseline.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) text: String,
    pub(super) anchor: Anchor,
    /// Read from below, turned a quarter to the left.
    pub(super) upright: bool,
    /// 1 for labels, 2 for titles.
    pub(super) large: bool,
}

/// A filled rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) fill: Rgb,
}

/// What is drawn, in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Rect(Rect),
    Text(Text),
}

/// A drawing on white, in pixels from the upper left.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Scene {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) items: Vec<Item>,
}

impl Scene {
    pub(super) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: Rgb) {
        self.items.push(Item::Rect(Rect { x, y, width, height, fill }));
    }

    /// A line along x, `width` thick around `y`.
    pub(super) fn horizontal(&mut self, x0: f64, x1: f64, y: f64, width: f64, fill: Rgb) {
        self.rect(x0.min(x1), y - width / 2.0, (x1 - x0).abs(), width, fill);
    }

    /// A line along y, `width` thick around `x`.
    pub(super) fn vertical(&mut self, x: f64, y0: f64, y1: f64, width: f64, fill: Rgb) {
        self.rect(x - width / 2.0, y0.min(y1), width, (y1 - y0).abs(), fill);
    }

    pub(super) fn label(&mut self, x: f64, y: f64, anchor: Anchor, text: impl Into<String>) {
        let text = text.into();
        self.items.push(Item::Text(Text { x, y, text, anchor, upright: false, large: false }));
    }
}
