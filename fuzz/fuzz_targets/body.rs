//! JSON bodies: what is forwarded reads the same again, and the same for a reader that
//! folds keys, takes the first or takes the last.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use stockade_core::Subject as _;
use stockade_fuzz::{json, limits, routed, write};
use stockade_ollama::{BodyKind, ROUTES, Route, Shape};

fn routes() -> Vec<(&'static Route, &'static Shape)> {
    let shaped = |route: &'static Route| match route.body {
        BodyKind::Json(shape) => Some((route, shape)),
        _ => None,
    };
    ROUTES.iter().filter_map(shaped).collect()
}

fuzz_target!(|data: &[u8]| {
    let Some((&which, body)) = data.split_first() else {
        return;
    };
    let routes = routes();
    let (route, shape) = routes[usize::from(which) % routes.len()];
    let path = route.path.to_string().parse().unwrap();
    let read =
        |body: Vec<u8>| routed(&route.methods[0], &path, &[]).unwrap().read(body.into(), &limits());
    let Ok(request) = read(body.to_vec()) else {
        return;
    };
    let (operation, models) = (request.operation(), request.models().to_vec());
    let parameters = request.parameters().clone();
    let forwarded = json(write(request).body);
    let again = read(forwarded.to_vec()).expect("what is forwarded is understood");
    assert_eq!(again.operation(), operation);
    assert_eq!(again.models(), models);
    assert_eq!(*again.parameters(), parameters);
    assert_eq!(json(write(again).body), forwarded, "the canonical form is its own");

    let Value::Object(fields) = serde_json::from_slice(&forwarded).expect("valid JSON") else {
        panic!("not an object");
    };
    for known in shape.fields {
        let folded = |key: &&String| {
            let key = key.replace('\u{17f}', "s").replace('\u{212a}', "k");
            key.eq_ignore_ascii_case(known.name)
        };
        assert!(fields.keys().filter(folded).count() <= 1, "{}", known.name);
        assert!(fields.keys().filter(folded).all(|key| key == known.name), "{}", known.name);
    }
});
