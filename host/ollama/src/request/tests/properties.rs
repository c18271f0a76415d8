//! Whatever a body and rules are: a request that was changed is what it says, and stays so.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::*;
use crate::route::BodyKind;
use crate::shape::{Kind, Shape};

fn routes() -> Vec<(&'static Route, &'static Shape)> {
    let shaped = |route: &'static Route| match route.body {
        BodyKind::Json(shape) => Some((route, shape)),
        _ => None,
    };
    ROUTES.iter().filter_map(shaped).collect()
}

/// Names inside of fields, and some that nobody knows.
const NAMES: &[&str] = &[
    "num_ctx",
    "num_predict",
    "num_gpu",
    "type",
    "effort",
    "include_usage",
    "future",
    "Future",
    "a",
    "A",
    "\u{17f}",
    "options",
];

/// Names of fields, more of them those of a shape.
fn name(shape: &'static Shape) -> impl Strategy<Value = String> {
    let fields = shape.fields.iter().filter(|field| !matches!(field.kind, Kind::Model(_)));
    let fields: Vec<_> = fields.map(|field| field.name).chain(["options", "future"]).collect();
    prop_oneof![
        3 => prop::sample::select(fields).prop_map(str::to_owned),
        1 => inner_name(),
    ]
}

fn inner_name() -> impl Strategy<Value = String> {
    prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned)
}

fn scalar() -> impl Strategy<Value = String> {
    let scalars = ["null", "true", "1", "-1", "4096.0", r#""""#, r#""5m""#, r#""h\u0069gh""#];
    prop::sample::select(scalars.to_vec()).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[ {} ]", items.join(", "))),
            3 => prop::collection::vec((inner_name(), inner), 0..4)
                .prop_map(|members| object("", &members)),
        ]
    })
}

/// Tools in the ways of every API, some in others.
fn tools() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        r#"{"type":"web_search"}"#,
        r#"{"type":"web_search_20250305","name":"f"}"#,
        r#"{"type":"function","name":"f","function":{"name":"g"}}"#,
        r#"{"type":"function","function":{"name":"f"}}"#,
        r#"{"name":"web_search"}"#,
        "null",
    ]);
    let tool = plain.prop_map(str::to_owned).prop_recursive(2, 6, 3, |inner| {
        let list = prop::collection::vec(inner, 0..3).prop_map(|tools| tools.join(","));
        prop_oneof![
            3 => list.clone().prop_map(|list| format!(r#"{{"name":"n","tools":[{list}]}}"#)),
            1 => list.prop_map(|list| format!("[{list}]")),
        ]
    });
    prop::collection::vec(tool, 0..4).prop_map(|tools| format!("[{}]", tools.join(", ")))
}

/// A value that may stand in a field of the shape, most of the time.
fn member(shape: &'static Shape) -> impl Strategy<Value = (String, String)> {
    let member = (name(shape), value(), scalar(), tools(), any::<bool>());
    member.prop_map(|(name, value, scalar, tools, asis)| {
        let kind = shape.field(&name).map(|field| field.kind);
        let object = value.starts_with('{');
        let json = match kind {
            _ if asis => value,
            Some(Kind::Output | Kind::OutputAlias | Kind::Context) => "5".to_owned(),
            Some(Kind::KeepAlive) => "\"0s\"".to_owned(),
            Some(Kind::Stream | Kind::Insecure | Kind::DebugRender | Kind::Think) => {
                "true".to_owned()
            }
            Some(Kind::Tools(_)) => tools,
            Some(Kind::Conversation(_) | Kind::Images) => format!("[{value}]"),
            Some(Kind::Options(_) | Kind::Nested(_)) if !object => format!("{{\"a\":{value}}}"),
            Some(Kind::Digests) => "{}".to_owned(),
            Some(Kind::Prompt | Kind::Input | Kind::Effort) => "\"x\"".to_owned(),
            Some(Kind::Any) => scalar,
            _ => value,
        };
        (name, json)
    })
}

fn object(first: &str, members: &[(String, String)]) -> String {
    let members: Vec<_> =
        members.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
    let comma = if first.is_empty() || members.is_empty() { "" } else { ", " };
    format!("{{{first}{comma}{}}}", members.join(", "))
}

fn body(route: &'static Route, shape: &'static Shape) -> impl Strategy<Value = (String, String)> {
    prop::collection::vec(member(shape), 0..5).prop_map(|members| {
        let models = shape.fields.iter().filter(|field| matches!(field.kind, Kind::Model(_)));
        let models: Vec<_> = models.map(|field| format!("\"{}\":\"M\"", field.name)).collect();
        (route.path.to_string(), object(&models.join(","), &members))
    })
}

fn rules(shape: &'static Shape) -> impl Strategy<Value = Vec<FieldRule>> {
    let path = (name(shape), prop::collection::vec(inner_name(), 0..3), 0..3_usize);
    let path = path.prop_map(|(top, inner, depth)| {
        let inner = inner.into_iter().take(depth);
        let names: Vec<_> = std::iter::once(top).chain(inner).collect();
        FieldPath::new(&names.join(".")).unwrap()
    });
    let rule = (path, scalar(), 0..9).prop_map(|(path, json, kind)| match kind {
        0..5 => FieldRule::Strip(path),
        5 => FieldRule::Forbid(path),
        _ => FieldRule::Insert(path, json),
    });
    let tools = prop::sample::select(vec![
        ToolSelector::WebSearch,
        ToolSelector::Named("web_search".into()),
        ToolSelector::Named("f".into()),
    ]);
    let rule = prop_oneof![6 => rule, 1 => tools.prop_map(FieldRule::StripTools)];
    prop::collection::vec(rule, 0..4)
}

/// A path, a body for it, and rules.
fn cases() -> impl Strategy<Value = ((String, String), Vec<FieldRule>)> {
    let route = prop::sample::select(routes());
    route.prop_flat_map(|(route, shape)| (body(route, shape), rules(shape)))
}

/// The value at the end of a path, by its exact names or as Go compares them, written without the
/// code that is tested.
fn at<'a>(value: &'a Value, names: &[&str], folded: bool) -> Option<&'a Value> {
    let Some((name, rest)) = names.split_first() else {
        return Some(value);
    };
    let lower = |text: &str| text.to_lowercase().replace('\u{17f}', "s");
    let same = |key: &str| key == *name || folded && lower(key) == lower(name);
    let members = value.as_object()?.iter();
    members.filter(|(key, _)| same(key)).find_map(|(_, value)| at(value, rest, folded))
}

