//! Comma-separated values (RFC 4180).

/// Returns a field in quotes where it needs them. What a spreadsheet would take for a formula
/// begins with an apostrophe: users of an issuer choose their names themselves.
pub(super) fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@']) && text != "-";
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
