//! Quotas, a fair turn and the ledger.

mod quota;
mod rate;
mod window;

pub use quota::{
    Budget, InvalidLimits, Limits, NeverReached, OnExceeded, Per, Period, Quota, Resource, Subject,
};
pub use rate::Rate;
pub use window::{Calendar, Window, Windows};
