//! Text that a guest wrote, made fit for people to read.

/// One line of at most `longest` bytes (and an ellipsis where it was cut), without
/// control characters: a guest must not forge log lines or drive a terminal.
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

/// Control characters, and those that change the direction or the lines of text.
pub(crate) fn is_forbidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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

    proptest! {
        #[test]
        fn no_text_gets_through_long_or_dirty(text in "\\PC*|.*", longest in 0_usize..64) {
            let line = one_line(&text, longest);
            prop_assert!(line.len() <= longest + '…'.len_utf8());
            prop_assert!(!line.contains(is_forbidden));
        }
    }
}