fn check_rule(rule: &FieldRule, rules: &[FieldRule], written: &Value) -> Result<(), TestCaseError> {
    let Some(path) = rule.path() else { return Ok(()) };
    let names: Vec<_> = path.names().collect();
    let in_list = names.len() > 1 && ["tools", "messages"].contains(&names[0]);
    let ignored = ["modelfile", "path"].contains(&names[0]);
    match rule {
        FieldRule::Insert(_, json) if json != "null" && !ignored => {
            let value = at(written, &names, false).or_else(|| at(written, &names, true));
            prop_assert!(value.is_some_and(|value| !value.is_null()), "{:?} in {}", rule, written);
        }
        FieldRule::Strip(path) if !in_list => {
            let lower = |path: &FieldPath| format!("{}.", path.as_str().to_lowercase());
            let writes = |other: &FieldRule| {
                let FieldRule::Insert(other, _) = other else { return false };
                lower(other).starts_with(&lower(path))
            };
            if !rules.iter().any(writes) {
                prop_assert!(at(written, &names, false).is_none(), "{:?} in {}", rule, written);
            }
        }
        _ => {}
    }
    Ok(())
}

fn check(path: &str, body: &str, rules: &[FieldRule]) -> Result<Option<bool>, TestCaseError> {
    let Ok(mut request) = read(path, body) else {
        return Ok(None);
    };
    let before = request.body_text();
    let Ok(another) = request.change(None, rules) else {
        return Ok(None);
    };
    let after = request.body_text();
    prop_assert_eq!(another, before != after, "{:?} {:?}", before, after);
    prop_assert_eq!(request.change(None, rules), Ok(false), "{:?}", after);
    prop_assert_eq!(request.body_text(), after);
    let (operation, models) = (request.operation(), request.models().to_vec());
    let (parameters, content) = (request.parameters().clone(), request.content());
    let obligations = Obligations { fields: rules.to_vec(), ..Obligations::default() };
    let upstream = request.write(&obligations, &WriteOptions::default());
    let upstream = upstream.map_err(|refusal| TestCaseError::fail(refusal.message))?;
    let text = json(upstream.body);
    let again = understood(path, &text);
    prop_assert_eq!(again.operation(), operation);
    prop_assert_eq!(again.models(), &models[..]);
    prop_assert_eq!(again.parameters(), &parameters);
    prop_assert_eq!(again.content(), content);
    let written = serde_json::from_str(&text).unwrap();
    for rule in rules {
        check_rule(rule, rules, &written)?;
        if let FieldRule::StripTools(selector) = rule {
            let offered = match selector {
                ToolSelector::WebSearch => parameters.web_search,
                ToolSelector::Named(name) => {
                    again.content().tools.iter().any(|tool| **tool == **name)
                }
            };
            prop_assert!(!offered, "{selector} in {text}");
        }
    }
    Ok(Some(another))
}

#[test]
fn a_changed_request_is_what_it_says() {
    let config = ProptestConfig { cases: 6_000, ..ProptestConfig::default() };
    let (changed, same) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let outcome = TestRunner::new(config).run(&cases(), |((path, body), rules)| {
        match check(&path, &body, &rules)? {
            Some(true) => changed.set(changed.get() + 1),
            Some(false) => same.set(same.get() + 1),
            None => {}
        }
        Ok(())
    });
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    let (changed, same) = (changed.get(), same.get());
    assert!(changed > 500 && same > 500, "{changed} changed, {same} as they were");
}
