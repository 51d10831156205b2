//! A drawing as SVG.

use std::fmt::Write as _;

use super::scene::{Anchor, Item, Rgb, Scene, Text};

/// The document.
pub(super) fn document(scene: &Scene) -> String {
    let (w, h) = (scene.width, scene.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\">\n\
         <rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n"
    );
    for item in &scene.items {
        match item {
            Item::Rect(r) => {
                let Rgb(red, green, blue) = r.fill;
                let (x, y, w, h) = (round(r.x), round(r.y), round(r.width), round(r.height));
                let _infallible = writeln!(
                    out,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"#{red:02x}{green:02x}{blue:02x}\"/>"
                );
            }
            Item::Text(t) => text(t, &mut out),
        }
    }
    out.push_str("</svg>\n");
    out
}

fn text(t: &Text, out: &mut String) {
    let anchor = match t.anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let (x, y) = (round(t.x), round(t.y));
    let turned = if t.upright { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
    let large = if t.large { " font-size=\"16\"" } else { "" };
    let _infallible = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\"{large}{turned}>{}</text>",
        escaped(&t.text)
    );
}

fn round(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // Control characters have no place in XML, not even escaped.
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
