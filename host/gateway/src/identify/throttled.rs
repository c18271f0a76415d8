//! Slows down those who fail to prove who they are.

use std::time::Duration;

use stockade_authn::{Attempt, AuthnError, Lockout, Throttle, ThrottleKey};
use stockade_core::UnixTime;

use stockade_control::generation::Generation;

/// Counts failures, and lets those wait who have too many.
#[derive(Default)]
pub(crate) struct Throttled(Throttle);

impl Throttled {
    /// Returns the time that an attempt has to wait, if it has to.
    pub(crate) fn wait(
        &self,
        generation: &Generation,
        attempt: &Attempt<'_>,
        now: UnixTime,
    ) -> Option<Duration> {
        let rules = generation.config.authentication.throttle.as_ref()?;
        self.0.wait(attempt, rules, now)
    }

    /// Counts a failure, if it may come of guessing. Returns how long its caller has to wait, if
    /// that was so before.
    pub(crate) fn failed(
        &self,
        generation: &Generation,
        error: &AuthnError,
        attempt: &Attempt<'_>,
        now: UnixTime,
    ) -> Option<Duration> {
        let rules = generation.config.authentication.throttle.as_ref()?;
        if !error.is_guess() {
            return None;
        }
        // What can be guessed was not looked at, had it to wait.
        if !attempt.is_password()
            && let Some(wait) = self.wait(generation, attempt, now)
        {
            return Some(wait);
        }
        for hold in self.0.failed(attempt, rules, now) {
            log(generation, &hold, attempt);
        }
        None
    }
}

fn log(generation: &Generation, hold: &Lockout, attempt: &Attempt<'_>) {
    let Lockout { whom, guess, failures, turned_away, wait } = hold;
    let seconds = wait.as_secs_f32();
    match whom {
        ThrottleKey::Address(address) => tracing::warn!(
            %address, ?guess, failures, turned_away, seconds,
            "too many credentials from an address were wrong; the next one has to wait"
        ),
        ThrottleKey::User => {
            // A name that nobody has may be a password in the wrong place.
            let known = |user: &&str| generation.authenticator.knows(user);
            let user = attempt.user().filter(known);
            tracing::warn!(
                user,
                ?guess,
                failures,
                turned_away,
                seconds,
                "too many credentials of a user were wrong; the next one has to wait"
            );
        }
    }
}
