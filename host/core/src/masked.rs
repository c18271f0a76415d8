//! Keys in texts that nobody meant to hold any.

use std::borrow::Cow;

/// The character that replaces each one of what looks like a key.
pub const MASK: char = '•';

/// Runs of this many letters and digits are keys or digests: nobody needs to read them in an
/// error or a log, and they may stand in the wrong place.
const SHORTEST_KEY: usize = 24;

/// The text with what looks like a key made unreadable, character for character.
pub fn mask_keys(text: &str) -> Cow<'_, str> {
    let of_run = |c: char| c.is_ascii_alphanumeric();
    if !text.split(|c| !of_run(c)).any(is_key) {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (run, after) = rest.split_at(rest.find(|c| !of_run(c)).unwrap_or(rest.len()));
        if is_key(run) {
            masked.extend(run.chars().map(|_| MASK));
        } else {
            masked.push_str(run);
        }
        let (between, next) = after.split_at(after.find(of_run).unwrap_or(after.len()));
        masked.push_str(between);
        rest = next;
    }
    Cow::Owned(masked)
}

fn is_key(run: &str) -> bool {
    run.len() >= SHORTEST_KEY && run.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::mask_keys;

    #[test]
    fn keys_and_digests_are_not_told() {
        let key = "a1".repeat(32);
        let text = format!("  key: sk-local-{key} # mine");
        let masked = mask_keys(&text);
        assert!(!masked.contains("a1a1"), "{masked}");
        assert!(masked.starts_with("  key: sk-local-•") && masked.ends_with("• # mine"));
        assert_eq!(masked.chars().count(), text.chars().count());
        for plain in ["model: hf.co/a/b", "", "llama3.2:3b", "a-very-long-name-of-words-only"] {
            assert_eq!(mask_keys(plain), plain);
        }
    }
}
