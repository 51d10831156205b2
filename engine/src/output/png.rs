//! A drawing as PNG, at twice the size of the SVG.

use embedded_graphics::mono_font::iso_8859_1::{FONT_9X18, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::{DrawTarget, Drawable, OriginDimensions, Pixel, Point, Size};
use embedded_graphics::text::{Alignment, Baseline, Text as Glyphs, TextStyleBuilder};

use super::scene::{Anchor, Item, Rgb, Scene, Text};

/// Pixels per unit of the drawing.
const SCALE: f64 = 2.0;

/// The file.
pub(super) fn bytes(scene: &Scene) -> Vec<u8> {
    let mut canvas = Canvas::new(pixel(scene.width * SCALE), pixel(scene.height * SCALE));
    for item in &scene.items {
        match item {
            Item::Rect(r) => {
                // Both ends are rounded, so that neighbours meet; nothing vanishes between two pixels.
                let (x0, y0) = (pixel(r.x * SCALE), pixel(r.y * SCALE));
                let (x1, y1) = (pixel((r.x + r.width) * SCALE), pixel((r.y + r.height) * SCALE));
                canvas.fill(x0..x1.max(x0 + 1), y0..y1.max(y0 + 1), r.fill);
            }
            Item::Text(t) => text(t, &mut canvas),
        }
    }
    encoded(&canvas)
}

/// Signature, header, one chunk of data, end: all that a PNG needs.
fn encoded(canvas: &Canvas) -> Vec<u8> {
    const EIGHT_BIT_RGB: [u8; 5] = [8, 2, 0, 0, 0];
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let header =
        [&canvas.width.to_be_bytes()[..], &canvas.height.to_be_bytes()[..], &EIGHT_BIT_RGB[..]].concat();
    chunk(*b"IHDR", &header, &mut out);
    let line = canvas.width as usize * 3;
    let mut lines = Vec::with_capacity(canvas.pixels.len() + canvas.height as usize);
    for pixels in canvas.pixels.chunks(line) {
        lines.push(0); // no prediction: flat colours compress well as they are
        lines.extend_from_slice(pixels);
    }
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut data = vec![0; compressor.zlib_compress_bound(lines.len())];
    // The buffer has the size that the compressor asked for, which is all that can go wrong.
    let length = compressor.zlib_compress(&lines, &mut data).unwrap_or(0);
    data.truncate(length);
    chunk(*b"IDAT", &data, &mut out);
    chunk(*b"IEND", &[], &mut out);
    out
}

fn chunk(kind: [u8; 4], data: &[u8], out: &mut Vec<u8>) {
    out.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    let start = out.len();
    out.extend(kind);
    out.extend(data);
    let checksum = libdeflater::crc32(out.get(start..).unwrap_or(&[]));
    out.extend(checksum.to_be_bytes());
}

/// A coordinate as a pixel; drawings are a few thousand units wide at most.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what u32 holds first")]
fn pixel(x: f64) -> u32 {
    x.round().clamp(0.0, 1e6) as u32
}

/// A coordinate that may lie outside of the drawing.
#[allow(clippy::cast_possible_truncation, reason = "clamped to what i32 holds first")]
fn point(x: f64, y: f64) -> Point {
    let whole = |v: f64| (v * SCALE).round().clamp(-1e6, 1e6) as i32;
    Point::new(whole(x), whole(y))
}

struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Canvas {
    fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self { width, height, pixels: vec![255; width as usize * height as usize * 3] }
    }

    fn fill(&mut self, xs: std::ops::Range<u32>, ys: std::ops::Range<u32>, Rgb(r, g, b): Rgb) {
        for y in ys.start..ys.end.min(self.height) {
            for x in xs.start..xs.end.min(self.width) {
                let at = (y as usize * self.width as usize + x as usize) * 3;
                if let Some(place) = self.pixels.get_mut(at..at + 3) {
                    place.copy_from_slice(&[r, g, b]);
                }
            }
        }
    }
}

fn text(t: &Text, canvas: &mut Canvas) {
    let font: &MonoFont<'_> = if t.large { &FONT_10X20 } else { &FONT_9X18 };
    let alignment = match t.anchor {
        Anchor::Start => Alignment::Left,
        Anchor::Middle => Alignment::Center,
        Anchor::End => Alignment::Right,
    };
    let style = TextStyleBuilder::new().alignment(alignment).baseline(Baseline::Alphabetic).build();
    // The font knows Latin 1; Greek letters of labels are spelled.
    let latin = t.text.replace('Σ', "sum ").replace('σ', "sigma");
    let origin = point(t.x, t.y);
    let mut turned = Turned { canvas, origin, upright: t.upright };
    let character = MonoTextStyle::new(font, BinaryColor::On);
    let _next = Glyphs::with_text_style(&latin, Point::zero(), character, style).draw(&mut turned);
}

/// Draws black pixels around an origin, a quarter turned to the left if upright.
struct Turned<'a> {
    canvas: &'a mut Canvas,
    origin: Point,
    upright: bool,
}

impl OriginDimensions for Turned<'_> {
    fn size(&self) -> Size {
        Size::new(self.canvas.width, self.canvas.height)
    }
}

impl DrawTarget for Turned<'_> {
    type Color = BinaryColor;
    type Error = std::convert::Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Self::Error> {
        for Pixel(p, color) in pixels {
            let at = self.origin + if self.upright { Point::new(p.y, -p.x) } else { p };
            if let (BinaryColor::On, Ok(x), Ok(y)) = (color, u32::try_from(at.x), u32::try_from(at.y)) {
                self.canvas.fill(x..x + 1, y..y + 1, Rgb(0, 0, 0));
            }
        }
        Ok(())
    }
}
