//! The addresses to listen on, and their certificates.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::LoadContext;
use super::hosts::hosts;
use super::names::Unique;
use super::secret_file::SecretFileError;
use crate::raw::{ClientAuth, ProxyProtocol, RawListen, RawListener, RawListeners, RawTls};
use crate::types::Listener;
use stockade_core::GroupName;
use stockade_net::tls::{ClientFiles, Ending, EndingKind, Tls, TlsError, TlsFiles};
use stockade_yaml::{Diagnostics, Field, Location, Problem, Spanned, quoted};

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 11_435);

/// The most bytes of certificates, authorities, keys and revocation lists in one file.
const LONGEST: u64 = 16 << 20;

/// A listener and where its address stands; at the file's beginning for the default.
pub(super) fn listeners(
    slot: Field<RawListeners>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Spanned<Listener>> {
    let mut listeners = match slot.optional() {
        Some(written) => read(written, context, diagnostics),
        None => Vec::new(),
    };
    if listeners.is_empty() {
        listeners.push(Spanned::new(Location::point(1, 1), Listener::plain(DEFAULT_LISTEN)));
    }
    listeners
}

fn read(
    written: Spanned<RawListeners>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Spanned<Listener>> {
    let raw = match written.value {
        RawListeners::One(text) => vec![RawListen::Address(text)],
        RawListeners::With(listener) => vec![RawListen::With(listener)],
        RawListeners::Many(all) => all.into_iter().filter_map(Field::value).collect(),
    };
    if raw.is_empty() {
        let help = "name an address, or leave the key out to listen on 127.0.0.1:11435";
        diagnostics.add(Problem::new(written.at, "there is no address to listen on").help(help));
    }
    let mut unique = Unique::new();
    let mut listeners = Vec::with_capacity(raw.len());
    for raw in raw {
        let Some(listener) = listener(raw, context, diagnostics) else {
            continue;
        };
        // Each port 0 becomes another port.
        let address = listener.value.address;
        if address.port() != 0 {
            unique.check(address, &format!("the address {address}"), listener.at, diagnostics);
        }
        listeners.push(listener);
    }
    listeners
}

fn listener(
    raw: RawListen,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Spanned<Listener>> {
    let (text, name, tls, proxy_protocol, hosts) = match raw {
        RawListen::Address(text) => (text.optional()?, None, None, false, Vec::new()),
        RawListen::With(listener) => {
            let Spanned { at, value: raw } = listener.optional()?;
            let RawListener { address, name, tls, proxy_protocol, hosts } = raw;
            let broken = tls.is_invalid() || proxy_protocol.is_invalid() || name.is_invalid();
            let has_tls = !matches!(tls, Field::Absent);
            let tls = tls.optional().map(|tls| self::tls(tls, context, diagnostics));
            let address = address.required("address", at, diagnostics)?;
            if broken {
                return None;
            }
            // The rules of a name are those of a group's.
            let name = match name.optional() {
                Some(name) => Some(name.check(diagnostics, |name| GroupName::new(name))?),
                None => None,
            };
            let proxy_protocol = proxy_protocol.value() == Some(ProxyProtocol::Required);
            (address, name, tls, proxy_protocol, self::hosts(hosts, has_tls, diagnostics))
        }
    };
    let address = address(&text, diagnostics)?;
    let tls = match tls {
        // What cannot be read must not become plain HTTP.
        Some(tls) => Some(tls?),
        None => None,
    };
    let (tls, endings) = tls.unzip();
    let endings = endings.unwrap_or_default();
    let name = name.map(|name| name.as_str().into());
    Some(Spanned::new(text.at, Listener { address, name, tls, proxy_protocol, hosts, endings }))
}

fn address(text: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<SocketAddr> {
    if let Ok(address) = text.value.parse() {
        return Some(address);
    }
    let message = format!("{} is no address to listen on", quoted(&text.value));
    let help = match text.value.rsplit_once(':') {
        Some(("localhost", port)) => format!("write 127.0.0.1:{port} or [::1]:{port}"),
        Some(("" | "*", port)) => format!("for all interfaces write 0.0.0.0:{port} or [::]:{port}"),
        _ => "write an IP address and a port, such as 127.0.0.1:11435 or [::1]:11435".to_owned(),
    };
    diagnostics.add(Problem::new(text.at, message).help(help));
    None
}

fn tls(
    raw: Spanned<RawTls>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<(Tls, Vec<(Location, Ending)>)> {
    let Spanned { at, value: raw } = raw;
    let certificate = raw.certificate.required("certificate", at, diagnostics);
    let key = raw.key.required("key", at, diagnostics);
    let authority = raw.client_ca.optional();
    let revoked = raw.crl.optional();
    let auth = raw.client_auth.value();
    if authority.is_none() && (revoked.is_some() || auth.is_some()) {
        let problem = Problem::new(at, "clients cannot be verified without `client_ca`");
        diagnostics
            .add(problem.help("name the file with the authority that signs their certificates"));
        return None;
    }
    let (certificate, key) = (certificate?, key?);
    let places = [certificate.at, key.at, authority.as_ref().map_or(at, |file| file.at)];
    let revoked_at = revoked.as_ref().map_or(at, |file| file.at);
    let mut open = |file: &Spanned<String>| open(file, context, diagnostics);
    let clients = match (authority, revoked) {
        (None, _) => None,
        (Some(authority), revoked) => Some(ClientFiles {
            authority: open(&authority)?,
            revoked: match revoked {
                Some(revoked) => Some(open(&revoked)?),
                None => None,
            },
            required: auth != Some(ClientAuth::Optional),
        }),
    };
    let certificate = open(&certificate)?;
    let key = match context.secret(&key.value) {
        Ok(key) => key,
        Err(error) => {
            // Somebody may have written the key itself.
            if matches!(error, SecretFileError::Missing(_)) {
                diagnostics.mask(key.at);
            }
            diagnostics.add(Problem::new(key.at, error.to_string()));
            return None;
        }
    };
    let built = Tls::new(&TlsFiles { certificate, key, clients });
    built
        .map(|tls| {
            let place = |ending: &Ending| ends_at(ending.kind, places, revoked_at);
            let endings = tls.endings().iter();
            let endings = endings.map(|ending| (place(ending), ending.clone())).collect();
            (tls, endings)
        })
        .map_err(|error| {
            diagnostics.add(Problem::new(place(&error, places, revoked_at), error.to_string()));
        })
        .ok()
}

const fn ends_at(kind: EndingKind, places: [Location; 3], revoked: Location) -> Location {
    let [certificate, _, authority] = places;
    match kind {
        EndingKind::Certificate => certificate,
        EndingKind::Authority => authority,
        EndingKind::RevocationList => revoked,
    }
}

fn place(error: &TlsError, places: [Location; 3], revoked: Location) -> Location {
    let [certificate, key, authority] = places;
    match error {
        TlsError::Certificate(_) => certificate,
        TlsError::Key(_) | TlsError::EncryptedKey | TlsError::Pair(_) => key,
        TlsError::Authority(_) | TlsError::NoAuthorities => authority,
        TlsError::Revoked(_) => revoked,
    }
}

pub(super) fn open(
    file: &Spanned<String>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<u8>> {
    let path = context.file(&file.value);
    match context.sources.read(&path, LONGEST) {
        Ok(file_content) => Some(file_content.bytes.to_vec()),
        Err(error) => {
            let message = format!("cannot read {}: {error}", path.display());
            diagnostics.add(Problem::new(file.at, message));
            None
        }
    }
}
