//! Changes are taken when they are over: never the half of a file.
//!
//! Somebody who writes a file in place and pauses leaves valid YAML without its last bindings
//! and tests. So a file that is open for writing is not read before it is closed, and where
//! nobody tells of that, not before it has been still for a while.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Occasion;
use stockade_config::Changes;

/// The time that a change must have been still before it is taken, where its end is not known
/// otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stillness {
    /// For a file that is open for writing, as far as is known.
    pub(crate) open: Duration,
    /// For a text that is the beginning of what it was: a writer may have closed the file in
    /// between, or died.
    pub(crate) prefix: Duration,
    /// For what no event told of.
    pub(crate) unannounced: Duration,
}

impl Default for Stillness {
    fn default() -> Self {
        Self {
            open: Duration::from_secs(10),
            prefix: Duration::from_secs(1),
            unannounced: Duration::from_secs(5),
        }
    }
}

/// The reason why a change may not be over, and the file that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted<'c> {
    time: Duration,
    reason: &'static str,
    file: Option<&'c Path>,
}

impl Stillness {
    /// The longest time that any of the changes must have been still; nothing where all are
    /// over.
    pub(crate) fn wanted<'c>(
        &self,
        changes: &'c Changes,
        occasion: Occasion,
        is_open: &dyn Fn(&Path) -> bool,
    ) -> Option<Wanted<'c>> {
        let asked = occasion == Occasion::Asked;
        let of_files = changes.files.iter().filter_map(|file| {
            let (time, reason) = match () {
                () if is_open(&file.path) => (self.open, "it is open for writing"),
                () if file.is_prefix && !asked => {
                    (self.prefix, "it is only the beginning of what it was")
                }
                () => return None,
            };
            Some(Wanted { time, reason, file: Some(&file.path) })
        });
        let unannounced = (occasion == Occasion::Look).then_some(Wanted {
            time: self.unannounced,
            reason: "no event told of its change",
            file: changes.files.first().map(|file| file.path.as_path()),
        });
        of_files.chain(unannounced).max_by_key(|wanted| wanted.time)
    }
}

/// Changes that were seen and not taken.
#[derive(Clone, Debug)]
pub(crate) struct Unsettled {
    changes: Changes,
    since: Instant,
}

impl Unsettled {
    /// The time for which these changes must go on being still; nothing when they are over.
    pub(crate) fn rest(
        held: &mut Option<Self>,
        changes: &Changes,
        wanted: Option<Wanted<'_>>,
    ) -> Option<Duration> {
        let Some(wanted) = wanted else {
            *held = None;
            return None;
        };
        let same = held.as_ref().filter(|held| held.changes == *changes);
        let since = same.map_or_else(Instant::now, |held| held.since);
        if same.is_none() {
            let file = wanted.file.map(|file| tracing::field::display(file.display()));
            let milliseconds = u64::try_from(wanted.time.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(
                file,
                milliseconds,
                "a changed file is not read yet, because {}; it is when that ends, or when it \
                 has been still for so long",
                wanted.reason
            );
        }
        let rest = wanted.time.saturating_sub(since.elapsed());
        *held = (!rest.is_zero()).then(|| Self { changes: changes.clone(), since });
        (!rest.is_zero()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::{Stillness, Unsettled};
    use crate::reload::Occasion;
    use stockade_config::{ChangedFile, Changes};

    const STILLNESS: Stillness = Stillness {
        open: Duration::from_secs(3),
        prefix: Duration::from_secs(2),
        unannounced: Duration::from_secs(1),
    };

    fn changes(is_prefix: bool) -> Changes {
        let file = ChangedFile { path: "a.yaml".into(), digest: [0; 32], is_prefix };
        Changes { files: vec![file], patterns: false }
    }

    fn seconds(changes: &Changes, occasion: Occasion, open: bool) -> Option<u64> {
        let is_open = |path: &Path| open && path == Path::new("a.yaml");
        STILLNESS.wanted(changes, occasion, &is_open).map(|wanted| wanted.time.as_secs())
    }

    #[test]
    fn only_what_may_still_change_is_waited_for() {
        use Occasion::{Asked, Event, Look};
        let (whole, half) = (changes(false), changes(true));
        assert_eq!(seconds(&whole, Event, false), None);
        assert_eq!(seconds(&whole, Event, true), Some(3));
        assert_eq!(seconds(&half, Event, false), Some(2));
        assert_eq!(seconds(&half, Event, true), Some(3));
        assert_eq!(seconds(&whole, Look, false), Some(1));
        assert_eq!(seconds(&half, Look, false), Some(2));
        // Somebody who asks knows that it is whole, if it is closed.
        assert_eq!(seconds(&half, Asked, false), None);
        assert_eq!(seconds(&half, Asked, true), Some(3));
        let appeared = Changes { files: Vec::new(), patterns: true };
        assert_eq!(seconds(&appeared, Event, true), None);
        assert_eq!(seconds(&appeared, Look, false), Some(1));
    }

    #[test]
    fn every_further_change_begins_anew() {
        let mut held = None;
        let other = {
            let mut other = changes(true);
            other.files[0].digest = [1; 32];
            other
        };
        let never = |_: &Path| false;
        for changes in [changes(true), changes(true), other.clone()] {
            let wanted = STILLNESS.wanted(&changes, Occasion::Event, &never);
            assert!(Unsettled::rest(&mut held, &changes, wanted).is_some());
        }
        assert_eq!(held.as_ref().map(|held| held.changes.clone()), Some(other.clone()));
        let at_once = Stillness { prefix: Duration::ZERO, ..STILLNESS };
        let wanted = at_once.wanted(&other, Occasion::Event, &never);
        assert_eq!(Unsettled::rest(&mut held, &other, wanted), None);
        assert!(held.is_none());
    }
}
