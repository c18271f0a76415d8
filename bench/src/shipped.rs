//! Whole requests with five shipped policies bound to the caller, beside the least that hyper can do:
//! an ordinary configuration, with one caller and with many.

use std::time::Duration;

use crate::configurations::{five_policies, remembering, served};
use crate::load::{self, unary};
use crate::peers::{Gateway, Peer};
use crate::whole::{Bench, per_request};

/// Callers of the figures for many.
pub const MANY: usize = 32;

/// The extent of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds in which each gateway is measured once; odd, for the median.
    rounds: usize,
    /// Requests of one caller in a round.
    requests: usize,
    /// For how long callers ask in a round.
    span: Duration,
}

impl Effort {
    /// A few seconds.
    pub const QUICK: Self = Self { rounds: 1, requests: 4_000, span: Duration::from_millis(600) };
    /// As much as the noise asks for.
    pub const FULL: Self = Self { rounds: 5, requests: 20_000, span: Duration::from_secs(2) };
}

/// A gateway of these figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The least that hyper can do.
    Floor,
    /// Five shipped policies, whose verdicts are remembered.
    Remembered,
    /// Five shipped policies, asked for each request.
    Fresh,
}

/// The cost of one request, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// The median of one caller, everything on one processor.
    pub alone: f64,
    /// Processor time of the gateway per request of one caller.
    pub processor_alone: f64,
    /// Processor time of the gateway per request of [`MANY`] callers.
    pub processor: f64,
}

/// The costs of every round.
#[derive(Clone, Debug)]
pub struct Found(Vec<[Cost; Subject::ALL.len()]>);

impl Subject {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Floor, Self::Remembered, Self::Fresh];

    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => Peer::Floor.name(),
            Self::Remembered => "five shipped, remembered",
            Self::Fresh => "five shipped, fresh",
        }
    }

    fn start(self, bench: &Bench) -> anyhow::Result<Gateway> {
        let configuration = match self {
            Self::Floor => return Gateway::start(Peer::Floor, bench.upstream(), bench.first),
            Self::Remembered => remembering(&five_policies()),
            Self::Fresh => five_policies(),
        };
        Gateway::configured(&served(&configuration), bench.upstream(), bench.first)
    }
}

impl Found {
    /// The median of a figure over the rounds.
    pub fn median(&self, subject: Subject, figure: fn(&Cost) -> f64) -> f64 {
        median(self.0.iter().map(|round| figure(&round[subject as usize])))
    }

    /// The median over the rounds of a figure divided by the floor's of the same round: what
    /// disturbs a round disturbs both.
    pub fn ratio(&self, subject: Subject, figure: fn(&Cost) -> f64) -> f64 {
        let [of, floor] = [subject, Subject::Floor].map(|subject| subject as usize);
        median(self.0.iter().map(|round| figure(&round[of]) / figure(&round[floor])))
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Measures all of them by turns, everything on one processor.
///
/// # Errors
/// Where one of them does not start, or a request fails.
pub fn measure(bench: &Bench, effort: Effort) -> anyhow::Result<Found> {
    let [floor, remembered, fresh] = Subject::ALL.map(|subject| subject.start(bench));
    let gateways = [floor?, remembered?, fresh?];
    let mut rounds = Vec::with_capacity(effort.rounds);
    for _ in 0..effort.rounds {
        let [floor, remembered, fresh] =
            gateways.each_ref().map(|gateway| cost(gateway, bench.first, effort));
        rounds.push([floor?, remembered?, fresh?]);
    }
    Ok(Found(rounds))
}

fn cost(gateway: &Gateway, processor: usize, effort: Effort) -> anyhow::Result<Cost> {
    let alone = unary::one_caller(gateway.target, processor, effort.requests)?;
    Ok(Cost {
        alone: load::microseconds(&alone, 0.5),
        processor_alone: per_request(gateway, processor, 1, effort.span)?,
        processor: per_request(gateway, processor, MANY, effort.span)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_of_one_round() {
        let round = |floor: f64, fresh: f64| {
            [floor, 0.0, fresh].map(|alone| Cost { alone, processor_alone: 0.0, processor: 0.0 })
        };
        // A neighbour of the machine made the second round twice as slow.
        let found = Found(vec![round(10.0, 20.0), round(20.0, 42.0), round(10.0, 25.0)]);
        let alone = |cost: &Cost| cost.alone;
        assert!((found.ratio(Subject::Fresh, alone) - 2.1).abs() < 1e-9);
        assert!((found.median(Subject::Floor, alone) - 10.0).abs() < 1e-9);
    }
}
