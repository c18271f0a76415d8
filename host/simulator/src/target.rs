//! Request targets: escapes, and paths that are not clean.

/// Undoes percent-escapes. An escape that is none stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let [first, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => hex_pair(*high, *low),
            _ => None,
        };
        decoded.push(escaped.unwrap_or(*first));
        rest = escaped.map_or(after, |_| &rest[3..]);
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Go's `path.Clean` as its `ServeMux` applies it: a path that is changed by it is
/// redirected to the result.
pub(crate) fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    let mut cleaned = format!("/{}", parts.join("/"));
    if path.ends_with('/') && cleaned != "/" {
        cleaned.push('/');
    }
    cleaned
}

/// The first value of a name in a query.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    let decoded = |text: &str| decode(&text.replace('+', " "));
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(key, _)| decoded(key) == name)
        .map(|(_, value)| decoded(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_once() {
        assert_eq!(decode("/%61pi%2Fgenerate"), "/api/generate");
        assert_eq!(decode("%2561%zz%4"), "%61%zz%4");
    }

    #[test]
    fn paths_are_cleaned() {
        for (path, cleaned) in [
            ("/", "/"),
            ("//api//chat", "/api/chat"),
            ("/api/../api/./chat", "/api/chat"),
            ("/../..", "/"),
            ("/api/chat/", "/api/chat/"),
        ] {
            assert_eq!(clean(path), cleaned, "{path}");
        }
    }

    #[test]
    fn the_first_value_counts() {
        let query = "a=1&mod%65l=x%20y+z&model=other";
        assert_eq!(query_value(query, "model").as_deref(), Some("x y z"));
        assert_eq!(query_value(query, "b"), None);
    }
}
