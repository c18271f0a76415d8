//! Text that a guest wrote, made fit for people to read.

use stockade_core::is_invisible as is_forbidden;

/// One line of at most `longest` bytes (and an ellipsis where it was cut), without control
/// or invisible characters: a guest must not forge log lines, drive a terminal or show
/// people something else than it says.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    let mut line = String::with_capacity(text.len().min(longest + '…'.len_utf8()));
    let is_blank = |character: char| character.is_whitespace() || is_forbidden(character);
    for character in text.trim_matches(is_blank).chars() {
        if line.len() + character.len_utf8() > longest {
            line.push('…');
            break;
        }
        line.push(if is_forbidden(character) { ' ' } else { character });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{is_forbidden, one_line};
    use proptest::prelude::*;

    #[test]
    fn ordinary_text_stays_as_it_is() {
        assert_eq!(one_line(" größer als 3 ", 100), "größer als 3");
        assert_eq!(one_line("ab", 2), "ab");
    }

    #[test]
    fn what_cannot_be_seen_is_blank() {
        assert_eq!(one_line("\u{feff}no\u{200b}\u{202e}thing\u{2069}", 100), "no  thing");
    }

    proptest! {
        #[test]
        fn no_text_gets_through_long_or_dirty(text in "\\PC*|.*", longest in 0_usize..64) {
            let line = one_line(&text, longest);
            prop_assert!(line.len() <= longest + '…'.len_utf8());
            prop_assert!(!line.contains(is_forbidden));
        }
    }
}
