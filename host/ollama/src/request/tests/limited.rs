//! Numbers with a minimum, numbers by their path, and limits that turn a request around.

use super::*;
use LimitedParameter::{Context, KeepAlive, Output};

fn field(path: &str) -> LimitedParameter {
    LimitedParameter::Field(FieldPath::new(path).unwrap())
}

type Numbers = (Option<i64>, Option<i64>, Option<i64>);

fn limited(
    path: &str,
    fields: &str,
    limits: &[(LimitedParameter, Numbers)],
) -> Result<String, String> {
    let limits = limits.iter().cloned().map(|(parameter, (minimum, maximum, insert))| Limit {
        parameter,
        minimum,
        maximum,
        insert,
    });
    let obligations = Obligations { limits: limits.collect(), ..Obligations::default() };
    let whole = format!(r#"{{"model":"m:x"{fields}}}"#);
    let body = written_with(path, &whole, &obligations).map_err(|refusal| {
        assert_eq!(refusal.status, StatusCode::FORBIDDEN);
        refusal.message
    })?;
    assert_eq!(written_with(path, &body, &obligations).unwrap(), body, "{fields}: not stable");
    Ok(body.strip_prefix(r#"{"model":"m:x""#).unwrap().strip_suffix('}').unwrap().to_owned())
}

const LEAST: Numbers = (Some(50), None, None);
const BETWEEN: Numbers = (Some(50), Some(100), None);
const WRITTEN: Numbers = (Some(50), Some(100), Some(7));

#[test]
fn a_number_is_moved_to_the_nearest_within_its_limits() {
    for (path, sent, parameter, numbers, forwarded) in [
        (
            "/api/chat",
            r#","options":{"num_ctx":9}"#,
            Context,
            LEAST,
            r#","options":{"num_ctx":50}"#,
        ),
        (
            "/api/chat",
            r#","options":{"num_ctx":51}"#,
            Context,
            LEAST,
            r#","options":{"num_ctx":51}"#,
        ),
        // No limit at all is more than any minimum, and becomes the maximum.
        ("/api/chat", r#","options":{"num_ctx":0}"#, Context, LEAST, r#","options":{"num_ctx":0}"#),
        (
            "/api/chat",
            r#","options":{"num_ctx":0}"#,
            Context,
            BETWEEN,
            r#","options":{"num_ctx":100}"#,
        ),
        ("/v1/messages", r#","max_tokens":-1"#, Output, LEAST, r#","max_tokens":-1"#),
        ("/v1/messages", r#","max_tokens":-1"#, Output, BETWEEN, r#","max_tokens":100"#),
        ("/v1/messages", "", Output, BETWEEN, ""),
        ("/v1/messages", "", Output, WRITTEN, r#","max_tokens":50"#),
        (
            "/api/chat",
            r#","messages":[{}],"keep_alive":0"#,
            KeepAlive,
            LEAST,
            r#","messages":[{}],"keep_alive":50"#,
        ),
        ("/api/chat", r#","keep_alive":-1"#, KeepAlive, LEAST, r#","keep_alive":-1"#),
        ("/api/chat", r#","keep_alive":"1m""#, KeepAlive, BETWEEN, r#","keep_alive":"1m""#),
    ] {
        assert_eq!(
            limited(path, sent, &[(parameter.clone(), numbers)]).as_deref(),
            Ok(forwarded),
            "{path} {sent} {parameter} {numbers:?}"
        );
    }
}

/// Path, fields besides the model, what is limited, its limits, fields as forwarded.
const BY_PATH: &[(&str, &str, &str, Numbers, &str)] = &[
    (
        "/api/chat",
        r#","options":{"num_gpu":999}"#,
        "options.num_gpu",
        BETWEEN,
        r#","options":{"num_gpu":100}"#,
    ),
    (
        "/api/chat",
        r#","options":{"num_gpu":-1}"#,
        "options.num_gpu",
        BETWEEN,
        r#","options":{"num_gpu":50}"#,
    ),
    (
        "/api/chat",
        r#","options":{"NUM_GPU":999}"#,
        "options.num_gpu",
        BETWEEN,
        r#","options":{"NUM_GPU":999}"#,
    ),
    (
        "/api/chat",
        r#","options":{"x":[],"num_gpu":60.0}"#,
        "options.num_gpu",
        BETWEEN,
        r#","options":{"x":[],"num_gpu":60.0}"#,
    ),
    (
        "/api/chat",
        r#","options":{"num_gpu":null}"#,
        "options.num_gpu",
        WRITTEN,
        r#","options":{"num_gpu":50}"#,
    ),
    ("/api/chat", "", "options.num_gpu", WRITTEN, r#","options":{"num_gpu":50}"#),
    ("/api/chat", r#","options":null"#, "options.num_gpu", WRITTEN, r#","options":{"num_gpu":50}"#),
    ("/api/chat", "", "options.num_gpu", BETWEEN, ""),
    ("/api/chat", r#","top_logprobs":200"#, "Top_Logprobs", BETWEEN, r#","top_logprobs":100"#),
    // What is new in Ollama is limited, but nothing is written where the field is not known.
    (
        "/api/chat",
        r#","Future":{"Depth":200}"#,
        "future.depth",
        BETWEEN,
        r#","Future":{"Depth":100}"#,
    ),
    ("/v1/chat/completions", "", "options.num_gpu", WRITTEN, ""),
    ("/api/pull", "", "options.num_gpu", WRITTEN, ""),
    // Nothing is written where a number can be none.
    ("/api/chat", "", "stream", WRITTEN, ""),
    ("/api/show", "", "name", WRITTEN, ""),
    // A path and a name of its own are one parameter.
    (
        "/api/chat",
        r#","options":{"num_ctx":0}"#,
        "options.num_ctx",
        BETWEEN,
        r#","options":{"num_ctx":100}"#,
    ),
    ("/api/chat", r#","keep_alive":-1"#, "keep_alive", BETWEEN, r#","keep_alive":100"#),
    ("/v1/messages", "", "max_tokens", WRITTEN, r#","max_tokens":50"#),
    (
        "/v1/chat/completions",
        r#","max_completion_tokens":0"#,
        "max_tokens",
        BETWEEN,
        r#","max_completion_tokens":100,"max_tokens":100"#,
    ),
];

#[test]
fn any_whole_number_is_limited_by_its_path() {
    for (path, sent, parameter, numbers, forwarded) in BY_PATH {
        assert_eq!(
            limited(path, sent, &[(field(parameter), *numbers)]).as_deref(),
            Ok(*forwarded),
            "{path} {sent} {parameter} {numbers:?}"
        );
    }
}

#[test]
fn what_is_limited_is_a_whole_number() {
    for (sent, path) in [
        (r#","options":{"num_gpu":"all"}"#, "options.num_gpu"),
        (r#","options":{"num_gpu":0.5}"#, "options.num_gpu"),
        (r#","top_logprobs":[1]"#, "top_logprobs"),
    ] {
        let reason = limited("/api/chat", sent, &[(field(path), BETWEEN)]).unwrap_err();
        assert!(reason.contains(path) && reason.contains("whole number"), "{reason}");
    }
    let inside = limited("/api/chat", r#","shift":true"#, &[(field("shift.depth"), WRITTEN)]);
    assert!(inside.unwrap_err().contains("no object"));
}

#[test]
fn a_limit_that_makes_no_sense_refuses() {
    let nonsense = [
        (Context, (Some(9), Some(8), None)),
        (Output, (None, Some(0), None)),
        (Output, (None, None, Some(0))),
        (KeepAlive, (None, Some(-1), None)),
        (KeepAlive, (None, Some(60), Some(-1))),
        (field("options.num_gpu"), (Some(9), Some(8), None)),
        (field("options.num_ctx"), (None, Some(0), None)),
    ];
    for (parameter, numbers) in nonsense {
        let refused = limited("/api/chat", "", &[(parameter.clone(), numbers)]);
        let reason = refused.expect_err(&format!("{parameter} {numbers:?}"));
        assert!(reason.contains("no request can meet"), "{reason}");
    }
}

#[test]
fn a_limit_never_turns_an_unload_into_a_load_or_back() {
    let unload = r#","keep_alive":0"#;
    let reason = limited("/api/chat", unload, &[(KeepAlive, LEAST)]).unwrap_err();
    assert!(reason.contains("instead of unloading"), "{reason}");
    for load in ["", r#","keep_alive":null"#] {
        let reason = limited("/api/chat", load, &[(KeepAlive, (None, None, Some(0)))]).unwrap_err();
        assert!(reason.contains("instead of loading"), "{reason}");
    }
    let said = r#","keep_alive":60"#;
    let kept = limited("/api/chat", said, &[(KeepAlive, (None, None, Some(0)))]);
    assert_eq!(kept.as_deref(), Ok(said));
}

#[test]
fn two_names_of_one_number_are_one_limit() {
    let sent = r#","options":{"num_ctx":200}"#;
    for limits in [
        [(Context, (None, Some(100), None)), (field("options.num_ctx"), (None, Some(50), None))],
        [(field("options.num_ctx"), (None, Some(50), None)), (Context, (None, Some(100), None))],
    ] {
        let forwarded = limited("/api/chat", sent, &limits);
        assert_eq!(forwarded.as_deref(), Ok(r#","options":{"num_ctx":50}"#));
    }
    let conflict = [(Context, (None, Some(9), None)), (field("options.num_ctx"), LEAST)];
    assert!(limited("/api/chat", sent, &conflict).unwrap_err().contains("no request can meet"));
    let spelled = [(field("future"), BETWEEN), (field("Future"), LEAST)];
    assert!(limited("/api/chat", "", &spelled).unwrap_err().contains("different names"));
}

#[test]
fn it_is_known_whose_keep_alive_is_forwarded() {
    for (sent, parameter, maximum, limited) in [
        ("-1", KeepAlive, 60, true),
        ("-1", field("Keep_Alive"), 60, true),
        ("\"2m\"", KeepAlive, 60, true),
        ("\"1m\"", KeepAlive, 60, false),
        ("null", KeepAlive, 60, false),
        ("-1", Context, 60, false),
    ] {
        let body = format!(r#"{{"model":"m","prompt":"x","keep_alive":{sent}}}"#);
        let limits = vec![Limit::at_most(parameter.clone(), maximum)];
        let obligations = Obligations { limits, ..Obligations::default() };
        let request = understood("/api/generate", &body);
        assert_eq!(request.keep_alive_is_limited(&obligations), limited, "{sent} {parameter}");
    }
}

#[test]
fn limits_of_all_kinds_meet() {
    let limits = [
        (field("options.num_gpu"), WRITTEN),
        (Context, WRITTEN),
        (field("options.num_thread"), BETWEEN),
        (KeepAlive, WRITTEN),
    ];
    assert_eq!(
        limited("/api/chat", r#","options":{"num_thread":1}"#, &limits).as_deref(),
        Ok(r#","options":{"num_thread":50,"num_gpu":50,"num_ctx":50},"keep_alive":50"#)
    );
}
