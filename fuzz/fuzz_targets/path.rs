//! Paths: what is forwarded is the same route, and its own canonical form.
#![no_main]

use http::{Method, Uri};
use libfuzzer_sys::fuzz_target;
use stockade_core::Subject as _;
use stockade_fuzz::{limits, routed, write};
use stockade_ollama::BodyKind;

fuzz_target!(|data: &[u8]| {
    let Some((&which, target)) = data.split_first() else {
        return;
    };
    let Ok(uri) = Uri::try_from(target) else {
        return;
    };
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::DELETE];
    let method = &methods[usize::from(which) % methods.len()];
    let read = |uri: &Uri| {
        let routed = routed(method, uri, &[]).ok()?;
        match routed.body_kind() {
            BodyKind::None => routed.read(bytes::Bytes::new(), &limits()).ok(),
            BodyKind::Blob => routed.streamed().ok(),
            BodyKind::Json(_) | BodyKind::Multipart => None,
        }
    };
    let Some(request) = read(&uri) else {
        return;
    };
    let (operation, models) = (request.operation(), request.models().to_vec());
    let forwarded: Uri = write(request).path.parse().expect("a path");
    assert!(forwarded.query().is_none());
    let again = read(&forwarded).expect("what is forwarded is understood");
    assert_eq!((again.operation(), again.models()), (operation, &models[..]));
    assert_eq!(write(again).path, forwarded.path());
});
