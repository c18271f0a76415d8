//! The promises: every number of the design, in its order.

use std::fmt;

use serde::Serialize;

/// A number that the design promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the terms of each say what it is")]
pub enum Promise {
    DecisionMedian,
    DecisionHigh,
    FiveShipped,
    TenOwn,
    FiveRemembered,
    List,
    ListAgain,
    SystemCalls,
    TwoThreads,
    ThousandBindings,
    Edit,
    ColdLoad,
    RequestMedian,
    BesideEnvoy,
    RequestProcessor,
    BesideNginx,
    RememberedProcessor,
    FreshProcessor,
    RememberedAlone,
    FreshAlone,
    ListProcessor,
    Bystanders,
    Admission,
    AdmissionOfAll,
    LedgerOpened,
    AuditMedian,
    AuditHigh,
    AuditProof,
    FirstChunk,
    LaterChunks,
    IdleMemory,
    ConnectionMemory,
    StreamMemory,
    Failed,
    Mixed,
    MemorySlope,
    Descriptors,
    Replay,
}

/// The bound of a promised number.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

/// The verdict on a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is.
    Pass,
    /// It is not.
    Short,
    /// It could not be measured here.
    Absent,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 38] = [
        Self::DecisionMedian,
        Self::DecisionHigh,
        Self::FiveShipped,
        Self::TenOwn,
        Self::FiveRemembered,
        Self::List,
        Self::ListAgain,
        Self::SystemCalls,
        Self::TwoThreads,
        Self::ThousandBindings,
        Self::Edit,
        Self::ColdLoad,
        Self::RequestMedian,
        Self::BesideEnvoy,
        Self::RequestProcessor,
        Self::BesideNginx,
        Self::RememberedProcessor,
        Self::FreshProcessor,
        Self::RememberedAlone,
        Self::FreshAlone,
        Self::ListProcessor,
        Self::Bystanders,
        Self::Admission,
        Self::AdmissionOfAll,
        Self::LedgerOpened,
        Self::AuditMedian,
        Self::AuditHigh,
        Self::AuditProof,
        Self::FirstChunk,
        Self::LaterChunks,
        Self::IdleMemory,
        Self::ConnectionMemory,
        Self::StreamMemory,
        Self::Failed,
        Self::Mixed,
        Self::MemorySlope,
        Self::Descriptors,
        Self::Replay,
    ];

    /// Returns what is measured, what is promised of it, and the unit.
    pub fn terms(self) -> (&'static str, Goal, &'static str) {
        use Goal::{AtLeast, AtMost};
        match self {
            Self::DecisionMedian => ("decision, 200-group settings, p50", AtMost(6.0), "µs"),
            Self::DecisionHigh => ("decision, 200-group settings, p99", AtMost(10.0), "µs"),
            Self::FiveShipped => ("decision, five shipped policies, p50", AtMost(11.0), "µs"),
            Self::TenOwn => ("decision, ten policies of one's own, p50", AtMost(60.0), "µs"),
            Self::FiveRemembered => ("decision, five shipped, remembered, p50", AtMost(0.4), "µs"),
            Self::List => ("list of 200 models, five policies, first", AtMost(10.0), "ms"),
            Self::ListAgain => ("list of 200 models, five policies, again", AtMost(1.0), "ms"),
            Self::SystemCalls => ("system calls per decision", AtMost(0.0), ""),
            Self::TwoThreads => ("decisions, two threads / one", AtLeast(1.7), "×"),
            Self::ThousandBindings => ("decision, 1,000 bindings / 1, p50", AtMost(2.0), "×"),
            Self::Edit => ("1,000 bindings, one-line edit live", AtMost(250.0), "ms"),
            Self::ColdLoad => ("1,000 bindings, cold load", AtMost(10.0), "s"),
            Self::RequestMedian => ("whole request, same core, p50", AtMost(52.0), "µs"),
            Self::BesideEnvoy => ("whole request, p50 / Envoy's", AtMost(1.0), "×"),
            Self::RequestProcessor => ("whole request, CPU", AtMost(28.0), "µs"),
            Self::BesideNginx => ("requests per CPU s / nginx + njs", AtLeast(0.75), "×"),
            Self::RememberedProcessor => {
                ("five shipped, remembered, request's CPU / floor", AtMost(1.4), "×")
            }
            Self::FreshProcessor => {
                ("five shipped, fresh, request's CPU / floor", AtMost(2.2), "×")
            }
            Self::RememberedAlone => ("five shipped, remembered, p50 / floor", AtMost(1.3), "×"),
            Self::FreshAlone => ("five shipped, fresh, p50 / floor", AtMost(2.0), "×"),
            Self::ListProcessor => ("list of 200 models, five policies, CPU", AtMost(1.0), "ms"),
            Self::Bystanders => ("others' chats during such lists, p99", AtMost(5.0), "ms"),
            Self::Admission => ("admission to 5 quotas, 1,000 of 100,000 users", AtMost(1.0), "µs"),
            Self::AdmissionOfAll => ("admission to 5 quotas, all users in turn", AtMost(1.0), "µs"),
            Self::LedgerOpened => ("ledger, a year of 1,000 users, open", AtMost(1_000.0), "ms"),
            Self::AuditMedian => ("audit line, 20,000 a second, p50", AtMost(1.0), "µs"),
            Self::AuditHigh => ("audit line, 20,000 a second, p99", AtMost(2.0), "ms"),
            Self::AuditProof => ("audit lines proven in a second", AtLeast(500_000.0), ""),
            Self::FirstChunk => ("first chunk after upstream's, p99", AtMost(1.0), "ms"),
            Self::LaterChunks => ("later chunks after upstream's, p99", AtMost(1.0), "ms"),
            Self::IdleMemory => ("memory, idle with 10 policies", AtMost(30.0), "MiB"),
            Self::ConnectionMemory => ("memory per idle connection", AtMost(12.0), "KiB"),
            Self::StreamMemory => ("memory per open stream", AtMost(33.0), "KiB"),
            Self::Failed => ("requests failed", AtMost(0.0), ""),
            Self::Mixed => ("requests of mixed generations", AtMost(0.0), ""),
            // An allocator's noise is a few KiB for each reload of a short run.
            Self::MemorySlope => ("memory per reload", AtMost(4.0), "KiB"),
            Self::Descriptors => ("more open files after reloads", AtMost(0.0), ""),
            Self::Replay => ("replay of a million requests", AtMost(60.0), "s"),
        }
    }
}

