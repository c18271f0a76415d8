//! The web pages that may call and read answers.

use stockade_yaml::{Diagnostics, Field, Problem, Spanned, quoted};

use super::names::Unique;
use crate::raw::RawCors;
use crate::types::{Cors, InvalidOrigin, OriginPattern};

const FORM: &str = "write it as browsers send it, such as https://chat.example.org or \
                    http://localhost:3000: no path, no slash at the end";
const ASTERISKS: &str = "an asterisk can be the whole host of an extension or application \
                         (moz-extension://*), the front of a host (https://*.example.org), or the \
                         port (http://localhost:*)";
const OWN_PAGES: &str = "name the origins of your own pages";

pub(super) fn cors(slot: Field<RawCors>, diagnostics: &mut Diagnostics) -> Cors {
    let raw = slot.value().unwrap_or_default();
    let mut unique = Unique::new();
    let mut origins = Vec::new();
    for text in raw.origins.value().into_iter().flatten().filter_map(Field::optional) {
        let Some(origin) = origin(&text, diagnostics) else {
            continue;
        };
        unique.check(origin.clone(), &format!("the origin {}", text.value), text.at, diagnostics);
        origins.push(origin);
    }
    Cors { origins }
}

fn origin(text: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<OriginPattern> {
    let invalid = match OriginPattern::new(&text.value) {
        Ok(origin) => return Some(origin),
        Err(invalid) => invalid,
    };
    let help = match invalid {
        InvalidOrigin::Malformed => FORM,
        InvalidOrigin::Everyone | InvalidOrigin::TooWide => OWN_PAGES,
        InvalidOrigin::Misplaced => ASTERISKS,
    };
    let message = format!("{} {invalid}", quoted(&text.value));
    diagnostics.add(Problem::new(text.at, message).help(help));
    None
}
