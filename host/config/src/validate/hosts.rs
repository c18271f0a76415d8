//! Names by which a listener is reached.

use std::net::IpAddr;

use stockade_yaml::{Diagnostics, Field, Problem, Spanned, quoted};

use super::names::Unique;

/// In lower case, without a dot at the end. `tls` says whether the listener speaks it.
pub(super) fn hosts(
    written: Field<Vec<Field<String>>>,
    tls: bool,
    diagnostics: &mut Diagnostics,
) -> Vec<String> {
    let Some(Spanned { at, value: written }) = written.optional() else {
        return Vec::new();
    };
    if tls {
        let message = "names have no effect on a listener with `tls`";
        let help = "leave `hosts` out: no browser asks it for a name that its certificate lacks";
        diagnostics.add(Problem::new(at, message).help(help));
    }
    let mut unique = Unique::new();
    let mut hosts = Vec::new();
    for text in written.into_iter().filter_map(Field::optional) {
        let name = text.value.strip_suffix('.').unwrap_or(&text.value).to_ascii_lowercase();
        if name.parse::<IpAddr>().is_ok() || !is_name(&name) {
            let message = format!("{} is no name of a host", quoted(&text.value));
            let help = "write the name alone, such as ollama.example.org: no scheme, no port, no \
                        asterisk; IP addresses need not be told";
            diagnostics.add(Problem::new(text.at, message).help(help));
            continue;
        }
        unique.check(name.clone(), &format!("the name {name}"), text.at, diagnostics);
        hosts.push(name);
    }
    hosts
}

fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.bytes().all(known)
    };
    name.split('.').all(is_label)
}
