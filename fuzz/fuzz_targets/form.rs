//! Forms: what is forwarded reads the same again.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use stockade_core::Subject as _;
use stockade_fuzz::{limits, routed, write};
use stockade_ollama::UpstreamBody;

fuzz_target!(|data: &[u8]| {
    let path = "/v1/audio/transcriptions".parse().unwrap();
    let read = |body: Vec<u8>, content_type: &str| {
        let routed = routed(&Method::POST, &path, &[("content-type", content_type)]);
        routed.unwrap().read(body.into(), &limits())
    };
    let Ok(request) = read(data.to_vec(), "multipart/form-data; boundary=B") else {
        return;
    };
    let models = request.models().to_vec();
    let UpstreamBody::Form { content_type, pieces } = write(request).body else {
        panic!("not a form");
    };
    let forwarded = pieces.concat();
    let again = read(forwarded.clone(), content_type.to_str().unwrap()).expect("understood again");
    assert_eq!(again.models(), models);
    let UpstreamBody::Form { pieces, .. } = write(again).body else {
        panic!("not a form");
    };
    assert_eq!(pieces.concat(), forwarded);
});
