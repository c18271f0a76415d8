//! Quotas, a fair turn and the ledger: who may use how much, when, and who did.
//!
//! A request passes three things, between the decision that permits it and its record:
//!
//! 1. **Quotas.** [`Quotas`] are those of one configuration, over [`Accounts`] that outlive it.
//!    [`Quotas::admit`] takes the quotas that apply ([`Applicable`], found by the caller) and an
//!    [`Estimate`], and admits the request to all of them or to none. The [`Admission`] says to how
//!    many tokens the answer has to be limited ([`Admission::output_cap`]), so that nothing is
//!    overspent, and is ended in one of four ways:
//!    - [`Admission::settle`] with what was really used;
//!    - dropped after [`Admission::charge_seen`]: what that noted is charged, as for an answer that
//!      was cut off;
//!    - dropped before: nothing is charged, as for a caller who hangs up while waiting;
//!    - [`Admission::give_back`]: nothing is charged, for the upstream has done nothing.
//!
//!    [`NotAdmitted`] is the refusal, with [`Exceeded::sentence`] for people and [`headers`] for
//!    programs; [`Quotas::states`] is what successful answers and callers who ask are told.
//! 2. **A turn.** [`turn::Turns`] are those of one upstream: [`turn::Turns::turn`] waits for a free
//!    slot, in a fair order. Hold the [`turn::Turn`] until the answer's end, and end it with the
//!    GPU time that the upstream tells; where the upstream was busy, [`turn::Turn::put_back`] it.
//!    [`Admission::is_last`] asks for [`turn::Class::Last`].
//! 3. **The ledger.** [`ledger::Ledger::record`] counts by hour, user, model and operation. A
//!    thread writes what has changed, the accounts included; what a [`ledger::Ledger::flush`] has
//!    acknowledged survives a kill. [`ledger::Ledger::open`] returns the accounts for
//!    [`Quotas::restore`], and [`ledger::LedgerReader`] makes reports.
//!
//! Gateways that share quotas have a fourth part, the [`store`]: [`store::SharedStore::connect`]
//! once, after [`Quotas::restore`] and with the identities of [`ledger::Opened`]; its task spawned;
//! [`store::SharedStore::replace_quotas`] with each configuration; and [`Quotas::admit_shared`] in
//! place of [`Quotas::admit`], which costs nothing where there is no store.
//!
//! The time is an argument everywhere; only [`turn::TokioClock`] and the task of a store read a
//! clock. No function here waits but [`turn::Turns::turn`], [`turn::Turn::put_back`],
//! [`Quotas::admit_shared`] and, for the disk, those of [`ledger::Ledger`] that open, flush and read.
//!
//! Modules import in one direction: `rate` → `quota` → `window`, `amounts`, `allowance` → `limits` →
//! `grants` → `account`, `exceeded` → `entry` → `sharing` → `accounts`, `headers` → `admission` →
//! `quotas` → `store`. `ledger` knows `accounts`; `turn` knows none of them.

// The server for tests is that of the integration tests, which know this crate by its name.
#[cfg(test)]
extern crate self as stockade_usage;

mod account;
mod accounts;
mod admission;
mod allowance;
mod amounts;
mod entry;
mod exceeded;
mod grants;
pub mod headers;
pub mod ledger;
mod limits;
pub mod numbers;
mod quota;
mod quotas;
mod rate;
mod replica;
mod sharing;
pub mod store;
pub mod turn;
mod window;

pub use accounts::{AccountUsage, Accounts};
pub use admission::{Admission, Used};
pub use allowance::{Again, Allowance, LimitKind};
pub use amounts::{Amounts, Estimate, Wanted};
pub use exceeded::{Exceeded, NotAdmitted};
pub use headers::QuotaState;
pub use quota::{
    Budget, InvalidLimits, Limits, NeverReached, OnExceeded, OnStoreLoss, Per, Period, Quota,
    Resource, Subject,
};
pub use quotas::{Applicable, DuplicateQuota, Quotas};
pub use rate::Rate;
pub use replica::{InvalidReplicaId, ReplicaId};
pub use window::{Calendar, Window, Windows};
