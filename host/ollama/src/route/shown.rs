//! Paths as they may be told: in logs and errors, without what may be a key.

use std::borrow::Cow;

use super::ROUTES;

/// The text in the place of a part of a path that is not told.
const HIDDEN: &str = "…";
/// The longest word that is told, in bytes: a random key of so many lower-case letters has
/// less than 100 bits.
const LONGEST_WORD: usize = 20;
/// Digits that a word may have, as in `v1` or `llama3`.
const MOST_DIGITS: usize = 3;
/// Parts of a path that are told.
const MOST_PARTS: usize = 6;

/// A path as it may be told. Of a path that some route has, that route's pattern; of any
/// other, the parts that are words. Keys stand in paths by mistake, such as `//k/<key>/api`
/// or `/<key>/v1`, so all that may be one is left out, and everything behind a part `k`.
pub fn shown_path(path: &str) -> Cow<'static, str> {
    if let Some(route) = ROUTES.iter().find(|route| route.path.matches(path).is_some()) {
        return match route.path.parameter() {
            None => Cow::Borrowed(route.path.literal()),
            Some(_) => Cow::Owned(route.path.to_string()),
        };
    }
    let mut shown = String::new();
    for (index, part) in path.split('/').enumerate() {
        if index > 0 {
            shown.push('/');
        }
        if index > MOST_PARTS {
            shown.push_str(HIDDEN);
            break;
        }
        shown.push_str(if is_word(part) { part } else { HIDDEN });
        if part.eq_ignore_ascii_case("k") {
            shown.push('/');
            shown.push_str(HIDDEN);
            break;
        }
    }
    Cow::Owned(shown)
}

fn is_word(part: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let word = part.len() <= LONGEST_WORD && digits <= MOST_DIGITS && part.bytes().all(plain);
    word || part.eq_ignore_ascii_case("k") || is_known(part)
}

/// Some route has such a part, in whatever case.
fn is_known(part: &str) -> bool {
    let mut parts = ROUTES.iter().flat_map(|route| route.path.literal().split('/'));
    parts.any(|known| known.eq_ignore_ascii_case(part))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::shown_path;

    const KEY: &str = "sk-local-0f3b9c55d1a24e7788aa00bb11cc22dd";

    #[test]
    fn a_route_is_told_by_its_pattern() {
        for (path, pattern) in [
            ("/", "/"),
            ("/api/chat", "/api/chat"),
            ("/v1/models/llama3.2:3b", "/v1/models/{model}"),
            (&format!("/api/blobs/{KEY}"), "/api/blobs/{digest}"),
            (&format!("/v1/models/{KEY}"), "/v1/models/{model}"),
        ] {
            assert_eq!(shown_path(path), pattern, "{path}");
        }
    }

    #[test]
    fn other_paths_are_told_as_far_as_they_are_words() {
        for (path, shown) in [
            ("/api/unheard-of", "/api/unheard-of"),
            ("/API/Chat", "/API/Chat"),
            ("/v1/chat/completions/", "/v1/chat/completions/"),
            ("/v2/assistants", "/v2/assistants"),
            ("//api/chat", "//api/chat"),
            ("/api/%67enerate", "/api/…"),
            ("/k/abc/DEF/api/chat", "/k/…"),
            ("/K/word", "/K/…"),
            ("/k", "/k/…"),
            ("/aBc", "/…"),
            ("/a/b/c/d/e/f/g/h", "/a/b/c/d/e/f/…"),
            ("*", "…"),
        ] {
            assert_eq!(shown_path(path), shown, "{path}");
        }
    }

    /// Wherever it stands, plain or escaped.
    #[test]
    fn a_key_is_never_told() {
        let escaped: Vec<_> = KEY.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let escaped = escaped.concat();
        let twice = escaped.replace('%', "%25");
        let lower = "qwertyuiopasdfghjklzxcvbnm";
        for key in [KEY, &escaped, &twice, "AbCdEfGhIj/KlMnOpQrSt+UvWx==", lower] {
            for path in [
                format!("//k/{key}/api/chat"),
                format!("/K/{key}/api/chat"),
                format!("/v1/k/{key}"),
                format!("/k/{key}"),
                format!("/{key}/api/chat"),
                format!("/api/chat/{key}"),
                format!("/%6b/{key}/api/chat"),
                format!("/api;{key}/chat"),
                format!("/api/{key}:x"),
                format!("/k%2f{key}/api/chat"),
            ] {
                let shown = shown_path(&path);
                for part in key.split(['/', '+']) {
                    assert!(!shown.contains(part), "{path}: {shown}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_path_is_told_at_length(path in "(/[a-zA-Z0-9%k._-]{0,40}){0,40}") {
            prop_assert!(shown_path(&path).len() <= 200);
        }
    }
}
