//! Plots as SVG: lines over a size or a load, several panels to a figure.

mod axis;
mod svg;

use std::fmt::Write as _;

pub use axis::{Axis, Scale};

use self::axis::Range;
use self::svg::{Anchor, Svg};

/// Several panels under one title.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The title of the figure.
    pub title: String,
    /// Under which circumstances.
    pub note: String,
    /// True if all panels have the same lines, so that one legend does.
    pub shared_legend: bool,
    /// The panels, two in a row.
    pub panels: Vec<Panel>,
}

/// One pair of axes.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The title of the panel.
    pub title: String,
    /// From left to right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// The lines.
    pub lines: Vec<Line>,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    /// The name in the legend.
    pub name: String,
    /// True if it is the one to look at.
    pub ours: bool,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

const COLUMNS: usize = 2;
const WIDTH: f64 = 470.0;
const HEIGHT: f64 = 300.0;
const HEAD: f64 = 56.0;
const LEGEND_ROW: f64 = 18.0;

/// Within a panel, what is left of its axes, above, right and below.
const LEFT: f64 = 62.0;
const TOP: f64 = 46.0;
const RIGHT: f64 = 18.0;
const BOTTOM: f64 = 44.0;

/// Colours that are told apart by those who see few of them, too. Ours is the first.
const COLOURS: [&str; 10] = [
    "#c1121f", "#6c757d", "#2a9d8f", "#1d5fbf", "#e08e0b", "#7b2cbf", "#8d5524", "#d63384",
    "#000000", "#74a80a",
];

impl Figure {
    /// Draws it.
    pub fn svg(&self) -> String {
        let rows = self.panels.len().div_ceil(COLUMNS);
        let legend = if self.shared_legend { self.legend_rows() * LEGEND_ROW + 10.0 } else { 0.0 };
        let width = WIDTH * cast(COLUMNS);
        let mut svg = Svg::new(width, HEAD + legend + HEIGHT * cast(rows) + 8.0);
        svg.text((16.0, 26.0), Anchor::Start, 17.0, &self.title);
        svg.text((16.0, 45.0), Anchor::Start, 11.0, &self.note);
        if let (true, Some(panel)) = (self.shared_legend, self.panels.first()) {
            legend_of(&mut svg, &panel.lines, (16.0, HEAD + 12.0), width - 32.0);
        }
        for (number, panel) in self.panels.iter().enumerate() {
            let (row, column) = (number / COLUMNS, number % COLUMNS);
            let corner = (WIDTH * cast(column), HEAD + legend + HEIGHT * cast(row));
            panel.draw(&mut svg, corner, !self.shared_legend);
        }
        svg.finish()
    }

    fn legend_rows(&self) -> f64 {
        let Some(panel) = self.panels.first() else { return 0.0 };
        let mut nowhere = Svg::new(0.0, 0.0);
        let width = WIDTH * cast(COLUMNS) - 32.0;
        legend_of(&mut nowhere, &panel.lines, (0.0, 0.0), width) / LEGEND_ROW + 1.0
    }
}

/// Draws names and colours, in as many rows as needed; returns how far down the last is.
fn legend_of(svg: &mut Svg, lines: &[Line], (left, top): (f64, f64), width: f64) -> f64 {
    let (mut x, mut y) = (0.0, 0.0);
    for (number, line) in lines.iter().enumerate() {
        let wide = 40.0 + 6.4 * cast(line.name.chars().count());
        if x > 0.0 && x + wide > width {
            (x, y) = (0.0, y + LEGEND_ROW);
        }
        let at = (left + x, top + y);
        svg.line(&[at, (at.0 + 18.0, at.1)], COLOURS[number % COLOURS.len()], thickness(line));
        svg.text((at.0 + 24.0, at.1 + 4.0), Anchor::Start, 11.0, &line.name);
        x += wide;
    }
    y
}

fn thickness(line: &Line) -> f64 {
    if line.ours { 2.6 } else { 1.5 }
}

