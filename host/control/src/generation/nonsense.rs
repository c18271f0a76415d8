//! Answers that no policy may give, told with the binding.
//!
//! A list asks a policy about hundreds of models, and callers may ask again and again: each
//! different answer of a binding is told once in a generation.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use stockade_config::Binding;
use stockade_core::Outcome;
use stockade_engine::Failure;

/// Different answers that are told in a generation.
const MOST: usize = 100;

/// The answers that have been told.
#[derive(Debug, Default)]
pub(super) struct Nonsense(Mutex<HashSet<(usize, String)>>);

impl Nonsense {
    /// Tells the operator, if the outcome is nonsense and news.
    pub(super) fn tell(&self, (index, binding): (usize, &Binding), outcome: &Outcome) {
        let Outcome::Failure(failure) = outcome else {
            return;
        };
        if Failure::is_nonsense(failure) && self.is_news(index, failure) {
            tracing::error!(
                target: "stockade::policy",
                policy = binding.policy.as_str(),
                binding = binding.name.as_str(),
                "{failure}; what this binding judges like that is refused"
            );
        }
    }

    fn is_news(&self, binding: usize, failure: &str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < MOST && told.insert((binding, failure.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_of_a_binding_is_told_once() {
        let nonsense = Nonsense::default();
        assert!(nonsense.is_news(0, "a maximum of -1"));
        assert!(!nonsense.is_news(0, "a maximum of -1"));
        assert!(nonsense.is_news(1, "a maximum of -1"));
        assert!(nonsense.is_news(0, "a maximum of -2"));
        let told = (0..1_000).filter(|number| nonsense.is_news(2, &number.to_string())).count();
        assert_eq!(told, MOST - 3);
    }
}
