use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Json {
    read_first(text.as_bytes()).unwrap()
}

fn text_of(body: &str, field: &str) -> Result<String, DecodeError> {
    let value = read(body);
    Fields::of(&value)?.text(field).map(str::to_owned)
}

#[test]
fn keys_match_in_any_case_and_the_last_wins() {
    for body in [
        r#"{"model":"a","model":"b"}"#,
        r#"{"model":"a","MODEL":"b"}"#,
        r#"{"MoDeL":"a","model":"b"}"#,
        r#"{"model":"b","MODEL":null}"#,
        r#"{"model":"b"} {"model":"a"}"#,
        r#"{"model":"b"}garbage"#,
        "\n\t {\"m\\u006fdel\":\"b\"}",
    ] {
        assert_eq!(text_of(body, "model").as_deref(), Ok("b"), "{body}");
    }
}

#[test]
fn folding_is_unicodes() {
    assert!(equal_fold("ſtream", "STREAM"));
    assert!(equal_fold("\u{212a}eep_alive", "keep_alive"));
    assert!(!equal_fold("strasse", "straße"));
    assert!(!equal_fold("model", "models"));
    assert_eq!(text_of(r#"{"ſource":"x"}"#, "source").as_deref(), Ok("x"));
}

#[test]
fn null_resets_what_can_be_absent() {
    let value = read(r#"{"stream":true,"Stream":null,"messages":[1],"messages":null}"#);
    let fields = Fields::of(&value).unwrap();
    assert_eq!(fields.flag("stream"), Ok(None));
    assert_eq!(fields.list("messages"), Ok(&[][..]));
}

#[test]
fn maps_merge_and_have_a_case() {
    let value = read(r#"{"options":{"num_ctx":1},"OPTIONS":{"NUM_CTX":2}}"#);
    let options = Fields::of(&value).unwrap().map("options").unwrap();
    let keys: Vec<_> = options.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["num_ctx", "NUM_CTX"]);
}

#[test]
fn what_is_no_unicode_is_replaced() {
    let replaced = |bytes: &[u8]| read_first(bytes).unwrap();
    assert_eq!(replaced(b"\"a\xffb\""), Json::Text("a\u{fffd}b".into()));
    assert_eq!(read(r#""\ud800x""#), Json::Text("\u{fffd}x".into()));
    assert_eq!(read(r#""\ud800\u0041""#), Json::Text("\u{fffd}A".into()));
    assert_eq!(read(r#""\ud83d\ude00""#), Json::Text("😀".into()));
}

#[test]
fn what_go_refuses_is_refused() {
    for body in [
        "",
        "  ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "-",
        "1.",
        "nul",
        "'a'",
        "\"\n\"",
        "\"\\x\"",
        "{a:1}",
        "\u{feff}{}",
    ] {
        let first = read_first(body.as_bytes());
        assert!(first.is_err(), "{body:?}: {first:?}");
    }
    let deep = "[".repeat(100_000);
    assert!(read_first(deep.as_bytes()).is_err());
}

#[test]
fn a_wrong_type_is_an_error() {
    let error = text_of(r#"{"model":5}"#, "model").unwrap_err();
    assert_eq!(
        error.to_string(),
        "json: cannot unmarshal number into Go struct field .model of type string"
    );
    assert!(Fields::of(&read("[]")).is_err());
    assert!(Fields::of(&read("null")).is_ok());
}

proptest! {
    #[test]
    fn it_never_panics(bytes: Vec<u8>) {
        let _ = read_first(&bytes);
    }

    #[test]
    fn what_serde_writes_is_read(text: String, number: i64) {
        let written = serde_json::json!({"text": text, "list": [number, null, true]}).to_string();
        let value = read(&written);
        let fields = Fields::of(&value).unwrap();
        prop_assert_eq!(fields.text("text").unwrap(), text);
        prop_assert_eq!(
            fields.list("list").unwrap(),
            [Json::Number(number.to_string()), Json::Null, Json::Bool(true)]
        );
    }
}
