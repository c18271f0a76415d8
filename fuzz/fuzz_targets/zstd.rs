//! Compressed bodies: no frame makes the decoder panic or exceed its limit.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use stockade_fuzz::{limits, routed};

fuzz_target!(|data: &[u8]| {
    let path = "/v1/embeddings".parse().unwrap();
    let routed = routed(&Method::POST, &path, &[("content-encoding", "zstd")]).unwrap();
    let _ = routed.read(data.to_vec().into(), &limits());
});
