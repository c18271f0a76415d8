//! The address of Ollama, and whether listeners may listen where they do.

use std::net::IpAddr;
use std::time::Duration;

use http::Uri;
use http::uri::{Authority, Scheme};
use stockade_yaml::{Diagnostics, Field, Location, Problem, Spanned};

use super::quantities::Quantity;
use super::usage;
use crate::raw::RawUpstream;
use crate::types::{Listener, Upstream};

const DEFAULT_UPSTREAM: Authority = Authority::from_static("127.0.0.1:11434");
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A large model may take minutes to load, and without a stream the answer begins when
/// all of it is there.
const DEFAULT_RESPONSE_TIMEOUT: Duration = Duration::from_mins(30);
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_mins(5);
const DEFAULT_CATALOGUE_REFRESH: Duration = Duration::from_secs(30);

pub(super) struct Network {
    pub(super) listen: Vec<Listener>,
    pub(super) upstream: Upstream,
}

impl Network {
    pub(super) fn check(
        listeners: Vec<Spanned<Listener>>,
        upstream: Field<RawUpstream>,
        allow_plain_http: Field<bool>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        // What could not be read might have allowed it.
        let plain = allow_plain_http.is_invalid() || allow_plain_http.value() == Some(true);
        if !plain {
            refuse_plain(&listeners, diagnostics);
        }
        let (upstream, url_at) = self::upstream(upstream, diagnostics);
        refuse_loop(&listeners, &upstream.authority, url_at, diagnostics);
        let listen = listeners.into_iter().map(|located| located.value).collect();
        Self { listen, upstream }
    }
}

fn refuse_plain(listeners: &[Spanned<Listener>], diagnostics: &mut Diagnostics) {
    for Spanned { at, value: listener } in listeners {
        if listener.tls.is_none() && !listener.address.ip().to_canonical().is_loopback() {
            let message = format!(
                "{} can be reached from other machines without TLS, so that keys would \
                 travel in the clear",
                listener.address
            );
            diagnostics.add(Problem::new(*at, message).help(
                "give the listener a `tls` section, listen on 127.0.0.1 behind something that \
                 ends TLS, or set `allow_plain_http: true` on a network that you trust",
            ));
        }
    }
}

fn upstream(
    slot: Field<RawUpstream>,
    diagnostics: &mut Diagnostics,
) -> (Upstream, Option<Location>) {
    let raw = slot.value().unwrap_or_default();
    let url = raw.url.optional();
    let at = url.as_ref().map(|url| url.at);
    let authority = url.and_then(|url| authority(&url, diagnostics));
    let timeout = Quantity::duration(Duration::from_millis(10)..=Duration::from_mins(5));
    let patience = Quantity::duration(Duration::from_millis(100)..=Duration::from_hours(24));
    let upstream = Upstream {
        authority: authority.unwrap_or(DEFAULT_UPSTREAM),
        connect_timeout: timeout
            .read(raw.connect_timeout, diagnostics)
            .unwrap_or(DEFAULT_CONNECT_TIMEOUT),
        response_timeout: patience
            .read(raw.response_timeout, diagnostics)
            .unwrap_or(DEFAULT_RESPONSE_TIMEOUT),
        idle_timeout: patience.read(raw.idle_timeout, diagnostics).unwrap_or(DEFAULT_IDLE_TIMEOUT),
        catalogue_refresh: Quantity::duration(Duration::from_secs(1)..=Duration::from_hours(24))
            .read(raw.catalogue.value().unwrap_or_default().refresh, diagnostics)
            .unwrap_or(DEFAULT_CATALOGUE_REFRESH),
        queue: usage::queue(raw.slots, raw.queue, diagnostics),
    };
    (upstream, at)
}

const URL_FORM: &str = "write http://, a host and a port, such as http://127.0.0.1:11434";

fn authority(url: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<Authority> {
    if url.value.contains('@') {
        diagnostics.mask(url.at);
    }
    let wrong = match url.value.parse::<Uri>() {
        Ok(uri) => match check_uri(uri) {
            Ok(authority) => return Some(authority),
            Err(wrong) => wrong,
        },
        Err(_) => "this is not a URL",
    };
    diagnostics.add(Problem::new(url.at, wrong).help(URL_FORM));
    None
}

fn check_uri(uri: Uri) -> Result<Authority, &'static str> {
    let parts = uri.into_parts();
    match parts.scheme {
        Some(scheme) if scheme == Scheme::HTTP => {}
        Some(scheme) if scheme == Scheme::HTTPS => {
            return Err("Ollama is spoken to by plain HTTP only");
        }
        _ => return Err("this URL does not begin with http://"),
    }
    let authority = parts.authority.ok_or("this URL has no host")?;
    if authority.as_str().contains('@') {
        return Err("the URL must not contain a user name or password");
    }
    if parts.path_and_query.is_some_and(|path| path != "/") {
        return Err("the URL must not have a path or query");
    }
    if authority.port_u16().is_none_or(|port| port == 0) {
        return Err("the URL has no port");
    }
    Ok(authority)
}

/// An upstream that is the gateway itself would be asked for ever.
fn refuse_loop(
    listeners: &[Spanned<Listener>],
    upstream: &Authority,
    url_at: Option<Location>,
    diagnostics: &mut Diagnostics,
) {
    let port = upstream.port_u16().unwrap_or(80);
    let meets = |listener: &&Spanned<Listener>| {
        let address = listener.value.address;
        address.port() == port && reaches(upstream.host(), address.ip())
    };
    if let Some(listener) = listeners.iter().find(meets) {
        let message = "`upstream` is where the gateway itself listens";
        let help = "give Ollama another port than the gateway";
        diagnostics.add(Problem::new(url_at.unwrap_or(listener.at), message).help(help));
    }
}

/// Tells whether a connection to `host` arrives at a listener on `listen`, as far as can be told
/// without asking the network.
fn reaches(host: &str, listen: IpAddr) -> bool {
    let local = listen.to_canonical().is_loopback() || listen.is_unspecified();
    if host.eq_ignore_ascii_case("localhost") {
        return local;
    }
    let Ok(host) = host.trim_matches(['[', ']']).parse::<IpAddr>() else {
        return false;
    };
    let host = host.to_canonical();
    // An unspecified address as a destination means this machine.
    host == listen.to_canonical()
        || (host.is_unspecified() && local)
        || (host.is_loopback() && listen.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::reaches;

    #[test]
    fn a_loop_is_seen_through_every_spelling_of_this_machine() {
        let cases = [
            ("127.0.0.1", "127.0.0.1", true),
            ("localhost", "127.0.0.1", true),
            ("LOCALHOST", "::", true),
            ("[::1]", "::1", true),
            ("[::1]", "::", true),
            ("127.0.0.1", "0.0.0.0", true),
            ("0.0.0.0", "127.0.0.1", true),
            ("[::ffff:127.0.0.1]", "127.0.0.1", true),
            ("192.168.0.7", "192.168.0.7", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("192.168.0.7", "127.0.0.1", false),
            ("localhost", "192.168.0.7", false),
            ("ollama.internal", "0.0.0.0", false),
        ];
        for (host, listen, expected) in cases {
            let listen = listen.parse().unwrap();
            assert_eq!(reaches(host, listen), expected, "{host} {listen}");
        }
    }
}
