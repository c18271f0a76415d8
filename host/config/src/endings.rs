//! Parts of a configuration that end soon, or have ended: certificates, authorities and revocation
//! lists of its listeners.

use std::time::Duration;

use stockade_core::UnixTime;
use stockade_net::tls::{Ending, EndingKind};
use stockade_yaml::{ConfigError, Location};

use super::types::{Config, KeyEnd};

/// The time before an end in which it is warned of.
const SOON: Duration = Duration::from_hours(14 * 24);

const DAY: u64 = 24 * 3600;

impl Config {
    /// Returns warnings of what ends within two weeks or has ended, with what that means.
    pub fn endings(&self, now: UnixTime) -> Vec<ConfigError> {
        let near =
            |(_, ending): &&(Location, Ending)| ending.at.as_duration() < now.as_duration() + SOON;
        let endings = self.all_endings().filter(near);
        endings.map(|(place, ending)| self.ending(*place, ending, now)).collect()
    }

    /// Keys that have expired, each of which is refused.
    pub fn expired_keys(&self, now: UnixTime) -> Vec<ConfigError> {
        let expired = self.key_ends.iter().filter(|key| key.ends <= now);
        let warning = |key: &KeyEnd| {
            let KeyEnd { at, user, key, ends } = key;
            let (user, key, when) = (user.as_str(), key.as_str(), date(*ends));
            let message = format!("key {key:?} of user {user:?} expired at {when}: it is refused");
            let help = "give its user a new one, or take it out";
            self.error(Some(*at), message).with_help(help).into_warning()
        };
        expired.map(warning).collect()
    }

    /// Returns the time of the next end that is known.
    pub fn next_ending(&self, now: UnixTime) -> Option<UnixTime> {
        self.all_endings().map(|(_, ending)| ending.at).filter(|at| *at >= now).min()
    }

    fn all_endings(&self) -> impl Iterator<Item = &(Location, Ending)> {
        self.listen.iter().flat_map(|listener| &listener.endings)
    }

    fn ending(&self, place: Location, ending: &Ending, now: UnixTime) -> ConfigError {
        let Ending { kind, name, at } = ending;
        let (what, then, remedy) = match kind {
            EndingKind::Certificate => (
                "the certificate of",
                "clients that verify it refuse the connection",
                "put a new one into the file; it is taken without a restart",
            ),
            EndingKind::Authority => (
                "the authority of client certificates",
                "every certificate that it has signed is refused",
                "put a new one into the file, beside the old one while both are in use",
            ),
            EndingKind::RevocationList => (
                "the revocation list of",
                "every client certificate is refused",
                "put a fresh list into the file, and renew it by a timer",
            ),
        };
        let when = date(*at);
        let message = match at.as_secs().checked_sub(now.as_secs()) {
            None => format!("{what} {name} ended at {when}: {then}"),
            Some(left) if left < DAY => format!("{what} {name} ends today, at {when}: then {then}"),
            Some(left) => {
                format!("{what} {name} ends in {} days, at {when}: then {then}", left / DAY)
            }
        };
        self.error(Some(place), message).with_help(remedy).into_warning()
    }
}

fn date(at: UnixTime) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}
