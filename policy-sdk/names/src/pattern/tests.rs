use proptest::prelude::*;

use super::{InvalidPattern, ModelPattern, complete_name};

fn pattern(spelling: &str) -> ModelPattern {
    spelling.parse().unwrap_or_else(|error| panic!("{spelling:?}: {error}"))
}

fn name(spelling: &str) -> String {
    complete_name(spelling).unwrap_or_else(|error| panic!("{spelling:?}: {error}"))
}

#[test]
fn what_is_left_out_is_filled_in() {
    let cases = [
        ("llama3.2", "registry.ollama.ai/library/llama3.2:latest"),
        ("LLAMA3.2:3B", "registry.ollama.ai/library/llama3.2:3b"),
        ("llama3.2:*", "registry.ollama.ai/library/llama3.2:*"),
        ("llama*", "registry.ollama.ai/library/llama*:*"),
        ("llama*:3b", "registry.ollama.ai/library/llama*:3b"),
        ("library/*", "registry.ollama.ai/library/*:*"),
        ("me/mine", "registry.ollama.ai/me/mine:latest"),
        ("*/mine", "registry.ollama.ai/*/mine:latest"),
        ("*/*", "registry.ollama.ai/*/*:*"),
        ("registry.ollama.ai/library/*", "registry.ollama.ai/library/*:*"),
        ("hf.co/*", "hf.co/*/*:*"),
        ("*.co/*", "*.co/*/*:*"),
        ("localhost:5000/*", "localhost:5000/*/*:*"),
        ("hf.co/*:q4_k_m", "hf.co/*/*:q4_k_m"),
        ("localhost/*/*", "localhost/*/*:*"),
        ("hf.co/bart*/x", "hf.co/bart*/x:latest"),
        ("*:cloud", "*/*/*:cloud"),
        ("*:*-cloud", "*/*/*:*-cloud"),
        ("*", "*/*/*:*"),
    ];
    for (spelling, complete) in cases {
        assert_eq!(pattern(spelling).as_str(), complete, "{spelling}");
    }
}

#[test]
fn a_star_stays_within_its_part() {
    let cases = [
        ("llama3.2:*", "llama3.2:3b", true),
        ("llama3.2:*", "llama3.2", true),
        ("llama3.2:*", "llama3.2-vision:11b", false),
        ("llama3.2:*", "me/llama3.2:3b", false),
        ("llama3.2:*", "hf.co/library/llama3.2:3b", false),
        ("llama*", "llama3.2:3b", true),
        ("llama*", "me/llama3.2", false),
        ("*b*", "abc:7b", true),
        ("*b*", "xyz:7b", false),
        ("*:*b", "me/x:70b", true),
        ("*:*b", "hf.co/b/b:latest", false),
        ("library/*", "anything:at-all", true),
        ("library/*", "hf.co/library/x", false),
        ("hf.co/*", "hf.co/bartowski/x:q4", true),
        ("hf.co/*", "hf.co.evil.example/a/x", false),
        ("hf.co/*", "hf.co:8443/a/x", false),
        ("hf.co*/*", "hf.co:8443/a/x", true),
        ("*/x", "me/x", true),
        ("*/x", "hf.co/me/x", false),
        ("a*a*a", "aaa", true),
        ("a*a*a", "aa", false),
        ("a*b*c:1*2", "a-b-b-c:1.2", true),
        ("a*b*c:1*2", "a-b-b-c:1.3", false),
        ("*", "hf.co/a/b:c", true),
    ];
    for (spelling, other, expected) in cases {
        assert_eq!(pattern(spelling).matches(&name(other)), expected, "{spelling} {other}");
    }
}

