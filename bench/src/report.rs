//! The results: every promise beside its figure, then the yardsticks.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::grid::{Grid, aligned, markdown};
use crate::promises::{Promise, Verdict, with_unit};

/// All figures of a run.
#[derive(Debug, Default)]
pub struct Report {
    machine: String,
    measured: BTreeMap<Promise, Result<f64, String>>,
    notes: BTreeMap<Promise, String>,
    grids: Vec<Grid>,
}

/// A promise and its figure, as JSON has it.
#[derive(Debug, Serialize)]
struct Row {
    what: String,
    goal: String,
    unit: &'static str,
    figure: Option<f64>,
    ratio: Option<f64>,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<String>,
}

impl Report {
    /// Nothing measured yet, on this machine.
    pub fn new(machine: String) -> Self {
        Self { machine, ..Self::default() }
    }

    /// A figure of a promise, or why there is none.
    pub fn figure(&mut self, promise: Promise, figure: anyhow::Result<f64>) {
        self.measured.insert(promise, figure.map_err(|error| format!("{error:#}")));
    }

    /// Under which circumstances it was measured.
    pub fn note(&mut self, promise: Promise, circumstances: impl Into<String>) {
        self.notes.insert(promise, circumstances.into());
    }

    /// Notes why there are no figures of some promises.
    pub fn absent(&mut self, promises: &[Promise], why: &anyhow::Error) {
        for &promise in promises {
            self.measured.entry(promise).or_insert_with(|| Err(format!("{why:#}")));
        }
    }

    /// Yardsticks.
    pub fn grid(&mut self, grid: Grid) {
        self.grids.push(grid);
    }

    /// Promises, measured or not.
    fn rows(&self, listed: impl Fn(&Promise) -> bool) -> Vec<Row> {
        let unmeasured = Err("it was not measured".to_owned());
        let row = |promise: Promise| {
            let (what, goal, unit) = promise.terms();
            let (figure, absent) = match self.measured.get(&promise).unwrap_or(&unmeasured) {
                Ok(figure) => (Some(*figure), None),
                Err(why) => (None, Some(why.clone())),
            };
            let what = match self.notes.get(&promise) {
                Some(note) => format!("{what} ({note})"),
                None => what.to_owned(),
            };
            let verdict = figure.map_or(Verdict::Absent, |figure| goal.verdict(figure));
            let ratio = figure.and_then(|figure| goal.ratio(figure));
            Row { what, goal: goal.shown(unit), unit, figure, ratio, verdict, absent }
        };
        Promise::ALL.into_iter().filter(listed).map(row).collect()
    }

    /// The figures as a section of documentation.
    pub fn markdown(&self) -> String {
        let rows = self.rows(|_| true);
        let mut text = format!("Measured on {}.\n\n{}", self.machine, markdown(&cells(&rows), 1));
        for absence in absences(&rows) {
            let _ = write!(text, "\n{absence}\n");
        }
        for grid in &self.grids {
            let _ = write!(text, "\n{}", grid.markdown());
        }
        text
    }

    /// The figures for programs.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "machine": self.machine,
            "promises": self.rows(|_| true),
            "yardsticks": self.grids,
        })
    }

    /// Only what was measured, where a part was asked for.
    pub fn measured(&self) -> Measured<'_> {
        Measured(self)
    }

    fn write(
        &self,
        formatter: &mut fmt::Formatter<'_>,
        listed: impl Fn(&Promise) -> bool,
    ) -> fmt::Result {
        writeln!(formatter, "{}\n", self.machine)?;
        let rows = self.rows(listed);
        write!(formatter, "{}", aligned(&cells(&rows), 1))?;
        absences(&rows).try_for_each(|absence| writeln!(formatter, "  {absence}"))?;
        self.grids.iter().try_for_each(|grid| write!(formatter, "\n{grid}"))
    }
}

/// Those promises of a report that were measured.
pub struct Measured<'a>(&'a Report);

impl Measured<'_> {
    /// Tells whether all of them are kept.
    pub fn kept(&self) -> bool {
        let listed = |promise: &Promise| self.0.measured.contains_key(promise);
        self.0.rows(listed).iter().all(|row| row.verdict == Verdict::Pass)
    }
}

impl fmt::Display for Measured<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(formatter, |promise| self.0.measured.contains_key(promise))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(formatter, |_| true)
    }
}

fn cells(rows: &[Row]) -> Vec<Vec<String>> {
    let head = ["what", "goal", "figure", "ratio", "verdict"].map(str::to_owned).to_vec();
    let cells = rows.iter().map(|row| {
        let ratio = row.ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let figure = row.figure.map_or(String::new(), |figure| with_unit(figure, row.unit));
        vec![row.what.clone(), row.goal.clone(), figure, ratio, row.verdict.to_string()]
    });
    std::iter::once(head).chain(cells).collect()
}

fn absences(rows: &[Row]) -> impl Iterator<Item = String> {
    let said = |row: &Row| Some(format!("{}: absent, {}", row.what, row.absent.as_ref()?));
    rows.iter().filter_map(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::new("a machine".to_owned());
        report.figure(Promise::DecisionMedian, Ok(8.75));
        report.figure(Promise::Failed, Ok(0.0));
        report.note(Promise::Failed, "1,000 reloads, 1,000,000 requests");
        report.figure(Promise::SystemCalls, Err(anyhow::anyhow!("strace is missing")));
        report.absent(&[Promise::Failed, Promise::Mixed], &anyhow::anyhow!("it did not start"));
        report
    }

    #[test]
    fn every_promise_is_listed_and_only_kept_ones_pass() {
        let text = report().to_string();
        for promise in Promise::ALL {
            assert!(text.contains(promise.terms().0), "{text}");
        }
        let line = |what: &str| text.lines().find(|line| line.contains(what)).unwrap().to_owned();
        assert!(line("200-group settings, p50").ends_with("≤ 6 µs  8.75 µs   1.46    SHORT"));
        assert!(line("requests failed (1,000 reloads, 1,000,000 requests)").ends_with("pass"));
        assert!(line("requests of mixed generations").ends_with("ABSENT"));
        assert!(text.contains("requests of mixed generations: absent, it did not start"));
        assert!(text.contains("system calls per decision: absent, strace is missing"));
        assert!(!report().measured().kept());
        assert!(!report().measured().to_string().contains("idle with 10 policies"));
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn programs_find_the_same_figures() {
        let json = report().json();
        assert_eq!(json["promises"][0]["figure"], 8.75);
        assert_eq!(json["promises"][0]["verdict"], "short");
        assert_eq!(json["promises"][7]["absent"], "strace is missing");
        assert!(report().markdown().contains("| decision, 200-group settings, p50 | ≤ 6 µs |"));
    }
}
