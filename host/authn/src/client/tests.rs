use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use ForwardingHeader::{Forwarded, XForwardedFor};

/// `10.0.0.0/8` and `2001:db8:1::/48` are trusted.
fn proxies(header: Option<ForwardingHeader>) -> TrustedProxies {
    let addresses = ["10.0.0.0/8", "2001:db8:1::/48"].map(|range| range.parse().unwrap());
    TrustedProxies { addresses: addresses.into(), header }
}

fn client_from(
    hop: &str,
    header: ForwardingHeader,
    lines: &[&str],
) -> Result<String, BadForwarding> {
    let mut headers = HeaderMap::new();
    for line in lines {
        let name = if header == Forwarded { "forwarded" } else { "x-forwarded-for" };
        headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    let client = proxies(Some(header)).client(hop.parse().unwrap(), &headers);
    client.map(|client| client.to_string())
}

fn client(header: ForwardingHeader, lines: &[&str]) -> Result<String, BadForwarding> {
    client_from("10.0.0.1", header, lines)
}

#[test]
fn the_nearest_address_that_is_not_trusted_is_the_callers() {
    for (lines, expected) in [
        (&["203.0.113.7"][..], "203.0.113.7"),
        (&["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        (&["198.51.100.1,203.0.113.7 , 10.0.0.9"], "203.0.113.7"),
        (&["198.51.100.1", "203.0.113.7", "10.9.9.9, 2001:db8:1::5"], "203.0.113.7"),
        (&["10.0.0.7, 10.0.0.8"], "10.0.0.7"),
        (&["203.0.113.7:4711"], "203.0.113.7"),
        (&["2001:db8:2::7"], "2001:db8:2::7"),
        (&["[2001:db8:2::7]"], "2001:db8:2::7"),
        (&["[2001:db8:2::7]:4711"], "2001:db8:2::7"),
        (&["::ffff:203.0.113.7"], "203.0.113.7"),
        (&["203.0.113.7, ::ffff:10.0.0.9"], "203.0.113.7"),
        (&["\"; rm -rf, unknown, 203.0.113.7"], "203.0.113.7"),
        (&["unknown", "203.0.113.7"], "203.0.113.7"),
        (&[], "10.0.0.1"),
    ] {
        assert_eq!(client(XForwardedFor, lines).as_deref(), Ok(expected), "{lines:?}");
    }
}

#[test]
fn a_proxy_that_is_not_trusted_is_not_listened_to() {
    for hop in ["203.0.113.7", "11.0.0.1", "2001:db8:2::1", "127.0.0.1"] {
        for lines in [&["198.51.100.1"][..], &["nonsense"], &[&"x".repeat(5000)]] {
            assert_eq!(client_from(hop, XForwardedFor, lines).as_deref(), Ok(hop));
        }
        assert_eq!(client_from(hop, Forwarded, &["for=198.51.100.1"]).as_deref(), Ok(hop));
    }
    let mapped = client_from("::ffff:10.0.0.1", XForwardedFor, &["198.51.100.1"]);
    assert_eq!(mapped.as_deref(), Ok("198.51.100.1"), "it is trusted in either spelling");
}

#[test]
fn the_header_that_was_not_chosen_says_nothing() {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", HeaderValue::from_static("198.51.100.1"));
    headers.insert("forwarded", HeaderValue::from_static("for=198.51.100.2"));
    for name in ["x-real-ip", "true-client-ip", "client-ip", "x-client-ip"] {
        headers.insert(name, HeaderValue::from_static("198.51.100.3"));
    }
    let hop = "10.0.0.1".parse().unwrap();
    for (header, expected) in [
        (None, "10.0.0.1"),
        (Some(XForwardedFor), "198.51.100.1"),
        (Some(Forwarded), "198.51.100.2"),
    ] {
        assert_eq!(proxies(header).client(hop, &headers).unwrap().to_string(), expected);
    }
    let nobody = TrustedProxies::default().client(hop, &headers);
    assert_eq!(nobody.unwrap().to_string(), "10.0.0.1");
}

#[test]
fn a_trusted_proxy_that_writes_nonsense_is_refused() {
    for line in [
        "",
        " ",
        ",",
        "unknown",
        "203.0.113.7,",
        "203.0.113",
        "203.0.113.07",
        "0x7f.1",
        "203.0.113.7:",
        "203.0.113.7:99999",
        "2001:db8:2::7:x",
        "[2001:db8:2::7",
        "[203.0.113.7]",
        "fe80::1%eth0",
        "[fe80::1%2]:80",
        "203.0.113.7 10.0.0.9",
        "203.0.113.7;",
        "\u{e9}",
        "198.51.100.1, gateway.example",
    ] {
        let refused = client(XForwardedFor, &[line]);
        assert_eq!(refused, Err(BadForwarding::Malformed(XForwardedFor)), "{line:?}");
    }
    let long = format!("{}, 203.0.113.7", "198.51.100.1, ".repeat(200));
    let refused = client(XForwardedFor, &[&long]);
    assert_eq!(refused, Err(BadForwarding::TooLong(XForwardedFor)));
    let many = client(XForwardedFor, &["198.51.100.1"; 200]);
    assert_eq!(many, Err(BadForwarding::TooLong(XForwardedFor)), "all lines count together");
}

/// Examples of RFC 7239, sections 4 and 6, among others.
#[test]
fn forwarded_is_read_by_its_standard() {
    for (lines, expected) in [
        (&["for=192.0.2.60;proto=http;by=203.0.113.43"][..], "192.0.2.60"),
        (&["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
        (&["for=192.0.2.43, for=198.51.100.17"], "198.51.100.17"),
        (&["for=192.0.2.43,for=\"198.51.100.17:80\""], "198.51.100.17"),
        (&["for=192.0.2.43; proto=https , for=10.0.0.9"], "192.0.2.43"),
        (&["for=_secret, for=unknown, for=192.0.2.43, for=10.0.0.9"], "192.0.2.43"),
        (&["for=192.0.2.43", "for=\"10.0.0.9:_port\""], "192.0.2.43"),
        (&["for=\"192.0.2.\\43\""], "192.0.2.43"),
        (&["host=\"a,for=1.2.3.4\";for=192.0.2.43"], "192.0.2.43"),
    ] {
        assert_eq!(client(Forwarded, lines).as_deref(), Ok(expected), "{lines:?}");
    }
}

#[test]
fn forwarded_that_is_broken_or_hides_the_caller_is_refused() {
    for line in [
        "",
        ",",
        "for",
        "for=",
        "for =192.0.2.43",
        "for= 192.0.2.43",
        "192.0.2.43",
        "for=192.0.2.43:80",
        "for=[2001:db8::1]",
        "for=\"2001:db8::1\"",
        "for=\"192.0.2.43",
        "for=\"192.0.2.43\"x",
        "for=192.0.2.43;",
        "for=192.0.2.43;;proto=http",
        "for=192.0.2.43,",
        "for=192.0.2.43;for=192.0.2.44",
        "for=192.0.2.43 for=1.2.3.4",
        "for=\"192.0.2.43:99999\"",
        "for=\"192.0.2.43:\"",
        "for=\"[2001:db8::1]80\"",
        "for=_",
        "for=\", for=192.0.2.43",
        "for=gateway",
        "for=\"192.0.2.43\\",
    ] {
        let refused = client(Forwarded, &[line]);
        assert_eq!(refused, Err(BadForwarding::Malformed(Forwarded)), "{line:?}");
    }
    for line in ["for=unknown", "for=_hidden", "proto=https", "for=192.0.2.43, for=Unknown"] {
        assert_eq!(client(Forwarded, &[line]), Err(BadForwarding::Hidden), "{line:?}");
    }
}

proptest! {
    /// Whatever a caller writes, the proxy's word about it counts.
    #[test]
    fn nobody_chooses_an_address(written in "[ -~]{0,200}", separate in any::<bool>()) {
        let appended = format!("{written}, 203.0.113.7");
        let lines = if separate { vec![written.as_str(), "203.0.113.7"] } else { vec![appended.as_str()] };
        prop_assert_eq!(client(XForwardedFor, &lines), Ok("203.0.113.7".to_owned()));
    }

    #[test]
    fn nobody_chooses_an_address_in_forwarded(
        written in "(for=|[\",;=\\\\]|[ -~]|192\\.0\\.2\\.1|proto=http){0,30}",
        separate in any::<bool>(),
    ) {
        let appended = format!("{written}, for=203.0.113.7");
        let lines = if separate { vec![written.as_str(), "for=203.0.113.7"] } else { vec![appended.as_str()] };
        match client(Forwarded, &lines) {
            Ok(client) => prop_assert_eq!(client, "203.0.113.7"),
            Err(refused) => prop_assert_eq!(refused, BadForwarding::Malformed(Forwarded)),
        }
    }

    #[test]
    fn any_bytes_of_the_proxy_protocol_are_read(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        with_signature in any::<bool>(),
    ) {
        let signature: &[u8] = if with_signature { b"\r\n\r\n\0\r\nQUIT\n" } else { b"" };
        let bytes = [signature, &bytes].concat();
        match ProxyHeader::read(&bytes) {
            Ok(ProxyHeader::Complete { length, .. }) => prop_assert!(length <= bytes.len()),
            Ok(ProxyHeader::Incomplete(needed)) => prop_assert!(needed > bytes.len()),
            Err(_) => {}
        }
    }
}
