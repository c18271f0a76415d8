//! JSON bodies: what is forwarded reads the same again, and the same for a reader that
//! folds keys, takes the first or takes the last.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use stockade_core::{FieldPath, FieldRule, Subject as _, ToolSelector};
use stockade_fuzz::{json, limits, routed, write};
use stockade_ollama::{BodyKind, CanonicalRequest, ROUTES, Route, Shape};

fn routes() -> Vec<(&'static Route, &'static Shape)> {
    let shaped = |route: &'static Route| match route.body {
        BodyKind::Json(shape) => Some((route, shape)),
        _ => None,
    };
    ROUTES.iter().filter_map(shaped).collect()
}

/// Rules that reach into objects that Ollama reads in each way.
fn rules() -> Vec<FieldRule> {
    let path = |text| FieldPath::new(text).unwrap();
    let strips = ["think", "options.num_gpu", "max_tokens", "reasoning.effort", "future.a"];
    let strips = strips.map(path).map(FieldRule::Strip);
    let inserts = [("think", "false"), ("options.num_thread", "4"), ("future.b", "1")];
    let inserts = inserts.map(|(name, json)| FieldRule::Insert(path(name), json.to_owned()));
    let tools = [ToolSelector::WebSearch, ToolSelector::Named("f".into())];
    let tools = tools.map(FieldRule::StripTools);
    strips.into_iter().chain(inserts).chain(tools).collect()
}

/// A request that is changed stays as it is then, whoever reads it.
fn changed(mut request: CanonicalRequest) {
    let rules = rules();
    if request.change(None, &rules).is_err() {
        return;
    }
    assert_eq!(request.change(None, &rules), Ok(false));
    let (operation, parameters) = (request.operation(), request.parameters().clone());
    let path = request.route().path.to_string().parse().unwrap();
    let method = &request.route().methods[0];
    let forwarded = json(write(request).body);
    let again = routed(method, &path, &[]).unwrap().read(forwarded, &limits()).expect("understood");
    assert_eq!(again.operation(), operation);
    assert_eq!(*again.parameters(), parameters);
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
    let (parameters, content) = (request.parameters().clone(), request.content());
    let forwarded = json(write(request).body);
    let again = read(forwarded.to_vec()).expect("what is forwarded is understood");
    assert_eq!(again.operation(), operation);
    assert_eq!(again.models(), models);
    assert_eq!(*again.parameters(), parameters);
    assert_eq!(again.content(), content);
    assert_eq!(json(write(again).body), forwarded, "the canonical form is its own");

    changed(read(body.to_vec()).expect("understood before"));

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
