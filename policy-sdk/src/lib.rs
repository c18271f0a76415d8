//! Write Stockade policies in Rust.
#![doc = ""]

#[doc(hidden)]
pub mod bindings;
mod builder;
mod harness;
mod log;
mod operation;
mod pattern;
mod patterns;
mod policy;
mod request;
mod runtime;
mod verdict;

pub use bindings::stockade::policy::log::Level;
pub use bindings::stockade::policy::types::{
    AccessClass, Client, Counter, Dialect, Limit, LimitedParameter, Model, ModelRole, Obligations,
    Parameters, Principal, ProofKind, Time, Transport, Usage, Verdict,
};
pub use builder::RequestBuilder;
pub use harness::Harness;
pub use operation::{Operation, UnknownOperation};
pub use pattern::{InvalidPattern, ModelPattern};
pub use patterns::ModelPatterns;
pub use policy::{Input, Policy, Problem};
pub use request::Request;
pub use schemars;
pub use serde;
pub use stockade_policy_sdk_macros::{policy, settings};

/// Everything that a policy usually needs: `use stockade_policy_sdk::prelude::*;`
pub mod prelude {
    pub use crate::{
        AccessClass, Harness, LimitedParameter, ModelPattern, ModelPatterns, Obligations,
        Operation, Policy, Problem, Request, Verdict, debug, error, info, policy, settings, trace,
        warn,
    };
}

/// What the macros expand to. Not for authors; changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::export_component;
    pub use crate::bindings::exports::stockade::policy::policy::Guest;
    pub use crate::bindings::stockade::policy::types::{Metadata, Problem, Request};
    pub use crate::log::write_fmt;
    pub use crate::runtime::{Bindings, describe};
}
