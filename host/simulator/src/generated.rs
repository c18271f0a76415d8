//! The generated text, and the cost that is reported for it.

use serde_json::{Map, Value, json};

use crate::go_json::Json;

const WORDS: [&str; 10] =
    ["This", " is", " a", " simulated", " answer;", " no", " model", " has", " seen", " this."];

/// A generated text. Each piece counts as a token.
pub(crate) struct Generated {
    pub(crate) pieces: Vec<String>,
    pub(crate) prompt_tokens: usize,
    /// True if the caller's limit ended it.
    pub(crate) cut: bool,
}

impl Generated {
    /// As many pieces as are configured, or as the caller wants at most.
    pub(crate) fn new(chunks: usize, limit: Option<i64>, prompt_tokens: usize) -> Self {
        // Zero and less mean that there is no limit.
        let limit = limit.filter(|limit| *limit > 0).and_then(|limit| usize::try_from(limit).ok());
        let length = chunks.min(limit.unwrap_or(usize::MAX));
        Self { pieces: pieces(length), prompt_tokens, cut: length < chunks }
    }

    pub(crate) fn text(&self) -> String {
        self.pieces.concat()
    }

    pub(crate) fn tokens(&self) -> usize {
        self.pieces.len()
    }

    /// Ollama's own name for why it ended.
    pub(crate) const fn done_reason(&self) -> &'static str {
        if self.cut { "length" } else { "stop" }
    }

    /// The counts and durations of Ollama's last line.
    pub(crate) fn native_usage(&self) -> Map<String, Value> {
        let usage = json!({
            "total_duration": 5_000_000,
            "load_duration": 1_000_000,
            "prompt_eval_count": self.prompt_tokens,
            "prompt_eval_duration": 1_000_000,
            "eval_count": self.tokens(),
            "eval_duration": 3_000_000,
        });
        match usage {
            Value::Object(usage) => usage,
            _ => Map::new(),
        }
    }

    /// The counts that `OpenAI`'s clients read.
    pub(crate) fn openai_usage(&self) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.tokens(),
            "total_tokens": self.prompt_tokens + self.tokens(),
        })
    }
}

/// The first piece says that it is simulated if it may be the only one.
fn pieces(length: usize) -> Vec<String> {
    if length < 4 {
        let short = ["simulated", " answer", "."];
        return short[..length].iter().map(ToString::to_string).collect();
    }
    let word = |at: usize| {
        let space = if at > 0 && at.is_multiple_of(WORDS.len()) { " " } else { "" };
        format!("{space}{}", WORDS[at % WORDS.len()])
    };
    (0..length).map(word).collect()
}

/// Counts the words in all texts of a value: the reported cost of a prompt.
pub(crate) fn words(value: &Json) -> usize {
    match value {
        Json::Text(text) => text.split_whitespace().count(),
        Json::Array(items) => items.iter().map(words).sum(),
        Json::Object(entries) => entries.iter().map(|(_, value)| words(value)).sum(),
        Json::Null | Json::Bool(_) | Json::Number(_) => 0,
    }
}

/// A vector that depends on nothing but the text.
pub(crate) fn embedding(text: &str, dimensions: usize) -> Vec<f64> {
    let seed =
        text.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    (1..=dimensions)
        .scan(seed, |state, _| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Some(f64::from(*state) / f64::from(u32::MAX))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_says_that_it_is_simulated() {
        for length in 1..40 {
            let generated = Generated::new(length, None, 1);
            assert_eq!(generated.tokens(), length);
            assert!(generated.text().contains("simulated"), "{}", generated.text());
        }
    }

    #[test]
    fn the_callers_limit_ends_it() {
        let lengths = [None, Some(-1), Some(0), Some(3), Some(100)]
            .map(|limit| Generated::new(10, limit, 1))
            .map(|generated| (generated.tokens(), generated.done_reason()));
        let whole = (10, "stop");
        assert_eq!(lengths, [whole, whole, whole, (3, "length"), whole]);
    }
}
