//! The audit log.

use std::time::Duration;

use super::progress;
use crate::promises::Promise;
use crate::report::Report;
use crate::{audits, load};

/// The cost of a line, and the proof of a log.
pub fn audit(report: &mut Report, quick: bool) {
    progress("lines of the audit log");
    let lines = audits::lines(Duration::from_secs(if quick { 2 } else { 20 }));
    match lines {
        Ok(times) => {
            report.figure(Promise::AuditMedian, Ok(load::microseconds(&times, 0.5)));
            report.figure(Promise::AuditHigh, Ok(load::microseconds(&times, 0.99) / 1_000.0));
        }
        Err(error) => {
            let reason = format!("{error:#}");
            report.figure(Promise::AuditMedian, Err(error));
            report.figure(Promise::AuditHigh, Err(anyhow::anyhow!(reason)));
        }
    }
    progress("the proof of an audit log");
    report.figure(Promise::AuditProof, audits::proven(if quick { 200_000 } else { 2_000_000 }));
}