#[test]
fn what_no_name_can_be_is_refused() {
    let cases = [
        ("", InvalidPattern::Empty),
        ("a b", InvalidPattern::Character(' ')),
        ("modèle", InvalidPattern::Character('è')),
        ("llama[12]", InvalidPattern::Character('[')),
        ("llama?", InvalidPattern::Character('?')),
        ("x@sha256:0", InvalidPattern::Character('@')),
        ("https://x", InvalidPattern::Scheme),
        ("library/**", InvalidPattern::DoubleStar),
        ("a/b/c/d", InvalidPattern::TooManyParts),
        ("*/*/*/*", InvalidPattern::TooManyParts),
        ("x:local", InvalidPattern::Local),
        ("*:LOCAL", InvalidPattern::Local),
        ("/x", InvalidPattern::Part("namespace")),
        ("hf.co/x", InvalidPattern::Part("namespace")),
        ("h/n.s/x", InvalidPattern::Part("namespace")),
        ("x/", InvalidPattern::Part("model")),
        (".x", InvalidPattern::Part("model")),
        (":3b", InvalidPattern::Part("model")),
        ("x:", InvalidPattern::Part("tag")),
        ("x:-*", InvalidPattern::Part("tag")),
        ("a:b:c", InvalidPattern::Part("model")),
        ("-h/n/x", InvalidPattern::Part("host")),
    ];
    for (spelling, expected) in cases {
        assert_eq!(spelling.parse::<ModelPattern>(), Err(expected), "{spelling:?}");
    }
    let longest = "x".repeat(80);
    assert!(format!("{longest}*").parse::<ModelPattern>().is_ok());
    assert!(format!("{longest}x*").parse::<ModelPattern>().is_err());
}

/// The definition, written as simply as possible.
fn matches_by_definition(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((literal, rest)) => name.strip_prefix(literal).is_some_and(|tail| {
            let taken = tail.find('/').unwrap_or(tail.len());
            (0..=taken).any(|end| matches_by_definition(rest, &tail[end..]))
        }),
    }
}

/// Few letters, so that patterns and names meet often.
fn any_name() -> impl Strategy<Value = String> {
    "([ab.]{1,3}/)?([ab]{1,2}/)?[ab]{1,4}(:[ab]{1,3})?"
        .prop_filter_map("no name", |spelling| complete_name(&spelling).ok())
}

fn any_pattern() -> impl Strategy<Value = ModelPattern> {
    let defaults = "[ab*]{1,5}(:[ab*]{1,3})?";
    let complete =
        "([ab.*]{1,3}|registry[.]ollama[.]ai)/([ab*]{1,3}|library)/[ab*]{1,5}(:[ab*]{1,3})?";
    prop_oneof![defaults, complete]
        .prop_filter_map("no pattern", |spelling| spelling.parse::<ModelPattern>().ok())
}

proptest! {
    #[test]
    fn a_name_is_a_pattern_for_exactly_itself(one in any_name(), other in any_name()) {
        let pattern = pattern(&one);
        prop_assert_eq!(pattern.as_str(), &one);
        prop_assert!(pattern.matches(&one));
        prop_assert_eq!(pattern.matches(&other), one == other);
    }

    #[test]
    fn case_makes_no_difference(spelling in "[A-Ca-c*]{1,4}(:[A-Ca-c*]{1,3})?") {
        let lower = spelling.to_ascii_lowercase();
        prop_assert_eq!(spelling.parse::<ModelPattern>(), lower.parse::<ModelPattern>());
    }

    #[test]
    fn matching_agrees_with_the_definition(pattern in any_pattern(), name in any_name()) {
        let expected = matches_by_definition(pattern.as_str(), &name);
        prop_assert_eq!(pattern.matches(&name), expected, "{} {}", pattern, name);
    }

    #[test]
    fn a_complete_pattern_means_itself(pattern in any_pattern()) {
        prop_assert_eq!(&pattern.as_str().parse::<ModelPattern>().unwrap(), &pattern);
    }

    #[test]
    fn no_text_makes_reading_or_matching_panic(spelling in "\\PC{0,20}", name in "\\PC{0,20}") {
        if let Ok(pattern) = spelling.parse::<ModelPattern>() {
            pattern.matches(&name);
        }
    }
}
