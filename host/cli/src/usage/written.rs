//! A report, written for people and for spreadsheets.

use std::fmt::Write as _;

use stockade_usage::ledger::Counts;
use stockade_usage::numbers::{binary, grouped};

use super::rows::Rows;
use crate::csv::quoted;
use crate::table::{Column, Table};

/// The longest bar, in characters.
const BAR: u64 = 20;

/// Returns a table with bars of GPU time, or of requests where nobody used any.
pub(super) fn text(rows: &Rows) -> String {
    if rows.rows.is_empty() {
        return "nothing was used".to_owned();
    }
    let heads = rows.by.iter().map(|by| Column::left(by.head()));
    let numbers = ["REQUESTS", "REFUSED", "PROMPT", "ANSWER", "GPU TIME", "LOADING", "PULLED"];
    let columns = heads.chain(numbers.map(Column::right)).chain([Column::left("")]);
    let mut table = Table::new(columns);
    let most = |of: fn(&Counts) -> u64| {
        rows.rows.iter().map(|(_, counts)| of(counts)).max().unwrap_or_default()
    };
    let by_gpu = most(|counts| counts.gpu_ms) > 0;
    let measure: fn(&Counts) -> u64 =
        if by_gpu { |counts| counts.gpu_ms } else { |counts| counts.requests };
    let most = most(measure);
    for (labels, counts) in &rows.rows {
        let cells = [
            grouped(counts.requests),
            grouped(counts.refused),
            grouped(counts.input),
            grouped(counts.output),
            time(counts.gpu_ms),
            time(counts.load_ms),
            bytes(counts.pulled),
            bar(measure(counts), most),
        ];
        table.row(labels.iter().cloned().chain(cells));
    }
    table.to_string().trim_end().to_owned()
}

/// Returns comma-separated values (RFC 4180) with a line of names.
pub(super) fn csv(rows: &Rows) -> String {
    const COUNTS: &str = "requests,refused,prompt_tokens,answer_tokens,gpu_ms,load_ms,pulled_bytes";
    let mut text = String::new();
    for by in &rows.by {
        let _ = write!(text, "{},", by.name());
    }
    let _ = writeln!(text, "{COUNTS}");
    for (labels, counts) in &rows.rows {
        for label in labels {
            let _ = write!(text, "{},", quoted(label));
        }
        let Counts { requests, refused, input, output, gpu_ms, load_ms, pulled } = counts;
        let _ = writeln!(text, "{requests},{refused},{input},{output},{gpu_ms},{load_ms},{pulled}");
    }
    text
}

fn bar(value: u64, most: u64) -> String {
    let length = u128::from(value) * u128::from(BAR) / u128::from(most.max(1));
    let length = usize::try_from(length).unwrap_or_default();
    // Little is more than nothing.
    if value > 0 { "█".repeat(length.max(1)) } else { String::new() }
}

fn time(milliseconds: u64) -> String {
    let seconds = milliseconds.div_ceil(1_000);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{} h {minutes:02} min", grouped(hours)),
    }
}

fn bytes(value: u64) -> String {
    binary(value).unwrap_or_else(|| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::rows::By;
    use super::*;

    fn rows() -> Rows {
        let counts =
            Counts { requests: 1_234, input: 5, output: 6, gpu_ms: 61_500, ..Counts::default() };
        let few = Counts { requests: 1, refused: 2, pulled: 3 << 30, ..Counts::default() };
        let row = |user: &str, counts| (vec![user.to_owned(), "chat".to_owned()], counts);
        let rows = vec![row("alice", counts), row("=\"bob\", the builder", few)];
        Rows { by: vec![By::User, By::Operation], rows }
    }

    #[test]
    fn people_get_a_table_with_bars() {
        let text = text(&rows());
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[0].starts_with("USER                 OPERATION  REQUESTS  REFUSED"),
            "{text}"
        );
        let bar = "█".repeat(20);
        assert!(lines[1].contains("1 min 02 s"), "{text}");
        assert!(lines[1].ends_with(&bar), "{text}");
        assert!(lines[2].ends_with("3.0 GiB"), "{text}");
    }

    #[test]
    fn a_spreadsheet_runs_nothing() {
        let text = csv(&rows());
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("user,operation,requests,refused,prompt_tokens"), "{text}");
        assert_eq!(lines[1], "alice,chat,1234,0,5,6,61500,0,0");
        assert_eq!(lines[2], "\"'=\"\"bob\"\", the builder\",chat,1,2,0,0,0,0,3221225472");
    }
}
