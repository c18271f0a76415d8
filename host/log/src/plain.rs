//! Log lines without what their reader cannot see.

use std::borrow::Cow;
use std::fmt::Write as _;

use stockade_core::is_invisible;

/// The one control character that JSON does not escape.
const DELETE: u8 = 0x7f;

/// The lines with each invisible character beyond ASCII written as `\u` and four digits, or
/// twice that (RFC 8259, section 7): in JSON it stands within a string and stays what it was.
///
/// ASCII is left alone but for DEL: line feeds end lines, and terminals are sent colors.
pub fn plain(lines: &[u8]) -> Cow<'_, [u8]> {
    if lines.is_ascii() && !lines.contains(&DELETE) {
        return Cow::Borrowed(lines);
    }
    let text = String::from_utf8_lossy(lines);
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let kept = character.is_ascii() && character != char::from(DELETE);
        if kept || !is_invisible(character) {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    Cow::Owned(out.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_cannot_be_seen_is_told() {
        for (line, expected) in [
            ("\u{1b}[1mINFO\u{1b}[0m größer ✓\n", "\u{1b}[1mINFO\u{1b}[0m größer ✓\n"),
            ("a\u{202e}b\u{200b}\u{9b}31m", "a\\u202eb\\u200b\\u009b31m"),
            ("\u{e0041}", "\\udb40\\udc41"),
            ("a\u{7f}\u{1b}", "a\\u007f\u{1b}"),
        ] {
            assert_eq!(String::from_utf8_lossy(&plain(line.as_bytes())), expected);
        }
        let hidden = "a\u{202e}\u{e0041}é";
        let json = serde_json::to_vec(hidden).unwrap();
        let shown = plain(&json);
        assert_eq!(serde_json::from_slice::<String>(&shown).unwrap(), hidden);
    }
}
