//! The parts that the targets share.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use stockade_core::Obligations;
use stockade_ollama::{
    CanonicalRequest, ReadLimits, Refusal, RequestHead, Routed, UpstreamBody, UpstreamRequest,
    WriteOptions, route,
};

/// Find a route, with some headers.
pub fn routed(method: &Method, target: &Uri, headers: &[(&str, &str)]) -> Result<Routed, Refusal> {
    let mut map = HeaderMap::new();
    map.insert("host", HeaderValue::from_static("gateway"));
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.insert(name, HeaderValue::from_str(value).unwrap());
    }
    route(&RequestHead { method, uri: target, headers: &map, version: http::Version::HTTP_11 })
}

/// Limits under which the fuzzer finds the deep parts quickly.
pub fn limits() -> ReadLimits {
    ReadLimits { bytes: 1 << 20, ..ReadLimits::default() }
}

/// Write a request as nobody obliges it to be changed.
pub fn write(request: CanonicalRequest) -> UpstreamRequest {
    request.write(&Obligations::default(), &WriteOptions::default()).expect("no obligations")
}

/// The JSON of a request.
pub fn json(body: UpstreamBody) -> Bytes {
    match body {
        UpstreamBody::Json(bytes) => bytes,
        other => panic!("{other:?} is not JSON"),
    }
}
