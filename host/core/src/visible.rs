//! Text of others, made fit for people to read.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Tells whether a character drives a terminal, changes the direction or the lines of the
/// text around it, or is not seen at all.
///
/// Source: Unicode 17, categories Cc, Zl and Zp, `Bidi_Control` and
/// `Default_Ignorable_Code_Point`; U+FFF9 to U+FFFB, which annotate what is between them.
pub fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The text with each [invisible](is_invisible) character replaced by U+FFFD, but for those
/// that a caller keeps.
pub fn visible(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let hidden = |c: char| is_invisible(c) && !kept(c);
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect())
}

/// Bytes of somebody else's text that are quoted.
const LONGEST_QUOTE: usize = 100;

/// The beginning of a text, at most 100 bytes of it, and how long the whole is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excerpt<'a> {
    text: &'a str,
    /// Bytes of the whole, where this is only a part.
    whole: Option<usize>,
}

impl<'a> Excerpt<'a> {
    /// Cuts a text where it is longer than 100 bytes, between two characters.
    pub fn of(text: &'a str) -> Self {
        let end = text.floor_char_boundary(LONGEST_QUOTE);
        Self { text: &text[..end], whole: (end < text.len()).then_some(text.len()) }
    }
}

/// As it is, but for what cannot be seen.
impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(self.text, |_| false))?;
        self.whole.map_or(Ok(()), |whole| write!(f, "… ({whole} bytes)"))
    }
}

/// A text in quotation marks, for messages: at most 100 bytes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Excerpt { text, whole } = Excerpt::of(self.0);
        f.write_char('"')?;
        for character in text.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                '\n' | '\r' | '\t' => write!(f, "{}", character.escape_default())?,
                hidden if is_invisible(hidden) => write!(f, "{}", hidden.escape_unicode())?,
                plain => f.write_char(plain)?,
            }
        }
        match whole {
            None => f.write_char('"'),
            Some(whole) => write!(f, "…\" ({whole} bytes)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_seen_stays() {
        for text in ["größer als 3", "モデル", "ok ✓ 👍", "a\u{301}"] {
            assert_eq!(visible(text, |_| false), text);
        }
    }

    #[test]
    fn what_drives_terminals_or_hides_does_not() {
        for hidden in [
            "\u{1b}",
            "\u{9b}",
            "\u{7f}",
            "\r",
            "\u{202e}",
            "\u{2066}",
            "\u{200b}",
            "\u{200d}",
            "\u{feff}",
            "\u{ad}",
            "\u{2028}",
            "\u{e0041}",
            "\u{fe0f}",
            "\u{3164}",
        ] {
            assert_eq!(visible(&format!("a{hidden}b"), |_| false), "a\u{fffd}b", "{hidden:?}");
        }
        assert_eq!(visible("a\nb\u{1b}", |c| c == '\n'), "a\nb\u{fffd}");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "é".repeat(500);
        assert_eq!(Excerpt::of(&long).to_string(), format!("{}… (1000 bytes)", "é".repeat(50)));
        let odd = format!("a{long}");
        let quoted = Quoted(&odd).to_string();
        assert_eq!(quoted, format!("\"a{}…\" (1001 bytes)", "é".repeat(49)));
        assert_eq!(Quoted("a\u{1b}\u{202e}").to_string(), r#""a\u{1b}\u{202e}""#);
        assert_eq!(Quoted("it's \"a\"\\\n").to_string(), r#""it's \"a\"\\\n""#);
    }

    proptest! {
        #[test]
        fn no_quote_is_long_or_hides(text in "\\PC{0,300}|.{0,300}") {
            for shown in [Excerpt::of(&text).to_string(), Quoted(&text).to_string()] {
                prop_assert!(shown.len() <= 100 * 10 + 30);
                prop_assert!(!shown.contains(is_invisible));
            }
        }
    }
}
