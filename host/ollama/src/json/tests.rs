use bytes::Bytes;

use super::{Document, JsonError, Kind, Problem, ReadLimits, read};

fn parse(text: &str) -> Result<Document, JsonError> {
    read(Bytes::copy_from_slice(text.as_bytes()), &ReadLimits::default())
}

fn problem(text: &str) -> Problem {
    parse(text).expect_err(text).problem().clone()
}

#[test]
fn values_are_where_they_stand() {
    let text =
        r#" {"a" : [1, -2.5e+3, true,false , null, "x\n\u00e9\ud83d\ude00"], "b":{},"":[ ]} "#;
    let document = parse(text).unwrap();
    let root = document.root();
    let elements: Vec<_> = root.get("a").unwrap().elements().collect();
    assert_eq!(elements[0].as_number().unwrap().as_i64(), Some(1));
    assert_eq!(elements[1].raw(), b"-2.5e+3");
    assert_eq!(elements[2].as_bool(), Some(true));
    assert_eq!(elements[3].as_bool(), Some(false));
    assert!(elements[4].is_null());
    assert_eq!(elements[5].as_text().unwrap(), "x\n\u{e9}\u{1f600}");
    assert!(root.get("b").unwrap().is_empty());
    assert!(root.get("").unwrap().is_empty());
    assert_eq!(root.members().count(), 3);
    assert_eq!(root.raw(), text.trim().as_bytes());
}

