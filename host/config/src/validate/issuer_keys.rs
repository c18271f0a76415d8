//! The sources of a JWT issuer's keys.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use stockade_authn::{InvalidJwtKey, JwtKeys, KeySet};
use stockade_yaml::{Diagnostics, Field, Location, Problem, Spanned};

use super::LoadContext;
use super::listeners::open;
use super::outbound::{URL_FORM, check_uri, endpoint, uri};
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
