//! Servers that the gateway asks or tells something.

use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;
use stockade_net::{Endpoint, tls};
use stockade_yaml::{Diagnostics, Location, Problem, Spanned};

use super::LoadContext;
use super::listeners::open;

/// The server of a URL, verified by the authorities of the file `ca`, if there is one.
pub(super) fn endpoint(
    (uri, at): (Uri, Location),
    ca: Option<Spanned<String>>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Endpoint> {
    if uri.scheme() == Some(&Scheme::HTTP) {
        if let Some(ca) = ca {
            diagnostics
                .add(Problem::new(ca.at, "nothing is verified by this `ca`: the URL is http"));
        }
        return Some(Endpoint::plain(uri));
    }
    let authority = match &ca {
        Some(file) => Some(open(file, context, diagnostics)?),
        None => None,
    };
    let at = ca.map_or(at, |file| file.at);
    let client = tls::client(authority.as_deref());
    let client =
        client.map_err(|error| diagnostics.add(Problem::new(at, error.to_string()))).ok()?;
    Some(Endpoint::over_tls(uri, client, authority))
}

pub(super) const URL_FORM: &str =
    "write https://, a host and a path, such as https://sso.example.org/jwks.json";

/// The URL of a server.
pub(super) fn uri(url: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<Uri> {
    if url.value.contains('@') {
        diagnostics.mask(url.at);
    }
    let read = url.value.parse::<Uri>().map_err(|_| "this is not a URL").and_then(check_uri);
    read.map_err(|wrong| diagnostics.add(Problem::new(url.at, wrong).help(URL_FORM))).ok()
}

/// Takes https, and http on this machine.
pub(super) fn check_uri(uri: Uri) -> Result<Uri, &'static str> {
    let host = uri.host().filter(|host| !host.is_empty()).ok_or("this URL has no host")?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("the URL must not contain a user name or password");
    }
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Ok(uri),
        Some(scheme) if *scheme == Scheme::HTTP && is_this_machine(host) => Ok(uri),
        Some(scheme) if *scheme == Scheme::HTTP => {
            Err("without TLS, what answers on another machine could be anybody")
        }
        _ => Err("this URL does not begin with https://"),
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    address.map_or_else(
        |_| host.eq_ignore_ascii_case("localhost"),
        |address| address.to_canonical().is_loopback(),
    )
}
