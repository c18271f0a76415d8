//! Quotas, and the account of what was used.

use super::progress;
use crate::promises::Promise;
use crate::report::Report;
use crate::{load, quotas};

/// Users who come in turn while the others are away: their accounts stay in the processor's caches.
const ACTIVE: usize = 1_000;
/// All of those that have accounts.
const ALL: usize = 100_000;

/// Admission to quotas, and the opening of the ledger.
pub fn quotas(report: &mut Report, quick: bool) {
    progress("admission to quotas");
    let requests = if quick { 200_000 } else { 2_000_000 };
    let median = |active| {
        let times = quotas::admission(requests, active)?;
        Ok(load::microseconds(&times, 0.5))
    };
    report.figure(Promise::Admission, median(ACTIVE));
    report.figure(Promise::AdmissionOfAll, median(ALL));
    progress("the ledger of a year");
    let days = if quick { 30 } else { 365 };
    if quick {
        report.note(Promise::LedgerOpened, "30 days only");
    }
    let opened = quotas::opening(days).map(|took| took.as_secs_f64() * 1_000.0);
    report.figure(Promise::LedgerOpened, opened);
}
