//! Headers of requests that the configuration gives a meaning.

use http::HeaderName;
use stockade_yaml::{Diagnostics, Problem, Spanned, quoted};

/// The headers that have a meaning of their own, here or in HTTP.
const TAKEN: [&str; 16] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "origin",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-api-key",
    "x-forwarded-for",
];

/// The name of a header that has no other meaning.
pub(super) fn header(text: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<HeaderName> {
    let Ok(name) = text.value.parse::<HeaderName>() else {
        let message = format!("{} is no name of a header", quoted(&text.value));
        let help = "write letters, digits and hyphens, such as X-OpenWebUI-User-Email";
        diagnostics.add(Problem::new(text.at, message).help(help));
        return None;
    };
    if TAKEN.contains(&name.as_str()) || name.as_str().starts_with("sec-") {
        let message = format!("the header {} has another meaning", quoted(name.as_str()));
        diagnostics.add(Problem::new(text.at, message).help("name one that nothing else uses"));
        return None;
    }
    Some(name)
}
