//! The speeds at which models answer: by them an answer is charged that nobody has counted.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stockade_core::ModelName;

/// The speed of a model of which nothing was seen yet.
const UNSEEN: Speed = Speed(50.0);
/// The shortest answer that tells a speed, in tokens.
const TELLING: u64 = 8;
/// The part that a new answer has in the speed of its model.
const PART: f64 = 0.2;
/// The most models of which the speed is kept.
const MOST: usize = 1_000;

/// A speed in tokens per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Speed(f64);

impl Speed {
    /// Returns the tokens of so much time, at least one: what has run is never free.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast keeps to the numbers that there are, and a speed is positive"
    )]
    pub(crate) fn tokens_in(self, time: Duration) -> u64 {
        ((self.0 * time.as_secs_f64()).ceil() as u64).max(1)
    }
}

/// The speeds of the models that have answered.
#[derive(Debug, Default)]
pub(crate) struct Speeds(Mutex<HashMap<ModelName, Speed>>);

impl Speeds {
    /// Returns the speed of a model.
    pub(crate) fn of(&self, model: Option<&ModelName>) -> Speed {
        model.and_then(|model| self.lock().get(model).copied()).unwrap_or(UNSEEN)
    }

    /// Notes an answer and the time that it took, which is not none.
    #[expect(clippy::cast_precision_loss, reason = "nobody needs a speed so exactly")]
    pub(crate) fn note(&self, model: &ModelName, tokens: u64, time: Duration) {
        if tokens < TELLING || time.is_zero() {
            return;
        }
        let seen = tokens as f64 / time.as_secs_f64();
        let mut speeds = self.lock();
        if let Some(Speed(speed)) = speeds.get_mut(model) {
            *speed += PART * (seen - *speed);
            return;
        }
        if speeds.len() >= MOST {
            speeds.clear();
        }
        speeds.insert(model.clone(), Speed(seen));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ModelName, Speed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_that_of_the_answers_before() {
        let speeds = Speeds::default();
        let model = ModelName::parse("llama3.2:3b").unwrap();
        let second = Duration::from_secs(1);
        let tokens = |seconds| speeds.of(Some(&model)).tokens_in(second * seconds);
        assert_eq!(tokens(2), 100, "nothing was seen");
        speeds.note(&model, TELLING - 1, second);
        assert_eq!(tokens(2), 100, "that is too little");
        speeds.note(&model, 200, second * 2);
        assert_eq!((tokens(2), tokens(0)), (200, 1));
        speeds.note(&model, 600, second * 2);
        assert_eq!(tokens(1), 140);
        assert_eq!(speeds.of(None), UNSEEN);
    }

    #[test]
    fn speeds_are_kept_of_so_many_models_only() {
        let speeds = Speeds::default();
        for number in 0..=MOST {
            let model = ModelName::parse(&format!("model-{number}")).unwrap();
            speeds.note(&model, 100, Duration::from_secs(1));
            assert!(speeds.lock().len() <= MOST);
        }
    }
}