impl Panel {
    fn draw(&self, svg: &mut Svg, (left, top): (f64, f64), legend: bool) {
        let frame = Frame {
            left: left + LEFT,
            top: top + TOP,
            width: WIDTH - LEFT - RIGHT,
            height: HEIGHT - TOP - BOTTOM,
            x: Range::over(self.x.scale, self.points().map(|point| point.0)),
            y: Range::over(self.y.scale, self.points().map(|point| point.1)),
        };
        svg.text((frame.left, top + 18.0), Anchor::Start, 13.0, &self.title);
        if legend {
            legend_of(svg, &self.lines, (frame.left, top + 34.0), frame.width);
        }
        frame.axes(svg, &self.x.label, &self.y.label);
        // Ours last, so that it lies above the others.
        let numbered = self.lines.iter().enumerate();
        let (ours, others): (Vec<_>, Vec<_>) = numbered.partition(|(_, line)| line.ours);
        for (number, line) in others.into_iter().chain(ours) {
            let colour = COLOURS[number % COLOURS.len()];
            let points: Vec<_> = line.points.iter().map(|&point| frame.place(point)).collect();
            if points.len() > 1 {
                svg.line(&points, colour, thickness(line));
            }
            for &point in &points {
                svg.dot(point, colour, thickness(line) + 0.8);
            }
        }
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.lines.iter().flat_map(|line| line.points.iter().copied())
    }
}

/// The position of a panel's axes.
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    x: Range,
    y: Range,
}

impl Frame {
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.left + self.x.place(x) * self.width, self.top + (1.0 - self.y.place(y)) * self.height)
    }

    fn axes(&self, svg: &mut Svg, across: &str, up: &str) {
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        for (value, name) in self.x.ticks() {
            let x = self.left + self.x.place(value) * self.width;
            svg.line(&[(x, self.top), (x, bottom)], "#e3e6ea", 1.0);
            svg.text((x, bottom + 15.0), Anchor::Middle, 10.0, &name);
        }
        for (value, name) in self.y.ticks() {
            let y = self.top + (1.0 - self.y.place(value)) * self.height;
            svg.line(&[(self.left, y), (right, y)], "#e3e6ea", 1.0);
            svg.text((self.left - 6.0, y + 3.5), Anchor::End, 10.0, &name);
        }
        svg.line(&[(self.left, self.top), (self.left, bottom), (right, bottom)], "#495057", 1.2);
        svg.text((f64::midpoint(self.left, right), bottom + 33.0), Anchor::Middle, 11.0, across);
        svg.upwards((self.left - 46.0, f64::midpoint(self.top, bottom)), 11.0, up);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a handful of panels, rows and letters")]
fn cast(count: usize) -> f64 {
    count as f64
}

/// A number of an SVG.
fn short(text: &mut String, value: f64) {
    let _ = write!(text, "{}", (value * 10.0).round() / 10.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(shared_legend: bool) -> Figure {
        let line = |name: &str, ours| Line {
            name: name.to_owned(),
            ours,
            points: vec![(100.0, 0.2), (1_000.0, 3.0)],
        };
        let axis = |label: &str| Axis { label: label.to_owned(), scale: Scale::Logarithmic };
        let panel = Panel {
            title: "p99".to_owned(),
            x: axis("requests per second"),
            y: axis("ms"),
            lines: vec![line("Stockade", true), line("a < b & c", false)],
        };
        let (title, note) = ("Latency".to_owned(), "on a machine".to_owned());
        Figure { title, note, shared_legend, panels: vec![panel.clone(), panel.clone(), panel] }
    }

    #[test]
    fn everything_that_is_measured_is_drawn_and_named() {
        for shared in [true, false] {
            let svg = figure(shared).svg();
            assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
            assert_eq!(svg.matches("<circle ").count(), 3 * 2 * 2);
            assert_eq!(svg.matches("a &lt; b &amp; c").count(), if shared { 1 } else { 3 });
            assert!(svg.contains("requests per second") && !svg.contains("NaN"));
        }
    }
}
