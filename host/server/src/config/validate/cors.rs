//! The web pages that may read answers.

use http::{HeaderValue, Uri};

use super::names::Unique;
use crate::config::raw::RawCors;
use crate::config::report::{Problem, Report, quoted};
use crate::config::slot::{Located, Slot};
use crate::config::types::Cors;

const FORM: &str = "write it as browsers send it, such as https://chat.example.org or \
                    http://localhost:3000: no path, no slash at the end";

pub(super) fn cors(slot: Slot<RawCors>, report: &mut Report) -> Cors {
    let raw = slot.value().unwrap_or_default();
    let mut unique = Unique::new();
    let mut origins = Vec::new();
    for text in raw.origins.value().into_iter().flatten().filter_map(Slot::optional) {
        let Some(origin) = origin(&text, report) else {
            continue;
        };
        unique.check(origin.clone(), &format!("the origin {}", text.value), text.at, report);
        origins.push(origin);
    }
    Cors { origins }
}

fn origin(text: &Located<String>, report: &mut Report) -> Option<HeaderValue> {
    if text.value == "*" {
        let message = "every web page would be able to use the keys that it is given";
        report.add(Problem::new(text.at, message).help("name the origins of your own pages"));
        return None;
    }
    let value = HeaderValue::from_str(&text.value).ok().filter(|_| is_origin(&text.value));
    if value.is_none() {
        let message = format!("{} is not an origin", quoted(&text.value));
        report.add(Problem::new(text.at, message).help(FORM));
    }
    value
}

/// Scheme, host and perhaps a port in lower case; also of applications that show pages of
/// their own, such as `app://obsidian.md`.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let plain = !text.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'@');
    // An empty path is what a URL without one is read to have.
    let bare = |uri: Uri| uri.path().trim_end_matches('/').is_empty() && uri.query().is_none();
    let ends_well = !authority.is_empty() && !authority.ends_with('/');
    !scheme.is_empty() && plain && ends_well && text.parse().is_ok_and(bare)
}

#[cfg(test)]
mod tests {
    use super::is_origin;

    #[test]
    fn an_origin_has_no_path() {
        for good in [
            "https://chat.example.org",
            "http://localhost:3000",
            "http://[::1]:3000",
            "app://obsidian.md",
            "chrome-extension://abcdefghijklmnop",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "null",
            "chat.example.org",
            "https://",
            "://x",
            "https://chat.example.org/",
            "https://chat.example.org/path",
            "https://chat.example.org?query",
            "https://Chat.example.org",
            "https://user@chat.example.org",
            "https://*.example.org/*",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
