//! Warns while the gateway runs of certificates and revocation lists that end soon or have
//! ended: once a day for each, and at each reload.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use stockade_core::Clock;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::reload::Current;

/// The time between two looks at the clock: it may be set.
const PAUSE: Duration = Duration::from_hours(1);
const DAY: u64 = 24 * 3600;

/// Warns until it is told to stop.
pub async fn keep_watch(current: Arc<Current>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut status = current.status();
    // What was told of one generation on one day.
    let (mut of, mut told) = ((0, 0), HashSet::new());
    loop {
        let generation = current.load();
        let now = clock.now();
        if of != (generation.number, now.as_secs() / DAY) {
            of = (generation.number, now.as_secs() / DAY);
            told.clear();
        }
        for ending in generation.config.endings(now) {
            let text = ending.to_string();
            if !told.contains(&text) {
                tracing::warn!("{text}");
                told.insert(text);
            }
        }
        let next = generation.config.next_ending(now);
        drop(generation);
        // Of what has just ended it is told a second later.
        let until = next.map(|at| at.as_duration().saturating_sub(now.as_duration()));
        let pause = until.map_or(PAUSE, |until| PAUSE.min(until + Duration::from_secs(1)));
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(pause) => {}
            changed = status.changed() => if changed.is_err() { return },
        }
    }
}
