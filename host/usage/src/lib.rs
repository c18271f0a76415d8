//! Quotas, a fair turn and the ledger.

mod account;
mod accounts;
mod admission;
mod exceeded;
pub mod headers;
pub mod ledger;
mod quota;
mod quotas;
mod rate;
pub mod turn;
mod window;

pub use account::{Again, Allowance, Amounts, Estimate, LimitKind, Wanted};
pub use accounts::{AccountUsage, Accounts};
pub use admission::{Admission, Used};
pub use exceeded::{Exceeded, NotAdmitted};
pub use headers::QuotaState;
pub use quota::{
    Budget, InvalidLimits, Limits, NeverReached, OnExceeded, Per, Period, Quota, Resource, Subject,
};
pub use quotas::{Applicable, DuplicateQuota, Quotas};
pub use rate::Rate;
pub use window::{Calendar, Window, Windows};
