use super::{Bindings, describe};
use crate::bindings::stockade::policy::types as wit;
use crate::prelude::*;
use crate::{FromSettings, schemars, serde};

/// The models that may be used.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Models that may be used.
    allow: Vec<ModelPattern>,
    #[serde(default)]
    hours: Hours,
}

impl FromSettings for Settings {}

#[derive(Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Hours {
    first: Option<u8>,
}

struct Access(Settings);

impl Policy for Access {
    type Settings = Settings;
    const INPUTS: &'static [Input] = &[Input::Body];

    fn new(settings: Settings) -> Result<Self, Problem> {
        if settings.allow.is_empty() {
            return Err(Problem::at("allow", "lists no model"));
        }
        Ok(Self(settings))
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        let allowed = |model: &Model| self.0.allow.iter().any(|p| p.matches(&model.name));
        match request.models().iter().find(|model| !allowed(model)) {
            None => Verdict::allow(),
            Some(model) if self.0.hours.first.is_some() => Verdict::deny(model.short_name()),
            Some(_) => Verdict::abstain(),
        }
    }
}

fn owned(settings: &[&str]) -> Vec<String> {
    settings.iter().map(|&settings| settings.to_owned()).collect()
}

fn verdicts(bindings: &Bindings<Access>, model: &str, asked: &[u32]) -> Vec<Verdict> {
    let answers = bindings.evaluate(request(model), asked);
    answers.into_iter().map(|answer| answer.verdict).collect()
}

fn request(model: &str) -> wit::Request {
    Request::builder().model(model).build_wit()
}

#[test]
fn one_call_answers_for_the_bindings_that_are_asked_for_in_their_order() {
    let bindings = Bindings::<Access>::new();
    let settings = [
        r#"{ "allow": ["qwen3"] }"#,
        r#"{ "allow": ["llama3.2"] }"#,
        r#"{ "allow": ["qwen3"], "hours": { "first": 8 } }"#,
    ];
    bindings.configure(&owned(&settings)).unwrap();
    let found = verdicts(&bindings, "llama3.2", &[2, 0, 1, 2]);
    let deny = Verdict::deny("llama3.2:latest");
    assert_eq!(found, [deny.clone(), Verdict::abstain(), Verdict::allow(), deny]);
    assert_eq!(verdicts(&bindings, "llama3.2", &[]), []);
}

