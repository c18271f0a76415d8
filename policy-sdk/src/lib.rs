//! The SDK for Stockade policies in Rust.
//!
//! Stockade stands in front of Ollama and asks policies what a caller may do. A policy is a
//! small WebAssembly component with one job: look at a [`Request`], answer with a
//! [`Verdict`]. It is a pure function, without clock, randomness, network or files, and every
//! decision starts from a fresh copy of its memory.
//!
//! # A policy
//!
//! ```
//! use stockade_policy_sdk::prelude::*;
//!
//! /// What an operator may write under `settings:` of a binding.
//! #[settings]
//! struct Settings {
//!     /// Models that may be used.
//!     allow: ModelPatterns,
//!     /// Most tokens in one answer.
//!     #[serde(default = "default_output")]
//!     output: i64,
//! }
//!
//! fn default_output() -> i64 {
//!     2048
//! }
//!
//! struct SmallAnswers {
//!     settings: Settings,
//! }
//!
//! #[policy]
//! impl Policy for SmallAnswers {
//!     type Settings = Settings;
//!
//!     fn new(settings: Settings) -> Result<Self, Problem> {
//!         if settings.output < 1 {
//!             return Err(Problem::at("output", "must be at least 1"));
//!         }
//!         Ok(Self { settings })
//!     }
//!
//!     fn evaluate(&self, request: &Request) -> Verdict {
//!         let known = matches!(request.operation(), Operation::Generate | Operation::Chat);
//!         let allowed = |model: &Model| self.settings.allow.matches(&model.name);
//!         if known && request.models().iter().all(allowed) {
//!             Obligations::new().cap_or_insert(LimitedParameter::Output, self.settings.output).into()
//!         } else {
//!             Verdict::abstain()
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Problem> {
//! let policy = Harness::<SmallAnswers>::new(r#"{ "allow": ["llama3.2:*"] }"#)?;
//! let request = Request::builder().operation(Operation::Chat).model("llama3.2:3b").build();
//! assert!(matches!(policy.evaluate(&request), Verdict::Allow(_)));
//! # Ok(())
//! # }
//! ```
//!
//! # Building
//!
//! `stockade policy new` makes a crate that has all of this, and `stockade policy build`
//! compiles it. By hand, the crate is a `cdylib` (and an `rlib`, so that its tests can use it):
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib", "rlib"]
//!
//! [dependencies]
//! stockade-policy-sdk = "0.1"
//!
//! [profile.release]
//! opt-level = "s"
//! lto = true
//! codegen-units = 1
//! strip = "debuginfo" # keep the names: a trap then says in which function
//! ```
//!
//! ```sh
//! RUSTFLAGS='-C link-arg=-zstack-size=16384' \
//!     cargo build --release --target wasm32-unknown-unknown
//! ```
//!
//! The small stack is worth its line: the host resets a policy's whole memory after every
//! decision, and Rust's default stack alone is one MiB. For the same reason
//! [`#[policy]`](macro@policy) brings an allocator, so that a policy names no
//! `#[global_allocator]`. The module that comes out can be
//! named in `policies:` as it is; the host makes a component of it.
//!
//! # Deciding
//!
//! Allow what you know and abstain from the rest. A request is forwarded if at least one
//! policy allows it and none denies it, so [`Verdict::abstain`] is the safe answer, and
//! [`Verdict::deny`] is for what no other policy shall allow. [`Verdict::restrict`] permits
//! nothing and has its [`Obligations`] met if another policy allows. In particular:
//!
//! - Declare in [`INPUTS`](Policy::INPUTS) what you read of the request; the rest is withheld.
//! - A request can name several models, each with a [role](ModelRole). Judge all of them.
//! - [`Operation::Other`] is something that Ollama learned after this SDK. Never allow it.
//! - A panic refuses the request; its message and line go to the operator's log.
//!
//! # Settings
//!
//! [`#[settings]`](macro@settings) refuses fields that it does not know and gives the host a
//! JSON Schema. Errors carry their place, such as `allow[2]`, and the operator sees those of
//! all bindings at once.
//!
//! Settings that operators write are read by types that say what is wrong with them:
//! [`ModelPatterns`] for models, [`Networks`] for addresses (`10.0.0.0/8`), [`Hours`] for spans of
//! hours, [`Duration`] (`5m`, `1h30m`) and [`Size`] (`20GiB`).
//!
//! # Testing
//!
//! [`Harness`] runs a policy natively and [`Request::builder`] describes requests, so
//! `cargo test` is all that it takes. What the policy logs with [`info!`] and its like goes
//! to standard error there.

#[doc(hidden)]
pub mod bindings;
mod builder;
mod duration;
mod harness;
mod heap;
mod hours;
mod input;
mod log;
mod networks;
mod operation;
mod pattern;
mod patterns;
mod policy;
mod request;
mod runtime;
mod size;
mod text_or_number;
mod verdict;

pub use bindings::stockade::policy::log::Level;
pub use bindings::stockade::policy::types::{
    AccessClass, Blob, Caller, Client, Counter, Credential, Denial, DenialKind, Dialect, FieldRule,
    Limit, LimitedParameter, Model, ModelFacts, ModelRole, Obligations, Parameters, Presence,
    Prompt, ProofKind, Text, Time, ToolSelector, Transport, Usage, Verdict, Windows,
};
pub use builder::RequestBuilder;
pub use duration::{Duration, InvalidDuration};
pub use harness::Harness;
pub use hours::{Day, Hours, TimeOfDay};
pub use input::Input;
pub use networks::{InvalidNetwork, Network, Networks};
pub use operation::{Operation, UnknownOperation};
pub use pattern::ModelPattern;
pub use patterns::ModelPatterns;
pub use policy::{FromSettings, Policy, Problem};
pub use request::Request;
pub use schemars;
pub use serde;
pub use size::{InvalidSize, Size};
pub use stockade_names::InvalidPattern;
pub use stockade_policy_sdk_macros::policy;
/// ```
/// use stockade_policy_sdk::prelude::*;
///
/// /// Who may do what.
/// #[settings]
/// struct Settings {
///     /// Models that may be used.
///     allow: ModelPatterns,
///     /// Most tokens in one answer.
///     #[serde(default = "default_output")]
///     output: i64,
///     #[serde(default)]
///     mode: Mode,
/// }
///
/// #[settings]
/// #[serde(rename_all = "kebab-case")]
/// #[derive(Default)]
/// enum Mode {
///     #[default]
///     ReadOnly,
///     Everything,
/// }
///
/// fn default_output() -> i64 {
///     1024
/// }
/// ```
pub use stockade_policy_sdk_macros::settings;

/// Everything that a policy usually needs: `use stockade_policy_sdk::prelude::*;`
pub mod prelude {
    pub use crate::{
        AccessClass, Day, Dialect, Duration, Harness, Hours, Input, LimitedParameter, Model,
        ModelFacts, ModelPattern, ModelPatterns, ModelRole, Networks, Obligations, Operation,
        Parameters, Policy, Presence, Problem, ProofKind, Request, Size, Transport, Verdict, debug,
        error, info, policy, settings, trace, warn,
    };
}

/// The items that the macros expand to. Not for authors; changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::export_component;
    pub use crate::bindings::exports::stockade::policy::policy::Guest;
    pub use crate::bindings::stockade::policy::types::{Answer, Metadata, Problem, Request};
    #[cfg(target_family = "wasm")]
    pub use crate::heap::Heap;
    pub use crate::log::write_fmt;
    pub use crate::runtime::{Bindings, describe};
}
