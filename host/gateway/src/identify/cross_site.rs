//! Requests that a web page of somebody else makes a browser send.
//!
//! A browser adds passwords and client certificates by itself, whichever page asks, and needs
//! nothing at all where callers without a credential are somebody. A page cannot read the
//! answers of another origin, but what is asked for is done. So these proofs count only where
//! the browser does not say that the page is foreign. Keys and tokens are added by whoever
//! asks, and a page that has one was given it.
//!
//! A page whose own name is made to mean this machine (DNS rebinding) is of the same origin to
//! its browser. It asks for that name, though, and a gateway that takes callers without a
//! credential answers only to its own. Other proofs belong to the name for which they were
//! entered or issued.
//!
//! Sources: WHATWG Fetch, "`Origin` header"; W3C Fetch Metadata Request Headers, section 2.4;
//! Ollama `server/routes.go` (`allowedHostsMiddleware`).

use std::net::IpAddr;

use http::HeaderMap;
use http::header::HOST;
use http::request::Parts;
use stockade_core::{ProofKind, Transport};
use stockade_ollama::page::{self, OwnOrigin, host_name, shown_header};

use crate::context::Context;
use crate::refused::Refused;
use stockade_config::PRIVATE_DOMAINS;

/// Refuses what web pages of others make browsers send.
pub(crate) struct Pages {
    /// The machine's own name, in lower case.
    machine: Option<String>,
}

impl Pages {
    pub(crate) fn of_this_machine() -> Self {
        Self { machine: machine_name() }
    }

    /// Refuses what a page asks for that may not, with a proof that its browser sends by
    /// itself.
    pub(crate) fn check(
        &self,
        context: &Context<'_>,
        parts: &Parts,
        proof: ProofKind,
    ) -> Result<(), Refused> {
        Visit { machine: self.machine.as_deref(), context }.check(parts, proof)
    }
}

/// The look at one request.
struct Visit<'a> {
    machine: Option<&'a str>,
    context: &'a Context<'a>,
}

impl Visit<'_> {
    fn check(&self, parts: &Parts, proof: ProofKind) -> Result<(), Refused> {
        let headers = &parts.headers;
        let hosts = self.hosts(headers);
        if self.is_foreign(headers, &hosts) {
            return Err(foreign_page(headers));
        }
        // To a name that its certificate does not have, no browser sends anything.
        if proof != ProofKind::Anonymous || self.context.link.transport != Transport::Plain {
            return Ok(());
        }
        match hosts.iter().find(|host| !self.is_known(host)) {
            Some(host) => Err(unknown_host(host)),
            None => Ok(()),
        }
    }

    /// The hosts that were asked for, perhaps with ports: the caller's word and that of
    /// trusted proxies.
    fn hosts(&self, headers: &HeaderMap) -> Vec<String> {
        let proxies = &self.context.generation.config.trusted_proxies;
        let mut hosts = proxies.hosts(self.context.link.source(), headers);
        let own = headers.get_all(HOST).iter();
        hosts.extend(own.map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned()));
        hosts
    }

    fn is_foreign(&self, headers: &HeaderMap, hosts: &[String]) -> bool {
        let own = OwnOrigin { hosts, encrypted: self.context.link.transport != Transport::Plain };
        let allowed = &self.context.generation.config.cors.origins;
        page::is_foreign(headers, own, |origin| allowed.iter().any(|known| known.matches(origin)))
    }

    /// Looks for a name that nobody else can make mean this machine, or that the
    /// configuration gives.
    fn is_known(&self, host: &str) -> bool {
        let name = host_name(host);
        let listener = self.context.generation.listener(self.context.link.listener, false);
        is_local(&name)
            || self.machine == Some(name.as_str())
            || listener.is_some_and(|listener| listener.hosts.contains(&name))
    }
}

/// An address is not looked up, and a name without a dot or of a private domain cannot be
/// registered.
fn is_local(name: &str) -> bool {
    let unbracketed = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if unbracketed.unwrap_or(name).parse::<IpAddr>().is_ok() {
        return true;
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !name.bytes().all(plain) {
        return false;
    }
    let private =
        |domain: &&str| name.strip_suffix(*domain).is_some_and(|rest| rest.ends_with('.'));
    !name.contains('.') || PRIVATE_DOMAINS.iter().any(private)
}

fn foreign_page(headers: &HeaderMap) -> Refused {
    Refused::foreign_page(format!(
        "a web page {} may not use this gateway with what its visitor's browser sends by itself; \
         the operator allows a page by naming its origin in cors.origins",
        page::whose_page(headers)
    ))
}

fn unknown_host(host: &str) -> Refused {
    Refused::foreign_page(format!(
        "this gateway is not known by the name {}, and answers callers without a credential by its \
         own names only; the operator adds one in `hosts` of the listener",
        shown_header(host.as_bytes())
    ))
}

/// The name that the machine has for itself, where the system tells it.
fn machine_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_nobody_can_register_are_local() {
        for host in [
            "localhost",
            "localhost:11435",
            "LOCALHOST.",
            "127.0.0.1",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:11435",
            "192.168.0.7",
            "8.8.8.8:80",
            "gateway",
            "nas:11435",
            "pc.local",
            "app.localhost:5173",
            "stockade.ns.svc.cluster.local",
            "ollama.internal",
            "box.home.arpa",
            "",
            ":80",
        ] {
            assert!(is_local(&host_name(host)), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:11435",
            "local.evil.example",
            "evil-local",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "home.arpa",
            "evil.example.",
            "user@localhost",
            "localhost/evil.example",
            "evil.notlocal.example",
            "ev\u{fffd}il",
            "[::1].evil.example",
            ".example",
            "xlocal.example",
        ] {
            let local = is_local(&host_name(host));
            assert_eq!(local, host == "evil-local", "{host}");
        }
    }
}
