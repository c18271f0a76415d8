//! Words of proxies about callers: whatever a caller writes in front of it, the proxy's
//! word about the caller counts, or the request is refused.
#![no_main]

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use stockade_authn::{ForwardingHeader, TrustedProxies};

fuzz_target!(|data: &[u8]| {
    let (header, name, told) = match data.first().map(|first| first % 2) {
        Some(0) => (ForwardingHeader::XForwardedFor, "x-forwarded-for", "203.0.113.7"),
        _ => (ForwardingHeader::Forwarded, "forwarded", "for=\"203.0.113.7:4711\""),
    };
    let written = data.get(1..).unwrap_or_default();
    let proxies = TrustedProxies {
        addresses: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        header: Some(header),
    };
    let hop = "10.0.0.1".parse().unwrap();
    let client = |lines: &[&[u8]]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_bytes(line).ok()?);
        }
        Some(proxies.client(hop, &headers).map(|client| client.to_string()))
    };
    let _ = client(&[written]);
    let appended = [written, b", ", told.as_bytes()].concat();
    for lines in [&[&appended[..]][..], &[written, told.as_bytes()]] {
        if let Some(Ok(client)) = client(lines) {
            assert_eq!(client, "203.0.113.7");
        }
    }
});
