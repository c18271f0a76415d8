//! Growth with users, bindings, policies, bodies and streams.

mod columns;
mod loading;
mod wire;

use std::time::Duration;

use stockade_core::Operation;
use stockade_engine::Engine;

pub use self::columns::*;
use self::loading::loading;
use crate::configurations::{many_bindings, many_users, own_policies, served};
use crate::grid::Grid;
use crate::load::unary;
use crate::peers::Gateway;
use crate::promises::number;
use crate::scenario::{self, Question};
use crate::whole::Bench;
use crate::{decisions, load};

/// Figures over a size.
#[derive(Clone, Debug)]
pub struct Curve {
    /// The size that grows.
    pub over: &'static str,
    /// The name of each figure, with its unit.
    pub columns: &'static [&'static str],
    /// Sizes and figures.
    pub points: Vec<(f64, Vec<f64>)>,
    /// The reason why it ends early.
    pub cut: Option<String>,
}

/// The sizes that are measured.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    users: &'static [u32],
    bindings: &'static [u32],
    policies: &'static [u32],
    /// Bytes.
    bodies: &'static [u32],
    streams: &'static [u32],
    decisions: usize,
    requests: usize,
    /// The time for which open streams are watched.
    span: Duration,
}

impl Sizes {
    /// Ends of the curves, for a short run.
    pub const QUICK: Self = Self {
        users: &[10, 10_000],
        bindings: &[1, 1_000],
        policies: &[1, 10],
        bodies: &[1 << 10, 1 << 20],
        streams: &[1, 500],
        decisions: 10_000,
        requests: 2_000,
        span: Duration::from_secs(2),
    };
    /// From the smallest to the largest.
    pub const FULL: Self = Self {
        users: &[10, 100, 1_000, 10_000, 100_000],
        bindings: &[1, 10, 100, 300, 1_000, 3_000, 10_000],
        policies: &[1, 2, 5, 10, 20, 50],
        bodies: &[1 << 10, 16 << 10, 128 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20],
        streams: &[1, 10, 100, 1_000, 3_000, 6_000, 9_500],
        decisions: 50_000,
        requests: 10_000,
        span: Duration::from_secs(8),
    };
}

/// All curves.
pub fn measure(bench: &Bench, sizes: Sizes, progress: impl Fn(&str)) -> Vec<Curve> {
    let curve = |over: &'static str, columns, sizes: &[u32], figures: Measure<'_>| {
        Curve::of(over, columns, sizes, |size| {
            progress(&format!("growth: {} {over}", number(f64::from(size))));
            figures(size)
        })
    };
    vec![
        curve("users", USERS, sizes.users, &|count| users(bench, count, sizes)),
        curve("bindings", BINDINGS, sizes.bindings, &|count| bindings(bench, count, sizes)),
        curve("policies per caller", POLICIES, sizes.policies, &|count| policies(count, sizes)),
        curve("bytes of body", wire::BODIES, sizes.bodies, &|bytes| wire::body(bench, bytes)),
        curve("open streams", wire::STREAMS, sizes.streams, &|count| {
            wire::streams(bench, count, sizes.span)
        }),
    ]
}

type Measure<'a> = &'a dyn Fn(u32) -> anyhow::Result<Vec<f64>>;

impl Curve {
    fn of(
        over: &'static str,
        columns: &'static [&'static str],
        sizes: &[u32],
        figures: impl Fn(u32) -> anyhow::Result<Vec<f64>>,
    ) -> Self {
        let mut curve = Self { over, columns, points: Vec::new(), cut: None };
        for &size in sizes {
            match figures(size) {
                Ok(figures) => curve.points.push((f64::from(size), figures)),
                Err(error) => {
                    curve.cut = Some(format!("{}: {error:#}", number(f64::from(size))));
                    break;
                }
            }
        }
        curve
    }

    /// One figure of one size.
    ///
    /// # Errors
    /// Where it was not measured.
    pub fn at(&self, size: f64, column: &str) -> anyhow::Result<f64> {
        let series = self.series(column);
        let point = series.into_iter().find(|(x, _)| (x - size).abs() < 0.5);
        let cut = self.cut.as_deref().unwrap_or("it was not measured");
        point.map(|(_, figure)| figure).ok_or_else(|| anyhow::anyhow!("{cut}"))
    }

    /// The points of one figure.
    pub fn series(&self, column: &str) -> Vec<(f64, f64)> {
        let Some(place) = self.columns.iter().position(|&name| name == column) else {
            return Vec::new();
        };
        self.points.iter().map(|(size, figures)| (*size, figures[place])).collect()
    }

    /// As a table.
    pub fn grid(&self) -> Grid {
        let columns: Vec<&str> = [self.over].iter().chain(self.columns).copied().collect();
        let mut grid = Grid::new(format!("growth with {}", self.over), &columns);
        for (size, figures) in &self.points {
            grid.push(number(*size), figures.iter().copied().map(Some).collect());
        }
        if let Some(cut) = &self.cut {
            grid.absent("larger", cut);
        }
        grid
    }
}

const USERS: &[&str] = &[REQUEST, COLD, EDIT, MEMORY];

fn users(bench: &Bench, count: u32, sizes: Sizes) -> anyhow::Result<Vec<f64>> {
    let text = many_users(count as usize);
    let loading = loading(&text, "id: key-1")?;
    let gateway = Gateway::configured(&served(&text), bench.upstream(), bench.first)?;
    let times = unary::one_caller(gateway.target, bench.first, sizes.requests)?;
    let memory = gateway.process.resident()? / 1_024.0;
    let median = load::microseconds(&times, 0.5);
    Ok(vec![median, milliseconds(loading.cold), milliseconds(loading.edit), memory])
}

const BINDINGS: &[&str] = &[DECISION, DECISION_HIGH, COLD, EDIT, LIVE, MEMORY];

fn bindings(bench: &Bench, count: u32, sizes: Sizes) -> anyhow::Result<Vec<f64>> {
    let text = many_bindings(count as usize, 1);
    let (median, high) = decision(&scenario::engine()?, &text, sizes.decisions)?;
    let loading = loading(&text, &format!("\"team-{}", count / 2))?;
    let gateway = Gateway::configured(&served(&text), bench.upstream(), bench.first)?;
    let memory = gateway.process.resident()? / 1_024.0;
    let (edit, live) = (milliseconds(loading.edit), milliseconds(loading.live));
    Ok(vec![median, high, milliseconds(loading.cold), edit, live, memory])
}

const POLICIES: &[&str] = &[DECISION, DECISION_HIGH];

fn policies(count: u32, sizes: Sizes) -> anyhow::Result<Vec<f64>> {
    let engine = scenario::engine()?;
    // As many sandboxes altogether, whatever the size.
    let decisions = (sizes.decisions / count as usize).max(1_000);
    let (median, high) = decision(&engine, &own_policies(count as usize), decisions)?;
    Ok(vec![median, high])
}

fn decision(engine: &Engine, text: &str, decisions: usize) -> anyhow::Result<(f64, f64)> {
    let generation = scenario::generation(engine, text)?;
    let question = Question::new(generation, Operation::Chat, crate::peers::MODEL)?;
    let times = decisions::latency(&question, decisions)?;
    Ok((load::microseconds(&times, 0.5), load::microseconds(&times, 0.99)))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
