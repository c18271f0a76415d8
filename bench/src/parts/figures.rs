//! The figures that are drawn.

use crate::growth::{
    BODY_FLOOR, BODY_NONE, BODY_OURS, CHUNK_FLOOR, CHUNK_HIGH, CHUNK_MEDIAN, COLD, Curve, DECISION,
    DECISION_HIGH, EDIT, LIVE, MEMORY, REQUEST, STREAM_FLOOR, STREAM_MEMORY,
};
use crate::peers::Peer;
use crate::plot::{Axis, Figure, Line, Panel, Scale};
use crate::whole::{self, Found, Outcome, Point};

fn axis(label: &str, scale: Scale) -> Axis {
    Axis { label: label.to_owned(), scale }
}

/// Latency against load, of ours and of the others.
pub fn latency_figure(outcomes: &[Outcome], machine: &str) -> Figure {
    let panel = |title: &str, across: &str, points: fn(&Found) -> &Vec<Point>, of| Panel {
        title: title.to_owned(),
        x: axis(across, Scale::Logarithmic),
        y: axis("milliseconds", Scale::Logarithmic),
        lines: outcomes.iter().filter_map(|outcome| line(outcome, points, of)).collect(),
    };
    let median = |point: &Point| point.median;
    let high = |point: &Point| point.high;
    let (requests, streams) = ("requests per second", "streams begun per second, 20 chunks each");
    Figure {
        title: "Latency against load, one core for each gateway".to_owned(),
        note: format!("open loop, counted from when a request was due; {machine}"),
        shared_legend: true,
        panels: vec![
            panel("whole answer, median", requests, |found| &found.unary, median),
            panel("whole answer, 99th percentile", requests, |found| &found.unary, high),
            panel("first byte of a stream, median", streams, |found| &found.first_byte, median),
            panel("first byte, 99th percentile", streams, |found| &found.first_byte, high),
            panel("gap of chunks sent every 5 ms, median", streams, |found| &found.gap, median),
            panel("gap of chunks, 99th percentile", streams, |found| &found.gap, high),
        ],
    }
}

fn line(
    (subject, found): &Outcome,
    points: fn(&Found) -> &Vec<Point>,
    of: fn(&Point) -> f64,
) -> Option<Line> {
    let points = points(found.as_ref().ok()?).iter();
    Some(Line {
        name: whole::name(*subject).to_owned(),
        ours: *subject == Some(Peer::Stockade),
        points: points.map(|point| (point.rate, of(point))).collect(),
    })
}

/// A panel about growth: its title, what it is over, the unit, and the names of its lines
/// with the figures that they show.
type Wanted<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)]);

const GROWTH: [Wanted<'_>; 10] = [
    ("a whole request", "users", "µs per request", &[("p50, same core", REQUEST)]),
    ("loading users", "users", "ms", &[("cold load", COLD), ("one-line edit", EDIT)]),
    ("a decision, one applies", "bindings", "µs", &[("p50", DECISION), ("p99", DECISION_HIGH)]),
    (
        "loading bindings",
        "bindings",
        "ms",
        &[("cold load", COLD), ("one-line edit", EDIT), ("edit to live", LIVE)],
    ),
    (
        "a decision, all apply",
        "policies per caller",
        "µs",
        &[("p50", DECISION), ("p99", DECISION_HIGH)],
    ),
    (
        "a whole request, p50",
        "bytes of body",
        "ms",
        &[("Stockade", BODY_OURS), ("hyper", BODY_FLOOR), ("no gateway", BODY_NONE)],
    ),
    (
        "lateness of a chunk a second",
        "open streams",
        "ms",
        &[("p50", CHUNK_MEDIAN), ("p99", CHUNK_HIGH), ("p99, hyper", CHUNK_FLOOR)],
    ),
    (
        "memory of a stream",
        "open streams",
        "KiB per stream",
        &[("Stockade", STREAM_MEMORY), ("hyper", STREAM_FLOOR)],
    ),
    ("memory", "users", "MiB", &[("resident", MEMORY)]),
    ("memory", "bindings", "MiB", &[("resident", MEMORY)]),
];

/// The figure of how everything grows.
pub fn growth_figure(curves: &[Curve], machine: &str) -> Figure {
    Figure {
        title: "Growth".to_owned(),
        note: machine.to_owned(),
        shared_legend: false,
        panels: GROWTH.iter().map(|wanted| panel(curves, wanted)).collect(),
    }
}

/// The units of what should stay flat, which is shown from zero.
const STEADY: [&str; 2] = ["µs per request", "KiB per stream"];

fn panel(curves: &[Curve], &(title, over, unit, lines): &Wanted<'_>) -> Panel {
    let curve = curves.iter().find(|curve| curve.over == over);
    let lines = lines.iter().enumerate().map(|(number, &(name, column))| {
        let points = curve.map_or_else(Vec::new, |curve| curve.series(column));
        // Where something falls to zero, a logarithm has no place for it.
        let points = points.into_iter().filter(|point| point.1 > 0.0).collect();
        Line { name: name.to_owned(), ours: number == 0, points }
    });
    let across = if over == "bytes of body" { Scale::Bytes } else { Scale::Logarithmic };
    let up = if STEADY.contains(&unit) { Scale::Linear } else { Scale::Logarithmic };
    let (x, y) = (axis(over, across), axis(unit, up));
    Panel { title: title.to_owned(), x, y, lines: lines.collect() }
}
