//! The meaning of bodies, and the requests that are forwarded for them.

use super::*;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Path, what a caller sends, what Ollama gets.
const GOLDEN: &[(&str, &str, &str)] = &[
    // Ollama's own client: both names, empty strings, nulls.
    (
        "/api/generate",
        r#"{"model":"llama3.2","prompt":"Hi","suffix":"","system":"","template":"","options":null,"stream":null}"#,
        r#"{"model":"llama3.2:latest","prompt":"Hi","suffix":"","system":"","template":""}"#,
    ),
    (
        "/api/pull",
        r#"{"model":"","username":"","password":"","name":"Llama3.2"}"#,
        r#"{"model":"Llama3.2:latest","username":"","password":""}"#,
    ),
    (
        "/api/show",
        r#"{"model":"demo","system":"","template":"","verbose":false,"options":null,"name":""}"#,
        r#"{"model":"demo:latest","system":"","template":"","verbose":false}"#,
    ),
    (
        "/api/delete",
        r#"{"model":"demo","name":"library/DEMO:latest"}"#,
        r#"{"model":"demo:latest"}"#,
    ),
    ("/api/push", r#"{"name":"me/x"}"#, r#"{"model":"me/x:latest"}"#),
    // Nothing decides about `name` where Ollama does not read it.
    (
        "/api/chat",
        r#"{"name":"secret","model":"demo","messages":[]}"#,
        r#"{"model":"demo:latest","messages":[]}"#,
    ),
    (
        "/api/copy",
        r#"{"destination":"Backup/Demo","source":"demo"}"#,
        r#"{"source":"demo:latest","destination":"Backup/Demo:latest"}"#,
    ),
    (
        "/api/create",
        r#"{"from":"","model":"mine","files":{"a b.gguf":"SHA"},"info":{"Model":1,"model":2}}"#,
        r#"{"model":"mine:latest","files":{"a b.gguf":"CANONICAL"},"info":{"Model":1,"model":2}}"#,
    ),
    // Half a surrogate pair in a text is U+FFFD, wherever only the model reads it.
    (
        "/api/generate",
        r#"{"model":"demo","prompt":"cut \ud83d","system":"\ude00\ud83d","options":{"stop":["\ud83d"]}}"#,
        r#"{"model":"demo:latest","prompt":"cut \ufffd","system":"\ufffd\ufffd","options":{"stop":["\ufffd"]}}"#,
    ),
    (
        "/v1/messages",
        r#"{"model":"demo","max_tokens":9,"system":"\ud83d","messages":[{"role":"user","content":[{"type":"text","text":"\ud83d\ude00\ud83d"}]}]}"#,
        r#"{"model":"demo:latest","max_tokens":9,"system":"\ufffd","messages":[{"role":"user","content":[{"type":"text","text":"\ud83d\ude00\ufffd"}]}]}"#,
    ),
    (
        "/v1/chat/completions",
        r#"{"model":"demo","messages":[{"role":"tool","content":"\ud83d"}],"tools":[{"type":"function","function":{"name":"f","description":"\ud83d"}}]}"#,
        r#"{"model":"demo:latest","messages":[{"role":"tool","content":"\ufffd"}],"tools":[{"type":"function","function":{"name":"f","description":"\ufffd"}}]}"#,
    ),
    // What nobody here knows is forwarded, null included, and text as it was escaped.
    (
        "/api/chat",
        " {\"model\" : \"demo\",\r\n\"messages\": [ {\"role\":\"user\", \"content\":\"\\u00e9\\n\u{e9}\", \"new\":null} ],\"future\":null, \"x\":[1.0, 1e2] }\n",
        "{\"model\":\"demo:latest\",\"messages\":[ {\"role\":\"user\", \"content\":\"\\u00e9\\n\u{e9}\", \"new\":null} ],\"future\":null,\"x\":[1.0, 1e2]}",
    ),
    // Free maps keep keys that differ in case only.
    (
        "/api/generate",
        r#"{"model":"demo","options":{"num_ctx":1,"NUM_CTX":2},"format":{"Type":1,"type":2}}"#,
        r#"{"model":"demo:latest","options":{"num_ctx":1,"NUM_CTX":2},"format":{"Type":1,"type":2}}"#,
    ),
    // OpenAI's newer spelling is made to work.
    (
        "/v1/chat/completions",
        r#"{"messages":[],"model":"demo","max_completion_tokens":5,"n":1}"#,
        r#"{"model":"demo:latest","messages":[],"max_completion_tokens":5,"n":1,"max_tokens":5}"#,
    ),
    (
        "/v1/chat/completions",
        r#"{"model":"demo","max_completion_tokens":5,"max_tokens":7}"#,
        r#"{"model":"demo:latest","max_completion_tokens":5,"max_tokens":7}"#,
    ),
    (
        "/api/experimental/web_search",
        r#"{"query":"x","max_results":3}"#,
        r#"{"query":"x","max_results":3}"#,
    ),
];

#[test]
fn bodies_are_written_in_one_form() {
    let upper = DIGEST.to_uppercase().replace("SHA256:", "sha256-");
    for (path, sent, expected) in GOLDEN {
        let sent = sent.replace("SHA", &upper);
        let expected = expected.replace("CANONICAL", DIGEST);
        assert_eq!(written(path, &sent), expected, "{path}");
        assert_eq!(written(path, &expected), expected, "{path}: not stable");
        let judged = understood(path, &sent).body_text().unwrap();
        assert_eq!(judged.to_ascii_lowercase(), expected.to_ascii_lowercase());
    }
}

#[test]
fn models_are_named_with_their_roles() {
    type Named = (&'static str, ModelRole);
    let cases: &[(&str, &str, &[Named])] = &[
        ("/api/chat", r#"{"model":"Demo"}"#, &[("demo:latest", ModelRole::Use)]),
        ("/api/show", r#"{"name":"x:1"}"#, &[("x:1", ModelRole::Use)]),
        ("/api/push", r#"{"name":"x:1"}"#, &[("x:1", ModelRole::Target)]),
        (
            "/api/create",
            r#"{"from":"base","name":"mine"}"#,
            &[("mine:latest", ModelRole::Target), ("base:latest", ModelRole::Base)],
        ),
        ("/api/create", r#"{"model":"mine","from":null}"#, &[("mine:latest", ModelRole::Target)]),
        (
            "/api/copy",
            r#"{"source":"a","destination":"b"}"#,
            &[("a:latest", ModelRole::Source), ("b:latest", ModelRole::Destination)],
        ),
    ];
    for (path, body, expected) in cases {
        assert_eq!(names(&understood(path, body)), *expected, "{path} {body}");
    }
}

#[test]
fn a_request_with_nothing_to_answer_moves_the_model() {
    use Operation::{Chat, Embed, Generate, Load, Pin, Unload};
    let cases = [
        ("/api/generate", r#""prompt":"x""#, Generate),
        ("/api/generate", r#""prompt":"x","keep_alive":0"#, Generate),
        ("/api/generate", r#""prompt":"x","keep_alive":-1"#, Generate),
        ("/api/generate", r#""prompt":"\u0000""#, Generate),
        ("/api/generate", r#""prompt":"""#, Load),
        ("/api/generate", r#""prompt":null,"suffix":"x","images":["eA=="]"#, Load),
        ("/api/generate", r#""prompt":"","keep_alive":"5m""#, Load),
        ("/api/generate", r#""prompt":"","keep_alive":0"#, Unload),
        ("/api/generate", r#""prompt":"","keep_alive":-0.0"#, Unload),
        ("/api/generate", r#""prompt":"","keep_alive":1e-10"#, Unload),
        ("/api/generate", r#""prompt":"","keep_alive":"0s""#, Unload),
        ("/api/generate", r#""prompt":"","keep_alive":1e-9"#, Unload),
        ("/api/generate", r#""prompt":"","keep_alive":"999ms""#, Unload),
        ("/api/generate", r#""prompt":"","keep_alive":"1s""#, Load),
        ("/api/generate", r#""prompt":"","keep_alive":"24h""#, Load),
        ("/api/generate", r#""prompt":"","keep_alive":"24h1ns""#, Pin),
        ("/api/generate", r#""prompt":"","keep_alive":"876000h""#, Pin),
        ("/api/generate", r#""prompt":"","keep_alive":-1"#, Pin),
        ("/api/generate", r#""keep_alive":"-1m""#, Pin),
        ("/api/generate", r#""keep_alive":null"#, Load),
        ("/api/chat", r#""messages":[{}]"#, Chat),
        ("/api/chat", r#""messages":[]"#, Load),
        ("/api/chat", r#""messages":null,"keep_alive":0"#, Unload),
        ("/api/chat", r#""keep_alive":-1"#, Pin),
        ("/api/embed", r#""input":"x""#, Embed),
        ("/api/embed", r#""input":[""]"#, Embed),
        ("/api/embed", r#""input":[]"#, Load),
        ("/api/embed", r#""input":"""#, Load),
        ("/api/embeddings", r#""prompt":"""#, Load),
        ("/api/embeddings", r#""prompt":"x""#, Embed),
        ("/v1/completions", r#""prompt":"x""#, Generate),
        ("/v1/completions", r#""prompt":"","keep_alive":0"#, Load),
        ("/v1/chat/completions", r#""messages":[],"keep_alive":0"#, Chat),
        ("/v1/embeddings", r#""input":"""#, Embed),
        ("/v1/responses", r#""input":"""#, Chat),
        ("/v1/messages", r#""messages":[]"#, Chat),
    ];
    for (path, fields, operation) in cases {
        let body = format!(r#"{{"model":"demo",{fields}}}"#);
        assert_eq!(understood(path, &body).operation(), operation, "{path} {body}");
    }
}

#[test]
fn streaming_follows_the_routes_default() {
    let cases = [
        ("/api/chat", r#"{"model":"m"}"#, true),
        ("/api/chat", r#"{"model":"m","stream":null}"#, true),
        ("/api/chat", r#"{"model":"m","stream":false}"#, false),
        ("/api/pull", r#"{"model":"m"}"#, true),
        ("/api/embed", r#"{"model":"m","stream":true}"#, false),
        ("/v1/chat/completions", r#"{"model":"m"}"#, false),
        ("/v1/messages", r#"{"model":"m","stream":true}"#, true),
    ];
    for (path, body, streaming) in cases {
        assert_eq!(understood(path, body).parameters().streaming, streaming, "{path} {body}");
    }
}

#[test]
fn numbers_are_found_in_every_api() {
    let request = understood(
        "/api/chat",
        r#"{"model":"m","keep_alive":"1h","options":{"num_ctx":8192.0,"num_predict":-1,"seed":1}}"#,
    );
    let parameters = request.parameters();
    assert_eq!(parameters.context, Some(8192));
    assert_eq!(parameters.output, Some(-1));
    assert_eq!(parameters.keep_alive, Some(3600));
    let output = |path: &str, field: &str| {
        let body = format!(r#"{{"model":"m",{field}}}"#);
        understood(path, &body).parameters().output
    };
    assert_eq!(output("/v1/chat/completions", r#""max_tokens":5"#), Some(5));
    assert_eq!(output("/v1/chat/completions", r#""max_completion_tokens":6"#), Some(6));
    let both = r#""max_completion_tokens":6,"max_tokens":9"#;
    assert_eq!(output("/v1/chat/completions", both), Some(9));
    let endless = r#""max_completion_tokens":6,"max_tokens":-1"#;
    assert_eq!(output("/v1/chat/completions", endless), Some(-1));
    assert_eq!(output("/v1/completions", r#""max_tokens":5"#), Some(5));
    assert_eq!(output("/v1/responses", r#""max_output_tokens":5"#), Some(5));
    assert_eq!(output("/v1/messages", r#""max_tokens":5"#), Some(5));
    assert_eq!(output("/v1/messages", r#""max_tokens":null"#), None);
}

#[test]
fn images_tools_and_searches_are_counted_in_every_api() {
    let facts = |path: &str, fields: &str| {
        let body = format!(r#"{{"model":"m",{fields}}}"#);
        let request = understood(path, &body);
        let parameters = request.parameters();
        (parameters.images, parameters.tools, parameters.web_search)
    };
    assert_eq!(facts("/api/generate", r#""images":["eA==","eQ=="]"#), (2, 0, false));
    let messages =
        r#""messages":[{"images":["eA=="]},{"images":["eA=="]}],"tools":[{"type":"function"}]"#;
    assert_eq!(facts("/api/chat", messages), (2, 1, false));
    let parts =
        r#""messages":[{"content":[{"type":"text"},{"type":"image_url"}]}],"tools":[{},{}]"#;
    assert_eq!(facts("/v1/chat/completions", parts), (1, 2, false));
    let input = r#""input":[{"content":[{"type":"input_image"}]},{"output":[{"type":"input_image"}]}],"tools":[{"type":"web_search"}]"#;
    assert_eq!(facts("/v1/responses", input), (2, 1, true));
    let blocks = r#""messages":[{"content":[{"type":"image"},{"type":"tool_result","content":[{"type":"im\u0061ge"}]}]}],"tools":[{"type":"web_search_20250305"}]"#;
    assert_eq!(facts("/v1/messages", blocks), (2, 1, true));
}

#[test]
fn what_matters_in_managing_models_is_seen() {
    let mut request = understood("/api/pull", r#"{"model":"m:x","insecure":true,"stream":false}"#);
    assert!(request.parameters().insecure);
    request.leave_out_insecure();
    assert!(!request.parameters().insecure);
    let left = r#"{"model":"m:x","stream":false}"#;
    assert_eq!(request.body_text().as_deref(), Some(left), "policies see what is forwarded");
    let written = request.write(&Obligations::default(), &WriteOptions::default()).unwrap();
    assert_eq!(json(written.body), left);
    let body = format!(
        r#"{{"model":"m","remote_host":"https://x","files":{{"a":"{DIGEST}"}},"adapters":{{"b":"{DIGEST}"}}}}"#
    );
    let request = understood("/api/create", &body);
    assert_eq!(request.parameters().remote_host.as_deref(), Some("https://x"));
    assert_eq!(request.parameters().digests, [DIGEST]);
    let request = understood("/api/chat", r#"{"model":"m","_debug_render_only":true}"#);
    assert!(request.parameters().debug_render);
}

#[test]
fn a_keep_alive_does_more_than_is_asked() {
    use Operation::{Pin, Unload};
    let keeping = |path: &str, rest: &str| {
        understood(path, &format!(r#"{{"model":"m"{rest}}}"#)).side_effect()
    };
    for path in ["/api/generate", "/api/embeddings"] {
        for (keep_alive, effect) in [
            ("0", Some(Unload)),
            (r#""1ns""#, Some(Unload)),
            ("-1", Some(Pin)),
            (r#""876000h""#, Some(Pin)),
            ("86400", None),
            ("1", None),
            ("null", None),
        ] {
            let rest = format!(r#","prompt":"x","keep_alive":{keep_alive}"#);
            assert_eq!(keeping(path, &rest), effect, "{path} {keep_alive}");
            let alone = format!(r#","keep_alive":{keep_alive}"#);
            assert_eq!(keeping(path, &alone), None, "the operation itself: {keep_alive}");
        }
        assert_eq!(keeping(path, r#","prompt":"x""#), None);
    }
    assert_eq!(keeping("/v1/chat/completions", r#","messages":[{}],"keep_alive":0"#), None);
}

#[test]
fn what_the_caller_may_not_is_left_out() {
    let without = |fields: &str, obligations: &Obligations| {
        let options = WriteOptions { without_keep_alive: true, ..WriteOptions::default() };
        let request = understood("/api/chat", &format!(r#"{{"model":"m:x"{fields}}}"#));
        json(request.write(obligations, &options).unwrap().body)
    };
    let fields = r#","keep_alive":-1,"messages":[{}]"#;
    let left = r#"{"model":"m:x","messages":[{}]"#;
    assert_eq!(without(fields, &Obligations::default()), format!("{left}}}"));
    assert_eq!(without(r#","messages":[{}]"#, &Obligations::default()), format!("{left}}}"));
    let limit = |insert| Limit { insert, ..Limit::at_most(LimitedParameter::KeepAlive, 60) };
    let limits = |insert| Obligations { limits: vec![limit(insert)], ..Obligations::default() };
    assert_eq!(without(fields, &limits(None)), format!("{left}}}"));
    assert_eq!(without(fields, &limits(Some(60))), format!(r#"{left},"keep_alive":60}}"#));
}

#[test]
fn blobs_are_seen_wherever_a_create_names_them() {
    let digests = |fields: &str| {
        let request = understood("/api/create", &format!(r#"{{"model":"m",{fields}}}"#));
        request.parameters().digests.clone()
    };
    for fields in [
        format!(r#""files":{{"a":"{DIGEST}","b":"{DIGEST}"}}"#),
        format!(r#""draft_files":{{"a":"{DIGEST}"}}"#),
        format!(r#""unheard_of":"{DIGEST}""#),
        format!(r#""unheard_of":[{{"a":[["{DIGEST}"]]}}]"#),
        format!(r#""unheard_of":{{"{DIGEST}":1}}"#),
    ] {
        assert_eq!(digests(&fields), [DIGEST], "{fields}");
    }
    assert!(digests(&format!(r#""system":"{DIGEST}","unheard_of":"x{DIGEST}""#)).is_empty());
    let many: Vec<_> = (0..1_000).map(|n| format!(r#""{n}":"sha256:{n:064}""#)).collect();
    assert_eq!(digests(&format!(r#""files":{{{}}}"#, many.join(","))).len(), 1_000);
}

#[test]
fn usage_is_asked_for_where_it_can_be() {
    let with_usage = |path: &str, body: &str| {
        let options = WriteOptions { include_usage: true, ..WriteOptions::default() };
        let request = understood(path, body);
        let asked = request.asked_for_usage();
        let upstream = request.write(&Obligations::default(), &options).unwrap();
        (asked, json(upstream.body))
    };
    let stream = |rest: &str| format!(r#"{{"model":"m:x","stream":true{rest}}}"#);
    for (path, rest, expected) in [
        ("/v1/chat/completions", "", r#","stream_options":{"include_usage":true}"#),
        (
            "/v1/completions",
            r#","stream_options":{"include_usage":false,"x":1}"#,
            r#","stream_options":{"include_usage":true,"x":1}"#,
        ),
        (
            "/v1/completions",
            r#","stream_options":{}"#,
            r#","stream_options":{"include_usage":true}"#,
        ),
    ] {
        assert_eq!(with_usage(path, &stream(rest)), (false, stream(expected)), "{rest}");
        assert_eq!(with_usage(path, &stream(expected)), (true, stream(expected)));
    }
    let plain = r#"{"model":"m:x"}"#;
    assert_eq!(with_usage("/v1/chat/completions", plain), (false, plain.to_owned()));
    assert_eq!(with_usage("/v1/messages", &stream("")), (false, stream("")));
    assert_eq!(with_usage("/api/chat", plain), (false, plain.to_owned()));
}

#[test]
fn a_request_without_json_has_its_canonical_path() {
    let model = PathValue::Model(ModelName::parse("DEMO").unwrap());
    let request = CanonicalRequest::read(
        route("/v1/models/{model}"),
        model,
        bytes::Bytes::new(),
        &ReadLimits::default(),
    )
    .unwrap();
    assert_eq!(request.operation(), Operation::Show);
    assert_eq!(request.dialect(), Dialect::OpenAi);
    assert_eq!(request.body_text(), None);
    let upstream = request.write(&Obligations::default(), &WriteOptions::default()).unwrap();
    assert_eq!(upstream.path, "/v1/models/DEMO:latest");
    assert_eq!(upstream.body, UpstreamBody::Empty);
}

#[test]
fn a_decision_model_is_asked_within_bounds() {
    let path = "/v1/systemone";
    let asked = |questions: usize, more: &str| {
        let questions = vec!["\"?\""; questions].join(",");
        format!(r#"{{"model":"m","questions":[{questions}]{more}}}"#)
    };
    let request =
        understood(path, &asked(64, r#","state":{"a":1},"keep_alive":-1,"images":["aa"]"#));
    assert_eq!((request.operation(), request.dialect()), (Operation::Generate, Dialect::Native));
    assert_eq!(names(&request), [("m:latest", ModelRole::Use)]);
    assert!(!request.parameters().streaming);
    assert_eq!((request.parameters().images, request.parameters().keep_alive), (1, Some(-1)));
    assert_eq!(request.side_effect(), Some(Operation::Pin));
    for number in [0, 65] {
        let refusal = read(path, &asked(number, "")).unwrap_err();
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        assert!(refusal.message.contains("ask 1 to 64 questions"), "{}", refusal.message);
    }
    let long = format!(r#","state":"{}""#, "x".repeat(64 << 10));
    let refusal = read(path, &asked(1, &long)).unwrap_err();
    assert_eq!(refusal.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(read(path, &asked(1, &(long + r#","images":["aa"]"#))).is_ok());
    assert!(read(path, r#"{"questions":["?"]}"#).is_err(), "a model is needed");
}
