//! The host and the SDK read a pattern in the same way: both have it from `stockade-names`, each in
//! a type of its own.

use proptest::prelude::*;
use stockade_core::ModelName;

const NAMES: [&str; 10] = [
    "llama3.2",
    "llama3.2:3b",
    "qwen3:8b",
    "library/llama3.2:1b",
    "me/mine",
    "me/mine:v2",
    "hf.co/someone/x.gguf:q4",
    "hf.co:443/someone/x",
    "registry.ollama.ai/me/llama3.2:3b",
    "gpt-oss:20b-cloud",
];

/// Tells whether each of the two takes the pattern, and which names it then matches.
fn readings(pattern: &str) -> [Option<Vec<bool>>; 2] {
    let names = NAMES.map(|name| ModelName::parse(name).unwrap());
    let host = pattern.parse::<stockade_core::ModelPattern>().ok();
    let guest = pattern.parse::<stockade_policy_sdk::ModelPattern>().ok();
    [
        host.map(|pattern| names.iter().map(|name| pattern.matches(name)).collect()),
        guest.map(|pattern| names.iter().map(|name| pattern.matches(name.as_str())).collect()),
    ]
}

#[test]
fn the_documented_patterns_are_read_alike() {
    for pattern in [
        "*",
        "llama3.2",
        "llama3.2:*",
        "qwen3:8b",
        "library/*",
        "hf.co/*",
        "me/*",
        "*:3b",
        "*/mine",
        "LLAMA3.2:*",
        "hf.co:443/*",
        "l*a3.2",
        "*:*-cloud",
        "",
        "**",
        "http://x",
        "a/b/c/d",
        "x:y:z",
        "/x",
        "x/",
        ":x",
        "x:",
        "a b",
        "x:local",
        "hf.co/*/x",
        "*/*/*:*",
    ] {
        let [host, guest] = readings(pattern);
        assert_eq!(host, guest, "{pattern}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_alike(pattern in "[a-cA-C0-1*:/._ -]{0,16}") {
        let [host, guest] = readings(&pattern);
        prop_assert_eq!(host, guest, "{}", pattern);
    }

    #[test]
    fn patterns_made_of_names_are_read_alike(
        name in proptest::sample::select(&NAMES[..]), from in 0_usize..24, length in 0_usize..8,
    ) {
        let from = from.min(name.len());
        let to = (from + length).min(name.len());
        let pattern = format!("{}*{}", &name[..from], &name[to..]);
        let [host, guest] = readings(&pattern);
        prop_assert_eq!(host, guest, "{}", pattern);
    }
}
