//! `Forwarded` (RFC 7239): `for=192.0.2.43;proto=https, for="[2001:db8::17]:4711"`.
//!
//! The whole header is read strictly, also what the caller wrote: a quotation mark without
//! its counterpart could otherwise hide what a proxy appends.

use std::net::{IpAddr, Ipv6Addr};

use super::{BadForwarding, ForwardingHeader};

const MALFORMED: BadForwarding = BadForwarding::Malformed(ForwardingHeader::Forwarded);

/// One element: the client that it speaks for, and the host that was asked for.
struct Element {
    node: Node,
    host: Option<String>,
}

#[derive(Clone, Copy)]
enum Node {
    Address(IpAddr),
    /// `unknown`, a made-up name, or nothing.
    Hidden,
}

/// The addresses from the nearest to the furthest.
pub(super) fn hops(
    lines: &[&str],
) -> Result<impl Iterator<Item = Result<IpAddr, BadForwarding>> + use<>, BadForwarding> {
    Ok(elements(lines)?.into_iter().rev().map(|element| match element.node {
        Node::Address(address) => Ok(address),
        Node::Hidden => Err(BadForwarding::Hidden),
    }))
}

/// The hosts that were asked for.
pub(super) fn hosts(lines: &[&str]) -> Result<Vec<String>, BadForwarding> {
    Ok(elements(lines)?.into_iter().filter_map(|element| element.host).collect())
}

fn elements(lines: &[&str]) -> Result<Vec<Element>, BadForwarding> {
    let mut elements = Vec::new();
    for line in lines {
        Text(line).elements(&mut elements)?;
    }
    Ok(elements)
}

/// The rest of a line.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    fn elements(&mut self, elements: &mut Vec<Element>) -> Result<(), BadForwarding> {
        loop {
            elements.push(self.element()?);
            if self.0.is_empty() {
                return Ok(());
            }
            if !self.take(',') {
                return Err(MALFORMED);
            }
        }
    }

    /// Pairs between semicolons, at least one.
    fn element(&mut self) -> Result<Element, BadForwarding> {
        let (mut node, mut host) = (None, None);
        loop {
            self.skip_space();
            let name = self.token()?;
            if !self.take('=') {
                return Err(MALFORMED);
            }
            let value = self.value()?;
            if name.eq_ignore_ascii_case("for") && node.replace(read_node(&value)?).is_some() {
                return Err(MALFORMED);
            }
            if name.eq_ignore_ascii_case("host") {
                host = Some(value);
            }
            self.skip_space();
            if !self.take(';') {
                return Ok(Element { node: node.unwrap_or(Node::Hidden), host });
            }
        }
    }

    /// RFC 9110, section 5.6.2.
    fn token(&mut self) -> Result<&'a str, BadForwarding> {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = self.0.find(|c| !is_token(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        if token.is_empty() { Err(MALFORMED) } else { Ok(token) }
    }

    fn value(&mut self) -> Result<String, BadForwarding> {
        if self.take('"') { self.quoted() } else { self.token().map(str::to_owned) }
    }

    /// Reads the text after the first quotation mark (RFC 9110, section 5.6.4).
    fn quoted(&mut self) -> Result<String, BadForwarding> {
        let mut value = String::new();
        let mut characters = self.0.chars();
        loop {
            match characters.next().ok_or(MALFORMED)? {
                '"' => break,
                '\\' => value.push(characters.next().ok_or(MALFORMED)?),
                other => value.push(other),
            }
        }
        self.0 = characters.as_str();
        Ok(value)
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn take(&mut self, expected: char) -> bool {
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

/// RFC 7239, section 6: a name, and perhaps a port that means nothing here.
fn read_node(value: &str) -> Result<Node, BadForwarding> {
    let (node, rest) = if let Some(rest) = value.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or(MALFORMED)?;
        let address: Ipv6Addr = address.parse().map_err(|_| MALFORMED)?;
        (Node::Address(address.into()), rest)
    } else {
        let (name, rest) = value.split_at(value.find(':').unwrap_or(value.len()));
        (read_name(name)?, rest)
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok() || is_made_up(port);
    if rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port) {
        Ok(node)
    } else {
        Err(MALFORMED)
    }
}

fn read_name(name: &str) -> Result<Node, BadForwarding> {
    if name.eq_ignore_ascii_case("unknown") || is_made_up(name) {
        return Ok(Node::Hidden);
    }
    name.parse().map(|address| Node::Address(IpAddr::V4(address))).map_err(|_| MALFORMED)
}

/// RFC 7239, section 6.3.
fn is_made_up(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.strip_prefix('_').is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_part))
}
