//! The table of goals: what was promised, what was measured.

use std::fmt;

use serde::Serialize;

/// Whether a figure keeps its promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It does.
    Pass,
    /// It does not.
    Short,
    /// It could not be measured here; the figure says why.
    Absent,
    /// There is no promise: a yardstick beside the others.
    Yardstick,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Pass => "pass",
            Self::Short => "SHORT",
            Self::Absent => "absent",
            Self::Yardstick => "",
        })
    }
}

/// What is promised of a number.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// Nothing.
    None,
}

impl Goal {
    fn verdict(self, figure: f64) -> Verdict {
        match self {
            Self::AtMost(limit) if figure <= limit => Verdict::Pass,
            Self::AtLeast(limit) if figure >= limit => Verdict::Pass,
            Self::None => Verdict::Yardstick,
            _ => Verdict::Short,
        }
    }

    fn ratio(self, figure: f64) -> Option<f64> {
        match self {
            Self::AtMost(limit) | Self::AtLeast(limit) if limit != 0.0 => Some(figure / limit),
            _ => None,
        }
    }

    fn shown(self, unit: &str) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {}", number(limit, unit)),
            Self::AtLeast(limit) => format!("≥ {}", number(limit, unit)),
            Self::None => String::new(),
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What is measured.
    pub what: String,
    /// What is promised.
    pub goal: String,
    /// What was found.
    pub figure: String,
    /// The figure as a number, in `unit`.
    pub value: Option<f64>,
    /// The figure divided by the goal.
    pub ratio: Option<f64>,
    /// The unit of both.
    pub unit: &'static str,
    /// Whether it is kept.
    pub verdict: Verdict,
}

impl Row {
    /// A measured figure.
    pub fn new(what: impl Into<String>, goal: Goal, value: f64, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            goal: goal.shown(unit),
            figure: number(value, unit),
            value: Some(value),
            ratio: goal.ratio(value),
            unit,
            verdict: goal.verdict(value),
        }
    }

    /// A figure that could not be measured, and why.
    pub fn absent(
        what: impl Into<String>,
        goal: Goal,
        unit: &'static str,
        why: impl fmt::Display,
    ) -> Self {
        Self {
            what: what.into(),
            goal: goal.shown(unit),
            figure: why.to_string(),
            value: None,
            ratio: None,
            unit,
            verdict: Verdict::Absent,
        }
    }
}

fn number(value: f64, unit: &str) -> String {
    let digits = if value.fract() == 0.0 || value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    };
    if unit.is_empty() { digits } else { format!("{digits} {unit}") }
}

/// All lines, in the order in which they were measured.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Append one line.
    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// How many promises are not kept.
    pub fn short(&self) -> usize {
        self.rows.iter().filter(|row| row.verdict == Verdict::Short).count()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: fn(&Row) -> &str, title: &str| {
            let widest = self.rows.iter().map(|row| column(row).chars().count()).max();
            widest.unwrap_or(0).max(title.len())
        };
        let what = width(|row| &row.what, "what");
        let goal = width(|row| &row.goal, "goal");
        let figure = width(|row| &row.figure, "figure");
        writeln!(
            formatter,
            "{:what$}  {:>goal$}  {:>figure$}  ratio  verdict",
            "what", "goal", "figure"
        )?;
        for row in &self.rows {
            let ratio = row.ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
            writeln!(
                formatter,
                "{:what$}  {:>goal$}  {:>figure$}  {ratio:>5}  {}",
                row.what, row.goal, row.figure, row.verdict
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_held_against_its_goal() {
        let verdict = |goal, value| Row::new("x", goal, value, "µs").verdict;
        assert_eq!(verdict(Goal::AtMost(7.0), 7.0), Verdict::Pass);
        assert_eq!(verdict(Goal::AtMost(7.0), 7.1), Verdict::Short);
        assert_eq!(verdict(Goal::AtLeast(1.7), 1.8), Verdict::Pass);
        assert_eq!(verdict(Goal::AtLeast(1.7), 1.6), Verdict::Short);
        assert_eq!(verdict(Goal::None, 1.6), Verdict::Yardstick);
        assert_eq!(verdict(Goal::AtMost(0.0), 0.0), Verdict::Pass);
    }

    #[test]
    fn a_table_lists_everything_and_counts_what_is_short() {
        let mut table = Table::default();
        table.push(Row::new("decision, p50", Goal::AtMost(7.0), 8.75, "µs"));
        table.push(Row::absent("system calls", Goal::AtMost(0.0), "", "strace is missing"));
        assert_eq!(table.short(), 1);
        let text = table.to_string();
        assert!(text.contains("≤ 7 µs  ") && text.contains("8.75 µs") && text.contains("1.25"));
        assert!(text.contains("SHORT") && text.contains("strace is missing"));
    }
}
