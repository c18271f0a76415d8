//! Keeps the keys of JWT issuers fresh while the gateway runs.

use std::sync::Arc;

use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::jwks::{JwksFeed, KeyFeeds};
use crate::reload::Current;

/// Keeps the keys of the current generation's issuers fresh, whatever generation that is.
pub async fn keep_fresh(current: Arc<Current>, stop: CancellationToken) {
    let mut status = current.status();
    let mut tasks = JoinSet::new();
    let mut running: Vec<(Arc<JwksFeed>, AbortHandle)> = Vec::new();
    loop {
        let generation = current.load();
        let KeyFeeds(feeds) = generation.feeds.clone();
        drop(generation);
        running.retain(|(feed, task)| {
            let stays = feeds.iter().any(|wanted| Arc::ptr_eq(wanted, feed));
            if !stays {
                task.abort();
            }
            stays
        });
        for feed in feeds {
            if !running.iter().any(|(known, _)| Arc::ptr_eq(known, &feed)) {
                let task = tasks.spawn(Arc::clone(&feed).run());
                running.push((feed, task));
            }
        }
        // Those that were ended are not kept.
        while tasks.try_join_next().is_some() {}
        tokio::select! {
            () = stop.cancelled() => return,
            changed = status.changed() => if changed.is_err() { return },
        }
    }
}
