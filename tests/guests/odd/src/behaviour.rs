//! Everything that a policy should not do, and the few things that it should.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use stockade_policy_sdk::prelude::*;

use crate::leak;

/// The behaviour, and when: in `configure` if the name says so, otherwise in `evaluate`.
#[settings]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// Allow without obligations.
    Allow,
    /// Deny with this reason.
    Deny(String),
    /// Say nothing.
    Abstain,
    /// Allow, but forward this instead of the model asked for, whether it is a name or not.
    ReplaceModel(String),
    /// Never return.
    Loop,
    /// Panic with this message.
    Panic(String),
    /// Execute `unreachable`.
    Trap,
    /// Take memory until there is no more.
    Allocate,
    /// Call itself until the stack is used up.
    Recurse,
    /// Deny with a reason of so many bytes.
    HugeReason(usize),
    /// Deny with a reason that is not UTF-8.
    InvalidReason,
    /// Allow with so many labels for the audit record.
    ManyLabels(usize),
    /// Log this line, then allow.
    Log(String),
    /// Log so many lines, then allow.
    LogLines(usize),
    /// Deny with the number of calls that this instance has seen.
    CountCalls,
    /// Deny with `clean` or `leaked`: whether memory holds what an earlier decision of this
    /// behaviour wrote. Then write it.
    Leak,
    /// Report this problem with the settings.
    ProblemInConfigure(String),
    /// Count to this number, then allow every request.
    CountInConfigure(u64),
    /// Never return from `configure`.
    LoopInConfigure,
    /// Panic in `configure`.
    PanicInConfigure,
    /// Take memory until there is no more, in `configure`.
    AllocateInConfigure,
    /// Keep so many bytes, then allow every request.
    KeepInConfigure(usize),
}

static CALLS: AtomicU32 = AtomicU32::new(0);

impl Behaviour {
    pub fn while_configuring(&self) -> Result<(), Problem> {
        match self {
            Self::ProblemInConfigure(message) => return Err(Problem::at("behaviour", message)),
            Self::CountInConfigure(end) => (0..*end).for_each(|number| {
                black_box(number);
            }),
            Self::LoopInConfigure => forever(),
            Self::PanicInConfigure => panic!("asked to panic in configure"),
            Self::AllocateInConfigure => allocate(),
            Self::KeepInConfigure(bytes) => {
                black_box(vec![0xa5_u8; *bytes].leak());
            }
            _ => {}
        }
        Ok(())
    }

    pub fn while_evaluating(&self) -> Verdict {
        match self {
            Self::Deny(reason) => return Verdict::deny(reason),
            Self::Abstain => return Verdict::abstain(),
            Self::ReplaceModel(name) => return Obligations::new().replace_model(name).into(),
            Self::HugeReason(bytes) => return Verdict::deny("x".repeat(*bytes)),
            Self::InvalidReason => return Verdict::deny(not_text()),
            Self::ManyLabels(count) => return labels(*count),
            Self::CountCalls => {
                return Verdict::deny((CALLS.fetch_add(1, Ordering::Relaxed) + 1).to_string());
            }
            Self::Leak => return Verdict::deny(leak::find_and_write()),
            Self::Loop => forever(),
            Self::Panic(message) => panic!("{message}"),
            Self::Trap => core::arch::wasm32::unreachable(),
            Self::Allocate => allocate(),
            Self::Recurse => {
                black_box(recurse(u64::MAX));
            }
            Self::Log(line) => info!("{line}"),
            Self::LogLines(count) => (0..*count).for_each(|line| info!("line {line}")),
            _ => {}
        }
        Verdict::allow()
    }
}

fn forever() -> ! {
    loop {
        black_box(());
    }
}

fn allocate() {
    let mut held = Vec::new();
    loop {
        held.push(black_box(vec![1_u8; 64 * 1024]));
    }
}

fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 8]);
    if depth == 0 {
        0
    } else {
        recurse(depth - 1).wrapping_add(black_box(frame)[0])
    }
}

fn labels(count: usize) -> Verdict {
    let label = |obligations: Obligations, index| obligations.label(format!("label-{index}"), "x");
    (0..count).fold(Obligations::new(), label).into()
}

fn not_text() -> String {
    // SAFETY: none. The host must not believe that a guest's strings are UTF-8.
    unsafe { String::from_utf8_unchecked(vec![0xff, 0xfe, b'x']) }
}
