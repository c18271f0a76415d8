//! A report for a merge request.

use std::fmt::Write as _;

use stockade_core::BindingName;

use super::text::{MOST_ROWS, Written, hidden, told, word};

/// Returns the report as a page.
pub(super) fn page(written: &Written<'_>) -> String {
    let mut page = String::from("## Requests of the past, judged by this configuration\n\n");
    for line in written.summary() {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "- {}", cell(&line));
    }
    let rows = &written.report.changes;
    if rows.is_empty() {
        return page;
    }
    page += "\n| now | user | models | binding | requests | before | after | such as |\n";
    page += "|---|---|---|---|---:|---|---|---|\n";
    for row in rows.iter().take(MOST_ROWS) {
        let binding = row.binding.as_ref().map_or("", BindingName::as_str);
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            word(row.change),
            cell(row.user.as_str()),
            cell(&row.models),
            cell(binding),
            row.requests,
            cell(&told(&row.before)),
            cell(&told(&row.after)),
            cell(&row.examples.join(", ")),
        );
    }
    if hidden(rows) > 0 {
        let _ = writeln!(page, "\n… and {} more rows.", hidden(rows));
    }
    page
}

/// Returns a text that means nothing to Markdown: part of it may be a caller's.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => cell.push(' '),
            '<' => cell.push_str("&lt;"),
            '&' => cell.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '#' | '!' => {
                cell.push('\\');
                cell.push(character);
            }
            other => cell.push(other),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_text_of_a_caller_is_no_markup() {
        assert_eq!(cell("a|b\n<img> [x](y) `z`"), r"a\|b &lt;img> \[x\](y) \`z\`");
    }
}
