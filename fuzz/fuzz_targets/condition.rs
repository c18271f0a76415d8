//! Conditions of rules: no text confuses the reader, and what it reads is written and read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stockade_rules_language::Condition;

fuzz_target!(|text: &str| {
    match Condition::parse(text) {
        Ok(condition) => {
            let written = condition.to_string();
            // A list is written with brackets, so it may have become longer than what is read.
            if written.len() <= 4096 {
                assert_eq!(Condition::parse(&written), Ok(condition), "{written}");
            }
        }
        Err(error) => assert!((1..=text.chars().count() + 1).contains(&error.column()), "{error}"),
    }
});
