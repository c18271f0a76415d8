//! Amounts of what is limited: used, wanted, and granted.

use std::ops::{AddAssign, SubAssign};

use crate::quota::Resource;

/// An amount of each resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Amounts {
    /// Requests.
    pub requests: u64,
    /// Tokens of prompts.
    pub input: u64,
    /// Tokens of answers.
    pub output: u64,
    /// Milliseconds of GPU time.
    pub gpu_ms: u64,
    /// Pulled bytes.
    pub pulled: u64,
}

impl Amounts {
    /// Returns the amount of one resource.
    pub const fn of(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Requests => self.requests,
            Resource::Tokens => self.input.saturating_add(self.output),
            Resource::InputTokens => self.input,
            Resource::OutputTokens => self.output,
            Resource::GpuTime => self.gpu_ms,
            Resource::PulledBytes => self.pulled,
        }
    }

    fn each(&mut self, other: &Self, change: impl Fn(u64, u64) -> u64) {
        self.requests = change(self.requests, other.requests);
        self.input = change(self.input, other.input);
        self.output = change(self.output, other.output);
        self.gpu_ms = change(self.gpu_ms, other.gpu_ms);
        self.pulled = change(self.pulled, other.pulled);
    }
}

/// Counters stand at their end rather than to begin anew: a limit is never forgotten.
impl AddAssign for Amounts {
    fn add_assign(&mut self, other: Self) {
        self.each(&other, u64::saturating_add);
    }
}

impl SubAssign for Amounts {
    fn sub_assign(&mut self, other: Self) {
        self.each(&other, u64::saturating_sub);
    }
}

/// An amount that a request wants of something that can be cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// None at all.
    #[default]
    Nothing,
    /// Exactly this, or nothing.
    Exactly(u64),
    /// At most this; it may be limited to less.
    AtMost(u64),
    /// Nobody has said how much; it may be limited.
    Unsaid,
}

impl Wanted {
    /// Returns the least that is of any use.
    const fn least(self) -> u64 {
        match self {
            Self::Nothing | Self::AtMost(0) => 0,
            Self::Exactly(amount) => amount,
            Self::AtMost(_) | Self::Unsaid => 1,
        }
    }

    /// Returns what is granted of it where at most `cap` can be, and `unsaid` stands for what was
    /// not said. `None` is no limit at all.
    pub(crate) fn granted(self, cap: Option<u64>, unsaid: u64) -> Option<u64> {
        match (self, cap) {
            (Self::Nothing, _) => Some(0),
            (Self::Exactly(amount), _) => Some(amount),
            (Self::AtMost(amount), cap) => Some(cap.map_or(amount, |cap| cap.min(amount))),
            (Self::Unsaid, cap) => cap.map(|cap| cap.min(unsaid)),
        }
    }
}

/// The lengths of answers, in tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lengths {
    /// Of one whose caller does not limit it.
    pub(crate) unsaid: u64,
    /// The most that one answer may have.
    pub(crate) longest: u64,
}

/// The needs of a request, as far as they can be told before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// The most tokens that the prompt can have. A prompt that turns out longer is charged in
    /// full, so an estimate that is too low can overspend by the difference.
    pub input: u64,
    /// The tokens of the answer.
    pub output: Wanted,
    /// The GPU time in milliseconds, `None` where no model runs. It cannot be cut off: with an
    /// estimate of 0, requests at the same time can overspend by what they take.
    pub gpu_ms: Option<u64>,
    /// The bytes to pull from a registry.
    pub pulled: Wanted,
}

impl Estimate {
    /// Returns the least of a resource that the request cannot do without.
    pub(crate) fn least(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Requests => 1,
            Resource::Tokens => self.input.saturating_add(self.output.least()),
            Resource::InputTokens => self.input,
            Resource::OutputTokens => self.output.least(),
            Resource::GpuTime => self.gpu_ms.map_or(0, |estimate| estimate.max(1)),
            Resource::PulledBytes => self.pulled.least(),
        }
    }

    /// Returns the amount of a resource that the request takes where there is room for it.
    pub(crate) fn wanted(&self, resource: Resource, lengths: Lengths) -> u64 {
        let granted =
            |wanted: Wanted, most, unsaid| wanted.granted(Some(most), unsaid).unwrap_or(0);
        let output = granted(self.output, lengths.longest, lengths.unsaid);
        match resource {
            Resource::Tokens => self.input.saturating_add(output),
            Resource::OutputTokens => output,
            Resource::PulledBytes => granted(self.pulled, u64::MAX, u64::MAX),
            Resource::Requests | Resource::InputTokens | Resource::GpuTime => self.least(resource),
        }
    }
}

/// The most of what can be cut off that the limits have room for; `None` where none limits it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) output: Option<u64>,
    pub(crate) pulled: Option<u64>,
}

impl Room {
    pub(crate) fn narrow(&mut self, other: Self) {
        let narrower = |one: Option<u64>, other| one.into_iter().chain(other).min();
        self.output = narrower(self.output, other.output);
        self.pulled = narrower(self.pulled, other.pulled);
    }
}
