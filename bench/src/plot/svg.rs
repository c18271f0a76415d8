//! As much of SVG as the plots need.

use std::fmt::Write as _;

use super::short;

/// A drawing.
pub(super) struct Svg(String);

/// The part of a text that lies at its place.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        let mut text = String::from("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ");
        short(&mut text, width);
        text.push(' ');
        short(&mut text, height);
        let _ = write!(text, "\" width=\"{width:.0}\" height=\"{height:.0}\" ");
        text.push_str("font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\">\n");
        // Legible on dark pages as well.
        text.push_str("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        Self(text)
    }

    pub(super) fn text(&mut self, at: (f64, f64), anchor: Anchor, size: f64, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let _ = writeln!(
            self.0,
            "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" \
             fill=\"#212529\">{}</text>",
            at.0,
            at.1,
            escaped(text)
        );
    }

    /// A text that is read from below.
    pub(super) fn upwards(&mut self, at: (f64, f64), size: f64, text: &str) {
        let _ = writeln!(
            self.0,
            "<text x=\"{0:.1}\" y=\"{1:.1}\" font-size=\"{size}\" text-anchor=\"middle\" \
             fill=\"#212529\" transform=\"rotate(-90 {0:.1} {1:.1})\">{2}</text>",
            at.0,
            at.1,
            escaped(text)
        );
    }

    pub(super) fn line(&mut self, points: &[(f64, f64)], colour: &str, width: f64) {
        self.0.push_str("<polyline points=\"");
        for (number, &(x, y)) in points.iter().enumerate() {
            if number > 0 {
                self.0.push(' ');
            }
            short(&mut self.0, x);
            self.0.push(',');
            short(&mut self.0, y);
        }
        let _ = writeln!(
            self.0,
            "\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" \
             stroke-linejoin=\"round\"/>"
        );
    }

    pub(super) fn dot(&mut self, (x, y): (f64, f64), colour: &str, radius: f64) {
        let _ = writeln!(
            self.0,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{colour}\"/>"
        );
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
