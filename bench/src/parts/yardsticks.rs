//! The tables beside the promises.

use hdrhistogram::Histogram;

use crate::grid::Grid;
use crate::whole::{self, Found, Outcome, Point};
use crate::{engines, load};

/// Bare decisions, with one policy or binding and with a hundred, of which one applies.
pub(super) fn decisions(
    count: usize,
    ours: impl Fn(usize, bool) -> anyhow::Result<Histogram<u64>>,
) -> Grid {
    let columns = ["policies, one applies", "1: p50 µs", "p99 µs", "100: p50 µs", "p99 µs"];
    let mut grid = Grid::new("bare decision", &columns);
    let both = |times: Histogram<u64>| {
        [0.5, 0.99].map(|quantile| Some(load::microseconds(&times, quantile)))
    };
    for (name, fresh) in [("Stockade, fresh sandbox", true), ("Stockade, remembered", false)] {
        let figures = ours(1, fresh).and_then(|one| Ok([both(one), both(ours(100, fresh)?)]));
        match figures {
            Ok(figures) => grid.push(name, figures.concat()),
            Err(error) => grid.absent(name, format!("{error:#}")),
        }
    }
    let found = match engines::measure(count) {
        Ok(found) => found,
        Err(error) => {
            grid.absent("Cedar, Rego by regorus", format!("{error:#}"));
            return grid;
        }
    };
    let microseconds = |nanoseconds: u32| Some(f64::from(nanoseconds) / 1_000.0);
    for one in found.iter().filter(|one| one.policies == 1) {
        let hundred = found.iter().find(|it| it.engine == one.engine && it.policies == 100);
        let figures = [Some(one), hundred].into_iter().flat_map(|case| {
            let figure = |of: fn(&engines::Engine) -> u32| case.map(of).and_then(microseconds);
            [figure(|case| case.median_ns), figure(|case| case.high_ns)]
        });
        grid.push(format!("{}, a library", one.engine), figures.collect());
    }
    grid
}

/// Whole requests, gateway by gateway.
pub(super) fn gateways(outcomes: &[Outcome], quick: bool) -> Grid {
    let columns = [
        "key and model",
        "p50 µs",
        "CPU µs",
        "1st late ms",
        "late ms",
        "MiB idle",
        "KiB/conn",
        "KiB/stream",
    ];
    let mut grid = Grid::new("whole requests: same-core p50, lateness of chunks p99", &columns);
    for (subject, found) in outcomes {
        let name = whole::name(*subject);
        match found {
            Ok(found) => {
                grid.push(name, figures(found));
                for (what, why) in &found.missing {
                    grid.absent(format!("{name}, {what}"), why);
                }
            }
            Err(error) => grid.absent(name, format!("{error:#}")),
        }
    }
    if quick {
        grid.absent("LiteLLM", "too slow for --quick");
    }
    grid
}

fn figures(found: &Found) -> Vec<Option<f64>> {
    let memory = found.memory;
    vec![
        Some(found.alone),
        found.processor,
        Some(found.late.0),
        Some(found.late.1),
        memory.map(|memory| memory.idle / 1_024.0),
        memory.map(|memory| memory.connection),
        memory.map(|memory| memory.stream),
    ]
}

/// The load curves, as figures.
pub(super) fn curves(outcomes: &[Outcome]) -> Vec<Grid> {
    let grid = |title: &str, points: fn(&Found) -> &Vec<Point>, of: fn(&Point) -> f64| {
        let rates = rates(outcomes, points);
        let names: Vec<_> = rates.iter().map(|rate| format!("{rate:.0}/s")).collect();
        let columns = std::iter::once("").chain(names.iter().map(String::as_str));
        let mut grid = Grid::new(title, &columns.collect::<Vec<_>>());
        for (subject, found) in outcomes {
            let Ok(found) = found else { continue };
            let at = |rate: &f64| {
                let mut points = points(found).iter();
                points.find(|point| (point.rate - rate).abs() < 0.5).map(of)
            };
            grid.push(whole::name(*subject), rates.iter().map(at).collect());
        }
        grid
    };
    vec![
        grid("open loop, ms from when due, p50", |found| &found.unary, |point| point.median),
        grid("open loop, ms from when due, p99", |found| &found.unary, |point| point.high),
        grid("streams begun, ms to first byte, p50", |found| &found.first_byte, |at| at.median),
        grid("streams begun, ms to first byte, p99", |found| &found.first_byte, |at| at.high),
        grid("streams begun, gap of chunks sent every 5 ms, p99", |found| &found.gap, |at| at.high),
    ]
}

/// All rates of any gateway: a slow one has fewer.
fn rates(outcomes: &[Outcome], points: fn(&Found) -> &Vec<Point>) -> Vec<f64> {
    let found = outcomes.iter().filter_map(|(_, found)| found.as_ref().ok());
    let longest = found.map(points).max_by_key(|points| points.len());
    longest.into_iter().flatten().map(|point| point.rate).collect()
}
