//! The vocabulary that every other crate of Stockade speaks.
//!
//! There is no I/O here, and nothing of HTTP or WebAssembly: a [`Principal`] asks for
//! an [`Operation`] on some models ([`ModelRef`]); the facts go to policies as a
//! [`PolicyInput`]; their [`Verdict`]s are combined by [`combine`] into a [`Permit`],
//! which is the only thing that can be forwarded, or into a [`Denial`].

mod catalogue;
mod causes;
mod clock;
mod content;
mod decision;
pub mod environment;
mod id;
mod input;
mod masked;
mod model;
mod operation;
mod pattern;
mod principal;
pub mod random;
pub mod record;
mod secret;
mod verdict;
mod visible;

pub use catalogue::{Catalogue, ModelFacts, Presence};
pub use causes::Causes;
pub use clock::{Clock, FixedClock, SystemClock, UnixTime};
pub use content::{Content, Prompt, Text};
pub use decision::{
    Allowed, Applied, BindingVerdict, Change, Changed, Denial, DenialCause, Outcome, Permit,
    Subject, allows, combine, permit_public,
};
pub use id::{BindingName, CredentialId, GroupName, InvalidId, PolicyName, QuotaName, UserId};
pub use input::{
    Client, Counter, LARGEST_MODULE, LocalTime, Parameters, PolicyInput, Transport, Usage, Windows,
};
pub use masked::{MASK, mask_keys};
pub use model::{InvalidModelName, ModelName, ModelRef, ModelRole};
pub use operation::{AccessClass, Dialect, Operation};
pub use pattern::ModelPattern;
pub use principal::{Principal, ProofKind};
pub use secret::Secret;
pub use stockade_names::InvalidPattern;
pub use verdict::{
    Conflict, DenialKind, Deny, FieldPath, FieldRule, InvalidFieldPath, Limit, LimitedParameter,
    Obligations, Priority, ToolSelector, Verdict,
};
pub use visible::{Excerpt, Quoted, is_invisible, visible};
