//! The sources of a JWT issuer's keys.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use stockade_authn::{InvalidJwtKey, JwtKeys, KeySet};
use stockade_net::{Endpoint, tls};
use stockade_yaml::{Diagnostics, Field, Location, Problem, Spanned};

use super::LoadContext;
use super::listeners::open;
use super::quantities::Quantity;
use super::tokens;
use crate::raw::RawIssuer;
use crate::types::FetchedKeys;

/// The keys, or none and where to fetch them.
pub(super) type Keys = (Arc<JwtKeys>, Option<FetchedKeys>);

const DEFAULT_REFRESH: Duration = Duration::from_mins(15);

pub(super) fn keys(
    at: Location,
    raw: RawIssuer,
    issuer: Option<&str>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Keys> {
    let fetched = matches!(&raw.jwks_url, Field::Present(_) | Field::Invalid);
    let (ca, refresh) = (raw.ca.optional(), raw.refresh);
    if let (false, Some(ca)) = (fetched, &ca) {
        diagnostics.add(Problem::new(ca.at, "`ca` is for keys that are fetched by `jwks_url`"));
    }
    if let (false, Field::Present(refresh)) = (fetched, &refresh) {
        let message = "`refresh` is for keys that are fetched by `jwks_url`; a file is watched";
        diagnostics.add(Problem::new(refresh.at, message));
    }
    let sources = [
        (Source::Url, raw.jwks_url),
        (Source::Set, raw.jwks_file),
        (Source::PublicKey, raw.public_key_file),
        (Source::Secret, raw.secret_file),
    ];
    let (source, text) = only(sources, at, diagnostics)?;
    let keys = match source {
        Source::Url => {
            let refresh = interval(refresh, diagnostics);
            let discovered_from =
                if text.value == DISCOVER { Some(issuer?.to_owned()) } else { None };
            let url = match &discovered_from {
                Some(issuer) => discovery(&text, issuer, diagnostics)?,
                None => uri(&text, diagnostics)?,
            };
            let endpoint = Arc::new(endpoint((url, text.at), ca, context, diagnostics)?);
            // Nothing is fetched while a configuration is read.
            let none = Arc::new(JwtKeys::fetched(|| ()));
            return Some((none, Some(FetchedKeys { endpoint, discovered_from, refresh })));
        }
        Source::Set => public(&text, KeySet::from_jwks, context, diagnostics),
        Source::PublicKey => public(&text, KeySet::from_pem, context, diagnostics),
        Source::Secret => secret(&text, context, diagnostics),
    };
    Some((Arc::new(JwtKeys::fixed(keys?)), None))
}

#[derive(Clone, Copy)]
enum Source {
    Url,
    Set,
    PublicKey,
    Secret,
}

/// Two places would let the weaker one decide.
fn only(
    sources: [(Source, Field<String>); 4],
    at: Location,
    diagnostics: &mut Diagnostics,
) -> Option<(Source, Spanned<String>)> {
    if sources.iter().any(|(_, slot)| slot.is_invalid()) {
        return None;
    }
    let mut written =
        sources.into_iter().filter_map(|(source, slot)| Some((source, slot.optional()?)));
    if let (Some(one), None) = (written.next(), written.next()) {
        return Some(one);
    }
    let problem = Problem::new(at, "the keys of an issuer come from one place");
    let help = "write one of `jwks_url`, `jwks_file`, `public_key_file` and `secret_file`; \
                `jwks_url: discover` finds them by the `issuer`";
    diagnostics.add(problem.help(help));
    None
}

fn interval(slot: Field<String>, diagnostics: &mut Diagnostics) -> Duration {
    let range = Quantity::duration(Duration::from_secs(10)..=Duration::from_hours(24));
    range.read(slot, diagnostics).unwrap_or(DEFAULT_REFRESH)
}

fn public(
    file: &Spanned<String>,
    read: fn(&[u8]) -> Result<KeySet, InvalidJwtKey>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<KeySet> {
    let file_content = open(file, context, diagnostics)?;
    file.check(diagnostics, |_| read(&file_content))
}

fn secret(
    file: &Spanned<String>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<KeySet> {
    match context.secret(&file.value) {
        Ok(secret) => file.check(diagnostics, |_| KeySet::from_secret(&secret)),
        Err(error) => {
            tokens::unusable(&error, file.at, diagnostics);
            None
        }
    }
}

fn endpoint(
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

/// The word in the place of a URL that says to look for it at the issuer.
const DISCOVER: &str = "discover";

/// The place of the issuer's configuration (OIDC Discovery 1.0, section 4).
fn discovery(
    written: &Spanned<String>,
    issuer: &str,
    diagnostics: &mut Diagnostics,
) -> Option<Uri> {
    let plain = !issuer.contains(['?', '#']);
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let url = url.parse::<Uri>().map_err(|_| "it is not a URL").and_then(check_uri);
    let url = url.and_then(|url| plain.then_some(url).ok_or("it has a query or a fragment"));
    url.map_err(|wrong| {
        let message = format!("`{DISCOVER}` asks at the URL that `issuer` is, and {wrong}");
        diagnostics.add(Problem::new(written.at, message).help(URL_FORM));
    })
    .ok()
}

const URL_FORM: &str =
    "write https://, a host and a path, such as https://sso.example.org/jwks.json";

fn uri(url: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<Uri> {
    if url.value.contains('@') {
        diagnostics.mask(url.at);
    }
    let read = url.value.parse::<Uri>().map_err(|_| "this is not a URL").and_then(check_uri);
    read.map_err(|wrong| diagnostics.add(Problem::new(url.at, wrong).help(URL_FORM))).ok()
}

fn check_uri(uri: Uri) -> Result<Uri, &'static str> {
    let host = uri.host().filter(|host| !host.is_empty()).ok_or("this URL has no host")?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("the URL must not contain a user name or password");
    }
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Ok(uri),
        Some(scheme) if *scheme == Scheme::HTTP && is_this_machine(host) => Ok(uri),
        Some(scheme) if *scheme == Scheme::HTTP => {
            Err("keys that come without TLS from another machine could be anybody's")
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
