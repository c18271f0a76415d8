//! Checkpoints of the audit log that leave it, so that nobody can shorten the log unseen.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use serde_json::json;
use stockade_audit::{AuditLog, SignedNote};
use stockade_config::Anchors;
use stockade_core::Causes;
use stockade_net::post;

/// The checkpoint that was sent last.
#[derive(Default)]
pub(super) struct Anchoring {
    last: Option<(Instant, SignedNote)>,
    /// True while sending fails, so that it is told once.
    is_failing: bool,
}

impl Anchoring {
    /// Sends the last checkpoint, if it is time and there is a new one.
    pub(super) async fn send(&mut self, log: &AuditLog, anchors: &Anchors) {
        let Some(note) = log.checkpoint() else { return };
        let is_due = self.last.as_ref().is_none_or(|(sent, before)| {
            sent.elapsed() >= anchors.every && before.claimed().size != note.claimed().size
        });
        if !is_due {
            return;
        }
        if anchors.log {
            let (lines, checkpoint) = (note.claimed().size, note.to_string());
            tracing::info!(target: "stockade::audit", lines, checkpoint, "a checkpoint of the audit log");
        }
        let sent = send(&note, anchors).await;
        match sent {
            Ok(()) => self.is_failing = false,
            Err(error) if !self.is_failing => {
                self.is_failing = true;
                tracing::error!(target: "stockade::audit", "a checkpoint does not leave the gateway: {error}");
            }
            Err(_) => {}
        }
        self.last = Some((Instant::now(), note));
    }
}

/// Sends a checkpoint to the file and to the server.
async fn send(note: &SignedNote, anchors: &Anchors) -> Result<(), String> {
    let mut failed = Vec::new();
    if let Some(file) = &anchors.file
        && let Err(error) = append(file, note)
    {
        failed.push(format!("{}: {error}", file.display()));
    }
    if let Some(server) = &anchors.server {
        let body = Bytes::from(note.to_string());
        if let Err(error) = post(server, "text/plain; charset=utf-8", body).await {
            failed.push(format!("the server of `anchors`: {}", Causes(&error)));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

fn append(path: &Path, note: &SignedNote) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    let mut line = json!({"checkpoint": note.to_string()}).to_string();
    line.push('\n');
    file.write_all(line.as_bytes())?;
    file.sync_data()
}
