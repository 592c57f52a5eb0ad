//! Drawing as text: lines, boxes and words of an SVG.
//!
//! Owns how shapes are written. Must not know what they mean. Colours are plain and the ground is
//! white, so that a picture is read alike on light and on dark pages.

use std::fmt::Write as _;

/// A place, from the upper left corner.
pub(super) type Point = (f64, f64);

/// A picture in the making.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    shapes: String,
}

/// Where a text stands, seen from its point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// Right of it.
    Start,
    /// On both sides of it.
    Middle,
    /// Left of it.
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Height of the letters.
    pub(super) size: f64,
    /// Colour.
    pub(super) colour: &'static str,
    /// Whether it is bold.
    pub(super) is_bold: bool,
}

/// Ordinary words.
pub(super) const PLAIN: Style = Style { size: 12.0, colour: INK, is_bold: false };
/// Words beside what matters.
pub(super) const FAINT: Style = Style { size: 11.0, colour: "#57606a", is_bold: false };
/// Headings.
pub(super) const HEADING: Style = Style { size: 14.0, colour: INK, is_bold: true };

impl Canvas {
    /// A box with its upper left corner at `from`.
    pub(super) fn fill(&mut self, from: Point, (width, height): (f64, f64), colour: &str) {
        let (x, y) = from;
        self.add(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}"/>"#
        ));
    }

    /// A thin line.
    pub(super) fn rule(&mut self, from: Point, to: Point, colour: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.add(format_args!(
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{colour}"/>"#
        ));
    }

    /// A line through points.
    pub(super) fn path(&mut self, points: &[Point], colour: &str) {
        let mut places = String::new();
        for (x, y) in points {
            // Writing to a string cannot fail.
            let _ = write!(places, "{x:.1},{y:.1} ");
        }
        self.add(format_args!(
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>"#,
            places.trim_end()
        ));
    }

    /// A dot.
    pub(super) fn dot(&mut self, (x, y): Point, colour: &str) {
        self.add(format_args!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#));
    }

    /// Words.
    pub(super) fn text(&mut self, (x, y): Point, anchor: Anchor, style: Style, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let Style { size, colour, is_bold } = style;
        let weight = if is_bold { r#" font-weight="600""# } else { "" };
        let text = escaped(text);
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"{weight}>{text}</text>"#
        ));
    }

    /// The whole picture.
    pub(super) fn finish(self, (width, height): (f64, f64), title: &str) -> String {
        let Self { shapes } = self;
        let title = escaped(title);
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" font-family="{FONT}">
<title>{title}</title>
<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>
{shapes}</svg>
"##
        )
    }

    fn add(&mut self, shape: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.shapes, "{shape}");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const FONT: &str = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";
const INK: &str = "#1f2328";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_break_the_picture() {
        let mut canvas = Canvas::default();
        canvas.text((1.0, 2.0), Anchor::Start, PLAIN, "a < b & \"c\"");
        let svg = canvas.finish((10.0, 10.0), "a > b");
        assert!(svg.contains("a &lt; b &amp; &quot;c&quot;</text>"), "{svg}");
        assert!(svg.contains("<title>a &gt; b</title>") && svg.ends_with("</svg>\n"), "{svg}");
    }
}
