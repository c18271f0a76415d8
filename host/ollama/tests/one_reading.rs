//! No accepted request has two readings: whatever is forwarded reads the same for a
//! reader that takes the first of several keys, one that takes the last, and one that
//! folds keys as Go does.

#![expect(clippy::unwrap_used, reason = "the whole file is tests")]

use std::fmt;

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use stockade_core::{Obligations, Subject};
use stockade_ollama::{
    BodyKind, Field, Kind, ROUTES, ReadLimits, RequestHead, Route, UpstreamBody, WriteOptions,
    route,
};

/// JSON with all of its keys, the repeated ones too.
#[derive(Clone, Debug, PartialEq)]
enum Json {
    Scalar(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Scalar("null".to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Scalar(format!("{value:?}")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}

/// The way in which a program that is not the gateway finds a field.
#[derive(Clone, Copy, Debug)]
enum Reader {
    First,
    Last,
    FirstFolded,
    LastFolded,
}

const READERS: [Reader; 4] = [Reader::First, Reader::Last, Reader::FirstFolded, Reader::LastFolded];

/// Go's folding, written independently of the gateway's.
fn folds_to(key: &str, name: &str) -> bool {
    let simple = |c: char| match c {
        'ſ' => 's',
        'K' => 'k',
        _ => c.to_ascii_lowercase(),
    };
    key.chars().map(simple).eq(name.chars().map(simple))
}

impl Reader {
    fn get(self, members: &[(String, Json)], name: &str) -> Option<Json> {
        let exact = |(key, _): &&(String, Json)| key == name;
        let folded = |(key, _): &&(String, Json)| folds_to(key, name);
        let found = match self {
            Self::First => members.iter().find(exact),
            Self::Last => members.iter().rfind(exact),
            Self::FirstFolded => members.iter().find(folded),
            Self::LastFolded => members.iter().rfind(folded),
        };
        found.map(|(_, value)| value.clone())
    }
}

/// Each known field, with what the readers find there.
fn compare(members: &[(String, Json)], fields: &[Field]) -> Result<(), TestCaseError> {
    for field in fields {
        let readings = READERS.map(|reader| reader.get(members, field.name));
        for other in &readings[1..] {
            prop_assert_eq!(&readings[0], other, "{}", field.name);
        }
        if let (Kind::Options(inner), Some(Json::Object(members))) = (field.kind, &readings[0]) {
            compare(members, inner)?;
        }
    }
    Ok(())
}

fn json_routes() -> Vec<&'static Route> {
    ROUTES.iter().filter(|route| matches!(route.body, BodyKind::Json(_))).collect()
}

/// A spelling of a key: right most of the time, else one of those that Go reads as it.
fn spelling(name: String) -> impl Strategy<Value = String> {
    let upper = name.to_uppercase();
    let capital = name[..1].to_uppercase() + &name[1..];
    let long_s = name.replacen('s', "ſ", 1);
    let kelvin = name.replacen('k', "K", 1);
    let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
    prop_oneof![
        12 => Just(name),
        1 => Just(upper),
        1 => Just(capital),
        1 => Just(long_s),
        1 => Just(kelvin),
        1 => Just(escaped),
    ]
}

fn names() -> Vec<String> {
    let mut names = Vec::new();
    for route in json_routes() {
        if let BodyKind::Json(shape) = route.body {
            names.extend(shape.fields.iter().map(|field| field.name.to_owned()));
        }
    }
    names.extend(
        ["num_ctx", "num_predict", "include_usage", "unknown", "content"].map(str::to_owned),
    );
    names.sort();
    names.dedup();
    names
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        8 => Just("\"llama3.2:3b\"".to_owned()),
        2 => Just("\"qwen3:8b\"".to_owned()),
        1 => Just("null".to_owned()),
        1 => Just("true".to_owned()),
        1 => Just("0".to_owned()),
        1 => Just("4096".to_owned()),
        1 => Just("[]".to_owned()),
        1 => Just("\"\\ud800\"".to_owned()),
        1 => Just("\"http://evil.example\"".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(","))),
            object(inner),
        ]
    })
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let key = prop::sample::select(names()).prop_flat_map(spelling);
    prop::collection::vec((key, value), 0..4).prop_map(|members| {
        let members: Vec<_> =
            members.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

/// A body that would be accepted without its additions most of the time.
fn body() -> impl Strategy<Value = (usize, String)> {
    let route = 0..json_routes().len();
    let model = spelling("model".to_owned()).prop_map(|key| format!("\"{key}\":\"llama3.2:3b\""));
    let trailing = prop_oneof![20 => Just(""), 1 => Just("{}"), 1 => Just(" x"), 3 => Just("\n")];
    (route, prop::option::weighted(0.9, model), object(value()), trailing).prop_map(
        |(route, model, rest, trailing)| {
            let rest = &rest[1..];
            let comma = if rest == "}" || model.is_none() { "" } else { "," };
            (route, format!("{{{}{comma}{rest}{trailing}", model.unwrap_or_default()))
        },
    )
}

fn read(route_: &Route, body: &str) -> Option<stockade_ollama::CanonicalRequest> {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("gateway"));
    let uri = route_.path.to_string().parse().unwrap();
    let head = RequestHead {
        method: &route_.methods[0],
        uri: &uri,
        headers: &headers,
        version: http::Version::HTTP_11,
    };
    route(&head).unwrap().read(body.to_owned().into(), &ReadLimits::default()).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_forwarded_has_one_reading((which, body) in body()) {
        let route = json_routes()[which];
        let Some(request) = read(route, &body) else {
            return Ok(());
        };
        let (operation, models) = (request.operation(), request.models().to_vec());
        let written = request.write(&Obligations::default(), &WriteOptions::default()).unwrap();
        let UpstreamBody::Json(bytes) = written.body else {
            panic!("{:?}", written.body);
        };
        let text = String::from_utf8(bytes.into()).unwrap();
        let Json::Object(members) = serde_json::from_str(&text).unwrap() else {
            panic!("{text}");
        };
        let BodyKind::Json(shape) = route.body else {
            panic!("{}", route.path);
        };
        compare(&members, shape.fields)?;
        // What Ollama will run is what was judged, for every reader.
        if let Some((field, _)) = route.model_fields().next() {
            let spelled = models[0].name.spelled();
            prop_assert_eq!(spelled.to_ascii_lowercase(), models[0].name.short());
            let forwarded = format!("{spelled:?}");
            for reader in READERS {
                prop_assert_eq!(reader.get(&members, field), Some(Json::Scalar(forwarded.clone())));
            }
        }
        let again = read(route, &text).unwrap();
        prop_assert_eq!(again.operation(), operation);
        prop_assert_eq!(again.models(), &models[..]);
    }
}

#[test]
fn the_generated_bodies_are_of_both_kinds() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..1_000 {
        let (which, text) = body().new_tree(&mut runner).unwrap().current();
        match read(json_routes()[which], &text) {
            Some(_) => accepted += 1,
            None => refused += 1,
        }
    }
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}
