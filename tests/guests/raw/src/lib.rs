//! Answers that the SDK would never give. A binding's settings are one JSON string, and the
//! first binding's decides:
//!
//! - `"too-few"`, `"too-many"`: allows, one time less or more than bindings were asked for
//! - `"wrong-problem"`: reports a problem with a binding that does not exist
//! - `"no-problem"`: refuses the settings without saying why
//! - anything else: allows

use std::sync::OnceLock;

use stockade_policy_sdk::__private::{Answer, Guest, Metadata, Problem, Request, export_component};
use stockade_policy_sdk::Verdict;

static WORD: OnceLock<String> = OnceLock::new();

struct Raw;

impl Guest for Raw {
    fn describe() -> Metadata {
        Metadata {
            name: "raw".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings_schema: "{}".to_owned(),
            inputs: Vec::new(),
        }
    }

    fn configure(settings: Vec<String>) -> Result<(), Vec<Problem>> {
        let word = settings.into_iter().next().unwrap_or_default();
        if word == "\"wrong-problem\"" {
            let path = "nowhere".to_owned();
            return Err(vec![Problem {
                binding: u32::MAX,
                path,
                message: word,
            }]);
        }
        if word == "\"no-problem\"" {
            return Err(Vec::new());
        }
        WORD.get_or_init(|| word);
        Ok(())
    }

    fn evaluate(_: Request, bindings: Vec<u32>) -> Vec<Answer> {
        let count = match WORD.get().map(String::as_str) {
            Some("\"too-few\"") => bindings.len().saturating_sub(1),
            Some("\"too-many\"") => bindings.len() + 1,
            _ => bindings.len(),
        };
        let allow = || Answer { verdict: Verdict::allow(), valid_until: None };
        (0..count).map(|_| allow()).collect()
    }
}

export_component!(Raw with_types_in stockade_policy_sdk::bindings);
