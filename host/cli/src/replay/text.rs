//! A report for people.

use std::collections::BTreeSet;
use std::fmt;

use jiff::tz::TimeZone;
use stockade_control::replay::{ChangeKind, ChangeRow, EffectTold, Report};
use stockade_core::BindingName;

use super::super::explain::obligations;
use super::super::table::{Column, Table};
use super::shown;

/// Rows that are shown; JSON has all.
pub(super) const MOST_ROWS: usize = 50;

/// A report, with times as clocks in a zone show them.
pub(crate) struct Written<'a> {
    pub(crate) report: &'a Report,
    pub(crate) zone: &'a TimeZone,
}

impl Written<'_> {
    /// Returns the sentences before the rows.
    pub(super) fn summary(&self) -> Vec<String> {
        let report = self.report;
        let mut lines = vec![self.looked_at()];
        for change in [ChangeKind::Refusal, ChangeKind::Permission, ChangeKind::Obligations] {
            let count = match change {
                ChangeKind::Refusal => report.refusals,
                ChangeKind::Permission => report.permissions,
                ChangeKind::Obligations => report.obligations,
            };
            if count > 0 {
                lines.push(self.sentence(change, count));
            }
        }
        if report.changes_nothing() && report.judged > 0 {
            lines.push("no answer would be another".to_owned());
        }
        for row in &report.unjudged {
            let (count, lacks) = (requests(row.requests), row.lacks.as_str());
            let examples = row.examples.join(", ");
            lines.push(format!(
                "not judged: {count}, because the policy {} looks at {lacks} ({examples})",
                row.policy
            ));
        }
        if report.undecided > 0 {
            lines.push(format!("no policy was asked about {}", requests(report.undecided)));
        }
        if report.unreadable > 0 {
            lines.push(format!("not understood: {} lines", report.unreadable));
        }
        lines
    }

    fn looked_at(&self) -> String {
        let report = self.report;
        let all = requests(report.requests);
        let judged = format!("{all}, {} of them judged", report.judged);
        match (report.from, report.until) {
            (Some(from), Some(until)) => {
                let (from, until) = (shown(from, self.zone), shown(until, self.zone));
                format!("{judged}, from {from} to {until}")
            }
            _ => judged,
        }
    }

    fn sentence(&self, change: ChangeKind, count: u64) -> String {
        let rows = || self.report.changes.iter().filter(|row| row.change == change);
        let users: BTreeSet<_> = rows().map(|row| row.user.as_str()).collect();
        let models: BTreeSet<_> = rows().map(|row| row.models.as_str()).collect();
        let at_least = if self.report.left_out > 0 { "at least " } else { "" };
        format!(
            "{}: {} of {at_least}{} with {at_least}{}",
            sentence(change),
            requests(count),
            counted(users.len() as u64, "user"),
            counted(models.len() as u64, "model")
        )
    }
}

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary().join("\n"))?;
        let rows = &self.report.changes;
        if rows.is_empty() {
            return Ok(());
        }
        let mut table = Table::new([
            Column::left("NOW"),
            Column::left("USER"),
            Column::left("MODELS"),
            Column::left("BINDING"),
            Column::right("REQUESTS"),
        ]);
        for row in rows.iter().take(MOST_ROWS) {
            let binding = row.binding.as_ref().map_or("-", BindingName::as_str);
            let cells = [word(row.change), row.user.as_str(), &row.models, binding];
            let requests = row.requests.to_string();
            table.row(cells.map(str::to_owned).into_iter().chain([requests]));
        }
        let table = table.to_string();
        let mut lines = table.trim_end().lines();
        write!(f, "\n\n{}", lines.next().unwrap_or_default())?;
        for (line, row) in lines.zip(rows) {
            write!(f, "\n{line}\n    before: {}", told(&row.before))?;
            write!(f, "\n    now:    {}", told(&row.after))?;
            write!(f, "\n    such as {}", row.examples.join(", "))?;
        }
        match hidden(rows) {
            0 => Ok(()),
            more => write!(f, "\n… and {more} more rows, which `--format json` shows"),
        }
    }
}

/// Returns the number of rows that are not shown.
pub(super) const fn hidden(rows: &[ChangeRow]) -> usize {
    rows.len().saturating_sub(MOST_ROWS)
}

/// Returns a change as a cell of a table tells it.
pub(super) const fn word(change: ChangeKind) -> &'static str {
    match change {
        ChangeKind::Refusal => "refused",
        ChangeKind::Permission => "permitted",
        ChangeKind::Obligations => "changed",
    }
}

const fn sentence(change: ChangeKind) -> &'static str {
    match change {
        ChangeKind::Refusal => "would now be refused",
        ChangeKind::Permission => "would now be permitted",
        ChangeKind::Obligations => "would be forwarded otherwise",
    }
}

fn requests(count: u64) -> String {
    counted(count, "request")
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Returns an effect in one line.
pub(super) fn told(effect: &EffectTold) -> String {
    match effect {
        EffectTold::Permit { allowed_by, obligations } => {
            let names: Vec<_> = allowed_by.iter().map(BindingName::as_str).collect();
            let mut text = format!("allowed by {}", names.join(", "));
            for line in obligations::lines(obligations) {
                text = format!("{text}; {line}");
            }
            text
        }
        EffectTold::Refuse { cause, reason, binding } => {
            let by = binding.as_ref().map(|name| format!(" by {name}")).unwrap_or_default();
            format!("{}{by}: {reason}", cause.as_str())
        }
    }
}
