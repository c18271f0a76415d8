//! The way in which Go's `encoding/json` compares keys.

use std::borrow::Cow;

/// The form in which two keys are equal if Go takes one for the other: letters in lower
/// case, and the two characters outside ASCII that fold into it.
///
/// Source: Go `encoding/json/fold.go` (`foldName`), `unicode.SimpleFold`.
pub(crate) fn fold(key: &str) -> Cow<'_, str> {
    let folded = |c: char| c.is_ascii_uppercase() || matches!(c, '\u{17f}' | '\u{212a}');
    if !key.contains(folded) {
        return Cow::Borrowed(key);
    }
    let lower = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    Cow::Owned(key.chars().map(lower).collect())
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn what_go_takes_for_one_key_is_one_key() {
        assert_eq!(fold("MODEL"), "model");
        assert_eq!(fold("me\u{17f}\u{17f}ages"), "messages");
        assert_eq!(fold("\u{212a}eep_alive"), "keep_alive");
        assert_eq!(fold("\u{e9}"), "\u{e9}");
    }
}
