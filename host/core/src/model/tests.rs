//! Names that mean one model, and names that mean none.

use std::collections::HashSet;

use super::{InvalidModelName, ModelName};
use proptest::prelude::*;

#[test]
fn one_model_has_one_name() {
    let spellings = [
        "demo",
        "DEMO",
        "demo:latest",
        "library/demo",
        "registry.ollama.ai/library/demo",
        "REGISTRY.OLLAMA.AI/Library/Demo:Latest",
    ];
    for spelling in spellings {
        let name = ModelName::parse(spelling).unwrap();
        assert_eq!(name.as_str(), "registry.ollama.ai/library/demo:latest", "{spelling}");
        assert_eq!(name.short(), "demo:latest");
    }
}

#[test]
fn parts_are_told_apart() {
    let name = ModelName::parse("hf.co:443/Bartowski/Llama-3.2.GGUF:Q4_K_M").unwrap();
    assert_eq!(name.host(), "hf.co:443");
    assert_eq!(name.namespace(), "bartowski");
    assert_eq!(name.model(), "llama-3.2.gguf");
    assert_eq!(name.tag(), "q4_k_m");
    assert_eq!(ModelName::parse("me/mine").unwrap().short(), "me/mine:latest");
}

#[test]
fn what_ollama_refuses_or_reads_twice_is_refused() {
    let invalid = [
        "",
        "https://demo",
        "foo://registry.ollama.ai/library/demo",
        "/demo",
        "demo/",
        "demo:",
        ":latest",
        "demo::latest",
        "demo:a:b",
        "a/b/c/d",
        "../demo",
        "./demo",
        "-demo",
        ".demo",
        "demo?x",
        "demo%20",
        "de mo",
        " demo",
        "d\u{e9}mo",
        "\u{17f}ecret",
        "demo:local",
        "demo:LOCAL",
        "demo@sha256:x",
        "a.b/demo/x/y",
        "na.me/demo",
        "demo\0",
    ];
    for spelling in invalid {
        assert!(ModelName::parse(spelling).is_err(), "{spelling:?}");
    }
    assert_eq!(ModelName::parse(&"x".repeat(81)), Err(InvalidModelName::Part("model")));
    assert!(ModelName::parse(&"x".repeat(80)).is_ok());
    assert!(ModelName::parse("_demo").is_ok());
}

#[test]
fn cloud_suffixes_are_seen() {
    assert!(ModelName::parse("gpt-oss:CLOUD").unwrap().is_cloud());
    assert!(ModelName::parse("gpt-oss:20b-cloud").unwrap().is_cloud());
    assert!(!ModelName::parse("x-cloud").unwrap().is_cloud());
}

#[test]
fn a_spelling_is_kept_beside_the_name() {
    let spelled = |name: &str| ModelName::parse(name).unwrap().spelled().to_owned();
    assert_eq!(
        spelled("hf.co/Bartowski/Llama-3.2-GGUF:Q4_K_M"),
        "hf.co/Bartowski/Llama-3.2-GGUF:Q4_K_M"
    );
    assert_eq!(spelled("hf.co/Bartowski/Llama-3.2-GGUF"), "hf.co/Bartowski/Llama-3.2-GGUF:latest");
    assert_eq!(spelled("Registry.Ollama.AI/Library/Demo:Q8"), "Demo:Q8");
    assert_eq!(spelled("Me/Mine"), "Me/Mine:latest");
    assert_eq!(spelled("demo"), "demo:latest");
    for cloud in ["GPT-OSS:20b-Cloud", "GPT-oss:20b-cloud"] {
        assert_eq!(spelled(cloud), "gpt-oss:20b-cloud");
    }
}

#[test]
fn capitals_make_no_other_model() {
    let [one, other] = ["Demo:Q8", "demo:q8"].map(|name| ModelName::parse(name).unwrap());
    assert_eq!(one, other);
    assert_eq!(one.cmp(&other), std::cmp::Ordering::Equal);
    assert_eq!(HashSet::from([one.clone(), other]).len(), 1);
    assert_eq!(
        (one.to_string(), format!("{one:?}")),
        ("demo:q8".to_owned(), "\"registry.ollama.ai/library/demo:q8\"".to_owned())
    );
}

proptest! {
    #[test]
    fn folding_what_is_forwarded_gives_what_was_judged(spelling in "[A-Za-z0-9_.:/-]{1,40}") {
        if let Ok(name) = ModelName::parse(&spelling) {
            let spelled = name.spelled();
            prop_assert_eq!(&spelled.to_ascii_lowercase(), name.short());
            let again = ModelName::parse(spelled).unwrap();
            prop_assert_eq!(&again, &name);
            prop_assert_eq!(again.spelled(), spelled);
        }
    }

    #[test]
    fn the_canonical_spelling_means_itself(spelling in "[A-Za-z0-9_.:/-]{1,40}") {
        if let Ok(name) = ModelName::parse(&spelling) {
            prop_assert_eq!(&ModelName::parse(name.as_str()).unwrap(), &name);
            prop_assert_eq!(&ModelName::parse(name.short()).unwrap(), &name);
        }
    }
}
