//! The audit log.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use stockade_audit::{AuditSettings, Retention, Rotation, Sync};
use stockade_yaml::{Diagnostics, Field, Problem};

use super::LoadContext;
use super::outbound::{endpoint, uri};
use super::quantities::Quantity;
use crate::quantity;
use crate::raw::{RawAnchors, RawAudit, RawRetention, RawSegment};
use crate::types::{Anchors, AuditRules};

const DAY: Duration = Duration::from_hours(24);
const SECOND: Duration = Duration::from_secs(1);
/// The name of the directory in `state_directory`.
const DIRECTORY: &str = "audit";

/// Returns the rules, where there is a place for a log.
pub(super) fn rules(
    raw: Field<RawAudit>,
    state_directory: Option<&PathBuf>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<AuditRules> {
    let written = raw.optional();
    let at = written.as_ref().map(|raw| raw.at);
    let raw = written.map(|raw| raw.value).unwrap_or_default();
    let wanted = raw.enabled.value();
    let named = raw.directory.value().map(|directory| context.file(&directory));
    let directory = named.or_else(|| Some(state_directory?.join(DIRECTORY)));
    let anchors = anchors(raw.anchors, context, diagnostics);
    let usual = AuditSettings::of(directory.clone().unwrap_or_default());
    let deadline = Quantity::duration(Duration::from_millis(100)..=Duration::from_mins(10));
    let log = AuditSettings {
        sync: sync(raw.sync, diagnostics).unwrap_or(usual.sync),
        deadline: deadline.read(raw.deadline, diagnostics).unwrap_or(usual.deadline),
        rotation: rotation(raw.segment, usual.rotation, diagnostics),
        retention: retention(raw.retention, usual.retention, diagnostics),
        ..usual
    };
    let on_failure = raw.on_failure.value().unwrap_or_default();
    if wanted == Some(false) {
        return None;
    }
    if let (None, Some(at)) = (&directory, at) {
        let message = "there is no place for the audit log";
        let help = "write `directory` here, or `state_directory`, or set $STATE_DIRECTORY";
        diagnostics.add(Problem::new(at, message).help(help));
    }
    directory.map(|_| AuditRules { log, on_failure, anchors })
}

fn sync(raw: Field<String>, diagnostics: &mut Diagnostics) -> Option<Sync> {
    let text = raw.optional()?;
    text.check(diagnostics, |text| match text.as_str() {
        "each" => Ok(Sync::Each),
        "os" => Ok(Sync::Os),
        time => match quantity::duration(time) {
            Ok(time) if time <= Duration::from_mins(1) => Ok(Sync::Within(time)),
            Ok(_) => Err("this is longer than a minute"),
            Err(_) => Err("this is neither `each` nor `os` nor a time such as 100ms"),
        },
    })
}

fn rotation(raw: Field<RawSegment>, usual: Rotation, diagnostics: &mut Diagnostics) -> Rotation {
    let RawSegment { size, age } = raw.value().unwrap_or_default();
    Rotation {
        size: Quantity::size(64 << 10..=1 << 40).read(size, diagnostics).unwrap_or(usual.size),
        age: Quantity::duration(SECOND..=3_660 * DAY).read(age, diagnostics).unwrap_or(usual.age),
    }
}

fn retention(
    raw: Field<RawRetention>,
    usual: Retention,
    diagnostics: &mut Diagnostics,
) -> Retention {
    let RawRetention { age, size } = raw.value().unwrap_or_default();
    Retention {
        age: Quantity::duration(SECOND..=36_600 * DAY).read(age, diagnostics).unwrap_or(usual.age),
        size: Quantity::size(64 << 10..=1 << 50).read(size, diagnostics).unwrap_or(usual.size),
    }
}

fn anchors(
    raw: Field<RawAnchors>,
    context: &mut LoadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Anchors {
    let RawAnchors { every, log, file, url, ca } = raw.value().unwrap_or_default();
    let range = Quantity::duration(SECOND..=DAY);
    let (url, ca) = (url.optional(), ca.optional());
    if let (None, Some(ca)) = (&url, &ca) {
        diagnostics.add(Problem::new(ca.at, "nothing is verified by this `ca`: there is no `url`"));
    }
    let uri = url.and_then(|url| Some((uri(&url, diagnostics)?, url.at)));
    let server = uri.and_then(|uri| endpoint(uri, ca, context, diagnostics));
    Anchors {
        every: range.read(every, diagnostics).unwrap_or(Duration::from_mins(10)),
        log: log.value().unwrap_or(true),
        file: file.value().map(|file| context.file(&file)),
        server: server.map(Arc::new),
    }
}
