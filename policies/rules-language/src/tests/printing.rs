//! Conditions are written as they are read, and no text confuses the reader.

use proptest::prelude::*;

use crate::Condition;

const TESTS: [&str; 27] = [
    "tools not in [a, \"b c\"]",
    "operation = chat",
    "operation not in [pull, push]",
    "user = \"a \\\"b\\\" \\\\ c\"",
    "user like [\"*@x\", y]",
    "attributes.team != blue",
    "attributes.team is missing",
    "credential.labels.kind is not missing",
    "groups contains [ops, 'and']",
    "\"ops\" not in groups",
    "model.name like llama3.2:*",
    "any model.name not like [hf.co/*, qwen3]",
    "model.cloud",
    "model.cloud = false",
    "any model.bytes > 20 GB",
    "model.bytes in [1.5GB, 3 kB]",
    "model.parameters <= 8.2B",
    "parameters.context = unlimited",
    "parameters.keep_alive < 1h30m",
    "parameters.keep_alive != unlimited",
    "client.address in [10.0.0.0/8, ::1]",
    "client.address != 10.0.0.1",
    "time.of_day >= 08:05",
    "time.weekday in [sat, sun]",
    "texts.system contains \"ä\"",
    "usage.model.day.gpu_seconds >= 5",
    "prompt.bytes > 1MiB",
];

fn condition() -> impl Strategy<Value = String> {
    let test = proptest::sample::select(&TESTS[..]).prop_map(str::to_owned);
    test.prop_recursive(4, 24, 4, |inner| {
        let several = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            several.clone().prop_map(|parts| format!("({})", parts.join(" and "))),
            several.prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|part| format!("not {part}")),
        ]
    })
}

/// Texts that are nearly conditions.
fn scramble() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        proptest::sample::select(&TESTS[..]).prop_map(str::to_owned),
        proptest::sample::select(
            &["and", "or", "not", "(", ")", "[", "]", ",", "in", "any", "is", "=", "<", "\"", "20"]
                [..]
        )
        .prop_map(str::to_owned),
        ".{0,3}",
    ];
    proptest::collection::vec(word, 0..12).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(text in condition()) {
        let read = Condition::parse(&text).unwrap();
        let written = read.to_string();
        prop_assert_eq!(Condition::parse(&written), Ok(read), "{}", written);
    }

    #[test]
    fn no_text_confuses_the_reader(text in scramble()) {
        match Condition::parse(&text) {
            Ok(read) => prop_assert_eq!(Condition::parse(&read.to_string()), Ok(read)),
            Err(error) => prop_assert!(error.column() <= text.chars().count() + 1),
        }
    }
}

#[test]
fn what_is_nested_as_deeply_as_may_be_is_read_back() {
    let deep = format!("{}(user = a or user = b and user = c)", "not ".repeat(10));
    let read = Condition::parse(&deep).unwrap();
    assert_eq!(Condition::parse(&read.to_string()), Ok(read));
}