#[test]
fn an_unknown_binding_is_a_denial() {
    let bindings = Bindings::<Access>::new();
    assert!(matches!(verdicts(&bindings, "x", &[0])[..], [Verdict::Deny(_)]));
    bindings.configure(&owned(&[r#"{ "allow": ["*"] }"#])).unwrap();
    let found = verdicts(&bindings, "x", &[0, 1, u32::MAX]);
    assert!(matches!(found[..], [Verdict::Allow(_), Verdict::Deny(_), Verdict::Deny(_)]));
}

#[test]
fn all_problems_of_all_bindings_are_reported_with_their_place() {
    let cases = [
        (r#"{ "allow": ["*"] }"#, None),
        (r#"{ "allow": ["*", "qwen3", "a b"] }"#, Some(("allow[2]", "\"a b\": a model pattern"))),
        (r#"{ "allow": [] }"#, Some(("allow", "lists no model"))),
        (
            r#"{ "allow": ["*"], "hours": { "first": 800 } }"#,
            Some(("hours.first", "invalid value")),
        ),
        (r#"{ "allow": ["*"], "hours": { "frist": 8 } }"#, Some(("hours.frist", "unknown field"))),
        ("{}", Some(("", "missing field `allow`"))),
        ("null", Some(("", "invalid type: null, expected struct Settings"))),
        (r#"{ "allow": ["*"] } x"#, Some(("", "trailing characters"))),
        ("", Some(("", "EOF while parsing a value"))),
    ];
    let bindings = Bindings::<Access>::new();
    let settings: Vec<_> = cases.iter().map(|(settings, _)| *settings).collect();
    let problems = bindings.configure(&owned(&settings)).unwrap_err();
    let expected = (0..).zip(cases).filter_map(|(binding, (_, problem))| Some((binding, problem?)));
    let expected: Vec<_> = expected.collect();
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for (problem, (binding, (path, message))) in problems.iter().zip(expected) {
        assert_eq!((problem.binding, problem.path.as_str()), (binding, path), "{problem:?}");
        assert!(problem.message.starts_with(message), "{problem:?}");
        assert!(!problem.message.contains("column"), "{problem:?}");
    }
}

#[test]
fn settings_are_taken_once_and_bad_ones_not_at_all() {
    let bindings = Bindings::<Access>::new();
    let good = owned(&[r#"{ "allow": ["*"] }"#]);
    bindings.configure(&owned(&["{}"])).unwrap_err();
    bindings.configure(&good).unwrap();
    let problems = bindings.configure(&good).unwrap_err();
    assert_eq!(problems[0].message, "the policy has been configured already");
}

#[test]
fn a_policy_describes_itself() {
    let metadata = describe::<Access>("access", "1.2.3");
    assert_eq!((metadata.name.as_str(), metadata.version.as_str()), ("access", "1.2.3"));
    assert_eq!(metadata.inputs, ["body"]);
    let schema: serde_json::Value = serde_json::from_str(&metadata.settings_schema).unwrap();
    assert_eq!(schema["properties"]["allow"]["description"], "Models that may be used.");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], serde_json::json!(["allow"]));
}

/// Reads one input each, and declares the one that its settings name.
struct Reader(String);

impl Policy for Reader {
    type Settings = String;
    const INPUTS: &'static [Input] = &[Input::Caller, Input::Time];

    fn new(settings: String) -> Result<Self, Problem> {
        Ok(Self(settings))
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        match self.0.as_str() {
            "caller" => Verdict::deny(request.user()),
            "time" => Verdict::deny(request.time().weekday.to_string()),
            "parameters" => Verdict::deny(request.parameters().images.to_string()),
            "presence" => Verdict::deny(format!("{:?}", request.models()[0].presence())),
            "body" => Verdict::deny(format!("{:?}", request.body())),
            _ => Verdict::abstain(),
        }
    }

    fn valid_until(&self, request: &Request) -> Option<u64> {
        Some(request.time().unix_seconds + 60)
    }
}

fn read(input: &str, told: wit::Request) -> Result<wit::Answer, String> {
    let bindings = Bindings::<Reader>::new();
    bindings.configure(&[format!("{input:?}")]).unwrap();
    let read = std::panic::AssertUnwindSafe(|| bindings.evaluate(told, &[0]).remove(0));
    std::panic::catch_unwind(read).map_err(|panic| match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(_) => "another panic".to_owned(),
    })
}

#[test]
fn what_is_declared_is_read_and_the_rest_panics_with_what_to_write() {
    let answer = read("caller", request("x")).unwrap();
    assert_eq!(answer.verdict, Verdict::deny("alice"));
    assert_eq!(answer.valid_until, Some(1_767_614_460));
    assert_eq!(read("time", request("x")).unwrap().verdict, Verdict::deny("1"));
    for (input, constant) in [("parameters", "Input::Parameters"), ("body", "Input::Body")] {
        let message = read(input, request("x")).unwrap_err();
        assert!(message.contains(&format!("add {constant} to INPUTS")), "{message}");
    }
}

#[test]
fn what_the_host_withholds_is_never_read_as_nothing() {
    let mut told = request("x");
    told.caller = None;
    assert!(read("caller", told).unwrap_err().contains("the caller without declaring it"));
    let mut told = request("x");
    told.models[0].presence = None;
    assert!(read("presence", told).unwrap_err().contains("Input::Catalogue"));
}