#[test]
fn escapes_are_resolved() {
    let document = parse(r#"{"\u0061\"":"\b\f\n\r\t\/\\\"\u0000"}"#).unwrap();
    let (key, value) = document.root().members().next().unwrap();
    assert_eq!(key.kind(), Kind::EscapedString);
    assert_eq!(key.as_text().unwrap(), "a\"");
    assert_eq!(value.as_text().unwrap(), "\u{8}\u{c}\n\r\t/\\\"\0");
}

const NOT_ONE_OBJECT: &[(&str, Problem)] = &[
    ("", Problem::Empty),
    (" \n\t", Problem::Empty),
    ("[]", Problem::NotAnObject),
    ("null", Problem::NotAnObject),
    ("\"x\"", Problem::NotAnObject),
    ("\u{feff}{}", Problem::ByteOrderMark),
    ("{}{}", Problem::Trailing),
    ("{} x", Problem::Trailing),
    ("{}\0", Problem::Trailing),
    ("{", Problem::Unfinished),
    ("{\"a\"", Problem::Unfinished),
    ("{\"a\":", Problem::Unfinished),
    ("{\"a\":\"", Problem::Unfinished),
    ("{\"a\":\"\\", Problem::Unfinished),
    ("{\"a\":\"\\u12", Problem::Unfinished),
    ("{\"a\":[1", Problem::Unfinished),
    ("{,}", Problem::Expected("a key in double quotes")),
    ("{\"a\":1,}", Problem::Expected("a key in double quotes")),
    ("{a:1}", Problem::Expected("a key in double quotes")),
    ("{'a':1}", Problem::Expected("a key in double quotes")),
    ("{\"a\" 1}", Problem::Expected("a colon")),
    ("{\"a\":1 \"b\":2}", Problem::Expected("a comma or }")),
    ("{\"a\":[1 2]}", Problem::Expected("a comma or ]")),
    ("{\"a\":[1,]}", Problem::Expected("a value")),
    ("{\"a\":[}", Problem::Expected("a value")),
    ("{\"a\":tru}", Problem::Expected("a value")),
    ("{\"a\":NaN}", Problem::Expected("a value")),
    ("{\"a\":Infinity}", Problem::Expected("a value")),
    ("{\"a\":+1}", Problem::Expected("a value")),
    ("{\"a\":.5}", Problem::Expected("a value")),
    ("{\"a\":// x\n1}", Problem::Expected("a value")),
    ("{\"a\":01}", Problem::Expected("a comma or }")),
    ("{\"a\":0x1}", Problem::Expected("a comma or }")),
    ("{\"a\":truex}", Problem::Expected("a comma or }")),
    ("{\"a\":-}", Problem::Number),
    ("{\"a\":1.}", Problem::Number),
    ("{\"a\":1e}", Problem::Number),
    ("{\"a\":1e+}", Problem::Number),
    ("{\"a\":\"x\ny\"}", Problem::ControlCharacter),
    ("{\"a\":\"\0\"}", Problem::ControlCharacter),
    ("{\"a\":\"\\x41\"}", Problem::Escape),
    ("{\"a\":\"\\u12g4\"}", Problem::Escape),
    ("{\"a\":\"\\ud83d\\u12g4\"}", Problem::Escape),
    ("{\"\\ud83d\":1}", Problem::Surrogate),
    ("{\"a\":[{\"x\\ude00\":1}]}", Problem::Surrogate),
    ("{\"a\":\"\\ud83d\",\"\\ud83dx\":1}", Problem::Surrogate),
];

/// As Go reads it: a half is U+FFFD, and what follows is read for itself.
#[test]
fn half_a_surrogate_pair_in_a_text_is_no_character() {
    for (text, meaning) in [
        (r"\ud83d", "\u{fffd}"),
        (r"\ude00x", "\u{fffd}x"),
        (r"cut \ud83d", "cut \u{fffd}"),
        (r"\ud83d\ud83d", "\u{fffd}\u{fffd}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
        (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
        (r"\ud83d\n", "\u{fffd}\n"),
        (r"\ud83d\u0041", "\u{fffd}A"),
        (r"\uD83D\uD83Dx", "\u{fffd}\u{fffd}x"),
        (r"\\ud83d", "\\ud83d"),
    ] {
        let document = parse(&format!(r#"{{"a":["{text}"],"b":"\ud83d\ude00"}}"#)).unwrap();
        let list = document.root().get("a").unwrap();
        let value = list.elements().next().unwrap();
        assert_eq!(value.as_text().unwrap(), meaning, "{text}");
        assert_eq!(value.had_half(), meaning.contains('\u{fffd}'), "{text}");
        assert_eq!(list.had_half(), value.had_half());
        assert!(!document.root().get("b").unwrap().had_half());
        // What is forwarded is what is judged.
        let raw = String::from_utf8(value.raw().to_vec()).unwrap();
        let forwarded = parse(&format!(r#"{{"a":{raw}}}"#)).unwrap();
        let forwarded = forwarded.root().get("a").unwrap();
        assert_eq!(forwarded.as_text().unwrap(), meaning, "{text}");
        assert!(!forwarded.had_half(), "{text}");
    }
}

#[test]
fn what_is_not_one_object_is_refused() {
    for (text, expected) in NOT_ONE_OBJECT {
        assert_eq!(&problem(text), expected, "{text:?}");
    }
}

#[test]
fn a_key_that_appears_twice_is_refused_at_any_depth() {
    let twice = |key: &str| Problem::DuplicateKey(key.to_owned());
    assert_eq!(problem(r#"{"a":1,"b":2,"a":3}"#), twice("a"));
    assert_eq!(problem(r#"{"a":1,"\u0061":3}"#), twice("a"));
    assert_eq!(problem(r#"{"x":[{"y":{"k":1,"k":1}}]}"#), twice("k"));
    assert_eq!(problem(r#"{"":1,"":1}"#), twice(""));
    assert!(parse(r#"{"a":{"a":{"a":1}},"A":1}"#).is_ok());
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    for bytes in [&b"{\"a\":\"\xff\"}"[..], b"{\"a\":\"\xed\xa0\x80\"}", b"{\"a\":\"\xc0\xaf\"}"] {
        let error = read(Bytes::copy_from_slice(bytes), &ReadLimits::default()).unwrap_err();
        assert_eq!(error.problem(), &Problem::NotUtf8);
        assert_eq!(
            error.to_string(),
            "the body is not UTF-8; encode it as UTF-8 (at a, line 1, byte 6)"
        );
    }
}

#[test]
fn limits_hold_and_are_reachable() {
    let limits = ReadLimits { bytes: 1000, depth: 3, values: 7 };
    let with = |text: &str| read(Bytes::copy_from_slice(text.as_bytes()), &limits);
    assert!(with(r#"{"a":[[1,2]]}"#).is_ok());
    assert_eq!(with(r#"{"a":[[[]]]}"#).unwrap_err().problem(), &Problem::TooDeep(3));
    assert!(with(r#"{"a":[1,2,3,4]}"#).is_ok());
    assert_eq!(with(r#"{"a":[1,2,3,4,5]}"#).unwrap_err().problem(), &Problem::TooManyValues(7));
}

#[test]
fn an_error_says_what_and_where() {
    let error =
        parse("{\"model\":\"m\",\n \"messages\":[{},{\"role\":1,\"role\":2}]}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key \"role\" appears twice; send it once (at messages[1], line 2, byte 40)"
    );
}
