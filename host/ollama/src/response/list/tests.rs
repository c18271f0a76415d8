use super::{ListKind, ModelList};
use bytes::Bytes;
use proptest::prelude::*;
use stockade_core::{Dialect, ModelName, Operation};

const TAGS: &str = r#"{"models":[{"name":"demo:latest","model":"demo:latest","modified_at":"2026-08-21T10:00:00Z","size":1928,"digest":"sha256:00","details":{"format":"gguf","families":null}},{"name":"gpt-oss:120b-cloud","model":"gpt-oss:120b-cloud","remote_model":"gpt-oss:120b","remote_host":"https://ollama.com:443","size":384},{"name":"hf.co/Bartowski/Tiny-GGUF:Q4_K_M","model":"hf.co/Bartowski/Tiny-GGUF:Q4_K_M","size":7}]}"#;

fn read(kind: ListKind, body: &str) -> ModelList {
    ModelList::read(kind, Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

fn retain(list: &ModelList, kept: &[&str]) -> String {
    let body = list.retain(|name| kept.contains(&name.short()));
    String::from_utf8(body.to_vec()).unwrap()
}

#[test]
fn entries_pass_byte_for_byte() {
    let list = read(ListKind::Native, TAGS);
    let names: Vec<&str> = list.names().map(ModelName::short).collect();
    let all = ["demo:latest", "gpt-oss:120b-cloud", "hf.co/bartowski/tiny-gguf:q4_k_m"];
    assert_eq!(names, all);
    assert_eq!(
        retain(&list, &[all[2], all[0]]),
        r#"{"models":[{"name":"demo:latest","model":"demo:latest","modified_at":"2026-08-21T10:00:00Z","size":1928,"digest":"sha256:00","details":{"format":"gguf","families":null}},{"name":"hf.co/Bartowski/Tiny-GGUF:Q4_K_M","model":"hf.co/Bartowski/Tiny-GGUF:Q4_K_M","size":7}]}"#
    );
    assert_eq!(retain(&list, &[]), r#"{"models":[]}"#);
}

#[test]
fn a_list_that_is_kept_whole_is_not_copied() {
    let body = Bytes::from_static(TAGS.as_bytes());
    let list = ModelList::read(ListKind::Native, body.clone()).unwrap();
    assert_eq!(list.retain(|_| true).as_ptr(), body.as_ptr());
}

#[test]
fn cloud_models_are_told_by_name_or_remote() {
    let body = r#"{"models":[{"name":"a"},{"name":"b:cloud"},{"name":"c","remote_host":"https://ollama.com:443"},{"name":"d","remote_model":"x"},{"name":"e","remote_host":"","remote_model":null}]}"#;
    let list = read(ListKind::Native, body);
    let cloud: Vec<bool> = list.models().map(super::ListedModel::is_cloud).collect();
    assert_eq!(cloud, [false, true, true, true, false]);
    let c = list.models().nth(2).unwrap();
    assert_eq!(c.remote_host.as_deref(), Some("https://ollama.com:443"));
}

#[test]
fn every_list_has_its_own_shape() {
    let cases = [
        (
            ListKind::OpenAi,
            r#"{"object":"list","data":[{"id":"a:latest","object":"model"},{"id":"b:latest"}]}"#,
            r#"{"object":"list","data":[{"id":"b:latest"}]}"#,
        ),
        (
            ListKind::Recommendations,
            r#"{"recommendations":[{"model":"b","description":"x"},{"model":"a"}],"more":1}"#,
            r#"{"recommendations":[{"model":"b","description":"x"}],"more":1}"#,
        ),
        (
            ListKind::Native,
            " {\"models\" : [ {\"name\":\"a\"} , {\"name\":\"b\"} ] }\n",
            " {\"models\" : [{\"name\":\"b\"}] }\n",
        ),
    ];
    for (kind, body, expected) in cases {
        assert_eq!(retain(&read(kind, body), &["b:latest"]), expected);
    }
}

#[test]
fn what_cannot_be_told_belongs_to_nobody() {
    let unreadable = [
        r#"{"name":"a","model":"b"}"#,
        r#"{"name":"a","model":"de mo"}"#,
        r#"{"name":"a","name":"a"}"#,
        r#"{"name":"a:local"}"#,
        r#"{"name":7}"#,
        r#"{"name":null}"#,
        r#"{"name":"a","remote_host":1}"#,
        "{}",
        "[]",
        "null",
        "\"a\"",
    ];
    for entry in unreadable {
        let body = format!(r#"{{"models":[{entry},{{"name":"b","model":"B:latest"}}]}}"#);
        let list = read(ListKind::Native, &body);
        assert_eq!(list.names().count(), 1, "{entry}");
        assert_eq!(
            list.retain(|_| true),
            r#"{"models":[{"name":"b","model":"B:latest"}]}"#,
            "{entry}"
        );
    }
}

#[test]
fn an_empty_list_may_be_null() {
    let body = r#"{"object":"list","data":null}"#;
    let list = read(ListKind::OpenAi, body);
    assert_eq!(list.names().count(), 0);
    assert_eq!(list.retain(|_| true), body);
}

#[test]
fn what_is_no_list_is_an_error() {
    let bodies = [
        "",
        "[]",
        "{",
        "{}",
        r#"{"data":[]}"#,
        r#"{"models":{}}"#,
        r#"{"models":[],"models":[]}"#,
        r#"{"models":[]} x"#,
        r#"{"error":"no"}"#,
    ];
    for body in bodies {
        let read = ModelList::read(ListKind::Native, Bytes::from_static(body.as_bytes()));
        assert!(read.is_err(), "{body}");
    }
    let invalid = Bytes::from_static(b"{\"models\":[{\"name\":\"\xff\"}]}");
    assert!(ModelList::read(ListKind::Native, invalid).is_err());
}

#[test]
fn lists_are_told_by_operation_and_dialect() {
    let cases = [
        (Operation::List, Dialect::Native, Some(ListKind::Native)),
        (Operation::List, Dialect::OpenAi, Some(ListKind::OpenAi)),
        (Operation::Running, Dialect::Native, Some(ListKind::Native)),
        (Operation::Recommend, Dialect::Native, Some(ListKind::Recommendations)),
        (Operation::Show, Dialect::OpenAi, None),
    ];
    for (operation, dialect, kind) in cases {
        assert_eq!(ListKind::of(operation, dialect), kind, "{operation}");
    }
}

proptest! {
    #[test]
    fn exactly_the_kept_entries_remain(
        entries in prop::collection::vec(("[a-z]{1,8}", "[ -~]{0,12}", any::<bool>()), 0..9),
    ) {
        let entry = |(name, text, _): &(String, String, bool)| {
            format!("{{ \"text\": {}, \"name\":\"{name}\"}}", serde_json::Value::from(text.as_str()))
        };
        let body = |entries: Vec<String>| format!("{{\"models\":[{}]}}", entries.join(","));
        let upstream = body(entries.iter().map(entry).collect());
        let kept = entries.iter().filter(|(_, _, keep)| *keep).map(entry).collect();
        let list = read(ListKind::Native, &upstream);
        let mut keep = entries.iter().map(|(_, _, keep)| *keep);
        prop_assert_eq!(list.retain(|_| keep.next().unwrap()), body(kept));
    }
}