impl Goal {
    /// Judges whether a figure keeps it.
    pub fn verdict(self, figure: f64) -> Verdict {
        match self {
            Self::AtMost(limit) if figure <= limit => Verdict::Pass,
            Self::AtLeast(limit) if figure >= limit => Verdict::Pass,
            _ => Verdict::Short,
        }
    }

    /// The figure divided by the goal, where that means something.
    pub fn ratio(self, figure: f64) -> Option<f64> {
        let (Self::AtMost(limit) | Self::AtLeast(limit)) = self;
        (limit != 0.0).then(|| figure / limit)
    }

    /// As the table shows it.
    pub fn shown(self, unit: &str) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {}", with_unit(limit, unit)),
            Self::AtLeast(limit) => format!("≥ {}", with_unit(limit, unit)),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Pass => "pass",
            Self::Short => "SHORT",
            Self::Absent => "ABSENT",
        })
    }
}

/// A figure in as many digits as it deserves.
pub fn number(value: f64) -> String {
    if value.abs() >= 1_000.0 {
        grouped(&format!("{value:.0}"))
    } else if value.fract() == 0.0 || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A figure with its unit.
pub fn with_unit(value: f64, unit: &str) -> String {
    if unit.is_empty() { number(value) } else { format!("{} {unit}", number(value)) }
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_held_against_its_goal() {
        assert_eq!(Goal::AtMost(7.0).verdict(7.0), Verdict::Pass);
        assert_eq!(Goal::AtMost(7.0).verdict(7.1), Verdict::Short);
        assert_eq!(Goal::AtLeast(1.7).verdict(1.8), Verdict::Pass);
        assert_eq!(Goal::AtLeast(1.7).verdict(1.6), Verdict::Short);
        assert_eq!(Goal::AtMost(0.0).verdict(0.0), Verdict::Pass);
        // Of what is not a number nothing is promised.
        assert_eq!(Goal::AtMost(7.0).verdict(f64::NAN), Verdict::Short);
        assert_eq!(Goal::AtMost(7.0).ratio(8.75), Some(1.25));
        assert_eq!(Goal::AtMost(0.0).ratio(1.0), None);
    }

    #[test]
    fn numbers_have_the_digits_that_they_deserve() {
        let shown = [0.0, 5.125, 12.34, 250.0, 123.456, 9_500.0, 1_234_567.8, -1_500.0].map(number);
        let expected =
            ["0", "5.12", "12.3", "250", "123", "9,500", "1,234,568", "-1,500"].map(str::to_owned);
        assert_eq!(shown, expected);
    }
}
