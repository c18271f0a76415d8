//! Reading a request takes as many steps as it is long, whatever stands in it, and what it
//! may name is bounded.

use std::fmt::Write as _;

use bytes::Bytes;

use super::*;
use crate::HeadScanner;
use crate::request::form::Form;
use crate::request::{MOST_DIGESTS, MOST_IMAGES, MOST_OBJECTS, MOST_TOOLS};
use crate::work::steps_of;

fn list(number: usize, item: impl Fn(usize) -> String) -> String {
    (0..number).map(item).collect::<Vec<_>>().join(",")
}

fn digest(number: usize) -> String {
    format!("\"f{number}\":\"sha256:{number:064x}\"")
}

/// A path and a body of some size for it.
type Growing = (&'static str, fn(usize) -> String);

/// A body for each way in which much can stand in one.
const LARGE: &[Growing] = &[
    ("/api/create", |n| format!(r#"{{"model":"m","files":{{{}}}}}"#, list(n, digest))),
    ("/api/create", |n| {
        let same = |i| format!("\"f{i}\":\"sha256:{:064x}\"", 1);
        format!(r#"{{"model":"m","adapters":{{{}}}}}"#, list(n, same))
    }),
    ("/api/chat", |n| format!(r#"{{"model":"m",{}}}"#, list(n, |i| format!("\"k{i}\":0")))),
    ("/api/chat", |n| {
        format!(r#"{{"model":"m","x":{{{}}}}}"#, list(n, |i| format!("\"\\u0061{i}\":0")))
    }),
    ("/api/chat", |n| {
        let long = "a".repeat(300);
        format!(r#"{{"model":"m","options":{{{}}}}}"#, list(n, |i| format!("\"{long}{i}\":0")))
    }),
    ("/api/chat", |n| {
        format!(r#"{{"model":"m","messages":[{}]}}"#, list(n, |_| r#"{"role":"user"}"#.to_owned()))
    }),
    ("/api/chat", |n| {
        format!(r#"{{"model":"m","tools":[{}]}}"#, list(n, |i| format!("{{\"n{i}\":[{{}}]}}")))
    }),
    ("/api/chat", |n| {
        let call = |i| format!(r#"{{"function":{{"arguments":{{"a{i}":1}}}}}}"#);
        format!(r#"{{"model":"m","messages":[{{"tool_calls":[{}]}}]}}"#, list(n, call))
    }),
    ("/api/generate", |n| {
        format!(r#"{{"model":"m","images":[{}]}}"#, list(n, |_| "\"\"".to_owned()))
    }),
    ("/api/embed", |n| {
        format!(r#"{{"model":"m","input":[{}]}}"#, list(n, |i| format!("\"\\n{i}\"")))
    }),
    ("/v1/chat/completions", |n| {
        let part = |_| r#"{"type":"image_url"}"#.to_owned();
        format!(r#"{{"model":"m","messages":[{{"content":[[{}]]}}]}}"#, list(n, part))
    }),
];

#[test]
fn reading_and_writing_are_linear() {
    let obligations = Obligations {
        fields: (0..64)
            .map(|number| FieldPath::new(&format!("Forbidden{number}")).unwrap())
            .map(FieldRule::Forbid)
            .collect(),
        limits: [LimitedParameter::Context, LimitedParameter::Output]
            .map(|parameter| Limit { insert: Some(5), ..Limit::at_most(parameter, 5) })
            .to_vec(),
        ..Obligations::default()
    };
    for (path, body) in LARGE {
        let steps = |number| {
            let body = body(number);
            steps_of(|| drop(written_with(path, &body, &obligations).unwrap()))
        };
        assert_linear(path, steps(512), steps(1024));
    }
}

#[test]
fn changing_and_finding_texts_are_linear() {
    let field = |number| FieldPath::new(&format!("x.f{number}")).unwrap();
    let strips = (0..64).map(field).map(FieldRule::Strip);
    let inserts = (64..128).map(field).map(|path| FieldRule::Insert(path, "1".to_owned()));
    let rules: Vec<_> = strips.chain(inserts).collect();
    for (path, body) in LARGE {
        let steps = |number| {
            let mut request = understood(path, &body(number));
            steps_of(|| {
                assert_eq!(request.change(None, &rules), Ok(true));
                drop(request.content());
            })
        };
        assert_linear(path, steps(512), steps(1024));
    }
}

fn assert_linear(what: &str, one: usize, twice: usize) {
    assert!(one > 100, "{what}: nothing is counted");
    // Sorting takes a little more than twice as much.
    assert!(twice < one * 5 / 2, "{what}: {one} steps become {twice}");
}

#[test]
fn refusing_is_linear() {
    let refusals: &[Growing] = &[
        ("twice", |n| format!(r#"{{{},"k0":1}}"#, list(n, |i| format!("\"k{i}\":0")))),
        ("folds", |n| format!(r#"{{"model":"m",{},"K0":1}}"#, list(n, |i| format!("\"k{i}\":0")))),
        ("late", |n| format!(r#"{{"model":"m",{},!"#, list(n, |i| format!("\"k{i}\":[{{}}]")))),
    ];
    for (what, body) in refusals {
        let steps = |number| {
            let body = body(number);
            steps_of(|| drop(read("/api/chat", &body).unwrap_err()))
        };
        assert_linear(what, steps(10_000), steps(20_000));
    }
}

#[test]
fn a_form_that_has_every_boundary_is_written_in_linear_time() {
    let steps = |number: usize| {
        let mut file = String::new();
        for boundary in 0..number {
            write!(file, "stockade-form-{boundary:016}\r\n").unwrap();
        }
        let body = format!(
            "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{file}\r\n\
             --B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--B--\r\n"
        );
        let form = Form::read(&Bytes::from(body), "B").unwrap();
        let mut content_type = None;
        let steps = steps_of(|| content_type = Some(form.write("m").0));
        let content_type = content_type.unwrap();
        assert!(content_type.to_str().unwrap().ends_with(&format!("-{number:016}")));
        steps
    };
    assert_linear("form", steps(1000), steps(2000));
}

#[test]
fn a_head_that_comes_byte_by_byte_is_read_once() {
    let steps = |number: usize| {
        let mut head = b"GET / HTTP/1.1\r\nX: ".to_vec();
        head.resize(number, b'a');
        let mut scanner = HeadScanner::default();
        steps_of(|| {
            for end in 0..=head.len() {
                assert_eq!(scanner.scan(&head[..end]), Ok(None));
            }
        })
    };
    assert_linear("head", steps(10_000), steps(20_000));
}

#[test]
fn what_a_request_may_name_is_bounded() {
    let digests = |field: &str, number| format!("\"{field}\":{{{}}}", list(number, digest));
    let create = |fields: &str| format!(r#"{{"model":"m",{fields}}}"#);
    let chat = |field: &str, number, item: &str| {
        format!(r#"{{"model":"m","{field}":[{}]}}"#, list(number, |_| item.to_owned()))
    };
    let split = |more: usize| {
        let half = MOST_DIGESTS / 2;
        create(&[digests("files", half), digests("adapters", half + more)].join(","))
    };
    let bounds = [
        ("/api/create", create(&digests("files", MOST_DIGESTS)), split(1), "1024 files"),
        ("/api/create", split(0), create(&digests("draft_files", MOST_DIGESTS + 1)), "1024 files"),
        (
            "/api/chat",
            chat("tools", MOST_TOOLS, "{}"),
            chat("tools", MOST_TOOLS + 1, "{}"),
            "2048 tools",
        ),
        (
            "/api/generate",
            chat("images", MOST_IMAGES, "\"\""),
            chat("images", MOST_IMAGES + 1, "\"\""),
            "4096 images",
        ),
        (
            "/v1/chat/completions",
            chat("messages", MOST_OBJECTS - 1, "{}"),
            chat("messages", MOST_OBJECTS, "{}"),
            "65536 messages",
        ),
    ];
    for (path, most, more, reason) in bounds {
        understood(path, &most);
        let refusal = read(path, &more).unwrap_err();
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        assert!(refusal.message.contains(reason), "{}", refusal.message);
    }
}
